//! Ends a token (RFC 7009).

use bailiwick_types::{AccessClaims, ScopeRoot, SessionId, StoreError, Timestamp, UserId, faults};
use secrecy::{ExposeSecret, SecretString};

use super::issue;
use crate::{
    Identity, attempt,
    change::Change,
    secret::Digest,
    session::end_sessions,
    signing::{self, KeysError},
};

/// The audit action.
const REVOKE: &str = "token.revoke";

/// The token and the client that it was issued to.
#[derive(Debug, Clone)]
pub struct Command {
    /// The token.
    pub token: SecretString,
    /// The client. That of users, `bailiwick`, has no secret: their tokens prove enough by themselves.
    pub client: issue::Command,
}

/// What ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// Nothing: the token is unknown, has ended, or is of another client.
    Nothing,
    /// A session, with all its tokens.
    Session(SessionId),
    /// One access token, by its id.
    Token(String),
}

faults! {
    /// Why the token is not revoked.
    Error: Client(issue::Error), Keys(KeysError), Store(StoreError);
}

/// Ends the token, where it is of the client.
///
/// # Errors
/// The secret of the client is wrong.
pub async fn revoke(identity: &Identity, command: &Command) -> Result<Revoked, Error> {
    let client = &command.client;
    let of_users =
        client.client_id == AccessClaims::OWN_CLIENT && client.client_secret.expose_secret().is_empty();
    if !of_users {
        issue::client(identity, client).await?;
    }
    let now = identity.clock.now();
    if of_users && let Some(session) = session_of(identity, &command.token).await? {
        return end_family(identity, session, now).await;
    }
    let ring = identity
        .keys
        .ring_of_age(&*identity.store, super::get_jwks::AGE)
        .await?;
    let claims = signing::verify(&ring, &identity.issuer, &command.token, now);
    let own = claims.filter(|claims| claims.client_id.as_ref() == Some(&client.client_id));
    let Some(claims) = own else {
        return Ok(Revoked::Nothing);
    };
    let user = claims.sub.parse::<bailiwick_types::Subject>().ok();
    let user = user.and_then(|subject| subject.user_id());
    let root = user.map_or(ScopeRoot::Deployment, ScopeRoot::User);
    let token = claims.jti;
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let expires = Timestamp::from_seconds(claims.exp);
    if write.revoke_token(&token, expires).await? {
        if user.is_none() {
            // Each is a change that every service follows, under a root that the programs share.
            let counter = Digest::of_parts(&["revocation", &client.client_id]);
            let near = identity.throttle.near;
            if !write.take(&counter, None, near, now).await? {
                drop(write);
                let throttled = attempt::throttled(identity, &counter).await?;
                return Err(issue::Error::Throttled(throttled).into());
            }
        }
        let revoked = token.clone();
        write.emit(&root, Change::TokenRevoked { token: revoked })?;
        write.emit(&root, Change::by_the_suite(REVOKE, claims.sub))?;
        write.commit().await?;
    }
    Ok(Revoked::Token(token))
}

/// The session that a refresh token is of.
async fn session_of(
    identity: &Identity,
    token: &SecretString,
) -> Result<Option<(UserId, SessionId)>, StoreError> {
    let Some(stored) = identity.store.refresh_token(&Digest::of(token)).await? else {
        return Ok(None);
    };
    let session = identity.store.session(stored.session).await?;
    Ok(session.map(|session| (session.user, session.id)))
}

