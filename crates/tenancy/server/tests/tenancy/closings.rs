//! Suspensions and deletions that are cut off between any two of their steps.

use std::{sync::atomic::Ordering, time::Duration};

use bailiwick_proto::{
    events::v1::{self as events, change::Change},
    tenancy::v1::{
        self as pb, account_service_server::AccountService, workspace_service_server::WorkspaceService,
    },
};
use bailiwick_tenancy_core::{closing, peer::Authorization};
use bailiwick_testkit::witness;
use bailiwick_types::{Clock, Scope, Service, Token};
use tonic::Code;

use super::{
    on_both_engines,
    world::{World, operator, refusal},
};

on_both_engines! {
    a_deletion_that_authorization_did_not_hear_of_is_finished_by_the_worker
    a_deletion_that_was_cut_off_after_authorization_heard_of_it_is_finished_once
    what_is_being_closed_is_not_changed_meanwhile
    a_repeated_deletion_goes_on_with_the_one_that_was_begun
    a_suspension_that_is_under_way_is_finished_before_the_deletion
    authorization_is_told_what_it_must_have_seen
}

async fn unfinished(world: &World) -> Vec<closing::Closing> {
    let until = world.clock.now();
    world
        .store
        .read_all(witness::system().all_accounts())
        .await
        .unwrap()
        .unfinished(until, 10)
        .await
        .unwrap()
}

async fn delete(world: &World, account: &str, workspace: &str) -> Result<(), tonic::Status> {
    let request = pb::DeleteWorkspaceRequest {
        account: account.to_owned(),
        workspace: workspace.to_owned(),
        ..Default::default()
    };
    let call = operator("WorkspaceService/DeleteWorkspace", request);
    world.api.delete_workspace(call).await.map(drop)
}

async fn exists(world: &World, account: &str, workspace: &str) -> bool {
    let request = pb::GetWorkspaceRequest {
        account: account.to_owned(),
        workspace: workspace.to_owned(),
    };
    world
        .api
        .get_workspace(operator("WorkspaceService/GetWorkspace", request))
        .await
        .is_ok()
}

async fn a_deletion_that_authorization_did_not_hear_of_is_finished_by_the_worker(world: World) {
    let account = world.account("A").await;
    let workspace = world.workspace(&account, "", "W").await;
    world.told.away.store(true, Ordering::SeqCst);
    let (code, reason, _) = refusal(delete(&world, &account, &workspace).await);
    assert_eq!(
        (code, reason.as_str()),
        (Code::Unavailable, "DEPENDENCY_UNAVAILABLE")
    );
    assert!(exists(&world, &account, &workspace).await);
    assert_eq!(world.feed().await.len(), 2);
    world.clock.advance(Duration::from_mins(1));
    world.service.finish_closings().await.unwrap();
    assert_eq!(unfinished(&world).await.len(), 1);
    world.told.away.store(false, Ordering::SeqCst);
    world.service.finish_closings().await.unwrap();
    assert!(!exists(&world, &account, &workspace).await);
    assert!(unfinished(&world).await.is_empty());
    let feed = world.feed().await;
    let Change::PlaceChanged(told) = &feed[2].2[0] else {
        panic!("{feed:?}")
    };
    let version = world.told.closed.lock().unwrap()[0].0.version;
    assert_eq!(
        (told.version, told.state),
        (version, events::PlaceState::Deleted.into())
    );
}

async fn a_deletion_that_was_cut_off_after_authorization_heard_of_it_is_finished_once(world: World) {
    let account = world.account("A").await;
    let workspace = world.workspace(&account, "", "W").await;
    world.told.away.store(true, Ordering::SeqCst);
    delete(&world, &account, &workspace).await.unwrap_err();
    world.told.away.store(false, Ordering::SeqCst);
    let begun = unfinished(&world).await.remove(0);
    // It is told twice, as after a crash, and finished by two at a time.
    world.told.close_scope(&begun, &Token::default()).await.unwrap();
    let system = witness::system();
    let finish = || closing::resume(&world.tenancy, &system, &begun);
    let (one, other) = tokio::join!(finish(), finish());
    assert_eq!(one.unwrap(), other.unwrap());
    assert_eq!(world.feed().await.len(), 3);
}

