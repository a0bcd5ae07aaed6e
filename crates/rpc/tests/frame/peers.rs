//! Calls to peers.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bailiwick_proto::identity::v1::{GetJwksRequest, token_service_client::TokenServiceClient};
use bailiwick_rpc::{
    ClientFactory, Context, InternalConfig, InternalIdentity, IntoStatus, KeySource, Peer, PeerConfig,
    PeerError, RemoteJwks, ServiceKeyFiles, ServiceKeyPair, ServiceKeys,
};
use bailiwick_types::{CallerKind, Clock, Fault, Reason, Service};
use tonic::{Code, Request};

use crate::support::{PeerKeys, Setup, World, internal, reason, refused, script};

fn peer_at(address: &str, keys: &PeerKeys, clock: Arc<dyn Clock>) -> Peer {
    let identity = internal(Service::Authorization, keys, clock);
    ClientFactory::new(identity, PeerConfig::default())
        .peer(Service::Identity, address)
        .unwrap()
}

fn inside(world: &World) -> String {
    format!("http://{}", world.server.internal_addr.unwrap())
}

fn peer(world: &World) -> Peer {
    peer_at(&inside(world), &world.service_keys, world.clock.clone())
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
            let answer = client.get_jwks(GetJwksRequest {}).await;
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
    let mut client = TokenServiceClient::new(peer_at(&gone, &world.service_keys, world.clock.clone()));
    let error = PeerError::from(client.get_jwks(GetJwksRequest {}).await.unwrap_err());
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
    let (address, to) = (first.server.internal_addr, peer(&first));
    let mut client = TokenServiceClient::new(to);
    client.get_jwks(GetJwksRequest {}).await.unwrap();
    first.server.drain().await;
    let error = PeerError::from(client.get_jwks(GetJwksRequest {}).await.unwrap_err());
    assert!(matches!(error, PeerError::Unavailable { .. }), "{error:?}");
    let mut setup = Setup {
        service_keys: first.service_keys.clone(),
        ..Setup::default()
    };
    setup.config.internal_listen = address;
    let _second = setup.start().await;
    client.get_jwks(GetJwksRequest {}).await.unwrap();
}

#[tokio::test]
async fn a_peer_that_does_not_answer_does_not_keep_a_call_beyond_its_deadline() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let world = Setup::default().start().await;
    let mut client = TokenServiceClient::new(peer_at(&address, &world.service_keys, world.clock.clone()));
    let mut request = Request::new(GetJwksRequest {});
    request
        .metadata_mut()
        .insert("grpc-timeout", "50m".parse().unwrap());
    let error = PeerError::from(client.get_jwks(request).await.unwrap_err());
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
    let error = PeerError::from(client.get_jwks(GetJwksRequest {}).await.unwrap_err());
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
        GetJwksResponse, IntrospectRequest, IntrospectResponse, IssueTokenRequest, IssueTokenResponse,
        RevokeTokenRequest, RevokeTokenResponse,
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
        async fn revoke_token(
            &self,
            r: Request<RevokeTokenRequest>,
        ) -> Result<Response<RevokeTokenResponse>, Status> {
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

    let remote = RemoteJwks::new(peer_at(&address, &PeerKeys::new(), clock.clone()), clock.clone());
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
    let identity = internal(Service::Authorization, &world.service_keys, world.clock.clone());
    let peer = ClientFactory::new(identity, config)
        .peer(Service::Identity, &inside(&world))
        .unwrap();
    let mut feed = ChangeFeedServiceClient::new(peer.clone());
    let mut stream = feed.follow(FollowRequest::default()).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    let mut client = TokenServiceClient::new(peer);
    let error = PeerError::from(client.get_jwks(GetJwksRequest {}).await.unwrap_err());
    assert_eq!(error, PeerError::DeadlineExceeded);
}

/// The keys of a process that runs one service, in a folder with those of the others.
fn keys_of(service: Service, folder: &std::path::Path) -> Arc<ServiceKeys> {
    let of = |name: &str| ServiceKeyFiles {
        key_file: (service.as_str() == name).then(|| folder.join(format!("{name}.key"))),
        public_keys_file: Some(folder.join(format!("{name}.pub"))),
    };
    let config = InternalConfig {
        identity: of("identity"),
        tenancy: of("tenancy"),
        authorization: of("authorization"),
    };
    ServiceKeys::new(&config, &[service]).unwrap()
}

#[tokio::test]
async fn a_call_that_cannot_be_signed_is_not_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let keys = PeerKeys::new();
    let clock = Arc::new(bailiwick_testkit::ManualClock::default());
    // A process of tenancy has no key of identity.
    let keys = keys_of(Service::Tenancy, keys.folder.path());
    let identity = Arc::new(InternalIdentity::new(Service::Identity, keys, clock));
    let peer = ClientFactory::new(identity, PeerConfig::default())
        .peer(Service::Authorization, &address)
        .unwrap();
    let mut client = TokenServiceClient::new(peer);
    let status = client.get_jwks(GetJwksRequest {}).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    // A lazy channel connects when it has something to send.
    let connected = futures_util::FutureExt::now_or_never(listener.accept());
    assert!(connected.is_none(), "nothing was sent");
}

#[tokio::test]
async fn a_peer_is_reached_with_credentials_that_it_accepts_and_says_why_it_is_not() {
    let world = Setup::default().start().await;
    assert_eq!(peer(&world).reach().await, Ok(()));
    let wrong = peer_at(&inside(&world), &PeerKeys::new(), world.clock.clone());
    let why = wrong.reach().await.unwrap_err();
    assert!(why.contains("refuses the credentials of authorization"), "{why}");
    // This server is identity: a token for another service is none for it.
    let identity = internal(Service::Authorization, &world.service_keys, world.clock.clone());
    let elsewhere = ClientFactory::new(identity, PeerConfig::default())
        .peer(Service::Tenancy, &inside(&world))
        .unwrap();
    let why = elsewhere.reach().await.unwrap_err();
    assert!(why.contains("another service is at that address"), "{why}");
}

#[tokio::test]
async fn a_key_is_rotated_without_a_restart_and_a_withdrawn_one_counts_no_more() {
    let world = Setup::default().start().await;
    let folder = world.service_keys.folder.path();
    let (key, public) = (folder.join("tenancy.key"), folder.join("tenancy.pub"));
    let keys = world.service_keys.keys.clone();
    let following = keys.clone();
    let following = tokio::spawn(async move { following.follow().await });
    let old = world.peer_token();
    world.keys_inside(Some(&old)).await.unwrap();

    // First the others learn the new key, then it signs, then they forget the old one.
    let new = ServiceKeyPair::generate().unwrap();
    let before = std::fs::read_to_string(&public).unwrap();
    std::fs::write(&public, before + &new.public_pem()).unwrap();
    std::fs::write(&key, new.private_pem().expose()).unwrap();
    keys.reload();
    let patience = Duration::from_secs(30);
    bailiwick_testkit::eventually("the new key signs", patience, async || world.peer_token() != old).await;
    world.keys_inside(Some(&world.peer_token())).await.unwrap();
    world.keys_inside(Some(&old)).await.unwrap();
    std::fs::write(&public, new.public_pem()).unwrap();
    keys.reload();
    bailiwick_testkit::eventually("the old key counts no more", patience, async || {
        world.keys_inside(Some(&old)).await.is_err()
    })
    .await;
    world.keys_inside(Some(&world.peer_token())).await.unwrap();
    following.abort();
}
