//! Changes title, parent or attributes of a resource.

use std::collections::BTreeSet;

use bailiwick_types::{AccountId, Authorized, Token, Violations};
use serde_json::{Map, Value as Json};

use crate::{
    Change, Ports,
    resource::{Name, Resource},
};
use crate::{
    Work,
    preview::{self, Effect, see_resources, with_all_below},
    resource::register::attributes,
    sources::may_reparent,
};

const ACTION: &str = "bailiwick.authorization.v1.ResourceService/UpdateResource";

/// What is asked. What is absent stays as it is.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// Type and id.
    pub name: Name,
    /// The new title.
    pub title: Option<String>,
    /// The new parent, or none.
    pub parent: Option<Option<Name>>,
    /// Attributes to set; null removes one.
    pub attributes: Map<String, Json>,
}

bailiwick_types::faults! {
    /// Why a resource is not changed.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The caller may not edit the new parent, or does not hold what is granted on it or above it.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// Account, resource or parent are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// The new parent is below the resource.
    Cycle "the new parent is below the resource" => FailedPrecondition Cycle;
}

/// Changes it. The guard has asked `TYPE.edit` on it; another parent is given by who may edit the parent and holds what is
/// granted there.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(Resource, Token), Error> {
    let (mut work, resource) = open(ports, by, &command).await?;
    let resource = apply(&mut work, resource, command).await?;
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
    let (mut work, resource) = opened.map_err(preview::Error::Change)?;
    // Another parent changes what is had on everything below it too.
    let all = match &command.parent {
        None => vec![resource.name.clone()],
        Some(_) => with_all_below(&work, &resource.name).await?,
    };
    let above: Vec<&Name> = command.parent.iter().flatten().collect();
    let seen = see_resources(&mut work, &all, (&[&resource.scope], &above)).await?;
    let made = apply(&mut work, resource, command).await;
    seen.after(&work, made).await
}

async fn open(ports: &Ports, by: &Authorized, command: &Command) -> Result<(Work, Resource), Error> {
    let work = Work::open(ports, by, command.account, []).await?;
    let work = work.ok_or(Error::NotFound("account"))?;
    let resource = work.unit.resource(&command.name).await?;
    let resource = resource.ok_or(Error::NotFound("resource"))?;
    Ok((work, resource))
}

async fn apply(work: &mut Work, mut resource: Resource, command: Command) -> Result<Resource, Error> {
    let before = resource.clone();
    for (name, value) in command.attributes {
        if value.is_null() {
            resource.attributes.remove(&name);
        } else {
            resource.attributes.insert(name, value);
        }
    }
    let product = work.situation.policy.product();
    let mut faults = Violations::new();
    if let Some(of) = product.type_no(&command.name.of) {
        attributes(&mut faults, product.attributes(of, &resource.attributes));
    }
    if let Some(Some(parent)) = &command.parent
        && product.type_no(&parent.of).is_none()
    {
        faults.add("parent", "must name a type of the product");
    }
    if command.parent.as_ref().and_then(Option::as_ref) == Some(&command.name) {
        faults.add("parent", "must not be the resource itself");
    }
    faults.check()?;
    if let Some(parent) = command.parent {
        if let Some(parent) = &parent {
            if resource.parent.as_ref() != Some(parent) && !may_reparent(work, &resource, parent).await? {
                return Err(Error::Denied);
            }
            no_circle(work, &command.name, parent).await?;
        }
        resource.parent = parent;
    }
    if let Some(title) = command.title {
        resource.title = title;
    }
    if resource == before {
        return Ok(resource);
    }
    resource.updated_at = work.now;
    work.unit.put_resource(&resource).await?;
    work.emit(Change::Resource {
        of: resource.name.of.clone(),
        id: resource.name.id.clone(),
    });
    let audit = work.audit(ACTION, resource.name.to_string());
    work.emit(audit);
    Ok(resource)
}

/// Follows the way up from the new parent: the resource must not be on it.
async fn no_circle(work: &Work, name: &Name, parent: &Name) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    let mut next = Some(parent.clone());
    while let Some(above) = next {
        if above == *name || !seen.insert(above.clone()) {
            return Err(Error::Cycle);
        }
        let found = work.unit.resource(&above).await?;
        if found.is_none() && above == *parent {
            return Err(Error::NotFound("parent"));
        }
        next = found.and_then(|found| found.parent);
    }
    Ok(())
}
