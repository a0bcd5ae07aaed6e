//! The scenarios of the shipped products, through the binary: embedded, and on separate processes with
//! PostgreSQL and Redis.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::path::PathBuf;

use bailiwick_testkit::Redis;
use support::{Trio, bailiwick, more_scenarios, root, text};

/// Scenarios that hold to the last step.
fn whole() -> Vec<PathBuf> {
    let named = ["one-question", "iservice", "sogolytics", "e-satisfaction"];
    let mut files: Vec<_> = named
        .iter()
        .map(|n| root().join(format!("tests/scenarios/{n}.yaml")))
        .collect();
    files.extend(more_scenarios());
    files
}

/// The scenario in which a workspace moves to another account.
fn moving() -> PathBuf {
    root().join("tests/scenarios/e-satisfaction.yaml")
}

/// Steps before and after one whose method belongs to a later version.
const PARTIAL: &str = r#"
scenario: a later method
product: one-question
given:
  users: {ada: {member_of: [hotel]}}
  accounts: {hotel: {title: Hotel, owner: ada}}
steps:
  - {check: {user: ada, permission: account.view, on: "account:hotel"}, expect: allow}
  - {sign_up: {user: new, email: new@example.com, account: made, title: Made}, expect: ok}
  - {check: {user: ada, permission: account.view, on: "account:hotel"}, expect: allow}
"#;

fn embedded(file: &std::path::Path, more: &[&str]) {
    let came = bailiwick().arg("test").args(more).arg(file).output().unwrap();
    assert!(came.status.success(), "{}: {}", file.display(), text(&came));
}

#[test]
fn every_whole_scenario_holds_on_a_suite_of_its_own() {
    // Several files in one command, each on a suite of its own.
    let came = bailiwick().arg("test").args(whole()).output().unwrap();
    assert!(came.status.success(), "{}", text(&came));
}

#[test]
fn scenarios_hold_without_tokens_within_the_staleness_bound() {
    embedded(
        &root().join("tests/scenarios/one-question.yaml"),
        &["--no-tokens"],
    );
    embedded(&moving(), &["--no-tokens"]);
}

#[test]
fn a_scenario_with_later_methods_holds_up_to_them_and_names_them() {
    let directory = tempfile::tempdir().unwrap();
    let partial = directory.path().join("partial.yaml");
    std::fs::write(&partial, PARTIAL).unwrap();
    let came = bailiwick()
        .args(["test", "--allow-unsupported"])
        .arg(&partial)
        .output()
        .unwrap();
    let said = text(&came);
    assert!(came.status.success(), "{said}");
    assert!(
        said.contains("unsupported: sign_up"),
        "the method is not named in:\n{said}"
    );
    assert!(said.contains("1 held, 1 unsupported, 1 not run"), "{said}");
    let strict = bailiwick().arg("test").arg(&partial).output().unwrap();
    assert_eq!(strict.status.code(), Some(1), "{}", text(&strict));
}

#[tokio::test(flavor = "multi_thread")]
async fn scenarios_hold_on_three_processes_with_postgresql_and_redis() {
    let redis = Redis::start().await.unwrap();
    let trio = Trio::start(Some(redis.url())).await;
    let came = trio.test(&root().join("tests/scenarios/one-question.yaml"), &[]);
    assert!(came.status.success(), "{}{}", text(&came), trio.logs(2));
    let came = trio.test(&moving(), &[]);
    assert!(came.status.success(), "{}{}", text(&came), trio.logs(2));
    let keys = redis.command("DBSIZE").await.unwrap();
    assert!(
        !keys.trim().ends_with(" 0") && keys.trim() != "0",
        "nothing was written to Redis: {keys}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn scenarios_hold_on_three_processes_without_redis_and_without_tokens() {
    let trio = Trio::start(None).await;
    for file in [root().join("tests/scenarios/one-question.yaml"), moving()] {
        let came = trio.test(&file, &["--no-tokens"]);
        assert!(came.status.success(), "{}{}", text(&came), trio.logs(2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scenarios_hold_on_three_processes_through_a_pooler_in_transaction_mode() {
    let trio = Trio::start_pooled(2).await;
    let came = trio.test(&root().join("tests/scenarios/one-question.yaml"), &[]);
    assert!(came.status.success(), "{}{}", text(&came), trio.logs(2));
}

#[test]
fn a_step_that_does_not_hold_is_told_with_its_line_and_the_explanation() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("wrong.yaml");
    let text_of = std::fs::read_to_string(root().join("tests/scenarios/one-question.yaml")).unwrap();
    let wrong = text_of.replacen(
        "permission: score.compare, on: \"account:hotel\"}, expect: allow}",
        "permission: score.compare, on: \"account:hotel\"}, expect: deny}",
        1,
    );
    assert_ne!(text_of, wrong);
    std::fs::write(&file, &wrong).unwrap();
    let line = 1 + wrong.lines().position(|l| l.contains("score.compare")).unwrap();
    let came = bailiwick().arg("test").arg(&file).output().unwrap();
    let said = text(&came);
    assert_eq!(came.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!("wrong.yaml:{line}")) && said.contains("score.compare"),
        "{said}"
    );

    std::fs::write(
        &file,
        "scenario: x\nproduct: one-question\nsteps:\n  - {chekc: {}, expect: allow}\n",
    )
    .unwrap();
    let came = bailiwick().arg("test").arg(&file).output().unwrap();
    assert_eq!(came.status.code(), Some(2), "{}", text(&came));
    assert!(text(&came).contains("wrong.yaml:4"), "{}", text(&came));

    std::fs::write(&file, "scenario: x\nproduct: two-questions\nsteps: []\n").unwrap();
    let came = bailiwick().arg("test").arg(&file).output().unwrap();
    assert_eq!(came.status.code(), Some(2), "{}", text(&came));
    let fault = "wrong.yaml:2:10: there is no product `two-questions`";
    assert!(text(&came).contains(fault), "{}", text(&came));
}
