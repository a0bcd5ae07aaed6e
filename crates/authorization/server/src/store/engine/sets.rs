//! The one statement for a subject and its groups, and the permission sets that its rows make.

use std::collections::BTreeMap;

use bailiwick_policy::{
    AccountPolicy, ApprovalTarget, Level, Member, OpenApproval, Pattern, PermissionSet, PermissionSetBuilder,
    PlaceId, RoleNo, TypeGrantReach, TypeNo, Value as Given, Values,
};
use bailiwick_sql::Error;
use bailiwick_types::{AccountId, ApprovalId, GroupId, Scope, Subject, Timestamp, UserId};
use sea_orm::{DbBackend, QueryResult, Value};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::{code, content::json};

/// The rows of seeds and of the groups above them, in one snapshot. `$1` account, `$2` seeds as a JSON list of subjects,
/// `$3` the user among them (at most one). Groups are walked upwards; a circle ends the walk.
pub(super) fn sql(backend: DbBackend, stamp: &str) -> String {
    let postgres = backend == DbBackend::Postgres;
    let seeds = if postgres {
        "json_array_elements_text($2::json)"
    } else {
        "json_each($2)"
    };
    let id = if postgres { "uuid" } else { "blob" };
    // For each row of `reach` its own rows by their index: what an account holds besides is never looked at, whatever a
    // planner believes about the number of rows.
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
    let none = |kind: &str| format!("CAST(NULL AS {kind})");
    let (no_id, no_number, no_text) = (none(id), none("bigint"), none("text"));
    format!(
        "WITH RECURSIVE seed AS (SELECT value AS subject FROM {seeds}), \
         reach (subject, id) AS (SELECT subject, {no_id} FROM seed \
         UNION SELECT g.subject, g.id FROM reach r {membership} {group}) \
         SELECT 0 AS kind, s.epoch AS subject, {no_id} AS id, s.deployment AS a, s.product AS b, s.account AS c, \
         s.manifest AS d, {no_text} AS t, {no_text} AS u, {no_text} AS v FROM ({stamp}) s \
         UNION ALL SELECT 1, r.subject, r.id, {no_number}, {no_number}, {no_number}, {no_number}, \
         {no_text}, {no_text}, {no_text} FROM reach r \
         UNION ALL SELECT 2, m.subject, m.group_id, {no_number}, {no_number}, {no_number}, {no_number}, \
         {no_text}, {no_text}, {no_text} FROM reach r {membership} \
         UNION ALL SELECT 3, {no_text}, m.user_id, CAST(m.kind AS bigint), CAST(m.state AS bigint), m.expires_at, \
         {no_number}, {no_text}, {no_text}, {no_text} FROM member m WHERE m.account_id = $1 AND m.user_id = $3 \
         UNION ALL SELECT 4, {no_text}, u.user_id, CAST(u.state AS bigint), {no_number}, {no_number}, {no_number}, \
         {no_text}, {no_text}, {no_text} FROM user_state u WHERE u.user_id = $3 \
         UNION ALL SELECT 5, b.subject, b.scope_id, CAST(b.scope_level AS bigint), CAST(o.number AS bigint), \
         b.expires_at, {no_number}, b.role, b.parameters, {no_text} FROM reach r {binding} \
         LEFT JOIN account_role o ON o.account_id = $1 AND o.name = b.role \
         UNION ALL SELECT 6, e.subject, e.scope_id, CAST(e.kind AS bigint), CAST(e.applies_to AS bigint), \
         e.expires_at, e.revision, e.permissions, e.parameters, \
         CASE WHEN e.resource_id IS NULL THEN e.resource_type ELSE e.resource_type || ':' || e.resource_id END \
         FROM reach r {entitlement} \
         UNION ALL SELECT 7, a.subject, a.id, CAST(a.state AS bigint), {no_number}, a.expires_at, {no_number}, \
         a.permission, a.target, a.digest FROM seed r {approval} WHERE a.state IN (1, 2)"
    )
}

/// The values that [`sql`] takes first.
pub(super) fn values(account: AccountId, seeds: &[String], user: Option<UserId>) -> Vec<Value> {
    let list = Json::from(seeds.to_vec()).to_string();
    vec![account.uuid().into(), list.into(), user.map(UserId::uuid).into()]
}

/// The sets of one statement.
#[derive(Debug, Default)]
pub(super) struct Sets {
    /// By subject, seeds and groups; a group has its id.
    pub(super) sets: Vec<(Subject, Option<Uuid>, PermissionSet)>,
    /// Whether identity has disabled the user that was asked for.
    pub(super) disabled: bool,
}

#[derive(Debug)]
struct Collected {
    id: Option<Uuid>,
    builder: PermissionSetBuilder,
}

