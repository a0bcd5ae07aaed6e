//! The decision log of the real binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use bailiwick_proto::authorization::v1::{BatchCheckItem, BatchCheckRequest, CheckRequest};
use support::{Embedded, PATIENCE, setup};

#[tokio::test(flavor = "multi_thread")]
async fn every_decision_that_is_given_stands_in_the_log_once_the_process_has_drained() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("decisions.jsonl");
    let mut suite = Embedded::start_with(&[
        ("BAILIWICK__AUTHORIZATION__DECISION_LOG__TO", "file"),
        (
            "BAILIWICK__AUTHORIZATION__DECISION_LOG__PATH",
            path.to_str().unwrap(),
        ),
        ("BAILIWICK__AUTHORIZATION__DECISION_LOG__ALLOWED", "1"),
    ])
    .await;
    let client = suite.client();
    setup::apply(&client, "one-question").await;
    let account = setup::account(&client, "one-question", "Grand Hotel", None).await;
    let mut decisions = client.authorization().decision();
    let check = CheckRequest {
        account: account.clone(),
        subject: "user:user_01h455vb4pex5vsknk084sn02q".into(),
        permission: "survey.send".into(),
        target: format!("account:{account}"),
        ..Default::default()
    };
    decisions.check(check.clone()).await.unwrap();
    let item = |permission: &str| BatchCheckItem {
        permission: permission.into(),
        target: check.target.clone(),
        ..Default::default()
    };
    let batch = BatchCheckRequest {
        account: account.clone(),
        subject: check.subject.clone(),
        items: vec![item("survey.view"), item("survey.edit")],
        ..Default::default()
    };
    decisions.batch_check(batch).await.unwrap();
    // What does not fit the manifest is no decision.
    let unfit = CheckRequest {
        permission: "survey.juggle".into(),
        ..check
    };
    decisions.check(unfit).await.unwrap_err();

    let mut process = suite.process.take().unwrap();
    process.terminate().unwrap();
    assert!(process.wait(PATIENCE).await.success());
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let asked: Vec<&str> = lines
        .iter()
        .map(|line| line["permission"].as_str().unwrap())
        .collect();
    assert_eq!(asked, ["survey.send", "survey.view", "survey.edit"]);
    for line in &lines {
        assert_eq!(line["decision"], "DENY", "{line}");
        assert_eq!(line["reason"], "NOT_A_MEMBER", "{line}");
        assert_eq!(line["account.id"], account.as_str(), "{line}");
    }
}
