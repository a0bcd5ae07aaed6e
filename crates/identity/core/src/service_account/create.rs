//! Creates a service account with a secret, which is shown once.

use bailiwick_types::{
    Authorized, Refused, Scope, ScopeRoot, ServiceAccountId, StoreError, Title, Token, faults,
    method::identity::CreateServiceAccount,
};
use secrecy::SecretString;

use super::{RoleName, ServiceAccount, ServiceScope};
use crate::{
    Identity,
    change::Change,
    operator::OPERATOR,
    peer::{RoleError, ServiceRole},
    request::{self, RequestError, RequestId, RequestKey},
    secret::{Digest, SecretKind},
};

/// The service account to create.
#[derive(Debug, Clone)]
pub struct Command {
    /// Title.
    pub title: Title,
    /// The scope it is for.
    pub scope: ServiceScope,
    /// The role it gets there.
    pub role: Option<RoleName>,
    /// The client's id of the request.
    pub request_id: Option<RequestId>,
    /// What the maker's rights and the scope must be as fresh as.
    pub token: Token,
}

impl Command {
    /// Whether it asks for an operator of the deployment.
    fn is_operator(&self) -> bool {
        let role = self.role.as_ref().map(RoleName::as_str);
        *self.scope.as_scope() == Scope::Deployment && role == Some(OPERATOR)
    }
}

/// A service account that was created.
#[derive(Debug, Clone)]
pub struct Created {
    /// The service account.
    pub account: ServiceAccount,
    /// Its secret; absent in the answer to a repeated request, since it is not stored.
    pub secret: Option<SecretString>,
    /// The write.
    pub token: Token,
}

faults! {
    /// Why the service account is not created.
    Error: Role(RoleError), Refused(Refused), Request(RequestError), Store(StoreError);
    /// The operator's role is granted with a step-up.
    Operator "the operator's role is given by OperatorService.GrantOperator alone"
        => PermissionDenied PermissionDenied;
}

/// Creates the service account. A repeated request is answered as the first one was, without the secret.
/// Authorization says first whether the role can be had there and given by the maker.
///
/// # Errors
/// The role cannot be had or given there, or the request id was used for another request.
pub async fn create(
    identity: &Identity,
    by: &Authorized<CreateServiceAccount>,
    command: &Command,
) -> Result<Created, Error> {
    if command.is_operator() {
        return Err(Error::Operator);
    }
    let scope = command.scope.to_string();
    let role = command.role.as_ref().map_or("", RoleName::as_str);
    let content = [command.title.as_str(), &scope, role];
    let request = command.request_id.map(|id| RequestKey::new(by, id, &content));
    loop {
        if let Some(id) = request::made(&*identity.store, request.as_ref()).await? {
            return repeated(identity, id).await;
        }
        ensure_role(identity, by, command).await?;
        if let Some(created) = insert(identity, by, command, request.as_ref()).await? {
            return Ok(created);
        }
    }
}

async fn ensure_role(
    identity: &Identity,
    by: &Authorized<CreateServiceAccount>,
    command: &Command,
) -> Result<(), Error> {
    let asked = ServiceRole {
        maker: by.subject().ok_or(Refused::Denied)?,
        operator_allowed: by.is_operator(),
        scope: command.scope.as_scope(),
        role: command.role.as_ref().map(RoleName::as_str),
    };
    Ok(identity.roles.ensure(asked, &command.token).await?)
}

/// Nothing where the same request was answered in the meantime.
async fn insert(
    identity: &Identity,
    by: &Authorized<CreateServiceAccount>,
    command: &Command,
    request: Option<&RequestKey>,
) -> Result<Option<Created>, Error> {
    let id = ServiceAccountId::generate(&*identity.ids);
    let secret = SecretKind::Client.generate(&*identity.rng);
    let now = identity.clock.now();
    let root = ScopeRoot::Deployment;
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    if let Some(request) = request
        && !write.record_request(request, &id.to_string(), now).await?
    {
        return Ok(None);
    }
    let account = ServiceAccount {
        id,
        title: command.title.clone(),
        scope: command.scope.clone(),
        role: command.role.clone(),
        enabled: true,
        created: now,
        creator: by.subject().cloned(),
        version: write.next_revision(&root)?,
    };
    write
        .insert_service_account(&account, &Digest::of(&secret))
        .await?;
    write.emit(&root, Change::ServiceAccount(account.clone()))?;
    write.emit(&root, Change::by(by, format!("service:{id}")))?;
    let token = write.commit().await?;
    Ok(Some(Created {
        account,
        secret: Some(secret),
        token,
    }))
}

