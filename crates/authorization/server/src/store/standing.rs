//! What a subject has in an account, as the writing transaction sees it: its membership, its bindings and grants, and
//! those of the groups that it is in.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bailiwick_authorization_core::{
    On, Standing, StandingReader, StoreError,
    approval::State,
    grant::{About, AppliesTo},
    person::{PersonState, Reader as _},
};
use bailiwick_policy::{
    AccountPolicy, ApprovalTarget, Member, OpenApproval, Pattern, PermissionSet, PermissionSetBuilder,
    PlaceId, TypeGrantReach, Values,
};
use bailiwick_types::{AccountId, GroupId, Subject, Timestamp};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Map, Value as Json};

use super::{
    approval as approvals,
    convert::At,
    entity::{approval, binding, entitlement, group_member, member},
    grant as grants, member as members, store_error,
    tx::{ReadConn, Tx},
};

impl<T: ReadConn> Tx<T> {
    async fn set_of(
        &self,
        account: AccountId,
        policy: &AccountPolicy,
        subject: &Subject,
        whole: bool,
    ) -> Result<(PermissionSet, Vec<GroupId>), StoreError> {
        let mut set = PermissionSetBuilder::new(subject.clone());
        if let Some(user) = subject.user_id() {
            let row = member::Entity::find_by_id((account.uuid(), user.uuid()));
            if let Some(row) = row.one(self.conn()).await.map_err(store_error)? {
                let member = members::read(&row)?;
                set.member(Member {
                    kind: member.kind,
                    state: member.state,
                    expires_at: member.expires_at,
                });
            }
        }
        let rows = binding::Entity::find()
            .filter(binding::Column::AccountId.eq(account.uuid()))
            .filter(binding::Column::Subject.eq(subject.as_str()));
        for row in rows.all(self.conn()).await.map_err(store_error)? {
            let at = At::new("binding", &row.id);
            let scope = at.scope(row.scope_level, row.scope_id)?;
            // A role that is gone gives nothing.
            let Some(no) = policy.role_no(&row.role) else {
                continue;
            };
            let given: Map<String, Json> = match &row.parameters {
                None => Map::new(),
                Some(text) => at.json("parameters", text)?,
            };
            let level = policy.role(no).and_then(|role| role.level(scope.level()));
            let values: Option<Values> = level.and_then(|level| level.read_parameters(&given).ok());
            set.bind(no, PlaceId::from(&scope), row.expires_at.map(Timestamp), values);
        }
        self.grants_of(account, policy, subject, &mut set, whole).await?;
        if whole {
            self.approvals_of(account, policy, subject, &mut set).await?;
        }
        let rows = group_member::Entity::find()
            .filter(group_member::Column::AccountId.eq(account.uuid()))
            .filter(group_member::Column::Subject.eq(subject.as_str()));
        let rows = rows.all(self.conn()).await.map_err(store_error)?;
        let groups: Vec<GroupId> = rows
            .into_iter()
            .map(|row| GroupId::from_uuid(row.group_id))
            .collect();
        for group in &groups {
            set.group(*group);
        }
        Ok((set.build(), groups))
    }
    async fn grants_of(
        &self,
        account: AccountId,
        policy: &AccountPolicy,
        subject: &Subject,
        set: &mut PermissionSetBuilder,
        whole: bool,
    ) -> Result<(), StoreError> {
        let mut rows = entitlement::Entity::find()
            .filter(entitlement::Column::AccountId.eq(account.uuid()))
            .filter(entitlement::Column::Subject.eq(subject.as_str()));
        if !whole {
            // One with parameters has a condition: nothing can be given away by it.
            rows = rows
                .filter(entitlement::Column::Kind.eq(2_i16))
                .filter(entitlement::Column::Parameters.is_null());
        }
        let product = policy.product();
        for row in rows.all(self.conn()).await.map_err(store_error)? {
            let grant = grants::read(row)?;
            let patterns: Vec<Pattern> = grant
                .permissions
                .iter()
                .filter_map(|text| product.pattern(text))
                .collect();
            let all = patterns.iter().flat_map(|pattern| {
                product
                    .matched(*pattern, bailiwick_types::Level::Account)
                    .iter()
                    .collect::<Vec<_>>()
            });
            let values = product
                .grant_parameters(all, &grant.parameters)
                .ok()
                .filter(|_| !grant.parameters.is_empty());
            let ends = grant.expires_at;
            match &grant.about {
                About::Scope(scope) => {
                    set.grant_scope(PlaceId::from(scope), patterns, ends, values);
                }
                About::Resource(name) => {
                    let Some(of) = product.type_no(&name.of) else {
                        continue;
                    };
                    set.grant_resource(of, name.id.as_str(), patterns, ends, values);
                }
                About::Type {
                    of,
                    scope,
                    applies_to,
                } => {
                    let Some(of) = product.type_no(of) else { continue };
                    let reach = match applies_to {
                        AppliesTo::Existing => TypeGrantReach::Existing(grant.revision),
                        AppliesTo::Future => TypeGrantReach::Future(grant.revision),
                        AppliesTo::All => TypeGrantReach::All,
                    };
                    set.grant_type(of, PlaceId::from(scope), reach, patterns, ends, values);
                }
            }
        }
        Ok(())
    }
    async fn approvals_of(
        &self,
        account: AccountId,
        policy: &AccountPolicy,
        subject: &Subject,
        set: &mut PermissionSetBuilder,
    ) -> Result<(), StoreError> {
        let rows = approval::Entity::find()
            .filter(approval::Column::AccountId.eq(account.uuid()))
            .filter(approval::Column::Subject.eq(subject.as_str()))
            .filter(approval::Column::State.is_in([1_i16, 2]));
        let product = policy.product();
        for row in rows.all(self.conn()).await.map_err(store_error)? {
            let approval = approvals::read(row)?;
            let Some(permission) = product.permission_no(&approval.permission) else {
                continue;
            };
            let target = match &approval.on {
                On::Scope(scope) => ApprovalTarget::Place(PlaceId::from(scope)),
                On::Resource(name) => {
                    let Some(of) = product.type_no(&name.of) else {
                        continue;
                    };
                    ApprovalTarget::Resource(of, name.id.as_str().into())
                }
            };
            set.approval(OpenApproval {
                id: approval.id,
                permission,
                target,
                digest: Some(approval.digest.as_str().into()).filter(|_| !approval.digest.is_empty()),
                approved: approval.state == State::Approved,
                expires_at: approval.expires_at,
            });
        }
        Ok(())
    }
}

#[async_trait]
impl<T: ReadConn> StandingReader for Tx<T> {
    async fn standing(
        &self,
        policy: &AccountPolicy,
        subject: &Subject,
        whole: bool,
    ) -> Result<Standing, StoreError> {
        let account = self.account_id()?;
        let disabled = match subject.user_id() {
            None => false,
            Some(user) => self
                .person(user)
                .await?
                .is_some_and(|person| person.state != PersonState::Active),
        };
        let (own, mut open) = self.set_of(account, policy, subject, whole).await?;
        let mut sets = vec![own];
        let mut seen = BTreeSet::new();
        while let Some(group) = open.pop() {
            if seen.insert(group) {
                let (set, above) = self
                    .set_of(account, policy, &Subject::group(group), whole)
                    .await?;
                sets.push(set);
                open.extend(above);
            }
        }
        Ok(Standing { disabled, sets })
    }
}
