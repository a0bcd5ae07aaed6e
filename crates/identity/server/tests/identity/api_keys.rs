//! `ApiKeyService`: keys that serve, and a table of those that must be refused.

use std::time::Duration;

use axum::{body::Body, http::Request as HttpRequest};
use bailiwick_identity_core::api_key::Reader as _;
use bailiwick_identity_server::SqlStore;
use bailiwick_proto::{events::v1::change::Change, identity::v1 as pb};
use bailiwick_types::{ApiKeyId, Clock as _, KeyText, Rng as _, SystemRng, UserId};
use base64::{Engine, engine::general_purpose::STANDARD};
use tonic::{Code, Request, Status, metadata::MetadataValue};
use tower::ServiceExt;

use crate::support::{
    Bed, PASSWORD, Suite, access, account, bearer, fields, on_both_engines, refresh, refused,
};

on_both_engines! {
    a_key_is_made_used_listed_renewed_and_revoked
    members_see_their_own_keys_and_managers_everybodys
    another_service_is_told_whose_a_key_is
    keys_that_must_be_refused
}

const DAY: i64 = 86_400;
/// The instant at which the clock of the tests stands.
const NOW: i64 = 1_767_603_600;

/// A member of account 1 with a token for it, who may do everything there.
async fn admin(suite: &Suite, email: &str) -> (UserId, String) {
    let (user, token) = member(suite, email).await;
    let mut admins = suite.authorization.admins.lock().unwrap();
    admins.insert((account(1), user));
    (user, token)
}

async fn member(suite: &Suite, email: &str) -> (UserId, String) {
    let user = suite.user(email).await;
    let joined = (account(1), user);
    suite.authorization.members.lock().unwrap().insert(joined);
    let signed_in = suite.sign_in(email, PASSWORD, Some(account(1))).await;
    (user, access(&signed_in.unwrap()))
}

fn request() -> pb::CreateApiKeyRequest {
    pb::CreateApiKeyRequest {
        account: account(1).to_string(),
        title: "Reports".to_owned(),
        permissions: vec!["api_key.manage".to_owned()],
        expire_time: Some(prost_types::Timestamp {
            seconds: NOW + 30 * DAY,
            nanos: 0,
        }),
        ..Default::default()
    }
}

async fn create(
    suite: &Suite,
    token: &str,
    message: pb::CreateApiKeyRequest,
) -> Result<pb::CreateApiKeyResponse, Status> {
    let made = suite.api_keys().create_api_key(bearer(message, token)).await;
    Ok(made?.into_inner())
}

async fn make(suite: &Suite, token: &str, message: pb::CreateApiKeyRequest) -> (String, String) {
    let made = create(suite, token, message).await.unwrap();
    (made.api_key.unwrap().api_key, made.secret)
}

fn renewing(old: &str, lifetime: i64) -> pb::CreateApiKeyRequest {
    pb::CreateApiKeyRequest {
        permissions: Vec::new(),
        renews: old.to_owned(),
        old_key_lifetime: Some(prost_types::Duration {
            seconds: lifetime,
            nanos: 0,
        }),
        ..request()
    }
}

fn list(of: u128) -> pb::ListApiKeysRequest {
    pb::ListApiKeysRequest {
        account: account(of).to_string(),
        ..Default::default()
    }
}

/// What the key lists, where it serves.
async fn uses(suite: &Suite, key: &str) -> Result<Vec<pb::ApiKey>, Status> {
    let listed = suite.api_keys().list_api_keys(bearer(list(1), key)).await;
    Ok(listed?.into_inner().api_keys)
}

async fn revoke(suite: &Suite, token: &str, key: &str) -> Result<pb::RevokeApiKeyResponse, Status> {
    let message = pb::RevokeApiKeyRequest {
        account: account(1).to_string(),
        api_key: key.to_owned(),
    };
    let done = suite.api_keys().revoke_api_key(bearer(message, token)).await;
    Ok(done?.into_inner())
}

