//! Calls to peers.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bailiwick_proto::identity::v1::{IntrospectRequest, token_service_client::TokenServiceClient};
use bailiwick_rpc::{ClientFactory, Context, IntoStatus, KeySource, Peer, PeerConfig, PeerError, RemoteJwks};
use bailiwick_types::{CallerKind, Clock, Fault, Reason, Service};
use tonic::{Code, Request};

use crate::support::{INTERNAL_KEY, Setup, World, internal, reason, refused, script};

fn peer_at(address: &str, clock: Arc<dyn Clock>) -> Peer {
    let identity = internal(Service::Authorization, INTERNAL_KEY, clock);
    ClientFactory::new(identity, PeerConfig::default())
        .peer(address)
        .unwrap()
}

fn peer(world: &World) -> Peer {
    peer_at(&format!("http://{}", world.server.addr), world.clock.clone())
}

#[tokio::test]
async fn a_peer_knows_who_calls_and_for_which_request_until_when() {
    let seen: Arc<Mutex<Option<Context>>> = Arc::default();
    let keep = seen.clone();
    let behind = Setup::script(script(move |context| {
        *keep.lock().unwrap() = Some(context);
        async { Ok(()) }
    }))
    .start()
    .await;
    let to = peer(&behind);
    let front = Setup::script(script(move |_| {
        let mut client = TokenServiceClient::new(to.clone());
        async move {
            let answer = client.introspect(IntrospectRequest {}).await;
            answer
                .map(drop)
                .map_err(|status| PeerError::from(status).into_status())
        }
    }))
    .start()
    .await;
    let mut request = Request::new(bailiwick_proto::identity::v1::IssueTokenRequest::default());
    request
        .metadata_mut()
        .insert("x-request-id", "through-both".parse().unwrap());
    request
        .metadata_mut()
        .insert("grpc-timeout", "2S".parse().unwrap());
    front.client().issue_token(request).await.unwrap();
    let context = seen.lock().unwrap().take().unwrap();
    assert_eq!(context.caller.kind(), CallerKind::Internal);
    assert_eq!(
        context.caller.subject().unwrap().as_str(),
        "service:authorization"
    );
    assert_eq!(context.request_id.as_str(), "through-both");
    assert!(context.remaining(Duration::from_mins(1)) <= Duration::from_secs(2));
}

#[tokio::test]
async fn a_peer_that_is_away_makes_the_call_unavailable_with_a_time_to_try_again() {
    let world = Setup::default().start().await;
    let gone = format!("http://127.0.0.1:{}", bailiwick_testkit::free_port().unwrap());
    let mut client = TokenServiceClient::new(peer_at(&gone, world.clock.clone()));
    let error = PeerError::from(client.introspect(IntrospectRequest {}).await.unwrap_err());
    assert!(matches!(error, PeerError::Unavailable { .. }), "{error:?}");
    assert!(error.retry_after().is_some());
    let status = error.into_status();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Unavailable, "DEPENDENCY_UNAVAILABLE")
    );
}

#[tokio::test]
async fn a_peer_that_comes_back_is_used_again_without_anybody_doing_anything() {
    let first = Setup::default().start().await;
    let (address, to) = (first.server.addr, peer(&first));
    let mut client = TokenServiceClient::new(to);
    client.introspect(IntrospectRequest {}).await.unwrap();
    first.server.drain().await;
    let error = PeerError::from(client.introspect(IntrospectRequest {}).await.unwrap_err());
    assert!(matches!(error, PeerError::Unavailable { .. }), "{error:?}");
    let mut setup = Setup::default();
    setup.config.listen = address;
    let _second = setup.start().await;
    client.introspect(IntrospectRequest {}).await.unwrap();
}

#[tokio::test]
async fn a_peer_that_does_not_answer_does_not_keep_a_call_beyond_its_deadline() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let world = Setup::default().start().await;
    let mut client = TokenServiceClient::new(peer_at(&address, world.clock.clone()));
    let mut request = Request::new(IntrospectRequest {});
    request
        .metadata_mut()
        .insert("grpc-timeout", "50m".parse().unwrap());
    let error = PeerError::from(client.introspect(request).await.unwrap_err());
    assert_eq!(error, PeerError::DeadlineExceeded);
    drop(listener);
}

#[tokio::test]
async fn a_refusal_of_a_peer_keeps_its_reason_for_whoever_expects_it_and_is_ours_for_everybody_else() {
    let behind = Setup::script(script(|_| async {
        Err(bailiwick_types::Violations::of("x", "is odd").into_status())
    }));
    let behind = behind.start().await;
    let mut client = TokenServiceClient::new(peer(&behind));
    let error = PeerError::from(client.introspect(IntrospectRequest {}).await.unwrap_err());
    let PeerError::Refused { code, reason, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (*code, *reason),
        (Code::InvalidArgument, Some(Reason::InvalidField))
    );
    assert_eq!(
        refused(Err(error.into_status())),
        (Code::Internal, "INTERNAL".to_owned())
    );
}

