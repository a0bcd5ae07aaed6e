//! Backups, and what a restore may never do: let something of the lost time count.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

#[path = "restore/reconcile.rs"]
mod reconcile;
mod support;
#[path = "restore/watch.rs"]
mod watch;
#[path = "restore/world.rs"]
mod world;

use std::{os::unix::fs::PermissionsExt, path::Path, process::Output, sync::Arc, time::Duration};

use bailiwick_client::Client;
use bailiwick_proto::{
    authorization::v1::{AssignRoleRequest, CheckRequest, CreateMemberRequest, Decision},
    common::v1::{Consistency, consistency::Requirement},
};
use bailiwick_sql::{Db, DbConfig};
use bailiwick_testkit::{Redis, RestoreMode, eventually};
use bailiwick_types::{Service, SystemClock};
use support::{Embedded, Trio, bailiwick, setup, text};

const PRODUCT: &str = "e-satisfaction";
const SERVICES: [&str; 3] = ["identity", "tenancy", "authorization"];

/// An account with a member that has no role.
async fn member(client: &Client) -> (String, String) {
    setup::apply(client, PRODUCT).await;
    let owner = setup::user(client, "owner@example.com").await;
    let account = setup::account(client, PRODUCT, "Stores", Some(&owner)).await;
    let user = setup::user(client, "member@example.com").await;
    join(client, &account, &user).await;
    (account, user)
}

async fn join(client: &Client, account: &str, user: &str) {
    let request = CreateMemberRequest {
        account: account.into(),
        user: user.into(),
        ..Default::default()
    };
    let made = client.authorization().member().create_member(request).await;
    made.unwrap();
}

/// Makes the member an administrator; returns the token of the write.
async fn assign(client: &Client, (account, user): &(String, String)) -> String {
    let request = AssignRoleRequest {
        account: account.clone(),
        subject: format!("user:{user}"),
        role: "admin".into(),
        scope: format!("account:{account}"),
        ..Default::default()
    };
    let done = client.authorization().binding().assign_role(request).await;
    done.unwrap().into_inner().token
}

async fn check(client: &Client, (account, user): &(String, String), how: Option<Requirement>) -> Decision {
    let request = CheckRequest {
        account: account.clone(),
        subject: format!("user:{user}"),
        permission: "user.invite".into(),
        target: format!("account:{account}"),
        consistency: how.map(|requirement| Consistency {
            requirement: Some(requirement),
        }),
        ..Default::default()
    };
    let answer = client.authorization().decision().check(request).await;
    answer.unwrap().into_inner().decision()
}

/// In no way of asking, and with the token of the lost write, does the lost role count.
async fn assert_lost(client: &Client, member: &(String, String), token: &str) {
    for how in [
        None,
        Some(Requirement::FullyConsistent(true)),
        Some(Requirement::AtLeastAsFresh(token.to_owned())),
    ] {
        assert_ne!(
            check(client, member, how.clone()).await,
            Decision::Allow,
            "{how:?}"
        );
    }
}

