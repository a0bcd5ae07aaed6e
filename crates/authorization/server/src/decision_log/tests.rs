use std::path::PathBuf;

use bailiwick_authorization_engine::TargetText;
use bailiwick_policy::Audience;
use bailiwick_proto::method;
use bailiwick_testkit::{ManualClock, witness};
use bailiwick_types::CallerKind;
use opentelemetry_proto::tonic::{
    collector::logs::v1::{
        ExportLogsServiceRequest, ExportLogsServiceResponse,
        logs_service_server::{LogsService, LogsServiceServer},
    },
    common::v1::any_value::Value,
};
use serde_json::Value as Json;
use tokio_util::sync::CancellationToken;

use super::*;

const ACCOUNT: &str = "acct_01h455vb4pex5vsknk084sn02q";

fn to_file(path: &std::path::Path) -> DecisionLogConfig {
    DecisionLogConfig {
        to: LogTarget::File,
        path: Some(path.to_owned()),
        allowed: Ratio::ALL,
        ..DecisionLogConfig::default()
    }
}

fn open(config: &DecisionLogConfig) -> (DecisionLog, Writer) {
    let clock = Arc::new(ManualClock::default());
    let (log, writer) = DecisionLog::open(config, clock, 7).unwrap();
    (log, writer.unwrap())
}

fn decide(log: &DecisionLog, permission: &str, decision: Decision) {
    let path = "/bailiwick.authorization.v1.DecisionService/Check";
    let caller = witness::caller(CallerKind::Service, "service:asks".parse().unwrap(), None);
    let context = Context::new(method(path).unwrap(), (*caller).clone());
    let subject = "user:amy".parse().unwrap();
    let target = "survey:s1";
    let question = Question {
        subject: &subject,
        actor: None,
        permission,
        target: TargetText::parse(target).unwrap(),
        attributes: None,
        digest: None,
        audience: Audience::Product,
    };
    let made = Made {
        account: ACCOUNT.parse().unwrap(),
        question: &question,
        target,
        decision,
        reason: DecisionReason::Role,
        revision: 12,
    };
    log.take(&context, &made);
}

/// Writes what waits, and ends.
async fn finish(log: DecisionLog, writer: Writer) {
    drop(log);
    let stop = CancellationToken::new();
    stop.cancel();
    writer.run(stop).await;
}

fn lines(path: &std::path::Path) -> Vec<Json> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn file() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("decisions.jsonl");
    (directory, path)
}

#[tokio::test]
async fn a_record_says_who_was_allowed_what_where_and_why() {
    let (_directory, path) = file();
    let (log, writer) = open(&to_file(&path));
    decide(&log, "survey.send", Decision::Allow);
    finish(log, writer).await;
    let lines = lines(&path);
    let [record] = &*lines else { panic!("{lines:?}") };
    let expected = serde_json::json!({
        "time": ManualClock::default().now().to_string(),
        "account.id": ACCOUNT,
        "subject": "user:amy",
        "permission": "survey.send",
        "target": "survey:s1",
        "decision": "ALLOW",
        "reason": "ROLE",
        "revision": 12,
        "caller": "service:asks",
        "request.id": "none",
        "sample.ratio": 1.0,
    });
    assert_eq!(record, &expected);
}

#[tokio::test]
async fn what_finds_no_room_is_counted_in_the_log() {
    let (_directory, path) = file();
    let (log, writer) = open(&DecisionLogConfig {
        queue: 2,
        ..to_file(&path)
    });
    for _ in 0..5 {
        decide(&log, "survey.send", Decision::Allow);
    }
    finish(log, writer).await;
    let lines = lines(&path);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0]["records.dropped"], 3);
}

#[tokio::test]
async fn only_the_part_asked_for_is_recorded_and_the_record_says_which() {
    let (_directory, path) = file();
    let (log, writer) = open(&DecisionLogConfig {
        allowed: Ratio::try_from(0.25).unwrap(),
        denied: Ratio::NONE,
        ..to_file(&path)
    });
    for _ in 0..8_000 {
        decide(&log, "survey.send", Decision::Allow);
        decide(&log, "survey.send", Decision::Deny);
    }
    finish(log, writer).await;
    let lines = lines(&path);
    assert!((1_800..2_200).contains(&lines.len()), "{} of 8,000", lines.len());
    assert!(
        lines
            .iter()
            .all(|line| line["decision"] == "ALLOW" && line["sample.ratio"] == 0.25)
    );
}

