//! What somebody has, where, and who has it.

use std::collections::BTreeSet;

use bailiwick_proto::authorization::v1::{self as pb, query_service_server::QueryService};
use bailiwick_types::{Scope, Subject};
use tonic::{Code, Status};

use crate::{
    desk::*,
    support::{World, account, group, user, user_id, workspace},
};

bailiwick_testkit::on_both_engines! {
    a_list_of_permissions_is_what_checks_allow
    a_list_of_scopes_goes_over_all_accounts_page_by_page
    a_list_of_subjects_holds_who_reaches_a_scope
}

impl Desk {
    async fn scopes(&self, by: &Subject, size: i32, permission: &str) -> Result<Vec<String>, Status> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let message = pb::ListScopesRequest {
                subject: user(1).to_string(),
                permission: permission.into(),
                page_size: size,
                page_token,
                ..Default::default()
            };
            let request = of(by, None, "QueryService/ListScopes", message);
            let page = self.queries.list_scopes(request).await?.into_inner();
            assert!(page.scopes.len() <= usize::try_from(size).unwrap());
            let named = |scope: &pb::HeldScope| !scope.title.is_empty() && !scope.account_title.is_empty();
            assert!(page.scopes.iter().all(named));
            all.extend(page.scopes.into_iter().map(|scope| scope.scope));
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            page_token = page.next_page_token;
        }
    }
    async fn subjects(&self, scope: &str, size: i32) -> Vec<(String, Vec<String>)> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let message = pb::ListSubjectsRequest {
                account: account(1).to_string(),
                scope: scope.into(),
                page_size: size,
                page_token,
                ..Default::default()
            };
            let request = of(&boss(), None, "QueryService/ListSubjects", message);
            let page = self.queries.list_subjects(request).await.unwrap().into_inner();
            all.extend(
                page.subjects
                    .into_iter()
                    .map(|access| (access.subject, access.roles)),
            );
            if page.next_page_token.is_empty() {
                return all;
            }
            page_token = page.next_page_token;
        }
    }
}

async fn a_list_of_permissions_is_what_checks_allow(world: World) {
    let desk = desk(world).await;
    let message = pb::ListPermissionsRequest {
        account: account(1).to_string(),
        subject: user(1).to_string(),
        target: format!("workspace:{}", workspace(1)),
        consistency: fully(),
    };
    let request = of(&asker(), None, "QueryService/ListPermissions", message);
    let held = desk.queries.list_permissions(request).await.unwrap().into_inner();
    assert_eq!(held.permissions, ["note.edit", "note.view"]);
    assert!(held.needing_approval.is_empty());
}

async fn a_list_of_scopes_goes_over_all_accounts_page_by_page(world: World) {
    let desk = desk(world).await;
    let expected: BTreeSet<String> = (1..=2)
        .flat_map(|n| {
            [
                format!("account:{}", account(n)),
                format!("workspace:{}", workspace(n)),
            ]
        })
        .collect();
    for size in [1, 2, 3, 50] {
        for permission in ["", "note.edit"] {
            let found = desk.scopes(&user(1), size, permission).await.unwrap();
            assert_eq!(found.len(), expected.len(), "{size} {permission} {found:?}");
            assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
        }
    }
    assert!(desk.scopes(&user(1), 50, "note.delete").await.unwrap().is_empty());
    // Of a product that has no such permission nothing can be said.
    for size in [1, 50] {
        let unknown = desk.scopes(&user(1), size, "note.deleet").await.unwrap_err();
        assert_eq!(unknown.code(), Code::InvalidArgument);
        assert!(unknown.message().contains("note.deleet"), "{unknown:?}");
    }
    let named = async |by: Subject, n, permission: &str| {
        let message = pb::ListScopesRequest {
            subject: user(1).to_string(),
            permission: permission.to_owned(),
            account: account(n).to_string(),
            ..Default::default()
        };
        let request = of(&by, None, "QueryService/ListScopes", message);
        desk.queries
            .list_scopes(request)
            .await
            .map(|page| page.into_inner().scopes.len())
    };
    assert_eq!(named(user(1), 1, "note.edit").await.unwrap(), 2);
    assert_eq!(named(user(1), 9, "note.edit").await.unwrap(), 0);
    // Whether there is such an account shows in nothing.
    for n in [1, 9] {
        assert_eq!(named(user(1), n, "note.deleet").await.unwrap(), 0, "{n}");
    }
    assert_eq!(desk.scopes(&boss(), 2, "").await.unwrap().len(), expected.len());
    assert_eq!(
        desk.scopes(&user(2), 2, "").await.unwrap_err().code(),
        Code::PermissionDenied
    );
}

async fn a_list_of_subjects_holds_who_reaches_a_scope(world: World) {
    let desk = desk(world).await;
    let a = account(1);
    let inner = Scope::Workspace(workspace(1));
    let mut write = desk.world.write(a).await;
    for n in 2..=4 {
        write.member(user_id(n)).await;
    }
    write.bind(&user(2), "editor", &inner).await;
    // No member: left out.
    write.bind(&user(5), "editor", &inner).await;
    write.group(group(1)).await;
    write.join(group(1), &user(3)).await;
    write.bind(&Subject::group(group(1)), "editor", &inner).await;
    write.bind(&user(1), "handler", &Scope::Account(a)).await;
    write.commit().await;
    let named = |subject: Subject, roles: &[&str]| {
        (
            subject.to_string(),
            roles.iter().map(|role| (*role).to_owned()).collect::<Vec<_>>(),
        )
    };
    let mut below = vec![
        named(Subject::group(group(1)), &["editor"]),
        named(user(1), &["editor", "handler"]),
        named(user(2), &["editor"]),
        named(user(3), &["editor"]),
    ];
    below.sort();
    for size in [1, 2, 50] {
        assert_eq!(desk.subjects(&inner.to_string(), size).await, below, "{size}");
        let above = desk.subjects(&Scope::Account(a).to_string(), size).await;
        assert_eq!(above, [named(user(1), &["editor", "handler"])]);
    }
    let message = pb::ListSubjectsRequest {
        account: a.to_string(),
        ..Default::default()
    };
    let request = of(&user(2), Some(a), "QueryService/ListSubjects", message);
    assert_eq!(
        desk.queries.list_subjects(request).await.unwrap_err().code(),
        Code::PermissionDenied
    );
}
