//! What a subject has in an account, as the writing transaction sees it: its membership, its bindings and grants on
//! scopes, and those of the groups that it is in. Grants on resources never count for administration.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bailiwick_authorization_core::{
    Standing, StandingReader, StoreError,
    person::{PersonState, Reader as _},
};
use bailiwick_policy::{
    AccountPolicy, Member, Pattern, PermissionSet, PermissionSetBuilder, PlaceId, Values,
};
use bailiwick_types::{AccountId, GroupId, Subject, Timestamp};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Map, Value as Json};

use super::{
    convert::At,
    entity::{binding, entitlement, group_member, member},
    fail, member as members,
    tx::{Connected, Tx},
};

impl<T: Connected> Tx<T> {
    async fn set_of(
        &self,
        account: AccountId,
        policy: &AccountPolicy,
        subject: &Subject,
    ) -> Result<(PermissionSet, Vec<GroupId>), StoreError> {
        let mut set = PermissionSetBuilder::new(subject.clone());
        if let Some(user) = subject.user_id() {
            let row = member::Entity::find_by_id((account.uuid(), user.uuid()));
            if let Some(row) = row.one(self.conn()).await.map_err(fail)? {
                let member = members::read(&row)?;
                set.member(Member { kind: member.kind, state: member.state, expires_at: member.expires_at });
            }
        }
        let rows = binding::Entity::find()
            .filter(binding::Column::AccountId.eq(account.uuid()))
            .filter(binding::Column::Subject.eq(subject.as_str()));
        for row in rows.all(self.conn()).await.map_err(fail)? {
            let at = At::new("binding", &row.id);
            let scope = at.scope(row.scope_level, row.scope_id)?;
            // A role that is gone gives nothing.
            let Some(no) = policy.role_no(&row.role) else { continue };
            let given: Map<String, Json> = match &row.parameters {
                None => Map::new(),
                Some(text) => at.json("parameters", text)?,
            };
            let level = policy.role(no).and_then(|role| role.level(scope.level()));
            let values: Option<Values> = level.and_then(|level| level.read_parameters(&given).ok());
            set.bind(no, PlaceId::from(&scope), row.expires_at.map(Timestamp), values);
        }
        self.grants_of(account, policy, subject, &mut set).await?;
        let rows = group_member::Entity::find()
            .filter(group_member::Column::AccountId.eq(account.uuid()))
            .filter(group_member::Column::Subject.eq(subject.as_str()));
        let rows = rows.all(self.conn()).await.map_err(fail)?;
        let groups: Vec<GroupId> = rows.into_iter().map(|row| GroupId::from_uuid(row.group_id)).collect();
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
    ) -> Result<(), StoreError> {
        let rows = entitlement::Entity::find()
            .filter(entitlement::Column::AccountId.eq(account.uuid()))
            .filter(entitlement::Column::Subject.eq(subject.as_str()))
            .filter(entitlement::Column::Kind.eq(2_i16))
            // One with parameters has a condition: nothing can be given away by it.
            .filter(entitlement::Column::Parameters.is_null());
        for row in rows.all(self.conn()).await.map_err(fail)? {
            let at = At::new("entitlement", &row.id);
            let level = at.known("scope_level", row.scope_level)?;
            let scope = at.scope(level, at.known("scope_id", row.scope_id)?)?;
            let texts: Vec<String> = at.json("permissions", &row.permissions)?;
            let patterns: Vec<Pattern> = texts.iter().filter_map(|text| policy.product().pattern(text)).collect();
            set.grant_scope(PlaceId::from(&scope), patterns, row.expires_at.map(Timestamp), None);
        }
        Ok(())
    }
}

#[async_trait]
impl<T: Connected> StandingReader for Tx<T> {
    async fn standing(
        &self,
        account: AccountId,
        policy: &AccountPolicy,
        subject: &Subject,
    ) -> Result<Standing, StoreError> {
        let disabled = match subject.user_id() {
            None => false,
            Some(user) => self.person(user).await?.is_some_and(|person| person.state != PersonState::Active),
        };
        let (own, mut open) = self.set_of(account, policy, subject).await?;
        let mut sets = vec![own];
        let mut seen = BTreeSet::new();
        while let Some(group) = open.pop() {
            if seen.insert(group) {
                let (set, above) = self.set_of(account, policy, &Subject::group(group)).await?;
                sets.push(set);
                open.extend(above);
            }
        }
        Ok(Standing { disabled, sets })
    }
}
