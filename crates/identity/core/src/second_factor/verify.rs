//! Finishes a sign-in with a code of the second factor, or with a recovery code.

use bailiwick_types::{
    Authorized, ScopeRoot, StoreError, Token, faults, method::identity::VerifySecondFactor,
};
use secrecy::SecretString;

use super::{Challenge, ProveError, challenge::password_digest, prove, recovery};
use crate::{
    Identity,
    attempt::{self, Attempt, AttemptError, ClientNetwork, Guesser},
    change::Change,
    mail::{self, Kind, MailError},
    peer::PeerError,
    secret::Digest,
    session::{Beginning, IssueError, Proof, SignedIn, begin},
    store::Write,
    user::Credentials,
};

/// What the user proves itself with.
#[derive(Debug, Clone)]
pub enum Means {
    /// A code of the authenticator.
    Code(SecretString),
    /// A recovery code.
    RecoveryCode(SecretString),
}

/// The answer to a challenge.
#[derive(Debug, Clone)]
pub struct Command {
    /// The challenge.
    pub challenge: SecretString,
    /// The means.
    pub means: Means,
    /// The network that it comes from.
    pub network: ClientNetwork,
    /// What authorization must have seen when it is asked about the membership.
    pub token: Token,
}

/// A sign-in that is finished.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The user and its tokens.
    pub signed_in: SignedIn,
    /// How many recovery codes are left.
    pub codes_left: u64,
}

faults! {
    /// Why the user is not signed in.
    Error: Attempt(AttemptError), Prove(ProveError), Issue(IssueError), Peer(PeerError), Mail(MailError),
        Store(StoreError);
    /// The challenge is unknown or over, or is answered from another network; the code is wrong; the user may
    /// not sign in: one answer for all.
    Wrong "the challenge is over or the code is wrong" => Unauthenticated CredentialsInvalid;
}

/// Finishes the sign-in. The challenge is used up by it.
///
/// # Errors
/// See [`Error`].
pub async fn verify(
    identity: &Identity,
    by: &Authorized<VerifySecondFactor>,
    command: &Command,
) -> Result<Verified, Error> {
    let digest = Digest::of(&command.challenge);
    let now = identity.clock.now();
    let open = |challenge: &Challenge| challenge.is_open(command.network, now);
    let challenge = identity.store.challenge(&digest).await?.filter(open);
    let challenge = challenge.ok_or(Error::Wrong)?;
    // Whoever knows the password makes challenges: five guesses at each would be any number.
    let guesser = match &challenge.device {
        Some(device) => Guesser::KnownCode(device),
        None => Guesser::Code {
            user: challenge.user,
            network: command.network,
        },
    };
    let attempt = attempt::guess(identity, guesser).await?;
    if let Some(account) = challenge.account {
        let member = identity
            .members
            .is_active(account, challenge.user, &command.token)
            .await;
        match member {
            Ok(true) => {}
            Ok(false) => {
                attempt.cancel(identity).await?;
                return Err(Error::Wrong);
            }
            Err(error) => {
                attempt.cancel(identity).await?;
                return Err(error.into());
            }
        }
    }
    let done = finish(identity, &digest, command, &challenge, &attempt).await;
    if matches!(done, Err(Error::Wrong)) {
        let (user, account) = (Some(challenge.user), challenge.account);
        identity.failures.sign_in(by.action(), user, account);
    }
    done
}

