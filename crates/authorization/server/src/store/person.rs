//! Users, service accounts, and what is bound at the deployment and at products.

use std::collections::{BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use bailiwick_authorization_core::{
    StoreError,
    binding::Holder,
    person::{InAccount, Person, PersonState, Reader, RootRole, ServiceAccount, Writer},
    product::Reader as _,
};
use bailiwick_sql::{Error, placeholders};
use bailiwick_types::{AccountId, EmailKey, ScopeRoot, ServiceAccountId, Subject, UserId};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryResult, QuerySelect,
};
use uuid::Uuid;

use super::{
    convert::{At, column, generation, set, stored, stored_closed},
    entity::{member, root_binding, service_state, user_state},
    store_error,
    tx::{ReadConn, Tx, WriteConn},
    written,
};

/// Users or makers that one statement asks for.
const AT_ONCE: usize = 1_000;

impl<T: ReadConn> Tx<T> {
    /// Keeps what identity says of a user as it is until the transaction ends: who disables a user has to
    /// know every account that the user is in.
    pub(super) async fn hold_user(&self, user: UserId) -> Result<(), StoreError> {
        if self.conn().get_database_backend() == DbBackend::Postgres {
            let sql = "SELECT 1 FROM user_state WHERE user_id = $1 FOR SHARE";
            self.rows(sql, vec![user.uuid().into()]).await?;
        }
        Ok(())
    }
    /// The same for many users, in the order of their ids.
    pub(super) async fn hold_users(
        &self,
        subjects: impl Iterator<Item = &Subject> + Send,
    ) -> Result<(), StoreError> {
        if self.conn().get_database_backend() == DbBackend::Postgres {
            let users: BTreeSet<Uuid> = subjects
                .filter_map(|subject| Some(subject.user_id()?.uuid()))
                .collect();
            let users: Vec<Uuid> = users.into_iter().collect();
            for some in users.chunks(AT_ONCE) {
                let sql = format!(
                    "SELECT 1 FROM user_state WHERE user_id IN ({}) ORDER BY user_id FOR SHARE",
                    placeholders(1, some.len())
                );
                self.rows(&sql, some.iter().map(|user| (*user).into()).collect())
                    .await?;
            }
        }
        Ok(())
    }
    /// The states of those users of whom identity told.
    pub(super) async fn states(
        &self,
        users: impl IntoIterator<Item = Uuid>,
    ) -> Result<HashMap<Uuid, PersonState>, StoreError> {
        let users: Vec<Uuid> = users.into_iter().collect();
        let mut states = HashMap::with_capacity(users.len());
        for some in users.chunks(AT_ONCE) {
            let rows =
                user_state::Entity::find().filter(user_state::Column::UserId.is_in(some.iter().copied()));
            for row in rows.all(self.conn()).await.map_err(store_error)? {
                let at = At::new("user_state", &row.user_id);
                states.insert(row.user_id, at.known("state", PersonState::from_code(row.state))?);
            }
        }
        Ok(states)
    }
}

/// The user of a row.
pub(super) fn person(row: user_state::Model) -> Result<Person, Error> {
    let at = At::new("user_state", &row.user_id);
    Ok(Person {
        user: UserId::from_uuid(row.user_id),
        state: at.known("state", PersonState::from_code(row.state))?,
        version: at.version("version", &row.epoch, row.version)?,
        closed_version: at.closed(row.closed_epoch.as_deref(), row.closed_version)?,
        email_verified: row.email_verified,
        operator: row.operator,
        email: row.email.clone(),
    })
}

/// The service account of a row.
pub(super) fn service_account(row: service_state::Model) -> Result<ServiceAccount, Error> {
    let at = At::new("service_state", &row.service_id);
    Ok(ServiceAccount {
        id: ServiceAccountId::from_uuid(row.service_id),
        version: at.version("version", &row.epoch, row.version)?,
        closed_version: at.closed(row.closed_epoch.as_deref(), row.closed_version)?,
        enabled: row.enabled,
        root: at.parse("scope", &row.scope)?,
        role: Some(row.role.clone()).filter(|role| !role.is_empty()),
        creator: at.optional("creator", row.creator.as_deref())?,
    })
}

