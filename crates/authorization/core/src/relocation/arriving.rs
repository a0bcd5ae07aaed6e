//! The target of a move to another account: whether it fits, and what of the workspace goes along.

use std::collections::BTreeMap;

use bailiwick_policy::{
    PlaceState, Role,
    manifest::{Holders, Quota},
};
use bailiwick_types::{IdGen, ScopeRoot, SourceVersion};

use super::{
    MOST, Relocation,
    leaving::{self, Leaving},
};
use crate::prelude::*;
use crate::{
    Actor, Limits, Read, Situation, Write,
    account::Place,
    binding::Binding,
    follow,
    grant::Grant,
    holders,
    limit::{self, Counted},
    member,
    resource::{Name, Resource},
};

/// Names that a refusal lists.
const NAMED: usize = 20;
/// Names that one statement looks up.
const LOOKED_UP: usize = 300;

/// Where a workspace arrives.
pub(super) struct Arriving {
    pub(super) situation: Situation,
}

/// What goes along.
#[derive(Default)]
pub(super) struct Along {
    pub(super) bindings: Vec<Binding>,
    pub(super) grants: Vec<Grant>,
}

/// Lists some names, and how many more there are.
pub(super) fn listed(names: &[Name]) -> String {
    let shown: Vec<String> = names.iter().take(NAMED).map(ToString::to_string).collect();
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 {
        format!(" and more ({more})")
    } else {
        String::new()
    };
    format!("{}{more}", shown.join(", "))
}

/// Refuses a target where the mover may not create workspaces, or that is not in use.
pub(super) async fn permit(
    read: &(impl Read + ?Sized),
    of: &Relocation,
    now: Timestamp,
) -> Result<Situation, Error> {
    let situation = Situation::load(read, [&of.parent, &of.scope]).await?;
    let situation = situation.ok_or(Refused::Denied)?;
    let mover = of.mover()?;
    let actor: Actor = leaving::actor(read, &situation, &mover.subject, mover.target_operator).await?;
    if !situation.allows(&actor, "workspace.create", &of.parent, now) {
        return Err(Refused::Denied.into());
    }
    match situation.state(&of.parent) {
        Some(state) if state.is_open() => Ok(situation),
        Some(_) => {
            let scope = of.parent.clone();
            Err(Precondition::NotActive { scope }.into())
        }
        None => Err(Refused::NotFound("parent").into()),
    }
}

impl Arriving {
    /// Asks for the right, then whether the workspace fits.
    pub(super) async fn look(
        read: &(impl Read + ?Sized),
        of: &Relocation,
        leaving: &Leaving,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let situation = permit(read, of, now).await?;
        if situation.account.product != leaving.situation.account.product {
            let rule = "must be an account of the same product";
            return Err(Violations::of("target_account", rule).into());
        }
        let types = leaving.types();
        for scope in situation.path(&of.parent) {
            for grant in leaving::grants(read, &scope).await? {
                if leaving::reaches(&grant, &types, now) && !leaving.may_give(of, &grant, now) {
                    return Err(Refused::Denied.into());
                }
            }
        }
        let taken = taken(read, of, leaving).await?;
        if !taken.is_empty() {
            let resources = listed(&taken);
            return Err(Precondition::ResourcesTaken { resources }.into());
        }
        let arriving = Self { situation };
        arriving.check_quotas(read, leaving).await?;
        Ok(arriving)
    }

    /// Refuses more resources of an owner than it may have here.
    async fn check_quotas(&self, read: &(impl Read + ?Sized), leaving: &Leaving) -> Result<(), Error> {
        let product = self.situation.policy.product();
        let mut owned: BTreeMap<(&Subject, &str), u64> = BTreeMap::new();
        for resource in &leaving.resources {
            let of = resource.name.of.as_str();
            let info = product.type_no(of).and_then(|no| product.type_info(no));
            if info.is_some_and(|info| info.quota == Some(Quota::PerMember))
                && let Some(owner) = &resource.owner
            {
                *owned.entry((owner, of)).or_default() += 1;
            }
        }
        for ((owner, of), more) in owned {
            if let Some(limit) = read.quota(owner, of).await?
                && read.owned(owner, of).await?.saturating_add(more) > limit
            {
                return Err(Precondition::QuotaExhausted(limit).into());
            }
        }
        Ok(())
    }

