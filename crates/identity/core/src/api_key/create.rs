//! Makes an API key, which is shown once; also one that takes the place of another.

use std::time::Duration;

use bailiwick_types::{
    AccountId, ApiKeyId, Authorized, CallerKind, KeyPermission, KeyScope, KeyText, Network, Refused, Scope,
    ScopeRoot, StoreError, Subject, Timestamp, Title, Token, UserId, Violations, faults,
    method::identity::CreateApiKey,
};
use secrecy::SecretString;

use super::{ApiKey, MOST};
use crate::{
    Identity,
    change::Change,
    peer::PeerError,
    request::{self, RequestError, RequestId, RequestKey},
    secret::Digest,
    store::Write,
};

/// What the key serves for.
#[derive(Debug, Clone)]
pub enum Serves {
    /// As it is said.
    For {
        /// The place in the account; the account itself for all of it.
        place: Scope,
        /// The permissions.
        permissions: Vec<KeyPermission>,
        /// From where; empty for everywhere.
        networks: Vec<Network>,
    },
    /// As the key in whose place it is made.
    As {
        /// That key.
        old: ApiKeyId,
        /// How long it serves on.
        old_lifetime: Duration,
    },
}

/// The key to make.
#[derive(Debug, Clone)]
pub struct Command {
    /// Title.
    pub title: Title,
    /// What it serves for.
    pub serves: Serves,
    /// When it ends.
    pub expires: Timestamp,
    /// The client's id of the request.
    pub request_id: Option<RequestId>,
    /// What the maker's membership must be as fresh as.
    pub token: Token,
}

impl Command {
    /// How long a key that is renewed serves on where nothing is said.
    pub const USUAL: Duration = Duration::from_hours(7 * 24);
    /// The longest time for which it may.
    pub const LONGEST: Duration = Duration::from_hours(30 * 24);
    /// The longest life of a key: a year.
    pub const LONGEST_LIFE: Duration = Duration::from_hours(366 * 24);

    fn content(&self, account: AccountId) -> Vec<String> {
        let mut content = vec![
            account.to_string(),
            self.title.as_str().to_owned(),
            self.expires.to_string(),
        ];
        match &self.serves {
            Serves::For {
                place,
                permissions,
                networks,
            } => {
                content.extend(["for".to_owned(), place.to_string(), permissions.len().to_string()]);
                content.extend(
                    permissions
                        .iter()
                        .map(|permission| permission.as_str().to_owned()),
                );
                content.extend(networks.iter().map(ToString::to_string));
            }
            Serves::As { old, old_lifetime } => {
                let lifetime = old_lifetime.as_micros().to_string();
                content.extend(["as".to_owned(), old.to_string(), lifetime]);
            }
        }
        content
    }
}

/// A key that was made.
#[derive(Debug, Clone)]
pub struct Created {
    /// The key.
    pub key: ApiKey,
    /// Its text; absent in the answer to a repeated request, since it is not stored.
    pub secret: Option<SecretString>,
    /// The key in whose place it was made.
    pub old: Option<ApiKeyId>,
    /// The write.
    pub token: Token,
}

