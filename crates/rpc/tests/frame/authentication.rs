//! Credentials that count and credentials that do not.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use bailiwick_rpc::{AccessClaims, Context, VerificationKeys, token::TokenCodec};
use bailiwick_types::{CallerKind, Clock, Service, ServiceAccountId, Subject, Token};
use tonic::{Code, Request};

use crate::support::{
    Mood, PeerKeys, Setup, Signer, World, account, bearer, internal, jwks, refused, script, session,
    token_for, user,
};

type Seen = Arc<Mutex<Option<Context>>>;

async fn watched() -> (World, Seen) {
    let seen = Seen::default();
    let keep = seen.clone();
    let world = Setup::script(script(move |context| {
        *keep.lock().unwrap() = Some(context);
        async { Ok(()) }
    }))
    .start()
    .await;
    (world, seen)
}

fn invalid() -> (Code, String) {
    (Code::Unauthenticated, "CREDENTIALS_INVALID".to_owned())
}

#[tokio::test]
async fn a_user_is_known_by_a_good_token() {
    let (world, seen) = watched().await;
    world.introspect(Some(&world.token())).await.unwrap();
    let context = seen.lock().unwrap().take().unwrap();
    assert_eq!(context.caller.kind(), CallerKind::User);
    assert_eq!(context.caller.subject(), Some(&Subject::user(user(1))));
    assert_eq!(context.caller.account(), Some(account(1)));
    assert_eq!(context.caller.session(), Some(session(1)));
    assert_eq!(context.caller.expires().unwrap().seconds(), world.claims().exp);
    assert_eq!(
        context.method.path,
        "/bailiwick.identity.v1.TokenService/Introspect"
    );
    assert_eq!(context.peer.unwrap().ip().to_string(), "127.0.0.1");
}

#[tokio::test]
async fn a_service_account_is_known_by_a_token_without_session() {
    let (world, seen) = watched().await;
    let id = ServiceAccountId::from_uuid(uuid::Uuid::from_u128(9));
    let claims = AccessClaims {
        sub: format!("service:{id}"),
        sid: None,
        acct: None,
        ..world.claims()
    };
    world.introspect(Some(&world.signer.sign(&claims))).await.unwrap();
    let context = seen.lock().unwrap().take().unwrap();
    assert_eq!(
        (context.caller.kind(), context.caller.account()),
        (CallerKind::Service, None)
    );
    assert_eq!(context.caller.subject(), Some(&Subject::service(id)));
}

#[tokio::test]
async fn one_of_the_suites_own_services_is_known_by_its_key_on_the_internal_listener() {
    let (world, seen) = watched().await;
    world.keys_inside(Some(&world.peer_token())).await.unwrap();
    let context = seen.lock().unwrap().take().unwrap();
    assert_eq!(context.caller.kind(), CallerKind::Internal);
    assert_eq!(context.caller.subject().unwrap().as_str(), "service:tenancy");
    assert_eq!(context.caller.service(), Some(Service::Tenancy));
    assert_eq!(context.caller.audience(), Some(Service::Identity));
}

#[tokio::test]
async fn a_call_without_credentials_is_refused_but_where_anybody_may_call() {
    let (world, seen) = watched().await;
    let missing = (Code::Unauthenticated, "CREDENTIALS_MISSING".to_owned());
    assert_eq!(refused(world.introspect(None).await), missing);
    world.anybody().await.unwrap();
    assert_eq!(
        seen.lock().unwrap().take().unwrap().caller.kind(),
        CallerKind::Anonymous
    );
}