    /// What goes along: roles of the product and grants of users who are active members here.
    pub(super) async fn along(
        &self,
        read: &(impl Read + ?Sized),
        of: &Relocation,
        leaving: &Leaving,
        (revision, ids, now): (u64, &dyn IdGen, Timestamp),
    ) -> Result<Along, Error> {
        let subjects = leaving.subjects();
        let users: Vec<UserId> = subjects.iter().filter_map(Subject::user_id).collect();
        let members = member::active_of(read, &users, now).await?;
        let needs_members = self.situation.needs_members();
        let stays = |subject: &Subject| match subject.user_id() {
            Some(user) if needs_members => members.contains(&user),
            _ => !needs_members && subject.kind() == "user",
        };
        let mut along = Along::default();
        for binding in &leaving.bindings {
            let is_own = leaving.situation.policy.role_no(&binding.role);
            let is_own = is_own.is_none_or(bailiwick_policy::RoleNo::is_custom);
            let here = self.situation.role_at(&binding.role, of.scope.level());
            if !is_own && here.is_some() && stays(&binding.subject) && !binding.is_over(now) {
                along.bindings.push(Binding {
                    account: of.target,
                    ..binding.clone()
                });
            }
        }
        let anew = leaving.anew(true);
        let granted = leaving.grants.iter().chain(&leaving.resource_grants);
        for grant in granted.filter(|grant| stays(&grant.subject) && grant.lasts(now)) {
            along.grants.extend(leaving.keep(&anew, grant, (revision, ids))?);
            if leaving.is_asked() && along.grants.len() > MOST {
                return Err(Precondition::WorkspaceTooLarge(MOST).into());
            }
        }
        for grant in &mut along.grants {
            grant.account = of.target;
        }
        Ok(along)
    }

    /// Writes the workspace and what goes along. It is left active: who closes it is the driver.
    pub(super) async fn arrive(
        &self,
        write: &mut (impl Write + ?Sized),
        of: &Relocation,
        (leaving, along): (&Leaving, &Along),
        (revision, ids, now): (u64, &dyn IdGen, Timestamp),
    ) -> Result<Place, Error> {
        let id = of.scope.uuid().unwrap_or_default();
        let before = write.places(&[id]).await?;
        let before = before.into_iter().find(|place| place.scope == of.scope);
        if let Some(before) = &before {
            // It was here before: nothing of that time comes back, not in a cache either.
            let old = Leaving::unasked(write, of, before.clone()).await?;
            write.remove_contents(&of.scope).await?;
            let root = ScopeRoot::Account(of.target);
            for subject in old.iter().flat_map(Leaving::subjects) {
                write.emit(root.clone(), Change::of_subject(&subject));
            }
            for resource in old.iter().flat_map(|old| &old.resources) {
                write.emit(root.clone(), Change::of_resource(&resource.name));
            }
        }
        write.put_early_closure(id, None).await?;
        let unseen = || SourceVersion::new(of.version.epoch(), 0);
        let place = Place {
            account: of.target,
            parent: of.parent.clone(),
            state: PlaceState::Active,
            version: before.map_or_else(unseen, |before| before.version),
            closed_version: None,
            ..leaving.place.clone()
        };
        write.put_place(&place).await?;
        let root = ScopeRoot::Account(of.target);
        let moved = |resource: &Resource| Resource {
            account: of.target,
            updated_at: now,
            ..resource.moved(revision)
        };
        let resources: Vec<Resource> = leaving.resources.iter().map(moved).collect();
        write.put_resources(&resources).await?;
        for resource in &resources {
            write.emit(root.clone(), Change::of_resource(&resource.name));
        }
        write.put_bindings(&along.bindings).await?;
        write.put_grants(&along.grants).await?;
        for binding in &along.bindings {
            write.emit(root.clone(), Change::of_subject(&binding.subject));
        }
        for grant in &along.grants {
            write.emit(root.clone(), Change::of_subject(&grant.subject));
        }
        self.keep_holders(write, &place, ids, now).await?;
        Ok(place)
    }

