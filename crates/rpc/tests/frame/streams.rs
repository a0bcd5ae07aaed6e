//! Answers that are streams.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bailiwick_proto::events::v1::{
    FollowRequest, FollowResponse, change_feed_service_client::ChangeFeedServiceClient,
};
use bailiwick_rpc::metrics;
use bailiwick_testkit::eventually;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status};

use crate::support::{Feed, Setup, World, bearer, reason};

type Sender = mpsc::Sender<Result<FollowResponse, Status>>;

async fn fed(change: impl FnOnce(&mut Setup)) -> (World, Arc<Mutex<Option<Sender>>>) {
    let sender = Arc::new(Mutex::new(None));
    let keep = sender.clone();
    let feed: Feed = Arc::new(move || {
        let (send, receive) = mpsc::channel(4);
        *keep.lock().unwrap() = Some(send);
        ReceiverStream::new(receive).boxed()
    });
    let mut setup = Setup {
        feed,
        ..Setup::default()
    };
    change(&mut setup);
    (setup.start().await, sender)
}

fn request(world: &World) -> Request<FollowRequest> {
    let mut request = Request::new(FollowRequest::default());
    let token = bearer(&world.peer_token());
    request.metadata_mut().insert("authorization", token);
    request
}

#[tokio::test]
async fn a_stream_may_be_longer_than_the_servers_limit_but_not_than_its_callers_deadline() {
    let (world, sender) = fed(|s| s.config.max_deadline = Duration::from_millis(600).into()).await;
    let mut client = ChangeFeedServiceClient::new(world.inside.clone());
    let mut stream = client.follow(request(&world)).await.unwrap().into_inner();
    tokio::time::sleep(Duration::from_millis(900)).await;
    let send = sender.lock().unwrap().take().unwrap();
    send.send(Ok(FollowResponse {
        head: 7,
        ..FollowResponse::default()
    }))
    .await
    .unwrap();
    assert_eq!(stream.message().await.unwrap().unwrap().head, 7);

    let mut short = request(&world);
    short
        .metadata_mut()
        .insert("grpc-timeout", "800m".parse().unwrap());
    let mut stream = client.follow(short).await.unwrap().into_inner();
    let status = stream.message().await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::DeadlineExceeded, "DEADLINE_EXCEEDED")
    );
    drop(send);
}

#[tokio::test]
async fn a_stream_is_under_way_until_it_ended_and_one_that_is_dropped_counts_as_cancelled() {
    let (world, _sender) = fed(|s| s.config.max_in_flight = 1).await;
    let mut client = ChangeFeedServiceClient::new(world.inside.clone());
    let stream = client.follow(request(&world)).await.unwrap().into_inner();
    let again = || world.peer_token();
    let refused = world.keys_inside(Some(&again())).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    world
        .anybody()
        .await
        .expect("calls from outside have places of their own");
    drop(stream);
    let patience = Duration::from_secs(30);
    eventually("the place is free", patience, async || {
        world.keys_inside(Some(&again())).await.is_ok()
    })
    .await;
    let line = r#"rpc_grpc_status_code="1",rpc_method="Follow""#;
    assert!(metrics::text().contains(line));
}

#[tokio::test]
async fn a_stream_that_panics_ends_with_an_internal_error() {
    let feed: Feed = Arc::new(|| {
        futures_util::stream::iter(0..2)
            .map(|n| match n {
                0 => Ok(FollowResponse::default()),
                _ => panic!("the feed broke"),
            })
            .boxed()
    });
    let setup = Setup {
        feed,
        ..Setup::default()
    };
    let world = setup.start().await;
    let mut client = ChangeFeedServiceClient::new(world.inside.clone());
    let mut stream = client.follow(request(&world)).await.unwrap().into_inner();
    // What came before the panic may still stand in the server's buffer.
    let status = loop {
        if let Err(status) = stream.message().await.map(Option::unwrap) {
            break status;
        }
    };
    assert_eq!(
        (status.code(), status.message()),
        (Code::Internal, "internal error")
    );
}
