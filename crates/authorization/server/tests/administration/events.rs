//! What the feed carries for mails and for the audit log.

use bailiwick_authorization_core::{
    On,
    approval::{approve::Approve, consume::Consume, request::Request},
    resource::register::{Owner, Register},
};
use bailiwick_authorization_server::Snapshot;
use bailiwick_feed::SnapshotSource;
use bailiwick_proto::events::v1::{ApprovalChanged, ApprovalState, change::Change};
use bailiwick_types::Subject;
use serde_json::Map;

use crate::world::{World, name, register};

/// The requests for approvals in the snapshot that a new follower reads.
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

async fn an_approval_is_published_with_all_that_a_mail_needs(world: World) {
    let account = world.account("iservice", None, 10).await;
    let branch = world.instance(account).await;
    let csr = world.member("csr@example.com", account).await;
    let lead = world.member("lead@example.com", account).await;
    let op = world.operator();
    for (user, role) in [(csr, "qa_csr"), (lead, "qa_manager")] {
        world.assign(&op, account, (user, role, &branch)).await.unwrap();
    }
    let register = Register {
        owner: Owner::Nobody,
        title: "Hello".to_owned(),
        attributes: Map::from_iter([("assignee".to_owned(), csr.to_string().into())]),
        ..register("message:m1", &branch)
    };
    world.run(&op, account, register).await.unwrap();
    let start = world.db.feed().settled_head().await.unwrap();
    let on = On::Resource(name("message:m1"));
    let request = Request {
        permission: "message.answer".to_owned(),
        on: on.clone(),
        digest: "sha256:1".to_owned(),
        attributes: Map::new(),
    };
    let (by_csr, by_lead) = (world.by(csr, account), world.by(lead, account));
    let made = world.run(&by_csr, account, request).await.unwrap();
    let told = waiting(&world).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].approval, made.id.to_string());
    let approve = Approve { approval: made.id };
    world.run(&by_lead, account, approve).await.unwrap();
    let consume = Consume {
        subject: Subject::user(csr),
        permission: "message.answer".to_owned(),
        on,
        digest: "sha256:1".to_owned(),
        attributes: Default::default(),
    };
    let used = world.run(&by_csr, account, consume).await.unwrap();
    assert_eq!(used.map(|used| used.id), Some(made.id));
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
    // Its lifetime begins with the approval.
    assert!(first.create_time.is_some() && first.expire_time.is_none());
    assert_eq!(told[1].decider, Subject::user(lead).to_string());
    assert!(told[1].expire_time.is_some());
}

bailiwick_testkit::on_both_engines!(an_approval_is_published_with_all_that_a_mail_needs);