#[async_trait]
impl<T: ReadConn> Reader for Tx<T> {
    async fn person(&self, user: UserId) -> Result<Option<Person>, StoreError> {
        let Some(row) = self.row::<user_state::Entity>(user.uuid()).await? else {
            return Ok(None);
        };
        Ok(Some(self::person(row)?))
    }
    async fn people(&self, users: &[UserId]) -> Result<Vec<Person>, StoreError> {
        let mut people = Vec::with_capacity(users.len());
        for some in users.chunks(AT_ONCE) {
            let ids = some.iter().map(|user| user.uuid());
            let rows = user_state::Entity::find().filter(user_state::Column::UserId.is_in(ids));
            for row in rows.all(self.conn()).await.map_err(store_error)? {
                people.push(self::person(row)?);
            }
        }
        Ok(people)
    }
    async fn emails(&self, of: &[InAccount]) -> Result<HashMap<InAccount, String>, StoreError> {
        use user_state::Column as C;
        let asked: HashSet<(Uuid, Uuid)> = of.iter().map(|(at, user)| (at.uuid(), user.uuid())).collect();
        let users: BTreeSet<Uuid> = asked.iter().map(|(_, user)| *user).collect();
        let users: Vec<Uuid> = users.into_iter().collect();
        let mut found = HashMap::with_capacity(of.len());
        for some in users.chunks(AT_ONCE) {
            let members: Vec<(Uuid, Uuid)> = member::Entity::find()
                .select_only()
                .columns([member::Column::AccountId, member::Column::UserId])
                .filter(member::Column::UserId.is_in(some.iter().copied()))
                .into_tuple()
                .all(self.conn())
                .await
                .map_err(store_error)?;
            let rows: Vec<(Uuid, String)> = user_state::Entity::find()
                .select_only()
                .columns([C::UserId, C::Email])
                .filter(C::UserId.is_in(some.iter().copied()))
                .filter(C::Email.ne(""))
                .into_tuple()
                .all(self.conn())
                .await
                .map_err(store_error)?;
            let emails: HashMap<Uuid, String> = rows.into_iter().collect();
            let members = members.into_iter().filter(|pair| asked.contains(pair));
            found.extend(members.filter_map(|(at, user)| {
                let email = emails.get(&user)?.clone();
                Some(((AccountId::from_uuid(at), UserId::from_uuid(user)), email))
            }));
        }
        Ok(found)
    }
    async fn members_with(&self, email: &EmailKey) -> Result<Vec<UserId>, StoreError> {
        let sql = "SELECT m.user_id FROM user_state u JOIN member m ON m.user_id = u.user_id \
                   WHERE u.email_key = $1 AND m.account_id = $2 ORDER BY m.user_id";
        let values = vec![email.as_str().into(), self.account_id()?.uuid().into()];
        let rows = self.rows(sql, values).await?;
        let id = |row: &QueryResult| row.try_get("", "user_id").map(UserId::from_uuid);
        rows.iter().map(|row| id(row).map_err(store_error)).collect()
    }
    async fn service_account(&self, id: ServiceAccountId) -> Result<Option<ServiceAccount>, StoreError> {
        let Some(row) = self.row::<service_state::Entity>(id.uuid()).await? else {
            return Ok(None);
        };
        Ok(Some(self::service_account(row)?))
    }
    async fn service_accounts_of(&self, makers: &[Subject]) -> Result<Vec<ServiceAccountId>, StoreError> {
        use service_state::Column as C;
        let mut made = Vec::new();
        for some in makers.chunks(AT_ONCE) {
            let ids: Vec<Uuid> = service_state::Entity::find()
                .select_only()
                .column(C::ServiceId)
                .filter(C::Creator.is_in(some.iter().map(Subject::as_str)))
                .into_tuple()
                .all(self.conn())
                .await
                .map_err(store_error)?;
            made.extend(ids.into_iter().map(ServiceAccountId::from_uuid));
        }
        Ok(made)
    }
    async fn service_accounts_for(&self, account: AccountId) -> Result<Vec<ServiceAccountId>, StoreError> {
        use service_state::Column as C;
        let ids: Vec<Uuid> = service_state::Entity::find()
            .select_only()
            .column(C::ServiceId)
            .filter(C::Scope.eq(ScopeRoot::Account(account).to_string()))
            .into_tuple()
            .all(self.conn())
            .await
            .map_err(store_error)?;
        Ok(ids.into_iter().map(ServiceAccountId::from_uuid).collect())
    }
    async fn root_roles(&self, root: &ScopeRoot, subject: &Subject) -> Result<Vec<RootRole>, StoreError> {
        use root_binding::Column as C;
        let rows = root_binding::Entity::find()
            .filter(C::Root.eq(root.to_string()))
            .filter(C::Subject.eq(subject.as_str()));
        let rows = rows.all(self.conn()).await.map_err(store_error)?;
        let at = At::new("root_binding", subject);
        let role = |row: root_binding::Model| {
            Ok(RootRole {
                generation: at.generation(row.generation)?,
                role: row.role,
            })
        };
        let roles: Result<_, bailiwick_sql::Error> = rows.into_iter().map(role).collect();
        roles.map_err(store_error)
    }
    async fn has_root_binding(
        &self,
        root: &ScopeRoot,
        subject: &Subject,
        role: &str,
    ) -> Result<bool, StoreError> {
        let key = (root.to_string(), subject.to_string(), role.to_owned());
        Ok(self.row::<root_binding::Entity>(key).await?.is_some())
    }
    async fn root_holders(&self, root: &ScopeRoot, role: &str) -> Result<Vec<Holder>, StoreError> {
        let subjects: Vec<String> = root_binding::Entity::find()
            .select_only()
            .column(root_binding::Column::Subject)
            .filter(root_binding::Column::Root.eq(root.to_string()))
            .filter(root_binding::Column::Role.eq(role))
            .into_tuple()
            .all(self.conn())
            .await
            .map_err(store_error)?;
        let user_of = |subject: &String| subject.parse::<Subject>().ok()?.user_id();
        let users: Vec<UserId> = subjects.iter().filter_map(user_of).collect();
        let states = self.states(users.iter().map(|user| user.uuid())).await?;
        let holder = |user: UserId| Holder {
            user,
            expires_at: None,
            member: None,
            state: states.get(&user.uuid()).copied().unwrap_or_default(),
        };
        Ok(users.into_iter().map(holder).collect())
    }
}