/// Databases are readable by their owner alone.
fn assert_private(directory: &Path) {
    for service in SERVICES {
        let file = directory.join(format!("{service}.db"));
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn on(data: &Path, arguments: &[&str]) -> Output {
    let mut command = bailiwick();
    command.args(arguments).arg("--data-dir").arg(data);
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_dump_lets_nothing_of_the_lost_time_count_although_redis_is_kept() {
    const AUTHORIZATION: usize = 2;
    let redis = Redis::start().await.unwrap();
    let mut trio = Trio::start(Some(redis.url())).await;
    let client = trio.operator();
    let member = member(&client).await;
    let database = trio.database(AUTHORIZATION).clone();
    let dump = database.dump().await.unwrap();
    for mode in RestoreMode::ALL {
        let token = assign(&client, &member).await;
        let before = redis.command("DBSIZE").await.unwrap();
        let fully = Some(Requirement::FullyConsistent(true));
        assert_eq!(check(&client, &member, fully).await, Decision::Allow);
        eventually("the set in Redis", Duration::from_secs(20), async || {
            redis.command("DBSIZE").await.unwrap() != before || before != "0"
        })
        .await;
        trio.kill(AUTHORIZATION);
        database.restore(&dump, mode).await.unwrap();
        trio.launch(AUTHORIZATION);
        trio.ready(AUTHORIZATION).await;
        // As many writes as are lost, which have nothing to do with the member.
        let name = format!("{mode:?}@example.com").to_lowercase();
        let other = setup::user(&client, &name).await;
        join(&client, &member.0, &other).await;
        trio.kill(AUTHORIZATION);
        trio.launch(AUTHORIZATION);
        trio.ready(AUTHORIZATION).await;
        assert_lost(&client, &member, &token).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_copied_back_is_told_of_by_a_command() {
    let mut suite = Embedded::start().await;
    let member = member(&suite.client()).await;
    suite.kill();
    let kept = suite.directory.path().join("kept");
    copy(&suite.data(), &kept);
    suite.launch().await;
    let token = assign(&suite.client(), &member).await;
    assert_eq!(check(&suite.client(), &member, None).await, Decision::Allow);
    suite.kill();
    std::fs::remove_dir_all(suite.data()).unwrap();
    copy(&kept, &suite.data());

    let told = on(&suite.data(), &["database", "restored", "-o", "json"]);
    assert!(told.status.success(), "{}", text(&told));
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    let told = told.as_array().unwrap();
    let services: Vec<&str> = told.iter().map(|one| one["service"].as_str().unwrap()).collect();
    assert_eq!(services, ["identity", "tenancy", "authorization"]);
    assert!(told.iter().all(|one| one["epoch"] != one["epoch_before"]));
    suite.launch().await;
    assert_lost(&suite.client(), &member, &token).await;

    let one = on(&suite.data(), &["database", "restored", "tenancy"]);
    let said = text(&one);
    assert!(
        said.contains("tenancy: new epoch") && !said.contains("identity"),
        "{said}"
    );
    let nowhere = suite.directory.path().join("nowhere");
    let refused = on(&nowhere, &["database", "restored"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        text(&refused).contains("there is no database of identity"),
        "{}",
        text(&refused)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_copied_back_is_noticed_by_the_next_start() {
    let mut suite = Embedded::start().await;
    let member = member(&suite.client()).await;
    suite.kill();
    let kept = suite.directory.path().join("kept");
    copy(&suite.data(), &kept);
    suite.launch().await;
    let token = assign(&suite.client(), &member).await;
    assert_eq!(check(&suite.client(), &member, None).await, Decision::Allow);
    suite.kill();
    std::fs::remove_dir_all(suite.data()).unwrap();
    copy(&kept, &suite.data());
    suite.launch().await;
    assert_lost(&suite.client(), &member, &token).await;
    // As many writes as were lost do not bring it back.
    let other = setup::user(&suite.client(), "other@example.com").await;
    join(&suite.client(), &member.0, &other).await;
    assert_lost(&suite.client(), &member, &token).await;
    // A start on the same files begins nothing.
    let token = assign(&suite.client(), &member).await;
    suite.kill();
    suite.launch().await;
    let how = Some(Requirement::AtLeastAsFresh(token));
    assert_eq!(check(&suite.client(), &member, how).await, Decision::Allow);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_running_suite_is_restored_once_it_is_stopped() {
    let mut suite = Embedded::start().await;
    let member = member(&suite.client()).await;
    let backup = suite.directory.path().join("backup");
    let to = backup.to_str().unwrap();
    let done = on(&suite.data(), &["backup", to]);
    assert!(done.status.success(), "{}", text(&done));
    assert_private(&backup);
    let again = on(&suite.data(), &["backup", to]);
    assert!(text(&again).contains("exists already"), "{}", text(&again));
    let token = assign(&suite.client(), &member).await;
    assert_eq!(check(&suite.client(), &member, None).await, Decision::Allow);

    let refused = on(&suite.data(), &["restore", to, "--replace"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        text(&refused).contains("another process uses"),
        "{}",
        text(&refused)
    );
    assert_eq!(check(&suite.client(), &member, None).await, Decision::Allow);
    suite.kill();
    let refused = on(&suite.data(), &["restore", to]);
    assert!(text(&refused).contains("--replace"), "{}", text(&refused));
    // A backup that came back from elsewhere: the mode of its files is not that of databases.
    for service in SERVICES {
        let file = backup.join(format!("{service}.db"));
        std::fs::set_permissions(file, PermissionsExt::from_mode(0o644)).unwrap();
    }
    let done = on(&suite.data(), &["restore", to, "--replace"]);
    assert!(done.status.success(), "{}", text(&done));
    assert_private(&suite.data());
    let epochs = text(&done);
    suite.launch().await;
    let file = format!("sqlite://{}", suite.data().join("authorization.db").display());
    let clock = Arc::new(SystemClock);
    let db = Db::connect(DbConfig::new(file), Service::Authorization, clock)
        .await
        .unwrap();
    let epoch = db.epoch().await.unwrap();
    db.close().await;
    assert!(
        epochs.contains(&*epoch),
        "the start began another epoch: {epochs} {epoch}"
    );
    assert_lost(&suite.client(), &member, &token).await;
    // It is the suite of before, and goes on from there.
    assign(&suite.client(), &member).await;
    assert_eq!(check(&suite.client(), &member, None).await, Decision::Allow);

    let elsewhere = suite.directory.path().join("elsewhere");
    std::fs::write(backup.join("tenancy.db"), "no database").unwrap();
    let damaged = on(&elsewhere, &["restore", to]);
    assert_eq!(damaged.status.code(), Some(2));
    assert!(
        text(&damaged).contains("cannot restore the database of tenancy"),
        "{}",
        text(&damaged)
    );
    assert!(!elsewhere.join("identity.db").exists());
}
