//! Hands a resource to another owner, whose quota it takes.

use std::slice;

use bailiwick_policy::PlaceState;
use bailiwick_types::{AccountId, Authorized, Scope, Subject, Token};

use crate::{
    Change, Ports,
    resource::{Name, Resource},
};
use crate::{
    Work,
    preview::{self, Effect, see_resources},
    resource::register::exhausted,
};

const ACTION: &str = "bailiwick.authorization.v1.ResourceService/TransferResource";

/// The permission that is asked where the resource lies.
pub const PERMISSION: &str = "resource.transfer";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// Type and id.
    pub name: Name,
    /// The new owner.
    pub to: Subject,
}

bailiwick_types::faults! {
    /// Why a resource is not handed over.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The caller has no `resource.transfer` where it lies, or it does not exist.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// Account or resource are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// The scope is suspended or moving.
    NotActive "the scope is suspended or moving" => FailedPrecondition NotActive;
    /// The new owner may have no more of them.
    QuotaExhausted(u64) "the quota of {0} is used up" => ResourceExhausted QuotaExhausted;
}

/// Hands it over. Who owns it already keeps it.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(Resource, Token), Error> {
    let (mut work, found) = open(ports, by, &command).await?;
    let resource = apply(&mut work, found, command.to).await?;
    Ok((resource, work.commit().await?))
}

/// Tells who would gain or lose what; nothing is changed.
///
/// # Errors
/// See [`Error`].
pub async fn preview(
    ports: &Ports,
    by: &Authorized,
    command: Command,
) -> Result<Vec<Effect>, preview::Error<Error>> {
    let opened = open(ports, by, &command).await;
    let (mut work, found) = opened.map_err(preview::Error::Change)?;
    let seen = see_resources(&mut work, slice::from_ref(&found.name), (&[&found.scope], &[])).await?;
    let made = apply(&mut work, found, command.to).await;
    seen.after(&work, made).await
}

async fn open(ports: &Ports, by: &Authorized, command: &Command) -> Result<(Work, Resource), Error> {
    let work = Work::open(ports, by, command.account, []).await?;
    let Some(mut work) = work else {
        return Err(if by.is_operator() {
            Error::NotFound("account")
        } else {
            Error::Denied
        });
    };
    let found = work.unit.resource(&command.name).await?;
    let account = Scope::Account(command.account);
    let at = found.as_ref().map_or(&account, |found| &found.scope);
    work.look_at([at]).await?;
    if !work.situation.allows(&work.actor, PERMISSION, at, work.now) {
        return Err(Error::Denied);
    }
    let found = found.ok_or(Error::NotFound("resource"))?;
    Ok((work, found))
}

async fn apply(work: &mut Work, mut resource: Resource, to: Subject) -> Result<Resource, Error> {
    match work.situation.state(&resource.scope) {
        Some(PlaceState::Active) => {}
        Some(_) => return Err(Error::NotActive),
        None => return Err(Error::NotFound("scope")),
    }
    if resource.owner.as_ref() == Some(&to) {
        return Ok(resource);
    }
    if let Some(limit) = exhausted(work, &to, &resource.name.of).await? {
        return Err(Error::QuotaExhausted(limit));
    }
    let audit = work.audit(ACTION, resource.name.to_string()).with("to", &to);
    let audit = match resource.owner.replace(to) {
        Some(before) => audit.with("from", before),
        None => audit,
    };
    resource.updated_at = work.now;
    work.unit.put_resource(&resource).await?;
    work.emit(Change::Resource {
        of: resource.name.of.clone(),
        id: resource.name.id.clone(),
    });
    work.emit(audit);
    Ok(resource)
}
