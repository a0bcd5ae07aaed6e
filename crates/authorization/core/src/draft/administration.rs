//! Accounts, places, roles, people, products and answered requests.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use bailiwick_policy::{AccountPolicy, CustomRole, LevelOverlay, Overlay};
use bailiwick_types::{
    AccountId, EmailKey, Level, ProductName, Scope, ScopeRoot, ServiceAccountId, StoreError, Subject,
    Timestamp, UserId,
};
use uuid::Uuid;

use super::{Draft, RootBinding, base};
use crate::{
    account::{Account, EarlyClosure, Place, Reader as _},
    binding::{Binding, Holder},
    person::{InAccount, Person, RootRole, ServiceAccount},
    product::{Named, Product, Usage},
    request::Answered,
};

#[async_trait]
impl crate::account::Reader for Draft {
    async fn account(&self) -> Result<Option<Account>, StoreError> {
        match &self.rows.account {
            Some(account) => Ok(Some(account.clone())),
            None => Ok(base!(self.account())),
        }
    }
    async fn revision(&self) -> Result<u64, StoreError> {
        Ok(self.next_revision - 1)
    }
    async fn accounts_of_product(
        &self,
        product: &ProductName,
        after: Option<AccountId>,
        limit: u64,
    ) -> Result<Vec<AccountId>, StoreError> {
        let mut all: Vec<AccountId> = base!(self.accounts_of_product(product, after, limit));
        let own = self.rows.account.as_ref().map(|account| account.id);
        all.extend(own.filter(|own| after.is_none_or(|after| *own > after) && !all.contains(own)));
        Ok(all)
    }
    async fn places(&self, ids: &[Uuid]) -> Result<Vec<Place>, StoreError> {
        let mut all: Vec<Place> = base!(self.places(ids));
        all.retain(|place| {
            place
                .scope
                .uuid()
                .is_none_or(|id| !self.rows.places.is_changed(&id))
        });
        let own: Vec<&Place> = self.rows.places.rows().collect();
        let named = |place: &&&Place| place.scope.uuid().is_some_and(|id| ids.contains(&id));
        let above: Vec<&Scope> = own.iter().filter(named).map(|place| &place.parent).collect();
        let wanted = |place: &&&Place| named(place) || above.contains(&&place.scope);
        all.extend(own.iter().filter(wanted).map(|place| (*place).clone()));
        Ok(all)
    }
    async fn places_below(&self, scope: &Scope) -> Result<Vec<Place>, StoreError> {
        let mut all: Vec<Place> = base!(self.places_below(scope));
        all.retain(|place| {
            place
                .scope
                .uuid()
                .is_none_or(|id| !self.rows.places.is_changed(&id))
        });
        let below = |place: &&Place| scope.level() == Level::Account || place.parent == *scope;
        all.extend(self.rows.places.rows().filter(below).cloned());
        Ok(all)
    }
    async fn policy(&self, account: &Account) -> Result<Arc<AccountPolicy>, StoreError> {
        match (&self.rows.policy, &self.base) {
            (Some(policy), _) => Ok(Arc::clone(policy)),
            (None, Some(base)) => base.policy(account).await,
            (None, None) => Err(StoreError::internal("the account has no product")),
        }
    }
    async fn early_closure(&self, scope: Uuid) -> Result<Option<EarlyClosure>, StoreError> {
        Ok(self.rows.closures.get(&scope, base!(self.early_closure(scope))))
    }
}

#[async_trait]
impl crate::account::Writer for Draft {
    async fn put_account(&mut self, account: &Account) -> Result<(), StoreError> {
        let changed = self
            .account()
            .await?
            .is_some_and(|old| old.settings != account.settings);
        self.rows.account = Some(account.clone());
        if changed {
            self.change_policy(|_, _, _| ()).await?;
        }
        Ok(())
    }
    async fn put_place(&mut self, place: &Place) -> Result<(), StoreError> {
        self.rows
            .places
            .put(place.scope.uuid().unwrap_or_default(), place.clone());
        Ok(())
    }
    async fn put_early_closure(
        &mut self,
        scope: Uuid,
        closure: Option<EarlyClosure>,
    ) -> Result<(), StoreError> {
        match (closure, self.early_closure(scope).await?) {
            (Some(closure), _) => self.rows.closures.put(scope, closure),
            (None, Some(old)) => self.rows.closures.remove(scope, old),
            (None, None) => {}
        }
        Ok(())
    }
}

