//! The plans of what runs all the time, and the schema they run on.

use std::sync::Arc;

use bailiwick_authorization_engine::{FactKey, PartKey, Watermark};
use bailiwick_sql::{
    Db, DbConfig, Migrations,
    migrate::{explain, schema_dump},
};
use bailiwick_testkit::{ManualClock, Postgres, golden};
use bailiwick_types::{GroupId, Service, Subject, UserId};
use sea_orm::{ConnectionTrait, DbBackend, Value};
use uuid::Uuid;

use super::{
    lists::accounts_sql,
    parts::facts_sql,
    reads::{changes_sql, changes_values, deployment_sql},
    resources,
    stamp::stamp,
};
use bailiwick_authorization_core::Extent;

use crate::store::subjects;

const ACCOUNT: Uuid = Uuid::from_u128(1);

/// Tables that no statement of the hot path may read whole: they grow with the accounts.
const LARGE: [&str; 10] = [
    "member",
    "binding",
    "entitlement",
    "group_member",
    "subject_group",
    "resource",
    "part",
    "user_state",
    "service_state",
    "approval",
];

async fn database(url: &str) -> Db {
    let clock = Arc::new(ManualClock::default());
    let db = Db::connect(DbConfig::new(url), Service::Authorization, clock)
        .await
        .unwrap();
    let migrations = Migrations::new(Service::Authorization, crate::migrations());
    db.migrate(&migrations).await.unwrap();
    fill(&db).await;
    db
}

/// An account of some size, so that planners have something to choose by.
async fn fill(db: &Db) {
    const ROWS: usize = 5_000;
    let postgres = db.backend() == DbBackend::Postgres;
    let uuid = |n: &str| {
        if postgres {
            format!("CAST(lpad(to_hex({n}), 32, '0') AS uuid)")
        } else {
            format!("unhex(printf('%032x', {n}))")
        }
    };
    // Ten accounts, with the same subjects in each.
    let (account, n, group) = (uuid("n % 10 + 1"), uuid("n"), uuid("n % 100"));
    let subject = "'user:' || CAST(n / 10 AS text)";
    let statements = [
        format!("INSERT INTO member SELECT {account}, {n}, 1, 1, NULL, 0 FROM n"),
        format!(
            "INSERT INTO user_state (user_id, state, version, email, email_key, email_verified, operator) \
             SELECT {n}, 1, 1, '', '', true, false FROM n"
        ),
        format!(
            "INSERT INTO service_state (service_id, version, enabled, scope, role) SELECT {n}, 1, true, '', '' FROM n"
        ),
        format!("INSERT INTO subject_group SELECT {account}, {n}, 'group:' || CAST(n AS text), '', 0 FROM n"),
        format!("INSERT INTO group_member SELECT {account}, {group}, {subject} FROM n"),
        format!(
            "INSERT INTO binding (account_id, id, subject, role, scope_level, scope_id, created_at) \
             SELECT {account}, {n}, {subject}, 'editor', 2, {account}, 0 FROM n"
        ),
        format!(
            "INSERT INTO entitlement (account_id, id, subject, kind, resource_type, resource_id, revision, permissions, \
             created_at) SELECT {account}, {n}, {subject}, 1, 'note', CAST(n AS text), 1, '[]', 0 FROM n"
        ),
        format!(
            "INSERT INTO resource (account_id, type, id, scope_level, scope_id, title, attributes, revision, created_at, \
             updated_at) SELECT {account}, 'note', CAST(n AS text), 2, {account}, '', '{{}}', 1, 0, 0 FROM n"
        ),
        format!(
            "INSERT INTO approval (account_id, id, subject, permission, target, digest, approver_permission, state, \
             serves_once, created_at) SELECT {account}, {n}, {subject}, 'note.edit', 'note:' || CAST(n AS text), '', \
             'note.approve', 2, true, 0 FROM n"
        ),
        format!("INSERT INTO part SELECT {account}, 1, {subject}, 1 FROM n"),
    ];
    let tx = db.begin_write_across(&[]).await.unwrap();
    for insert in statements {
        let (into, select) = insert.split_once(" SELECT ").unwrap();
        let numbers = format!(
            "{into} WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS}) SELECT {select}"
        );
        tx.conn().execute_unprepared(&numbers).await.unwrap();
    }
    tx.conn().execute_unprepared("ANALYZE").await.unwrap();
    tx.commit().await.unwrap();
}

