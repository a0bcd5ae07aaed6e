//! What is in a scope.

use async_trait::async_trait;
use bailiwick_types::{Scope, StoreError, Timestamp};

use super::{ALL, Draft, base};
use crate::{
    On,
    approval::{self, Approval, Reader as _},
    binding::{self, Reader as _, Writer as _},
    grant::{self, About, Grant, Reader as _, Writer as _},
    invitation::{self, Invitation},
    relocation::{Reader, Writer},
    resource::{Name, Reader as _, Resource, Writer as _},
};

impl Draft {
    async fn all_resources_in(&self, scope: &Scope) -> Result<Vec<Resource>, StoreError> {
        Reader::resources_in(self, scope, ALL).await
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
        let mut all = Vec::new();
        for resource in self.all_resources_in(scope).await? {
            let filter = grant::Filter {
                resource: Some(resource.name),
                ..grant::Filter::default()
            };
            all.extend(self.grants(&filter, None, limit).await?);
            if all.len() as u64 >= limit {
                break;
            }
        }
        Ok(all)
    }
    async fn invitations_to(&self, scope: &Scope, limit: u64) -> Result<Vec<Invitation>, StoreError> {
        let rows = &self.rows.invitations;
        let base = base!(self.invitations_to(scope, rows.widen(limit)));
        let id = |one: &Invitation| one.id.uuid();
        let fits = |one: &Invitation| one.scope == *scope && one.state == invitation::State::Pending;
        Ok(rows.page(base, id, fits, id, limit))
    }
    async fn approvals_in(&self, scope: &Scope, limit: u64) -> Result<Vec<Approval>, StoreError> {
        let resources = self.all_resources_in(scope).await?;
        let names = resources.into_iter().map(|one| On::Resource(one.name));
        let mut all = Vec::new();
        for on in std::iter::once(On::Scope(scope.clone())).chain(names) {
            let filter = approval::Filter {
                on: Some(on),
                ..approval::Filter::default()
            };
            all.extend(self.approvals(&filter, None, limit).await?);
        }
        Ok(all)
    }
    async fn linked_across(&self, scope: &Scope, limit: u64) -> Result<Vec<Name>, StoreError> {
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
        for resource in self.all_resources_in(scope).await? {
            self.remove_resource(&resource.name).await?;
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
