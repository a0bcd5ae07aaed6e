//! What is found when somebody who owns the database changes the audit log.

use std::collections::BTreeMap;

use bailiwick_sql::execute;
use bailiwick_tenancy_core::audit::chain::Fault;
use sea_orm::DbBackend;

use super::{chain, filled, rename};
use crate::{on_both_engines, world::World};

on_both_engines! {
    a_row_is_neither_changed_nor_deleted,
    a_change_of_any_column_is_found,
    an_entry_that_is_removed_inserted_or_moved_and_a_cut_are_found,
    a_cut_is_found_also_after_further_entries,
    a_chain_that_is_gone_is_found,
    the_chain_that_names_all_others_is_found_to_be_gone,
}

async fn a_row_is_neither_changed_nor_deleted(world: World) {
    world.account("A").await;
    world.audit().await;
    for sql in [
        "UPDATE audit_entry SET actor = 'user:x'",
        "DELETE FROM audit_entry",
    ] {
        let tx = world.db.begin_write_across(&[]).await.unwrap();
        let refused = execute(tx.conn(), sql, vec![]).await.unwrap_err();
        let text = refused.detail();
        assert!(text.contains("added and never changed"), "{text}");
    }
    assert!(world.count("audit_entry").await > 0);
}

async fn a_change_of_any_column_is_found(world: World) {
    let account = filled(&world).await;
    let own = chain(&account);
    let columns = [
        "occurred_at = occurred_at + 1",
        "service = 'identity'",
        "actor = actor || 'x'",
        "on_behalf_of = 'x'",
        "action = action || 'x'",
        "target = target || 'x'",
        "outcome = 'denied'",
        "attempts = attempts + 1",
        "request_id = 'x'",
        "trace_id = 'x'",
        "details = '{}'",
        "details = 'x'",
        "origin_owner = 'x'",
        "content_owner = 'x'",
    ];
    for change in columns {
        let kept = "CREATE TABLE kept AS SELECT * FROM audit_entry";
        world.tamper(kept).await;
        world
            .tamper(&format!(
                "UPDATE audit_entry SET {change} WHERE chain = '{own}' AND sequence = 1"
            ))
            .await;
        let faults = world.faults().await;
        assert_eq!(faults.get(&own), Some(&Fault::Changed(1)), "{change}");
        assert_eq!(faults.len(), 1, "{change}");
        world.tamper("DELETE FROM audit_entry").await;
        world.tamper("INSERT INTO audit_entry SELECT * FROM kept").await;
        world.tamper("DROP TABLE kept").await;
    }
    assert_eq!(world.faults().await, BTreeMap::new());
    // One byte of what is sealed, and of a hash.
    let bytes = if world.db.backend() == DbBackend::Postgres {
        [
            "set_byte(content, 3, get_byte(content, 3) # 1)",
            "set_byte(hash, 3, get_byte(hash, 3) # 1)",
        ]
    } else {
        [
            "CAST(substr(content, 2) AS blob)",
            "CAST(substr(hash, 2) || x'00' AS blob)",
        ]
    };
    for (column, bytes) in ["content", "hash"].into_iter().zip(bytes) {
        let change =
            format!("UPDATE audit_entry SET {column} = {bytes} WHERE chain = '{own}' AND sequence = 6");
        world.tamper(&change).await;
        assert_eq!(
            world.faults().await.get(&own),
            Some(&Fault::Changed(6)),
            "{column}"
        );
    }
}