/// What is read to fill the cache and to list what is one's own, with values of the right types.
fn statements(backend: DbBackend) -> Vec<(&'static str, String, Vec<Value>)> {
    let user = UserId::from_uuid(Uuid::from_u128(2));
    let subject = Subject::user(user).to_string();
    let group = format!("group:{}", GroupId::from_uuid(Uuid::from_u128(3)));
    let stamped = |mut values: Vec<Value>| {
        for text in ["product:notes", "account:a", "notes"] {
            values.push(text.into());
        }
        values
    };
    let account = bailiwick_types::AccountId::from_uuid(ACCOUNT);
    let of_sets = |seed: &str, one| stamped(subjects::values(account, &[seed.to_owned()], one));
    let mut changes = stamped(vec![ACCOUNT.into()]);
    let (fact, service) = (FactKey::User(2), FactKey::Service(3));
    let parts = [
        PartKey::Subject(subject.as_str().into()),
        PartKey::Resource("note:1".into()),
        PartKey::Fact(fact),
        PartKey::Fact(service),
    ];
    let read_at = Watermark {
        deployment: 2,
        product: 3,
        account: 7,
        ..Watermark::default()
    };
    for key in &parts {
        changes.extend(changes_values(key, &read_at));
    }
    let set_of = |one: Option<FactKey>, seed: &str| {
        let stamp = stamp(backend, subjects::VALUES + 1);
        (subjects::sql(backend, &stamp, Extent::Whole), of_sets(seed, one))
    };
    let [of_user, of_service, of_group] = [
        set_of(Some(fact), &subject),
        set_of(Some(service), service.subject().as_str()),
        set_of(None, &group),
    ];
    let facts = stamped(Vec::new()).into_iter();
    let facts = facts.chain([2, 3].map(|id| Uuid::from_u128(id).into())).collect();
    let none: Option<Uuid> = None;
    vec![
        ("the set of a user and its groups", of_user.0, of_user.1),
        (
            "the set of a service account and its groups",
            of_service.0,
            of_service.1,
        ),
        ("the set of a group", of_group.0, of_group.1),
        (
            "the facts of a user and a service account",
            facts_sql(backend, 1, 1),
            facts,
        ),
        (
            "a resource and those above it",
            resources::sql(backend, &stamp(backend, 3)),
            stamped(resources::values(account, ["note:1"].into_iter())),
        ),
        (
            "the last changes of parts",
            changes_sql(backend, parts.len()),
            changes,
        ),
        (
            "the roles of the deployment",
            deployment_sql(backend),
            vec![
                subject.clone().into(),
                user.uuid().into(),
                Option::<Uuid>::None.into(),
            ],
        ),
        (
            "the accounts of a subject",
            accounts_sql(backend),
            vec![user.uuid().into(), subject.into(), none.into(), 50_i64.into()],
        ),
    ]
}

/// The lines of a plan without what stands below a filter that lets nothing pass.
fn executed(plan: &str) -> impl Iterator<Item = &str> {
    let mut never: Option<usize> = None;
    plan.lines().filter(move |line| {
        let indent = line.len() - line.trim_start().len();
        never = never.filter(|at| indent >= *at);
        if line.trim() == "One-Time Filter: false" {
            never = Some(indent);
        }
        never.is_none()
    })
}

/// PostgreSQL says `Seq Scan on TABLE ALIAS`, SQLite `SCAN TABLE` without an index.
fn reads_all_of(line: &str, table: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.iter().position(|word| *word == "Seq") {
        Some(at) => words.get(at + 3) == Some(&table),
        None => words.first() == Some(&"SCAN") && words.get(1) == Some(&table) && !line.contains("INDEX"),
    }
}

async fn the_plans_are_the_golden_ones(db: &Db, engine: &str) {
    let mut shown = String::new();
    for (name, sql, values) in statements(db.backend()) {
        let plan = explain(db, &sql, values).await.unwrap();
        for table in LARGE {
            assert!(
                !executed(&plan).any(|line| reads_all_of(line, table)),
                "{name} reads all of `{table}`:\n{plan}"
            );
        }
        shown.push_str(&format!("{name}\n{plan}\n\n"));
    }
    golden(format!("tests/golden/plans-{engine}.txt"), shown.trim_end());
}

async fn the_schema_is_the_golden_one(db: &Db, engine: &str) {
    let dump = schema_dump(db).await.unwrap();
    golden(format!("tests/golden/schema-{engine}.txt"), &dump);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_and_schema_are_the_golden_ones_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(&format!("sqlite://{}/authorization.db", folder.path().display())).await;
    the_plans_are_the_golden_ones(&db, "sqlite").await;
    the_schema_is_the_golden_one(&db, "sqlite").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_and_schema_are_the_golden_ones_on_postgres() {
    let database_of = Postgres::database().await;
    let db = database(&database_of.url()).await;
    the_plans_are_the_golden_ones(&db, "postgres").await;
    the_schema_is_the_golden_one(&db, "postgres").await;
}
