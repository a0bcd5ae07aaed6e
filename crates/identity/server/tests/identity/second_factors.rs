//! The second factor through the whole frame.

use std::time::Duration;

use aws_lc_rs::hmac;
use bailiwick_proto::identity::v1 as pb;
use bailiwick_types::Clock as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{Bed, PASSWORD, Suite, access, bearer, fields, on_both_engines, refused};

on_both_engines! {
    a_second_factor_is_enrolled_asked_for_and_removed
    of_a_hundred_with_one_code_one_signs_in
    of_a_hundred_with_one_recovery_code_one_signs_in
    a_secret_is_sealed_at_rest
}

const ENROLL: &str = "EnrollSecondFactor";
const REMOVE: &str = "RemoveSecondFactor";
const REGENERATE: &str = "RegenerateRecoveryCodes";

async fn step_up(suite: &Suite, token: &str, method: &str, code: Option<&str>) -> Result<(), Status> {
    let message = pb::ReauthenticateRequest {
        password: code.map_or(PASSWORD, |_| "").to_owned(),
        method: format!("bailiwick.identity.v1.AuthenticationService/{method}"),
        code: code.unwrap_or_default().to_owned(),
    };
    suite
        .authentication()
        .reauthenticate(bearer(message, token))
        .await
        .map(drop)
}

/// An authenticator, written a second time from RFC 6238.
struct Authenticator(Vec<u8>);

impl Authenticator {
    fn new(base32: &str) -> Self {
        let digit = |c: char| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).unwrap();
        let (mut bits, mut held, mut bytes) = (0_usize, 0, Vec::new());
        for character in base32.chars() {
            (bits, held) = ((bits << 5 | digit(character)) & 0xffff, held + 5);
            if held >= 8 {
                held -= 8;
                bytes.push(u8::try_from(bits >> held & 0xff).unwrap());
            }
        }
        Self(bytes)
    }
    fn code(&self, suite: &Suite) -> String {
        let step = u64::try_from(suite.bed.clock.now().seconds()).unwrap() / 30;
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let at = usize::from(tag.as_ref()[19] & 15);
        let four: [u8; 4] = tag.as_ref()[at..at + 4].try_into().unwrap();
        format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
    }
}

async fn enroll(suite: &Suite, token: &str) -> (Authenticator, Vec<String>) {
    step_up(suite, token, ENROLL, None).await.unwrap();
    let message = pb::EnrollSecondFactorRequest {};
    let made = suite
        .authentication()
        .enroll_second_factor(bearer(message, token))
        .await;
    let made = made.unwrap().into_inner();
    assert!(made.uri.contains(&made.secret), "{}", made.uri);
    let authenticator = Authenticator::new(&made.secret);
    let message = pb::ConfirmSecondFactorRequest {
        code: authenticator.code(suite),
    };
    let done = suite
        .authentication()
        .confirm_second_factor(bearer(message, token))
        .await;
    (authenticator, done.unwrap().into_inner().recovery_codes)
}

async fn challenge(suite: &Suite) -> String {
    let answer = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    assert_eq!((&*answer.user, &*answer.session, answer.tokens), ("", "", None));
    assert_eq!((&*answer.token, &*answer.device_token), ("", ""));
    answer.challenge.unwrap().challenge
}

async fn verify(
    suite: &Suite,
    challenge: &str,
    code: &str,
    recovery_code: &str,
) -> Result<pb::VerifySecondFactorResponse, Status> {
    let message = pb::VerifySecondFactorRequest {
        challenge: challenge.to_owned(),
        code: code.to_owned(),
        recovery_code: recovery_code.to_owned(),
    };
    Ok(suite
        .authentication()
        .verify_second_factor(message)
        .await?
        .into_inner())
}

