//! Moves of workspaces, and what interrupts them.

use std::{sync::atomic::Ordering, time::Duration};

use bailiwick_proto::{
    events::v1::{self as events, change::Change},
    tenancy::v1::{
        self as pb, instance_service_server::InstanceService, workspace_service_server::WorkspaceService,
    },
};
use bailiwick_tenancy_core::{moving, peer::Declined};
use bailiwick_testkit::{on_both_engines, witness};
use bailiwick_types::{Reason, Timestamp};
use tonic::Code;

use crate::world::{World, operator, refusal};

on_both_engines! {
    a_workspace_moves_between_instances_and_to_another_account_and_back,
    a_move_that_was_cut_off_is_finished_by_the_worker,
    a_move_that_was_cut_off_after_authorization_moved_it_is_finished_once,
    a_move_that_authorization_refuses_is_taken_back,
    two_moves_and_a_deletion_at_once_leave_one_workspace_at_one_place,
    a_request_id_that_is_used_again_while_a_move_is_under_way_holds_nothing_up,
    a_workspace_that_comes_to_an_instance_that_was_deleted_does_not_count,
    one_round_of_the_worker_finishes_all_moves,
    a_repeated_request_id_answers_as_the_first_did,
}

fn to(account: &str, workspace: &str, target: &str, parent: &str) -> pb::MoveWorkspaceRequest {
    pb::MoveWorkspaceRequest {
        account: account.to_owned(),
        workspace: workspace.to_owned(),
        target_account: target.to_owned(),
        parent: parent.to_owned(),
        ..Default::default()
    }
}