#[tokio::test]
async fn the_algorithm_is_the_keys_and_never_the_tokens() {
    let world = Setup::default().start().await;
    // A key of another algorithm under the id of the token.
    let other = Signer::ed25519("k1");
    *world.keys.keys.lock().unwrap() = VerificationKeys::from_jwks(&jwks(&[&other])).unwrap();
    assert_eq!(refused(world.introspect(Some(&world.token())).await), invalid());
    world
        .introspect(Some(&other.sign(&world.claims())))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_internal_token_of_another_key_or_time_is_refused() {
    let world = Setup::default().start().await;
    let other = internal(Service::Tenancy, &PeerKeys::new(), world.clock.clone());
    let other = token_for(&other, Service::Identity);
    assert_eq!(refused(world.keys_inside(Some(&other)).await), invalid());
    let (first, again) = (world.peer_token(), world.peer_token());
    assert_eq!(first, again, "it is made once");
    let elsewhere = token_for(&world.internal, Service::Authorization);
    assert_ne!(first, elsewhere, "each service gets its own");
    world.keys_inside(Some(&first)).await.unwrap();
    world.clock.advance(Duration::from_secs(301));
    assert_eq!(refused(world.keys_inside(Some(&first)).await), invalid());
    let anew = world.peer_token();
    assert_ne!(anew, first);
    world.keys_inside(Some(&anew)).await.unwrap();
}

#[tokio::test]
async fn a_verified_token_is_remembered_until_it_ends() {
    let world = Setup::default().start().await;
    let token = world.token();
    world.introspect(Some(&token)).await.unwrap();
    *world.keys.mood.lock().unwrap() = Mood::Away;
    let asked = world.keys.asked.load(Ordering::SeqCst);
    world.introspect(Some(&token)).await.unwrap();
    assert_eq!(world.keys.asked.load(Ordering::SeqCst), asked);
    world.clock.advance(Duration::from_mins(10));
    *world.keys.mood.lock().unwrap() = Mood::Answers;
    assert_eq!(refused(world.introspect(Some(&token)).await), invalid());
}

#[tokio::test]
async fn a_failure_is_not_remembered() {
    let world = Setup::default().start().await;
    let token = world.token();
    *world.keys.mood.lock().unwrap() = Mood::Away;
    let away = (Code::Unavailable, "DEPENDENCY_UNAVAILABLE".to_owned());
    assert_eq!(refused(world.introspect(Some(&token)).await), away);
    *world.keys.mood.lock().unwrap() = Mood::Answers;
    world.introspect(Some(&token)).await.unwrap();
}

#[tokio::test]
async fn a_process_that_waits_for_what_ended_is_told_when_tokens_are_accepted() {
    let (world, _) = watched().await;
    world.authenticator.await_revocations();
    let mut heard = std::pin::pin!(world.authenticator.heard_revocations());
    let early = tokio::time::timeout(Duration::ZERO, heard.as_mut()).await;
    assert!(early.is_err(), "nothing was heard yet");
    world.authenticator.revocations_arrive();
    heard.await;
    world.introspect(Some(&world.token())).await.unwrap();
}

#[tokio::test]
async fn an_ended_session_is_refused_at_once_and_stays_refused() {
    let world = Setup::default().start().await;
    let token = world.token();
    world.introspect(Some(&token)).await.unwrap();
    world.authenticator.forget_session(session(2));
    world.introspect(Some(&token)).await.unwrap();
    world.authenticator.forget_session(session(1));
    assert_eq!(refused(world.introspect(Some(&token)).await), invalid());
    let another_of_it = world.signer.sign(&AccessClaims {
        jti: "t2".to_owned(),
        ..world.claims()
    });
    assert_eq!(refused(world.introspect(Some(&another_of_it)).await), invalid());
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once_and_others_of_its_session_count() {
    let world = Setup::default().start().await;
    let token = world.token();
    let another = world.signer.sign(&AccessClaims {
        jti: "another".to_owned(),
        ..world.claims()
    });
    for token in [&token, &another] {
        world.introspect(Some(token)).await.unwrap();
    }
    world.authenticator.forget_token("another");
    for _ in 0..2 {
        assert_eq!(refused(world.introspect(Some(&another)).await), invalid());
        world.introspect(Some(&token)).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_subject_got_before_it_was_disabled_is_refused_and_what_it_gets_later_counts() {
    let world = Setup::default().start().await;
    let token = world.token();
    world.introspect(Some(&token)).await.unwrap();
    world.authenticator.forget_subject(&Subject::user(user(1)));
    assert_eq!(refused(world.introspect(Some(&token)).await), invalid());
    world.clock.advance(Duration::from_secs(2));
    world.introspect(Some(&world.token())).await.unwrap();
    assert_eq!(refused(world.introspect(Some(&token)).await), invalid());
}

#[tokio::test]
async fn whoever_shows_an_expired_token_to_a_method_for_anybody_counts_as_anybody() {
    let (world, seen) = watched().await;
    let token = world.token();
    world.clock.advance(Duration::from_hours(1));
    let mut request = Request::new(bailiwick_proto::identity::v1::IssueTokenRequest::default());
    request.metadata_mut().insert("authorization", bearer(&token));
    world.client().issue_token(request).await.unwrap();
    assert_eq!(
        seen.lock().unwrap().take().unwrap().caller.kind(),
        CallerKind::Anonymous
    );
}

#[tokio::test]
async fn the_consistency_token_of_the_header_reaches_the_handler() {
    let (world, seen) = watched().await;
    let mut wanted = Token::default();
    wanted.raise(
        Service::Tenancy,
        "epoch",
        bailiwick_types::ScopeRoot::Account(account(1)),
        7,
    );
    let call = |text: &str| {
        let mut request = Request::new(Default::default());
        request
            .metadata_mut()
            .insert("bailiwick-token", text.parse().unwrap());
        request
            .metadata_mut()
            .insert("authorization", bearer(&world.token()));
        request
    };
    world
        .client()
        .introspect(call(&TokenCodec::default().encode(&wanted)))
        .await
        .unwrap();
    assert_eq!(seen.lock().unwrap().take().unwrap().token, wanted);
    let unreadable = world.client().introspect(call("rubbish!")).await.map(drop);
    assert_eq!(
        refused(unreadable),
        (Code::InvalidArgument, "INVALID_TOKEN".to_owned())
    );
    // Credentials are looked at first.
    let mut request = call("rubbish!");
    request.metadata_mut().remove("authorization");
    let (code, _) = refused(world.client().introspect(request).await.map(drop));
    assert_eq!(code, Code::Unauthenticated);
    assert!(world.clock.now().seconds() > 0);
}

#[tokio::test]
async fn several_consistency_tokens_are_merged_and_the_answer_has_them_in_one() {
    let (world, seen) = watched().await;
    let codec = TokenCodec::default();
    let root = |n: u128| bailiwick_types::ScopeRoot::Account(account(n));
    let one = Token::of(Service::Tenancy, "t", root(1), 7);
    let two = Token::of(Service::Authorization, "a", root(1), 3);
    let call = |texts: &[&str]| {
        let mut request = Request::new(Default::default());
        for text in texts {
            let value = text.parse().unwrap();
            request.metadata_mut().append("bailiwick-token", value);
        }
        request
            .metadata_mut()
            .insert("authorization", bearer(&world.token()));
        request
    };
    let texts = [codec.encode(&one), codec.encode(&two)];
    let both = call(&[&texts[0], &texts[1]]);
    let answer = world.client().introspect(both).await.unwrap();
    let mut all = one.clone();
    all.merge(&two);
    assert_eq!(seen.lock().unwrap().take().unwrap().token, all);
    let merged = answer.metadata().get("bailiwick-token").unwrap();
    assert_eq!(codec.decode(merged.to_str().unwrap()), Ok(all));
    // One is the newest already.
    let answer = world.client().introspect(call(&[&texts[0]])).await.unwrap();
    assert!(answer.metadata().get("bailiwick-token").is_none());
    let wrong = world.client().introspect(call(&[&texts[0], "AgAA"])).await;
    assert_eq!(
        refused(wrong.map(drop)),
        (Code::InvalidArgument, "INVALID_TOKEN".to_owned())
    );
}