#[async_trait]
impl<T: WriteConn> Writer for Tx<T> {
    async fn put_person(&mut self, of: &Person) -> Result<(), StoreError> {
        self.wrote_in_all(&written::standing(&Subject::user(of.user), of.state.is_closed()));
        use user_state::Column as C;
        let (closed_epoch, closed_version) = stored_closed(of.closed_version.as_ref());
        let row = user_state::ActiveModel {
            user_id: set(of.user.uuid()),
            state: set(column(of.state.code())),
            epoch: set(of.version.epoch().to_owned()),
            version: set(stored(of.version.number())),
            closed_epoch: set(closed_epoch),
            closed_version: set(closed_version),
            email: set(of.email.clone()),
            email_key: set(of.email_key().map(String::from).unwrap_or_default()),
            email_verified: set(of.email_verified),
            operator: set(of.operator),
            // Written with what is emitted.
            revision: ActiveValue::NotSet,
        };
        self.upsert_common(
            row,
            [
                C::State,
                C::Epoch,
                C::Version,
                C::ClosedEpoch,
                C::ClosedVersion,
                C::Email,
                C::EmailKey,
                C::EmailVerified,
                C::Operator,
            ],
        )
        .await
    }
    async fn put_service_account(&mut self, of: &ServiceAccount) -> Result<(), StoreError> {
        self.wrote_in_all(&written::standing(&Subject::service(of.id), !of.enabled));
        use service_state::Column as C;
        let (closed_epoch, closed_version) = stored_closed(of.closed_version.as_ref());
        let row = service_state::ActiveModel {
            service_id: set(of.id.uuid()),
            epoch: set(of.version.epoch().to_owned()),
            version: set(stored(of.version.number())),
            closed_epoch: set(closed_epoch),
            closed_version: set(closed_version),
            enabled: set(of.enabled),
            scope: set(of.root.to_string()),
            role: set(of.role.clone().unwrap_or_default()),
            creator: set(of.creator.as_ref().map(ToString::to_string)),
            revision: ActiveValue::NotSet,
        };
        self.upsert_common(
            row,
            [
                C::Epoch,
                C::Version,
                C::ClosedEpoch,
                C::ClosedVersion,
                C::Enabled,
                C::Scope,
                C::Role,
                C::Creator,
            ],
        )
        .await
    }
    async fn set_root_binding(
        &mut self,
        root: &ScopeRoot,
        subject: &Subject,
        role: &str,
        bound: bool,
    ) -> Result<bool, StoreError> {
        if self.has_root_binding(root, subject, role).await? == bound {
            return Ok(false);
        }
        let key = (root.to_string(), subject.to_string(), role.to_owned());
        if bound {
            let product = match root {
                ScopeRoot::Product(name) => self.product(name).await?,
                _ => None,
            };
            let names = product.map_or(0, |product| product.numbers.generation());
            let row = root_binding::ActiveModel {
                generation: set(generation(names)),
                root: set(key.0),
                subject: set(key.1),
                role: set(key.2),
                created_at: set(self.now()),
            };
            self.insert(row).await?;
        } else {
            self.delete::<root_binding::Entity>(key).await?;
        }
        Ok(true)
    }
}
