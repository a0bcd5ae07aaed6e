//! What subjects have in an account, as the unit of work sees it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bailiwick_authorization_core::{Extent, SituationReader, StoreError, SubjectRows, person::PersonState};
use bailiwick_authorization_engine::FactKey;
use bailiwick_policy::Member;
use bailiwick_types::{ServiceAccountId, Subject, UserId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::{
    convert::column,
    entity,
    rows::FromRow,
    store_error, subjects,
    tx::{ReadConn, Tx},
};

/// Users or service accounts that one statement names.
const USERS: usize = 300;

/// In place of the revisions of a snapshot: the transaction sees its own writes, which no revision names yet.
const NO_STAMP: &str = "SELECT CAST('' AS text) AS epoch, CAST('' AS text) AS deployment, \
                        CAST('' AS text) AS product, CAST('' AS text) AS account, CAST(0 AS bigint) AS manifest";

#[async_trait]
impl<T: ReadConn> SituationReader for Tx<T> {
    async fn subject_rows(&self, subjects: &[Subject], extent: Extent) -> Result<SubjectRows, StoreError> {
        let account = self.account_id()?;
        let only = match subjects {
            [subject] => FactKey::of(subject),
            _ => None,
        };
        let seeds: Vec<String> = subjects.iter().map(ToString::to_string).collect();
        let sql = subjects::sql(self.conn().get_database_backend(), NO_STAMP, extent);
        let rows = self.rows(&sql, subjects::values(account, &seeds, only)).await?;
        let read = subjects::read(&rows, only).map_err(store_error)?;
        let mut all = SubjectRows {
            rows: read
                .rows
                .into_iter()
                .map(|rows| (rows.subject.clone(), rows))
                .collect(),
            disabled: BTreeSet::new(),
        };
        match (read.closed, only) {
            (true, Some(one)) => drop(all.disabled.insert(one.subject())),
            (_, Some(_)) => {}
            (_, None) => {
                self.users(subjects, &mut all).await?;
                self.services(subjects, &mut all).await?;
            }
        }
        Ok(all)
    }
}

impl<T: ReadConn> Tx<T> {
    /// Adds memberships and states of users, of which [`subjects::sql`] reads one user's.
    async fn users(&self, subjects: &[Subject], all: &mut SubjectRows) -> Result<(), StoreError> {
        let account = self.account_id()?;
        let users: Vec<Uuid> = subjects
            .iter()
            .filter_map(Subject::user_id)
            .map(UserId::uuid)
            .collect();
        for some in users.chunks(USERS) {
            let rows = entity::member::Entity::find()
                .filter(entity::member::Column::AccountId.eq(account.uuid()))
                .filter(entity::member::Column::UserId.is_in(some.iter().copied()));
            for row in rows.all(self.conn()).await.map_err(store_error)? {
                let found = bailiwick_authorization_core::member::Member::from_row(row)?;
                if let Some(rows) = all.rows.get_mut(&Subject::user(found.user)) {
                    rows.member = Some(Member {
                        kind: found.kind,
                        state: found.state,
                        expires_at: found.expires_at,
                    });
                }
            }
            let active = column(PersonState::Active.code());
            let rows = entity::user_state::Entity::find()
                .filter(entity::user_state::Column::UserId.is_in(some.iter().copied()))
                .filter(entity::user_state::Column::State.ne(active));
            for row in rows.all(self.conn()).await.map_err(store_error)? {
                all.disabled.insert(Subject::user(UserId::from_uuid(row.user_id)));
            }
        }
        Ok(())
    }
    /// Adds the states of service accounts, of which [`subjects::sql`] reads one's.
    async fn services(&self, subjects: &[Subject], all: &mut SubjectRows) -> Result<(), StoreError> {
        use entity::service_state::{Column, Entity};
        let services: Vec<Uuid> = subjects
            .iter()
            .filter_map(Subject::service_id)
            .map(ServiceAccountId::uuid)
            .collect();
        for some in services.chunks(USERS) {
            let rows = Entity::find()
                .filter(Column::ServiceId.is_in(some.iter().copied()))
                .filter(Column::Enabled.eq(false));
            for row in rows.all(self.conn()).await.map_err(store_error)? {
                let id = ServiceAccountId::from_uuid(row.service_id);
                all.disabled.insert(Subject::service(id));
            }
        }
        Ok(())
    }
}
