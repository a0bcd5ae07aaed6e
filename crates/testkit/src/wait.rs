//! Waiting for what happens by itself.

use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(5);

/// Waits until the predicate holds.
///
/// # Panics
/// It does not hold in time; the message names what was waited for.
pub async fn eventually(what: &str, within: Duration, mut predicate: impl AsyncFnMut() -> bool) {
    eventually_some(what, within, async || predicate().await.then_some(())).await;
}

/// Waits until there is a value and returns it.
///
/// # Panics
/// There is none in time; the message names what was waited for.
pub async fn eventually_some<T>(
    what: &str,
    within: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(start.elapsed() <= within, "waited {within:?} in vain for: {what}");
        tokio::time::sleep(STEP).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_value_that_appears_is_returned() {
        let mut tries = 0;
        let got = eventually_some("the third try", Duration::from_secs(5), async || {
            tries += 1;
            (tries == 3).then_some(tries)
        })
        .await;
        assert_eq!(got, 3);
    }

    #[tokio::test]
    #[should_panic(expected = "in vain for: the impossible")]
    async fn waiting_in_vain_fails_and_says_for_what() {
        eventually("the impossible", Duration::from_millis(10), async || false).await;
    }
}
