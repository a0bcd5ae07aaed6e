//! What is kept whole of an account: policy, places, and what is bound at deployment and product.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bailiwick_authorization_engine::{Bound, Content, PolicyRows, ProductState};
use bailiwick_policy::{
    AccountPolicy, CustomRole, LevelOverlay, Numbers, Overlay, PermissionSetBuilder, Place, PlaceId,
    PlaceState, Places, Product, RoleNo, compile,
    manifest::{EntryDecl, Manifest, RoleDecl},
};
use bailiwick_sql::{Error, placeholders, statement};
use bailiwick_types::{AccountId, Level, ProductName, ScopeRoot, Subject};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use uuid::Uuid;

use crate::store::convert::{known, parse_json as json};

/// The row of an account, as far as decisions depend on it.
#[derive(Debug)]
pub(super) struct AccountRow {
    pub(super) product: ProductName,
    state: PlaceState,
    settings: BTreeMap<String, serde_json::Value>,
}

fn level(row: &QueryResult, table: &'static str, key: &str) -> Result<Level, Error> {
    known(
        table,
        "level",
        key,
        Level::from_code(row.try_get::<i64>("", "level")?),
    )
}

fn place_state(row: &QueryResult, table: &'static str, key: &str) -> Result<PlaceState, Error> {
    known(
        table,
        "state",
        key,
        PlaceState::from_code(row.try_get::<i64>("", "state")?),
    )
}

/// Reads an account's row.
pub(super) async fn account_row(
    conn: &impl ConnectionTrait,
    account: AccountId,
) -> Result<Option<AccountRow>, Error> {
    let sql = "SELECT product, CAST(state AS bigint) AS state, settings FROM account WHERE id = $1";
    let row = conn
        .query_one_raw(statement(conn, sql, vec![account.uuid().into()]))
        .await?;
    let Some(row) = row else { return Ok(None) };
    let key = account.to_string();
    let product: String = row.try_get("", "product")?;
    Ok(Some(AccountRow {
        product: product
            .try_into()
            .map_err(|error| Error::corrupt("account", "product", &key, error))?,
        state: place_state(&row, "account", &key)?,
        settings: json(
            &row.try_get::<String>("", "settings")?,
            "account",
            "settings",
            &key,
        )?,
    }))
}

/// Reads products; those of `known` whose manifest is the present one are not read again.
pub(super) async fn products(
    conn: &impl ConnectionTrait,
    names: &[ProductName],
    known: &[Arc<ProductState>],
) -> Result<Vec<Arc<ProductState>>, Error> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT name, version FROM product WHERE name IN ({})",
        placeholders(1, names.len())
    );
    let values = names.iter().map(|name| name.as_str().into()).collect();
    let rows = conn.query_all_raw(statement(conn, sql, values)).await?;
    let mut products = Vec::with_capacity(rows.len());
    for row in rows {
        let name: String = row.try_get("", "name")?;
        let version = number(&row, "version")?;
        let same = known
            .iter()
            .find(|product| product.name.as_str() == name && product.manifest == version);
        if let Some(same) = same {
            products.push(Arc::clone(same));
            continue;
        }
        let sql = "SELECT version, canonical, numbers FROM product WHERE name = $1";
        let found = conn
            .query_one_raw(statement(conn, sql, vec![name.clone().into()]))
            .await?;
        let Some(found) = found else { continue };
        let manifest: Manifest = json(
            &found.try_get::<String>("", "canonical")?,
            "product",
            "canonical",
            &name,
        )?;
        let numbers: Numbers = json(
            &found.try_get::<String>("", "numbers")?,
            "product",
            "numbers",
            &name,
        )?;
        let (product, _) = compile(&manifest, numbers)
            .map_err(|error| Error::corrupt("product", "canonical", &name, error))?;
        products.push(Arc::new(ProductState {
            name: name
                .clone()
                .try_into()
                .map_err(|error| Error::corrupt("product", "name", &name, error))?,
            manifest: number(&found, "version")?,
            product: Arc::new(product),
        }));
    }
    Ok(products)
}

/// The roles of the deployment and of products by name: those of the suite, which every product has too.
pub(super) fn suite_role(name: &str) -> Option<RoleNo> {
    match name {
        "operator" => Some(RoleNo::OPERATOR),
        "service" => Some(RoleNo::SERVICE),
        _ => None,
    }
}

/// Reads what is bound at deployment and products, with the revisions given.
pub(super) async fn bound(
    conn: &impl ConnectionTrait,
    roots: &[(ScopeRoot, u64)],
) -> Result<Vec<Arc<Bound>>, Error> {
    let sql = format!(
        "SELECT root, subject, role FROM root_binding WHERE root IN ({}) ORDER BY root, subject",
        placeholders(1, roots.len())
    );
    let values: Vec<Value> = roots.iter().map(|(root, _)| root.to_string().into()).collect();
    let rows = conn.query_all_raw(statement(conn, sql, values)).await?;
    let mut builders: Vec<BTreeMap<String, PermissionSetBuilder>> = vec![BTreeMap::new(); roots.len()];
    for row in rows {
        let (root, subject, role): (String, String, String) = (
            row.try_get("", "root")?,
            row.try_get("", "subject")?,
            row.try_get("", "role")?,
        );
        let Some(no) = suite_role(&role) else { continue };
        for ((of, _), builders) in roots.iter().zip(&mut builders) {
            if of.to_string() != root {
                continue;
            }
            let place = if *of == ScopeRoot::Deployment {
                PlaceId::DEPLOYMENT
            } else {
                PlaceId::PRODUCT
            };
            let parsed: Subject = subject
                .parse()
                .map_err(|error| Error::corrupt("root_binding", "subject", &root, error))?;
            let builder = builders
                .entry(subject.clone())
                .or_insert_with(|| PermissionSetBuilder::new(parsed.clone()));
            builder.bind(no, place, None, None);
        }
    }
    let bound = roots.iter().zip(builders).map(|((_, revision), builders)| {
        let sets: HashMap<Box<str>, _> = builders
            .into_iter()
            .map(|(subject, set)| (subject.into(), Arc::new(set.build())))
            .collect();
        Arc::new(Bound {
            revision: *revision,
            sets,
        })
    });
    Ok(bound.collect())
}