#[async_trait]
impl crate::role::Writer for Draft {
    async fn put_role(&mut self, role: &CustomRole) -> Result<(), StoreError> {
        self.change_policy(|_, custom, _| {
            custom.retain(|old| old.name != role.name);
            custom.push(role.clone());
        })
        .await
    }
    async fn remove_role(&mut self, name: &str) -> Result<(), StoreError> {
        self.change_policy(|_, custom, _| custom.retain(|old| old.name != name))
            .await
    }
    async fn put_overlay(
        &mut self,
        role: &str,
        level: Level,
        overlay: &LevelOverlay,
    ) -> Result<(), StoreError> {
        self.change_policy(|policy, _, overlays| {
            let Some(no) = policy.role_no(role) else { return };
            match overlays.iter_mut().find(|old| old.role == no) {
                Some(old) => {
                    old.levels.insert(level, overlay.clone());
                }
                None => overlays.push(Overlay {
                    role: no,
                    levels: [(level, overlay.clone())].into(),
                }),
            }
        })
        .await
    }
}

#[async_trait]
impl crate::person::Reader for Draft {
    async fn person(&self, user: UserId) -> Result<Option<Person>, StoreError> {
        Ok(self.rows.people.get(&user, base!(self.person(user))))
    }
    async fn emails(&self, of: &[InAccount]) -> Result<HashMap<InAccount, String>, StoreError> {
        // A draft changes no user.
        Ok(base!(self.emails(of)))
    }
    async fn members_with(&self, email: &EmailKey) -> Result<Vec<UserId>, StoreError> {
        Ok(base!(self.members_with(email)))
    }
    async fn service_account(&self, id: ServiceAccountId) -> Result<Option<ServiceAccount>, StoreError> {
        Ok(self.rows.services.get(&id, base!(self.service_account(id))))
    }
    async fn service_accounts_of(&self, makers: &[Subject]) -> Result<Vec<ServiceAccountId>, StoreError> {
        let mut all: Vec<ServiceAccountId> = base!(self.service_accounts_of(makers));
        // The creator of a service account never changes.
        let made = |service: &&ServiceAccount| service.creator.as_ref().is_some_and(|of| makers.contains(of));
        all.extend(self.rows.services.rows().filter(made).map(|service| service.id));
        Ok(all)
    }
    async fn service_accounts_for(&self, account: AccountId) -> Result<Vec<ServiceAccountId>, StoreError> {
        let rows = &self.rows.services;
        let base: Vec<ServiceAccountId> = base!(self.service_accounts_for(account));
        let mut all: Vec<ServiceAccountId> = base.into_iter().filter(|id| !rows.is_changed(id)).collect();
        let here = |service: &&ServiceAccount| service.root == ScopeRoot::Account(account);
        all.extend(rows.rows().filter(here).map(|service| service.id));
        Ok(all)
    }
    async fn root_roles(&self, root: &ScopeRoot, subject: &Subject) -> Result<Vec<RootRole>, StoreError> {
        let rows = &self.rows.root_bindings;
        let key = |role: &RootRole| (root.to_string(), subject.clone(), role.role.clone());
        let base: Vec<RootRole> = base!(self.root_roles(root, subject));
        let mut all: Vec<RootRole> = base
            .into_iter()
            .filter(|row| !rows.is_changed(&key(row)))
            .collect();
        let own = |row: &&RootBinding| row.root == root.to_string() && row.subject == *subject;
        all.extend(rows.rows().filter(own).map(|row| row.role.clone()));
        Ok(all)
    }
    async fn has_root_binding(
        &self,
        root: &ScopeRoot,
        subject: &Subject,
        role: &str,
    ) -> Result<bool, StoreError> {
        let base: bool = base!(self.has_root_binding(root, subject, role));
        let key = (root.to_string(), subject.clone(), role.to_owned());
        let rows = &self.rows.root_bindings;
        Ok(if rows.is_changed(&key) {
            rows.get(&key, None).is_some()
        } else {
            base
        })
    }
    async fn root_holders(&self, root: &ScopeRoot, role: &str) -> Result<Vec<Holder>, StoreError> {
        let base: Vec<Holder> = base!(self.root_holders(root, role));
        let root = root.to_string();
        let mut users: BTreeSet<UserId> = base.iter().map(|holder| holder.user).collect();
        for ((at, subject, name), bound) in self.rows.root_bindings.changes() {
            let Some(user) = subject.user_id().filter(|_| *at == root && name == role) else {
                continue;
            };
            if bound.is_some() {
                users.insert(user);
            } else {
                users.remove(&user);
            }
        }
        let mut holders = Vec::with_capacity(users.len());
        for user in users {
            holders.push(Holder {
                user,
                expires_at: None,
                member: None,
                state: self
                    .person(user)
                    .await?
                    .map(|person| person.state)
                    .unwrap_or_default(),
            });
        }
        Ok(holders)
    }
}

