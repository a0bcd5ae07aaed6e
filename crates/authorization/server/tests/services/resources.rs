//! Which resources somebody may do something on.

use std::collections::BTreeSet;

use bailiwick_proto::authorization::v1::{self as pb, query_service_server::QueryService};
use bailiwick_rpc::Context;
use bailiwick_types::{Scope, Subject};
use tonic::{Code, Status};

use crate::{
    desk::*,
    support::{World, account, user, user_id, workspace},
};

bailiwick_testkit::on_both_engines! {
    a_list_of_resources_is_what_checks_allow_page_by_page
    a_list_of_resources_is_for_those_who_may_ask_and_fits_the_manifest
    a_page_of_resources_ends_where_the_deadline_comes
}

/// A page of `note.view` in the first account, for the first user.
pub(crate) fn notes(size: i32, page_token: &str) -> pb::ListResourcesRequest {
    pb::ListResourcesRequest {
        account: account(1).to_string(),
        subject: user(1).to_string(),
        permission: "note.view".into(),
        r#type: "note".into(),
        page_size: size,
        page_token: page_token.into(),
        ..Default::default()
    }
}

impl Desk {
    pub(crate) async fn resources(
        &self,
        by: &Subject,
        message: pb::ListResourcesRequest,
    ) -> Result<pb::ListResourcesResponse, Status> {
        let request = of(by, None, "QueryService/ListResources", message);
        Ok(self.queries.list_resources(request).await?.into_inner())
    }
    pub(crate) async fn all_resources(
        &self,
        size: i32,
        mut message: pb::ListResourcesRequest,
    ) -> Vec<String> {
        message.page_size = size;
        let mut all = Vec::new();
        loop {
            let page = self.resources(&asker(), message.clone()).await.unwrap();
            assert!(page.resources.len() <= usize::try_from(size).unwrap());
            assert!(page.revision > 0);
            all.extend(page.resources);
            if page.next_page_token.is_empty() {
                return all;
            }
            message.page_token = page.next_page_token;
        }
    }
}

async fn a_list_of_resources_is_what_checks_allow_page_by_page(world: World) {
    let desk = desk(world).await;
    let (a, whole, part) = (
        account(1),
        Scope::Account(account(1)),
        Scope::Workspace(workspace(1)),
    );
    let mut write = desk.world.write(a).await;
    write.member(user_id(2)).await;
    write.bind(&user(2), "editor", &part).await;
    write.bind(&user(2), "handler", &whole).await;
    // More than are read at a time, of which few are the second user's: those of the workspace, and one in 50
    // by the condition on what is stored.
    for n in 0..1_203 {
        let scope = if n % 100 == 7 { &part } else { &whole };
        let assignee = if n % 50 == 0 { user(2) } else { user(3) };
        let attributes = format!("{{\"assignee\": \"{assignee}\"}}");
        write
            .resource("note", &format!("n{n}"), scope, None, &attributes)
            .await;
    }
    write.resource("folder", "n1", &part, None, "{}").await;
    write.commit().await;
    desk.replica.poll().await.unwrap();
    for (subject, expected) in [(user(1), 1_203), (user(2), 12 + 25), (user(3), 0)] {
        let message = pb::ListResourcesRequest {
            subject: subject.to_string(),
            ..notes(0, "")
        };
        let found = desk.all_resources(1_000, message.clone()).await;
        assert_eq!(found.len(), expected, "{subject}");
        assert_eq!(
            found.iter().collect::<BTreeSet<_>>().len(),
            expected,
            "twice: {found:?}"
        );
        if expected > 0 && expected < 100 {
            assert_eq!(desk.all_resources(1, message.clone()).await, found);
            assert_eq!(desk.all_resources(5, message).await, found);
        }
        for n in [0, 7, 50, 99, 107, 600, 1_202] {
            let target = format!("note:n{n}");
            let asked = desk
                .check(&asker(), check(a, &subject, "note.view", &target))
                .await
                .unwrap();
            assert_eq!(
                found.contains(&target),
                asked.decision() == pb::Decision::Allow,
                "{subject} {target}"
            );
        }
    }
    // What the caller says of the notes counts where the manifest lets it.
    let spam = prost_types::Value {
        kind: Some(prost_types::value::Kind::BoolValue(true)),
    };
    let message = pb::ListResourcesRequest {
        subject: user(2).to_string(),
        permission: "note.delete".into(),
        attributes: Some(prost_types::Struct {
            fields: [("spam".to_owned(), spam)].into(),
        }),
        ..notes(0, "")
    };
    assert_eq!(desk.all_resources(400, message).await.len(), 1_203);
    // A change between two pages is seen by the second.
    let first = desk.resources(&asker(), notes(600, "")).await.unwrap();
    let mut write = desk.world.write(a).await;
    write.unbind(&user(1)).await;
    write.commit().await;
    let next = pb::ListResourcesRequest {
        consistency: fully(),
        ..notes(600, &first.next_page_token)
    };
    let next = desk.resources(&asker(), next).await.unwrap();
    assert!(next.resources.is_empty() && next.revision > first.revision);
}

