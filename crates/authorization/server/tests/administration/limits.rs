//! Limits of an account: a change that would exceed one is refused, and what is removed makes room.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bailiwick_authorization_core::{
    Error, Limits, On,
    approval::{request::Request, withdraw::Withdraw},
    binding::{assign::Assign, copy::Copy},
    grant::{
        About,
        delete::{Delete as DeleteGrant, Which},
    },
    group,
    invitation::{self, batch_create::BatchCreate},
    member,
    operation::Operation,
    resource::{
        register::{Owner, Register},
        unregister::Unregister,
    },
    role,
};
use bailiwick_policy::manifest::{EntryDecl, MemberKind, RoleDecl, RoleLevelDecl};
use bailiwick_types::{AccountId, Code, Email, Fault, GroupId, Level, Scope, Subject, UserId};
use serde_json::Map;

use crate::world::{By, World, assign, change, denied, grant, name, register, texts};

/// A refusal names the limit and its value, in its text and in its metadata.
#[track_caller]
fn reached<T: std::fmt::Debug>(refused: Result<T, Error>, limit: &str, value: u64) {
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    assert_eq!(refused.reason().as_str(), "LIMIT_REACHED");
    let metadata: BTreeMap<&str, String> = refused.metadata().into_iter().collect();
    assert_eq!(metadata["limit"], limit);
    assert_eq!(metadata["value"], value.to_string());
    let text = refused.to_string();
    assert!(text.contains(&format!("`{limit}` of {value}")), "{text}");
}

/// An account with limits of its own.
pub(crate) struct Limited {
    pub(crate) world: World,
    pub(crate) account: AccountId,
    pub(crate) at: Scope,
    pub(crate) op: By,
}

impl Limited {
    pub(crate) async fn of(mut world: World, product: &str, limits: Limits) -> Self {
        let account = world.account(product, None, 0).await;
        world.ports.limits = limits;
        let op = world.operator();
        Self {
            at: Scope::Account(account),
            world,
            account,
            op,
        }
    }
    pub(crate) async fn run<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        self.world.run(&self.op, self.account, operation).await
    }
    async fn preview<O: Operation>(&self, operation: O) -> Result<(), Error> {
        let done = self.world.preview(&self.op, self.account, operation).await;
        done.map(drop)
    }
    fn about(&self) -> About {
        About::Scope(self.at.clone())
    }
}

pub(crate) fn create_group() -> group::create::Create {
    group::create::Create {
        title: "Group".to_owned(),
        request_id: None,
    }
}

pub(crate) fn join(user: UserId) -> member::create::Create {
    member::create::Create {
        user,
        kind: MemberKind::Agent,
        expires_at: None,
    }
}

async fn members_are_limited(world: World) {
    let limits = Limits {
        members: 2,
        ..Limits::default()
    };
    let of = Limited::of(world, "one-question", limits).await;
    let (ann, ben) = (
        of.world.person("a@x.example").await,
        of.world.person("b@x.example").await,
    );
    let cid = of.world.person("c@x.example").await;
    of.run(join(ann)).await.unwrap();
    of.run(join(ben)).await.unwrap();
    reached(of.run(join(cid)).await, "members", 2);
    reached(of.preview(join(cid)).await, "members", 2);
    // What is there can still be changed.
    let suspend = member::suspend::Suspend { user: ann };
    of.run(suspend).await.unwrap();
    let delete = member::delete::Delete {
        user: ann,
        seat_ends: false,
    };
    of.run(delete).await.unwrap();
    of.run(join(cid)).await.unwrap();
}

