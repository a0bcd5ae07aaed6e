//! Who may do what on one target.

use bailiwick_proto::authorization::v1::{self as pb, query_service_server::QueryService};
use bailiwick_types::{Scope, Subject};
use tonic::{Code, Status};

use crate::{
    desk::*,
    support::{World, account, group, user, user_id, workspace},
};

bailiwick_testkit::on_both_engines! {
    a_matrix_is_what_lists_of_permissions_say_for_everybody
}

impl Desk {
    async fn matrix(
        &self,
        by: &Subject,
        target: &str,
        size: i32,
    ) -> Result<Vec<pb::SubjectPermissions>, Status> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let message = pb::ListSubjectPermissionsRequest {
                account: account(1).to_string(),
                target: target.into(),
                page_size: size,
                page_token,
                consistency: fully(),
            };
            let request = of(by, None, "QueryService/ListSubjectPermissions", message);
            let page = self.queries.list_subject_permissions(request).await?.into_inner();
            assert!(page.subjects.len() <= usize::try_from(size).unwrap() && page.revision > 0);
            all.extend(page.subjects);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            page_token = page.next_page_token;
        }
    }
}

async fn a_matrix_is_what_lists_of_permissions_say_for_everybody(world: World) {
    let desk = desk(world).await;
    let a = account(1);
    let (whole, inner) = (Scope::Account(a), Scope::Workspace(workspace(1)));
    let robot: Subject = "service:robot".parse().unwrap();
    let mut write = desk.world.write(a).await;
    for n in 2..=6 {
        write.member(user_id(n)).await;
    }
    write.bind(&user(2), "editor", &inner).await;
    write.bind(&robot, "editor", &whole).await;
    // No member: without membership no permission.
    write.bind(&user(9), "editor", &whole).await;
    write.group(group(1)).await;
    write.join(group(1), &user(3)).await;
    write
        .grant_on(&Subject::group(group(1)), r#"["note.view"]"#, "note", "n1")
        .await;
    write.bind(&user(4), "handler", &whole).await;
    let mine = format!(r#"{{"assignee": "{}"}}"#, user(4));
    write.resource("note", "n1", &whole, None, &mine).await;
    write.resource("note", "n2", &inner, None, "{}").await;
    write.commit().await;
    let both = ["note.edit", "note.view"].map(str::to_owned).to_vec();
    let view = vec!["note.view".to_owned()];
    for (target, expected) in [
        (
            "note:n1",
            vec![
                (user(1), &both),
                (user(3), &view),
                (user(4), &view),
                (robot.clone(), &both),
            ],
        ),
        (
            "note:n2",
            vec![(user(1), &both), (user(2), &both), (robot.clone(), &both)],
        ),
        (
            &*whole.to_string(),
            vec![(user(1), &both), (robot.clone(), &both)],
        ),
    ] {
        let expected: Vec<(String, Vec<String>)> = expected
            .into_iter()
            .map(|(who, what)| (who.to_string(), what.clone()))
            .collect();
        for size in [1, 2, 50] {
            let rows = desk.matrix(&boss(), target, size).await.unwrap();
            let rows: Vec<(String, Vec<String>)> = rows
                .into_iter()
                .map(|row| (row.subject, row.permissions))
                .collect();
            assert_eq!(rows, expected, "{target} {size}");
        }
    }
    // Whoever may not look at the users of the place learns nothing, not even whether the target is there.
    for target in ["note:n1", "note:gone"] {
        let denied = desk.matrix(&asker(), target, 50).await.unwrap_err();
        assert_eq!(denied.code(), Code::PermissionDenied, "{target}");
    }
    let gone = desk.matrix(&boss(), "note:gone", 50).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}
