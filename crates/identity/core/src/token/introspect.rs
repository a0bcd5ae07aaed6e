//! Tells a service account whether an access token is good and whose it is (RFC 7662).

use bailiwick_types::{
    AccessClaims, Authorized, Refused, Scope, StoreError, Subject, faults, method::identity::Introspect,
};
use secrecy::SecretString;

use super::issue;
use crate::{
    Identity,
    service_account::ServiceAccount,
    signing::{self, KeysError},
};

faults! {
    /// Why nothing is told.
    Error: Refused(Refused), Client(issue::Error), Keys(KeysError), Store(StoreError);
}

/// The claims of a token that is good and of the audience of the caller.
///
/// # Errors
/// The caller is not a service account that is in use.
pub async fn introspect(
    identity: &Identity,
    by: &Authorized<Introspect>,
    token: &SecretString,
) -> Result<Option<AccessClaims>, Error> {
    let id = by
        .subject()
        .and_then(Subject::service_id)
        .ok_or(Refused::Denied)?;
    let client = identity.store.service_account(id).await?.ok_or(Refused::Denied)?;
    // A token of before says nothing of what the client may by now.
    let open = identity.store.service_closing(id).await?.is_none();
    let allowed = !client.is_operator() || identity.operators.service_accounts;
    if !(client.enabled && open && allowed) {
        return Err(Refused::Denied.into());
    }
    inspect(identity, &client, token).await
}

/// The same for a client that shows its secret.
///
/// # Errors
/// The secret is wrong.
pub async fn introspect_as_client(
    identity: &Identity,
    client: &issue::Command,
    token: &SecretString,
) -> Result<Option<AccessClaims>, Error> {
    let client = issue::client(identity, client).await?;
    inspect(identity, &client, token).await
}

async fn inspect(
    identity: &Identity,
    client: &ServiceAccount,
    token: &SecretString,
) -> Result<Option<AccessClaims>, Error> {
    let now = identity.clock.now();
    let ring = identity
        .keys
        .ring_of_age(&*identity.store, super::get_jwks::AGE)
        .await?;
    let Some(claims) = signing::verify(&ring, &identity.issuer, token, now) else {
        return Ok(None);
    };
    let good = is_meant_for(client, &claims) && is_live(identity, &claims).await?;
    Ok(good.then_some(claims))
}

/// Whether a token is of the audience of a client: its own, or one for what the client was made for.
fn is_meant_for(client: &ServiceAccount, claims: &AccessClaims) -> bool {
    if claims.sub == Subject::service(client.id).to_string() {
        return true;
    }
    match client.scope.as_scope() {
        Scope::Deployment => true,
        Scope::Account(account) => claims.acct.as_ref() == Some(&account.to_string()),
        _ => false,
    }
}