async fn get(suite: &Suite, token: &str, key: &str) -> Result<pb::ApiKey, Status> {
    let message = pb::GetApiKeyRequest {
        account: account(1).to_string(),
        api_key: key.to_owned(),
    };
    let found = suite.api_keys().get_api_key(bearer(message, token)).await;
    Ok(found?.into_inner().api_key.unwrap())
}

fn invalid() -> (Code, String) {
    (Code::Unauthenticated, "CREDENTIALS_INVALID".to_owned())
}

fn denied() -> (Code, String) {
    (Code::PermissionDenied, "PERMISSION_DENIED".to_owned())
}

async fn a_key_is_made_used_listed_renewed_and_revoked(bed: Bed) {
    let suite = Suite::start(bed).await;
    let start = suite.db.feed().settled_head().await.unwrap();
    let (ada, token) = admin(&suite, "ada@example.com").await;
    let asked = pb::CreateApiKeyRequest {
        request_id: "4d3cb9d2-16ac-4a3b-8f0e-0d3b4f5a7d21".to_owned(),
        ..request()
    };
    let made = create(&suite, &token, asked.clone()).await.unwrap();
    assert!(KeyText::parse(&made.secret).is_some(), "{}", made.secret.len());
    assert!(!format!("{made:?}").contains(&made.secret));
    let old = made.api_key.unwrap();
    assert_eq!(
        (&*old.user, &*old.scope),
        (&*ada.to_string(), &*format!("account:{}", account(1)))
    );
    let again = create(&suite, &token, asked).await.unwrap();
    assert_eq!((again.api_key.as_ref(), &*again.secret), (Some(&old), ""));
    let listed = uses(&suite, &made.secret).await.unwrap();
    assert_eq!(listed.len(), 1);
    // It is noted in the hour, and not again within it.
    let used = get(&suite, &token, &old.api_key).await.unwrap();
    assert_eq!(used.last_use_time.unwrap().seconds, NOW / 3_600 * 3_600);
    let (new, new_secret) = make(&suite, &token, renewing(&old.api_key, DAY)).await;
    let changed = get(&suite, &token, &old.api_key).await.unwrap();
    assert_eq!(
        (&changed.renewed_by, changed.expire_time.unwrap().seconds),
        (&new, NOW + DAY)
    );
    for secret in [&made.secret, &new_secret] {
        uses(&suite, secret).await.unwrap();
    }
    let third = create(&suite, &token, renewing(&old.api_key, DAY)).await;
    assert_eq!(
        refused(third),
        (Code::FailedPrecondition, "LIMIT_REACHED".to_owned())
    );
    for _ in 0..2 {
        let done = revoke(&suite, &token, &new).await.unwrap();
        assert!(done.api_key.unwrap().revoke_time.is_some());
    }
    assert_eq!(refused(uses(&suite, &new_secret).await), invalid());
    uses(&suite, &made.secret).await.unwrap();
    let another = suite.another().await;
    another.verify(&made.secret).await.unwrap();
    assert!(another.verify(&new_secret).await.is_err(), "after a restart");
    suite.db.feed().settled_head().await.unwrap();
    let rows = suite.db.feed().read(&start, 100).await.unwrap().rows;
    let told = rows.iter().flat_map(|row| &row.changes);
    let ended = told.filter_map(|bytes| match bailiwick_feed::change(bytes).unwrap() {
        Change::ApiKeyEnded(of) => Some(of.api_key),
        _ => None,
    });
    assert_eq!(ended.collect::<Vec<_>>(), [old.api_key, new]);
}

