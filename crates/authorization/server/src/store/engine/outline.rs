//! The resources that a plan has to name: those below a resource, and those that a grant on a type covers;
//! and those that the condition of a plan admits.

use bailiwick_authorization_engine::{Listed, ListedQuery, Outline, OutlineQuery};
use bailiwick_policy::{MAX_PARENTS, TypeGrantReach};
use bailiwick_sql::{Error, query};
use bailiwick_types::AccountId;
use sea_orm::{ConnectionTrait, DbBackend, Value};
use serde_json::Value as Json;

use super::resources::seeds_of;

/// Reads them on a connection that is in a snapshot.
pub(super) async fn read(
    conn: &impl ConnectionTrait,
    account: AccountId,
    wanted: OutlineQuery<'_>,
) -> Result<Outline, Error> {
    let mut outline = Outline::default();
    if !wanted.under.is_empty() {
        let seeds: Vec<Json> = wanted
            .under
            .iter()
            .map(|(of, id)| Json::from(vec![&**of, &**id]))
            .collect();
        let values: Vec<Value> = vec![account.uuid().into(), Json::from(seeds).to_string().into()];
        let sql = parents(conn.get_database_backend(), wanted.limit);
        for row in query(conn, sql, values).await? {
            let id: String = row.try_get("", "parent_id")?;
            outline.parents.push((row.try_get("", "parent_type")?, id.into()));
        }
    }
    for reach in wanted.reaches {
        let (sign, at) = match reach {
            TypeGrantReach::Existing(at) => ("<=", *at),
            TypeGrantReach::Future(at) => (">", *at),
            TypeGrantReach::All => (">=", 0),
        };
        let sql = format!(
            "SELECT id FROM resource WHERE account_id = $1 AND type = $2 AND revision {sign} $3 ORDER BY id LIMIT {}",
            wanted.limit
        );
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        let values: Vec<Value> = vec![account.uuid().into(), wanted.type_name.into(), at.into()];
        let mut ids = Vec::new();
        for row in query(conn, sql, values).await? {
            ids.push(row.try_get::<String>("", "id")?.into());
        }
        outline.covered.push(ids);
    }
    Ok(outline)
}

fn parents(backend: DbBackend, limit: usize) -> String {
    let seeds = seeds_of(backend);
    format!(
        "WITH RECURSIVE below (type, id, depth) AS (SELECT type, id, 0 FROM ({seeds}) s \
         UNION SELECT r.type, r.id, b.depth + 1 FROM below b \
         JOIN resource r ON r.account_id = $1 AND r.parent_type = b.type AND r.parent_id = b.id \
         WHERE b.depth < {MAX_PARENTS}) \
         SELECT DISTINCT r.parent_type, r.parent_id FROM below b \
         JOIN resource r ON r.account_id = $1 AND r.parent_type = b.type AND r.parent_id = b.id LIMIT {limit}"
    )
}

/// Reads a page of what a condition admits. The rows that are looked at are bounded by the primary key
/// first, whatever a planner makes of the condition.
pub(super) async fn listed(
    conn: &impl ConnectionTrait,
    account: AccountId,
    wanted: ListedQuery<'_>,
) -> Result<Listed, Error> {
    let bound = format!(
        "SELECT COUNT(*) AS count, MAX(id) AS last FROM (SELECT id FROM resource WHERE account_id = $1 AND type = $2 \
         AND id > $3 ORDER BY id LIMIT {}) b",
        wanted.looked_at
    );
    let key = || -> Vec<Value> {
        vec![
            account.uuid().into(),
            wanted.type_name.into(),
            wanted.after.into(),
        ]
    };
    let found = query(conn, bound, key()).await?;
    let Some(bound) = found.first() else {
        return Ok(Listed::default());
    };
    let count = usize::try_from(bound.try_get::<i64>("", "count")?).unwrap_or(usize::MAX);
    let Some(last) = bound.try_get::<Option<String>>("", "last")? else {
        return Ok(Listed::default());
    };
    let scope = wanted.scope.map(|place| uuid::Uuid::from_u128(place.0));
    let mut values = key();
    values.extend([last.clone().into(), scope.into()]);
    let mut admits = "TRUE";
    if let Some(condition) = wanted.condition {
        admits = &condition.sql;
        values.extend(condition.parameters.iter().map(|text| Value::from(text.as_str())));
    }
    let (hexadecimal, json) = if conn.get_database_backend() == DbBackend::Postgres {
        (
            "REPLACE(CAST(x.scope_id AS text), '-', '')",
            "CAST(x.attributes AS jsonb)",
        )
    } else {
        ("LOWER(HEX(x.scope_id))", "x.attributes")
    };
    let sql = format!(
        "SELECT r.id FROM (SELECT x.id, {hexadecimal} AS scope, x.parent_type || ':' || x.parent_id AS parent, \
         x.owner, {json} AS attributes, x.revision AS registered FROM resource x WHERE x.account_id = $1 AND x.type = $2 \
         AND x.id > $3 AND x.id <= $4 AND x.scope_id = COALESCE($5, x.scope_id)) r WHERE {admits} ORDER BY r.id LIMIT {}",
        wanted.limit
    );
    let mut listed = Listed {
        ids: Vec::new(),
        last: (count >= wanted.looked_at).then(|| last.into()),
    };
    for row in query(conn, sql, values).await? {
        listed.ids.push(row.try_get::<String>("", "id")?.into());
    }
    Ok(listed)
}