async fn groups_and_their_members_are_limited(world: World) {
    let limits = Limits {
        groups: 2,
        group_members: 2,
        ..Limits::default()
    };
    let of = Limited::of(world, "one-question", limits).await;
    let one = of.run(create_group()).await.unwrap().id;
    let two = of.run(create_group()).await.unwrap().id;
    reached(of.run(create_group()).await, "groups", 2);
    reached(of.preview(create_group()).await, "groups", 2);
    let add = |group: GroupId, member: Subject| group::add_member::AddMember { group, member };
    let mut users = Vec::new();
    for n in 0..3 {
        let user = of.world.member(&format!("m{n}@x.example"), of.account).await;
        users.push(Subject::user(user));
    }
    of.run(add(one, users[0].clone())).await.unwrap();
    of.run(add(two, users[1].clone())).await.unwrap();
    // Adding again adds nothing.
    of.run(add(one, users[0].clone())).await.unwrap();
    reached(of.run(add(one, users[2].clone())).await, "group_members", 2);
    reached(of.preview(add(one, users[2].clone())).await, "group_members", 2);
    // With the group go its members.
    of.run(group::delete::Delete { group: two }).await.unwrap();
    of.run(add(one, users[2].clone())).await.unwrap();
    of.run(create_group()).await.unwrap();
}

async fn bindings_are_limited_and_one_that_is_replaced_counts_once(world: World) {
    let limits = Limits {
        bindings: 2,
        ..Limits::default()
    };
    let of = Limited::of(world, "one-question", limits).await;
    let sales = of.world.instance(of.account).await;
    let ann = of.world.member("a@x.example", of.account).await;
    let ben = of.world.member("b@x.example", of.account).await;
    let bind = |user, role: &str| assign(Subject::user(user), role, &sales);
    of.run(bind(ann, "manager")).await.unwrap();
    of.run(bind(ben, "agent")).await.unwrap();
    reached(of.run(bind(ann, "agent")).await, "bindings", 2);
    reached(of.preview(bind(ann, "agent")).await, "bindings", 2);
    let shorter = Assign {
        expires_at: Some(of.world.now().plus(Duration::from_hours(1))),
        replace: true,
        ..bind(ben, "agent")
    };
    of.run(shorter).await.unwrap();
    of.run(bind(ann, "manager")).await.unwrap();
    of.world
        .revoke(&of.op, of.account, (ann, "manager", &sales))
        .await
        .unwrap();
    of.run(bind(ann, "agent")).await.unwrap();
}

async fn an_account_above_a_lowered_limit_keeps_what_it_has(world: World) {
    let mut of = Limited::of(world, "one-question", Limits::default()).await;
    let sales = of.world.instance(of.account).await;
    let ann = of.world.member("a@x.example", of.account).await;
    let bind = |role: &str| assign(Subject::user(ann), role, &sales);
    for role in ["manager", "supervisor"] {
        of.run(bind(role)).await.unwrap();
    }
    of.world.ports.limits.bindings = 1;
    of.run(bind("manager")).await.unwrap();
    let longer = Assign {
        expires_at: Some(of.world.now().plus(Duration::from_hours(1))),
        replace: true,
        ..bind("manager")
    };
    of.run(longer).await.unwrap();
    of.world
        .revoke(&of.op, of.account, (ann, "supervisor", &sales))
        .await
        .unwrap();
    reached(of.run(bind("agent")).await, "bindings", 1);
}

async fn grants_are_limited_also_where_they_are_copied(world: World) {
    let limits = Limits {
        grants: 2,
        ..Limits::default()
    };
    let of = Limited::of(world, "one-question", limits).await;
    let ann = of.world.member("a@x.example", of.account).await;
    let ben = of.world.member("b@x.example", of.account).await;
    let give = |user, permission| grant(Subject::user(user), &[permission], of.about());
    let first = of.run(give(ann, "survey.view")).await.unwrap();
    let copy = || Copy {
        from: ann,
        to: ben,
        kinds: texts(&["survey", "contact"]),
    };
    let sales = of.world.instance(of.account).await;
    of.run(grant(Subject::user(ann), &["contact.view"], About::Scope(sales)))
        .await
        .unwrap();
    reached(of.run(give(ben, "survey.view")).await, "grants", 2);
    reached(of.preview(give(ben, "survey.view")).await, "grants", 2);
    reached(of.run(copy()).await, "grants", 2);
    let delete = DeleteGrant {
        which: Which::Id(first.id),
    };
    of.run(delete).await.unwrap();
    assert_eq!(of.run(copy()).await.unwrap(), 1);
}

