//! How many places an account may have.

use std::{collections::BTreeMap, sync::Arc};

use bailiwick_proto::tenancy::v1::{
    self as pb, instance_service_server::InstanceService, workspace_service_server::WorkspaceService,
};
use bailiwick_sql::query;
use bailiwick_testkit::{Fixture, TestDb};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{
    on_both_engines,
    world::{Narrow, World, operator},
};

on_both_engines! {
    instances_are_limited_and_deleted_ones_make_room
    workspaces_are_limited_in_all_instances_together
    a_repeated_request_is_answered_at_the_limit
    counters_equal_the_places_after_any_history
}

async fn instance(world: &World, account: &str) -> Result<String, Status> {
    let request = pb::CreateInstanceRequest {
        account: account.to_owned(),
        title: "Bar".to_owned(),
        edition: "chs".to_owned(),
        ..Default::default()
    };
    let request = operator("InstanceService/CreateInstance", request);
    let made = world.api.create_instance(request).await?;
    Ok(made.into_inner().instance.unwrap().instance)
}

async fn workspace(world: &World, account: &str, parent: &str) -> Result<String, Status> {
    let parent = match parent {
        "" => String::new(),
        instance => format!("instance:{instance}"),
    };
    let request = pb::CreateWorkspaceRequest {
        account: account.to_owned(),
        parent,
        title: "Desk".to_owned(),
        ..Default::default()
    };
    let request = operator("WorkspaceService/CreateWorkspace", request);
    let made = world.api.create_workspace(request).await?;
    Ok(made.into_inner().workspace.unwrap().workspace)
}

async fn delete_instance(world: &World, account: &str, instance: &str) {
    let request = pb::DeleteInstanceRequest {
        account: account.to_owned(),
        instance: instance.to_owned(),
        force: true,
        ..Default::default()
    };
    let request = operator("InstanceService/DeleteInstance", request);
    world.api.delete_instance(request).await.unwrap();
}

async fn delete_workspace(world: &World, account: &str, workspace: &str) {
    let request = pb::DeleteWorkspaceRequest {
        account: account.to_owned(),
        workspace: workspace.to_owned(),
        ..Default::default()
    };
    let request = operator("WorkspaceService/DeleteWorkspace", request);
    world.api.delete_workspace(request).await.unwrap();
}

#[track_caller]
fn reached<T: std::fmt::Debug>(refused: Result<T, Status>, limit: &str, value: u64) {
    let status = refused.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    let text = status.message();
    assert!(text.contains(&format!("`{limit}` of {value}")), "{text}");
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(info.reason, "LIMIT_REACHED");
    assert_eq!(info.metadata["limit"], limit);
    assert_eq!(info.metadata["value"], value.to_string());
}

async fn instances_are_limited_and_deleted_ones_make_room(Narrow(world): Narrow) {
    let (account, other) = (world.account("Hotel").await, world.account("Inn").await);
    let first = instance(&world, &account).await.unwrap();
    instance(&world, &account).await.unwrap();
    reached(instance(&world, &account).await, "instances", 2);
    // Another account is not concerned.
    instance(&world, &other).await.unwrap();
    delete_instance(&world, &account, &first).await;
    instance(&world, &account).await.unwrap();
    reached(instance(&world, &account).await, "instances", 2);
}

async fn workspaces_are_limited_in_all_instances_together(Narrow(world): Narrow) {
    let account = world.account("Hotel").await;
    let bar = instance(&world, &account).await.unwrap();
    let desk = workspace(&world, &account, "").await.unwrap();
    workspace(&world, &account, &bar).await.unwrap();
    workspace(&world, &account, &bar).await.unwrap();
    reached(workspace(&world, &account, "").await, "workspaces", 3);
    delete_workspace(&world, &account, &desk).await;
    let desk = workspace(&world, &account, "").await.unwrap();
    // With an instance go its workspaces.
    delete_instance(&world, &account, &bar).await;
    workspace(&world, &account, "").await.unwrap();
    workspace(&world, &account, "").await.unwrap();
    reached(workspace(&world, &account, "").await, "workspaces", 3);
    delete_workspace(&world, &account, &desk).await;
    workspace(&world, &account, "").await.unwrap();
}

