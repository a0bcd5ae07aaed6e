//! Moves a resource to another scope of its account, with everything below it that lies in the same scope.

use std::collections::BTreeSet;

use bailiwick_policy::PlaceState;
use bailiwick_types::{AccountId, Authorized, GrantId, Scope, Token};

use crate::{
    Change, Ports,
    grant::{About, AppliesTo, Filter, Grant},
    resource::{Name, Resource},
};
use crate::{
    Work,
    grant::create::{MANY, put},
    preview::{self, Effect, see_resources, with_all_below},
    sources::{allows_on, load, may_relocate, own_standing},
};

const ACTION: &str = "bailiwick.authorization.v1.ResourceService/MoveResource";

/// The most resources that move together.
pub const MOST: usize = 1_000;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// Type and id.
    pub name: Name,
    /// Where it goes.
    pub scope: Scope,
}

bailiwick_types::faults! {
    /// Why a resource is not moved.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The caller may not edit what would move, may not create it at the target, or does not hold what is granted there.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// Account, resource or scope are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// One of the two scopes is suspended or moving.
    NotActive "the scope is suspended or moving" => FailedPrecondition NotActive;
    /// What is below it would be too much for one move.
    TooMany(usize) "more than {0} resources would move with it" => FailedPrecondition NotEmpty;
}

/// Moves it. Each resource that moves needs `TYPE.edit` on it and `TYPE.create` at the target; the caller holds on it what
/// is granted around the target, and has no more on it afterwards. It counts as registered at
/// the move, so that grants on existing resources of a type at the target do not reach it; those around both scopes that
/// cover it are written out on it.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(Resource, Token), Error> {
    let (mut work, all) = open(ports, by, &command).await?;
    let first = apply(ports, &mut work, (&command, all)).await?;
    Ok((first, work.commit().await?))
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
    let (mut work, all) = opened.map_err(preview::Error::Change)?;
    let from: BTreeSet<&Scope> = all.iter().map(|resource| &resource.scope).collect();
    let scopes: Vec<&Scope> = from.into_iter().chain([&command.scope]).collect();
    // What lies elsewhere does not move, but is reached by what is written out on those above it.
    let names = with_all_below(&work, &command.name).await?;
    let seen = see_resources(&mut work, &names, (&scopes, &[])).await?;
    let made = apply(ports, &mut work, (&command, all)).await;
    seen.after(&work, made).await
}

/// Finds what would move, and asks for the right to move all of it.
async fn open(ports: &Ports, by: &Authorized, command: &Command) -> Result<(Work, Vec<Resource>), Error> {
    let work = Work::open(ports, by, command.account, []).await?;
    let Some(mut work) = work else {
        return Err(if by.is_operator() {
            Error::NotFound("account")
        } else {
            Error::Denied
        });
    };
    let Some(first) = work.unit.resource(&command.name).await? else {
        return Err(if work.actor.is_operator() {
            Error::NotFound("resource")
        } else {
            Error::Denied
        });
    };
    work.look_at([&first.scope, &command.scope]).await?;
    let all = with_those_below(&work, first).await?;
    may_move(&work, &all, &command.scope).await?;
    Ok((work, all))
}

async fn apply(
    ports: &Ports,
    work: &mut Work,
    (command, all): (&Command, Vec<Resource>),
) -> Result<Resource, Error> {
    let Some(first) = all.first().cloned() else {
        return Err(Error::NotFound("resource"));
    };
    let from = first.scope.clone();
    fits(work, &from, &command.scope)?;
    if from == command.scope {
        return Ok(first);
    }
    write_out(ports, work, &all, (&from, &command.scope)).await?;
    let revision = work.unit.next_revision(&work.root())?;
    let mut first = first;
    for resource in all {
        let resource = Resource {
            scope: command.scope.clone(),
            revision,
            updated_at: work.now,
            ..resource
        };
        work.unit.put_resource(&resource).await?;
        work.emit(Change::Resource {
            of: resource.name.of.clone(),
            id: resource.name.id.clone(),
        });
        let audit = work
            .audit(ACTION, resource.name.to_string())
            .with("from", &from)
            .with("to", &command.scope);
        work.emit(audit);
        if resource.name == command.name {
            first = resource;
        }
    }
    Ok(first)
}

/// The resource, then all below it that lie where it lies.
async fn with_those_below(work: &Work, first: Resource) -> Result<Vec<Resource>, Error> {
    let mut seen = BTreeSet::from([first.name.clone()]);
    let scope = first.scope.clone();
    let mut all = vec![first];
    let mut next = 0;
    while let Some(name) = all.get(next).map(|resource| resource.name.clone()) {
        next += 1;
        let below = work.unit.children(&name, MOST as u64 + 1).await?;
        for child in below {
            if child.scope == scope && seen.insert(child.name.clone()) {
                all.push(child);
            }
        }
        if all.len() > MOST {
            return Err(Error::TooMany(MOST));
        }
    }
    Ok(all)
}

async fn may_move(work: &Work, all: &[Resource], to: &Scope) -> Result<(), Error> {
    let types: BTreeSet<&str> = all.iter().map(|resource| resource.name.of.as_str()).collect();
    let creates = |of: &&str| {
        work.situation
            .allows(&work.actor, &format!("{of}.create"), to, work.now)
    };
    if !types.iter().all(creates) {
        return Err(Error::Denied);
    }
    let own = own_standing(work).await?;
    let mut aims = Vec::with_capacity(all.len());
    for resource in all {
        let aim = load(work, &resource.name).await?;
        if !allows_on(work, &own, &aim, &format!("{}.edit", resource.name.of)) {
            return Err(Error::Denied);
        }
        aims.push(aim);
    }
    let from = all.first().map_or(to, |first| &first.scope);
    if from == to || may_relocate(work, &own, aims, (from, to)).await? {
        Ok(())
    } else {
        Err(Error::Denied)
    }
}

fn fits(work: &Work, from: &Scope, to: &Scope) -> Result<(), Error> {
    for scope in [to, from] {
        match work.situation.state(scope) {
            Some(PlaceState::Active) => {}
            Some(_) => return Err(Error::NotActive),
            None => return Err(Error::NotFound("scope")),
        }
    }
    Ok(())
}

/// A grant on the existing resources of a type, given around both scopes, goes on to hold for what moves between them.
async fn write_out(
    ports: &Ports,
    work: &mut Work,
    all: &[Resource],
    (from, to): (&Scope, &Scope),
) -> Result<(), Error> {
    for around in around_both(work, from, to) {
        let filter = Filter {
            scope: Some(around),
            ..Filter::default()
        };
        for grant in work.unit.grants(&filter, None, MANY).await? {
            let About::Type {
                of,
                applies_to: AppliesTo::Existing,
                ..
            } = &grant.about
            else {
                continue;
            };
            let covered = all
                .iter()
                .filter(|resource| resource.name.of == *of && resource.revision <= grant.revision);
            for resource in covered {
                let on_it = Grant {
                    id: GrantId::generate(&*ports.ids),
                    about: About::Resource(resource.name.clone()),
                    ..grant.clone()
                };
                put(work, &on_it, resource.name.to_string()).await?;
            }
        }
    }
    Ok(())
}

fn around_both(work: &Work, from: &Scope, to: &Scope) -> Vec<Scope> {
    let above = work.situation.path(to);
    let mut both = work.situation.path(from);
    both.retain(|scope| above.contains(scope));
    both
}
