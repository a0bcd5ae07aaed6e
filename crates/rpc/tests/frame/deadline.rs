//! Deadlines.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bailiwick_proto::identity::v1::IssueTokenRequest;
use tonic::{Code, Request};

use crate::support::{EMPTY, ISSUE, Setup, raw, refused, script};

fn exceeded() -> (Code, String) {
    (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned())
}

#[tokio::test]
async fn a_handler_that_takes_longer_than_the_caller_allows_is_cut() {
    let dropped = Arc::new(Mutex::new(false));
    let flag = dropped.clone();
    let world = Setup::script(script(move |_| {
        struct Gone(Arc<Mutex<bool>>);
        impl Drop for Gone {
            fn drop(&mut self) {
                *self.0.lock().unwrap() = true;
            }
        }
        let gone = Gone(flag.clone());
        async move {
            let _gone = gone;
            std::future::pending().await
        }
    }))
    .start()
    .await;
    let status = raw(&world, ISSUE, &[("grpc-timeout", "600m")], EMPTY).await;
    assert_eq!(refused(Err(status)), exceeded());
    assert!(
        *dropped.lock().unwrap(),
        "the handler is gone when the answer is there"
    );
}

#[tokio::test]
async fn the_servers_own_limit_counts_where_the_caller_names_none_or_a_later_one() {
    let mut setup = Setup::script(script(|_| std::future::pending()));
    setup.config.max_deadline = Duration::from_millis(40).into();
    let world = setup.start().await;
    let began = Instant::now();
    assert_eq!(refused(world.anybody().await), exceeded());
    let mut request = Request::new(IssueTokenRequest::default());
    request
        .metadata_mut()
        .insert("grpc-timeout", "1H".parse().unwrap());
    assert_eq!(
        refused(world.client().issue_token(request).await.map(drop)),
        exceeded()
    );
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn the_handler_knows_until_when() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = seen.clone();
    let world = Setup::script(script(move |context| {
        keep.lock()
            .unwrap()
            .push(context.remaining(Duration::from_hours(1)));
        async { Ok(()) }
    }))
    .start()
    .await;
    world.anybody().await.unwrap();
    let mut request = Request::new(IssueTokenRequest::default());
    request
        .metadata_mut()
        .insert("grpc-timeout", "5S".parse().unwrap());
    world.client().issue_token(request).await.unwrap();
    let seen = seen.lock().unwrap().clone();
    let secs = |n| Duration::from_secs(n);
    assert!(seen[0] > secs(20) && seen[0] <= secs(30), "{seen:?}");
    assert!(seen[1] > secs(2) && seen[1] <= secs(5), "{seen:?}");
}