async fn a_repeated_request_is_answered_at_the_limit(Narrow(world): Narrow) {
    let account = world.account("Hotel").await;
    instance(&world, &account).await.unwrap();
    let request = pb::CreateInstanceRequest {
        account: account.clone(),
        title: "Bar".to_owned(),
        edition: "chs".to_owned(),
        request_id: "4d3cb9d2-16ac-4a3b-8f0e-0d3b4f5a7d21".to_owned(),
    };
    let ask = async || {
        let request = operator("InstanceService/CreateInstance", request.clone());
        world.api.create_instance(request).await
    };
    let first = ask().await.unwrap().into_inner().instance;
    assert_eq!(ask().await.unwrap().into_inner().instance, first);
    reached(instance(&world, &account).await, "instances", 2);
}

/// What the counters say, and what there is, by account and level. What is none is left out.
async fn counters(world: &World) -> [BTreeMap<(uuid::Uuid, i16), i64>; 2] {
    let real = "SELECT account_id, level AS kind, COUNT(*) AS n FROM place p WHERE state <> 'deleted' \
                AND NOT EXISTS (SELECT 1 FROM place i WHERE i.account_id = p.account_id AND i.id = p.parent_id \
                AND i.state = 'deleted') GROUP BY account_id, level";
    let counted = "SELECT account_id, kind, used AS n FROM account_usage WHERE used <> 0";
    let mut both = [BTreeMap::new(), BTreeMap::new()];
    for (all, sql) in both.iter_mut().zip([counted, real]) {
        for row in query(world.db.load(), sql, vec![]).await.unwrap() {
            let key = (
                row.try_get("", "account_id").unwrap(),
                row.try_get("", "kind").unwrap(),
            );
            all.insert(key, row.try_get("", "n").unwrap());
        }
    }
    both
}

async fn counters_equal_the_places_after_any_history(world: World) {
    let accounts = [world.account("Hotel").await, world.account("Inn").await];
    let mut seed: usize = 20_261_130;
    let mut roll = |sides: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % sides
    };
    // Instances and workspaces, each with its account and instance.
    let (mut instances, mut workspaces) = (Vec::new(), Vec::new());
    for step in 0..120 {
        let account = &accounts[roll(2)];
        match roll(6) {
            0 => instances.push((account.clone(), instance(&world, account).await.unwrap())),
            1..=3 => {
                let of: Vec<&(String, String)> = instances
                    .iter()
                    .filter(|(of, _): &&(String, String)| of == account)
                    .collect();
                let parent = match of.len() {
                    0 => String::new(),
                    _ => of[roll(of.len())].1.clone(),
                };
                let made = workspace(&world, account, &parent).await.unwrap();
                workspaces.push((account.clone(), parent, made));
            }
            4 if !workspaces.is_empty() => {
                let (account, _, gone) = workspaces.swap_remove(roll(workspaces.len()));
                delete_workspace(&world, &account, &gone).await;
            }
            5 if !instances.is_empty() => {
                let (account, gone) = instances.swap_remove(roll(instances.len()));
                delete_instance(&world, &account, &gone).await;
                workspaces.retain(|(_, parent, _)| *parent != gone);
            }
            _ => {}
        }
        if step % 20 == 19 {
            let [counted, real] = counters(&world).await;
            assert_eq!(counted, real, "step {step}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_requests_at_the_limit_never_exceed_it() {
    let Narrow(world) = Narrow::on(TestDb::postgres().await).await;
    let world = Arc::new(world);
    let account = world.account("Hotel").await;
    let tasks = (0..12).map(|_| {
        let (world, account) = (Arc::clone(&world), account.clone());
        tokio::spawn(async move { workspace(&world, &account, "").await })
    });
    let mut made = 0;
    for task in tasks.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Ok(_) => made += 1,
            refused => reached(refused, "workspaces", 3),
        }
    }
    assert_eq!(made, 3);
}
