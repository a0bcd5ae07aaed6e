//! Signs a user in with e-mail address and password, for an account or for none.
//!
//! Everything that could tell callers apart comes after the attempt was taken, and is done for all of them:
//! the account is asked about a user that does not exist, and a hash is computed without a password to
//! compare.

use bailiwick_types::{
    AccountId, Authorized, Email, ScopeRoot, SessionId, StoreError, Token, UserId, faults,
    method::identity::SignIn,
};
use secrecy::SecretString;

use super::{Beginning, Begun, Client, IssueError, Proof, TokenPair, UserAgent, begin};
use crate::{
    Identity,
    attempt::{self, AdmissionError, Admitted, Attempt, AttemptError, ClientNetwork, Guesser},
    device::{self, DeviceToken},
    password::PasswordHash,
    peer::PeerError,
    second_factor::{self, Challenge, Challenged},
    secret::Digest,
    user::Credentials,
};

/// The credentials.
#[derive(Debug, Clone)]
pub struct Command {
    /// E-mail address.
    pub email: Email,
    /// Password.
    pub password: SecretString,
    /// The account to sign in for.
    pub account: Option<AccountId>,
    /// The token of the device, if it has one.
    pub device: Option<SecretString>,
    /// How the client names itself.
    pub agent: UserAgent,
    /// What authorization must have seen when it is asked about the membership.
    pub token: Token,
}

/// A user that is signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The tokens.
    pub tokens: TokenPair,
    /// The token of the device, for the next sign-in.
    pub device: DeviceToken,
    /// The sessions that ended, because the user has too many.
    pub ended: Vec<SessionId>,
    /// The user's revision: a new user may not have reached the other services when it signs in first.
    pub token: Token,
}

/// What a sign-in comes to.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The user is signed in.
    SignedIn(Box<SignedIn>),
    /// The user has a second factor, which it has to prove next.
    Challenged(Challenged),
}

faults! {
    /// Why the user is not signed in.
    Error: Admission(AdmissionError), Attempt(AttemptError), Issue(IssueError), Peer(PeerError),
        Store(StoreError);
    /// There is no such user, it may not sign in, or the password is wrong: one answer for all.
    Wrong "wrong e-mail address or password" => Unauthenticated CredentialsInvalid;
    /// The password is right, but the user is not an active member of the account: the same answer, which
    /// does not tell that the password is right.
    NotMember "wrong e-mail address or password" => Unauthenticated CredentialsInvalid;
    /// After too many failures from unknown devices these need more than a password: the same answer.
    Locked "wrong e-mail address or password" => Unauthenticated CredentialsInvalid;
}

/// A sign-in that was let in.
#[derive(Debug)]
pub struct Entered {
    entrance: Entrance,
    network: ClientNetwork,
}

#[derive(Debug)]
enum Entrance {
    /// From a device at which the user has signed in before: strangers do not hold it up.
    Known(Digest),
    /// From any other device, in its turn.
    Stranger(Admitted),
}

/// Lets a sign-in in. A caller that goes away while it waits gives its place up.
///
/// # Errors
/// Too many wait already.
pub async fn enter(identity: &Identity, command: &Command, network: ClientNetwork) -> Result<Entered, Error> {
    if command.device.is_some() {
        let known = identity.store.credentials_by_email(&command.email.key()).await?;
        let user = known.map(|known| known.user.id);
        if let Some(device) = device::recognize(identity, user, command.device.as_ref()).await? {
            return Ok(Entered {
                entrance: Entrance::Known(device),
                network,
            });
        }
    }
    let admitted = identity.admission.enter(network).await?;
    Ok(Entered {
        entrance: Entrance::Stranger(admitted),
        network,
    })
}

