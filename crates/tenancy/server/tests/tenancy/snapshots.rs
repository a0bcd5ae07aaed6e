use std::collections::BTreeMap;

use bailiwick_feed::SnapshotSource;
use bailiwick_proto::{
    events::v1::change::Change,
    tenancy::v1::{
        self as pb, account_service_server::AccountService, settings_service_server::SettingsService,
        workspace_service_server::WorkspaceService,
    },
};
use bailiwick_tenancy_server::TenancySnapshot;
use serde_json::json;

use super::{
    on_both_engines,
    world::{World, operator, user, values},
};

on_both_engines! {
    a_snapshot_tells_what_the_feed_has_told
}

type Told = BTreeMap<String, (u64, i32)>;

fn tell(told: &mut Told, change: &Change) {
    let (key, version, state) = match change {
        Change::AccountChanged(c) => (c.account.clone(), c.version, c.state),
        Change::PlaceChanged(c) => (c.scope.clone(), c.version, c.state),
        Change::SettingsChanged(c) => (format!("settings of {}", c.account), c.version, 0),
        other => panic!("{other:?}"),
    };
    told.insert(key, (version, state));
}

async fn a_snapshot_tells_what_the_feed_has_told(world: World) {
    let mut last = String::new();
    for n in 0..205 {
        last = world.account(&format!("a{n}")).await;
    }
    let request = pb::CreateAccountRequest {
        product: "club".to_owned(),
        title: "Club".to_owned(),
        owner: format!("user:{}", user(5)),
        ..Default::default()
    };
    let club = world
        .api
        .create_account(operator("AccountService/CreateAccount", request))
        .await
        .unwrap()
        .into_inner();
    let club = club.account.unwrap().account;
    let instance = world.instance(&last, "I").await;
    for n in 0..12 {
        world
            .workspace(&last, &format!("instance:{instance}"), &format!("w{n}"))
            .await;
    }
    let gone = world.workspace(&club, "", "gone").await;
    let delete = pb::DeleteWorkspaceRequest {
        account: club.clone(),
        workspace: gone,
        ..Default::default()
    };
    world
        .api
        .delete_workspace(operator("WorkspaceService/DeleteWorkspace", delete))
        .await
        .unwrap();
    let settings = pb::UpdateSettingsRequest {
        account: last.clone(),
        values: Some(values(json!({"limit": 1}))),
        ..Default::default()
    };
    world
        .api
        .update_settings(operator("SettingsService/UpdateSettings", settings))
        .await
        .unwrap();

    let mut by_feed = Told::new();
    for (_, _, changes) in world.feed().await {
        for change in &changes {
            tell(&mut by_feed, change);
        }
    }
    let source = TenancySnapshot::new(world.db.clone());
    let (mut by_snapshot, mut revisions, mut owners, mut from, mut count) =
        (Told::new(), BTreeMap::new(), Vec::new(), None::<String>, 0);
    loop {
        let page = source.page(from.as_deref()).await.unwrap();
        for change in &page.changes {
            count += 1;
            tell(&mut by_snapshot, change);
            if let Change::AccountChanged(c) = change
                && !c.owner.is_empty()
            {
                owners.push((c.account.clone(), c.owner.clone()));
            }
        }
        revisions.extend(
            page.revisions
                .into_iter()
                .map(|(root, revision)| (root.to_string(), revision)),
        );
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(by_snapshot, by_feed);
    assert_eq!(count, by_feed.len(), "each is told once");
    assert_eq!(revisions.len(), 206);
    assert_eq!(revisions[&format!("account:{last}")], 15);
    assert_eq!(owners, [(club, format!("user:{}", user(5)))]);
    assert!(source.page(Some("rubbish")).await.is_err());
}