async fn members_see_their_own_keys_and_managers_everybodys(bed: Bed) {
    let suite = Suite::start(bed).await;
    let (_, manages) = admin(&suite, "ada@example.com").await;
    let (eve, own) = member(&suite, "eve@example.com").await;
    let (first, _) = make(&suite, &manages, request()).await;
    let (second, second_secret) = make(&suite, &own, request()).await;
    let listed = async |token: &str, message: pb::ListApiKeysRequest| {
        let page = suite.api_keys().list_api_keys(bearer(message, token)).await;
        let keys = page?.into_inner().api_keys;
        Ok::<_, Status>(keys.into_iter().map(|key| key.api_key).collect::<Vec<_>>())
    };
    assert_eq!(
        listed(&own, list(1)).await.unwrap(),
        std::slice::from_ref(&second)
    );
    assert_eq!(
        listed(&manages, list(1)).await.unwrap(),
        [first.clone(), second.clone()]
    );
    let of_eve = pb::ListApiKeysRequest {
        user: eve.to_string(),
        ..list(1)
    };
    assert_eq!(
        listed(&manages, of_eve).await.unwrap(),
        std::slice::from_ref(&second)
    );
    let page = pb::ListApiKeysRequest {
        page_size: 1,
        ..list(1)
    };
    let page = suite.api_keys().list_api_keys(bearer(page, &manages)).await;
    let next = page.unwrap().into_inner().next_page_token;
    let next = pb::ListApiKeysRequest {
        page_size: 1,
        page_token: next,
        ..list(1)
    };
    assert_eq!(
        listed(&manages, next).await.unwrap(),
        std::slice::from_ref(&second)
    );
    // What is not its own answers as what does not exist.
    let unknown = ApiKeyId::from_uuid(uuid::Uuid::from_u128(9)).to_string();
    for key in [&first, &unknown] {
        assert_eq!(refused(get(&suite, &own, key).await), denied());
        assert_eq!(refused(revoke(&suite, &own, key).await), denied());
    }
    assert_eq!(refused(get(&suite, &manages, &unknown).await).0, Code::NotFound);
    // A key whose maker may nothing lists nothing, not even its maker's own.
    assert_eq!(refused(uses(&suite, &second_secret).await), denied());
    revoke(&suite, &manages, &second).await.unwrap();
    assert_eq!(refused(uses(&suite, &second_secret).await), invalid());
    // A token for no account, or for another one, serves for none of them.
    let free = access(&suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap());
    assert_eq!(refused(listed(&free, list(1)).await), denied());
    assert_eq!(refused(listed(&manages, list(2)).await), denied());
    assert_eq!(refused(create(&suite, &free, request()).await), denied());
    // Without the membership no key is made.
    suite
        .authorization
        .members
        .lock()
        .unwrap()
        .remove(&(account(1), eve));
    assert_eq!(refused(create(&suite, &own, request()).await), denied());
}

async fn another_service_is_told_whose_a_key_is(bed: Bed) {
    let suite = Suite::start(bed).await;
    let (ada, token) = admin(&suite, "ada@example.com").await;
    let message = pb::CreateApiKeyRequest {
        networks: vec!["10.0.0.0/8".to_owned()],
        ..request()
    };
    let (id, secret) = make(&suite, &token, message).await;
    let digest = bailiwick_rpc::KeyDigest::of(&secret).0.to_vec();
    let ask = async |api_key: &str, digest: Vec<u8>| {
        let message = pb::VerifyApiKeyRequest {
            api_key: api_key.to_owned(),
            digest,
        };
        let mut inside = suite.api_keys_inside();
        inside.verify_api_key(suite.inside(message)).await
    };
    let told = ask(&id, digest.clone())
        .await
        .unwrap()
        .into_inner()
        .api_key
        .unwrap();
    assert_eq!(
        (told.user, told.networks),
        (ada.to_string(), vec!["10.0.0.0/8".to_owned()])
    );
    let unknown = ApiKeyId::from_uuid(uuid::Uuid::from_u128(9)).to_string();
    for (id, digest) in [(&unknown, digest.clone()), (&id, vec![0; 32])] {
        assert_eq!(ask(id, digest).await.unwrap().into_inner().api_key, None);
    }
    assert_eq!(fields(ask("x", vec![1]).await), ["api_key", "digest"]);
    let message = pb::VerifyApiKeyRequest {
        api_key: id.clone(),
        digest,
    };
    let outside = suite.api_keys().verify_api_key(suite.root(message)).await;
    assert!(outside.is_err(), "no other listener has it");
}

