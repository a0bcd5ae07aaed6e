//! Operations on several people at once, invitations that are sent again, and approvals that wait.

use std::time::Duration;

use bailiwick_authorization_core::{
    On,
    approval::{approve::Approve, list_waiting::list_waiting, request::Request},
    follow::SettingsTold,
    invitation::{batch_create::BatchCreate, create::Create, resend::Resend},
    member::batch_remove::{BatchRemove, Counts},
    resource::register::{Owner, Register},
};
use bailiwick_policy::manifest::MemberKind;
use bailiwick_types::{AccountId, Code, Fault, Scope, Subject, Target, UserId};
use serde_json::{Map, json};

use crate::world::{World, code, name, reason, register, texts, version_of};

async fn pending(world: &World, account: AccountId) -> usize {
    let read = world.read(account).await;
    read.invitations(None, None, 100).await.unwrap().len()
}

/// An account with an administrator and a sub user.
async fn sogo(world: &World, seats: u32) -> (AccountId, UserId, UserId) {
    let account = world.account("sogolytics", None, seats).await;
    let boss = world.holder("boss@example.com", account, "administrator").await;
    let sam = world.holder("sam@example.com", account, "sub_user").await;
    (account, boss, sam)
}

fn code_and_fields<T: std::fmt::Debug>(refused: Result<T, impl Fault>) -> (Code, Vec<String>) {
    let error = refused.unwrap_err();
    let fields = error.violations().iter().map(|one| one.field.clone());
    (error.code(), fields.collect())
}

async fn people_are_invited_together_or_not_at_all(world: World) {
    let (account, boss, sam) = sogo(&world, 5).await;
    let (by, by_sam) = (world.by(boss, account), world.by(sam, account));
    let told = SettingsTold {
        account,
        version: version_of(1),
        values: [("allowed_domains".to_owned(), json!(["acme.example"]))].into(),
    };
    world.tell_settings(told).await;
    let invite = |role: &str, emails: &[&str]| BatchCreate {
        emails: emails.iter().map(|email| email.parse().unwrap()).collect(),
        kind: MemberKind::Agent,
        roles: vec![role.to_owned()],
        scope: Scope::Account(account),
    };
    let two = || invite("sub_user", &["a@acme.example", "b@acme.example"]);

    let refused = world.run(&by_sam, account, two()).await;
    assert_eq!(code(refused), Code::PermissionDenied);
    let unknown = invite("emperor", &["a@acme.example"]);
    let refused = world.run(&by, account, unknown).await;
    assert_eq!(reason(refused), "UNKNOWN_ROLE");
    let strangers = ["x@other.example", "a@acme.example", "y@other.example"];
    let error = world
        .run(&by, account, invite("sub_user", &strangers))
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "DOMAIN_NOT_ALLOWED");
    let (_, names) = code_and_fields::<()>(Err(error));
    assert_eq!(names, texts(&["emails[0]", "emails[2]"]));
    let four = ["a", "b", "c", "d"].map(|name| format!("{name}@acme.example"));
    let four = invite("sub_user", &four.each_ref().map(String::as_str));
    let refused = world.preview_all(&by, account, four).await;
    assert_eq!(
        code_and_fields(refused),
        (Code::ResourceExhausted, texts(&["emails[3]"]))
    );
    let (would, _) = world.preview_all(&by, account, two()).await.unwrap();
    assert_eq!(would.len(), 2);
    assert_eq!(pending(&world, account).await, 0, "it was a dry run");
    assert_eq!(world.run(&by, account, two()).await.unwrap().len(), 2);
    let again = invite("sub_user", &["c@acme.example", "B@acme.example"]);
    let refused = world.run(&by, account, again).await;
    assert_eq!(
        code_and_fields(refused),
        (Code::AlreadyExists, texts(&["emails[1]"]))
    );
    assert_eq!(
        pending(&world, account).await,
        2,
        "a refused batch invites nobody"
    );
}