async fn resources_are_limited(world: World) {
    let limits = Limits {
        resources: 2,
        ..Limits::default()
    };
    let of = Limited::of(world, "sogolytics", limits).await;
    let add = |what: &str| register(what, &of.at);
    of.run(add("folder:a")).await.unwrap();
    of.run(add("folder:b")).await.unwrap();
    reached(of.run(add("folder:c")).await, "resources", 2);
    reached(of.preview(add("folder:c")).await, "resources", 2);
    let remove = Unregister {
        name: name("folder:a"),
    };
    of.run(remove).await.unwrap();
    of.run(add("folder:c")).await.unwrap();
}

pub(crate) fn own_role(name: &str, permissions: &[&str], when: Option<&str>) -> role::create::Create {
    let entry = |text: &&str| EntryDecl {
        when: when.map(str::to_owned),
        ..EntryDecl::plain(*text)
    };
    let at = RoleLevelDecl {
        permissions: permissions.iter().map(entry).collect(),
        assigns: Vec::new(),
    };
    role::create::Create {
        name: name.to_owned(),
        decl: RoleDecl {
            title: Some("Role".to_owned()),
            levels: [(Level::Instance, at)].into(),
            ..RoleDecl::default()
        },
    }
}

pub(crate) fn remove_role(role: &str) -> role::delete::Delete {
    role::delete::Delete {
        role: role.to_owned(),
    }
}

async fn own_roles_are_limited_in_number_and_in_size(world: World) {
    let limits = Limits {
        roles: 2,
        role_entries: 3,
        entries_per_role: 2,
        ..Limits::default()
    };
    let mut of = Limited::of(world, "one-question", limits).await;
    of.run(own_role("one", &["survey.view", "contact.view"], None))
        .await
        .unwrap();
    let more = || role::change::Change {
        add: vec![EntryDecl::plain("score.view")],
        ..change("one")
    };
    reached(of.run(more()).await, "entries_per_role", 2);
    reached(of.preview(more()).await, "entries_per_role", 2);
    let three = ["survey.view", "contact.view", "score.view"];
    reached(of.run(own_role("big", &three, None)).await, "entries_per_role", 2);
    let two = own_role("two", &["survey.view", "contact.view"], None);
    reached(of.run(two).await, "role_entries", 3);
    of.run(own_role("two", &["survey.view"], None)).await.unwrap();
    reached(
        of.run(own_role("three", &["survey.view"], None)).await,
        "roles",
        2,
    );
    // Where limits were lowered, a role can still become smaller.
    of.world.ports.limits.entries_per_role = 0;
    let fewer = role::change::Change {
        remove: texts(&["contact.view"]),
        ..change("one")
    };
    of.run(fewer).await.unwrap();
    of.world.ports.limits.entries_per_role = 2;
    of.run(remove_role("two")).await.unwrap();
    let including = role::create::Create {
        decl: RoleDecl {
            includes: texts(&["one"]),
            ..own_role("x", &["score.view", "survey.edit"], None).decl
        },
        name: "x".to_owned(),
    };
    // What it includes counts in it.
    reached(of.run(including).await, "entries_per_role", 2);
    of.run(own_role("two", &["survey.view"], None)).await.unwrap();
}

async fn changes_of_the_products_roles_count_like_own_roles(world: World) {
    let limits = Limits {
        entries_per_role: 3,
        ..Limits::default()
    };
    let mut of = Limited::of(world, "one-question", limits).await;
    let more = || role::change::Change {
        add: vec![EntryDecl::plain("survey.view")],
        ..change("agent")
    };
    reached(of.run(more()).await, "entries_per_role", 3);
    of.world.ports.limits.entries_per_role = 100;
    of.run(more()).await.unwrap();
}