faults! {
    /// Why the key is not made.
    Error: Invalid(Violations), Refused(Refused), Peer(PeerError), Request(RequestError), Store(StoreError);
    /// The key to be renewed is no longer live.
    Ended { key: ApiKeyId } "key `{key}` has ended: create a new one" => FailedPrecondition NotActive [key];
    /// Three keys would be live.
    TwoLive { limit: &'static str, value: u64, key: ApiKeyId }
        "two keys are live already: revoke key `{key}`, or wait for its end"
        => FailedPrecondition LimitReached [limit, value, key];
    /// The user has as many as it may have.
    TooMany { limit: &'static str, value: u64 }
        "the user has {value} live keys: revoke what is no longer needed"
        => ResourceExhausted LimitReached [limit, value];
}

/// Makes the key. A repeated request is answered as the first one was, without the secret.
///
/// # Errors
/// The caller is no active member of the account, the end is not within a year, the key to be renewed is not
/// the caller's or has ended, or there would be too many.
pub async fn create(
    identity: &Identity,
    by: &Authorized<CreateApiKey>,
    command: &Command,
) -> Result<Created, Error> {
    let account = by.account().ok_or(Refused::Denied)?.id();
    // Programs have secrets of their own, and a key makes no key.
    let user = by.subject().and_then(Subject::user_id);
    let user = user.filter(|_| by.caller().kind() == CallerKind::User);
    let user = user.ok_or(Refused::Denied)?;
    let content = command.content(account);
    let content: Vec<&str> = content.iter().map(String::as_str).collect();
    let request = command.request_id.map(|id| RequestKey::new(by, id, &content));
    loop {
        if let Some(id) = request::made(&*identity.store, request.as_ref()).await? {
            return repeated(identity, user, id).await;
        }
        let now = identity.clock.now();
        if command.expires <= now || command.expires > now.plus(Command::LONGEST_LIFE) {
            let rule = "must be in the future, and at most a year from now";
            return Err(Violations::of("expire_time", rule).into());
        }
        let member = identity.members.is_active(account, user, &command.token);
        if !member.await? {
            return Err(Refused::Denied.into());
        }
        let asked = Asked {
            account,
            user,
            command,
            now,
        };
        if let Some(created) = insert(identity, by, &asked, request.as_ref()).await? {
            return Ok(created);
        }
    }
}

struct Asked<'a> {
    account: AccountId,
    user: UserId,
    command: &'a Command,
    now: Timestamp,
}

/// Nothing where the same request was answered in the meantime.
async fn insert(
    identity: &Identity,
    by: &Authorized<CreateApiKey>,
    asked: &Asked<'_>,
    request: Option<&RequestKey>,
) -> Result<Option<Created>, Error> {
    let id = ApiKeyId::generate(&*identity.ids);
    let text = SecretString::from(KeyText::write(id, |bytes| identity.rng.fill(bytes)));
    let root = ScopeRoot::User(asked.user);
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    if let Some(request) = request
        && !write.record_request(request, &id.to_string(), asked.now).await?
    {
        return Ok(None);
    }
    if write.live_api_keys(asked.user, asked.now).await? >= MOST {
        return Err(Error::TooMany {
            limit: "api_keys",
            value: MOST,
        });
    }
    let (place, permissions, networks, old) = match &asked.command.serves {
        Serves::For {
            place,
            permissions,
            networks,
        } => (place.clone(), permissions.clone(), networks.clone(), None),
        Serves::As { old, old_lifetime } => {
            let old = renewed(&mut *write, asked, *old, (id, *old_lifetime)).await?;
            let KeyScope {
                place,
                permissions,
                networks,
                ..
            } = old.scope.clone();
            write.update_api_key(&old).await?;
            let (key, user) = (old.id(), asked.user);
            write.emit(&root, Change::ApiKeyEnded { key, user })?;
            (place, permissions, networks, Some(key))
        }
    };
    let key = ApiKey {
        title: asked.command.title.clone(),
        user: asked.user,
        scope: KeyScope {
            key: id,
            account: asked.account,
            place,
            permissions,
            networks,
        },
        created: asked.now,
        expires: asked.command.expires,
        revoked: None,
        last_used: None,
        renewed_by: None,
    };
    let mac = identity.key_peppers.mac(&Digest::of(&text));
    write.insert_api_key(&key, &mac).await?;
    write.emit(&root, Change::by(by, format!("api_key:{id}")))?;
    let token = write.commit().await?;
    Ok(Some(Created {
        key,
        secret: Some(text),
        old,
        token,
    }))
}

/// The key that another one takes the place of, as it is then.
async fn renewed(
    write: &mut dyn Write,
    asked: &Asked<'_>,
    old: ApiKeyId,
    (by, lifetime): (ApiKeyId, Duration),
) -> Result<ApiKey, Error> {
    let found = write.api_key(old).await?;
    let own = found.filter(|key| key.user == asked.user && key.scope.account == asked.account);
    let mut old = own.ok_or(Refused::NotFound("API key"))?;
    if !old.is_live(asked.now) {
        return Err(Error::Ended { key: old.id() });
    }
    let after = match old.renewed_by {
        Some(after) => write.api_key(after).await?,
        None => None,
    };
    let before = write.api_key_before(old.id()).await?;
    let mut others = [after, before].into_iter().flatten();
    if let Some(other) = others.find(|other| other.is_live(asked.now)) {
        return Err(Error::TwoLive {
            limit: "live_keys",
            value: 2,
            key: other.id(),
        });
    }
    old.expires = old.expires.min(asked.now.plus(lifetime));
    old.renewed_by = Some(by);
    Ok(old)
}

async fn repeated(identity: &Identity, user: UserId, id: ApiKeyId) -> Result<Created, Error> {
    let found = identity.store.api_key(id).await?;
    let key = found.ok_or_else(|| request::lost(&id))?;
    let write = identity.store.write(&[ScopeRoot::User(user)]).await?;
    Ok(Created {
        key,
        secret: None,
        old: None,
        token: write.commit().await?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api_key::{Reader as _, revoke},
        fixture::{Fixture, account},
        user::User,
    };
    use bailiwick_testkit::witness;
    use bailiwick_types::{Method, SessionId, Target};
    use secrecy::ExposeSecret;
    use uuid::Uuid;

    const DAY: Duration = Duration::from_hours(24);

    fn command(fixture: &Fixture) -> Command {
        Command {
            title: "Reports".parse().unwrap(),
            serves: Serves::For {
                place: Scope::Account(account()),
                permissions: vec!["survey.view".parse().unwrap()],
                networks: vec!["10.0.0.0/8".parse().unwrap()],
            },
            expires: fixture.identity.clock.now().plus(30 * DAY),
            request_id: None,
            token: Token::default(),
        }
    }

    fn renewing(fixture: &Fixture, old: &ApiKey, old_lifetime: Duration) -> Command {
        Command {
            serves: Serves::As {
                old: old.id(),
                old_lifetime,
            },
            ..command(fixture)
        }
    }

    fn by<M: Method>(user: &User) -> Authorized<M> {
        let session = SessionId::from_uuid(Uuid::from_u128(3));
        let subject = Subject::user(user.id);
        let caller = witness::user(subject.clone(), Some(account()), session);
        witness::authorized(&caller, &Target::account(account()).owned_by(subject), false)
    }

    async fn member(fixture: &Fixture, email: &str) -> User {
        let user = fixture.user(email).await;
        fixture.authorization.admit(account(), user.id);
        user
    }

    async fn run(fixture: &Fixture, user: &User, command: &Command) -> Result<Created, Error> {
        create(&fixture.identity, &by(user), command).await
    }

    #[tokio::test]
    async fn a_key_is_shown_once_and_stored_as_an_hmac() {
        let fixture = Fixture::new().await;
        let ada = member(&fixture, "ada@example.com").await;
        fixture.store.take_changes();
        let made = run(&fixture, &ada, &command(&fixture)).await.unwrap();
        let text = made.secret.unwrap();
        let read = KeyText::parse(text.expose_secret()).unwrap();
        assert_eq!(read.id(), made.key.id());
        let (stored, mac) = fixture.store.api_key_mac(read.id()).await.unwrap().unwrap();
        assert_eq!(stored, made.key);
        assert_ne!(mac.mac, Digest::of(&text), "a read of the database makes no key");
        assert!(fixture.identity.key_peppers.verify(&mac, &Digest::of(&text)));
        let audited = Change::by(&by::<CreateApiKey>(&ada), format!("api_key:{}", read.id()));
        assert_eq!(fixture.store.take_changes(), [audited]);
    }

    #[tokio::test]
    async fn a_key_has_an_end_within_a_year() {
        let fixture = Fixture::new().await;
        let ada = member(&fixture, "ada@example.com").await;
        let now = fixture.identity.clock.now();
        let year = Command::LONGEST_LIFE;
        for (expires, made) in [
            (now, false),
            (now.minus(DAY), false),
            (now.plus(year + Duration::from_secs(1)), false),
            (now.plus(year), true),
        ] {
            let asked = Command {
                expires,
                ..command(&fixture)
            };
            let answer = run(&fixture, &ada, &asked).await;
            assert_eq!(answer.is_ok(), made, "{expires}: {answer:?}");
        }
    }

    #[tokio::test]
    async fn only_an_active_member_with_a_session_makes_a_key() {
        let fixture = Fixture::new().await;
        let eve = fixture.user("eve@example.com").await;
        let refused = run(&fixture, &eve, &command(&fixture)).await;
        assert!(
            matches!(refused, Err(Error::Refused(Refused::Denied))),
            "{refused:?}"
        );
        let service = witness::caller(
            CallerKind::Service,
            Subject::service(crate::fixture::unknown_service()),
            Some(account()),
        );
        let service = witness::authorized(&service, &Target::account(account()), false);
        let refused = create(&fixture.identity, &service, &command(&fixture)).await;
        assert!(
            matches!(refused, Err(Error::Refused(Refused::Denied))),
            "{refused:?}"
        );
    }

    #[tokio::test]
    async fn a_renewed_key_serves_as_the_old_one_did_which_ends_sooner() {
        let fixture = Fixture::new().await;
        let ada = member(&fixture, "ada@example.com").await;
        let old = run(&fixture, &ada, &command(&fixture)).await.unwrap().key;
        fixture.store.take_changes();
        let new = run(&fixture, &ada, &renewing(&fixture, &old, DAY)).await.unwrap();
        assert_eq!(new.old, Some(old.id()));
        let scope = KeyScope {
            key: new.key.id(),
            ..old.scope.clone()
        };
        assert_eq!(new.key.scope, scope);
        let now = fixture.identity.clock.now();
        let stored = fixture.store.api_key(old.id()).await.unwrap().unwrap();
        assert_eq!(
            (stored.expires, stored.renewed_by),
            (now.plus(DAY), Some(new.key.id()))
        );
        let told = Change::ApiKeyEnded {
            key: old.id(),
            user: ada.id,
        };
        assert_eq!(fixture.store.take_changes().first(), Some(&told));
    }

    #[tokio::test]
    async fn no_third_key_is_live_and_a_lost_one_is_replaced_once_it_was_revoked() {
        let fixture = Fixture::new().await;
        let ada = member(&fixture, "ada@example.com").await;
        let old = run(&fixture, &ada, &command(&fixture)).await.unwrap().key;
        let lost = run(&fixture, &ada, &renewing(&fixture, &old, DAY))
            .await
            .unwrap()
            .key;
        for third in [&old, &lost] {
            let refused = run(&fixture, &ada, &renewing(&fixture, third, DAY)).await;
            assert!(matches!(refused, Err(Error::TwoLive { .. })), "{refused:?}");
        }
        revoke(&fixture.identity, &by(&ada), lost.id()).await.unwrap();
        let new = run(&fixture, &ada, &renewing(&fixture, &old, DAY))
            .await
            .unwrap()
            .key;
        // When the first one has ended, the second one can be renewed.
        fixture.clock.advance(DAY);
        let refused = run(&fixture, &ada, &renewing(&fixture, &old, DAY)).await;
        assert!(matches!(refused, Err(Error::Ended { .. })), "{refused:?}");
        run(&fixture, &ada, &renewing(&fixture, &new, DAY)).await.unwrap();
    }

    #[tokio::test]
    async fn nobody_renews_the_key_of_somebody_else() {
        let fixture = Fixture::new().await;
        let ada = member(&fixture, "ada@example.com").await;
        let eve = member(&fixture, "eve@example.com").await;
        let key = run(&fixture, &ada, &command(&fixture)).await.unwrap().key;
        let refused = run(&fixture, &eve, &renewing(&fixture, &key, DAY)).await;
        assert!(
            matches!(refused, Err(Error::Refused(Refused::NotFound(_)))),
            "{refused:?}"
        );
    }

    #[tokio::test]
    async fn a_repeated_request_makes_no_second_key_and_shows_no_secret() {
        let fixture = Fixture::new().await;
        let ada = member(&fixture, "ada@example.com").await;
        let asked = Command {
            request_id: Some("4d3cb9d2-16ac-4a3b-8f0e-0d3b4f5a7d21".parse().unwrap()),
            ..command(&fixture)
        };
        let first = run(&fixture, &ada, &asked).await.unwrap();
        // Also when its end has come in the meantime.
        fixture.clock.advance(31 * DAY);
        let again = run(&fixture, &ada, &asked).await.unwrap();
        assert_eq!(first.key, again.key);
        assert!(first.secret.is_some() && again.secret.is_none());
        let other = Command {
            title: "Other".parse().unwrap(),
            ..asked
        };
        let refused = run(&fixture, &ada, &other).await;
        assert!(
            matches!(refused, Err(Error::Request(RequestError::Reused))),
            "{refused:?}"
        );
    }

    #[tokio::test]
    async fn the_live_keys_of_a_user_are_counted() {
        let fixture = Fixture::new().await;
        let ada = member(&fixture, "ada@example.com").await;
        for _ in 0..MOST {
            run(&fixture, &ada, &command(&fixture)).await.unwrap();
        }
        let refused = run(&fixture, &ada, &command(&fixture)).await;
        assert!(matches!(refused, Err(Error::TooMany { .. })), "{refused:?}");
        fixture.clock.advance(30 * DAY);
        run(&fixture, &ada, &command(&fixture)).await.unwrap();
    }
}