async fn a_list_of_resources_is_for_those_who_may_ask_and_fits_the_manifest(world: World) {
    let desk = desk(world).await;
    let mut write = desk.world.write(account(1)).await;
    for n in 0..3 {
        write
            .resource("note", &format!("n{n}"), &Scope::Account(account(1)), None, "{}")
            .await;
    }
    write.commit().await;
    desk.replica.poll().await.unwrap();
    let stranger: Subject = "service:other".parse().unwrap();
    for message in [
        notes(0, ""),
        pb::ListResourcesRequest {
            account: account(77).to_string(),
            ..notes(0, "")
        },
    ] {
        let denied = desk.resources(&stranger, message).await.unwrap_err();
        assert_eq!(denied.code(), Code::PermissionDenied);
    }
    for message in [
        pb::ListResourcesRequest {
            permission: "note.fly".into(),
            ..notes(0, "")
        },
        pb::ListResourcesRequest {
            r#type: "cloud".into(),
            ..notes(0, "")
        },
        pb::ListResourcesRequest {
            r#type: "folder".into(),
            ..notes(0, "")
        },
        notes(-1, ""),
        notes(0, "nonsense"),
    ] {
        let refused = desk.resources(&asker(), message.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{message:?}");
    }
    // A page token goes on with the list that it is of, and no other.
    let first = desk.resources(&asker(), notes(2, "")).await.unwrap();
    assert_eq!(first.resources, ["note:n0", "note:n1"]);
    let other = pb::ListResourcesRequest {
        subject: user(2).to_string(),
        ..notes(2, &first.next_page_token)
    };
    let refused = desk.resources(&asker(), other).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let last = desk
        .resources(&asker(), notes(2, &first.next_page_token))
        .await
        .unwrap();
    assert_eq!(
        (last.resources, last.next_page_token),
        (vec!["note:n2".to_owned()], String::new())
    );
}

async fn a_page_of_resources_ends_where_the_deadline_comes(world: World) {
    let desk = desk(world).await;
    let mut write = desk.world.write(account(1)).await;
    for n in 0..1_100 {
        write
            .resource("note", &format!("n{n}"), &Scope::Account(account(1)), None, "{}")
            .await;
    }
    write.member(user_id(2)).await;
    write.commit().await;
    desk.replica.poll().await.unwrap();
    // Nobody's list: every candidate has to be looked at. However short the deadline, the list gets to its
    // end.
    let message = pb::ListResourcesRequest {
        subject: user(2).to_string(),
        ..notes(0, "")
    };
    let (mut token, mut pages, mut patience) = (String::new(), 0, std::time::Duration::from_millis(4));
    loop {
        let mut request = of(
            &asker(),
            None,
            "QueryService/ListResources",
            pb::ListResourcesRequest {
                page_token: token.clone(),
                ..message.clone()
            },
        );
        let context = request.extensions_mut().get_mut::<Context>().unwrap();
        context.deadline = Some(tokio::time::Instant::now() + patience);
        match desk.queries.list_resources(request).await {
            Ok(page) => {
                let page = page.into_inner();
                assert!(page.resources.is_empty());
                pages += 1;
                if page.next_page_token.is_empty() {
                    break;
                }
                assert_ne!(page.next_page_token, token, "no progress");
                token = page.next_page_token;
            }
            Err(error) => {
                assert!(
                    matches!(error.code(), Code::DeadlineExceeded | Code::ResourceExhausted),
                    "{error:?}"
                );
                patience *= 2;
            }
        }
    }
    assert!(pages >= 1);
}