/// Signs the user in.
///
/// # Errors
/// See [`Error`].
pub async fn sign_in(
    identity: &Identity,
    by: &Authorized<SignIn>,
    command: &Command,
    entered: Entered,
) -> Result<Outcome, Error> {
    let email = command.email.key();
    let known = identity.store.credentials_by_email(&email).await?;
    let user = known.as_ref().map(|known| known.user.id);
    // A user at its own devices waits for itself. Strangers take turns by their network.
    let _lane = match (&entered.entrance, user) {
        (Entrance::Known(_), Some(user)) => {
            let lane = identity.passwords.lane(user).await;
            Some(lane.map_err(AttemptError::from)?)
        }
        _ => None,
    };
    let attempt = match &entered.entrance {
        Entrance::Known(device) => attempt::guess(identity, Guesser::Known(device)).await?,
        Entrance::Stranger(admitted) => {
            let network = admitted.network();
            let email = &email;
            let stranger = Guesser::Stranger { email, user, network };
            attempt::guess(identity, stranger).await?
        }
    };
    let member = match is_member(identity, command, user).await {
        Ok(member) => member,
        Err(error) => {
            attempt.cancel(identity).await?;
            return Err(error.into());
        }
    };
    let stored = known.as_ref().and_then(|known| known.password.as_ref());
    let right = attempt.verify(identity, &command.password, stored).await?;
    let refused = match known {
        Some(known) if right && member && known.may_sign_in() => {
            let stored = known.password.as_ref();
            let upgraded = attempt.upgrade(identity, &command.password, stored).await;
            return begin_session(identity, &known, upgraded, command, &entered, &attempt).await;
        }
        _ if attempt.is_locked() => Error::Locked,
        Some(_) if right && !member => Error::NotMember,
        _ => Error::Wrong,
    };
    identity
        .failures
        .sign_in(by.action(), user, command.account.filter(|_| member));
    attempt.fail(identity).await?;
    Err(refused)
}

/// Whether the user is an active member of the account that it signs in for. Asked also where no user has the
/// address: a user that does not exist is a member of nothing.
async fn is_member(identity: &Identity, command: &Command, user: Option<UserId>) -> Result<bool, PeerError> {
    let Some(account) = command.account else {
        return Ok(true);
    };
    let user = user.unwrap_or_else(|| UserId::generate(&*identity.ids));
    identity.members.is_active(account, user, &command.token).await
}

async fn begin_session(
    identity: &Identity,
    verified: &Credentials,
    upgraded: Option<PasswordHash>,
    command: &Command,
    entered: &Entered,
    attempt: &Attempt,
) -> Result<Outcome, Error> {
    let now = identity.clock.now();
    let user = verified.user.id;
    // The user's root serializes sign-ins with a disabling and with a new password: these end the session, or
    // the sign-in sees them.
    let mut write = identity.store.write(&[ScopeRoot::User(user)]).await?;
    let known = write.credentials(user).await?;
    let known = known.filter(|known| known.may_sign_in() && known.has_password_of(verified));
    let mut known = known.ok_or(Error::Wrong)?;
    attempt.succeed(&mut *write).await?;
    if let Some(hash) = upgraded {
        write.set_password(user, &hash).await?;
        // A challenge is bound to the hash that is stored from now on.
        known.password = Some(hash);
    }
    let device = match &entered.entrance {
        Entrance::Known(device) => Some(device),
        Entrance::Stranger(_) => None,
    };
    let client = Client {
        agent: command.agent.clone(),
        network: entered.network,
    };
    if write
        .totp(user)
        .await?
        .is_some_and(|totp| totp.confirmed.is_some())
    {
        let challenge = Challenge::new(&known, command.account, client, device.copied(), now);
        let challenged = second_factor::challenge(identity, &mut *write, challenge).await?;
        write.commit().await?;
        return Ok(Outcome::Challenged(challenged));
    }
    let beginning = Beginning {
        user,
        account: command.account,
        proof: Proof::Password,
        client,
        device,
    };
    let begun = begin(identity, &mut *write, beginning, now).await?;
    let token = write.commit().await?;
    Ok(Outcome::SignedIn(Box::new(SignedIn::new(user, begun, token))))
}

