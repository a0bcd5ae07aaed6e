//! Records as OpenTelemetry log records, to a collector.

use bailiwick_rpc::otlp::{attribute, channel, text};
use bailiwick_types::Timestamp;
use opentelemetry_proto::tonic::{
    collector::logs::v1::{ExportLogsServiceRequest, logs_service_client::LogsServiceClient},
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber},
    resource::v1::Resource,
};
use tonic::transport::Channel;

use super::SinkError;
use crate::decision_log::{
    DecisionLogError,
    record::{Gap, Record},
};

/// A collector.
pub(in crate::decision_log) struct Collector {
    client: LogsServiceClient<Channel>,
}

impl Collector {
    pub(super) fn new(endpoint: &str) -> Result<Self, DecisionLogError> {
        let refused = || DecisionLogError::Endpoint {
            endpoint: endpoint.to_owned(),
        };
        if !endpoint.starts_with("http://") {
            return Err(refused());
        }
        let channel = channel(endpoint).map_err(|_| refused())?;
        Ok(Self {
            client: LogsServiceClient::new(channel),
        })
    }

    pub(super) async fn send(&mut self, gap: Option<Gap>, batch: &[Record]) -> Result<(), SinkError> {
        let records = gap.iter().map(of_gap).chain(batch.iter().map(of_record));
        let request = ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs {
                resource: Some(Resource {
                    attributes: vec![text("service.name", "bailiwick-authorization")],
                    ..Resource::default()
                }),
                scope_logs: vec![ScopeLogs {
                    scope: Some(InstrumentationScope {
                        name: "bailiwick.decision_log".to_owned(),
                        ..InstrumentationScope::default()
                    }),
                    log_records: records.collect(),
                    schema_url: String::new(),
                }],
                schema_url: String::new(),
            }],
        };
        let answer = self.client.export(request).await.map_err(SinkError::Collector)?;
        match answer.into_inner().partial_success {
            Some(partial) if partial.rejected_log_records > 0 => Err(SinkError::Collector(
                tonic::Status::data_loss(format!("records were rejected: {}", partial.error_message)),
            )),
            _ => Ok(()),
        }
    }
}

fn of_record(record: &Record) -> LogRecord {
    let mut attributes = vec![
        text("account.id", &record.account),
        text("subject", &record.subject),
        text("permission", &record.permission),
        text("target", &record.target),
        text("decision", record.decision),
        text("reason", record.reason),
        number("revision", record.revision),
        text("request.id", &record.request_id),
        attribute("sample.ratio", Value::DoubleValue(record.ratio)),
    ];
    attributes.extend(record.actor.as_deref().map(|actor| text("actor", actor)));
    attributes.extend(record.caller.as_deref().map(|caller| text("caller", caller)));
    let body = format!(
        "{}: {} {} on {}",
        record.decision, record.subject, record.permission, record.target
    );
    log_record(
        record.time,
        SeverityNumber::Info,
        "bailiwick.decision",
        body,
        attributes,
    )
}

fn of_gap(gap: &Gap) -> LogRecord {
    let attributes = vec![number("records.dropped", gap.dropped)];
    let body = format!("{} decisions are missing here", gap.dropped);
    log_record(
        gap.time,
        SeverityNumber::Warn,
        "bailiwick.decision_log.gap",
        body,
        attributes,
    )
}

fn log_record(
    time: Timestamp,
    severity: SeverityNumber,
    event: &str,
    body: String,
    attributes: Vec<KeyValue>,
) -> LogRecord {
    let nanoseconds = u64::try_from(time.0).unwrap_or(0).saturating_mul(1_000);
    LogRecord {
        time_unix_nano: nanoseconds,
        observed_time_unix_nano: nanoseconds,
        severity_number: severity.into(),
        severity_text: severity
            .as_str_name()
            .trim_start_matches("SEVERITY_NUMBER_")
            .to_owned(),
        body: Some(AnyValue {
            value: Some(Value::StringValue(body)),
        }),
        attributes,
        event_name: event.to_owned(),
        ..LogRecord::default()
    }
}

fn number(name: &str, value: u64) -> KeyValue {
    attribute(name, Value::IntValue(i64::try_from(value).unwrap_or(i64::MAX)))
}
