//! Who and where: the pairs of a person and a place that a preview looks at.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_policy::{AccountPolicy, RoleNo, manifest::MemberKind};
use bailiwick_types::{AccountId, GroupId, Scope, Subject, UserId};

use super::{MOST, Spot, holders_of, spots_of};
use crate::{
    On, Read, StoreError, Work, binding, grant,
    resource::{Name, tree::with_all_above},
};

/// Members, bindings or grants that are read at once.
const PAGE: u64 = 1_000;

/// A subject, the key of a place, and the place.
pub(crate) type Point<'p> = (&'p Subject, &'p str, &'p Spot);

/// Who and where, each pair once.
#[derive(Debug, Default)]
pub struct Points {
    all: BTreeMap<(Subject, String), Spot>,
    too_many: bool,
}

impl Points {
    /// Each of them, subject by subject.
    pub(crate) fn list(&self) -> Vec<Point<'_>> {
        let all = self.all.iter();
        all.map(|((subject, key), spot)| (subject, key.as_str(), spot))
            .collect()
    }
    /// Whether some were left out, so that nothing may be told.
    pub(crate) fn are_too_many(&self) -> bool {
        self.too_many
    }

    /// A subject at some places; for a group, all users in it and in the groups in it.
    pub(crate) async fn add(
        &mut self,
        read: &(impl Read + ?Sized),
        subject: &Subject,
        spots: &[Spot],
    ) -> Result<(), StoreError> {
        if self.too_many {
            return Ok(());
        }
        for user in users_of(read, subject).await? {
            for spot in spots {
                if self.all.len() >= MOST {
                    self.too_many = true;
                    return Ok(());
                }
                self.all.insert((user.clone(), spot.key()), spot.clone());
            }
        }
        Ok(())
    }

    /// Whoever has one of these roles, where it is bound.
    pub(crate) async fn add_roles(
        &mut self,
        read: &(impl Read + ?Sized),
        roles: &[String],
    ) -> Result<(), StoreError> {
        let mut after = None;
        while !self.too_many {
            let some = read.bindings_of_roles(roles, after, PAGE).await?;
            for binding in &some {
                let at = [Spot::from(&binding.scope)];
                self.add(read, &binding.subject, &at).await?;
            }
            let Some(last) = some.last().filter(|_| some.len() as u64 == PAGE) else {
                break;
            };
            after = Some(last.id.uuid());
        }
        Ok(())
    }

    /// The members of some kinds at some places.
    pub(crate) async fn add_members(
        &mut self,
        read: &(impl Read + ?Sized),
        kinds: &[MemberKind],
        spots: &[Spot],
    ) -> Result<(), StoreError> {
        let mut after = None;
        while !kinds.is_empty() && !self.too_many {
            let some = read.members(after, PAGE).await?;
            for member in some.iter().filter(|member| kinds.contains(&member.kind)) {
                self.add(read, &Subject::user(member.user), spots).await?;
            }
            let Some(last) = some.last().filter(|_| some.len() as u64 == PAGE) else {
                break;
            };
            after = Some(last.user);
        }
        Ok(())
    }

    /// A user wherever it has something, by itself or by a group, and at the account, for what every member
    /// has.
    pub(crate) async fn add_everywhere(
        &mut self,
        read: &(impl Read + ?Sized),
        account: AccountId,
        user: UserId,
    ) -> Result<(), StoreError> {
        let subject = Subject::user(user);
        let holders = holders_of(read, &subject).await?;
        let mut spots = spots_of(read, holders).await?;
        spots.push(Spot::from(&Scope::Account(account)));
        self.add(read, &subject, &spots).await
    }

    /// Everybody who may have something on some resources: by a role or grant on one of the scopes or around
    /// them, by a grant on one of the resources or those above them, or as every member. `above` names
    /// resources that come to be above.
    pub(crate) async fn add_resources(
        &mut self,
        work: &mut Work,
        resources: &[Name],
        scopes: &[&Scope],
        above: &[&Name],
    ) -> Result<(), StoreError> {
        work.look_at(scopes.iter().copied()).await?;
        let (read, situation) = (&*work.unit, &work.situation);
        let on = |name: &Name| Spot::On(On::Resource(name.clone()));
        let spots: Vec<Spot> = resources.iter().map(on).collect();
        let around: BTreeSet<Scope> = scopes.iter().flat_map(|scope| situation.path(scope)).collect();
        for scope in around {
            self.add_bound(read, &scope, &spots).await?;
            let filter = grant::Filter {
                scope: Some(scope),
                ..grant::Filter::default()
            };
            self.add_granted(read, &filter, &spots).await?;
        }
        let mut granted = BTreeSet::new();
        for name in resources.iter().chain(above.iter().copied()) {
            granted.extend(with_all_above(read, name).await?);
        }
        for name in granted {
            let filter = grant::Filter {
                resource: Some(name),
                ..grant::Filter::default()
            };
            self.add_granted(read, &filter, &spots).await?;
        }
        let roles = situation.policy.roles().map(|role| role.name.to_string());
        let kinds = kinds_with(&situation.policy, &roles.collect::<Vec<_>>());
        self.add_members(read, &kinds, &spots).await
    }

    /// Everybody who may have something at some places by a role or grant on one of these scopes, or as every
    /// member.
    pub(crate) async fn add_around(
        &mut self,
        read: &(impl Read + ?Sized),
        policy: &AccountPolicy,
        scopes: &[Scope],
        spots: &[Spot],
    ) -> Result<(), StoreError> {
        for scope in scopes {
            self.add_bound(read, scope, spots).await?;
            let filter = grant::Filter {
                scope: Some(scope.clone()),
                ..grant::Filter::default()
            };
            self.add_granted(read, &filter, spots).await?;
        }
        let roles: Vec<String> = policy.roles().map(|role| role.name.to_string()).collect();
        self.add_members(read, &kinds_with(policy, &roles), spots).await
    }

    async fn add_bound(
        &mut self,
        read: &(impl Read + ?Sized),
        scope: &Scope,
        spots: &[Spot],
    ) -> Result<(), StoreError> {
        let filter = binding::Filter {
            scope: Some(scope.clone()),
            subject: None,
        };
        let mut after = None;
        while !self.too_many {
            let some = read.bindings(&filter, after, PAGE).await?;
            for binding in &some {
                self.add(read, &binding.subject, spots).await?;
            }
            let Some(last) = some.last().filter(|_| some.len() as u64 == PAGE) else {
                break;
            };
            after = Some(last.id.uuid());
        }
        Ok(())
    }

    async fn add_granted(
        &mut self,
        read: &(impl Read + ?Sized),
        filter: &grant::Filter,
        spots: &[Spot],
    ) -> Result<(), StoreError> {
        let mut after = None;
        while !self.too_many {
            let some = read.grants(filter, after, PAGE).await?;
            for grant in &some {
                self.add(read, &grant.subject, spots).await?;
            }
            let Some(last) = some.last().filter(|_| some.len() as u64 == PAGE) else {
                break;
            };
            after = Some(last.id.uuid());
        }
        Ok(())
    }
}

/// The kinds of members that have one of these roles by default.
pub(crate) fn kinds_with(policy: &AccountPolicy, roles: &[String]) -> Vec<MemberKind> {
    let named = |no: RoleNo| {
        policy
            .role(no)
            .is_some_and(|role| roles.contains(&role.name.to_string()))
    };
    let product = policy.product();
    // Members have what is given to anonymous subjects too.
    let all = product.anonymous_role().is_some_and(named);
    let mut kinds = vec![MemberKind::Agent, MemberKind::Customer];
    kinds.retain(|kind| all || product.default_role(*kind).is_some_and(named));
    kinds
}

/// The users that a subject stands for: itself, or for a group those in it, whatever the number of steps.
async fn users_of(read: &(impl Read + ?Sized), subject: &Subject) -> Result<BTreeSet<Subject>, StoreError> {
    let mut users = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![subject.clone()];
    while let Some(next) = open.pop() {
        let ("group", Ok(group)) = (next.kind(), next.id().parse::<GroupId>()) else {
            users.insert(next);
            continue;
        };
        if seen.insert(group) && users.len() <= MOST {
            let limit = MOST as u64 + 1;
            open.extend(read.group_members(group, None, limit).await?);
        }
    }
    Ok(users)
}
