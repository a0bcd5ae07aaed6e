use std::sync::atomic::Ordering;

use bailiwick_proto::tenancy::v1::{
    self as pb, account_service_server::AccountService, instance_service_server::InstanceService,
    workspace_service_server::WorkspaceService,
};
use bailiwick_types::UserId;
use tonic::Code;

use super::{
    on_both_engines,
    world::{World, as_user, operator, refusal, user, without_account},
};

on_both_engines! {
    workspaces_are_searched_sorted_and_paged
    only_what_the_caller_may_view_is_listed_and_pages_are_full
    a_page_token_is_of_its_list_alone
    pages_go_on_while_workspaces_come_and_go
    the_operator_lists_all_accounts_and_a_member_its_own
    workspaces_are_listed_by_what_they_lie_in
    a_stranger_is_answered_before_anything_is_asked_about_what_is_there
}

const LIST: &str = "WorkspaceService/ListWorkspaces";

/// Titles of all pages, in order; the number of pages.
async fn titles(
    world: &World,
    who: Option<UserId>,
    request: pb::ListWorkspacesRequest,
) -> (Vec<String>, usize) {
    let (mut found, mut pages, mut page_token) = (Vec::new(), 0, String::new());
    loop {
        let page = pb::ListWorkspacesRequest {
            page_token,
            ..request.clone()
        };
        let call = match who {
            Some(who) => as_user(who, &request.account, LIST, page),
            None => operator(LIST, page),
        };
        let page = world.api.list_workspaces(call).await.unwrap().into_inner();
        pages += 1;
        assert!(
            page.next_page_token.is_empty()
                || page.workspaces.len() == usize::try_from(request.page_size).unwrap()
        );
        found.extend(page.workspaces.into_iter().map(|workspace| workspace.title));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return (found, pages);
        }
    }
}

fn list(account: &str, search: &str, order_by: &str, page_size: i32) -> pb::ListWorkspacesRequest {
    pb::ListWorkspacesRequest {
        account: account.to_owned(),
        search: search.to_owned(),
        order_by: order_by.to_owned(),
        page_size,
        ..Default::default()
    }
}

async fn workspaces_are_searched_sorted_and_paged(world: World) {
    let account = world.account("A").await;
    for title in ["cairo", "Athens", "Delphi", "Berlin", "ÉVORA", "athens", "100%_x"] {
        world.clock.advance(std::time::Duration::from_secs(1));
        world.workspace(&account, "", title).await;
    }
    let all = titles(&world, None, list(&account, "", "title", 2)).await;
    assert_eq!(
        all,
        (
            ["100%_x", "Athens", "athens", "Berlin", "cairo", "Delphi", "ÉVORA"]
                .map(str::to_owned)
                .to_vec(),
            4
        )
    );
    let back = titles(&world, None, list(&account, "", "title desc", 3)).await.0;
    assert_eq!(back, all.0.into_iter().rev().collect::<Vec<_>>());
    let made = titles(&world, None, list(&account, "", "", 2)).await.0;
    assert_eq!(made[..2], ["cairo", "Athens"].map(str::to_owned));
    let newest = titles(&world, None, list(&account, "", "create_time desc", 2))
        .await
        .0;
    assert_eq!(newest[..2], ["100%_x", "athens"].map(str::to_owned));
    for (search, found) in [
        ("E", vec!["Athens", "athens", "Berlin", "Delphi"]),
        ("évo", vec!["ÉVORA"]),
        ("%_", vec!["100%_x"]),
        ("_", vec!["100%_x"]),
        ("'; --", vec![]),
    ] {
        assert_eq!(
            titles(&world, None, list(&account, search, "title", 1)).await.0,
            found,
            "{search}"
        );
    }
}

async fn only_what_the_caller_may_view_is_listed_and_pages_are_full(world: World) {
    let account = world.account("A").await;
    let mut own = Vec::new();
    for n in 0..230 {
        let title = format!("w{n:03}");
        let workspace = world.workspace(&account, "", &title).await;
        if n % 50 == 7 {
            world.allow(user(2), "workspace.view", format!("workspace:{workspace}"));
            own.push(title);
        }
    }
    for size in [1, 2, 5] {
        assert_eq!(
            titles(&world, Some(user(2)), list(&account, "", "title", size))
                .await
                .0,
            own
        );
    }
    assert_eq!(
        titles(&world, Some(user(3)), list(&account, "", "title", 5)).await,
        (vec![], 1)
    );
    // A token for one account shows nothing of another, whatever its user may do there.
    let other = world.account("B").await;
    let there = world.workspace(&other, "", "theirs").await;
    world.allow(user(2), "workspace.view", format!("workspace:{there}"));
    let request = as_user(user(2), &account, LIST, list(&other, "", "", 0));
    let page = world.api.list_workspaces(request).await.unwrap().into_inner();
    assert_eq!((page.workspaces, page.next_page_token), (vec![], String::new()));
    let own = titles(&world, Some(user(2)), list(&other, "", "", 5)).await.0;
    assert_eq!(own, ["theirs"]);
}

