//! Panic, request id, trace, metrics, access log, load shedding, deadline, authentication: each is outside of
//! the next.

use std::{sync::Arc, time::Duration};

use bailiwick_proto::identity::v1::{IntrospectRequest, IssueTokenRequest};
use bailiwick_rpc::metrics;
use bailiwick_testkit::eventually;
use tokio::sync::Semaphore;
use tonic::{Code, Request};

use crate::support::{EMPTY, INTROSPECT, Mood, Setup, bearer, raw, reason, refused, script};

fn with<T>(message: T, headers: &[(&'static str, &str)]) -> Request<T> {
    let mut request = Request::new(message);
    for (name, value) in headers {
        request.metadata_mut().insert(*name, value.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn authentication_is_inside_of_the_deadline() {
    let world = Setup::default().start().await;
    *world.keys.mood.lock().unwrap() = Mood::Hangs;
    let token = format!("Bearer {}", world.token());
    let headers = |timeout| [("authorization", token.as_str()), ("grpc-timeout", timeout)];
    let status = raw(&world, INTROSPECT, &headers("50m"), EMPTY).await;
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::DeadlineExceeded, "DEADLINE_EXCEEDED")
    );
    // One that is over when it arrives is not even looked at.
    let asked = world.keys.asked.load(std::sync::atomic::Ordering::SeqCst);
    let status = raw(&world, INTROSPECT, &headers("0n"), EMPTY).await;
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(world.keys.asked.load(std::sync::atomic::Ordering::SeqCst), asked);
}

#[tokio::test]
async fn the_deadline_is_inside_of_load_shedding_and_that_inside_of_the_request_id_and_metrics() {
    let gate = Arc::new(Semaphore::new(0));
    let inside = Arc::new(Semaphore::new(0));
    let (gate2, inside2) = (gate.clone(), inside.clone());
    let mut setup = Setup::script(script(move |_| {
        let (gate, inside) = (gate2.clone(), inside2.clone());
        async move {
            inside.add_permits(1);
            gate.acquire().await.unwrap().forget();
            Ok(())
        }
    }));
    setup.config.max_in_flight = 1;
    let world = Arc::new(setup.start().await);
    let first = tokio::spawn({
        let world = world.clone();
        async move { world.anybody().await }
    });
    inside.acquire().await.unwrap().forget();

    // Over its deadline and with false credentials, but told that there are too many calls.
    let headers = [
        ("authorization", "Bearer rubbish"),
        ("grpc-timeout", "0n"),
        ("x-request-id", "order-1"),
    ];
    let status = raw(&world, INTROSPECT, &headers, EMPTY).await;
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::ResourceExhausted, "OVERLOADED")
    );
    assert_eq!(status.metadata().get("x-request-id").unwrap(), "order-1");
    let line = r#"rpc_server_duration_milliseconds_count{rpc_grpc_status_code="8",rpc_method="Introspect",rpc_service="bailiwick.identity.v1.TokenService"}"#;
    eventually(
        "the refused call is counted",
        Duration::from_secs(30),
        async || metrics::text().contains(line),
    )
    .await;
    gate.add_permits(1);
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_panic_in_authentication_is_caught_outside_with_request_id_and_metrics() {
    let world = Setup::default().start().await;
    *world.keys.mood.lock().unwrap() = Mood::Panics;
    let mut request = with(IntrospectRequest::default(), &[("x-request-id", "order-2")]);
    request
        .metadata_mut()
        .insert("authorization", bearer(&world.token()));
    let status = world.client().introspect(request).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Internal, "internal error")
    );
    assert_eq!(status.metadata().get("x-request-id").unwrap(), "order-2");
    let line = r#"rpc_grpc_status_code="13",rpc_method="Introspect""#;
    assert!(metrics::text().contains(line), "{}", metrics::text());
    // And the place among the calls under way is free again.
    assert_eq!(world.anybody().await.map_err(|s| s.code()), Ok(()));
}

#[tokio::test]
async fn every_answer_carries_a_request_id_and_a_given_one_comes_back() {
    let world = Setup::default().start().await;
    let response = world
        .client()
        .issue_token(IssueTokenRequest::default())
        .await
        .unwrap();
    assert_eq!(
        response
            .metadata()
            .get("x-request-id")
            .unwrap()
            .as_encoded_bytes()
            .len(),
        32
    );
    let response = world
        .client()
        .issue_token(with(IssueTokenRequest::default(), &[("x-request-id", "mine-1")]))
        .await
        .unwrap();
    assert_eq!(response.metadata().get("x-request-id").unwrap(), "mine-1");
    let (code, _) = refused(world.introspect(None).await);
    assert_eq!(code, Code::Unauthenticated);
}
