//! Removes a resource with all grants on it.

use std::slice;

use bailiwick_types::{AccountId, Authorized, Token};

use crate::{
    Change, Ports,
    resource::{Name, Resource},
};
use crate::{
    Work,
    preview::{self, Effect, see_resources},
};

const ACTION: &str = "bailiwick.authorization.v1.ResourceService/UnregisterResource";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// Type and id.
    pub name: Name,
}

bailiwick_types::faults! {
    /// Why a resource is not removed.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// Account or resource are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// There are resources below it.
    NotEmpty "there are resources below it" => FailedPrecondition NotEmpty;
}

/// Removes it. The guard has asked `TYPE.delete` on it.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<Token, Error> {
    let (mut work, resource) = open(ports, by, &command).await?;
    apply(&mut work, &resource).await?;
    Ok(work.commit().await?)
}

/// Tells who would lose what; nothing is changed.
///
/// # Errors
/// See [`Error`].
pub async fn preview(
    ports: &Ports,
    by: &Authorized,
    command: Command,
) -> Result<Vec<Effect>, preview::Error<Error>> {
    let opened = open(ports, by, &command).await;
    let (mut work, resource) = opened.map_err(preview::Error::Change)?;
    let seen = see_resources(
        &mut work,
        slice::from_ref(&resource.name),
        (&[&resource.scope], &[]),
    )
    .await?;
    let made = apply(&mut work, &resource).await;
    seen.after(&work, made).await
}

async fn open(ports: &Ports, by: &Authorized, command: &Command) -> Result<(Work, Resource), Error> {
    let work = Work::open(ports, by, command.account, []).await?;
    let work = work.ok_or(Error::NotFound("account"))?;
    let resource = work.unit.resource(&command.name).await?;
    let resource = resource.ok_or(Error::NotFound("resource"))?;
    Ok((work, resource))
}

async fn apply(work: &mut Work, resource: &Resource) -> Result<(), Error> {
    if work.unit.has_children(&resource.name).await? {
        return Err(Error::NotEmpty);
    }
    // A resource of that name may come again: what was granted or approved on this one must not be there then.
    for subject in work.unit.remove_resource(&resource.name).await? {
        work.subject_changed(&subject);
    }
    work.emit(Change::Resource {
        of: resource.name.of.clone(),
        id: resource.name.id.clone(),
    });
    let audit = work
        .audit(ACTION, resource.name.to_string())
        .with("scope", &resource.scope);
    work.emit(audit);
    Ok(())
}
