//! Makes a service account with a secret, which is shown once.

use bailiwick_types::{Authorized, ScopeRoot, ServiceAccountId, Token};
use secrecy::SecretString;

use crate::{
    Identity,
    change::Change,
    fault::{fault, no_wait},
    port::StoreError,
    request::{Answered, RequestId, RequestKey},
    secret::{Digest, SecretKind},
    service_account::{RoleName, ServiceAccount, ServiceScope},
    title::Title,
};

const METHOD: &str = "bailiwick.identity.v1.ServiceAccountService/CreateServiceAccount";

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Command {
    /// Title.
    pub title: Title,
    /// What it is for.
    pub scope: ServiceScope,
    /// The role it gets there.
    pub role: Option<RoleName>,
    /// The client's id of the request.
    pub request_id: Option<RequestId>,
}

/// What was made.
#[derive(Debug, Clone)]
pub struct Created {
    /// The service account.
    pub account: ServiceAccount,
    /// Its secret; none where a request was repeated, since it is not stored.
    pub secret: Option<SecretString>,
    /// The write.
    pub token: Token,
}

/// Why there is no new service account.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request id was used for something else.
    #[error("the request id was used for another request")]
    RequestIdReused,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fault!(Error { RequestIdReused => AlreadyExists RequestIdReused, } [Store]);
no_wait!(Error);

/// Makes the service account.
///
/// # Errors
/// The request id was used for something else.
pub async fn run(identity: &Identity, by: &Authorized, command: &Command) -> Result<Created, Error> {
    let scope = command.scope.to_string();
    let role = command.role.as_ref().map_or("", RoleName::as_str);
    let content = [command.title.as_str(), &scope, role];
    let request = command
        .request_id
        .map(|id| RequestKey::new(by.caller(), METHOD, id, &content));
    if let Some(request) = &request
        && let Some(answered) = identity.store.answered(request).await?
    {
        return again(identity, request, &answered).await;
    }
    match make(identity, by, command, request.as_ref()).await {
        Err(Error::Store(StoreError::RequestRecorded)) => {}
        done => return done,
    }
    // The same request was answered in the meantime.
    let request = request.ok_or(StoreError::RequestRecorded)?;
    let answered = identity
        .store
        .answered(&request)
        .await?
        .ok_or(StoreError::Conflict)?;
    again(identity, &request, &answered).await
}

async fn make(
    identity: &Identity,
    by: &Authorized,
    command: &Command,
    request: Option<&RequestKey>,
) -> Result<Created, Error> {
    let id = ServiceAccountId::generate(&*identity.ids);
    let secret = SecretKind::Client.generate(&*identity.rng);
    let now = identity.clock.now();
    let root = ScopeRoot::Deployment;
    let mut unit = identity.store.begin(std::slice::from_ref(&root)).await?;
    if let Some(request) = request {
        unit.record_request(request, &id.to_string(), now).await?;
    }
    let actor = by.caller().subject();
    let account = ServiceAccount {
        id,
        title: command.title.clone(),
        scope: command.scope.clone(),
        role: command.role.clone(),
        enabled: true,
        created: now,
        creator: actor.cloned(),
        version: unit.next_revision(&root)?,
    };
    unit.insert_service_account(&account, &Digest::of(&secret))
        .await?;
    unit.emit(&root, Change::ServiceAccount(account.clone()))?;
    unit.emit(&root, Change::audited(actor, METHOD, format!("service:{id}")))?;
    let token = unit.commit().await?;
    Ok(Created {
        account,
        secret: Some(secret),
        token,
    })
}

async fn again(identity: &Identity, request: &RequestKey, answered: &Answered) -> Result<Created, Error> {
    if answered.content != request.content {
        return Err(Error::RequestIdReused);
    }
    let lost = || {
        StoreError::Internal(format!(
            "request.made names no service account: `{}`",
            answered.made
        ))
    };
    let id: ServiceAccountId = answered.made.parse().map_err(|_| lost())?;
    let account = identity.store.service_account(id).await?.ok_or_else(lost)?;
    let token = identity
        .store
        .begin(&[ScopeRoot::Deployment])
        .await?
        .commit()
        .await?;
    Ok(Created {
        account,
        secret: None,
        token,
    })
}
