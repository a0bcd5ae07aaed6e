use bailiwick_sql::migrate::schema_dump;
use bailiwick_testkit::golden;

use super::{on_both_engines, world::World};

const OWN: [&str; 10] = [
    "account",
    "audit_cursor",
    "audit_entry",
    "audit_head",
    "audit_key",
    "closing",
    "place",
    "product",
    "request",
    "settings",
];

on_both_engines! {
    the_schema_is_the_golden_one
}

async fn the_schema_is_the_golden_one(world: World) {
    world
        .db
        .check_schema(&bailiwick_tenancy_server::migrations())
        .await
        .unwrap();
    let dump = schema_dump(&world.db).await.unwrap();
    // The tables of the feed are compared where they are made.
    let mut own = false;
    let mut shown = String::new();
    for line in dump.split_inclusive('\n') {
        if let Some(head) = line.strip_prefix("table ").or(line.strip_prefix("CREATE ")) {
            own = head
                .split_whitespace()
                .any(|word| OWN.contains(&word.trim_matches('"')));
        }
        if own {
            shown.push_str(line);
        }
    }
    let engine = format!("{:?}", world.db.backend()).to_lowercase();
    golden(format!("tests/golden/schema-{engine}.txt"), &shown);
}
