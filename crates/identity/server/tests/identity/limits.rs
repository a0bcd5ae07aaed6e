//! The limits of sign-in, over the wire.

use bailiwick_proto::identity::v1 as pb;
use bailiwick_rpc::ServerConfig;
use tokio::task::JoinSet;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::support::{Bed, PASSWORD, Suite, access, bearer, on_both_engines, refused};

on_both_engines! {
    a_thousand_guesses_at_once_are_counted_one_by_one
    the_owner_signs_in_at_a_known_device_while_strangers_guess
    a_user_is_locked_for_devices_that_are_not_known
}

async fn attempt(
    suite: &Suite,
    email: &str,
    password: &str,
    device: &str,
    forwarded: Option<&str>,
) -> Result<pb::SignInResponse, Status> {
    let message = pb::SignInRequest {
        email: email.to_owned(),
        password: password.to_owned(),
        device_token: device.to_owned(),
        ..Default::default()
    };
    let mut request = Request::new(message);
    if let Some(forwarded) = forwarded {
        let value = forwarded.parse().unwrap();
        request.metadata_mut().insert("x-forwarded-for", value);
    }
    Ok(suite.authentication().sign_in(request).await?.into_inner())
}

/// A suite that believes the proxy at 127.0.0.1.
async fn behind_a_proxy(bed: Bed) -> Suite {
    let server = ServerConfig {
        trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
        ..ServerConfig::default()
    };
    Suite::start_with(bed, server, "root@example.com", PASSWORD).await
}

/// What a caller sees of a refusal.
fn seen(status: &Status) -> (Code, String, Vec<u8>) {
    (status.code(), status.message().to_owned(), {
        let details = status.get_error_details();
        format!("{:?} {:?}", details.error_info(), details.retry_info()).into_bytes()
    })
}

async fn a_thousand_guesses_at_once_are_counted_one_by_one(bed: Bed) {
    let suite = Suite::start(bed).await;
    suite.user("ada@example.com").await;
    let session = access(&suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap());
    let mut guesses = JoinSet::new();
    let guess = |password: &'static str| {
        let mut client = suite.authentication();
        let message = pb::SignInRequest {
            email: "ada@example.com".to_owned(),
            password: password.to_owned(),
            ..Default::default()
        };
        async move { (password, client.sign_in(message).await.unwrap_err()) }
    };
    for _ in 0..999 {
        guesses.spawn(guess("a wrong password"));
    }
    let (mut looked_at, mut refusals) = (0, Vec::new());
    while let Some(done) = guesses.join_next().await {
        let (password, status) = done.unwrap();
        if status.code() == Code::Unauthenticated {
            looked_at += 1;
            if looked_at == 10 {
                guesses.spawn(guess(PASSWORD));
            }
        } else {
            refusals.push((password == PASSWORD, seen(&status)));
        }
    }
    assert_eq!((looked_at, refusals.len()), (10, 990));
    assert_eq!(refusals.iter().filter(|(right, _)| *right).count(), 1);
    let (_, first) = &refusals[0];
    assert_eq!(first.0, Code::ResourceExhausted);
    assert!(
        refusals.iter().all(|(_, refusal)| refusal == first),
        "{refusals:?}"
    );
    // Who is signed in is not concerned.
    let again = pb::ReauthenticateRequest {
        password: PASSWORD.to_owned(),
        method: "bailiwick.identity.v1.OperatorService/GrantOperator".to_owned(),
        ..Default::default()
    };
    let again = bearer(again, &session);
    suite.authentication().reauthenticate(again).await.unwrap();
}

