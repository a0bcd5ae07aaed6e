//! The one statement for resources and those above them.

use std::collections::BTreeMap;

use bailiwick_policy::{MAX_PARENTS, PlaceId, StoredResource};
use bailiwick_sql::Error;
use bailiwick_types::AccountId;
use sea_orm::{DbBackend, QueryResult, Value};
use serde_json::Value as Json;
use uuid::Uuid;

use super::content::number;
use crate::store::convert::At;

/// The rows of resources and of those above them, in one snapshot. `$1` account, `$2` a JSON list of `[type,
/// id]`.
pub(super) fn sql(backend: DbBackend, stamp: &str) -> String {
    let links = "SELECT DISTINCT type, id FROM chain";
    chains(backend, seeds_of(backend), stamp, links, ["", ""])
}

/// The types and ids in the JSON list `$2`.
pub(super) fn seeds_of(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Postgres {
        "SELECT e.value ->> 0 AS type, e.value ->> 1 AS id FROM json_array_elements($2::json) e"
    } else {
        "SELECT json_extract(e.value, '$[0]') AS type, json_extract(e.value, '$[1]') AS id FROM json_each($2) e"
    }
}

/// The rows of the next resources of a type, and of those above them. `$1` account, `$2` type, `$3` the id
/// after which they begin. In the database's own order, which the primary key is kept in.
pub(super) fn scan(backend: DbBackend, stamp: &str, limit: usize) -> String {
    let seeds = format!(
        "SELECT type, id FROM resource WHERE account_id = $1 AND type = $2 AND id > $3 ORDER BY id LIMIT {limit}"
    );
    let links = "SELECT type, id, MIN(depth) AS depth FROM chain GROUP BY type, id";
    let depth = "CAST(c.depth AS bigint) AS depth, ";
    chains(backend, &seeds, stamp, links, [depth, " ORDER BY c.depth, c.id"])
}

fn chains(backend: DbBackend, seeds: &str, stamp: &str, links: &str, [depth, order]: [&str; 2]) -> String {
    // For each row of `chain` its own resource by its key, whatever a planner believes about the number of
    // rows.
    let (each, found) = if backend == DbBackend::Postgres {
        let own = "(SELECT * FROM resource x WHERE x.account_id = $1 AND x.type = c.type AND x.id = c.id OFFSET 0) r";
        (
            format!("CROSS JOIN LATERAL {own}"),
            format!("LEFT JOIN LATERAL {own} ON TRUE"),
        )
    } else {
        let own = "resource r ON r.account_id = $1 AND r.type = c.type AND r.id = c.id";
        (format!("CROSS JOIN {own}"), format!("LEFT JOIN {own}"))
    };
    format!(
        "WITH RECURSIVE chain (type, id, depth) AS (SELECT type, id, 0 FROM ({seeds}) s \
         UNION SELECT r.parent_type, r.parent_id, c.depth + 1 FROM chain c {each} \
         WHERE r.parent_type IS NOT NULL AND c.depth < {MAX_PARENTS}) \
         SELECT s.epoch, s.deployment, s.product, s.account, s.manifest, c.type AS key_type, c.id AS key_id, \
         {depth}r.id AS found, r.scope_id, r.owner, r.parent_type, r.parent_id, r.attributes, r.revision \
         FROM ({stamp}) s LEFT JOIN ({links}) c ON TRUE {found}{order}"
    )
}

/// The values that [`sql`] takes first; texts that are no `TYPE:ID` are passed over.
pub(super) fn values<'a>(account: AccountId, keys: impl Iterator<Item = &'a str>) -> Vec<Value> {
    let pairs: Vec<Json> = keys
        .filter_map(|key| key.split_once(':'))
        .map(|(of, id)| Json::from(vec![of, id]))
        .collect();
    vec![account.uuid().into(), Json::from(pairs).to_string().into()]
}

/// The rows of resources by `TYPE:ID`, absent ones among them. A tree that the statement did not read to
/// its top is an error: nothing is decided from a part of it.
pub(super) fn read(rows: &[QueryResult]) -> Result<BTreeMap<String, Option<Box<StoredResource>>>, Error> {
    let mut found = BTreeMap::new();
    for row in rows {
        let type_name: Option<String> = row.try_get("", "key_type")?;
        let id: Option<String> = row.try_get("", "key_id")?;
        let (Some(type_name), Some(id)) = (type_name, id) else {
            continue;
        };
        let present: Option<String> = row.try_get("", "found")?;
        let resource = match present {
            None => None,
            Some(_) => Some(Box::new(read_one(row, &type_name, &id)?)),
        };
        found.insert(format!("{type_name}:{id}"), resource);
    }
    for (key, resource) in &found {
        let parent = resource.as_ref().and_then(|resource| resource.parent.as_ref());
        if parent.is_some_and(|(of, id)| !found.contains_key(&format!("{of}:{id}"))) {
            let rule = format!("lies more than {MAX_PARENTS} levels above another resource");
            return Err(At::new("resource", key).corrupt("parent_id", rule));
        }
    }
    Ok(found)
}

/// The ids of the resources that were asked for themselves, in their order.
pub(super) fn seeds(rows: &[QueryResult]) -> Result<Vec<Box<str>>, Error> {
    let mut ids = Vec::new();
    for row in rows {
        let id: Option<String> = row.try_get("", "key_id")?;
        if let (Some(0), Some(id)) = (row.try_get::<Option<i64>>("", "depth")?, id) {
            ids.push(id.into());
        }
    }
    Ok(ids)
}

fn read_one(row: &QueryResult, type_name: &str, id: &str) -> Result<StoredResource, Error> {
    let key = format!("{type_name}:{id}");
    let at = At::new("resource", &key);
    let owner: Option<String> = row.try_get("", "owner")?;
    let parent_type: Option<String> = row.try_get("", "parent_type")?;
    let attributes: String = row.try_get("", "attributes")?;
    let scope: Uuid = row.try_get("", "scope_id")?;
    Ok(StoredResource {
        type_name: type_name.to_owned(),
        id: id.to_owned(),
        place: PlaceId(scope.as_u128()),
        owner: at.optional("owner", owner.as_deref())?,
        parent: parent_type.zip(row.try_get("", "parent_id")?),
        attributes: at.json("attributes", &attributes)?,
        registered: number(row, "revision")?,
    })
}