#[async_trait]
impl crate::person::Writer for Draft {
    async fn put_person(&mut self, person: &Person) -> Result<(), StoreError> {
        self.rows.people.put(person.user, person.clone());
        Ok(())
    }
    async fn put_service_account(&mut self, account: &ServiceAccount) -> Result<(), StoreError> {
        self.rows.services.put(account.id, account.clone());
        Ok(())
    }
    async fn set_root_binding(
        &mut self,
        root: &ScopeRoot,
        subject: &Subject,
        role: &str,
        bound: bool,
    ) -> Result<bool, StoreError> {
        use crate::{person::Reader as _, product::Reader as _};
        let before = self.has_root_binding(root, subject, role).await?;
        let product = match root {
            ScopeRoot::Product(name) => self.product(name).await?,
            _ => None,
        };
        let key = (root.to_string(), subject.clone(), role.to_owned());
        let row = RootBinding {
            root: root.to_string(),
            subject: subject.clone(),
            role: RootRole {
                role: role.to_owned(),
                generation: product.map_or(0, |product| product.numbers.generation()),
            },
        };
        if bound && !before {
            self.rows.root_bindings.put(key, row);
        } else if before && !bound {
            self.rows.root_bindings.remove(key, row);
        }
        Ok(before != bound)
    }
}

#[async_trait]
impl crate::product::Reader for Draft {
    async fn product(&self, name: &ProductName) -> Result<Option<Product>, StoreError> {
        let base = base!(self.product(name));
        Ok(self.rows.products.get(&name.to_string(), base))
    }
    async fn products(&self, after: Option<&str>, limit: u64) -> Result<Vec<Product>, StoreError> {
        let rows = &self.rows.products;
        let name = |product: &Product| product.name.to_string();
        let fits = |product: &Product| after.is_none_or(|after| product.name.as_str() > after);
        Ok(rows.page(
            base!(self.products(after, rows.widen(limit))),
            name,
            fits,
            name,
            limit,
        ))
    }
    async fn usage(&self, name: &ProductName) -> Result<Usage, StoreError> {
        let mut usage: Usage = base!(self.usage(name));
        let rows = &self.rows;
        let role = |binding: &Binding| (binding.role.clone(), binding.scope.level());
        usage.roles.extend(rows.bindings.rows().map(role));
        usage
            .types
            .extend(rows.resources.rows().map(|resource| resource.name.of.clone()));
        usage
            .levels
            .extend(rows.places.rows().map(|place| place.scope.level()));
        let root = ScopeRoot::Product(name.clone()).to_string();
        for row in rows.root_bindings.rows().filter(|row| row.root == root) {
            *usage.services.entry(row.role.role.clone()).or_default() += 1;
        }
        Ok(usage)
    }
    async fn named(&self, name: &ProductName, now: Timestamp) -> Result<Named, StoreError> {
        let mut named: Named = base!(self.named(name, now));
        for grant in self.rows.grants.rows() {
            named.add_grants(&grant.permissions, 1);
        }
        if let Some(policy) = &self.rows.policy {
            for role in crate::role::custom_roles(policy) {
                named.add_role(&role.decl);
            }
        }
        for one in self.rows.invitations.rows() {
            if one.state_at(now) == crate::invitation::State::Pending {
                named.add_invitation(&one.roles);
            }
        }
        Ok(named)
    }
    async fn bound(
        &self,
        name: &ProductName,
        roles: &[String],
        limit: u64,
    ) -> Result<Vec<Binding>, StoreError> {
        let rows = &self.rows.bindings;
        let base = base!(self.bound(name, roles, rows.widen(limit)));
        let id = |binding: &Binding| binding.id.uuid();
        let order = |binding: &Binding| (binding.account, binding.id.uuid());
        Ok(rows.page(base, id, |binding| roles.contains(&binding.role), order, limit))
    }
}

#[async_trait]
impl crate::product::Writer for Draft {
    async fn put_product(&mut self, product: &Product) -> Result<(), StoreError> {
        self.rows.products.put(product.name.to_string(), product.clone());
        Ok(())
    }
}

#[async_trait]
impl crate::request::Reader for Draft {
    async fn answered(&self, root: &ScopeRoot, request_id: &str) -> Result<Option<Answered>, StoreError> {
        let key = (root.to_string(), request_id.to_owned());
        Ok(self
            .rows
            .answers
            .get(&key, base!(self.answered(root, request_id))))
    }
}

#[async_trait]
impl crate::request::Writer for Draft {
    async fn keep_answer(
        &mut self,
        root: &ScopeRoot,
        request_id: &str,
        answer: &Answered,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        let key = (root.to_string(), request_id.to_owned());
        self.rows.answers.put(key, answer.clone());
        Ok(())
    }
}
