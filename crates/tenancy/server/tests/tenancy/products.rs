use bailiwick_feed::encode;
use bailiwick_proto::events::v1::{PolicyChanged, ProductApplied, change::Change};
use bailiwick_sql::follow::{ApplyError, Event, FeedSink};
use bailiwick_types::{ScopeRoot, Timestamp};

use super::{
    on_both_engines,
    world::{SHOP, World, sink},
};

on_both_engines! {
    a_newer_manifest_replaces_an_older_one_and_not_the_other_way_round
    a_manifest_of_a_restored_authorization_replaces_one_with_a_higher_version
    a_manifest_that_cannot_be_read_is_refused_as_content
    events_of_other_kinds_are_passed
}

async fn version(world: &World) -> u64 {
    let product = world.store.find_product(&"shop".parse().unwrap()).await;
    product.unwrap().unwrap().version.number()
}

fn event(change: Vec<u8>) -> Event {
    Event {
        root: ScopeRoot::Deployment,
        revision: 1,
        position: 1,
        created_at: Timestamp::default(),
        changes: vec![change],
    }
}

async fn a_newer_manifest_replaces_an_older_one_and_not_the_other_way_round(world: World) {
    world.apply("shop", 3, SHOP).await;
    assert_eq!(version(&world).await, 3);
    world.apply("shop", 2, r#"{"product": "shop"}"#).await;
    assert_eq!(version(&world).await, 3);
}

async fn a_manifest_of_a_restored_authorization_replaces_one_with_a_higher_version(world: World) {
    world.apply("shop", 3, SHOP).await;
    world.apply_in("restored", "shop", 2, SHOP).await;
    assert_eq!(version(&world).await, 2);
    world
        .apply_in("restored", "shop", 1, r#"{"product": "shop"}"#)
        .await;
    assert_eq!(version(&world).await, 2);
}

async fn a_manifest_that_cannot_be_read_is_refused_as_content(world: World) {
    let applied = |product: &str, manifest: &str| {
        event(encode(Change::ProductApplied(ProductApplied {
            product: product.to_owned(),
            version: 9,
            manifest: manifest.to_owned(),
        })))
    };
    for bad in [
        applied("shop", "{"),
        applied("shop", r#"{"product": "other"}"#),
        applied("No!", SHOP),
        event(vec![255]),
    ] {
        let mut tx = world.db.begin_write_across(&[]).await.unwrap();
        let refused = sink().apply(&mut tx, &"first".into(), &bad).await;
        assert!(matches!(refused, Err(ApplyError::Content(_))), "{refused:?}");
    }
    assert_eq!(version(&world).await, 1);
}

async fn events_of_other_kinds_are_passed(world: World) {
    let mut tx = world.db.begin_write_across(&[]).await.unwrap();
    let other = encode(Change::PolicyChanged(PolicyChanged::default()));
    sink()
        .apply(&mut tx, &"first".into(), &event(other))
        .await
        .unwrap();
    // A kind that a newer program knows.
    sink()
        .apply(&mut tx, &"first".into(), &event(vec![0xf2, 0x3f, 0]))
        .await
        .unwrap();
}
