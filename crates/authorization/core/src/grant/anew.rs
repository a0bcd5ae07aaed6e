//! What takes the place of a grant on a type once resources that it may cover count as registered anew.
//!
//! A grant on a type counts on resources of that type alone, one on a resource counts on everything below it
//! too. So a grant is written out on resources only where that reaches nothing more.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_policy::{PermissionBits, Product};
use bailiwick_types::{GrantId, IdGen, Level, Scope};

use super::{About, AppliesTo, Grant};
use crate::resource::{Name, Resource};

/// Resources that come to count as registered anew.
pub(crate) struct Anew<'r> {
    pub(crate) product: &'r Product,
    /// All of them.
    pub(crate) resources: Vec<&'r Resource>,
    /// Other resources that lie below one of them; none where they are not known.
    pub(crate) others: Option<Vec<&'r Resource>>,
}

/// How much of the resources of its type a grant covers.
enum Share<'r> {
    Nothing,
    Everything,
    Part(Vec<&'r Resource>),
}

/// What takes the place of a grant.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// The grants, which may be the same with another revision.
    pub(crate) grants: Vec<Grant>,
    /// Whether the subject loses what it had on some of the resources.
    pub(crate) loses: bool,
}

impl<'r> Anew<'r> {
    /// Grants on the resources that a grant on their type covers; none where they would reach more than it.
    pub(crate) fn written_out(&self, grant: &Grant, ids: &dyn IdGen) -> Option<Vec<Grant>> {
        let resources = self.resources.iter().copied();
        self.written_on(grant, resources.filter(|one| grant.covers(one)).collect(), ids)
    }

    /// What takes the place of a grant on a type in a scope, or around it, where all that lies in the scope
    /// counts as registered at a revision.
    pub(crate) fn all_in(&self, scope: &Scope, grant: &Grant, revision: u64, ids: &dyn IdGen) -> Kept {
        let About::Type {
            of,
            scope: on,
            applies_to,
        } = &grant.about
        else {
            return Kept::of(vec![grant.clone()]);
        };
        let is_around = on != scope;
        let at = |revision| Grant {
            id: if is_around {
                GrantId::generate(ids)
            } else {
                grant.id
            },
            about: About::Type {
                of: of.clone(),
                scope: scope.clone(),
                applies_to: *applies_to,
            },
            revision,
            ..grant.clone()
        };
        let goes_on = |revision| Kept::of(vec![at(revision)]);
        match (applies_to, self.share(grant)) {
            // Those around it reach all that they reached, or cover only what comes later.
            (AppliesTo::All | AppliesTo::Future, _) if is_around => Kept::default(),
            (AppliesTo::All, _) => goes_on(revision),
            (AppliesTo::Existing, Share::Nothing) => Kept::default(),
            (AppliesTo::Existing, Share::Everything) | (AppliesTo::Future, Share::Nothing) => {
                goes_on(revision)
            }
            (AppliesTo::Future, Share::Everything) => goes_on(revision.saturating_sub(1)),
            (_, Share::Part(covered)) => {
                let written = self.written_on(grant, covered, ids);
                let mut kept = Kept {
                    loses: written.is_none(),
                    grants: written.unwrap_or_default(),
                };
                if *applies_to == AppliesTo::Future {
                    kept.grants.push(at(revision));
                }
                kept
            }
        }
    }

    fn share(&self, grant: &Grant) -> Share<'r> {
        let of_type = self
            .resources
            .iter()
            .copied()
            .filter(|one| grant.is_on_type_of(one));
        let (covered, others): (Vec<_>, Vec<_>) = of_type.partition(|one| grant.covers(one));
        match (covered.is_empty(), others.is_empty()) {
            (true, _) => Share::Nothing,
            (false, true) => Share::Everything,
            (false, false) => Share::Part(covered),
        }
    }

    fn written_on(&self, grant: &Grant, covered: Vec<&Resource>, ids: &dyn IdGen) -> Option<Vec<Grant>> {
        if self.reaches_more(grant, &covered) {
            return None;
        }
        let on = |one: &Resource| Grant {
            id: GrantId::generate(ids),
            about: About::Resource(one.name.clone()),
            ..grant.clone()
        };
        Some(covered.into_iter().map(on).collect())
    }

    /// Whether grants on these resources would give something on what is below them. Permissions of another
    /// type are for resources of that, which lie below those of this one, now or later. Of the type's own,
    /// what is below now counts; what comes to lie there is up to those who put it there, because a new
    /// parent gives what is granted on it.
    fn reaches_more(&self, grant: &Grant, covered: &[&Resource]) -> bool {
        let (About::Type { of, .. }, false) = (&grant.about, covered.is_empty()) else {
            return false;
        };
        let (Some(of), Some(others)) = (self.product.type_no(of), &self.others) else {
            return true;
        };
        let given = given(self.product, [grant]);
        let mut infos = given.iter().filter_map(|no| self.product.permission(no));
        if infos.any(|info| info.type_no != of) {
            return true;
        }
        let is_asked_on = |one: &Resource| {
            let of = self.product.type_no(&one.name.of);
            of.is_some_and(|of| given.iter().any(|no| self.product.may_be_asked_on(no, of)))
        };
        let on: BTreeSet<&Name> = covered.iter().map(|one| &one.name).collect();
        let all = || self.resources.iter().chain(others).copied();
        let above: BTreeMap<&Name, &Name> = all()
            .filter_map(|one| Some((&one.name, one.parent.as_ref()?)))
            .collect();
        let is_below = |one: &Resource| {
            let mut seen = BTreeSet::new();
            let mut next = above.get(&one.name).copied();
            while let Some(name) = next.filter(|name| seen.insert(*name)) {
                if on.contains(name) {
                    return true;
                }
                next = above.get(name).copied();
            }
            false
        };
        all().any(|one| !on.contains(&one.name) && is_asked_on(one) && is_below(one))
    }
}

impl Kept {
    fn of(grants: Vec<Grant>) -> Self {
        Self { grants, loses: false }
    }
}

/// The permissions that grants give, with those that they imply.
pub(crate) fn given<'g>(product: &Product, grants: impl IntoIterator<Item = &'g Grant>) -> PermissionBits {
    let mut all = PermissionBits::default();
    for text in grants.into_iter().flat_map(|grant| &grant.permissions) {
        let given = product.pattern(text);
        let given = given.map(|pattern| product.matched(pattern, Level::Account));
        let numbers = given.iter().flat_map(PermissionBits::iter);
        for info in numbers.filter_map(|no| product.permission(no)) {
            all.insert(info.no);
            all.union(&info.implies);
        }
    }
    all
}