    /// A holder who does not count here gives way to the account's own.
    async fn keep_holders(
        &self,
        write: &mut (impl Write + ?Sized),
        place: &Place,
        ids: &dyn IdGen,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let level = place.scope.level();
        let needs_members = self.situation.needs_members();
        let roles: Vec<(&Role, Holders)> = self
            .situation
            .policy
            .roles()
            .filter(|role| role.level(level).is_some())
            .filter_map(|role| Some((role, role.holders?)))
            .collect();
        for (role, rule) in roles {
            let name = role.name.to_string();
            let held = write.holders(&name, &place.scope).await?;
            let counting = held
                .iter()
                .filter(|holder| holders::counts(holder, needs_members, now))
                .count();
            match rule {
                Holders::Exactly(_) if counting != 1 => {
                    for holder in &held {
                        let user = Subject::user(holder.user);
                        for binding in write.bindings_on(&user, &name, &place.scope).await? {
                            write.remove_binding(&binding).await?;
                        }
                    }
                    self.add_holder(write, place, &name, ids, now).await?;
                }
                Holders::AtLeast(least) if counting < usize::try_from(least).unwrap_or_default() => {
                    self.add_holder(write, place, &name, ids, now).await?;
                }
                Holders::Exactly(_) | Holders::AtLeast(_) => {}
            }
        }
        Ok(())
    }

    /// Gives a role to the first of the account's own holders that counts: of that role, or of the
    /// role that the creator of an account gets.
    async fn add_holder(
        &self,
        write: &mut (impl Write + ?Sized),
        place: &Place,
        role: &str,
        ids: &dyn IdGen,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let account = Scope::Account(place.account);
        let needs_members = self.situation.needs_members();
        let founder = self.situation.founder_role().map(|role| role.name.to_string());
        for above in std::iter::once(role.to_owned()).chain(founder) {
            let all = write.holders(&above, &account).await?;
            let to = all
                .iter()
                .find(|holder| holders::counts(holder, needs_members, now));
            if let Some(holder) = to {
                let user = Subject::user(holder.user);
                let present = write.bindings_on(&user, role, &place.scope).await?;
                if let Some(binding) = present.into_iter().next() {
                    // One that ends by itself counts no more than none.
                    let lasting = Binding {
                        expires_at: None,
                        ..binding
                    };
                    write.put_binding(&lasting).await?;
                    write.emit(ScopeRoot::Account(place.account), Change::of_subject(&user));
                } else {
                    follow::bind(write, ids, place.account, (&user, role, &place.scope), now).await?;
                }
                return Ok(());
            }
        }
        Ok(())
    }

    /// Refuses more than the account may have.
    pub(super) async fn check_limits(
        read: &(impl Read + ?Sized),
        limits: &Limits,
        (leaving, along): (&Leaving, &Along),
    ) -> Result<(), Error> {
        let mut counted = Vec::new();
        counted.extend((!leaving.resources.is_empty()).then_some(Counted::Resources));
        counted.extend((!along.bindings.is_empty()).then_some(Counted::Bindings));
        counted.extend((!along.grants.is_empty()).then_some(Counted::Grants));
        limit::check_counted(read, limits, &counted).await
    }
}

/// The resources whose names the account has already. What it has in the workspace itself, of a time before,
/// is removed as that arrives.
pub(super) async fn taken(
    read: &(impl Read + ?Sized),
    of: &Relocation,
    leaving: &Leaving,
) -> Result<Vec<Name>, StoreError> {
    let mut taken = Vec::new();
    for kind in leaving.types() {
        let all = leaving.resources.iter().filter(|one| one.name.of == kind);
        let ids: Vec<&str> = all.map(|one| one.name.id.as_str()).collect();
        for some in ids.chunks(LOOKED_UP) {
            let found = read.resources_named(kind, some).await?;
            let found = found.into_iter().filter(|one| one.scope != of.scope);
            taken.extend(found.map(|one| one.name));
        }
    }
    Ok(taken)
}