impl SignedIn {
    pub(crate) fn new(user: UserId, begun: Begun, token: Token) -> Self {
        Self {
            user,
            session: begun.session,
            tokens: begun.tokens,
            device: begun.device,
            ended: begun.ended,
            token,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bailiwick_types::Fault as _;

    use super::*;
    use crate::{
        fixture::{Fixture, PASSWORD, account},
        password::{HashCost, Share},
        peer::PeerError,
        session::Reader as _,
        store::Store as _,
        user::Reader as _,
    };

    fn command(email: &str, password: &str) -> Command {
        Command {
            email: email.parse().unwrap(),
            password: password.into(),
            account: None,
            device: None,
            agent: UserAgent::default(),
            token: Token::default(),
        }
    }
    fn ada_command() -> Command {
        command("ada@example.com", PASSWORD)
    }
    fn network(n: u8) -> ClientNetwork {
        ClientNetwork::V4([192, 0, n])
    }
    async fn run(fixture: &Fixture, command: &Command) -> Result<SignedIn, Error> {
        fixture.try_sign_in(command, network(1)).await
    }

    #[tokio::test]
    async fn a_member_gets_a_session_for_its_account() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        fixture.authorization.admit(account(), ada.id);
        let command = Command {
            account: Some(account()),
            ..command("ADA@example.com", PASSWORD)
        };
        let done = run(&fixture, &command).await.unwrap();
        let session = fixture.store.session(done.session).await.unwrap().unwrap();
        assert_eq!((session.user, session.account), (ada.id, Some(account())));
        let now = fixture.identity.clock.now();
        assert_eq!(done.tokens.session_expires, now.plus(Duration::from_hours(72)));
    }

    #[tokio::test]
    async fn unknown_users_wrong_passwords_and_users_without_password_are_refused_alike() {
        let fixture = Fixture::new().await;
        fixture.user("ada@example.com").await;
        fixture.user_without_password("bare@example.com").await;
        for email in ["ada@example.com", "bare@example.com", "unknown@example.com"] {
            let before = fixture.identity.passwords.computed(Share::SignIn);
            let refused = run(&fixture, &command(email, "wrong password")).await;
            assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
            let hashes = fixture.identity.passwords.computed(Share::SignIn) - before;
            assert_eq!(hashes, 1, "the same work for {email}");
        }
    }

    #[tokio::test]
    async fn a_sign_in_is_audited_and_a_failed_one_noted_in_the_log_of_an_account_of_the_user_alone() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let bob = fixture.user("bob@example.com").await;
        fixture.authorization.admit(account(), ada.id);
        fixture.store.take_changes();
        for email in ["ada@example.com", "bob@example.com", "unknown@example.com"] {
            let wrong = Command {
                account: Some(account()),
                ..command(email, "wrong password")
            };
            assert!(run(&fixture, &wrong).await.is_err());
        }
        let noted = fixture.failures.0.lock().unwrap().clone();
        assert_eq!(
            noted,
            [
                (Some(ada.id), Some(account())),
                (Some(bob.id), None),
                (None, None)
            ]
        );
        let right = Command {
            account: Some(account()),
            ..ada_command()
        };
        let done = run(&fixture, &right).await.unwrap();
        let audited = crate::change::Change::signed_in(ada.id, done.session, Some(account()));
        assert_eq!(fixture.store.take_changes(), [audited]);
        assert_eq!(fixture.failures.0.lock().unwrap().len(), 3);
    }

