//! The schema.

use bailiwick_identity_server::migrations;
use bailiwick_sql::migrate::schema_dump;
use bailiwick_testkit::golden;

use crate::support::{Bed, on_both_engines};

const OWN: [&str; 21] = [
    "answered_request",
    "api_key",
    "deleted_user",
    "ended_session",
    "known_device",
    "mail",
    "one_time_secret",
    "recovery_code",
    "refresh_token",
    "revoked_token",
    "service_account",
    "service_closing",
    "session",
    "sign_in_address",
    "sign_in_challenge",
    "sign_in_counter",
    "signing_key",
    "step_up",
    "totp",
    "user_closing",
    "user_profile",
];

on_both_engines! {
    the_schema_is_the_golden_one
}

async fn the_schema_is_the_golden_one(bed: Bed) {
    let db = bed.db().await;
    db.check_schema(&migrations()).await.unwrap();
    let dump = schema_dump(&db).await.unwrap();
    // The tables of the feed are compared where they are made.
    let own: Vec<&str> = dump
        .split_inclusive('\n')
        .scan(false, |own, line| {
            if let Some(head) = line.strip_prefix("table ").or(line.strip_prefix("CREATE ")) {
                // `table NAME`, `CREATE TABLE NAME (` or `CREATE INDEX i ON NAME (`.
                *own = head.split_whitespace().any(|word| OWN.contains(&word));
            }
            Some((*own, line))
        })
        .filter_map(|(own, line)| own.then_some(line))
        .collect();
    golden(
        format!("tests/golden/schema-{}.txt", bed.database.engine()),
        &own.concat(),
    );
}