async fn end_family(
    identity: &Identity,
    (user, session): (UserId, SessionId),
    now: Timestamp,
) -> Result<Revoked, Error> {
    let root = ScopeRoot::User(user);
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    if !end_sessions(&mut *write, user, [session], now).await?.is_empty() {
        write.emit(&root, Change::by_the_suite(REVOKE, format!("session:{session}")))?;
        write.commit().await?;
    }
    Ok(Revoked::Session(session))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{attempt::ClientNetwork, fixture::Fixture, session::Reader as _};

    fn command(token: &SecretString, id: &str, secret: SecretString) -> Command {
        Command {
            token: token.clone(),
            client: issue::Command {
                client_id: id.to_owned(),
                client_secret: secret,
                network: ClientNetwork::Unknown,
            },
        }
    }
    async fn by_user(fixture: &Fixture, token: &SecretString) -> Revoked {
        let command = command(token, AccessClaims::OWN_CLIENT, "".into());
        revoke(&fixture.identity, &command).await.unwrap()
    }

    #[tokio::test]
    async fn a_refresh_token_ends_its_session() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let done = fixture.sign_in(&ada, None).await;
        fixture.store.take_changes();
        let session = done.session;
        let ended = by_user(&fixture, &done.tokens.refresh).await;
        assert_eq!(ended, Revoked::Session(session));
        let told = Change::SessionRevoked {
            session,
            user: ada.id,
        };
        let audited = Change::by_the_suite(REVOKE, format!("session:{session}"));
        assert_eq!(fixture.store.take_changes(), [told, audited]);
        by_user(&fixture, &done.tokens.refresh).await;
        assert_eq!(fixture.store.take_changes(), []);
        assert_eq!(by_user(&fixture, &"bwr_unknown".into()).await, Revoked::Nothing);
    }

    #[tokio::test]
    async fn a_client_ends_its_own_access_tokens_alone() {
        let fixture = Fixture::new().await;
        let (one, secret) = fixture.service_account("One").await;
        let (two, other) = fixture.service_account("Two").await;
        let (one, two) = (one.id.to_string(), two.id.to_string());
        let ada = fixture.user("ada@example.com").await;
        let of_user = fixture.sign_in(&ada, None).await.tokens;
        let unused = SecretString::from("");
        let issued = issue::issue(&fixture.identity, &command(&unused, &one, secret.clone()).client)
            .await
            .unwrap();
        fixture.store.take_changes();
        for token in [&of_user.access.text, &of_user.refresh, &"nonsense".into()] {
            let command = command(token, &one, secret.clone());
            assert_eq!(
                revoke(&fixture.identity, &command).await.unwrap(),
                Revoked::Nothing
            );
        }
        let of_two = command(&issued.text, &two, other);
        assert_eq!(
            revoke(&fixture.identity, &of_two).await.unwrap(),
            Revoked::Nothing
        );
        assert_eq!(by_user(&fixture, &issued.text).await, Revoked::Nothing);
        assert_eq!(fixture.store.take_changes(), []);
        let own = command(&issued.text, &one, secret.clone());
        let ended = revoke(&fixture.identity, &own).await.unwrap();
        assert_eq!(ended, Revoked::Token(issued.id.clone()));
        assert!(fixture.store.is_revoked(&issued.id).await.unwrap());
        let token = issued.id;
        assert!(
            fixture
                .store
                .take_changes()
                .contains(&Change::TokenRevoked { token })
        );
        revoke(&fixture.identity, &own).await.unwrap();
        assert_eq!(fixture.store.take_changes(), [], "once");
        let wrong = command(&issued.text, &one, "bwc_wrong".into());
        let refused = revoke(&fixture.identity, &wrong).await;
        assert!(
            matches!(refused, Err(Error::Client(issue::Error::Wrong))),
            "{refused:?}"
        );
    }

    #[tokio::test]
    async fn a_client_ends_few_tokens_in_a_window() {
        let fixture = Fixture::new().await;
        let (one, secret) = fixture.service_account("One").await;
        let (two, other) = fixture.service_account("Two").await;
        let end = async |id: &str, secret: &SecretString| {
            let client = command(&"".into(), id, secret.clone()).client;
            let issued = issue::issue(&fixture.identity, &client).await.unwrap();
            revoke(&fixture.identity, &command(&issued.text, id, secret.clone())).await
        };
        let (one, two) = (one.id.to_string(), two.id.to_string());
        for _ in 0..fixture.identity.throttle.near.most {
            end(&one, &secret).await.unwrap();
        }
        fixture.store.take_changes();
        let refused = end(&one, &secret).await;
        assert!(
            matches!(refused, Err(Error::Client(issue::Error::Throttled(_)))),
            "{refused:?}"
        );
        assert_eq!(fixture.store.take_changes(), []);
        end(&two, &other).await.unwrap();
        fixture.clock.advance(fixture.identity.throttle.near.window);
        end(&one, &secret).await.unwrap();
    }

    #[tokio::test]
    async fn a_user_ends_an_access_token_and_the_session_goes_on() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let done = fixture.sign_in(&ada, None).await;
        let ended = by_user(&fixture, &done.tokens.access.text).await;
        assert_eq!(ended, Revoked::Token(done.tokens.access.id));
        let session = fixture.store.session(done.session).await.unwrap().unwrap();
        assert_eq!(session.ended, None);
    }
}