fn texts(row: &QueryResult) -> Result<[Option<String>; 3], Error> {
    Ok([
        row.try_get("", "t")?,
        row.try_get("", "u")?,
        row.try_get("", "v")?,
    ])
}

fn numbers(row: &QueryResult) -> Result<[Option<i64>; 4], Error> {
    Ok([
        row.try_get("", "a")?,
        row.try_get("", "b")?,
        row.try_get("", "c")?,
        row.try_get("", "d")?,
    ])
}

/// Makes the sets of the rows; the stamp's row is passed over.
pub(super) fn read(
    rows: &[QueryResult],
    policy: &AccountPolicy,
    user: Option<UserId>,
    seeds: &[String],
) -> Result<Sets, Error> {
    let mut of: BTreeMap<String, Collected> = BTreeMap::new();
    let mut read = Sets::default();
    let own = seeds
        .iter()
        .find(|seed| user.is_some_and(|user| **seed == Subject::user(user).to_string()));
    for row in rows {
        let kind = i64::from(row.try_get::<i32>("", "kind").or_else(|_| small(row))?);
        let subject: Option<String> = row.try_get("", "subject")?;
        let id: Option<Uuid> = row.try_get("", "id")?;
        if kind == 1 {
            let Some(text) = subject else { continue };
            let parsed: Subject = text
                .parse()
                .map_err(|error| Error::corrupt("group_member", "subject", &text, error))?;
            let collected = of.entry(text).or_insert_with(|| Collected {
                id: None,
                builder: PermissionSetBuilder::new(parsed),
            });
            collected.id = collected.id.or(id);
        }
    }
    for row in rows {
        let kind = i64::from(row.try_get::<i32>("", "kind").or_else(|_| small(row))?);
        if kind <= 1 {
            continue;
        }
        let id: Option<Uuid> = row.try_get("", "id")?;
        let [a, b, c, d] = numbers(row)?;
        if kind == 4 {
            read.disabled = a != Some(code::USER_ACTIVE);
            continue;
        }
        let subject: Option<String> = row.try_get("", "subject")?;
        let Some(key) = subject.as_ref().or(own) else {
            continue;
        };
        let Some(Collected { builder, .. }) = of.get_mut(key) else {
            continue;
        };
        let [t, u, v] = texts(row)?;
        let expires = c.map(Timestamp);
        match (kind, id) {
            (2, Some(group)) => {
                builder.group(GroupId::from_uuid(group));
            }
            (3, _) => {
                builder.member(Member {
                    kind: code::member_kind(a.unwrap_or(0), key)?,
                    state: code::member_state(b.unwrap_or(0), key)?,
                    expires_at: expires,
                });
            }
            (5, Some(scope)) => {
                bind(
                    builder,
                    policy,
                    key,
                    (scope, a.unwrap_or(0), b, expires),
                    t.as_deref(),
                    u.as_deref(),
                )?;
            }
            (6, scope) => grant(builder, policy, key, scope, [a, b, c, d], (t, u, v))?,
            (7, Some(id)) => approve(builder, policy, id, a, expires, (t, u, v)),
            _ => {}
        }
    }
    read.sets = of
        .into_values()
        .map(|collected| {
            let set = collected.builder.build();
            (set.subject().clone(), collected.id, set)
        })
        .collect();
    Ok(read)
}

/// SQLite gives literals as 64 bits where PostgreSQL gives 32.
fn small(row: &QueryResult) -> Result<i32, Error> {
    let wide: i64 = row.try_get("", "kind")?;
    Ok(i32::try_from(wide).unwrap_or(i32::MAX))
}

fn bind(
    builder: &mut PermissionSetBuilder,
    policy: &AccountPolicy,
    key: &str,
    (scope, level, custom, expires): (Uuid, i64, Option<i64>, Option<Timestamp>),
    role: Option<&str>,
    parameters: Option<&str>,
) -> Result<(), Error> {
    let level = code::level(level, "binding", key)?;
    let custom = custom.and_then(|number| u32::try_from(number).ok()).map(RoleNo);
    // A role that the manifest no longer has gives nothing.
    let Some(no) = custom.or_else(|| policy.product().role_no(role.unwrap_or_default())) else {
        return Ok(());
    };
    let place = PlaceId(scope.as_u128());
    let with = match parameters {
        None => None,
        Some(text) => {
            let given: Map<String, Json> = json(text, "binding", "parameters", key)?;
            let declared = policy
                .role(no)
                .and_then(|role| role.level(level))
                .map(|at| at.parameters());
            Some(values_of(&given, |name| declared.as_ref()?.get(name).copied()))
        }
    };
    builder.bind(no, place, expires, with);
    Ok(())
}

