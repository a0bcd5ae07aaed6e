//! The rows of subjects and of the groups above them: the statement that reads them, for decisions and
//! administration alike. [`StoredSubject::set`] makes permission sets of them.

use std::collections::BTreeMap;

use bailiwick_authorization_core::{Extent, On, approval::State, person::PersonState};
use bailiwick_authorization_engine::FactKey;
use bailiwick_policy::{
    AppliesTo, Member, MemberState, PlaceId, RoleNo, StoredApproval, StoredBinding, StoredGrant,
    StoredGrantTarget, StoredSubject, StoredTarget, TypeGrantReach, manifest::MemberKind,
};
use bailiwick_sql::Error;
use bailiwick_types::{AccountId, ApprovalId, GroupId, Level, Timestamp};
use sea_orm::{DbBackend, QueryResult, Value};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{convert::At, grant};

/// The statement for the rows of seeds and of the groups above them, in one snapshot. `$1` account, `$2`
/// seeds as a JSON list of subjects, `$3` the user or `$4` the service account among them (at most one).
/// Groups are walked upwards; a cycle ends the walk. `stamp` is a subquery of one row: epoch, revisions,
/// version of the manifest.
pub(super) fn sql(backend: DbBackend, stamp: &str, extent: Extent) -> String {
    let postgres = backend == DbBackend::Postgres;
    let seeds = if postgres {
        "json_array_elements_text($2::json)"
    } else {
        "json_each($2)"
    };
    let id = if postgres { "uuid" } else { "blob" };
    // For each row of `reach` its own rows by their index: what an account holds besides is never looked at,
    // whatever a planner believes about the number of rows.
    let each = |table: &str, alias: &str, on: &str| {
        if postgres {
            format!(
                "CROSS JOIN LATERAL (SELECT * FROM {table} x WHERE x.account_id = $1 AND x.{on} OFFSET 0) {alias}"
            )
        } else {
            format!("CROSS JOIN {table} {alias} ON {alias}.account_id = $1 AND {alias}.{on}")
        }
    };
    let of = |table: &str, alias: &str| each(table, alias, "subject = r.subject");
    let (membership, group) = (
        of("group_member", "m"),
        each("subject_group", "g", "id = m.group_id"),
    );
    let (binding, entitlement, approval) = (of("binding", "b"), of("entitlement", "e"), of("approval", "a"));
    let (some_grants, approvals) = match extent {
        Extent::Whole => (
            String::new(),
            format!(
                "a.state IN ({}, {})",
                State::Pending.code(),
                State::Approved.code()
            ),
        ),
        Extent::Scopes => {
            let scopes = format!(
                " WHERE e.kind = {} AND e.parameters IS NULL",
                grant::Kind::Scope.code()
            );
            (scopes, "1 = 0".to_owned())
        }
    };
    let none = |kind: &str| format!("CAST(NULL AS {kind})");
    let (no_id, no_number, no_text) = (none(id), none("bigint"), none("text"));
    format!(
        "WITH RECURSIVE seed AS (SELECT value AS subject FROM {seeds}), \
         reach (subject, id) AS (SELECT subject, {no_id} FROM seed \
         UNION SELECT g.subject, g.id FROM reach r {membership} {group}) \
         SELECT 0 AS kind, s.epoch AS subject, {no_id} AS id, {no_number} AS a, {no_number} AS b, {no_number} AS c, \
         s.manifest AS d, s.deployment AS t, s.product AS u, s.account AS v, {no_text} AS w, {no_number} AS e FROM ({stamp}) s \
         UNION ALL SELECT 1, r.subject, r.id, {no_number}, {no_number}, {no_number}, {no_number}, \
         {no_text}, {no_text}, {no_text}, {no_text}, {no_number} FROM reach r \
         UNION ALL SELECT 2, m.subject, m.group_id, {no_number}, {no_number}, {no_number}, {no_number}, \
         {no_text}, {no_text}, {no_text}, {no_text}, {no_number} FROM reach r {membership} \
         UNION ALL SELECT 3, {no_text}, m.user_id, CAST(m.kind AS bigint), CAST(m.state AS bigint), m.expires_at, \
         {no_number}, {no_text}, {no_text}, {no_text}, {no_text}, {no_number} FROM member m WHERE m.account_id = $1 AND m.user_id = $3 \
         UNION ALL SELECT 4, {no_text}, u.user_id, CAST(u.state AS bigint), {no_number}, {no_number}, {no_number}, \
         {no_text}, {no_text}, {no_text}, {no_text}, {no_number} FROM user_state u WHERE u.user_id = $3 \
         UNION ALL SELECT 4, {no_text}, v.service_id, CAST(CASE WHEN v.enabled THEN {active} ELSE {disabled} END AS bigint), \
         {no_number}, {no_number}, {no_number}, {no_text}, {no_text}, {no_text}, {no_text}, {no_number} \
         FROM service_state v WHERE v.service_id = $4 \
         UNION ALL SELECT 5, b.subject, b.scope_id, CAST(b.scope_level AS bigint), CAST(o.number AS bigint), \
         b.expires_at, {no_number}, b.role, b.parameters, {no_text}, {no_text}, {no_number} FROM reach r {binding} \
         LEFT JOIN account_role o ON o.account_id = $1 AND o.name = b.role \
         UNION ALL SELECT 6, e.subject, e.scope_id, CAST(e.kind AS bigint), CAST(e.applies_to AS bigint), \
         e.expires_at, e.revision, e.permissions, e.parameters, \
         CASE WHEN e.resource_id IS NULL THEN e.resource_type ELSE e.resource_type || ':' || e.resource_id END, {no_text}, \
         CAST(e.generation AS bigint) FROM reach r {entitlement}{some_grants} \
         UNION ALL SELECT 7, a.subject, a.id, CAST(a.state AS bigint), {no_number}, a.expires_at, {no_number}, \
         a.permission, a.target, a.digest, a.bound, {no_number} FROM seed r {approval} WHERE {approvals}",
        active = PersonState::Active.code(),
        disabled = PersonState::Disabled.code(),
    )
}