async fn repeated(identity: &Identity, id: ServiceAccountId) -> Result<Created, Error> {
    let found = identity.store.service_account(id).await?;
    let account = found.ok_or_else(|| request::lost(&id))?;
    let write = identity.store.write(&[ScopeRoot::Deployment]).await?;
    Ok(Created {
        account,
        secret: None,
        token: write.commit().await?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick_types::Scope;

    use crate::{
        fixture::Fixture,
        peer::{PeerError, UnknownRole},
        service_account::{Reader as _, Secrets},
    };

    fn command(title: &str) -> Command {
        Command {
            title: title.parse().unwrap(),
            scope: "deployment".parse().unwrap(),
            role: Some("service".parse().unwrap()),
            request_id: Some("4d3cb9d2-16ac-4a3b-8f0e-0d3b4f5a7d21".parse().unwrap()),
            token: Token::default(),
        }
    }

    #[tokio::test]
    async fn a_service_account_is_published_with_its_creator_and_its_secret_stored_as_a_digest() {
        let fixture = Fixture::new().await;
        let by = fixture.operator();
        let made = create(&fixture.identity, &by, &command("Reports")).await.unwrap();
        assert_eq!(made.account.creator.as_ref(), by.subject());
        let stored = fixture
            .store
            .service_account_secret(made.account.id)
            .await
            .unwrap();
        let secrets = Secrets::one(Digest::of(&made.secret.unwrap()));
        assert_eq!(stored, Some((made.account.clone(), secrets)));
        let audited = Change::by(&by, format!("service:{}", made.account.id));
        let told = [Change::ServiceAccount(made.account), audited];
        assert_eq!(fixture.store.take_changes(), told);
    }

    #[tokio::test]
    async fn a_repeated_request_creates_no_second_one_and_shows_no_secret() {
        let fixture = Fixture::new().await;
        let by = fixture.operator();
        let first = create(&fixture.identity, &by, &command("Reports")).await.unwrap();
        let again = create(&fixture.identity, &by, &command("Reports")).await.unwrap();
        assert_eq!(first.account, again.account);
        assert!(first.secret.is_some() && again.secret.is_none());
    }

    #[tokio::test]
    async fn no_service_account_is_created_as_an_operator() {
        let mut fixture = Fixture::new().await;
        for allowed in [false, true] {
            fixture.identity.operators.service_accounts = allowed;
            let asked = Command {
                role: Some(OPERATOR.parse().unwrap()),
                ..command("Reports")
            };
            let refused = create(&fixture.identity, &fixture.operator(), &asked).await;
            assert!(matches!(refused, Err(Error::Operator)), "{refused:?}");
        }
        assert_eq!(fixture.store.service_account_page(None, 9).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_request_id_is_refused_for_another_content() {
        let fixture = Fixture::new().await;
        let by = fixture.operator();
        create(&fixture.identity, &by, &command("Reports")).await.unwrap();
        let other = create(&fixture.identity, &by, &command("Other")).await;
        assert!(
            matches!(other, Err(Error::Request(RequestError::Reused))),
            "{other:?}"
        );
    }

    #[tokio::test]
    async fn what_authorization_refuses_is_not_created_and_can_be_asked_again() {
        let fixture = Fixture::new().await;
        let by = fixture.operator();
        let unknown = UnknownRole::new("service", &Scope::Deployment, &["operator".to_owned()]);
        for refusal in [
            RoleError::Peer(PeerError::Unavailable),
            RoleError::Refused(Refused::Denied),
            RoleError::Unknown(unknown),
        ] {
            fixture.authorization.refuses_roles(Some(refusal.clone()));
            let refused = create(&fixture.identity, &by, &command("Reports")).await;
            let Err(Error::Role(error)) = refused else {
                panic!("{refused:?}")
            };
            assert_eq!(error.to_string(), refusal.to_string());
            assert_eq!(fixture.store.take_changes(), []);
        }
        fixture.authorization.refuses_roles(None);
        let made = create(&fixture.identity, &by, &command("Reports")).await.unwrap();
        // What was created is answered again, whatever has become of the role since.
        fixture
            .authorization
            .refuses_roles(Some(RoleError::Peer(PeerError::Unavailable)));
        let again = create(&fixture.identity, &by, &command("Reports")).await.unwrap();
        assert_eq!(made.account, again.account);
    }

    #[tokio::test]
    async fn authorization_is_asked_for_the_role_on_the_scope_and_for_its_maker() {
        let fixture = Fixture::new().await;
        let by = fixture.operator();
        create(&fixture.identity, &by, &command("Reports")).await.unwrap();
        let maker = by.subject().unwrap();
        let asked = format!("{maker} true deployment service");
        assert_eq!(fixture.authorization.asked_roles(), [asked]);
    }
}