async fn finish(
    identity: &Identity,
    digest: &Digest,
    command: &Command,
    before: &Challenge,
    attempt: &Attempt,
) -> Result<Verified, Error> {
    let user = before.user;
    let root = ScopeRoot::User(user);
    let now = identity.clock.now();
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let open = |challenge: &Challenge| challenge.is_open(command.network, now);
    let challenge = write.challenge(digest).await?.filter(open);
    let challenge = challenge.ok_or(Error::Wrong)?;
    let known = write.credentials(user).await?;
    let same = |known: &Credentials| known.may_sign_in() && password_digest(known).same(&challenge.password);
    let known = known.filter(same).ok_or(Error::Wrong)?;
    if !is_proved(identity, &mut *write, &challenge, &command.means).await? {
        write.fail_challenge(digest).await?;
        write.commit().await?;
        return Err(Error::Wrong);
    }
    if !write.delete_challenge(digest).await? {
        return Err(Error::Wrong);
    }
    attempt.succeed(&mut *write).await?;
    if matches!(command.means, Means::RecoveryCode(_)) {
        // Its user is no stranger: wrong codes of others lock its authenticator no longer.
        write.forget_totp_failures(user).await?;
        let used = Change::by_the_suite("recovery_code.use", format!("user:{user}"));
        write.emit(&root, used)?;
        mail::notice(identity, &mut *write, Kind::RecoveryCodeUsed, &known.user).await?;
    }
    let beginning = Beginning {
        user,
        account: challenge.account,
        proof: Proof::TwoFactors,
        client: challenge.client.clone(),
        device: challenge.device.as_ref(),
    };
    let begun = begin(identity, &mut *write, beginning, now).await?;
    let codes_left = write.recovery_codes(user).await?;
    let token = write.commit().await?;
    identity.outbox.wake();
    Ok(Verified {
        signed_in: SignedIn::new(user, begun, token),
        codes_left,
    })
}