/// Reads roles and overlays of an account; with its settings they make its policy.
pub(crate) async fn policy_rows(
    conn: &impl ConnectionTrait,
    account: AccountId,
    product: &Product,
    settings: BTreeMap<String, serde_json::Value>,
) -> Result<PolicyRows, Error> {
    let id: Value = account.uuid().into();
    let key = account.to_string();
    let sql =
        "SELECT name, CAST(number AS bigint) AS number, definition FROM account_role WHERE account_id = $1";
    let mut custom = Vec::new();
    for row in conn.query_all_raw(statement(conn, sql, vec![id.clone()])).await? {
        let decl: RoleDecl = json(
            &row.try_get::<String>("", "definition")?,
            "account_role",
            "definition",
            &key,
        )?;
        let no = u32::try_from(row.try_get::<i64>("", "number")?)
            .map_err(|error| Error::corrupt("account_role", "number", &key, error))?;
        custom.push(CustomRole {
            no: RoleNo(no),
            name: row.try_get("", "name")?,
            decl,
        });
    }
    let sql =
        "SELECT role, CAST(level AS bigint) AS level, added, removed FROM role_overlay WHERE account_id = $1";
    let mut overlays: BTreeMap<RoleNo, Overlay> = BTreeMap::new();
    for row in conn.query_all_raw(statement(conn, sql, vec![id])).await? {
        let name: String = row.try_get("", "role")?;
        // A role that the manifest no longer has is changed no more.
        let Some(no) = product.role_no(&name) else {
            continue;
        };
        let level = level(&row, "role_overlay", &key)?;
        let add: Vec<EntryDecl> = json(
            &row.try_get::<String>("", "added")?,
            "role_overlay",
            "added",
            &key,
        )?;
        let remove: Vec<String> = json(
            &row.try_get::<String>("", "removed")?,
            "role_overlay",
            "removed",
            &key,
        )?;
        let overlay = overlays.entry(no).or_insert_with(|| Overlay {
            role: no,
            levels: BTreeMap::new(),
        });
        overlay.levels.insert(level, LevelOverlay { add, remove });
    }
    Ok(PolicyRows {
        custom,
        overlays: overlays.into_values().collect(),
        settings,
    })
}

/// Compiles the policy that rows make.
pub(crate) fn policy_of(product: Arc<Product>, rows: &PolicyRows) -> AccountPolicy {
    AccountPolicy::compile(
        product,
        rows.custom.clone(),
        rows.overlays.clone(),
        rows.settings.clone(),
    )
}

async fn places(conn: &impl ConnectionTrait, account: AccountId, row: &AccountRow) -> Result<Places, Error> {
    let sql = "SELECT id, parent_id, CAST(level AS bigint) AS level, CAST(state AS bigint) AS state \
               FROM place WHERE account_id = $1";
    let rows = conn
        .query_all_raw(statement(conn, sql, vec![account.uuid().into()]))
        .await?;
    let mut places = Vec::with_capacity(rows.len());
    for row in rows {
        let id: Uuid = row.try_get("", "id")?;
        let parent: Uuid = row.try_get("", "parent_id")?;
        let key = || id.to_string();
        places.push(Place {
            id: PlaceId(id.as_u128()),
            parent: PlaceId(parent.as_u128()),
            level: level(&row, "place", &key())?,
            state: place_state(&row, "place", &key())?,
        });
    }
    let (tree, refused) = Places::build(account, row.state, places);
    for place in refused {
        // It is reached by nobody, which is less and never more.
        tracing::warn!(account.id = %account, place.id = %place.id.0, "a place does not fit the account's tree");
    }
    Ok(tree)
}

/// Reads everything that is kept whole of an account, in the snapshot that the connection shows.
pub(super) async fn content(
    conn: &impl ConnectionTrait,
    account: AccountId,
    row: AccountRow,
    revisions: (u64, u64),
    known: &[Arc<ProductState>],
) -> Result<Option<Content>, Error> {
    let names = [row.product.clone()];
    let Some(product) = products(conn, &names, known).await?.pop() else {
        return Ok(None);
    };
    let roots = [
        (ScopeRoot::Deployment, revisions.0),
        (ScopeRoot::Product(row.product.clone()), revisions.1),
    ];
    let mut bound = bound(conn, &roots).await?.into_iter();
    let (deployment, product_bound) = (bound.next().unwrap_or_default(), bound.next().unwrap_or_default());
    let places = places(conn, account, &row).await?;
    let rows = policy_rows(conn, account, &product.product, row.settings).await?;
    let policy = Arc::new(policy_of(Arc::clone(&product.product), &rows));
    Ok(Some(Content {
        deployment,
        product,
        product_bound,
        rows: Arc::new(rows),
        policy,
        places,
    }))
}

/// A number that is never negative.
pub(super) fn number(row: &QueryResult, column: &str) -> Result<u64, Error> {
    Ok(u64::try_from(row.try_get::<i64>("", column)?).unwrap_or(0))
}
