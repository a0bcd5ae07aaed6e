//! The end of a server.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::support::{Script, Setup, channel, script};

/// A handler that waits, and the two ends of its wait.
fn waiting() -> (Script, Arc<Semaphore>, Arc<Semaphore>) {
    let (gate, inside) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (gate2, inside2) = (gate.clone(), inside.clone());
    let script = script(move |_| {
        let (gate, inside) = (gate2.clone(), inside2.clone());
        async move {
            inside.add_permits(1);
            gate.acquire().await.unwrap().forget();
            Ok(())
        }
    });
    (script, gate, inside)
}

#[tokio::test]
async fn a_call_under_way_ends_well_while_new_connections_are_refused() {
    let (script, gate, inside) = waiting();
    let world = Arc::new(Setup::script(script).start().await);
    let call = tokio::spawn({
        let world = world.clone();
        async move { world.anybody().await }
    });
    inside.acquire().await.unwrap().forget();
    let draining = tokio::spawn({
        let world = world.clone();
        async move { world.server.drain().await }
    });
    let address = world.server.addr;
    let patience = Duration::from_secs(30);
    bailiwick_testkit::eventually("the socket is closed", patience, async || {
        tokio::net::TcpStream::connect(address).await.is_err()
    })
    .await;
    assert!(!draining.is_finished(), "the drain waits for the call");
    gate.add_permits(1);
    call.await.unwrap().unwrap();
    draining.await.unwrap();
}

#[tokio::test]
async fn a_call_that_does_not_end_is_cut_when_the_grace_is_over() {
    let (script, _gate, inside) = waiting();
    let mut setup = Setup::script(script);
    setup.config.drain_grace = Duration::from_millis(100).into();
    let world = Arc::new(setup.start().await);
    let call = tokio::spawn({
        let world = world.clone();
        async move { world.anybody().await }
    });
    inside.acquire().await.unwrap().forget();
    let began = Instant::now();
    world.server.drain().await;
    assert!(began.elapsed() >= Duration::from_millis(100));
    assert!(began.elapsed() < Duration::from_secs(10));
    call.await.unwrap().unwrap_err();
}

#[tokio::test]
async fn health_says_so_before_anything_is_closed() {
    let mut setup = Setup::default();
    setup.config.drain_wait = Duration::from_secs(2).into();
    let world = Arc::new(setup.start().await);
    world.server.health().all_ready();
    let mut client = HealthClient::new(world.channel.clone());
    let ask = || HealthCheckRequest {
        service: String::new(),
    };
    let status = client.check(ask()).await.unwrap().into_inner().status();
    assert_eq!(status, ServingStatus::Serving);
    let mut watch = client.watch(ask()).await.unwrap().into_inner();
    assert_eq!(
        watch.message().await.unwrap().unwrap().status(),
        ServingStatus::Serving
    );
    let draining = tokio::spawn({
        let world = world.clone();
        async move { world.server.drain().await }
    });
    assert_eq!(
        watch.message().await.unwrap().unwrap().status(),
        ServingStatus::NotServing
    );
    // Load balancers have not noticed yet: calls on new connections still count.
    let mut late =
        bailiwick_proto::identity::v1::token_service_client::TokenServiceClient::new(channel(&world.server));
    late.issue_token(bailiwick_proto::identity::v1::IssueTokenRequest::default())
        .await
        .unwrap();
    drop(watch);
    draining.await.unwrap();
    assert_eq!(world.anybody().await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn an_old_connection_is_asked_to_end_when_its_calls_have_ended_and_its_client_makes_another() {
    let (gate, inside) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (gate2, inside2) = (gate.clone(), inside.clone());
    let ports = Arc::new(Mutex::new(BTreeSet::new()));
    let keep = ports.clone();
    let mut setup = Setup::script(script(move |context| {
        let (gate, inside) = (gate2.clone(), inside2.clone());
        keep.lock().unwrap().insert(context.peer.unwrap().port());
        async move {
            if context.request_id.as_str() == "long" {
                inside.add_permits(1);
                gate.acquire().await.unwrap().forget();
            }
            Ok(())
        }
    }));
    setup.config.max_connection_age = Duration::from_millis(50).into();
    let world = Arc::new(setup.start().await);
    let call = tokio::spawn({
        let world = world.clone();
        async move {
            let mut request = tonic::Request::new(Default::default());
            request
                .metadata_mut()
                .insert("x-request-id", "long".parse().unwrap());
            world.client().issue_token(request).await.map(drop)
        }
    });
    inside.acquire().await.unwrap().forget();
    // One that is sent at the very moment may be told to try again; the next takes another connection.
    let patience = Duration::from_secs(30);
    bailiwick_testkit::eventually("calls come by other connections", patience, async || {
        let _ = world.anybody().await;
        ports.lock().unwrap().len() >= 2
    })
    .await;
    gate.add_permits(1);
    call.await.unwrap().unwrap();
}