    #[tokio::test]
    async fn a_disabled_user_is_refused() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        crate::user::disable(&fixture.identity, &fixture.operator(), ada.id)
            .await
            .unwrap();
        let refused = run(&fixture, &command("ada@example.com", PASSWORD)).await;
        assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
    }

    async fn entered(fixture: &Fixture, ada: &crate::user::User) -> (Credentials, Entered, Attempt) {
        let identity = &fixture.identity;
        let email = ada.email.key();
        let verified = identity
            .store
            .credentials_by_email(&email)
            .await
            .unwrap()
            .unwrap();
        let entered = enter(identity, &command("ada@example.com", PASSWORD), network(1)).await;
        let stranger = Guesser::Stranger {
            email: &email,
            user: Some(ada.id),
            network: network(1),
        };
        let attempt = attempt::guess(identity, stranger).await.unwrap();
        (verified, entered.unwrap(), attempt)
    }

    #[tokio::test]
    async fn a_user_that_was_disabled_during_the_sign_in_is_refused() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let (verified, entered, attempt) = entered(&fixture, &ada).await;
        let mut write = fixture.store.write(&[]).await.unwrap();
        write.insert_closing(&fixture.closing(&ada)).await.unwrap();
        write.commit().await.unwrap();
        let refused = begin_session(
            &fixture.identity,
            &verified,
            None,
            &ada_command(),
            &entered,
            &attempt,
        )
        .await;
        assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
    }

    #[tokio::test]
    async fn a_password_that_was_replaced_during_the_sign_in_is_refused() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let (mut verified, entered, attempt) = entered(&fixture, &ada).await;
        verified.password = Some(crate::password::PasswordHash::from_stored("another".to_owned()));
        let refused = begin_session(
            &fixture.identity,
            &verified,
            None,
            &ada_command(),
            &entered,
            &attempt,
        )
        .await;
        assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
    }

    #[tokio::test]
    async fn a_sign_in_replaces_a_hash_of_another_cost() {
        let mut fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let hash = async |fixture: &Fixture| {
            let known = fixture.store.credentials(ada.id).await.unwrap().unwrap();
            known.password.unwrap().expose().to_owned()
        };
        let before = hash(&fixture).await;
        run(&fixture, &command("ada@example.com", PASSWORD))
            .await
            .unwrap();
        assert_eq!(hash(&fixture).await, before);
        fixture.cost(HashCost {
            passes: 2,
            ..HashCost::FOR_TESTS
        });
        run(&fixture, &command("ada@example.com", "wrong password"))
            .await
            .unwrap_err();
        assert_eq!(hash(&fixture).await, before);
        run(&fixture, &command("ada@example.com", PASSWORD))
            .await
            .unwrap();
        let after = hash(&fixture).await;
        assert!(after.starts_with("$argon2id$v=19$m=8,t=2,p=1$"), "{after}");
        run(&fixture, &command("ada@example.com", PASSWORD))
            .await
            .unwrap();
        assert_eq!(hash(&fixture).await, after);
    }

    #[tokio::test]
    async fn the_right_password_of_a_user_that_is_no_member_answers_like_a_wrong_one() {
        let fixture = Fixture::new().await;
        fixture.user("ada@example.com").await;
        let for_account = |email: &str, password: &str| Command {
            account: Some(account()),
            ..command(email, password)
        };
        let mut answers = Vec::new();
        for (email, password) in [
            ("ada@example.com", PASSWORD),
            ("ada@example.com", "wrong password"),
            ("unknown@example.com", PASSWORD),
        ] {
            let before = fixture.identity.passwords.computed(Share::SignIn);
            let refused = run(&fixture, &for_account(email, password)).await.unwrap_err();
            let hashes = fixture.identity.passwords.computed(Share::SignIn) - before;
            answers.push((
                refused.code(),
                refused.reason(),
                refused.metadata(),
                refused.to_string(),
                hashes,
            ));
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[1], answers[2]);
    }

    #[tokio::test]
    async fn a_sign_in_for_an_account_fails_alike_without_authorization_and_counts_no_attempt() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        fixture.authorization.admit(account(), ada.id);
        fixture.authorization.fails(PeerError::Unavailable.into());
        let mut command = Command {
            account: Some(account()),
            ..command("ada@example.com", PASSWORD)
        };
        for password in [PASSWORD, "wrong password"].into_iter().cycle().take(40) {
            command.password = password.into();
            let refused = run(&fixture, &command).await;
            assert!(matches!(refused, Err(Error::Peer(_))), "{refused:?}");
        }
        assert_eq!(fixture.identity.passwords.computed(Share::SignIn), 0);
        fixture.authorization.answers();
        command.password = PASSWORD.into();
        run(&fixture, &command).await.unwrap();
    }
}