async fn the_conditions_of_own_roles_are_limited(world: World) {
    let limits = Limits {
        condition_nodes: 7,
        condition_nodes_per_role: 4,
        ..Limits::default()
    };
    let of = Limited::of(world, "one-question", limits).await;
    // An equality is three nodes.
    let own = Some("resource.owner == subject.id");
    let both = Some("resource.owner == subject.id && resource.owner == subject.id");
    let one = |name, when| own_role(name, &["survey.view"], when);
    reached(of.run(one("big", both)).await, "condition_nodes_per_role", 4);
    of.run(one("one", own)).await.unwrap();
    of.run(one("two", own)).await.unwrap();
    reached(of.run(one("three", own)).await, "condition_nodes", 7);
    of.run(remove_role("one")).await.unwrap();
    of.run(one("three", own)).await.unwrap();
}

fn invite(email: &str, at: &Scope) -> invitation::create::Create {
    invitation::create::Create {
        email: email.parse().unwrap(),
        kind: MemberKind::Agent,
        roles: texts(&["agent"]),
        scope: at.clone(),
        request_id: None,
    }
}

async fn open_invitations_are_limited_and_expired_ones_do_not_count(world: World) {
    let limits = Limits {
        open_invitations: 3,
        open_invitations_per_inviter: 2,
        ..Limits::default()
    };
    let of = Limited::of(world, "one-question", limits).await;
    let sales = of.world.instance(of.account).await;
    let first = of.run(invite("a@x.example", &sales)).await.unwrap();
    of.run(invite("b@x.example", &sales)).await.unwrap();
    let third = || invite("c@x.example", &sales);
    reached(of.run(third()).await, "open_invitations_per_inviter", 2);
    reached(of.preview(third()).await, "open_invitations_per_inviter", 2);
    let other = of.world.operator();
    of.world.run(&other, of.account, third()).await.unwrap();
    let emails: Vec<Email> = ["d@x.example", "e@x.example"]
        .map(|one| one.parse().unwrap())
        .into();
    let batch = |n: usize| BatchCreate {
        emails: emails[..n].to_vec(),
        kind: MemberKind::Agent,
        roles: texts(&["agent"]),
        scope: sales.clone(),
    };
    reached(of.run(batch(1)).await, "open_invitations", 3);
    let revoke = invitation::revoke::Revoke { invitation: first.id };
    of.run(revoke).await.unwrap();
    // All of a batch or nothing.
    reached(of.run(batch(2)).await, "open_invitations", 3);
    of.run(batch(1)).await.unwrap();
    // Expired ones do not count.
    of.world.clock.advance(Duration::from_hours(24 * 30));
    let mut open = Vec::new();
    for n in 0..2 {
        let made = of.run(invite(&format!("new{n}@x.example"), &sales)).await;
        open.push(made.unwrap().id);
    }
    reached(of.run(third()).await, "open_invitations_per_inviter", 2);
    // One that is open is sent again at the limit.
    let resend = invitation::resend::Resend { invitation: open[0] };
    of.run(resend).await.unwrap();
}

async fn pending_approvals_are_limited_and_withdrawn_ones_make_room(world: World) {
    let limits = Limits {
        pending_approvals: 3,
        pending_approvals_per_requester: 2,
        ..Limits::default()
    };
    let of = Limited::of(world, "sogolytics", limits).await;
    let ann = of.world.holder("a@x.example", of.account, "sub_user").await;
    let ben = of.world.holder("b@x.example", of.account, "sub_user").await;
    for (user, project) in [(ann, "project:a"), (ben, "project:b")] {
        let register = Register {
            owner: Owner::Is(Subject::user(user)),
            ..register(project, &of.at)
        };
        of.run(register).await.unwrap();
    }
    let ask = async |user: UserId, project: &str, digest: &str| {
        let request = Request {
            permission: "project.distribute".to_owned(),
            on: On::Resource(name(project)),
            digest: digest.to_owned(),
            attributes: Map::new(),
        };
        of.world
            .run(&of.world.by(user, of.account), of.account, request)
            .await
    };
    let first = ask(ann, "project:a", "1").await.unwrap();
    ask(ann, "project:a", "2").await.unwrap();
    reached(
        ask(ann, "project:a", "3").await,
        "pending_approvals_per_requester",
        2,
    );
    ask(ben, "project:b", "1").await.unwrap();
    reached(ask(ben, "project:b", "2").await, "pending_approvals", 3);
    let withdraw = Withdraw { approval: first.id };
    of.world
        .run(&of.world.by(ann, of.account), of.account, withdraw)
        .await
        .unwrap();
    ask(ben, "project:b", "2").await.unwrap();
}