async fn what_is_being_closed_is_not_changed_meanwhile(world: World) {
    let account = world.account("A").await;
    let workspace = world.workspace(&account, "", "W").await;
    world.told.away.store(true, Ordering::SeqCst);
    delete(&world, &account, &workspace).await.unwrap_err();
    let rename = pb::UpdateWorkspaceRequest {
        account: account.clone(),
        workspace: workspace.clone(),
        changes: Some(pb::Workspace {
            title: "X".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let renamed = world
        .api
        .update_workspace(operator("WorkspaceService/UpdateWorkspace", rename))
        .await;
    assert_eq!(refusal(renamed).1, "NOT_ACTIVE");
    let request = pb::DeleteAccountRequest {
        account: account.clone(),
        force: true,
        ..Default::default()
    };
    world
        .api
        .delete_account(operator("AccountService/DeleteAccount", request))
        .await
        .unwrap_err();
    let make = pb::CreateWorkspaceRequest {
        account,
        title: "Y".to_owned(),
        ..Default::default()
    };
    let made = world
        .api
        .create_workspace(operator("WorkspaceService/CreateWorkspace", make))
        .await;
    assert_eq!(refusal(made).1, "NOT_ACTIVE");
    world.told.away.store(false, Ordering::SeqCst);
    world.clock.advance(Duration::from_mins(1));
    world.service.finish_closings().await.unwrap();
    assert!(unfinished(&world).await.is_empty());
}

async fn a_repeated_deletion_goes_on_with_the_one_that_was_begun(world: World) {
    let account = world.account("A").await;
    let workspace = world.workspace(&account, "", "W").await;
    world.told.away.store(true, Ordering::SeqCst);
    delete(&world, &account, &workspace).await.unwrap_err();
    world.told.away.store(false, Ordering::SeqCst);
    delete(&world, &account, &workspace).await.unwrap();
    assert!(!exists(&world, &account, &workspace).await);
    assert_eq!(world.feed().await.len(), 3);
    assert!(unfinished(&world).await.is_empty());
}

async fn a_suspension_that_is_under_way_is_finished_before_the_deletion(world: World) {
    let account = world.account("A").await;
    world.told.away.store(true, Ordering::SeqCst);
    let suspend = pb::SuspendAccountRequest {
        account: account.clone(),
    };
    world
        .api
        .suspend_account(operator("AccountService/SuspendAccount", suspend))
        .await
        .unwrap_err();
    world.told.away.store(false, Ordering::SeqCst);
    let request = pb::DeleteAccountRequest {
        account: account.clone(),
        ..Default::default()
    };
    world
        .api
        .delete_account(operator("AccountService/DeleteAccount", request))
        .await
        .unwrap();
    let told: Vec<_> = world
        .told
        .closed
        .lock()
        .unwrap()
        .iter()
        .map(|(closing, _)| (closing.version, closing.deletes()))
        .collect();
    assert_eq!(told, [(2, false), (3, true)]);
    assert_eq!(world.feed().await.len(), 3);
}

async fn authorization_is_told_what_it_must_have_seen(world: World) {
    let account = world.account("A").await;
    let workspace = world.workspace(&account, "", "W").await;
    delete(&world, &account, &workspace).await.unwrap();
    let told = world.told.closed.lock().unwrap();
    let (closing, seen) = &told[0];
    let root = format!("account:{account}").parse().unwrap();
    assert_eq!(seen.wanted(Service::Tenancy, &root).unwrap().1, 2);
    assert_eq!(closing.scope, Scope::Workspace(workspace.parse().unwrap()));
}
