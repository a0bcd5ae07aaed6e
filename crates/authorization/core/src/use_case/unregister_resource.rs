//! Removes a resource with all grants on it.

use bailiwick_types::{AccountId, Authorized, Token};

use super::Work;
use crate::{Change, Ports, resource::Name};

const ACTION: &str = "bailiwick.authorization.v1.ResourceService/UnregisterResource";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// Type and id.
    pub name: Name,
}

faults! {
    /// Why a resource is not removed.
    Error;
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
    let work = Work::open(ports, by, command.account, []).await?;
    let mut work = work.ok_or(Error::NotFound("account"))?;
    let resource = work.unit.resource(command.account, &command.name).await?;
    let resource = resource.ok_or(Error::NotFound("resource"))?;
    if work.unit.has_children(command.account, &command.name).await? {
        return Err(Error::NotEmpty);
    }
    // A resource of that name may come again: what was granted on this one must not be there then.
    for subject in work.unit.remove_resource(command.account, &command.name).await? {
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
    Ok(work.commit().await?)
}
