use bailiwick_proto::{
    events::v1::change::Change,
    tenancy::v1::{
        self as pb, account_service_server::AccountService, instance_service_server::InstanceService,
        workspace_service_server::WorkspaceService,
    },
};
use tonic::Code;

use super::{
    on_both_engines,
    world::{World, as_user, operator, refusal, user},
};

on_both_engines! {
    an_instance_needs_an_edition_of_its_product
    a_misfit_tells_a_stranger_nothing
    the_right_is_asked_where_the_workspace_is_made
    places_are_told_with_what_lies_above_them
    what_is_not_empty_is_deleted_by_force_alone
    a_repeated_request_makes_one_workspace
    a_place_of_one_account_is_not_found_in_another
    a_title_is_changed_with_the_etag_that_was_read
}

fn create_instance(account: &str, edition: &str) -> pb::CreateInstanceRequest {
    pb::CreateInstanceRequest {
        account: account.to_owned(),
        title: "Bar".to_owned(),
        edition: edition.to_owned(),
        ..Default::default()
    }
}

const CREATE_INSTANCE: &str = "InstanceService/CreateInstance";
const CREATE_WORKSPACE: &str = "WorkspaceService/CreateWorkspace";

async fn an_instance_needs_an_edition_of_its_product(world: World) {
    let account = world.account("Hotel").await;
    world.allow(user(2), "instance.create", format!("account:{account}"));
    for (edition, good) in [("chs", true), ("", false), ("xyz", false)] {
        for (who, right) in [(user(2), true), (user(3), false)] {
            let request = as_user(who, &account, CREATE_INSTANCE, create_instance(&account, edition));
            let made = world.api.create_instance(request).await;
            match (good, right) {
                (true, true) => assert_eq!(made.unwrap().into_inner().instance.unwrap().edition, edition),
                (true, false) => assert_eq!(refusal(made).0, Code::PermissionDenied),
                (false, _) => {
                    let (code, _, fields) = refusal(made);
                    assert_eq!(
                        (code, fields),
                        (Code::InvalidArgument, vec!["edition".to_owned()])
                    );
                }
            }
        }
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
        .unwrap();
    let club = club.into_inner().account.unwrap().account;
    let made = world
        .api
        .create_instance(operator(CREATE_INSTANCE, create_instance(&club, "")))
        .await;
    assert_eq!(refusal(made).0, Code::InvalidArgument);
}

async fn a_misfit_tells_a_stranger_nothing(world: World) {
    let (own, other) = (world.account("A").await, world.account("B").await);
    let nowhere = bailiwick_types::AccountId::from_uuid(uuid::Uuid::from_u128(99)).to_string();
    for account in [other, nowhere] {
        let request = as_user(user(2), &own, CREATE_INSTANCE, create_instance(&account, "xyz"));
        assert_eq!(
            refusal(world.api.create_instance(request).await).0,
            Code::PermissionDenied
        );
    }
}

async fn the_right_is_asked_where_the_workspace_is_made(world: World) {
    let account = world.account("A").await;
    let instance = world.instance(&account, "I").await;
    world.allow(user(2), "workspace.create", format!("instance:{instance}"));
    let make = |parent: String| {
        let request = pb::CreateWorkspaceRequest {
            account: account.clone(),
            parent,
            title: "W".to_owned(),
            ..Default::default()
        };
        world
            .api
            .create_workspace(as_user(user(2), &account, CREATE_WORKSPACE, request))
    };
    let made = make(format!("instance:{instance}"))
        .await
        .unwrap()
        .into_inner()
        .workspace
        .unwrap();
    assert_eq!(made.parent, format!("instance:{instance}"));
    assert_eq!(refusal(make(String::new()).await).0, Code::PermissionDenied);
    assert_eq!(
        refusal(make(format!("account:{account}")).await).0,
        Code::PermissionDenied
    );
    let other = world.account("B").await;
    for bad in [
        format!("account:{other}"),
        "workspace:x".to_owned(),
        "deployment".to_owned(),
    ] {
        assert_eq!(refusal(make(bad).await).2, ["parent"]);
    }
    let gone = bailiwick_types::InstanceId::from_uuid(uuid::Uuid::from_u128(9));
    let request = pb::CreateWorkspaceRequest {
        account: account.clone(),
        parent: format!("instance:{gone}"),
        title: "W".to_owned(),
        ..Default::default()
    };
    assert_eq!(
        refusal(
            world
                .api
                .create_workspace(operator(CREATE_WORKSPACE, request))
                .await
        )
        .0,
        Code::NotFound
    );
}

async fn places_are_told_with_what_lies_above_them(world: World) {
    let account = world.account("A").await;
    let instance = world.instance(&account, "I").await;
    let workspace = world
        .workspace(&account, &format!("instance:{instance}"), "W")
        .await;
    let feed = world.feed().await;
    let told: Vec<_> = feed
        .iter()
        .flat_map(|(_, revision, changes)| changes.iter().map(move |change| (*revision, change)))
        .filter_map(|(revision, change)| match change {
            Change::PlaceChanged(told) => {
                Some((revision, told.scope.clone(), told.parent.clone(), told.version))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [
            (2, format!("instance:{instance}"), format!("account:{account}"), 1),
            (
                3,
                format!("workspace:{workspace}"),
                format!("instance:{instance}"),
                1
            ),
        ]
    );
}

async fn what_is_not_empty_is_deleted_by_force_alone(world: World) {
    let account = world.account("A").await;
    let instance = world.instance(&account, "I").await;
    let workspace = world
        .workspace(&account, &format!("instance:{instance}"), "W")
        .await;
    let delete_instance = |force| {
        let request = pb::DeleteInstanceRequest {
            account: account.clone(),
            instance: instance.clone(),
            force,
            ..Default::default()
        };
        world
            .api
            .delete_instance(operator("InstanceService/DeleteInstance", request))
    };
    let delete_account = |force| {
        let request = pb::DeleteAccountRequest {
            account: account.clone(),
            force,
            ..Default::default()
        };
        world
            .api
            .delete_account(operator("AccountService/DeleteAccount", request))
    };
    let get = || {
        let request = pb::GetWorkspaceRequest {
            account: account.clone(),
            workspace: workspace.clone(),
        };
        world
            .api
            .get_workspace(operator("WorkspaceService/GetWorkspace", request))
    };
    let (code, reason, _) = refusal(delete_instance(false).await);
    assert_eq!((code, reason.as_str()), (Code::FailedPrecondition, "NOT_EMPTY"));
    assert_eq!(refusal(delete_account(false).await).1, "NOT_EMPTY");
    assert!(get().await.is_ok());
    delete_instance(true).await.unwrap();
    assert_eq!(refusal(get().await).0, Code::NotFound);
    assert_eq!(refusal(delete_instance(true).await).0, Code::NotFound);
    // What lay in the instance is gone with it: the account is empty.
    delete_account(false).await.unwrap();
    assert_eq!(refusal(delete_account(false).await).0, Code::NotFound);
    let told = world.told.closed.lock().unwrap();
    let scopes: Vec<_> = told
        .iter()
        .map(|(closing, _)| (closing.scope.to_string(), closing.deletes()))
        .collect();
    assert_eq!(
        scopes,
        [
            (format!("instance:{instance}"), true),
            (format!("account:{account}"), true)
        ]
    );
}

async fn a_repeated_request_makes_one_workspace(world: World) {
    let account = world.account("A").await;
    let request = pb::CreateWorkspaceRequest {
        account: account.clone(),
        title: "W".to_owned(),
        request_id: uuid::Uuid::from_u128(5).to_string(),
        ..Default::default()
    };
    let first = world
        .api
        .create_workspace(operator(CREATE_WORKSPACE, request.clone()))
        .await
        .unwrap()
        .into_inner();
    let again = world
        .api
        .create_workspace(operator(CREATE_WORKSPACE, request.clone()))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(first, again);
    // The id is the caller's: somebody else's is another.
    world.allow(user(2), "workspace.create", format!("account:{account}"));
    let theirs = world
        .api
        .create_workspace(as_user(user(2), &account, CREATE_WORKSPACE, request))
        .await;
    assert_ne!(theirs.unwrap().into_inner().workspace, first.workspace);
}

async fn a_place_of_one_account_is_not_found_in_another(world: World) {
    let (a, b) = (world.account("A").await, world.account("B").await);
    let workspace = world.workspace(&a, "", "W").await;
    let request = pb::GetWorkspaceRequest {
        account: b.clone(),
        workspace: workspace.clone(),
    };
    let read = world
        .api
        .get_workspace(operator("WorkspaceService/GetWorkspace", request))
        .await;
    assert_eq!(refusal(read).0, Code::NotFound);
    let request = pb::UpdateWorkspaceRequest {
        account: b,
        workspace,
        changes: Some(pb::Workspace {
            title: "X".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let changed = world
        .api
        .update_workspace(operator("WorkspaceService/UpdateWorkspace", request))
        .await;
    assert_eq!(refusal(changed).0, Code::NotFound);
}

async fn a_title_is_changed_with_the_etag_that_was_read(world: World) {
    let account = world.account("A").await;
    let instance = world.instance(&account, "I").await;
    let rename = |title: &str, etag: &str| {
        let request = pb::UpdateInstanceRequest {
            account: account.clone(),
            instance: instance.clone(),
            changes: Some(pb::Instance {
                title: title.to_owned(),
                ..Default::default()
            }),
            etag: etag.to_owned(),
            ..Default::default()
        };
        world
            .api
            .update_instance(operator("InstanceService/UpdateInstance", request))
    };
    let changed = rename("J", "1").await.unwrap().into_inner().instance.unwrap();
    assert_eq!(
        (
            changed.title.as_str(),
            changed.etag.as_str(),
            changed.edition.as_str()
        ),
        ("J", "2", "chs")
    );
    assert_eq!(refusal(rename("K", "1").await).1, "ETAG_MISMATCH");
    assert_eq!(refusal(rename("", "").await).0, Code::InvalidArgument);
}