/// Whether the means are right. What is right is used up.
async fn is_proved(
    identity: &Identity,
    write: &mut dyn Write,
    challenge: &Challenge,
    means: &Means,
) -> Result<bool, ProveError> {
    let user = challenge.user;
    let totp = write.totp(user).await?.filter(|totp| totp.confirmed.is_some());
    let Some(totp) = totp else {
        return Ok(false);
    };
    match means {
        Means::RecoveryCode(code) => Ok(write
            .use_recovery_code(user, &recovery::digest(user, code))
            .await?),
        Means::Code(code) => {
            // A million codes are few: after many failures only devices of the user may guess on.
            let open = challenge.device.is_some() || totp.failures < identity.throttle.lock_after;
            if open && prove(identity, write, &totp, code).await? {
                return Ok(true);
            }
            write.count_totp_failure(user).await?;
            Ok(false)
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        fixture::{Fixture, PASSWORD, account},
        password::PasswordHash,
        second_factor::{
            MOST_FAILURES, Reader as _, remove,
            tests::{code_at, enrolled, enrolled_with_codes},
        },
        session::{Reader as _, UserAgent, sign_in},
        store::Store as _,
        user::User,
    };

    #[derive(Clone, Copy)]
    pub(crate) enum Answer<'a> {
        Code(&'a str),
        Recovery(&'a str),
    }

    fn network(n: u8) -> ClientNetwork {
        ClientNetwork::V4([192, 0, n])
    }
    async fn signing_in(fixture: &Fixture, user: &User, n: u8, device: Option<SecretString>) -> SecretString {
        fixture.authorization.admit(account(), user.id);
        let command = sign_in::Command {
            email: user.email.clone(),
            password: PASSWORD.into(),
            account: Some(account()),
            device,
            agent: UserAgent::new("the tests"),
            token: Token::default(),
        };
        match fixture.sign_in_anyway(&command, network(n)).await.unwrap() {
            sign_in::Outcome::Challenged(challenged) => challenged.challenge,
            sign_in::Outcome::SignedIn(_) => panic!("no challenge"),
        }
    }
    /// The challenge of a sign-in from a network.
    pub(crate) async fn challenged(fixture: &Fixture, user: &User, n: u8) -> SecretString {
        signing_in(fixture, user, n, None).await
    }
    fn command(challenge: &SecretString, answer: Answer<'_>, n: u8) -> Command {
        Command {
            challenge: challenge.clone(),
            means: match answer {
                Answer::Code(code) => Means::Code(code.into()),
                Answer::Recovery(code) => Means::RecoveryCode(code.into()),
            },
            network: network(n),
            token: Token::default(),
        }
    }
    pub(crate) async fn answer(
        fixture: &Fixture,
        challenge: &SecretString,
        answer: Answer<'_>,
        n: u8,
    ) -> Result<Verified, Error> {
        let command = command(challenge, answer, n);
        verify(&fixture.identity, &fixture.anonymous(), &command).await
    }

    async fn world() -> (Fixture, User, Vec<u8>) {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        let secret = enrolled(&fixture, &ada, session).await;
        fixture.clock.advance(Duration::from_mins(1));
        (fixture, ada, secret)
    }
    fn now_code(fixture: &Fixture, secret: &[u8]) -> String {
        code_at(secret, fixture.identity.clock.now())
    }

    #[tokio::test]
    async fn password_and_code_begin_a_session_with_two_factors() {
        let (fixture, ada, secret) = world().await;
        let challenge = challenged(&fixture, &ada, 1).await;
        let code = now_code(&fixture, &secret);
        let done = answer(&fixture, &challenge, Answer::Code(&code), 1)
            .await
            .unwrap();
        let session = fixture
            .store
            .session(done.signed_in.session)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((session.user, session.account), (ada.id, Some(account())));
        assert_eq!(session.proof, Proof::TwoFactors);
        assert_eq!(session.client.network, network(1));
        assert_eq!(done.codes_left, 10);
        let again = answer(&fixture, &challenge, Answer::Code(&code), 1).await;
        assert!(
            matches!(again, Err(Error::Wrong)),
            "the challenge is used: {again:?}"
        );
    }

    #[tokio::test]
    async fn a_code_counts_once_and_one_of_an_earlier_step_never_after_it() {
        let (fixture, ada, secret) = world().await;
        let now = fixture.identity.clock.now();
        let before = code_at(&secret, now.minus(Duration::from_secs(30)));
        let (present, far) = (
            code_at(&secret, now),
            code_at(&secret, now.plus(Duration::from_secs(90))),
        );
        let early = answer(
            &fixture,
            &challenged(&fixture, &ada, 1).await,
            Answer::Code(&far),
            1,
        )
        .await;
        assert!(matches!(early, Err(Error::Wrong)), "{early:?}");
        let first = answer(
            &fixture,
            &challenged(&fixture, &ada, 1).await,
            Answer::Code(&present),
            1,
        )
        .await;
        first.unwrap();
        for used in [&present, &before] {
            let challenge = challenged(&fixture, &ada, 1).await;
            let again = answer(&fixture, &challenge, Answer::Code(used), 1).await;
            assert!(matches!(again, Err(Error::Wrong)), "{again:?}");
        }
    }

    #[tokio::test]
    async fn of_a_hundred_with_the_same_code_one_signs_in() {
        let (fixture, ada, secret) = world().await;
        let code = now_code(&fixture, &secret);
        let mut tasks = tokio::task::JoinSet::new();
        let one = challenged(&fixture, &ada, 1).await;
        let two = challenged(&fixture, &ada, 2).await;
        for at in 0..100_u8 {
            let (identity, by) = (fixture.identity.clone(), fixture.anonymous());
            let (challenge, n) = if at % 2 == 0 { (&one, 1) } else { (&two, 2) };
            let command = command(challenge, Answer::Code(&code), n);
            tasks.spawn(async move { verify(&identity, &by, &command).await });
        }
        let mut signed_in = 0;
        while let Some(done) = tasks.join_next().await {
            signed_in += usize::from(done.unwrap().is_ok());
        }
        assert_eq!(signed_in, 1);
    }

    #[tokio::test]
    async fn five_wrong_codes_end_a_challenge() {
        let (fixture, ada, secret) = world().await;
        let challenge = challenged(&fixture, &ada, 1).await;
        for _ in 0..MOST_FAILURES {
            let wrong = answer(&fixture, &challenge, Answer::Code("000000"), 1).await;
            assert!(matches!(wrong, Err(Error::Wrong)), "{wrong:?}");
        }
        let code = now_code(&fixture, &secret);
        let late = answer(&fixture, &challenge, Answer::Code(&code), 1).await;
        assert!(matches!(late, Err(Error::Wrong)), "{late:?}");
        let next = challenged(&fixture, &ada, 1).await;
        answer(&fixture, &next, Answer::Code(&code), 1).await.unwrap();
    }

    #[tokio::test]
    async fn a_challenge_is_answered_in_time_and_from_its_network() {
        let (fixture, ada, secret) = world().await;
        let challenge = challenged(&fixture, &ada, 1).await;
        let code = now_code(&fixture, &secret);
        let elsewhere = answer(&fixture, &challenge, Answer::Code(&code), 2).await;
        assert!(matches!(elsewhere, Err(Error::Wrong)), "{elsewhere:?}");
        let unknown = answer(&fixture, &"bwq_unknown".into(), Answer::Code(&code), 1).await;
        assert!(matches!(unknown, Err(Error::Wrong)), "{unknown:?}");
        fixture.clock.advance(Duration::from_mins(5));
        let code = now_code(&fixture, &secret);
        let late = answer(&fixture, &challenge, Answer::Code(&code), 1).await;
        assert!(matches!(late, Err(Error::Wrong)), "{late:?}");
    }

    #[tokio::test]
    async fn a_recovery_code_signs_in_once_and_is_told() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        let (_, codes) = enrolled_with_codes(&fixture, &ada, session).await;
        fixture.store.take_changes();
        let challenge = challenged(&fixture, &ada, 1).await;
        let done = answer(&fixture, &challenge, Answer::Recovery(&codes[3]), 1).await;
        assert_eq!(done.unwrap().codes_left, 9);
        let used = Change::by_the_suite("recovery_code.use", format!("user:{}", ada.id));
        let told = fixture.store.take_changes();
        assert_eq!(
            (told.len(), told.first()),
            (2, Some(&used)),
            "and that the session began"
        );
        let challenge = challenged(&fixture, &ada, 1).await;
        let again = answer(&fixture, &challenge, Answer::Recovery(&codes[3]), 1).await;
        assert!(matches!(again, Err(Error::Wrong)), "{again:?}");
        answer(&fixture, &challenge, Answer::Recovery(&codes[4]), 1)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn what_changed_after_the_password_ends_the_challenge() {
        let (fixture, ada, secret) = world().await;
        let code = now_code(&fixture, &secret);
        let root = || [ScopeRoot::User(ada.id)];
        let expelled = challenged(&fixture, &ada, 1).await;
        fixture.authorization.expel(account(), ada.id);
        let refused = answer(&fixture, &expelled, Answer::Code(&code), 1).await;
        assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
        let disabled = challenged(&fixture, &ada, 1).await;
        let mut write = fixture.store.write(&root()).await.unwrap();
        write.insert_closing(&fixture.closing(&ada)).await.unwrap();
        write.commit().await.unwrap();
        let refused = answer(&fixture, &disabled, Answer::Code(&code), 1).await;
        assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
        let mut write = fixture.store.write(&root()).await.unwrap();
        write.delete_closing(ada.id).await.unwrap();
        write.commit().await.unwrap();
        let removed = challenged(&fixture, &ada, 1).await;
        let session = fixture
            .store
            .live_sessions(ada.id, fixture.identity.clock.now())
            .await
            .unwrap()[0];
        let changed = challenged(&fixture, &ada, 1).await;
        let mut write = fixture.store.write(&root()).await.unwrap();
        let other = PasswordHash::from_stored("another".to_owned());
        write.set_password(ada.id, &other).await.unwrap();
        write.commit().await.unwrap();
        let refused = answer(&fixture, &changed, Answer::Code(&code), 1).await;
        assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
        remove(&fixture.identity, &fixture.as_user(&ada, session))
            .await
            .unwrap();
        let refused = answer(&fixture, &removed, Answer::Code(&code), 1).await;
        assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
    }

    #[tokio::test]
    async fn a_sign_in_that_authorization_does_not_answer_counts_no_wrong_code() {
        let (fixture, ada, secret) = world().await;
        let challenge = challenged(&fixture, &ada, 1).await;
        let code = now_code(&fixture, &secret);
        fixture.authorization.fails(PeerError::Unavailable.into());
        for _ in 0..20 {
            let failed = answer(&fixture, &challenge, Answer::Code(&code), 1).await;
            assert!(matches!(failed, Err(Error::Peer(_))), "{failed:?}");
        }
        fixture.authorization.answers();
        answer(&fixture, &challenge, Answer::Code(&code), 1)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn whoever_knows_the_password_guesses_few_codes_and_the_owner_at_its_device_signs_in() {
        let (fixture, ada, secret) = world().await;
        let challenge = challenged(&fixture, &ada, 1).await;
        let code = now_code(&fixture, &secret);
        let done = answer(&fixture, &challenge, Answer::Code(&code), 1)
            .await
            .unwrap();
        let device = done.signed_in.device.token;
        let most = fixture.identity.throttle.lock_after;
        let mut guessed = 0;
        for n in 0..200 {
            fixture.clock.advance(Duration::from_mins(3));
            let challenge = challenged(&fixture, &ada, n).await;
            let wrong = answer(&fixture, &challenge, Answer::Code("000000"), n).await;
            guessed += u32::from(matches!(wrong, Err(Error::Wrong)));
        }
        assert!(guessed >= most, "{guessed}");
        let totp = fixture.store.totp(ada.id).await.unwrap().unwrap();
        assert!(totp.failures >= most);
        fixture.clock.advance(Duration::from_hours(2));
        let code = now_code(&fixture, &secret);
        let stranger = challenged(&fixture, &ada, 9).await;
        let locked = answer(&fixture, &stranger, Answer::Code(&code), 9).await;
        assert!(matches!(locked, Err(Error::Wrong)), "{locked:?}");
        let own = signing_in(&fixture, &ada, 9, Some(device)).await;
        answer(&fixture, &own, Answer::Code(&code), 9).await.unwrap();
        let totp = fixture.store.totp(ada.id).await.unwrap().unwrap();
        assert_eq!(totp.failures, 0);
    }

    #[tokio::test]
    async fn a_recovery_code_ends_the_lock_of_the_codes() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        let (secret, codes) = enrolled_with_codes(&fixture, &ada, session).await;
        fixture.clock.advance(Duration::from_mins(1));
        let mut write = fixture.store.write(&[]).await.unwrap();
        for _ in 0..fixture.identity.throttle.lock_after {
            write.count_totp_failure(ada.id).await.unwrap();
        }
        write.commit().await.unwrap();
        let challenge = challenged(&fixture, &ada, 1).await;
        let code = now_code(&fixture, &secret);
        let locked = answer(&fixture, &challenge, Answer::Code(&code), 1).await;
        assert!(matches!(locked, Err(Error::Wrong)), "{locked:?}");
        answer(&fixture, &challenge, Answer::Recovery(&codes[0]), 1)
            .await
            .unwrap();
        let letters = fixture.deliver().await;
        assert_eq!((letters.len(), letters[0].kind), (1, Kind::RecoveryCodeUsed));
        assert_eq!(letters[0].to, ada.email);
        let challenge = challenged(&fixture, &ada, 2).await;
        answer(&fixture, &challenge, Answer::Code(&code), 2)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_stolen_device_token_guesses_no_more_codes_than_lock_it() {
        let (fixture, ada, secret) = world().await;
        let challenge = challenged(&fixture, &ada, 1).await;
        let code = now_code(&fixture, &secret);
        let done = answer(&fixture, &challenge, Answer::Code(&code), 1)
            .await
            .unwrap();
        let device = done.signed_in.device.token;
        let most = fixture.identity.throttle.lock_after;
        for _ in 0..2 * most {
            fixture.clock.advance(Duration::from_mins(3));
            let challenge = signing_in(&fixture, &ada, 9, Some(device.clone())).await;
            answer(&fixture, &challenge, Answer::Code("000000"), 9)
                .await
                .unwrap_err();
        }
        let totp = fixture.store.totp(ada.id).await.unwrap().unwrap();
        assert_eq!(totp.failures, most, "codes that were looked at");
        let code = now_code(&fixture, &secret);
        let challenge = signing_in(&fixture, &ada, 9, Some(device)).await;
        let late = answer(&fixture, &challenge, Answer::Code(&code), 9).await;
        assert!(matches!(late, Err(Error::Attempt(_))), "{late:?}");
    }

    #[tokio::test]
    async fn wrong_codes_from_a_network_are_limited() {
        let (fixture, ada, _) = world().await;
        let mut limited = 0;
        for _ in 0..3 {
            let challenge = challenged(&fixture, &ada, 1).await;
            for _ in 0..MOST_FAILURES {
                let wrong = answer(&fixture, &challenge, Answer::Code("000000"), 1).await;
                limited += usize::from(matches!(wrong, Err(Error::Attempt(_))));
            }
        }
        assert_eq!(limited, 5, "ten of fifteen were looked at");
    }
}