async fn send(
    world: &World,
    request: pb::MoveWorkspaceRequest,
) -> Result<tonic::Response<pb::MoveWorkspaceResponse>, tonic::Status> {
    let request = operator("WorkspaceService/MoveWorkspace", request);
    world.api.move_workspace(request).await
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

async fn unfinished(world: &World) -> Vec<moving::Moving> {
    let far = Timestamp(i64::MAX);
    world.service.open_moves(far, 100).await.unwrap()
}

async fn used(world: &World, account: &str) -> i64 {
    let account: bailiwick_types::AccountId = account.parse().unwrap();
    let sql = "SELECT used FROM account_usage WHERE account_id = $1 AND kind = 4";
    let rows = bailiwick_sql::query(world.db.load(), sql, vec![account.uuid().into()])
        .await
        .unwrap();
    rows.first().map_or(0, |row| row.try_get("", "used").unwrap())
}

async fn a_workspace_moves_between_instances_and_to_another_account_and_back(world: World) {
    let (a, b) = (world.account("A").await, world.account("B").await);
    let instance = world.instance(&a, "I").await;
    let workspace = world.workspace(&a, "", "W").await;
    let parent = format!("instance:{instance}");
    let answer = send(&world, to(&a, &workspace, "", &parent))
        .await
        .unwrap()
        .into_inner();
    let moved = answer.workspace.unwrap();
    assert_eq!((moved.parent, moved.etag.as_str()), (parent, "2"));
    assert!(!answer.token.is_empty());
    send(&world, to(&a, &workspace, &b, "")).await.unwrap();
    assert!(!exists(&world, &a, &workspace).await && exists(&world, &b, &workspace).await);
    assert_eq!((used(&world, &a).await, used(&world, &b).await), (0, 1));
    let feed = world.feed().await;
    let places: Vec<(String, i32, u64, String)> = feed
        .iter()
        .rev()
        .take(2)
        .filter_map(|(_, _, changes)| match &changes[0] {
            Change::PlaceChanged(of) => {
                Some((of.account.clone(), of.state, of.version, of.moved_from.clone()))
            }
            _ => None,
        })
        .collect();
    let (active, deleted) = (
        events::PlaceState::Active.into(),
        events::PlaceState::Deleted.into(),
    );
    assert!(
        places.contains(&(a.clone(), deleted, 3, String::new())),
        "{places:?}"
    );
    assert!(places.contains(&(b.clone(), active, 3, a.clone())), "{places:?}");
    send(&world, to(&b, &workspace, &a, "")).await.unwrap();
    assert!(exists(&world, &a, &workspace).await && !exists(&world, &b, &workspace).await);
    assert_eq!((used(&world, &a).await, used(&world, &b).await), (1, 0));
    assert!(unfinished(&world).await.is_empty());
}

async fn a_move_that_was_cut_off_is_finished_by_the_worker(world: World) {
    let (a, b) = (world.account("A").await, world.account("B").await);
    let workspace = world.workspace(&a, "", "W").await;
    world.told.only_previews.store(true, Ordering::SeqCst);
    let (code, reason, _) = refusal(send(&world, to(&a, &workspace, &b, "")).await);
    assert_eq!(
        (code, reason.as_str()),
        (Code::Unavailable, "DEPENDENCY_UNAVAILABLE")
    );
    assert!(exists(&world, &a, &workspace).await && !exists(&world, &b, &workspace).await);
    world.clock.advance(Duration::from_mins(1));
    world.service.finish_closings().await.unwrap();
    assert_eq!(unfinished(&world).await.len(), 1);
    world.told.only_previews.store(false, Ordering::SeqCst);
    world.service.finish_closings().await.unwrap();
    assert!(!exists(&world, &a, &workspace).await && exists(&world, &b, &workspace).await);
    assert!(unfinished(&world).await.is_empty());
}

async fn a_move_that_was_cut_off_after_authorization_moved_it_is_finished_once(world: World) {
    let (a, b) = (world.account("A").await, world.account("B").await);
    let workspace = world.workspace(&a, "", "W").await;
    world.told.only_previews.store(true, Ordering::SeqCst);
    send(&world, to(&a, &workspace, &b, "")).await.unwrap_err();
    world.told.only_previews.store(false, Ordering::SeqCst);
    let begun = unfinished(&world).await.remove(0);
    // It is told twice, as after a crash, and finished by two at a time.
    let system = witness::system();
    let finish = || moving::resume(&world.tenancy, &system, &begun);
    let (one, other) = tokio::join!(finish(), finish());
    one.unwrap();
    other.unwrap();
    assert!(exists(&world, &b, &workspace).await);
    let versions = world
        .told
        .moved
        .lock()
        .unwrap()
        .iter()
        .map(|(moving, _)| moving.version)
        .collect::<Vec<_>>();
    assert_eq!(versions, [2, 2]);
    // One event for each account.
    assert_eq!(world.feed().await.len(), 5);
}

async fn a_move_that_authorization_refuses_is_taken_back(world: World) {
    let (a, b) = (world.account("A").await, world.account("B").await);
    let workspace = world.workspace(&a, "", "W").await;
    *world.told.declines.lock().unwrap() = Some(Declined {
        code: bailiwick_types::Code::AlreadyExists,
        reason: Reason::AlreadyExists,
        message: "the target account has resources of the same type and id: chart:c".to_owned(),
        metadata: vec![("resources", "chart:c".to_owned())],
        violations: Vec::new(),
    });
    let (code, reason, _) = refusal(send(&world, to(&a, &workspace, &b, "")).await);
    assert_eq!((code, reason.as_str()), (Code::AlreadyExists, "ALREADY_EXISTS"));
    assert!(exists(&world, &a, &workspace).await && !exists(&world, &b, &workspace).await);
    assert!(unfinished(&world).await.is_empty());
    *world.told.declines.lock().unwrap() = None;
    send(&world, to(&a, &workspace, &b, "")).await.unwrap();
    assert_eq!(world.told.moved.lock().unwrap()[0].0.version, 3);
}

async fn two_moves_and_a_deletion_at_once_leave_one_workspace_at_one_place(world: World) {
    let (a, b, c) = (
        world.account("A").await,
        world.account("B").await,
        world.account("C").await,
    );
    let workspace = world.workspace(&a, "", "W").await;
    let deletion = pb::DeleteWorkspaceRequest {
        account: a.clone(),
        workspace: workspace.clone(),
        ..Default::default()
    };
    let (_, _, _) = tokio::join!(
        send(&world, to(&a, &workspace, &b, "")),
        send(&world, to(&a, &workspace, &c, "")),
        world
            .api
            .delete_workspace(operator("WorkspaceService/DeleteWorkspace", deletion)),
    );
    let mut places = 0;
    for account in [&a, &b, &c] {
        places += usize::from(exists(&world, account, &workspace).await);
    }
    assert!(places <= 1, "{places}");
    assert!(unfinished(&world).await.is_empty());
    let all = [
        used(&world, &a).await,
        used(&world, &b).await,
        used(&world, &c).await,
    ];
    assert_eq!(all.iter().sum::<i64>(), i64::try_from(places).unwrap());
}

async fn a_request_id_that_is_used_again_while_a_move_is_under_way_holds_nothing_up(world: World) {
    let (a, b) = (world.account("A").await, world.account("B").await);
    let (first, second) = (
        world.workspace(&a, "", "V").await,
        world.workspace(&a, "", "W").await,
    );
    let request = |workspace: &str| pb::MoveWorkspaceRequest {
        request_id: "7c1f4a52-9a64-4f3e-8f3a-0c1b2d3e4f50".to_owned(),
        ..to(&a, workspace, &b, "")
    };
    world.told.only_previews.store(true, Ordering::SeqCst);
    send(&world, request(&first)).await.unwrap_err();
    world.told.only_previews.store(false, Ordering::SeqCst);
    send(&world, request(&second)).await.unwrap();
    world.clock.advance(Duration::from_mins(1));
    world.service.finish_closings().await.unwrap();
    assert!(unfinished(&world).await.is_empty());
    assert!(exists(&world, &b, &first).await && exists(&world, &b, &second).await);
}

async fn a_workspace_that_comes_to_an_instance_that_was_deleted_does_not_count(world: World) {
    let a = world.account("A").await;
    let instance = world.instance(&a, "I").await;
    let workspace = world.workspace(&a, "", "W").await;
    let scope = format!("instance:{instance}");
    world.told.only_previews.store(true, Ordering::SeqCst);
    send(&world, to(&a, &workspace, &a, &scope)).await.unwrap_err();
    let deletion = pb::DeleteInstanceRequest {
        account: a.clone(),
        instance,
        force: true,
        ..Default::default()
    };
    world
        .api
        .delete_instance(operator("InstanceService/DeleteInstance", deletion))
        .await
        .unwrap();
    world.told.only_previews.store(false, Ordering::SeqCst);
    world.clock.advance(Duration::from_mins(1));
    world.service.finish_closings().await.unwrap();
    assert!(unfinished(&world).await.is_empty());
    assert_eq!(
        (exists(&world, &a, &workspace).await, used(&world, &a).await),
        (false, 0)
    );
}

async fn one_round_of_the_worker_finishes_all_moves(world: World) {
    let (a, b) = (world.account("A").await, world.account("B").await);
    world.told.only_previews.store(true, Ordering::SeqCst);
    for n in 0..=100 {
        let workspace = world.workspace(&a, "", &format!("W{n}")).await;
        send(&world, to(&a, &workspace, &b, "")).await.unwrap_err();
    }
    world.told.only_previews.store(false, Ordering::SeqCst);
    world.clock.advance(Duration::from_mins(1));
    world.service.finish_closings().await.unwrap();
    assert!(unfinished(&world).await.is_empty());
}

async fn a_repeated_request_id_answers_as_the_first_did(world: World) {
    let (a, b) = (world.account("A").await, world.account("B").await);
    let workspace = world.workspace(&a, "", "W").await;
    let request = || pb::MoveWorkspaceRequest {
        request_id: "7c1f4a52-9a64-4f3e-8f3a-0c1b2d3e4f50".to_owned(),
        ..to(&a, &workspace, &b, "")
    };
    let first = send(&world, request()).await.unwrap().into_inner();
    let again = send(&world, request()).await.unwrap().into_inner();
    assert_eq!(first.workspace, again.workspace);
    let other = pb::MoveWorkspaceRequest {
        account: b.clone(),
        target_account: a.clone(),
        ..request()
    };
    assert_eq!(refusal(send(&world, other).await).1, "REQUEST_ID_REUSED");
}
