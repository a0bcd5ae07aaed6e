//! Registers a resource, so that decisions can be about it.

use std::slice;

use bailiwick_policy::{PlaceState, manifest::Quota};
use bailiwick_types::{AccountId, Authorized, Scope, Subject, Token, Violations};
use serde_json::{Map, Value as Json};

use crate::{
    Change, Ports,
    resource::{Name, Resource},
};
use crate::{
    Work,
    preview::{self, Effect, see_resources},
    sources::{allows_on, load, own_standing},
};

const ACTION: &str = "bailiwick.authorization.v1.ResourceService/RegisterResource";

/// The longest title, in characters.
pub const MAX_TITLE: usize = 200;

/// Who owns a new resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The caller, where it is a user.
    Caller,
    /// Nobody.
    Nobody,
    /// This subject.
    Is(Subject),
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// Type and id.
    pub name: Name,
    /// Where it lives.
    pub scope: Scope,
    /// Who owns it.
    pub owner: Owner,
    /// The resource above it.
    pub parent: Option<Name>,
    /// Its title.
    pub title: String,
    /// Its attributes.
    pub attributes: Map<String, Json>,
}

bailiwick_types::faults! {
    /// Why a resource is not registered.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The caller may not create it below the parent.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// Account, scope or parent are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// The scope is suspended or moving.
    NotActive "the scope is suspended or moving" => FailedPrecondition NotActive;
    /// There is one of that type and id.
    AlreadyExists "a resource of this type and id is registered already" => AlreadyExists AlreadyExists;
    /// The owner may have no more of them.
    QuotaExhausted(u64) "the quota of {0} is used up" => ResourceExhausted QuotaExhausted;
}

/// Registers. The guard has asked `TYPE.create` on the scope; below a parent it is asked on the parent too.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(Resource, Token), Error> {
    let mut work = open(ports, by, &command).await?;
    let resource = apply(&mut work, command).await?;
    Ok((resource, work.commit().await?))
}

/// Tells who would gain what; nothing is changed.
///
/// # Errors
/// See [`Error`].
pub async fn preview(
    ports: &Ports,
    by: &Authorized,
    command: Command,
) -> Result<Vec<Effect>, preview::Error<Error>> {
    let mut work = open(ports, by, &command).await.map_err(preview::Error::Change)?;
    let above: Vec<&Name> = command.parent.iter().collect();
    let seen = see_resources(
        &mut work,
        slice::from_ref(&command.name),
        (&[&command.scope], &above),
    )
    .await?;
    let made = apply(&mut work, command).await;
    seen.after(&work, made).await
}

async fn open(ports: &Ports, by: &Authorized, command: &Command) -> Result<Work, Error> {
    let work = Work::open(ports, by, command.account, [&command.scope]).await?;
    work.ok_or(Error::NotFound("account"))
}

async fn apply(work: &mut Work, command: Command) -> Result<Resource, Error> {
    fit(work, &command)?;
    if let Some(parent) = &command.parent
        && !may_create_below(work, &command, parent).await?
    {
        return Err(Error::Denied);
    }
    match work.situation.state(&command.scope) {
        Some(PlaceState::Active) => {}
        Some(_) => return Err(Error::NotActive),
        None => return Err(Error::NotFound("scope")),
    }
    if let Some(parent) = &command.parent
        && work.unit.resource(parent).await?.is_none()
    {
        return Err(Error::NotFound("parent"));
    }
    if work.unit.resource(&command.name).await?.is_some() {
        return Err(Error::AlreadyExists);
    }
    let owner = match command.owner {
        Owner::Is(subject) => Some(subject),
        Owner::Nobody => None,
        Owner::Caller => Some(work.actor.subject.clone()).filter(|subject| subject.kind() == "user"),
    };
    if let Some(owner) = &owner
        && let Some(limit) = exhausted(work, owner, &command.name.of).await?
    {
        return Err(Error::QuotaExhausted(limit));
    }
    let resource = Resource {
        account: command.account,
        name: command.name,
        scope: command.scope,
        owner,
        parent: command.parent,
        title: command.title,
        attributes: command.attributes,
        revision: work.unit.next_revision(&work.root())?,
        created_at: work.now,
        updated_at: work.now,
    };
    work.unit.put_resource(&resource).await?;
    work.emit(Change::Resource {
        of: resource.name.of.clone(),
        id: resource.name.id.clone(),
    });
    let audit = work
        .audit(ACTION, resource.name.to_string())
        .with("scope", &resource.scope);
    work.emit(audit);
    Ok(resource)
}

/// Asks `TYPE.create` on the parent. Where that is not asked on the parent's type, the scope alone counts.
async fn may_create_below(work: &mut Work, command: &Command, parent: &Name) -> Result<bool, Error> {
    let product = work.situation.policy.product();
    let create = format!("{}.create", command.name.of);
    let asked = product
        .permission_no(&create)
        .zip(product.type_no(&parent.of))
        .is_some_and(|(create, of)| product.may_be_asked_on(create, of));
    if !asked {
        return Ok(true);
    }
    let above = load(work, parent).await?;
    let scopes: Vec<Scope> = above.scope.iter().chain([&command.scope]).cloned().collect();
    work.look_at(&scopes).await?;
    let own = own_standing(work).await?;
    Ok(allows_on(work, &own, &above, &create))
}

fn fit(work: &Work, command: &Command) -> Result<(), Error> {
    let product = work.situation.policy.product();
    let of = product
        .type_no(&command.name.of)
        .and_then(|no| product.type_info(no));
    let Some(of) = of.filter(|of| !of.suite) else {
        return Err(Violations::of("resource", "must name a type of the product").into());
    };
    let mut faults = Violations::new();
    if !of.registered {
        faults.add(
            "resource",
            "is of a type that the caller of a check describes itself",
        );
    }
    if let Some(parent) = &command.parent {
        if product.type_no(&parent.of).is_none() {
            faults.add("parent", "must name a type of the product");
        }
        if *parent == command.name {
            faults.add("parent", "must not be the resource itself");
        }
    }
    attributes(&mut faults, product.attributes(of.no, &command.attributes));
    Ok(faults.check()?)
}

pub(crate) fn attributes<T>(faults: &mut Violations, read: Result<T, Vec<bailiwick_policy::ValueFault>>) {
    for fault in read.err().into_iter().flatten() {
        faults.add("attributes", fault.to_string());
    }
}

/// The quota of an owner that may have no more resources of a type. Asked under the account's row lock, so that nobody
/// takes the last one twice.
pub(crate) async fn exhausted(
    work: &Work,
    owner: &Subject,
    of: &str,
) -> Result<Option<u64>, crate::StoreError> {
    let product = work.situation.policy.product();
    let info = product.type_no(of).and_then(|no| product.type_info(no));
    if info.is_none_or(|info| info.quota != Some(Quota::PerMember)) {
        return Ok(None);
    }
    let Some(limit) = work.unit.quota(owner, of).await? else {
        return Ok(None);
    };
    let owned = work.unit.owned(owner, of).await?;
    Ok((owned >= limit).then_some(limit))
}