/// Another text with this id: with the secret of `of`, or with a random one.
fn forged(id: ApiKeyId, of: Option<&str>) -> String {
    const DIGITS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let secret = of.map(|text| text[31..74].to_owned());
    KeyText::write(id, |bytes| match &secret {
        None => SystemRng.fill(bytes),
        Some(secret) => {
            for (byte, digit) in bytes.iter_mut().zip(secret.chars()) {
                *byte = u8::try_from(DIGITS.find(digit).unwrap()).unwrap();
            }
        }
    })
}

/// Keys that are refused as they are, before anybody is asked for a right.
async fn forms(suite: &Suite, token: &str) -> Vec<(&'static str, String)> {
    let (id, good) = make(suite, token, request()).await;
    let (_, other) = make(suite, token, request()).await;
    uses(suite, &good).await.unwrap();
    let known: ApiKeyId = id.parse().unwrap();
    assert_eq!(forged(known, Some(&good)), good, "the forger knows the form");
    let store = SqlStore::new(suite.db.clone());
    let (_, mac) = store.api_key_mac(known).await.unwrap().unwrap();
    let mac = mac.mac.as_bytes();
    let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut sum = good.clone();
    sum.replace_range(79.., if good.ends_with('0') { "1" } else { "0" });
    let unknown = ApiKeyId::from_uuid(uuid::Uuid::from_u128(9));
    vec![
        ("checksum wrong", sum),
        ("another kind's prefix", good.replace("bwk_", "bwr_")),
        ("upper-case prefix", good.replace("bwk_", "BWK_")),
        ("one character short", good[..79].to_owned()),
        ("one long", format!("{good}0")),
        ("unknown id with a good checksum", forged(unknown, None)),
        ("known id with another secret", forged(known, None)),
        ("another key's secret under this id", forged(known, Some(&other))),
        ("10 kB", good.repeat(128)),
        ("the stored HMAC itself as a key", STANDARD.encode(mac)),
        ("the stored HMAC in hexadecimal", format!("bwk_{hex}")),
        (
            "the stored HMAC as the secret",
            KeyText::write(known, |bytes| {
                for (byte, of) in bytes.iter_mut().zip(mac.iter().cycle()) {
                    *byte = *of;
                }
            }),
        ),
    ]
}

