//! What is in a scope.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bailiwick_types::{Scope, StoreError, Timestamp};

use super::{ALL, Draft, base};
use crate::{
    On,
    approval::{self, Approval},
    binding::{self, Reader as _, Writer as _},
    grant::{self, About, Grant, Reader as _, Writer as _},
    invitation::{self, Invitation},
    relocation::{Reader, Writer},
    resource::{Name, Reader as _, Resource, Writer as _},
};

/// Names that one statement looks up.
const LOOKED_UP: usize = 300;

impl Draft {
    async fn all_resources_in(&self, scope: &Scope) -> Result<Vec<Resource>, StoreError> {
        Reader::resources_in(self, scope, ALL).await
    }
    /// What lies in a scope, and what of that the snapshot has elsewhere.
    async fn contents(&self, scope: &Scope) -> Result<(BTreeSet<Name>, Vec<Name>), StoreError> {
        let all = self.all_resources_in(scope).await?;
        let names: BTreeSet<Name> = all.into_iter().map(|one| one.name).collect();
        let put: Vec<&Name> = self
            .rows
            .resources
            .rows()
            .filter(|one| one.scope == *scope)
            .map(|one| &one.name)
            .collect();
        let mut came = self.of_base(&put).await?;
        came.retain(|one| one.scope != *scope);
        Ok((names, came.into_iter().map(|one| one.name).collect()))
    }
    /// Those of some resources that the snapshot has.
    pub(super) async fn of_base(&self, names: &[&Name]) -> Result<Vec<Resource>, StoreError> {
        let mut found = Vec::new();
        let mut names = names.to_vec();
        names.sort();
        for of_type in names.chunk_by(|a, b| a.of == b.of) {
            for some in of_type.chunks(LOOKED_UP) {
                let Some(first) = some.first() else { continue };
                let ids: Vec<&str> = some.iter().map(|name| name.id.as_str()).collect();
                let of = first.of.as_str();
                let more: Vec<Resource> = base!(self.resources_named(of, &ids));
                found.extend(more);
            }
        }
        Ok(found)
    }
}

#[async_trait]
impl Reader for Draft {
    async fn resources_in(&self, scope: &Scope, limit: u64) -> Result<Vec<Resource>, StoreError> {
        let rows = &self.rows.resources;
        let base = base!(self.resources_in(scope, rows.widen(limit)));
        let name = |one: &Resource| one.name.clone();
        Ok(rows.page(base, name, |one| one.scope == *scope, name, limit))
    }
    async fn grants_in(&self, scope: &Scope, limit: u64) -> Result<Vec<Grant>, StoreError> {
        let (names, came) = self.contents(scope).await?;
        let mut base: Vec<Grant> = base!(self.grants_in(scope, ALL));
        for name in came {
            let on_it = grant::Filter {
                resource: Some(name),
                ..grant::Filter::default()
            };
            let more: Vec<Grant> = base!(self.grants(&on_it, None, ALL));
            base.extend(more);
        }
        let fits = |one: &Grant| matches!(&one.about, About::Resource(name) if names.contains(name));
        base.retain(fits);
        let id = |one: &Grant| one.id.uuid();
        Ok(self.rows.grants.page(base, id, fits, id, limit))
    }
    async fn invitations_to(&self, scope: &Scope, limit: u64) -> Result<Vec<Invitation>, StoreError> {
        let rows = &self.rows.invitations;
        let base = base!(self.invitations_to(scope, rows.widen(limit)));
        let id = |one: &Invitation| one.id.uuid();
        let fits = |one: &Invitation| one.scope == *scope && one.state == invitation::State::Pending;
        Ok(rows.page(base, id, fits, id, limit))
    }
    async fn approvals_in(&self, scope: &Scope, limit: u64) -> Result<Vec<Approval>, StoreError> {
        let (names, came) = self.contents(scope).await?;
        let mut base: Vec<Approval> = base!(self.approvals_in(scope, ALL));
        for name in came {
            let on_it = approval::Filter {
                on: Some(On::Resource(name)),
                ..approval::Filter::default()
            };
            let more: Vec<Approval> = base!(self.approvals(&on_it, None, ALL));
            base.extend(more);
        }
        let fits = |one: &Approval| match &one.on {
            On::Scope(on) => on == scope,
            On::Resource(name) => names.contains(name),
        };
        base.retain(fits);
        let id = |one: &Approval| one.id.uuid();
        Ok(self.rows.approvals.page(base, id, fits, id, limit))
    }
    async fn linked_across(&self, scope: &Scope, limit: u64) -> Result<Vec<Name>, StoreError> {
        if let Some(base) = self.base.as_ref().filter(|_| self.rows.resources.is_untouched()) {
            return base.linked_across(scope, limit).await;
        }
        let mut linked = Vec::new();
        for one in self.all_resources_in(scope).await? {
            if let Some(parent) = &one.parent {
                let above = self.resource(parent).await?;
                if above.is_none_or(|above| above.scope != *scope) {
                    linked.push(one.name.clone());
                }
            }
            let below = self.children(&one.name, None, ALL).await?;
            linked.extend(
                below
                    .into_iter()
                    .filter(|child| child.scope != *scope)
                    .map(|child| child.name),
            );
            if linked.len() as u64 >= limit {
                break;
            }
        }
        Ok(linked)
    }
}

#[async_trait]
impl Writer for Draft {
    async fn register_anew(
        &mut self,
        scope: &Scope,
        revision: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for mut resource in self.all_resources_in(scope).await? {
            resource.revision = revision;
            resource.updated_at = now;
            self.put_resource(&resource).await?;
        }
        Ok(())
    }
    async fn remove_contents(&mut self, scope: &Scope) -> Result<(), StoreError> {
        for approval in self.approvals_in(scope, ALL).await? {
            self.rows.approvals.remove(approval.id.uuid(), approval);
        }
        for grant in Reader::grants_in(self, scope, ALL).await? {
            self.rows.grants.remove(grant.id.uuid(), grant);
        }
        for resource in self.all_resources_in(scope).await? {
            self.rows.resources.remove(resource.name.clone(), resource);
        }
        let on_it = binding::Filter {
            scope: Some(scope.clone()),
            subject: None,
        };
        for binding in self.bindings(&on_it, None, ALL).await? {
            self.remove_binding(&binding).await?;
        }
        let on_it = grant::Filter {
            scope: Some(scope.clone()),
            ..grant::Filter::default()
        };
        for grant in self.grants(&on_it, None, ALL).await? {
            debug_assert!(!matches!(grant.about, About::Resource(_)));
            self.remove_grant(&grant).await?;
        }
        Ok(())
    }
}