async fn a_second_factor_is_enrolled_asked_for_and_removed(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let token = access(&suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap());
    let message = pb::EnrollSecondFactorRequest {};
    let early = suite
        .authentication()
        .enroll_second_factor(bearer(message, &token))
        .await;
    assert_eq!(refused(early).1, "STEP_UP_REQUIRED");
    let (authenticator, codes) = enroll(&suite, &token).await;
    assert_eq!(codes.len(), 10);
    suite.bed.clock.advance(Duration::from_secs(30));

    let first = challenge(&suite).await;
    let profile = pb::GetUserRequest {
        user: ada.to_string(),
    };
    let as_bearer = suite.users().get_user(bearer(profile.clone(), &first)).await;
    assert_eq!(
        refused(as_bearer).0,
        Code::Unauthenticated,
        "a challenge gives no access"
    );
    assert_eq!(fields(verify(&suite, &first, "12345", "").await), ["code"]);
    assert_eq!(
        fields(verify(&suite, &first, "123456", "x").await),
        ["recovery_code"]
    );
    let (wrong, unknown) = (
        verify(&suite, &first, "000000", "").await.unwrap_err(),
        verify(&suite, "bwq_unknown", "000000", "").await.unwrap_err(),
    );
    assert_eq!(
        (wrong.code(), wrong.message()),
        (unknown.code(), unknown.message())
    );
    assert_eq!(
        wrong.get_error_details().error_info().unwrap().reason,
        "CREDENTIALS_INVALID"
    );
    let code = authenticator.code(&suite);
    let done = verify(&suite, &first, &code, "").await.unwrap();
    assert_eq!((&*done.user, done.recovery_codes_left), (&*ada.to_string(), 10));
    let token = done.tokens.unwrap().access_token;
    suite.users().get_user(bearer(profile, &token)).await.unwrap();
    let listed = suite
        .sessions()
        .list_sessions(bearer(pb::ListSessionsRequest::default(), &token))
        .await;
    let current = listed
        .unwrap()
        .into_inner()
        .sessions
        .into_iter()
        .find(|one| one.current);
    assert_eq!(current.unwrap().amr, ["pwd", "otp"]);
    assert_eq!(
        refused(verify(&suite, &first, &code, "").await).0,
        Code::Unauthenticated
    );
    let second = challenge(&suite).await;
    assert_eq!(
        refused(verify(&suite, &second, &code, "").await).0,
        Code::Unauthenticated,
        "used"
    );
    let done = verify(&suite, &second, "", &codes[0].to_uppercase())
        .await
        .unwrap();
    assert_eq!(done.recovery_codes_left, 9);

    suite.bed.clock.advance(Duration::from_secs(30));
    let code = authenticator.code(&suite);
    step_up(&suite, &token, REGENERATE, Some(&code)).await.unwrap();
    let message = pb::RegenerateRecoveryCodesRequest {};
    let made = suite
        .authentication()
        .regenerate_recovery_codes(bearer(message, &token))
        .await;
    let new = made.unwrap().into_inner().recovery_codes;
    let third = challenge(&suite).await;
    assert_eq!(
        refused(verify(&suite, &third, "", &codes[1]).await).0,
        Code::Unauthenticated
    );
    verify(&suite, &third, "", &new[1]).await.unwrap();

    let message = pb::RemoveSecondFactorRequest {};
    let early = suite
        .authentication()
        .remove_second_factor(bearer(message, &token))
        .await;
    assert_eq!(refused(early).1, "STEP_UP_REQUIRED");
    step_up(&suite, &token, REMOVE, None).await.unwrap();
    suite
        .authentication()
        .remove_second_factor(bearer(message, &token))
        .await
        .unwrap();
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    assert!(signed_in.tokens.is_some() && signed_in.challenge.is_none());
}

async fn of_a_hundred_with_one_code_one_signs_in(bed: Bed) {
    let suite = Suite::start(bed).await;
    suite.user("ada@example.com").await;
    let token = access(&suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap());
    let (authenticator, _) = enroll(&suite, &token).await;
    suite.bed.clock.advance(Duration::from_secs(30));
    let code = authenticator.code(&suite);
    assert_eq!(winners(&suite, &code, "").await, 1);
}

async fn of_a_hundred_with_one_recovery_code_one_signs_in(bed: Bed) {
    let suite = Suite::start(bed).await;
    suite.user("ada@example.com").await;
    let token = access(&suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap());
    let (_, codes) = enroll(&suite, &token).await;
    assert_eq!(winners(&suite, "", &codes[0]).await, 1);
}

/// How many of a hundred callers at once sign in with a code. Each of them has one of several challenges:
/// that a challenge is answered once must not be what stops them.
async fn winners(suite: &Suite, code: &str, recovery_code: &str) -> usize {
    let mut challenges = Vec::new();
    for _ in 0..4 {
        challenges.push(challenge(suite).await);
    }
    let all = challenges.iter().cycle().take(100);
    let all = all.map(|challenge| verify(suite, challenge, code, recovery_code));
    let all = futures_util::future::join_all(all).await;
    all.iter().filter(|answer| answer.is_ok()).count()
}

async fn a_secret_is_sealed_at_rest(bed: Bed) {
    let suite = Suite::start(bed).await;
    suite.user("ada@example.com").await;
    let token = access(&suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap());
    let (authenticator, codes) = enroll(&suite, &token).await;
    let rows = bailiwick_sql::query(suite.db.load(), "SELECT secret FROM totp", Vec::new())
        .await
        .unwrap();
    let stored: String = rows[0].try_get("", "secret").unwrap();
    assert!(stored.starts_with("aes256gcm.v1:"), "{stored}");
    assert!(!stored.contains(&codes[0]));
    assert_eq!(authenticator.0.len(), 20);
}