/// How many values [`sql`] takes before those of the stamp.
pub(super) const VALUES: usize = 4;

/// The values that [`sql`] takes first.
pub(super) fn values(account: AccountId, seeds: &[String], one: Option<FactKey>) -> Vec<Value> {
    let list = Json::from(seeds.to_vec()).to_string();
    let [user, service] = ids(one);
    vec![account.uuid().into(), list.into(), user.into(), service.into()]
}

/// The id of a user, or of a service account.
pub(super) fn ids(of: Option<FactKey>) -> [Option<Uuid>; 2] {
    match of {
        None => [None, None],
        Some(FactKey::User(id)) => [Some(Uuid::from_u128(id)), None],
        Some(FactKey::Service(id)) => [None, Some(Uuid::from_u128(id))],
    }
}

/// The rows of one statement.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    /// The rows of seeds and groups, by subject.
    pub(super) rows: Vec<StoredSubject>,
    /// Whether identity has closed the user or service account that was asked for.
    pub(super) closed: bool,
}

/// What a row of [`sql`] is; 0 is the stamp. PostgreSQL returns literals with 32 bits, SQLite with 64.
pub(super) fn kind(row: &QueryResult) -> Result<i64, Error> {
    let short = row.try_get::<i32>("", "kind").map(i64::from);
    Ok(short.or_else(|_| row.try_get("", "kind"))?)
}

/// Sorts the rows of [`sql`] by subject; the stamp's row is passed over.
pub(super) fn read(rows: &[QueryResult], one: Option<FactKey>) -> Result<Subjects, Error> {
    let own = one.map(|one| one.subject().to_string());
    let mut closed = false;
    let mut found: BTreeMap<String, StoredSubject> = BTreeMap::new();
    let mut rest = Vec::with_capacity(rows.len());
    for row in rows {
        let kind = kind(row)?;
        let subject: Option<String> = row.try_get("", "subject")?;
        match (kind, subject) {
            (1, Some(text)) => {
                let parsed = At::new("group_member", &text).parse("subject", &text)?;
                found.entry(text).or_insert_with(|| StoredSubject::new(parsed));
            }
            (4, _) => closed = row.try_get::<i64>("", "a")? != i64::from(PersonState::Active.code()),
            (0 | 1, _) => {}
            (_, subject) => rest.push((kind, subject.or_else(|| own.clone()), row)),
        }
    }
    for (kind, subject, row) in rest {
        if let Some(subject) = subject.and_then(|subject| found.get_mut(&subject)) {
            add(subject, kind, row)?;
        }
    }
    let rows = found.into_values().collect();
    Ok(Subjects { rows, closed })
}