async fn keys_that_must_be_refused(bed: Bed) {
    let suite = Suite::start(bed).await;
    let (ada, token) = admin(&suite, "ada@example.com").await;
    for (name, text) in forms(&suite, &token).await {
        assert_eq!(refused(uses(&suite, &text).await), invalid(), "{name}");
        assert!(suite.authenticator.verify(&text).await.is_err(), "{name}");
    }
    let (id, good) = make(&suite, &token, request()).await;
    uses(&suite, &good).await.unwrap();

    // In the header, and nowhere else.
    let look_alike = format!("Bearer {}", good.replacen('k', "\u{138}", 1));
    let basic = format!("Basic {}", STANDARD.encode(format!("{good}:")));
    for (name, header) in [
        ("Unicode look-alikes", look_alike.as_bytes()),
        ("as Basic's user", basic.as_bytes()),
    ] {
        let mut request = Request::new(list(1));
        let value = MetadataValue::try_from(header).unwrap();
        request.metadata_mut().insert("authorization", value);
        let answer = suite.api_keys().list_api_keys(request).await;
        assert_eq!(refused(answer), invalid(), "{name}");
    }
    for odd in [
        format!("{good}\n"),
        format!("{good}\0"),
        format!("\u{feff}{good}"),
    ] {
        assert!(
            suite.authenticator.verify(&odd).await.is_err(),
            "NUL or newline at the end"
        );
        let header = format!("Bearer {odd}");
        let sent = header.parse::<MetadataValue<tonic::metadata::Ascii>>();
        assert!(sent.is_err() || !odd.is_ascii(), "no header has it");
    }
    let mut two = bearer(list(1), &good);
    let value = two.metadata().get("authorization").unwrap().clone();
    two.metadata_mut().append("authorization", value);
    let answer = suite.api_keys().list_api_keys(two).await;
    assert_eq!(refused(answer), invalid(), "two keys in one call");
    let missing = (Code::Unauthenticated, "CREDENTIALS_MISSING".to_owned());
    assert_eq!(
        refused(in_the_query(&suite, &good).await),
        missing,
        "in the query string"
    );
    let form = HttpRequest::post("/oauth2/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", &basic)
        .body(Body::from("grant_type=client_credentials"))
        .unwrap();
    let answer = suite.service.http().oneshot(form).await.unwrap();
    assert_eq!(answer.status(), 401, "as Basic's user");

    // What a key never does.
    let asks = |message| bearer(message, &good);
    let made = suite.api_keys().create_api_key(asks(request())).await;
    assert_eq!(refused(made), denied(), "a key that makes a key");
    let message = pb::CreateServiceAccountRequest {
        title: "Reports".to_owned(),
        scope: format!("account:{}", account(1)),
        ..Default::default()
    };
    let made = suite
        .service_accounts()
        .create_service_account(bearer(message, &good))
        .await;
    assert_eq!(refused(made), denied(), "a key that makes a service account");
    let message = bearer(pb::EnrollSecondFactorRequest {}, &good);
    let enrolled = suite.authentication().enroll_second_factor(message).await;
    assert_eq!(refused(enrolled), denied(), "a key at a step-up method");
    let message = pb::ReauthenticateRequest {
        password: PASSWORD.to_owned(),
        method: "bailiwick.identity.v1.AuthenticationService/EnrollSecondFactor".to_owned(),
        ..Default::default()
    };
    let again = suite
        .authentication()
        .reauthenticate(bearer(message, &good))
        .await;
    assert_eq!(refused(again), denied(), "a key that steps up");
    let message = pb::RefreshRequest {
        refresh_token: good.clone(),
    };
    let refreshed = suite.authentication().refresh(message).await;
    assert_eq!(refused(refreshed), invalid(), "a key at Refresh");
    let out = suite
        .authentication()
        .sign_out(bearer(pb::SignOutRequest {}, &good))
        .await;
    assert_eq!(refused(out), denied(), "a key has no session");
    // Before a public method a key is no credential at all.
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    let message = pb::RefreshRequest {
        refresh_token: refresh(&signed_in),
    };
    suite.bed.clock.advance(Duration::from_secs(2));
    suite
        .authentication()
        .refresh(bearer(message, &good))
        .await
        .unwrap();

    // Outside of its scope.
    let answer = suite.api_keys().list_api_keys(bearer(list(2), &good)).await;
    assert_eq!(refused(answer), denied(), "used in an account outside its scope");
    let message = pb::CreateApiKeyRequest {
        permissions: vec!["survey.*".to_owned(), "api_key.view".to_owned()],
        ..request()
    };
    let (_, narrow) = make(&suite, &token, message).await;
    assert_eq!(
        refused(uses(&suite, &narrow).await),
        denied(),
        "permission outside its scope"
    );
    for (networks, serves) in [
        (vec!["10.0.0.0/8", "2001:db8::/32"], false),
        (vec!["10.0.0.0/8", "127.0.0.1"], true),
    ] {
        let message = pb::CreateApiKeyRequest {
            networks: networks.into_iter().map(str::to_owned).collect(),
            ..request()
        };
        let (_, bound) = make(&suite, &token, message).await;
        // The second call finds it remembered.
        for _ in 0..2 {
            match uses(&suite, &bound).await {
                Ok(_) => assert!(serves),
                refusal => assert_eq!(
                    (refused(refusal), serves),
                    (invalid(), false),
                    "from a forbidden network"
                ),
            }
        }
    }

    // With its maker.
    suite
        .authorization
        .admins
        .lock()
        .unwrap()
        .remove(&(account(1), ada));
    assert_eq!(
        refused(uses(&suite, &good).await),
        denied(),
        "maker lost the role"
    );
    suite
        .authorization
        .admins
        .lock()
        .unwrap()
        .insert((account(1), ada));
    uses(&suite, &good).await.unwrap();
    let (_, new) = make(&suite, &token, renewing(&id, DAY)).await;
    let clock = &suite.bed.clock;
    clock.advance(Duration::from_secs(DAY.unsigned_abs()));
    assert_eq!(refused(uses(&suite, &good).await), invalid(), "rotated out");
    uses(&suite, &new).await.unwrap();
    let message = pb::DisableUserRequest {
        user: ada.to_string(),
    };
    let root = suite.sign_in("root@example.com", PASSWORD, None).await.unwrap();
    let disable = bearer(message, &access(&root));
    suite.users().disable_user(disable).await.unwrap();
    assert_eq!(refused(uses(&suite, &new).await), invalid(), "maker disabled");
    let message = pb::EnableUserRequest {
        user: ada.to_string(),
    };
    clock.advance(Duration::from_secs(1));
    let enable = bearer(message, &access(&root));
    suite.users().enable_user(enable).await.unwrap();
    uses(&suite, &new).await.unwrap();
    let left = NOW + 30 * DAY - clock.now().seconds();
    clock.advance(Duration::from_secs(left.unsigned_abs()));
    assert_eq!(refused(uses(&suite, &new).await), invalid(), "expired");
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, Some(account(1))).await;
    let token = access(&signed_in.unwrap());
    let message = pb::CreateApiKeyRequest {
        expire_time: Some(prost_types::Timestamp {
            seconds: NOW + 60 * DAY,
            nanos: 0,
        }),
        ..request()
    };
    let (id, last) = make(&suite, &token, message).await;
    uses(&suite, &last).await.unwrap();
    revoke(&suite, &token, &id).await.unwrap();
    assert_eq!(refused(uses(&suite, &last).await), invalid(), "revoked");
}