async fn the_owner_signs_in_at_a_known_device_while_strangers_guess(bed: Bed) {
    let suite = behind_a_proxy(bed).await;
    suite.user("ada@example.com").await;
    let first = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    assert!(first.device_token.starts_with("bwd_") && first.device_expire_time.is_some());
    for (n, from) in ["192.0.2.1", "198.51.100.1", "203.0.113.1"]
        .into_iter()
        .enumerate()
    {
        for _ in 0..10 {
            let wrong = attempt(&suite, "ada@example.com", "a wrong password", "", Some(from)).await;
            assert_eq!(refused(wrong).0, Code::Unauthenticated);
        }
        let near = attempt(&suite, "ada@example.com", PASSWORD, "", Some(from)).await;
        assert_eq!(refused(near).0, Code::ResourceExhausted);
        let forged = format!("192.0.2.77, {from}");
        let forged = attempt(&suite, "ada@example.com", PASSWORD, "", Some(&forged)).await;
        assert_eq!(
            refused(forged).0,
            Code::ResourceExhausted,
            "a client cannot choose its network"
        );
        let far = attempt(&suite, "ada@example.com", PASSWORD, "", Some("2001:db8::1")).await;
        assert_eq!(far.is_ok(), n < 2, "{far:?}");
    }
    let other = attempt(&suite, "root@example.com", PASSWORD, "", Some("192.0.2.1")).await;
    other.unwrap();
    let device = &first.device_token;
    let own = attempt(&suite, "ada@example.com", PASSWORD, device, Some("192.0.2.1"))
        .await
        .unwrap();
    assert_ne!(own.device_token, *device, "it is replaced");
    let foreign = attempt(&suite, "root@example.com", "a wrong password", device, None).await;
    assert_eq!(refused(foreign).0, Code::Unauthenticated);
    let malformed = attempt(&suite, "ada@example.com", PASSWORD, "nonsense", Some("192.0.2.1")).await;
    assert_eq!(refused(malformed).0, Code::ResourceExhausted, "counts as none");
}

async fn a_user_is_locked_for_devices_that_are_not_known(bed: Bed) {
    let suite = behind_a_proxy(bed).await;
    let ada = suite.user("ada@example.com").await;
    let device = suite
        .sign_in("ada@example.com", PASSWORD, None)
        .await
        .unwrap()
        .device_token;
    for n in 0..10 {
        let from = format!("192.0.{n}.1");
        for _ in 0..10 {
            let wrong = attempt(&suite, "ada@example.com", "a wrong password", "", Some(&from)).await;
            assert_eq!(refused(wrong).0, Code::Unauthenticated, "{n}");
        }
        suite.bed.clock.advance(std::time::Duration::from_mins(20));
    }
    let wrong = attempt(
        &suite,
        "ada@example.com",
        "a wrong password",
        "",
        Some("198.51.100.1"),
    )
    .await;
    let right = attempt(&suite, "ada@example.com", PASSWORD, "", Some("198.51.100.1")).await;
    assert_eq!(seen(&wrong.unwrap_err()), seen(&right.unwrap_err()));
    attempt(&suite, "ada@example.com", PASSWORD, &device, None)
        .await
        .unwrap();
    let head = suite.db.feed().settled_head().await.unwrap();
    let all = bailiwick_sql::Cursor { position: 0, ..head };
    let rows = suite.db.feed().read(&all, 1_000).await.unwrap().rows;
    let changes = rows.iter().flat_map(|row| &row.changes);
    let locks: Vec<_> = changes
        .filter_map(|change| match bailiwick_feed::change(change).unwrap() {
            bailiwick_proto::events::v1::change::Change::Audited(audited) => Some(audited),
            _ => None,
        })
        .filter(|audited| audited.action == "sign_in.lock")
        .map(|audited| audited.target)
        .collect();
    assert_eq!(locks, [format!("user:{ada}")]);
}

#[tokio::test]
async fn the_header_of_somebody_who_is_no_proxy_changes_nothing() {
    let suite = Suite::start(Bed::sqlite().await).await;
    for n in 0..10 {
        let from = format!("192.0.{n}.1");
        let wrong = attempt(&suite, "ada@example.com", "a wrong password", "", Some(&from)).await;
        assert_eq!(refused(wrong).0, Code::Unauthenticated);
    }
    let next = attempt(
        &suite,
        "ada@example.com",
        "a wrong password",
        "",
        Some("203.0.113.1"),
    )
    .await;
    assert_eq!(refused(next).0, Code::ResourceExhausted);
}