async fn an_entry_that_is_removed_inserted_or_moved_and_a_cut_are_found(world: World) {
    let account = filled(&world).await;
    let own = chain(&account);
    world
        .tamper("CREATE TABLE kept AS SELECT * FROM audit_entry")
        .await;
    let at = |sequence: u32| format!("chain = '{own}' AND sequence = {sequence}");
    let (expected, found) = (3, 4);
    for (change, fault) in [
        (
            vec![format!("DELETE FROM audit_entry WHERE {}", at(3))],
            Fault::Misplaced { expected, found },
        ),
        (
            // Another entry in its place.
            vec![
                format!("DELETE FROM audit_entry WHERE {}", at(3)),
                format!("UPDATE audit_entry SET sequence = 3 WHERE {}", at(4)),
            ],
            Fault::Changed(3),
        ),
        (
            vec![
                format!("UPDATE audit_entry SET sequence = 99 WHERE {}", at(3)),
                format!("UPDATE audit_entry SET sequence = 3 WHERE {}", at(4)),
                format!("UPDATE audit_entry SET sequence = 4 WHERE {}", at(99)),
            ],
            Fault::Changed(3),
        ),
        (
            vec![format!("DELETE FROM audit_entry WHERE {}", at(6))],
            Fault::Cut { found: 5, head: 6 },
        ),
        (
            vec![format!("DELETE FROM audit_entry WHERE chain = '{own}'")],
            Fault::Cut { found: 0, head: 6 },
        ),
    ] {
        for sql in &change {
            world.tamper(sql).await;
        }
        assert_eq!(world.faults().await.get(&own), Some(&fault), "{change:?}");
        world.tamper("DELETE FROM audit_entry").await;
        world.tamper("INSERT INTO audit_entry SELECT * FROM kept").await;
        assert_eq!(world.faults().await, BTreeMap::new());
    }
    // The tail cut off, with a head that fits: it is signed.
    world
        .tamper(&format!("DELETE FROM audit_entry WHERE {}", at(6)))
        .await;
    world
        .tamper(&format!(
            "UPDATE audit_head SET sequence = 5, hash = (SELECT hash FROM audit_entry WHERE {}) WHERE chain = '{own}'",
            at(5)
        ))
        .await;
    assert_eq!(world.faults().await.get(&own), Some(&Fault::Forged));
    world
        .tamper(&format!("DELETE FROM audit_head WHERE chain = '{own}'"))
        .await;
    assert_eq!(world.faults().await.get(&own), Some(&Fault::NoHead));
}

async fn a_cut_is_found_also_after_further_entries(world: World) {
    let account = filled(&world).await;
    let own = chain(&account);
    let cut = format!("DELETE FROM audit_entry WHERE chain = '{own}' AND sequence = 6");
    world.tamper(&cut).await;
    rename(&world, &account, "later").await;
    world.audit().await;
    let faults = world.faults().await;
    assert_eq!(faults.get(&own), Some(&Fault::Suspect));
    // It stays so, and the log goes on.
    rename(&world, &account, "still later").await;
    world.audit().await;
    assert_eq!(world.faults().await.get(&own), Some(&Fault::Suspect));
    assert_eq!(world.entries(&account).await.len(), 7);
}

async fn a_chain_that_is_gone_is_found(world: World) {
    let account = filled(&world).await;
    let own = chain(&account);
    for table in ["audit_entry", "audit_head"] {
        world
            .tamper(&format!("DELETE FROM {table} WHERE chain = '{own}'"))
            .await;
    }
    assert_eq!(world.faults().await.get(&own), Some(&Fault::NoHead));
    // Begun anew by the next entry, it does not look as if nothing had been there.
    rename(&world, &account, "later").await;
    world.audit().await;
    assert_eq!(world.faults().await.get(&own), Some(&Fault::Suspect));
}

async fn the_chain_that_names_all_others_is_found_to_be_gone(world: World) {
    let account = filled(&world).await;
    for table in ["audit_entry", "audit_head"] {
        world
            .tamper(&format!("DELETE FROM {table} WHERE chain = 'deployment'"))
            .await;
    }
    assert_eq!(world.faults().await.get("deployment"), Some(&Fault::NoHead));
    rename(&world, &account, "later").await;
    world.audit().await;
    let faults = world.faults().await;
    assert_eq!(faults.get("deployment"), Some(&Fault::Suspect), "{faults:?}");
}
