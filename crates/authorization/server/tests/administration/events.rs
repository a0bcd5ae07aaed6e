//! What the feed tells those who mail and those who audit.

use bailiwick_authorization_core::{
    On,
    use_case::{
        approve::{self, Verdict},
        consume_approval, register_resource, request_approval,
    },
};
use bailiwick_authorization_server::Snapshot;
use bailiwick_feed::SnapshotSource;
use bailiwick_proto::events::v1::{ApprovalChanged, ApprovalState, change::Change};
use bailiwick_types::Subject;
use serde_json::Map;

use crate::world::World;

/// The requests for approvals that a new follower is told.
async fn waiting(world: &World) -> Vec<ApprovalChanged> {
    let source = Snapshot::new(world.db.clone());
    let (mut found, mut from) = (Vec::new(), None);
    loop {
        let page = source.page(from.as_deref()).await.unwrap();
        found.extend(page.changes.into_iter().filter_map(|change| match change {
            Change::ApprovalChanged(changed) => Some(changed),
            _ => None,
        }));
        match page.next {
            Some(next) => from = Some(next),
            None => return found,
        }
    }
}

async fn a_request_for_an_approval_is_told_with_all_that_a_mail_says(world: World) {
    let account = world.account("iservice", None, 10).await;
    let branch = world.instance(account).await;
    let csr = world.member("csr@example.com", account).await;
    let lead = world.member("lead@example.com", account).await;
    let op = world.operator();
    world
        .assign(&op, account, (csr, "qa_csr", &branch))
        .await
        .unwrap();
    world
        .assign(&op, account, (lead, "qa_manager", &branch))
        .await
        .unwrap();
    let command = register_resource::Command {
        account,
        name: "message:m1".parse().unwrap(),
        scope: branch.clone(),
        owner: register_resource::Owner::Nobody,
        parent: None,
        title: "Hello".to_owned(),
        attributes: Map::from_iter([("assignee".to_owned(), csr.to_string().into())]),
    };
    register_resource::execute(&world.ports, &op, command)
        .await
        .unwrap();
    let start = world.db.feed().settled_head().await.unwrap();
    let on = On::Resource("message:m1".parse().unwrap());
    let ask = request_approval::Command {
        account,
        permission: "message.answer".to_owned(),
        on: on.clone(),
        digest: "sha256:1".to_owned(),
        attributes: Map::new(),
    };
    let (made, _) = request_approval::execute(&world.ports, &world.by(csr, account), ask)
        .await
        .unwrap();
    let told = waiting(&world).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].approval, made.id.to_string());
    let approve = approve::Command {
        account,
        approval: made.id,
        verdict: Verdict::Approve,
    };
    approve::execute(&world.ports, &world.by(lead, account), approve)
        .await
        .unwrap();
    let consume = consume_approval::Command {
        account,
        subject: Subject::user(csr),
        permission: "message.answer".to_owned(),
        on,
        digest: "sha256:1".to_owned(),
    };
    consume_approval::execute(&world.ports, &world.by(csr, account), consume)
        .await
        .unwrap();
    assert_eq!(waiting(&world).await, [], "nothing waits any more");

    world.db.feed().settled_head().await.unwrap();
    let batch = world.db.feed().read(&start, 100).await.unwrap();
    let events = batch.rows.iter().flat_map(|row| &row.changes);
    let told: Vec<ApprovalChanged> = events
        .filter_map(|event| match bailiwick_feed::decode(event).unwrap().change {
            Some(Change::ApprovalChanged(changed)) => Some(changed),
            _ => None,
        })
        .collect();
    let steps: Vec<_> = told.iter().map(|of| (of.version, of.state())).collect();
    assert_eq!(
        steps,
        [
            (1, ApprovalState::Pending),
            (2, ApprovalState::Approved),
            (3, ApprovalState::Consumed)
        ]
    );
    let first = &told[0];
    assert_eq!(
        (
            &*first.account,
            &*first.requester,
            &*first.permission,
            &*first.target
        ),
        (
            &*account.to_string(),
            &*Subject::user(csr).to_string(),
            "message.answer",
            "message:m1"
        )
    );
    assert_eq!(
        (&*first.digest, &*first.approved_by, first.once, &*first.decider),
        ("sha256:1", "proposed_answer.approve", true, "")
    );
    // How long it is good for is counted from the approval.
    assert!(first.create_time.is_some() && first.expire_time.is_none());
    assert_eq!(told[1].decider, Subject::user(lead).to_string());
    assert!(told[1].expire_time.is_some());
}

bailiwick_testkit::on_both_engines!(a_request_for_an_approval_is_told_with_all_that_a_mail_says);
