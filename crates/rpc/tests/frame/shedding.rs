//! Load shedding.

use std::sync::Arc;

use bailiwick_rpc::Tasks;
use bailiwick_testkit::eventually;
use tokio::sync::Semaphore;
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::support::{Setup, refused, script};

#[tokio::test]
async fn calls_beyond_the_limit_are_refused_at_once_and_others_take_their_places_later() {
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
    setup.config.max_in_flight = 2;
    let world = Arc::new(setup.start().await);
    let calls: Vec<_> = (0..2)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { world.anybody().await })
        })
        .collect();
    inside.acquire_many(2).await.unwrap().forget();
    let overloaded = (Code::ResourceExhausted, "OVERLOADED".to_owned());
    assert_eq!(refused(world.anybody().await), overloaded);

    // Health answers also then.
    let mut health = HealthClient::new(world.channel.clone());
    let request = HealthCheckRequest {
        service: String::new(),
    };
    health.check(request).await.unwrap();

    gate.add_permits(2);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    gate.add_permits(1);
    world.anybody().await.unwrap();
}

#[tokio::test]
async fn a_call_that_its_caller_gave_up_gives_its_place_back() {
    let inside = Arc::new(Semaphore::new(0));
    let gone = Arc::new(Semaphore::new(0));
    let (inside2, gone2) = (inside.clone(), gone.clone());
    let mut setup = Setup::script(script(move |context| {
        struct Gone(Arc<Semaphore>);
        impl Drop for Gone {
            fn drop(&mut self) {
                self.0.add_permits(1);
            }
        }
        let (inside, gone) = (inside2.clone(), Gone(gone2.clone()));
        async move {
            if context.request_id.as_str() == "waits" {
                inside.add_permits(1);
                let _gone = gone;
                std::future::pending::<()>().await;
            }
            Ok(())
        }
    }));
    setup.config.max_in_flight = 1;
    let world = Arc::new(setup.start().await);
    let waiting = tokio::spawn({
        let world = world.clone();
        async move {
            let mut request =
                tonic::Request::new(bailiwick_proto::identity::v1::IssueTokenRequest::default());
            request
                .metadata_mut()
                .insert("x-request-id", "waits".parse().unwrap());
            world.client().issue_token(request).await.map(drop)
        }
    });
    inside.acquire().await.unwrap().forget();
    waiting.abort();
    gone.acquire().await.unwrap().forget();
    // The handler is dropped before its place is given back, both in one go.
    let patience = std::time::Duration::from_secs(30);
    eventually("the place is free", patience, async || {
        world.anybody().await.is_ok()
    })
    .await;
    let cancelled = r#"rpc_grpc_status_code="1",rpc_method="IssueToken""#;
    assert!(bailiwick_rpc::metrics::text().contains(cancelled));
}

#[tokio::test]
async fn a_write_that_goes_on_without_its_caller_keeps_its_place() {
    let gate = Arc::new(Semaphore::new(0));
    let inside = Arc::new(Semaphore::new(0));
    let (gate2, inside2) = (gate.clone(), inside.clone());
    let tasks = Tasks::default();
    let mut setup = Setup::script(script(move |_| {
        let (gate, inside, tasks) = (gate2.clone(), inside2.clone(), tasks.clone());
        async move {
            let work = async move {
                inside.add_permits(1);
                gate.acquire().await.unwrap().forget();
                Ok(())
            };
            tasks.run(work).await
        }
    }));
    setup.config.max_in_flight = 1;
    let world = Arc::new(setup.start().await);
    let waiting = tokio::spawn({
        let world = world.clone();
        async move { world.anybody().await }
    });
    inside.acquire().await.unwrap().forget();
    waiting.abort();
    let cancelled = || {
        let text = bailiwick_rpc::metrics::text();
        let line = r#"rpc_grpc_status_code="1",rpc_method="IssueToken""#;
        text.lines().any(|l| l.contains(line) && l.contains("_count"))
    };
    let patience = std::time::Duration::from_secs(30);
    eventually(
        "the server knows that the caller has gone",
        patience,
        async || cancelled(),
    )
    .await;
    let overloaded = (Code::ResourceExhausted, "OVERLOADED".to_owned());
    for _ in 0..20 {
        assert_eq!(
            refused(world.anybody().await),
            overloaded,
            "the write is still at work"
        );
    }
    gate.add_permits(2);
    eventually("the place is free", patience, async || {
        world.anybody().await.is_ok()
    })
    .await;
}
