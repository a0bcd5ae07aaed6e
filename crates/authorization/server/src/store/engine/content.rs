//! What is kept whole of an account: policy, places, and what is bound at deployment and product.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bailiwick_authorization_core::account::{Account, Place};
use bailiwick_authorization_engine::{Bound, Content, ProductState};
use bailiwick_policy::{PermissionSetBuilder, PlaceId, Places, RoleNo};
use bailiwick_sql::Error;
use bailiwick_types::{AccountId, ScopeRoot};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QueryResult};

use crate::store::{
    Products,
    convert::At,
    entity::{account, place, root_binding},
    policy,
    rows::FromRow,
};

/// Reads an account's row.
pub(super) async fn account(conn: &impl ConnectionTrait, id: AccountId) -> Result<Option<Account>, Error> {
    let row = account::Entity::find_by_id(id.uuid()).one(conn).await?;
    row.map(Account::from_row).transpose()
}

/// The role of the deployment by its name: that of the suite.
pub(super) fn deployment_role(name: &str) -> Option<RoleNo> {
    (name == "operator").then_some(RoleNo::OPERATOR)
}

/// Reads what is bound at deployment and products, with the revisions given. Roles at a product are those of
/// its manifest; where the manifest is not known, nobody has one.
pub(super) async fn bound(
    conn: &impl ConnectionTrait,
    roots: &[(ScopeRoot, u64)],
    products: &[&ProductState],
) -> Result<Vec<Arc<Bound>>, Error> {
    use root_binding::Column as C;
    let rows = root_binding::Entity::find()
        .filter(C::Root.is_in(roots.iter().map(|(root, _)| root.to_string())))
        .order_by_asc(C::Root)
        .order_by_asc(C::Subject);
    let rows = rows.all(conn).await?;
    let bound = roots.iter().map(|(root, revision)| {
        let place = match root {
            ScopeRoot::Deployment => PlaceId::DEPLOYMENT,
            _ => PlaceId::PRODUCT,
        };
        let name = root.to_string();
        let product = match root {
            ScopeRoot::Product(name) => products.iter().find(|product| product.name == *name),
            _ => None,
        };
        let mut builders: BTreeMap<&str, PermissionSetBuilder> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.root == name) {
            let at = At::new("root_binding", &row.root);
            let no = match (root, product) {
                (ScopeRoot::Deployment, _) => deployment_role(&row.role),
                (_, Some(product)) => {
                    let generation = at.generation(row.generation)?;
                    product.product.service_role_since(&row.role, generation)
                }
                (_, None) => None,
            };
            let Some(no) = no else { continue };
            let subject = at.parse("subject", &row.subject)?;
            let builder = builders
                .entry(&row.subject)
                .or_insert_with(|| PermissionSetBuilder::new(subject));
            builder.bind(no, place, None, None);
        }
        let sets: HashMap<Box<str>, _> = builders
            .into_iter()
            .map(|(subject, set)| (subject.into(), Arc::new(set.build())))
            .collect();
        Ok(Arc::new(Bound {
            revision: *revision,
            sets,
        }))
    });
    bound.collect()
}

async fn places(conn: &impl ConnectionTrait, account: &Account) -> Result<Places, Error> {
    let rows = place::Entity::find().filter(place::Column::AccountId.eq(account.id.uuid()));
    let mut places = Vec::new();
    for row in rows.all(conn).await? {
        places.push(bailiwick_policy::Place::from(&Place::from_row(row)?));
    }
    let (tree, refused) = Places::build(account.id, account.state, places);
    for place in refused {
        // It is reached by nobody, which is less and never more.
        tracing::warn!(account.id = %account.id, place.id = %place.id.0, "a place does not fit the account's tree");
    }
    Ok(tree)
}

/// Reads everything that is kept whole of an account, in the snapshot that the connection shows.
pub(super) async fn content(
    conn: &impl ConnectionTrait,
    account: &Account,
    revisions: (u64, u64),
    products: &Products,
) -> Result<Option<Content>, Error> {
    let Some(product) = products.read(conn, &account.product).await? else {
        return Ok(None);
    };
    let roots = [
        (ScopeRoot::Deployment, revisions.0),
        (ScopeRoot::Product(account.product.clone()), revisions.1),
    ];
    let mut bound = bound(conn, &roots, &[&*product]).await?.into_iter();
    Ok(Some(Content {
        deployment: bound.next().unwrap_or_default(),
        product_bound: bound.next().unwrap_or_default(),
        places: places(conn, account).await?,
        policy: policy::read(conn, Arc::clone(&product.product), account).await?,
        product,
    }))
}

/// A number that is never negative.
pub(super) fn number(row: &QueryResult, column: &str) -> Result<u64, Error> {
    Ok(u64::try_from(row.try_get::<i64>("", column)?).unwrap_or(0))
}
