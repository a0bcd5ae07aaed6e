//! Gives the operator's role to a user or to a service account.

use bailiwick_types::{
    Authorized, Refused, Scope, ScopeRoot, ServiceAccountId, StoreError, Subject, Token, UserId, faults,
    method::identity::GrantOperator,
};

use super::OPERATOR;
use crate::{
    Identity,
    change::Change,
    service_account::{RoleName, RoleNameError},
    user::UserState,
};

faults! {
    /// Why the role is not given.
    Error: Refused(Refused), Store(StoreError);
    /// It is neither a user nor a service account.
    Subject "only users and service accounts can be operators" => InvalidArgument InvalidField;
    /// A disabled one operates nothing.
    NotActive "the new operator is disabled, or is losing its access" => FailedPrecondition NotActive;
    /// The deployment is not configured to have operator service accounts.
    ServiceAccounts "the deployment has no operator service accounts: \
        `identity.operators.service_accounts` is off"
        => PermissionDenied PermissionDenied;
    /// The service account was made for something else.
    Purpose "a service account becomes an operator only if it was created for the deployment without a role"
        => FailedPrecondition NotActive;
}

/// Gives the role. An operator stays unchanged.
///
/// # Errors
/// See [`Error`].
pub async fn grant(
    identity: &Identity,
    by: &Authorized<GrantOperator>,
    subject: &Subject,
) -> Result<Token, Error> {
    match (subject.user_id(), subject.service_id()) {
        (Some(user), _) => to_user(identity, by, user).await,
        (None, Some(service)) => to_service(identity, by, service).await,
        (None, None) => Err(Error::Subject),
    }
}

async fn to_user(identity: &Identity, by: &Authorized<GrantOperator>, id: UserId) -> Result<Token, Error> {
    let root = ScopeRoot::User(id);
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let known = write.credentials(id).await?.ok_or(Refused::NotFound("user"))?;
    let mut user = known.user;
    if user.state != UserState::Active || known.closing {
        return Err(Error::NotActive);
    }
    if !user.operator {
        user.operator = true;
        user.version = write.next_revision(&root)?;
        write.update_user(&user).await?;
        write.emit(&root, Change::User(user))?;
        write.emit(&root, Change::by(by, format!("user:{id}")))?;
    }
    Ok(write.commit().await?)
}

async fn to_service(
    identity: &Identity,
    by: &Authorized<GrantOperator>,
    id: ServiceAccountId,
) -> Result<Token, Error> {
    if !identity.operators.service_accounts {
        return Err(Error::ServiceAccounts);
    }
    let root = ScopeRoot::Deployment;
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let found = write.service_account(id).await?;
    let mut account = found.ok_or(Refused::NotFound("service account"))?;
    if account.is_operator() {
        return Ok(write.commit().await?);
    }
    if *account.scope.as_scope() != Scope::Deployment || account.role.is_some() {
        return Err(Error::Purpose);
    }
    if !account.enabled {
        return Err(Error::NotActive);
    }
    let role: Result<RoleName, RoleNameError> = OPERATOR.parse();
    account.role = Some(role.map_err(|error| StoreError::internal(error.to_string()))?);
    account.version = write.next_revision(&root)?;
    write.update_service_account(&account).await?;
    write.emit(&root, Change::ServiceAccount(account))?;
    write.emit(&root, Change::by(by, format!("service:{id}")))?;
    Ok(write.commit().await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        attempt::ClientNetwork,
        fixture::{Fixture, unknown_service, unknown_user},
        service_account::Reader as _,
        token::issue,
        user::{Reader as _, disable},
    };

    async fn run(fixture: &Fixture, subject: &Subject) -> Result<Token, Error> {
        grant(&fixture.identity, &fixture.operator(), subject).await
    }

    #[tokio::test]
    async fn an_active_user_becomes_an_operator_once() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        fixture.store.take_changes();
        let subject = Subject::user(ada.id);
        run(&fixture, &subject).await.unwrap();
        let user = fixture.store.user(ada.id).await.unwrap().unwrap();
        assert!(user.operator && user.version > ada.version);
        let audited = Change::by(&fixture.operator::<GrantOperator>(), subject.to_string());
        assert_eq!(fixture.store.take_changes(), [Change::User(user), audited]);
        run(&fixture, &subject).await.unwrap();
        assert_eq!(fixture.store.take_changes(), []);
    }

    #[tokio::test]
    async fn who_cannot_operate_is_refused() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        disable(&fixture.identity, &fixture.operator(), ada.id)
            .await
            .unwrap();
        let disabled = run(&fixture, &Subject::user(ada.id)).await;
        assert!(matches!(disabled, Err(Error::NotActive)), "{disabled:?}");
        let unknown = run(&fixture, &Subject::user(unknown_user())).await;
        assert!(matches!(unknown, Err(Error::Refused(_))), "{unknown:?}");
        let group = run(&fixture, &"group:g1".parse().unwrap()).await;
        assert!(matches!(group, Err(Error::Subject)), "{group:?}");
    }

    #[tokio::test]
    async fn a_service_account_becomes_an_operator_only_where_that_is_configured() {
        let mut fixture = Fixture::new().await;
        let (account, secret) = fixture.service_account("Terraform").await;
        let subject = Subject::service(account.id);
        let refused = run(&fixture, &subject).await;
        assert!(matches!(refused, Err(Error::ServiceAccounts)), "{refused:?}");
        fixture.identity.operators.service_accounts = true;
        run(&fixture, &subject).await.unwrap();
        let made = fixture.store.service_account(account.id).await.unwrap().unwrap();
        assert!(made.is_operator() && made.version > account.version);
        let unknown = run(&fixture, &Subject::service(unknown_service())).await;
        assert!(matches!(unknown, Err(Error::Refused(_))), "{unknown:?}");
        // Once the setting is off again, it gets no token.
        let command = issue::Command {
            client_id: account.id.to_string(),
            client_secret: secret,
            network: ClientNetwork::Unknown,
        };
        issue::issue(&fixture.identity, &command).await.unwrap();
        fixture.identity.operators.service_accounts = false;
        let refused = issue::issue(&fixture.identity, &command).await;
        assert!(matches!(refused, Err(issue::Error::Operator)), "{refused:?}");
    }

    #[tokio::test]
    async fn a_service_account_with_another_purpose_becomes_no_operator() {
        let mut fixture = Fixture::new().await;
        fixture.identity.operators.service_accounts = true;
        for (scope, role) in [("deployment", Some("service")), ("product:studio", None)] {
            let command = crate::service_account::create::Command {
                title: "Reports".parse().unwrap(),
                scope: scope.parse().unwrap(),
                role: role.map(|role| role.parse().unwrap()),
                request_id: None,
                token: Token::default(),
            };
            let made = crate::service_account::create(&fixture.identity, &fixture.operator(), &command).await;
            let refused = run(&fixture, &Subject::service(made.unwrap().account.id)).await;
            assert!(matches!(refused, Err(Error::Purpose)), "{refused:?}");
        }
    }
}