/// Whether nothing of what a token depends on has ended.
async fn is_live(identity: &Identity, claims: &AccessClaims) -> Result<bool, StoreError> {
    let store = &identity.store;
    if store.is_revoked(&claims.jti).await? {
        return Ok(false);
    }
    let Ok(subject) = claims.sub.parse::<Subject>() else {
        return Ok(false);
    };
    if let Some(service) = subject.service_id() {
        let open = store.service_closing(service).await?.is_none();
        let known = store.service_account(service).await?;
        return Ok(open && known.is_some_and(|known| known.enabled));
    }
    let session = claims.sid.as_deref().and_then(|sid| sid.parse().ok());
    let (Some(user), Some(session)) = (subject.user_id(), session) else {
        return Ok(false);
    };
    let session = store.session(session).await?;
    let now = identity.clock.now();
    let live = session.is_some_and(|session| session.user == user && session.is_live(now));
    let known = store.credentials(user).await?;
    Ok(live && known.is_some_and(|known| known.may_sign_in()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bailiwick_testkit::witness;
    use bailiwick_types::{CallerKind, ServiceAccountId, Target};

    use super::*;
    use crate::{
        attempt::ClientNetwork,
        fixture::{Fixture, account},
        operator::grant,
        peer::PeerError,
        service_account::disable,
        session::sign_out,
        store::Store as _,
    };

    struct World {
        fixture: Fixture,
        client: issue::Command,
    }

    async fn client(fixture: &Fixture, scope: &str) -> issue::Command {
        let (made, secret) = fixture.service_account_on(scope).await;
        issue::Command {
            client_id: made.id.to_string(),
            client_secret: secret,
            network: ClientNetwork::Unknown,
        }
    }
    impl World {
        async fn new() -> Self {
            let fixture = Fixture::new().await;
            let client = client(&fixture, "deployment").await;
            Self { fixture, client }
        }
        async fn ask(&self, token: &SecretString) -> Option<AccessClaims> {
            self.ask_as(&self.client, token).await
        }
        async fn ask_as(&self, client: &issue::Command, token: &SecretString) -> Option<AccessClaims> {
            introspect_as_client(&self.fixture.identity, client, token)
                .await
                .unwrap()
        }
    }

    #[tokio::test]
    async fn a_good_token_is_told_and_one_that_ended_is_not() {
        let world = World::new().await;
        let fixture = &world.fixture;
        let ada = fixture.user("ada@example.com").await;
        let done = fixture.sign_in(&ada, None).await;
        let token = &done.tokens.access.text;
        let claims = world.ask(token).await.unwrap();
        assert_eq!(claims.sub, Subject::user(ada.id).to_string());
        assert_eq!(claims.sid, Some(done.session.to_string()));
        for odd in ["", "nonsense", "bwr_x", &"a.b.c".repeat(4_000)] {
            assert_eq!(world.ask(&odd.into()).await, None, "{odd}");
        }
        assert_eq!(world.ask(&done.tokens.refresh).await, None, "a refresh token");
        sign_out(&fixture.identity, &fixture.as_user(&ada, done.session))
            .await
            .unwrap();
        assert_eq!(world.ask(token).await, None, "its session ended");
        let done = fixture.sign_in(&ada, None).await;
        fixture.clock.advance(Duration::from_mins(5));
        assert_eq!(world.ask(&done.tokens.access.text).await, None, "it expired");
        let done = fixture.sign_in(&ada, None).await;
        let mut write = fixture.store.write(&[]).await.unwrap();
        write.insert_closing(&fixture.closing(&ada)).await.unwrap();
        write.commit().await.unwrap();
        assert_eq!(
            world.ask(&done.tokens.access.text).await,
            None,
            "its user is being disabled"
        );
    }

    #[tokio::test]
    async fn a_client_learns_nothing_of_tokens_of_another_audience() {
        let world = World::new().await;
        let fixture = &world.fixture;
        let ada = fixture.user("ada@example.com").await;
        fixture.authorization.admit(account(), ada.id);
        let bound = fixture.sign_in(&ada, Some(account())).await.tokens.access.text;
        let free = fixture.sign_in(&ada, None).await.tokens.access.text;
        let own = client(fixture, &format!("account:{}", account())).await;
        let other = bailiwick_types::AccountId::from_uuid(uuid::Uuid::from_u128(2));
        let other = client(fixture, &format!("account:{other}")).await;
        let product = client(fixture, "product:demo").await;
        for (client, token, told) in [
            (&own, &bound, true),
            (&own, &free, false),
            (&other, &bound, false),
            (&product, &bound, false),
            (&world.client, &bound, true),
        ] {
            assert_eq!(world.ask_as(client, token).await.is_some(), told, "{client:?}");
        }
        let issued = issue::issue(&fixture.identity, &product).await.unwrap().text;
        assert!(world.ask_as(&product, &issued).await.is_some(), "its own");
        assert!(world.ask_as(&own, &issued).await.is_none());
    }

    #[tokio::test]
    async fn one_that_may_not_act_any_more_is_told_nothing_on_its_token() {
        async fn ask(fixture: &Fixture, id: ServiceAccountId) -> Result<Option<AccessClaims>, Error> {
            let caller = witness::caller(CallerKind::Service, Subject::service(id), None);
            let by = witness::authorized(&caller, &Target::none(), false);
            introspect(&fixture.identity, &by, &"x".into()).await
        }
        let mut fixture = Fixture::new().await;
        let (disabled, _) = fixture.service_account("One").await;
        let (closing, _) = fixture.service_account("Two").await;
        let (operator, _) = fixture.service_account("Three").await;
        fixture.identity.operators.service_accounts = true;
        let subject = Subject::service(operator.id);
        grant(&fixture.identity, &fixture.operator(), &subject)
            .await
            .unwrap();
        let all = [disabled.id, closing.id, operator.id];
        for id in all {
            assert_eq!(ask(&fixture, id).await.unwrap(), None);
        }
        disable(&fixture.identity, &fixture.operator(), disabled.id)
            .await
            .unwrap();
        fixture.authorization.fails(PeerError::Unavailable.into());
        disable(&fixture.identity, &fixture.operator(), closing.id)
            .await
            .unwrap_err();
        fixture.identity.operators.service_accounts = false;
        for id in all {
            let refused = ask(&fixture, id).await;
            assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn only_a_service_account_with_its_secret_asks() {
        let world = World::new().await;
        let fixture = &world.fixture;
        let wrong = issue::Command {
            client_secret: "bwc_wrong".into(),
            ..world.client.clone()
        };
        let refused = introspect_as_client(&fixture.identity, &wrong, &"x".into()).await;
        assert!(
            matches!(refused, Err(Error::Client(issue::Error::Wrong))),
            "{refused:?}"
        );
        let ada = fixture.user("ada@example.com").await;
        let by = fixture.as_user(&ada, fixture.session(&ada).await);
        let refused = introspect(&fixture.identity, &by, &"x".into()).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    }
}