async fn the_right_is_asked_for_before_a_limit(world: World) {
    let limits = Limits {
        groups: 0,
        ..Limits::default()
    };
    let of = Limited::of(world, "one-question", limits).await;
    let sales = of.world.instance(of.account).await;
    let ann = of.world.member("a@x.example", of.account).await;
    let by = of.world.by(ann, of.account);
    let refused = of
        .world
        .run(&by, of.account, own_role("one", &["survey.view"], None))
        .await;
    denied(refused);
    let refused = of.world.run(&by, of.account, invite("b@x.example", &sales)).await;
    denied(refused);
    reached(of.run(create_group()).await, "groups", 0);
}

async fn accounts_have_their_limits_each_for_itself(world: World) {
    let limits = Limits {
        groups: 1,
        open_invitations: 1,
        roles: 1,
        ..Limits::default()
    };
    let of = Limited::of(world, "one-question", limits).await;
    let other = of.world.account("one-question", None, 0).await;
    for account in [of.account, other] {
        let at = of.world.instance(account).await;
        let run = async |n: usize| {
            let (world, op) = (&of.world, &of.op);
            let group = world.run(op, account, create_group()).await.map(drop);
            let invited = world
                .run(op, account, invite(&format!("{n}@x.example"), &at))
                .await;
            let role = own_role(&format!("r{n}"), &["survey.view"], None);
            let role = world.run(op, account, role).await;
            [group, invited.map(drop), role.map(drop)]
        };
        for done in run(1).await {
            done.unwrap();
        }
        for (refused, limit) in run(2)
            .await
            .into_iter()
            .zip(["groups", "open_invitations", "roles"])
        {
            reached(refused, limit, 1);
        }
    }
}

bailiwick_testkit::on_both_engines!(
    members_are_limited,
    groups_and_their_members_are_limited,
    bindings_are_limited_and_one_that_is_replaced_counts_once,
    an_account_above_a_lowered_limit_keeps_what_it_has,
    grants_are_limited_also_where_they_are_copied,
    resources_are_limited,
    own_roles_are_limited_in_number_and_in_size,
    changes_of_the_products_roles_count_like_own_roles,
    the_conditions_of_own_roles_are_limited,
    open_invitations_are_limited_and_expired_ones_do_not_count,
    pending_approvals_are_limited_and_withdrawn_ones_make_room,
    the_right_is_asked_for_before_a_limit,
    accounts_have_their_limits_each_for_itself,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_changes_at_a_limit_never_exceed_it() {
    const MOST: u64 = 5;
    let mut world = World::postgres().await;
    world.ports.limits = Limits {
        groups: MOST,
        open_invitations: MOST,
        roles: MOST,
        ..Limits::default()
    };
    let world = Arc::new(world);
    let account = world.account("one-question", None, 0).await;
    let sales = world.instance(account).await;
    let tasks = (0..40).map(|n| {
        let (world, sales) = (Arc::clone(&world), sales.clone());
        tokio::spawn(async move {
            let op = world.operator();
            match n % 3 {
                0 => (0, world.run(&op, account, create_group()).await.map(drop)),
                1 => {
                    let invite = invite(&format!("i{n}@x.example"), &sales);
                    (1, world.run(&op, account, invite).await.map(drop))
                }
                _ => {
                    let role = own_role(&format!("r{n}"), &["survey.view"], None);
                    (2, world.run(&op, account, role).await.map(drop))
                }
            }
        })
    });
    let mut done = [0, 0, 0];
    for task in tasks.collect::<Vec<_>>() {
        let (kind, result) = task.await.unwrap();
        match result {
            Ok(()) => done[kind] += 1,
            refused => reached(refused, ["groups", "open_invitations", "roles"][kind], MOST),
        }
    }
    assert_eq!(done, [MOST; 3]);
}