#[tokio::test]
async fn keys_of_a_peer_are_asked_for_again_when_an_unknown_one_is_wanted_but_not_all_the_time() {
    use bailiwick_proto::identity::v1::{
        GetJwksRequest, GetJwksResponse, IntrospectResponse, IssueTokenRequest, IssueTokenResponse,
        token_service_server::{TokenService, TokenServiceServer},
    };
    use tonic::{Response, Status};

    use crate::support::{Signer, jwks};

    #[derive(Clone, Default)]
    struct Keys(Arc<Mutex<(usize, String, bool)>>);
    #[tonic::async_trait]
    impl TokenService for Keys {
        async fn get_jwks(&self, _: Request<GetJwksRequest>) -> Result<Response<GetJwksResponse>, Status> {
            let mut state = self.0.lock().unwrap();
            if state.2 {
                return Err(Status::unavailable("away"));
            }
            state.0 += 1;
            Ok(Response::new(GetJwksResponse {
                jwks: state.1.clone(),
            }))
        }
        async fn issue_token(
            &self,
            r: Request<IssueTokenRequest>,
        ) -> Result<Response<IssueTokenResponse>, Status> {
            Err(bailiwick_rpc::later(&r))
        }
        async fn introspect(
            &self,
            r: Request<IntrospectRequest>,
        ) -> Result<Response<IntrospectResponse>, Status> {
            Err(bailiwick_rpc::later(&r))
        }
    }

    let clock = Arc::new(bailiwick_testkit::ManualClock::default());
    let (old, new) = (Signer::es256("old"), Signer::ed25519("new"));
    let keys = Keys::default();
    keys.0.lock().unwrap().1 = jwks(&[&old]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let serving = tonic::transport::Server::builder()
        .add_service(TokenServiceServer::new(keys.clone()))
        .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener));
    tokio::spawn(serving);

    let remote = RemoteJwks::new(peer_at(&address, clock.clone()), clock.clone());
    assert!(remote.key("old").await.unwrap().is_some());
    assert!(remote.key("old").await.unwrap().is_some());
    for _ in 0..3 {
        assert!(remote.key("new").await.unwrap().is_none());
    }
    assert_eq!(keys.0.lock().unwrap().0, 1);
    keys.0.lock().unwrap().1 = jwks(&[&old, &new]);
    clock.advance(Duration::from_secs(6));
    assert!(remote.key("new").await.unwrap().is_some());
    assert_eq!(keys.0.lock().unwrap().0, 2);

    // Withdrawn: gone after a while.
    keys.0.lock().unwrap().1 = jwks(&[&new]);
    assert!(remote.key("old").await.unwrap().is_some());
    clock.advance(Duration::from_secs(601));
    assert!(remote.key("old").await.unwrap().is_none());
    // And with nobody to ask, those that are there still count.
    keys.0.lock().unwrap().2 = true;
    clock.advance(Duration::from_secs(601));
    assert!(remote.key("new").await.unwrap().is_some());
    assert!(remote.key("third").await.is_err());
}

#[tokio::test]
async fn the_limit_of_a_peer_counts_until_its_answer_begins_and_cuts_no_feed() {
    use bailiwick_proto::events::v1::{
        FollowRequest, FollowResponse, change_feed_service_client::ChangeFeedServiceClient,
    };
    use futures_util::StreamExt;

    let setup = Setup {
        script: script(|_| std::future::pending()),
        feed: Arc::new(|| {
            let late = async {
                tokio::time::sleep(Duration::from_millis(1500)).await;
                Ok(FollowResponse::default())
            };
            futures_util::stream::once(late).boxed()
        }),
        ..Setup::default()
    };
    let world = setup.start().await;
    let config = PeerConfig {
        deadline: Duration::from_millis(700).into(),
        ..PeerConfig::default()
    };
    let identity = internal(Service::Authorization, INTERNAL_KEY, world.clock.clone());
    let address = format!("http://{}", world.server.addr);
    let peer = ClientFactory::new(identity, config).peer(&address).unwrap();
    let mut feed = ChangeFeedServiceClient::new(peer.clone());
    let mut stream = feed.follow(FollowRequest::default()).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    let mut client = TokenServiceClient::new(peer);
    let error = PeerError::from(client.introspect(IntrospectRequest {}).await.unwrap_err());
    assert_eq!(error, PeerError::DeadlineExceeded);
}
