//! Members, bindings, grants, groups, resources, invitations and approvals.

use std::{cmp::Reverse, collections::BTreeSet};

use async_trait::async_trait;
use bailiwick_policy::manifest::MemberKind;
use bailiwick_types::{
    AccountId, ApprovalId, EmailKey, GrantId, GroupId, InvitationId, Scope, StoreError, Subject, Timestamp,
    UserId,
};
use uuid::Uuid;

use super::{ALL, Draft, base, tree};
use crate::{
    On,
    approval::{self, Approval, Reader as _},
    binding::{self, Binding, Holder, Reader as _},
    grant::{self, About, Grant, Reader as _},
    group::{Group, Reader as _},
    invitation::{self, Invitation},
    member::{Member, Reader as _},
    person::Reader as _,
    resource::{Name, Reader as _, Resource},
};

impl Draft {
    fn bindings_page(&self, base: Vec<Binding>, fits: impl Fn(&Binding) -> bool, limit: u64) -> Vec<Binding> {
        let id = |binding: &Binding| binding.id.uuid();
        self.rows.bindings.page(base, id, fits, id, limit)
    }
    fn resources_page(
        &self,
        base: Vec<Resource>,
        fits: impl Fn(&Resource) -> bool,
        limit: u64,
    ) -> Vec<Resource> {
        let name = |resource: &Resource| resource.name.clone();
        self.rows.resources.page(base, name, fits, name, limit)
    }
    /// Removes what belongs to a subject wherever it is, as the database does it.
    async fn remove_subject(&mut self, subject: &Subject) -> Result<(), StoreError> {
        for binding in self.bindings_of(subject).await? {
            self.rows.bindings.remove(binding.id.uuid(), binding);
        }
        for grant in self.grants(&grant::Filter::of(subject), None, ALL).await? {
            self.rows.grants.remove(grant.id.uuid(), grant);
        }
        for group in self.groups_of(subject).await? {
            let key = (group.uuid(), subject.clone());
            self.rows.memberships.remove(key.clone(), key);
        }
        Ok(())
    }
    async fn remove_approvals(&mut self, filter: &approval::Filter) -> Result<BTreeSet<Subject>, StoreError> {
        let mut whose = BTreeSet::new();
        for approval in self.approvals(filter, None, ALL).await? {
            whose.insert(approval.requester.clone());
            self.rows.approvals.remove(approval.id.uuid(), approval);
        }
        Ok(whose)
    }
}