fn add(rows: &mut StoredSubject, kind: i64, row: &QueryResult) -> Result<(), Error> {
    let id: Option<Uuid> = row.try_get("", "id")?;
    let number = |column| row.try_get::<Option<i64>>("", column);
    let text = |column| row.try_get::<Option<String>>("", column);
    let expires_at = number("c")?.map(Timestamp);
    let subject = &rows.subject;
    let at = |table| At::new(table, subject);
    match (kind, id) {
        (2, Some(group)) => rows.groups.push(GroupId::from_uuid(group)),
        (3, _) => {
            let kind = number("a")?.and_then(MemberKind::from_code);
            let state = number("b")?.and_then(MemberState::from_code);
            rows.member = Some(Member {
                kind: at("member").known("kind", kind)?,
                state: at("member").known("state", state)?,
                expires_at,
            });
        }
        (5, Some(scope)) => {
            let level = number("a")?.and_then(Level::from_code);
            let own = number("b")?.and_then(|number| u32::try_from(number).ok());
            rows.bindings.push(StoredBinding {
                role: text("t")?.unwrap_or_default(),
                number: own.map(RoleNo),
                level: at("binding").known("scope_level", level)?,
                place: PlaceId(scope.as_u128()),
                expires_at,
                parameters: at("binding").parameters(text("u")?.as_deref())?,
            });
        }
        (6, scope) => {
            let place = scope.map(|scope| PlaceId(scope.as_u128()));
            let kind = number("a")?.and_then(grant::Kind::from_code);
            let applies_to = number("b")?.and_then(AppliesTo::from_code);
            let revision = number("d")?.and_then(|revision| u64::try_from(revision).ok());
            let name = text("v")?.unwrap_or_default();
            let target = match kind {
                Some(grant::Kind::Resource) => resource(&name).map(StoredGrantTarget::One),
                Some(grant::Kind::Scope) => place.map(StoredTarget::Place).map(StoredGrantTarget::One),
                Some(grant::Kind::Type) => {
                    place
                        .zip(applies_to)
                        .zip(revision)
                        .map(|((place, applies_to), at)| StoredGrantTarget::Type {
                            type_name: name,
                            place,
                            reach: TypeGrantReach::new(applies_to, at),
                        })
                }
                None => None,
            };
            rows.grants.push(StoredGrant {
                target: at("entitlement").known("kind", target)?,
                permissions: at("entitlement").json("permissions", &text("t")?.unwrap_or_default())?,
                generation: at("entitlement").number("generation", number("e")?.unwrap_or_default())?,
                expires_at,
                parameters: at("entitlement").parameters(text("u")?.as_deref())?,
            });
        }
        (7, Some(id)) => {
            let on = text("u")?.and_then(|on| on.parse().ok());
            rows.approvals.push(StoredApproval {
                id: ApprovalId::from_uuid(id),
                permission: text("t")?.unwrap_or_default(),
                target: at("approval").known::<On>("target", on)?.stored(),
                digest: text("v")?.unwrap_or_default(),
                bound: text("w")?.unwrap_or_default(),
                approved: number("a")? == Some(State::Approved.code().into()),
                expires_at,
            });
        }
        _ => {}
    }
    Ok(())
}

fn resource(text: &str) -> Option<StoredTarget> {
    let (type_name, id) = text.split_once(':')?;
    Some(StoredTarget::Resource {
        type_name: type_name.to_owned(),
        id: id.to_owned(),
    })
}