/// Reads stored values: by their declared types, and what is not declared (any more) as what it looks like, so that a
/// condition that compares it finds something.
fn values_of(
    given: &Map<String, Json>,
    declared: impl Fn(&str) -> Option<bailiwick_policy::ValueType>,
) -> Values {
    given
        .iter()
        .filter_map(|(name, json)| {
            let value = match declared(name) {
                Some(kind) => kind.read(json)?,
                None => guess(json)?,
            };
            Some((name.as_str(), value))
        })
        .collect()
}

fn guess(json: &Json) -> Option<Given> {
    match json {
        Json::Bool(value) => Some(Given::Bool(*value)),
        Json::Number(number) => number.as_i64().map(Given::Int),
        Json::String(text) => Some(Given::Text(text.as_str().into())),
        Json::Array(items) => items
            .iter()
            .map(guess)
            .collect::<Option<Box<[Given]>>>()
            .map(Given::List),
        Json::Null | Json::Object(_) => None,
    }
}

type Texts = (Option<String>, Option<String>, Option<String>);

fn grant(
    builder: &mut PermissionSetBuilder,
    policy: &AccountPolicy,
    key: &str,
    scope: Option<Uuid>,
    [kind, applies, expires, revision]: [Option<i64>; 4],
    (permissions, parameters, target): Texts,
) -> Result<(), Error> {
    let product = policy.product();
    let names: Vec<String> = json(
        permissions.as_deref().unwrap_or("[]"),
        "entitlement",
        "permissions",
        key,
    )?;
    let patterns: Vec<Pattern> = names.iter().filter_map(|name| product.pattern(name)).collect();
    if patterns.is_empty() {
        return Ok(());
    }
    let with = match parameters.as_deref() {
        None => None,
        Some(text) => {
            let given: Map<String, Json> = json(text, "entitlement", "parameters", key)?;
            let conditions: Vec<_> = patterns
                .iter()
                .flat_map(|pattern| {
                    product
                        .matched(*pattern, Level::Account)
                        .iter()
                        .collect::<Vec<_>>()
                })
                .filter_map(|no| product.permission(no)?.grant_condition.as_ref())
                .collect();
            let declared = |name: &str| {
                conditions
                    .iter()
                    .find_map(|of| of.parameters().get(name).copied())
            };
            Some(values_of(&given, declared))
        }
    };
    let expires = expires.map(Timestamp);
    let place = scope.map(|scope| PlaceId(scope.as_u128()));
    let target = target.unwrap_or_default();
    let type_no = |name: &str| product.type_no(name);
    match (kind, place) {
        (Some(1), _) => {
            if let Some((of, id)) = target.split_once(':')
                && let Some(of) = type_no(of)
            {
                builder.grant_resource(of, id, patterns, expires, with);
            }
        }
        (Some(2), Some(place)) => {
            builder.grant_scope(place, patterns, expires, with);
        }
        (Some(3), Some(place)) => {
            let revision = u64::try_from(revision.unwrap_or(0)).unwrap_or(0);
            let reach = match applies {
                Some(1) => TypeGrantReach::Existing(revision),
                Some(2) => TypeGrantReach::Future(revision),
                Some(3) => TypeGrantReach::All,
                _ => return Err(Error::corrupt("entitlement", "applies_to", key, "is no reach")),
            };
            if let Some(of) = type_no(&target) {
                builder.grant_type(of, place, reach, patterns, expires, with);
            }
        }
        _ => return Err(Error::corrupt("entitlement", "kind", key, "is no kind of grant")),
    }
    Ok(())
}

fn approve(
    builder: &mut PermissionSetBuilder,
    policy: &AccountPolicy,
    id: Uuid,
    state: Option<i64>,
    expires_at: Option<Timestamp>,
    (permission, target, digest): Texts,
) {
    let product = policy.product();
    let Some(permission) = permission.and_then(|name| product.permission_no(&name)) else {
        return;
    };
    let Some(target) = approval_target(&target.unwrap_or_default(), |name| product.type_no(name)) else {
        return;
    };
    builder.approval(OpenApproval {
        id: ApprovalId::from_uuid(id),
        permission,
        target,
        digest: digest.filter(|digest| !digest.is_empty()).map(Into::into),
        approved: state == Some(code::APPROVED),
        expires_at,
    });
}

fn approval_target(text: &str, type_no: impl Fn(&str) -> Option<TypeNo>) -> Option<ApprovalTarget> {
    if let Ok(scope) = text.parse::<Scope>() {
        return Some(ApprovalTarget::Place(PlaceId::from(&scope)));
    }
    let (of, id) = text.split_once(':')?;
    Some(ApprovalTarget::Resource(type_no(of)?, id.into()))
}