/// The call without a header, with the key behind its path.
async fn in_the_query(suite: &Suite, key: &str) -> Result<(), Status> {
    let path = format!("/bailiwick.identity.v1.ApiKeyService/ListApiKeys?access_token={key}");
    let mut grpc = tonic::client::Grpc::new(suite.channel.clone());
    grpc.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<_, pb::ListApiKeysResponse>::default();
    let request = Request::new(list(1));
    grpc.unary(request, path.parse().unwrap(), codec).await.map(drop)
}

#[tokio::test]
async fn all_violations_of_a_key_come_at_once() {
    let suite = Suite::start(Bed::sqlite().await).await;
    let (_, token) = admin(&suite, "ada@example.com").await;
    let message = pb::CreateApiKeyRequest {
        account: "x".to_owned(),
        title: String::new(),
        scope: "product:demo".to_owned(),
        permissions: vec!["survey.view".to_owned(), "*".to_owned()],
        networks: vec!["everywhere".to_owned()],
        expire_time: None,
        renews: String::new(),
        old_key_lifetime: Some(prost_types::Duration::default()),
        request_id: "x".to_owned(),
    };
    let named = fields(create(&suite, &token, message).await);
    let mut expected = vec![
        "account",
        "title",
        "expire_time",
        "scope",
        "old_key_lifetime",
        "permissions[1]",
        "networks[0]",
        "request_id",
    ];
    let mut named: Vec<&str> = named.iter().map(String::as_str).collect();
    named.sort_unstable();
    expected.sort_unstable();
    assert_eq!(named, expected);
    let message = pb::CreateApiKeyRequest {
        renews: "x".to_owned(),
        scope: format!("account:{}", account(1)),
        old_key_lifetime: Some(prost_types::Duration {
            seconds: 31 * DAY,
            nanos: 0,
        }),
        ..request()
    };
    let named = fields(create(&suite, &token, message).await);
    assert_eq!(named, ["renews", "scope", "permissions", "old_key_lifetime"]);
    for seconds in [NOW, NOW - DAY, NOW + 367 * DAY] {
        let message = pb::CreateApiKeyRequest {
            expire_time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
            ..request()
        };
        assert_eq!(fields(create(&suite, &token, message).await), ["expire_time"]);
    }
}