async fn members_are_removed_together_or_not_at_all_and_never_all_admins(world: World) {
    let (account, boss, sam) = sogo(&world, 0).await;
    let ada = world.holder("ada@example.com", account, "administrator").await;
    let op = world.operator();
    let remove = |users: &[UserId]| BatchRemove {
        users: users.to_vec(),
    };
    let stranger = world.person("x@example.com").await;
    let refused = world.run(&world.by(sam, account), account, remove(&[ada])).await;
    assert_eq!(code(refused), Code::PermissionDenied);
    let refused = world.run(&op, account, remove(&[sam, stranger])).await;
    assert_eq!(code_and_fields(refused), (Code::NotFound, texts(&["users[1]"])));
    // One of the two administrators could go, both cannot.
    let refused = world.run(&op, account, remove(&[boss, sam, ada])).await;
    assert_eq!(reason(refused), "HOLDER_RULE");
    let two = Counts {
        members: 2,
        bindings: 2,
        grants: 0,
    };
    let would = world.preview_all(&op, account, remove(&[boss, sam])).await;
    assert_eq!(would.unwrap().0, two);
    let read = world.read(account).await;
    assert!(read.member(sam).await.unwrap().is_some());
    drop(read);
    let counts = world.run(&op, account, remove(&[boss, sam])).await;
    assert_eq!(counts.unwrap(), two);
    let read = world.read(account).await;
    assert_eq!(read.members(None, 10).await.unwrap().len(), 1);
    assert_eq!(read.bindings_of(&Subject::user(sam)).await.unwrap(), []);
}

async fn a_pending_invitation_that_is_sent_again_gets_a_new_lifetime(world: World) {
    let (account, boss, sam) = sogo(&world, 0).await;
    let by = world.by(boss, account);
    let create = Create {
        email: "new@example.com".parse().unwrap(),
        kind: MemberKind::Agent,
        roles: vec!["sub_user".to_owned()],
        scope: Scope::Account(account),
        request_id: None,
    };
    let made = world.run(&by, account, create).await.unwrap();
    let resend = || Resend { invitation: made.id };
    let refused = world.run(&world.by(sam, account), account, resend()).await;
    assert_eq!(code(refused), Code::PermissionDenied);
    world.clock.advance(Duration::from_hours(144));
    let sent = world.run(&by, account, resend()).await.unwrap();
    assert_eq!(sent.version, made.version + 1);
    assert!(sent.expires_at > made.expires_at);
    world.clock.advance(Duration::from_hours(192));
    let refused = world.run(&by, account, resend()).await;
    assert_eq!(reason(refused), "INVITATION_NOT_PENDING");
}

async fn requests_wait_for_those_who_could_approve_them_now_but_not_for_the_requester(world: World) {
    let (account, boss, sam) = sogo(&world, 0).await;
    let at = Scope::Account(account);
    let flow = world.holder("flow@example.com", account, "sub_user").await;
    let op = world.operator();
    let manager = (flow, "workflow_manager", &at);
    world.assign(&op, account, manager).await.unwrap();
    let mut asked = Vec::new();
    for (n, owner) in [sam, flow, sam, sam].into_iter().enumerate() {
        let project = format!("project:p{n}");
        let register = Register {
            owner: Owner::Is(Subject::user(owner)),
            ..register(&project, &at)
        };
        world.run(&op, account, register).await.unwrap();
        let request = Request {
            permission: "project.distribute".to_owned(),
            on: On::Resource(name(&project)),
            digest: String::new(),
            attributes: Map::new(),
        };
        world.clock.advance(Duration::from_secs(1));
        let by = world.by(owner, account);
        asked.push(world.run(&by, account, request).await.unwrap().id);
    }
    let waiting = async |user: UserId, size: usize| {
        let by = world.by(user, account).on(&Target::account(account));
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = list_waiting(&world.ports, &by, after, size).await;
            let (rows, next) = page.unwrap();
            assert!(rows.len() <= size);
            all.extend(rows.into_iter().map(|row| row.id));
            after = next;
            if after.is_none() {
                return all;
            }
        }
    };
    let others = [3, 2, 0].map(|n: usize| asked[n]);
    assert_eq!(waiting(flow, 50).await, others);
    assert_eq!(waiting(flow, 1).await, others, "paging loses nothing");
    assert_eq!(waiting(sam, 50).await, []);
    assert_eq!(waiting(boss, 50).await.len(), 4);
    let approve = Approve { approval: asked[3] };
    world
        .run(&world.by(flow, account), account, approve)
        .await
        .unwrap();
    assert_eq!(waiting(flow, 50).await, others[1..]);
    world.revoke(&op, account, manager).await.unwrap();
    assert_eq!(waiting(flow, 50).await, [], "only rights that hold now count");
}

bailiwick_testkit::on_both_engines!(
    people_are_invited_together_or_not_at_all,
    members_are_removed_together_or_not_at_all_and_never_all_admins,
    a_pending_invitation_that_is_sent_again_gets_a_new_lifetime,
    requests_wait_for_those_who_could_approve_them_now_but_not_for_the_requester,
);
