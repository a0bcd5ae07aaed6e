//! What `kill -9` and a misbehaving Redis may never do: lose an acknowledged write, leave something
//! half-done, or change a decision that carries a token.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use bailiwick_client::Client;
use bailiwick_proto::{
    authorization::v1::{
        AssignRoleRequest, CheckRequest, CreateMemberRequest, Decision, ListBindingsRequest,
        RevokeRoleRequest,
    },
    identity::v1::{CreateUserRequest, GetUserRequest},
    tenancy::v1::{CreateWorkspaceRequest, GetWorkspaceRequest},
};
use bailiwick_testkit::{Redis, eventually};
use support::{Embedded, PATIENCE, Trio, setup};

/// How many kills: ten where every change is checked, fifty in the long run.
fn kills() -> u64 {
    if std::env::var_os("BAILIWICK_SOAK").is_some() {
        50
    } else {
        10
    }
}

/// A small generator, so that a run can be repeated by its seed.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let seed = std::env::var("BAILIWICK_SEED").ok().and_then(|s| s.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::from(std::process::id()) | 1);
        println!("BAILIWICK_SEED={seed}");
        Self(seed)
    }
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

async fn account(client: &Client) -> String {
    setup::apply(client, "e-satisfaction").await;
    let owner = user(client, "owner").await;
    setup::account(client, "e-satisfaction", "Stores", Some(&owner)).await
}

async fn user(client: &Client, name: &str) -> String {
    setup::user(client, &format!("{name}@example.com")).await
}

/// What was acknowledged.
#[derive(Default, Clone)]
struct Acknowledged {
    users: Vec<String>,
    /// Workspace, and the user with the role `reporting` in it.
    workspaces: Vec<(String, Option<String>)>,
}

/// A chain of writes across all three services; it stops where an answer does not come.
async fn chain(
    client: &Client,
    account: &str,
    n: u64,
    done: &Mutex<Acknowledged>,
) -> Result<(), tonic::Status> {
    let request = CreateUserRequest {
        email: format!("user{n}@example.com"),
        ..Default::default()
    };
    let made = client
        .identity()
        .user()
        .create_user(request)
        .await?
        .into_inner()
        .user
        .unwrap()
        .user;
    done.lock().unwrap().users.push(made.clone());
    let request = CreateWorkspaceRequest {
        account: account.into(),
        title: format!("Workspace {n}"),
        ..Default::default()
    };
    let workspace = client
        .tenancy()
        .workspace()
        .create_workspace(request)
        .await?
        .into_inner()
        .workspace
        .unwrap()
        .workspace;
    done.lock().unwrap().workspaces.push((workspace.clone(), None));
    let request = CreateMemberRequest {
        account: account.into(),
        user: made.clone(),
        ..Default::default()
    };
    client.authorization().member().create_member(request).await?;
    let request = AssignRoleRequest {
        account: account.into(),
        subject: format!("user:{made}"),
        role: "reporting".into(),
        scope: format!("workspace:{workspace}"),
        ..Default::default()
    };
    client.authorization().binding().assign_role(request).await?;
    done.lock().unwrap().workspaces.push((workspace, Some(made)));
    Ok(())
}

/// All that was acknowledged is there, and counts.
async fn verify(client: &Client, account: &str, done: &Acknowledged) {
    for user in &done.users {
        client
            .identity()
            .user()
            .get_user(GetUserRequest { user: user.clone() })
            .await
            .unwrap();
    }
    for (workspace, member) in &done.workspaces {
        let request = GetWorkspaceRequest {
            account: account.into(),
            workspace: workspace.clone(),
        };
        client.tenancy().workspace().get_workspace(request).await.unwrap();
        let Some(member) = member else { continue };
        let check = CheckRequest {
            account: account.into(),
            subject: format!("user:{member}"),
            permission: "chart.edit".into(),
            target: format!("workspace:{workspace}"),
            ..Default::default()
        };
        let came = client
            .authorization()
            .decision()
            .check(check)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            came.decision(),
            Decision::Allow,
            "an acknowledged role is lost: {came:?}"
        );
    }
    // Nothing half-done: a workspace of this product always has exactly one owner.
    let mut owners = 0;
    let mut page = String::new();
    loop {
        let request = ListBindingsRequest {
            account: account.into(),
            page_size: 1000,
            page_token: page,
            ..Default::default()
        };
        let came = client
            .authorization()
            .binding()
            .list_bindings(request)
            .await
            .unwrap()
            .into_inner();
        owners += came
            .bindings
            .iter()
            .filter(|b| b.role == "owner" && b.scope.starts_with("workspace:"))
            .count();
        page = came.next_page_token;
        if page.is_empty() {
            break;
        }
    }
    let workspaces: BTreeSet<_> = done.workspaces.iter().map(|(workspace, _)| workspace).collect();
    assert!(
        owners >= workspaces.len(),
        "{owners} owners for {} acknowledged workspaces",
        workspaces.len()
    );
}