#[tokio::test]
async fn other_permissions_and_accounts_are_left_out() {
    let (_directory, path) = file();
    let pattern = PermissionPattern::try_from("survey.*".to_owned()).unwrap();
    let (log, writer) = open(&DecisionLogConfig {
        permissions: vec![pattern],
        ..to_file(&path)
    });
    decide(&log, "survey.send", Decision::Deny);
    decide(&log, "project.view", Decision::Deny);
    finish(log, writer).await;
    assert_eq!(lines(&path).len(), 1);

    let (_directory, path) = file();
    let (log, writer) = open(&DecisionLogConfig {
        accounts: vec!["acct_01h455vb4pex5vsknk084sn02r".to_owned()],
        ..to_file(&path)
    });
    decide(&log, "survey.send", Decision::Deny);
    finish(log, writer).await;
    assert_eq!(lines(&path).len(), 0);
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_opened_anew() {
    let (directory, path) = file();
    let mut config = to_file(&path);
    config.queue = 1;
    let (log, mut writer) = open(&config);
    decide(&log, "survey.send", Decision::Allow);
    writer.write_one().await;
    let moved = directory.path().join("decisions.1.jsonl");
    std::fs::rename(&path, &moved).unwrap();
    decide(&log, "survey.view", Decision::Allow);
    finish(log, writer).await;
    assert_eq!(lines(&moved)[0]["permission"], "survey.send");
    assert_eq!(lines(&path)[0]["permission"], "survey.view");
}

#[tokio::test]
async fn a_log_that_cannot_be_written_says_how_much_is_missing_once_it_can() {
    let (directory, path) = file();
    let inner = directory.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let path_inside = inner.join("decisions.jsonl");
    let (log, mut writer) = open(&to_file(&path_inside));
    // The directory is gone: the file cannot be made again.
    std::fs::remove_dir_all(&inner).unwrap();
    decide(&log, "survey.send", Decision::Allow);
    writer.write_one().await;
    std::fs::create_dir(&inner).unwrap();
    decide(&log, "survey.view", Decision::Allow);
    finish(log, writer).await;
    let lines = lines(&path_inside);
    assert_eq!(lines[0]["records.dropped"], 1, "{lines:?}");
    assert_eq!(lines[1]["permission"], "survey.view");
    assert!(!path.exists());
}

struct Collects(mpsc::UnboundedSender<ExportLogsServiceRequest>);

#[tonic::async_trait]
impl LogsService for Collects {
    async fn export(
        &self,
        request: tonic::Request<ExportLogsServiceRequest>,
    ) -> Result<tonic::Response<ExportLogsServiceResponse>, tonic::Status> {
        self.0.send(request.into_inner()).unwrap();
        Ok(tonic::Response::new(ExportLogsServiceResponse::default()))
    }
}

#[tokio::test]
async fn a_collector_gets_log_records() {
    let (sender, mut received) = mpsc::unbounded_channel();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let server = tonic::transport::Server::builder()
        .add_service(LogsServiceServer::new(Collects(sender)))
        .serve_with_incoming(incoming);
    let server = tokio::spawn(server);
    let (log, writer) = open(&DecisionLogConfig {
        to: LogTarget::Otlp,
        endpoint: Some(endpoint),
        ..DecisionLogConfig::default()
    });
    decide(&log, "survey.send", Decision::NeedsApproval);
    finish(log, writer).await;
    let request = received.recv().await.unwrap();
    let record = &request.resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!(record.event_name, "bailiwick.decision");
    let decision = record.attributes.iter().find(|a| a.key == "decision").unwrap();
    let value = decision.value.as_ref().unwrap().value.as_ref().unwrap();
    assert_eq!(value, &Value::StringValue("NEEDS_APPROVAL".to_owned()));
    server.abort();
}

#[test]
fn what_does_not_fit_is_refused_by_its_key() {
    let open = |config: DecisionLogConfig| {
        let clock = Arc::new(ManualClock::default());
        DecisionLog::open(&config, clock, 0).err().unwrap().to_string()
    };
    let of = |to| DecisionLogConfig {
        to,
        ..DecisionLogConfig::default()
    };
    assert!(open(of(LogTarget::File)).contains("`authorization.decision_log.path` must be given"));
    assert!(open(of(LogTarget::Otlp)).contains("`authorization.decision_log.endpoint` must be given"));
    let bad = DecisionLogConfig {
        accounts: vec!["me".to_owned()],
        ..of(LogTarget::Stdout)
    };
    assert!(open(bad).contains("`me` is no id of an account"));
    let none = DecisionLogConfig {
        queue: 0,
        ..of(LogTarget::Stdout)
    };
    assert!(open(none).contains("at least 1"));
}