#[async_trait]
impl crate::binding::Reader for Draft {
    async fn bindings_on(
        &self,
        subject: &Subject,
        role: &str,
        scope: &Scope,
    ) -> Result<Vec<Binding>, StoreError> {
        let base: Vec<Binding> = base!(self.bindings_on(subject, role, scope));
        let is = |binding: &Binding| {
            binding.subject == *subject && binding.role == role && binding.scope == *scope
        };
        Ok(self.bindings_page(base, is, u64::MAX))
    }
    async fn bindings_of(&self, subject: &Subject) -> Result<Vec<Binding>, StoreError> {
        let base = base!(self.bindings_of(subject));
        Ok(self.bindings_page(base, |binding| binding.subject == *subject, u64::MAX))
    }
    async fn bindings(
        &self,
        filter: &binding::Filter,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Vec<Binding>, StoreError> {
        let base = base!(self.bindings(filter, after, self.rows.bindings.widen(limit)));
        let fits = |binding: &Binding| {
            filter
                .subject
                .as_ref()
                .is_none_or(|subject| binding.subject == *subject)
                && filter.scope.as_ref().is_none_or(|scope| binding.scope == *scope)
                && after.is_none_or(|after| binding.id.uuid() > after)
        };
        Ok(self.bindings_page(base, fits, limit))
    }
    async fn group_exists(&self, group: &Subject) -> Result<bool, StoreError> {
        match group.id().parse::<GroupId>() {
            Ok(id) => Ok(self.group(id).await?.is_some()),
            Err(_) => Ok(false),
        }
    }
    async fn holders(&self, role: &str, scope: &Scope) -> Result<Vec<Holder>, StoreError> {
        let mut all: Vec<Holder> = base!(self.holders(role, scope));
        let rows = &self.rows;
        let here = |binding: &&Binding| binding.role == role && binding.scope == *scope;
        let users: BTreeSet<UserId> = rows
            .bindings
            .changed()
            .filter(here)
            .filter_map(|binding| binding.subject.user_id())
            .collect();
        all.retain(|holder| !users.contains(&holder.user));
        for binding in rows.bindings.rows().filter(here) {
            let Some(user) = binding.subject.user_id() else {
                continue;
            };
            all.push(Holder {
                user,
                expires_at: binding.expires_at,
                member: self.member(user).await?,
                state: self
                    .person(user)
                    .await?
                    .map(|person| person.state)
                    .unwrap_or_default(),
            });
        }
        for holder in &mut all {
            holder.member = rows.members.get(&holder.user, holder.member);
            if let Some(person) = rows.people.get(&holder.user, None) {
                holder.state = person.state;
            }
        }
        Ok(all)
    }
}

#[async_trait]
impl crate::binding::Writer for Draft {
    async fn put_binding(&mut self, binding: &Binding) -> Result<(), StoreError> {
        self.rows.bindings.put(binding.id.uuid(), binding.clone());
        Ok(())
    }
    async fn remove_binding(&mut self, binding: &Binding) -> Result<(), StoreError> {
        self.rows.bindings.remove(binding.id.uuid(), binding.clone());
        Ok(())
    }
}

#[async_trait]
impl crate::role::Reader for Draft {
    async fn bindings_of_roles(
        &self,
        roles: &[String],
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Vec<Binding>, StoreError> {
        let base = base!(self.bindings_of_roles(roles, after, self.rows.bindings.widen(limit)));
        let fits = |binding: &Binding| {
            roles.contains(&binding.role) && after.is_none_or(|after| binding.id.uuid() > after)
        };
        Ok(self.bindings_page(base, fits, limit))
    }
}

#[async_trait]
impl crate::member::Reader for Draft {
    async fn member(&self, user: UserId) -> Result<Option<Member>, StoreError> {
        Ok(self.rows.members.get(&user, base!(self.member(user))))
    }
    async fn members(&self, after: Option<UserId>, limit: u64) -> Result<Vec<Member>, StoreError> {
        let rows = &self.rows.members;
        let user = |member: &Member| member.user;
        let fits = |member: &Member| after.is_none_or(|after| member.user > after);
        let base = base!(self.members(after, rows.widen(limit)));
        Ok(rows.page(base, user, fits, user, limit))
    }
    async fn seats_taken(&self) -> Result<u64, StoreError> {
        let mut taken: u64 = base!(self.seats_taken());
        for member in self.rows.members.changed() {
            let before: Option<Member> = base!(self.member(member.user));
            taken -= u64::from(before.is_some_and(|before| before.kind == MemberKind::Agent));
        }
        let agents = self
            .rows
            .members
            .rows()
            .filter(|member| member.kind == MemberKind::Agent);
        Ok(taken + agents.count() as u64)
    }
    async fn accounts_of(&self, subject: &Subject) -> Result<Vec<AccountId>, StoreError> {
        let mut all: Vec<AccountId> = base!(self.accounts_of(subject));
        let rows = &self.rows;
        let is_in = rows
            .members
            .rows()
            .any(|member| Subject::user(member.user) == *subject)
            || rows.bindings.rows().any(|binding| binding.subject == *subject)
            || rows.grants.rows().any(|grant| grant.subject == *subject)
            || rows.memberships.rows().any(|(_, member)| member == subject);
        let own = rows.account.as_ref().map(|account| account.id).filter(|_| is_in);
        all.extend(own.filter(|own| !all.contains(own)));
        Ok(all)
    }
}

#[async_trait]
impl crate::member::Writer for Draft {
    async fn put_member(&mut self, member: &Member) -> Result<(), StoreError> {
        self.rows.members.put(member.user, *member);
        Ok(())
    }
    async fn remove_member(&mut self, user: UserId) -> Result<(), StoreError> {
        use crate::resource::Reader;
        if let Some(member) = self.member(user).await? {
            self.rows.members.remove(user, member);
        }
        let subject = Subject::user(user);
        self.remove_subject(&subject).await?;
        let own = approval::Filter {
            requester: Some(subject.clone()),
            ..approval::Filter::default()
        };
        self.remove_approvals(&own).await?;
        for quota in self.quotas(Some(&subject), None, ALL).await? {
            self.rows.quotas.remove((subject.clone(), quota.1.clone()), quota);
        }
        Ok(())
    }
    async fn remove_grants(&mut self, subject: &Subject, scopes: &[Uuid]) -> Result<(), StoreError> {
        let within = |scope: &Scope| scope.uuid().is_some_and(|id| scopes.contains(&id));
        for grant in self.grants(&grant::Filter::of(subject), None, ALL).await? {
            let goes = match &grant.about {
                About::Scope(scope) | About::Type { scope, .. } => within(scope),
                About::Resource(name) => {
                    let resource = self.resource(name).await?;
                    resource.is_some_and(|resource| within(&resource.scope))
                }
            };
            if goes {
                self.rows.grants.remove(grant.id.uuid(), grant);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl crate::seat::Reader for Draft {
    async fn endings(&self) -> Result<Vec<Timestamp>, StoreError> {
        let mut all: Vec<Timestamp> = base!(self.endings());
        all.extend(self.rows.endings.iter().map(|(_, at)| *at));
        all.retain(|at| self.rows.endings_forgotten.is_none_or(|until| *at > until));
        all.sort_unstable();
        Ok(all)
    }
}

#[async_trait]
impl crate::seat::Writer for Draft {
    async fn put_ending(&mut self, user: UserId, at: Timestamp) -> Result<(), StoreError> {
        self.rows.endings.insert((user, at));
        Ok(())
    }
    async fn forget_endings(&mut self, until: Timestamp) -> Result<(), StoreError> {
        self.rows.endings_forgotten = Some(until);
        Ok(())
    }
}

#[async_trait]
impl crate::grant::Reader for Draft {
    async fn grant(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        Ok(self.rows.grants.get(&id.uuid(), base!(self.grant(id))))
    }
    async fn count_grants(&self, subject: &Subject) -> Result<u64, StoreError> {
        let mut count: u64 = base!(self.count_grants(subject));
        let is = |grant: &&Grant| grant.subject == *subject;
        for grant in self.rows.grants.changed().filter(is) {
            let before: Option<Grant> = base!(self.grant(grant.id));
            count -= u64::from(before.is_some());
        }
        Ok(count + self.rows.grants.rows().filter(is).count() as u64)
    }
    async fn grants(
        &self,
        filter: &grant::Filter,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Vec<Grant>, StoreError> {
        let rows = &self.rows.grants;
        let base = base!(self.grants(filter, after, rows.widen(limit)));
        let id = |grant: &Grant| grant.id.uuid();
        let fits = |grant: &Grant| filter.has(grant) && after.is_none_or(|after| grant.id.uuid() > after);
        Ok(rows.page(base, id, fits, id, limit))
    }
}

#[async_trait]
impl crate::grant::Writer for Draft {
    async fn put_grant(&mut self, grant: &Grant) -> Result<(), StoreError> {
        self.rows.grants.put(grant.id.uuid(), grant.clone());
        Ok(())
    }
    async fn remove_grant(&mut self, grant: &Grant) -> Result<(), StoreError> {
        self.rows.grants.remove(grant.id.uuid(), grant.clone());
        Ok(())
    }
}

#[async_trait]
impl crate::group::Reader for Draft {
    async fn group(&self, id: GroupId) -> Result<Option<Group>, StoreError> {
        Ok(self.rows.groups.get(&id.uuid(), base!(self.group(id))))
    }
    async fn groups(&self, after: Option<Uuid>, limit: u64) -> Result<Vec<Group>, StoreError> {
        let rows = &self.rows.groups;
        let id = |group: &Group| group.id.uuid();
        let fits = |group: &Group| after.is_none_or(|after| group.id.uuid() > after);
        Ok(rows.page(base!(self.groups(after, rows.widen(limit))), id, fits, id, limit))
    }
    async fn group_members(
        &self,
        id: GroupId,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Vec<Subject>, StoreError> {
        let rows = &self.rows.memberships;
        let base: Vec<Subject> = base!(self.group_members(id, after, rows.widen(limit)));
        let base = base.into_iter().map(|subject| (id.uuid(), subject)).collect();
        let fits = |(group, subject): &(Uuid, Subject)| {
            *group == id.uuid() && after.is_none_or(|after| subject.as_str() > after)
        };
        let text = |(_, subject): &(Uuid, Subject)| subject.to_string();
        let all = rows.page(base, Clone::clone, fits, text, limit);
        Ok(all.into_iter().map(|(_, subject)| subject).collect())
    }
    async fn groups_of(&self, subject: &Subject) -> Result<Vec<GroupId>, StoreError> {
        let base: Vec<GroupId> = base!(self.groups_of(subject));
        let base = base.into_iter().map(|id| (id.uuid(), subject.clone())).collect();
        let rows = &self.rows.memberships;
        let all = rows.page(
            base,
            Clone::clone,
            |(_, member)| member == subject,
            |(id, _)| *id,
            u64::MAX,
        );
        Ok(all.into_iter().map(|(id, _)| GroupId::from_uuid(id)).collect())
    }
}

#[async_trait]
impl crate::group::Writer for Draft {
    async fn put_group(&mut self, group: &Group) -> Result<(), StoreError> {
        self.rows.groups.put(group.id.uuid(), group.clone());
        Ok(())
    }
    async fn remove_group(&mut self, id: GroupId) -> Result<(), StoreError> {
        self.remove_subject(&Subject::group(id)).await?;
        for member in self.group_members(id, None, ALL).await? {
            let key = (id.uuid(), member);
            self.rows.memberships.remove(key.clone(), key);
        }
        if let Some(group) = self.group(id).await? {
            self.rows.groups.remove(id.uuid(), group);
        }
        Ok(())
    }
    async fn set_group_member(
        &mut self,
        id: GroupId,
        subject: &Subject,
        is_in: bool,
    ) -> Result<(), StoreError> {
        let key = (id.uuid(), subject.clone());
        if is_in {
            self.rows.memberships.put(key.clone(), key);
        } else {
            self.rows.memberships.remove(key.clone(), key);
        }
        Ok(())
    }
}

#[async_trait]
impl crate::invitation::Reader for Draft {
    async fn invitation(&self, id: InvitationId) -> Result<Option<Invitation>, StoreError> {
        Ok(self.rows.invitations.get(&id.uuid(), base!(self.invitation(id))))
    }
    async fn newest_invitation(
        &self,
        key: &EmailKey,
        scope: &Scope,
    ) -> Result<Option<Invitation>, StoreError> {
        let base: Option<Invitation> = base!(self.newest_invitation(key, scope));
        let id = |invitation: &Invitation| invitation.id.uuid();
        let fits = |one: &Invitation| one.email.key() == *key && one.scope == *scope;
        let order = |one: &Invitation| (one.state.code(), Reverse((one.created_at, one.id.uuid())));
        let rows = &self.rows.invitations;
        Ok(rows.page(base.into_iter().collect(), id, fits, order, 1).pop())
    }
    async fn invited_roles(&self, now: Timestamp) -> Result<BTreeSet<String>, StoreError> {
        // What the draft has ended is in the rows of the snapshot.
        let pending = |one: &Invitation| one.state_at(now) == invitation::State::Pending;
        let all = self.invitations(None, None, ALL).await?;
        let roles = all.into_iter().filter(pending).flat_map(|one| one.roles);
        Ok(roles.collect())
    }
    async fn invitations(
        &self,
        key: Option<&EmailKey>,
        after: Option<invitation::After>,
        limit: u64,
    ) -> Result<Vec<Invitation>, StoreError> {
        let rows = &self.rows.invitations;
        let base = base!(self.invitations(key, after, rows.widen(limit)));
        let age = |one: &Invitation| (one.created_at, one.id.uuid());
        let fits = |one: &Invitation| {
            key.is_none_or(|key| one.email.key() == *key) && after.is_none_or(|after| age(one) < after)
        };
        Ok(rows.page(base, |one| one.id.uuid(), fits, |one| Reverse(age(one)), limit))
    }
}

#[async_trait]
impl crate::invitation::Writer for Draft {
    async fn put_invitation(&mut self, invitation: &Invitation) -> Result<(), StoreError> {
        self.rows
            .invitations
            .put(invitation.id.uuid(), invitation.clone());
        Ok(())
    }
}

#[async_trait]
impl crate::approval::Reader for Draft {
    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
        Ok(self.rows.approvals.get(&id.uuid(), base!(self.approval(id))))
    }
    async fn pending_approval(
        &self,
        requester: &Subject,
        permission: &str,
        on: &On,
        content: (&str, &str),
    ) -> Result<Option<Approval>, StoreError> {
        let base: Option<Approval> = base!(self.pending_approval(requester, permission, on, content));
        let is = |one: &Approval| {
            one.state == approval::State::Pending
                && one.requester == *requester
                && (one.permission.as_str(), &one.on) == (permission, on)
                && (one.digest.as_str(), one.bound.as_str()) == content
        };
        let id = |one: &Approval| one.id.uuid();
        Ok(self
            .rows
            .approvals
            .page(base.into_iter().collect(), id, is, id, 1)
            .pop())
    }
    async fn approvals(
        &self,
        filter: &approval::Filter,
        after: Option<approval::After>,
        limit: u64,
    ) -> Result<Vec<Approval>, StoreError> {
        let rows = &self.rows.approvals;
        let base = base!(self.approvals(filter, after, rows.widen(limit)));
        let age = |one: &Approval| (one.created_at, one.id.uuid());
        let fits = |one: &Approval| filter.has(one) && after.is_none_or(|after| age(one) < after);
        Ok(rows.page(base, |one| one.id.uuid(), fits, |one| Reverse(age(one)), limit))
    }
}

#[async_trait]
impl crate::approval::Writer for Draft {
    async fn put_approval(&mut self, approval: &Approval) -> Result<(), StoreError> {
        self.rows.approvals.put(approval.id.uuid(), approval.clone());
        Ok(())
    }
}

#[async_trait]
impl crate::resource::Reader for Draft {
    async fn resource(&self, name: &Name) -> Result<Option<Resource>, StoreError> {
        Ok(self.rows.resources.get(name, base!(self.resource(name))))
    }
    async fn resources(
        &self,
        of: &str,
        scope: Option<&Scope>,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Vec<Resource>, StoreError> {
        let base = base!(self.resources(of, scope, after, self.rows.resources.widen(limit)));
        let fits = |one: &Resource| {
            one.name.of == of
                && scope.is_none_or(|scope| one.scope == *scope)
                && after.is_none_or(|after| one.name.id.as_str() > after)
        };
        Ok(self.resources_page(base, fits, limit))
    }
    async fn children(
        &self,
        name: &Name,
        scope: Option<&Scope>,
        limit: u64,
    ) -> Result<Vec<Resource>, StoreError> {
        let base = base!(self.children(name, scope, self.rows.resources.widen(limit)));
        let fits = |one: &Resource| {
            one.parent.as_ref() == Some(name) && scope.is_none_or(|scope| one.scope == *scope)
        };
        Ok(self.resources_page(base, fits, limit))
    }
    async fn resources_named(&self, of: &str, ids: &[&str]) -> Result<Vec<Resource>, StoreError> {
        tree::named(self, of, ids).await
    }
    async fn levels_below(&self, name: &Name, most: usize) -> Result<usize, StoreError> {
        match (&self.base, self.rows.resources.changed().next()) {
            (Some(base), None) => base.levels_below(name, most).await,
            _ => tree::levels_below(self, name, most).await,
        }
    }
    async fn has_children(&self, name: &Name) -> Result<bool, StoreError> {
        Ok(!self.children(name, None, 1).await?.is_empty())
    }
    async fn owned(&self, owner: &Subject, of: &str) -> Result<u64, StoreError> {
        let mut owned: u64 = base!(self.owned(owner, of));
        let is = |one: &Resource| one.name.of == of && one.owner.as_ref() == Some(owner);
        for resource in self.rows.resources.changed() {
            let before: Option<Resource> = base!(self.resource(&resource.name));
            owned -= u64::from(before.as_ref().is_some_and(is));
        }
        Ok(owned + self.rows.resources.rows().filter(|one| is(one)).count() as u64)
    }
    async fn quota(&self, subject: &Subject, of: &str) -> Result<Option<u64>, StoreError> {
        let base: Option<u64> = base!(self.quota(subject, of));
        let base = base.map(|limit| (subject.clone(), of.to_owned(), limit));
        let found = self.rows.quotas.get(&(subject.clone(), of.to_owned()), base);
        Ok(found.map(|(_, _, limit)| limit))
    }
    async fn quotas(
        &self,
        subject: Option<&Subject>,
        after: Option<&(String, String)>,
        limit: u64,
    ) -> Result<Vec<(Subject, String, u64)>, StoreError> {
        type Quota = (Subject, String, u64);
        let rows = &self.rows.quotas;
        let base = base!(self.quotas(subject, after, rows.widen(limit)));
        let order = |(subject, of, _): &Quota| (subject.to_string(), of.clone());
        let fits = |quota: &Quota| {
            subject.is_none_or(|subject| quota.0 == *subject)
                && after.is_none_or(|after| order(quota) > *after)
        };
        let key = |(subject, of, _): &Quota| (subject.clone(), of.clone());
        Ok(rows.page(base, key, fits, order, limit))
    }
}

#[async_trait]
impl crate::resource::Writer for Draft {
    async fn put_quota(&mut self, subject: &Subject, of: &str, limit: Option<u64>) -> Result<(), StoreError> {
        let key = (subject.clone(), of.to_owned());
        let row = (subject.clone(), of.to_owned(), limit.unwrap_or_default());
        match limit {
            Some(_) => self.rows.quotas.put(key, row),
            None => self.rows.quotas.remove(key, row),
        }
        Ok(())
    }
    async fn put_resource(&mut self, resource: &Resource) -> Result<(), StoreError> {
        self.rows.resources.put(resource.name.clone(), resource.clone());
        Ok(())
    }
    async fn remove_resource(&mut self, name: &Name) -> Result<Vec<Subject>, StoreError> {
        let on_it = approval::Filter {
            on: Some(On::Resource(name.clone())),
            ..approval::Filter::default()
        };
        let mut whose = self.remove_approvals(&on_it).await?;
        let on_it = grant::Filter {
            resource: Some(name.clone()),
            ..grant::Filter::default()
        };
        for grant in self.grants(&on_it, None, ALL).await? {
            whose.insert(grant.subject.clone());
            self.rows.grants.remove(grant.id.uuid(), grant);
        }
        if let Some(resource) = self.resource(name).await? {
            self.rows.resources.remove(name.clone(), resource);
        }
        Ok(whose.into_iter().collect())
    }
}
