//! What is kept of other services, across accounts: to be compared with what they have.

use std::collections::{HashMap, HashSet};

use bailiwick_authorization_core::{
    account::{Account, Place, scope_of},
    person::{Person, PersonState, ServiceAccount},
};
use bailiwick_policy::PlaceState;
use bailiwick_sql::{Db, Error, follow::Thing};
use bailiwick_types::{AccountId, Level, ScopeRoot, ServiceAccountId, Subject, UserId};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, sea_query::ExprTrait,
};
use uuid::Uuid;

use super::{
    convert::{At, column},
    entity::{account, place, product, root_binding, service_state, user_state},
    person,
    rows::{FromRow, pair},
};

/// Ids that one statement looks up.
const IDS: usize = 300;
/// Things of a part.
const ROWS: u64 = 500;

/// Reads what is kept, in single statements.
pub(crate) struct KeptRows<'a>(pub(crate) &'a Db);

impl KeptRows<'_> {
    async fn all<R: FromRow>(&self, rows: Select<R::Entity>) -> Result<Vec<R>, Error> {
        let rows = rows.all(self.0.load()).await?;
        rows.into_iter().map(R::from_row).collect()
    }
    /// Those of these accounts that are there.
    pub(crate) async fn accounts(&self, ids: &[AccountId]) -> Result<HashMap<AccountId, Account>, Error> {
        let mut found = HashMap::new();
        for some in ids.chunks(IDS) {
            let ids = some.iter().map(|id| id.uuid());
            let rows = account::Entity::find().filter(account::Column::Id.is_in(ids));
            let accounts: Vec<Account> = self.all(rows).await?;
            found.extend(accounts.into_iter().map(|of| (of.id, of)));
        }
        Ok(found)
    }
    /// Those of these places that are there, by account and id.
    pub(crate) async fn places(
        &self,
        ids: &[(AccountId, Uuid)],
    ) -> Result<HashMap<(AccountId, Uuid), Place>, Error> {
        let mut found = HashMap::new();
        for some in ids.chunks(IDS) {
            // By both, so that the primary key finds them: they come in the order of accounts.
            let accounts: HashSet<Uuid> = some.iter().map(|(account, _)| account.uuid()).collect();
            let rows = place::Entity::find()
                .filter(place::Column::AccountId.is_in(accounts))
                .filter(place::Column::Id.is_in(some.iter().map(|(_, id)| *id)));
            let places: Vec<Place> = self.all(rows).await?;
            found.extend(
                places
                    .into_iter()
                    .map(|of| ((of.account, of.scope.uuid().unwrap_or_default()), of)),
            );
        }
        Ok(found)
    }
    /// The names of the products.
    pub(crate) async fn products(&self) -> Result<HashSet<String>, Error> {
        let names = product::Entity::find()
            .select_only()
            .column(product::Column::Name);
        let names: Vec<String> = names.into_tuple().all(self.0.load()).await?;
        Ok(names.into_iter().collect())
    }
    /// Those of these users that are there.
    pub(crate) async fn people(&self, ids: &[UserId]) -> Result<HashMap<UserId, Person>, Error> {
        let mut found = HashMap::new();
        for some in ids.chunks(IDS) {
            let ids = some.iter().map(|id| id.uuid());
            let rows = user_state::Entity::find().filter(user_state::Column::UserId.is_in(ids));
            for row in rows.all(self.0.load()).await? {
                let person = person::person(row)?;
                found.insert(person.user, person);
            }
        }
        Ok(found)
    }
    /// Those of these service accounts that are there.
    pub(crate) async fn service_accounts(
        &self,
        ids: &[ServiceAccountId],
    ) -> Result<HashMap<ServiceAccountId, ServiceAccount>, Error> {
        let mut found = HashMap::new();
        for some in ids.chunks(IDS) {
            let ids = some.iter().map(|id| id.uuid());
            let rows = service_state::Entity::find().filter(service_state::Column::ServiceId.is_in(ids));
            for row in rows.all(self.0.load()).await? {
                let account = person::service_account(row)?;
                found.insert(account.id, account);
            }
        }
        Ok(found)
    }
    /// The roles that these subjects have at the deployment and at products.
    pub(crate) async fn root_roles(
        &self,
        subjects: &[Subject],
    ) -> Result<HashSet<(Subject, ScopeRoot, String)>, Error> {
        let mut found = HashSet::new();
        for some in subjects.chunks(IDS) {
            let subjects = some.iter().map(Subject::as_str);
            let rows = root_binding::Entity::find().filter(root_binding::Column::Subject.is_in(subjects));
            for row in rows.all(self.0.load()).await? {
                let at = At::new("root_binding", &row.subject);
                found.insert((
                    at.parse("subject", &row.subject)?,
                    at.parse("root", &row.root)?,
                    row.role.clone(),
                ));
            }
        }
        Ok(found)
    }
    /// Accounts that are not deleted, after one.
    pub(crate) async fn accounts_after(&self, after: Option<Uuid>) -> Result<Page<Uuid>, Error> {
        use account::Column as C;
        let rows = account::Entity::find()
            .select_only()
            .column(C::Id)
            .filter(C::State.ne(column(PlaceState::Deleted.code())))
            .apply_if(after, |rows, after| rows.filter(C::Id.gt(after)))
            .order_by_asc(C::Id)
            .limit(ROWS);
        let ids: Vec<Uuid> = rows.into_tuple().all(self.0.load()).await?;
        let things = ids.iter().map(|id| Thing::Account(AccountId::from_uuid(*id)));
        Ok((things.collect(), last(&ids)))
    }
    /// Places that are not deleted, after one.
    pub(crate) async fn places_after(
        &self,
        after: Option<(Uuid, Uuid)>,
    ) -> Result<Page<(Uuid, Uuid)>, Error> {
        use place::Column as C;
        let key = pair(C::AccountId.into_expr(), C::Id.into_expr());
        let rows = place::Entity::find()
            .select_only()
            .columns([C::AccountId, C::Id, C::Level])
            .filter(C::State.ne(column(PlaceState::Deleted.code())))
            .apply_if(after, |rows, (account, id)| {
                rows.filter(key.gt(pair(account, id)))
            })
            .order_by_asc(C::AccountId)
            .order_by_asc(C::Id)
            .limit(ROWS);
        let rows: Vec<(Uuid, Uuid, i16)> = rows.into_tuple().all(self.0.load()).await?;
        let mut things = Vec::with_capacity(rows.len());
        for (account, id, level) in &rows {
            let at = At::new("place", id);
            let scope = Level::from_code(*level).and_then(|level| scope_of(level, *id));
            things.push(Thing::Place(
                AccountId::from_uuid(*account),
                at.known("level", scope)?,
            ));
        }
        let keys: Vec<_> = rows.into_iter().map(|(account, id, _)| (account, id)).collect();
        Ok((things, last(&keys)))
    }
    /// Users that are not deleted, after one.
    pub(crate) async fn people_after(&self, after: Option<Uuid>) -> Result<Page<Uuid>, Error> {
        use user_state::Column as C;
        let rows = user_state::Entity::find()
            .select_only()
            .column(C::UserId)
            .filter(C::State.ne(column(PersonState::Deleted.code())))
            .apply_if(after, |rows, after| rows.filter(C::UserId.gt(after)))
            .order_by_asc(C::UserId)
            .limit(ROWS);
        let ids: Vec<Uuid> = rows.into_tuple().all(self.0.load()).await?;
        let things = ids.iter().map(|id| Thing::User(UserId::from_uuid(*id)));
        Ok((things.collect(), last(&ids)))
    }
    /// Service accounts that are enabled, after one.
    pub(crate) async fn service_accounts_after(&self, after: Option<Uuid>) -> Result<Page<Uuid>, Error> {
        use service_state::Column as C;
        let rows = service_state::Entity::find()
            .select_only()
            .column(C::ServiceId)
            .filter(C::Enabled.eq(true))
            .apply_if(after, |rows, after| rows.filter(C::ServiceId.gt(after)))
            .order_by_asc(C::ServiceId)
            .limit(ROWS);
        let ids: Vec<Uuid> = rows.into_tuple().all(self.0.load()).await?;
        let things = ids
            .iter()
            .map(|id| Thing::ServiceAccount(ServiceAccountId::from_uuid(*id)));
        Ok((things.collect(), last(&ids)))
    }
}

/// Things, and the key of the last one where there may be more.
pub(crate) type Page<K> = (Vec<Thing>, Option<K>);

fn last<K: Copy>(keys: &[K]) -> Option<K> {
    keys.last().filter(|_| keys.len() as u64 == ROWS).copied()
}
