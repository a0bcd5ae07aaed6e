//! The plans of what runs all the time: no statement of the feed may come to read a whole table.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use bailiwick_sql::{feed::statements, migrate::explain};
use bailiwick_testkit::{golden, on_both_engines};
use sea_orm::DbBackend;
use support::Bed;

on_both_engines! {
    the_plans_of_the_feed_are_the_golden_ones
}

async fn the_plans_of_the_feed_are_the_golden_ones(bed: Bed) {
    let db = bed.ready().await;
    let postgres = db.backend() == DbBackend::Postgres;
    let mut out = String::new();
    for (name, sql, values) in statements(db.backend()) {
        let plan = explain(&db, &sql, values).await.unwrap();
        assert!(
            !plan.contains("Seq Scan on outbox") && !plan.contains("SCAN outbox\n"),
            "{name}: {plan}"
        );
        out.push_str(&format!("{name}\n{plan}\n\n"));
    }
    let engine = if postgres { "postgres" } else { "sqlite" };
    golden(format!("tests/golden/plans-{engine}.txt"), out.trim_end());
}