/// Goes on with chains until stopped; what does not answer is tried as another chain.
fn keep_writing(
    client: &Client,
    account: &str,
    from: u64,
    done: &Arc<Mutex<Acknowledged>>,
) -> tokio::task::JoinHandle<()> {
    let (client, account, done) = (client.clone(), account.to_owned(), done.clone());
    tokio::spawn(async move {
        for n in from.. {
            let _ = chain(&client, &account, n, &done).await;
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_a_process_at_any_moment_loses_no_acknowledged_write() {
    let mut dice = Dice::new();
    let mut trio = Trio::start(None).await;
    let client = trio.operator();
    let account = account(&client).await;
    let done = Arc::new(Mutex::new(Acknowledged::default()));
    for n in 0..kills() {
        let victim = usize::try_from(dice.roll(3)).unwrap();
        let writer = keep_writing(&client, &account, n * 1_000_000, &done);
        tokio::time::sleep(Duration::from_millis(100 + dice.roll(900))).await;
        trio.kill(victim);
        trio.launch(victim);
        trio.ready(victim).await;
        writer.abort();
        let _ = writer.await;
    }
    // One more, so that what was cut before is overtaken; then everything is looked at.
    chain(&client, &account, u64::MAX, &done).await.unwrap();
    let done = done.lock().unwrap().clone();
    assert!(done.workspaces.len() > 1, "nothing was written");
    verify(&client, &account, &done).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_embedded_suite_loses_no_acknowledged_write() {
    let mut dice = Dice::new();
    let mut suite = Embedded::start().await;
    let client = suite.client();
    let account = account(&client).await;
    let done = Arc::new(Mutex::new(Acknowledged::default()));
    for n in 0..kills() {
        let writer = keep_writing(&client, &account, n * 1_000_000, &done);
        tokio::time::sleep(Duration::from_millis(50 + dice.roll(500))).await;
        suite.kill();
        writer.abort();
        let _ = writer.await;
        suite.launch().await;
    }
    chain(&client, &account, u64::MAX, &done).await.unwrap();
    let done = done.lock().unwrap().clone();
    verify(&client, &account, &done).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flushing_pausing_restarting_and_rewinding_redis_changes_no_decision() {
    let mut dice = Dice::new();
    let redis = Redis::start().await.unwrap();
    let trio = Trio::start(Some(redis.url())).await;
    let client = trio.operator();
    let account = account(&client).await;
    let scope = format!("account:{account}");
    let mut users = Vec::new();
    for n in 0..4 {
        let made = user(&client, &format!("member{n}")).await;
        let request = CreateMemberRequest {
            account: account.clone(),
            user: made.clone(),
            ..Default::default()
        };
        client
            .authorization()
            .member()
            .create_member(request)
            .await
            .unwrap();
        users.push((made, false));
    }
    let mut dump = redis.dump().await.unwrap();
    for round in 0..kills() * 4 {
        match round % 8 {
            1 => drop(redis.command("FLUSHALL").await.unwrap()),
            3 => redis.pause().await.unwrap(),
            4 => redis.resume().await.unwrap(),
            5 => dump = redis.dump().await.unwrap(),
            6 => redis.restart().await.unwrap(),
            7 => redis.restore(&dump).await.unwrap(),
            _ => {}
        }
        let at = usize::try_from(dice.roll(4)).unwrap();
        let (subject, held) = (format!("user:{}", users[at].0), users[at].1);
        if held {
            let request = RevokeRoleRequest {
                account: account.clone(),
                subject,
                role: "admin".into(),
                scope: scope.clone(),
                ..Default::default()
            };
            client
                .authorization()
                .binding()
                .revoke_role(request)
                .await
                .unwrap();
        } else {
            let request = AssignRoleRequest {
                account: account.clone(),
                subject,
                role: "admin".into(),
                scope: scope.clone(),
                ..Default::default()
            };
            client
                .authorization()
                .binding()
                .assign_role(request)
                .await
                .unwrap();
        }
        users[at].1 = !held;
        for (user, held) in &users {
            let check = CheckRequest {
                account: account.clone(),
                subject: format!("user:{user}"),
                permission: "user.invite".into(),
                target: scope.clone(),
                ..Default::default()
            };
            let came = client
                .authorization()
                .decision()
                .check(check)
                .await
                .unwrap()
                .into_inner();
            let expected = if *held { Decision::Allow } else { Decision::Deny };
            assert_eq!(came.decision(), expected, "round {round}: {came:?}");
        }
    }
}

/// A feed that is never pruned fills the disk.
#[tokio::test(flavor = "multi_thread")]
async fn every_service_takes_its_old_events_away_when_it_starts() {
    let mut suite = Embedded::start_with(&[
        ("BAILIWICK__AUTHORIZATION__FEED_RETENTION", "1ms"),
        ("BAILIWICK__TENANCY__FEED_RETENTION", "1ms"),
        ("BAILIWICK__TELEMETRY__LOG_FILTER", "info"),
    ])
    .await;
    account(&suite.client()).await;
    suite.kill();
    suite.launch().await;
    let logs = suite.process.as_ref().unwrap().logs();
    for service in ["authorization", "tenancy"] {
        let told = format!("\"service\":\"{service}\"");
        let pruned = || {
            let mut lines = logs.lines().into_iter();
            lines.any(|line| line.contains("pruned old events") && line.contains(&told))
        };
        eventually(&format!("{service} prunes"), PATIENCE, async || pruned()).await;
    }
}