async fn a_page_token_is_of_its_list_alone(world: World) {
    let account = world.account("A").await;
    for title in ["a", "b", "c"] {
        world.workspace(&account, "", title).await;
    }
    let first = world
        .api
        .list_workspaces(operator(LIST, list(&account, "", "title", 1)))
        .await
        .unwrap()
        .into_inner();
    let token = first.next_page_token;
    for other in [
        list(&account, "", "title desc", 1),
        list(&account, "a", "title", 1),
        list(&world.account("B").await, "", "title", 1),
    ] {
        let request = pb::ListWorkspacesRequest {
            page_token: token.clone(),
            ..other
        };
        let (code, reason, _) = refusal(world.api.list_workspaces(operator(LIST, request)).await);
        assert_eq!(
            (code, reason.as_str()),
            (Code::InvalidArgument, "INVALID_PAGE_TOKEN")
        );
    }
    let bad = [
        (list(&account, "", "state", 1), "order_by"),
        (list(&account, "", "", -1), "page_size"),
        (list(&account, "a\0b", "", 1), "search"),
    ];
    for (request, field) in bad {
        assert_eq!(
            refusal(world.api.list_workspaces(operator(LIST, request)).await).2,
            [field]
        );
    }
}

async fn pages_go_on_while_workspaces_come_and_go(world: World) {
    let account = world.account("A").await;
    let mut ids = Vec::new();
    for title in ["b", "d", "f", "h"] {
        ids.push(world.workspace(&account, "", title).await);
    }
    let request = list(&account, "", "title", 2);
    let first = world
        .api
        .list_workspaces(operator(LIST, request.clone()))
        .await
        .unwrap()
        .into_inner();
    // The last row of the page goes, one comes before it and one behind.
    let delete = pb::DeleteWorkspaceRequest {
        account: account.clone(),
        workspace: ids[1].clone(),
        ..Default::default()
    };
    world
        .api
        .delete_workspace(operator("WorkspaceService/DeleteWorkspace", delete))
        .await
        .unwrap();
    world.workspace(&account, "", "a").await;
    world.workspace(&account, "", "g").await;
    let request = pb::ListWorkspacesRequest {
        page_token: first.next_page_token,
        page_size: 10,
        ..request
    };
    let rest = world
        .api
        .list_workspaces(operator(LIST, request))
        .await
        .unwrap()
        .into_inner();
    let rest: Vec<_> = rest.workspaces.into_iter().map(|w| w.title).collect();
    assert_eq!(rest, ["f", "g", "h"]);
}

async fn the_operator_lists_all_accounts_and_a_member_its_own(world: World) {
    let mut ids = Vec::new();
    for title in ["one", "two", "three"] {
        ids.push(world.account(title).await);
    }
    let request = pb::ListAccountsRequest {
        order_by: "title".to_owned(),
        page_size: 2,
        ..Default::default()
    };
    let first = world
        .api
        .list_accounts(operator("AccountService/ListAccounts", request.clone()))
        .await
        .unwrap()
        .into_inner();
    let shown: Vec<_> = first.accounts.iter().map(|a| a.title.as_str()).collect();
    assert_eq!(shown, ["one", "three"]);
    let rest = pb::ListAccountsRequest {
        page_token: first.next_page_token,
        ..request.clone()
    };
    let rest = world
        .api
        .list_accounts(operator("AccountService/ListAccounts", rest))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((rest.accounts.len(), rest.next_page_token.as_str()), (1, ""));
    let of_club = pb::ListAccountsRequest {
        product: "club".to_owned(),
        ..request.clone()
    };
    let none = world
        .api
        .list_accounts(operator("AccountService/ListAccounts", of_club))
        .await
        .unwrap()
        .into_inner();
    assert!(none.accounts.is_empty());
    for (account, may) in [(&ids[0], true), (&ids[1], false)] {
        if may {
            world.allow(user(2), "account.view", format!("account:{account}"));
        }
        let call = as_user(user(2), account, "AccountService/ListAccounts", request.clone());
        let own = world.api.list_accounts(call).await.unwrap().into_inner();
        assert_eq!(own.accounts.len(), usize::from(may));
    }
}

async fn workspaces_are_listed_by_what_they_lie_in(world: World) {
    let account = world.account("A").await;
    let instance = world.instance(&account, "I").await;
    world.workspace(&account, "", "top").await;
    world
        .workspace(&account, &format!("instance:{instance}"), "inner")
        .await;
    for (parent, found) in [
        (String::new(), vec!["inner", "top"]),
        (format!("account:{account}"), vec!["top"]),
        (format!("instance:{instance}"), vec!["inner"]),
    ] {
        let request = pb::ListWorkspacesRequest {
            parent,
            ..list(&account, "", "title", 10)
        };
        assert_eq!(titles(&world, None, request).await.0, found);
    }
    let request = pb::ListInstancesRequest {
        account,
        ..Default::default()
    };
    let instances = world
        .api
        .list_instances(operator("InstanceService/ListInstances", request))
        .await
        .unwrap();
    assert_eq!(instances.into_inner().instances.len(), 1);
}

async fn a_stranger_is_answered_before_anything_is_asked_about_what_is_there(world: World) {
    let account = world.account("A").await;
    world.instance(&account, "I").await;
    world.workspace(&account, "", "W").await;
    let asked = || world.rights.asked.swap(0, Ordering::SeqCst);
    asked();
    let request = pb::ListInstancesRequest {
        account: account.clone(),
        ..Default::default()
    };
    let call = without_account(user(7), "InstanceService/ListInstances", request);
    let shown = world.api.list_instances(call).await.unwrap().into_inner();
    assert_eq!(shown, pb::ListInstancesResponse::default());
    let call = without_account(user(7), LIST, list(&account, "", "title", 10));
    let shown = world.api.list_workspaces(call).await.unwrap().into_inner();
    assert_eq!(shown, pb::ListWorkspacesResponse::default());
    assert_eq!(
        asked(),
        0,
        "an account that is not there has nothing to ask about"
    );
}
