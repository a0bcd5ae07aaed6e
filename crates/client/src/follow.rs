//! Follows the changes of a product or an account over the ends of streams.

use std::time::Duration;

use bailiwick_proto::authorization::v1::{WatchRequest, WatchResponse};
use tonic::{Code, Request, Status, Streaming};

use crate::{Client, Error};

/// The deadline of one stream; the next one goes on where it ended.
const LIFE: Duration = Duration::from_hours(1);
/// The pause after the first failure; it doubles with each further one.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Follows a product or an account: `WatchService.Watch` without an end.
///
/// What was answered counts as dealt with when the next answer is asked for. Keep [`Follow::cursor`] with
/// what was made of the changes: [`WatchRequest`] goes on with it after a restart.
#[derive(Debug)]
pub struct Follow {
    client: Client,
    request: WatchRequest,
    stream: Option<Streaming<WatchResponse>>,
    failures: u32,
}

impl Client {
    /// Follows what the request names, from its cursor on.
    #[must_use]
    pub fn follow(&self, request: WatchRequest) -> Follow {
        Follow {
            client: self.clone(),
            request,
            stream: None,
            failures: 0,
        }
    }
}

impl Follow {
    /// The cursor of the last answer.
    #[must_use]
    pub fn cursor(&self) -> &str {
        &self.request.cursor
    }
    /// Begins anew with the present state: after `CURSOR_REFUSED`.
    pub fn restart(&mut self) {
        self.request.cursor.clear();
        self.stream = None;
    }
    /// The next answer. It waits for one, and while no server answers.
    ///
    /// # Errors
    /// The caller may not follow (any more), its credentials are refused, the request is wrong, or its cursor
    /// is refused (reason `CURSOR_REFUSED`).
    pub async fn next(&mut self) -> Result<WatchResponse, Error> {
        loop {
            match self.read().await {
                Ok(Some(answer)) => {
                    self.failures = 0;
                    self.request.cursor.clone_from(&answer.cursor);
                    return Ok(answer);
                }
                Ok(None) => self.stream = None,
                Err(status) => {
                    self.stream = None;
                    // A token that expired while it served is renewed once.
                    let is_over = status.code() == Code::Unauthenticated && self.failures == 0;
                    if !is_over && !passes(status.code()) {
                        return Err(status.into());
                    }
                }
            }
            let pause = PAUSE.saturating_mul(1 << self.failures.min(16));
            self.failures = self.failures.saturating_add(1);
            tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
        }
    }
    async fn read(&mut self) -> Result<Option<WatchResponse>, Status> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let mut request = Request::new(self.request.clone());
                request.set_timeout(LIFE);
                let opened = self.client.authorization().watch().watch(request).await?;
                none.insert(opened.into_inner())
            }
        };
        stream.message().await
    }
}

/// Whether the next attempt may succeed.
fn passes(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Unknown
            | Code::ResourceExhausted
    )
}
