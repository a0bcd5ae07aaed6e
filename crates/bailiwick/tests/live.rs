//! Scenarios that move the clock, on separate processes with PostgreSQL: test builds, whose clocks can be
//! moved.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::{Path, PathBuf};

use bailiwick_testkit::Redis;
use support::{Trio, more_scenarios, root, text};

/// Before the first instant of any scenario; a live suite goes only forward.
const START: &str = "2026-01-05T08:00:00Z";

/// In the order in which they can be run one after another.
const SCENARIOS: [&str; 4] = ["sogolytics", "iservice", "one-question", "e-satisfaction"];

fn holds(trio: &Trio, scenario: &str, more: &[&str]) {
    let file = root().join(format!("tests/scenarios/{scenario}.yaml"));
    let mut arguments = more.to_vec();
    if scenario == "e-satisfaction" {
        // Its moves are of a later version.
        arguments.push("--allow-unsupported");
    }
    holds_file(trio, &file, &arguments);
}

fn holds_file(trio: &Trio, file: &Path, more: &[&str]) {
    let came = trio.test(file, more);
    assert!(
        came.status.success(),
        "{}: {}{}",
        file.display(),
        text(&came),
        trio.logs(2)
    );
}

/// The other scenarios: those that leave the clock alone, which can share a suite, and those that move it.
fn others() -> (Vec<PathBuf>, Vec<PathBuf>) {
    more_scenarios().into_iter().partition(|file| {
        let text = std::fs::read_to_string(file).unwrap();
        !text.contains("advance:") && !text.contains("\nclock:")
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn all_products_hold_on_three_processes_with_postgresql_and_redis() {
    let redis = Redis::start().await.unwrap();
    let trio = Trio::start_at(Some(redis.url()), Some(START)).await;
    for scenario in SCENARIOS {
        holds(&trio, scenario, &[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_products_hold_on_three_processes_without_redis() {
    let trio = Trio::start_at(None, Some(START)).await;
    for scenario in SCENARIOS {
        holds(&trio, scenario, &[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_products_hold_on_three_processes_without_tokens() {
    let redis = Redis::start().await.unwrap();
    let trio = Trio::start_at(Some(redis.url()), Some(START)).await;
    for scenario in SCENARIOS {
        holds(&trio, scenario, &["--no-tokens"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_scenarios_hold_on_three_processes_with_postgresql_and_redis() {
    let redis = Redis::start().await.unwrap();
    let trio = Trio::start_at(Some(redis.url()), Some(START)).await;
    let (still, _) = others();
    assert!(!still.is_empty());
    for file in still {
        holds_file(&trio, &file, &[]);
    }
}

/// Each of those that move the clock needs a suite of its own: minutes, so `make soak` runs them.
#[tokio::test(flavor = "multi_thread")]
async fn all_other_scenarios_hold_with_and_without_redis_and_tokens() {
    if std::env::var_os("BAILIWICK_SOAK").is_none() {
        return;
    }
    let redis = Redis::start().await.unwrap();
    let (still, moving) = others();
    let ways: [(Option<String>, &[&str]); 3] = [
        (Some(redis.url()), &[]),
        (None, &[]),
        (Some(redis.url()), &["--no-tokens"]),
    ];
    for (redis, arguments) in ways {
        let trio = Trio::start_at(redis.clone(), Some(START)).await;
        for file in &still {
            holds_file(&trio, file, arguments);
        }
        for file in &moving {
            let trio = Trio::start_at(redis.clone(), Some(START)).await;
            holds_file(&trio, file, arguments);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_that_begins_before_the_suite_is_refused_with_the_way_out() {
    let trio = Trio::start_at(None, Some("2026-03-01T00:00:00Z")).await;
    let came = trio.test(&root().join("tests/scenarios/sogolytics.yaml"), &[]);
    assert_eq!(came.status.code(), Some(1));
    assert!(
        text(&came).contains("only goes forward: start test builds"),
        "{}",
        text(&came)
    );
}
