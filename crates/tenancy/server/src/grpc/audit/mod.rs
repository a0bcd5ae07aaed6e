//! The audit log.

mod export_audit_entries;
mod list_audit_entries;

use bailiwick_proto::tenancy::v1::{self as pb, audit_log_service_server::AuditLogService};
use bailiwick_rpc::{
    Call, Fields,
    wire::{struct_of, timestamp},
};
use bailiwick_tenancy_core::audit::{Filter, Opened, Outcome};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::Api;

/// The longest text of a filter, in characters.
const LONGEST: usize = 512;

#[tonic::async_trait]
impl AuditLogService for Api {
    type ExportAuditEntriesStream = ReceiverStream<Result<pb::ExportAuditEntriesResponse, Status>>;

    async fn list_audit_entries(
        &self,
        request: Request<pb::ListAuditEntriesRequest>,
    ) -> Result<Response<pb::ListAuditEntriesResponse>, Status> {
        let call = Call::new(request)?;
        list_audit_entries::handle(self, call).await.map(Response::new)
    }
    async fn export_audit_entries(
        &self,
        request: Request<pb::ExportAuditEntriesRequest>,
    ) -> Result<Response<Self::ExportAuditEntriesStream>, Status> {
        let call = Call::new(request)?;
        export_audit_entries::handle(self, call).await.map(Response::new)
    }
}

/// The fields of a filter as requests have them.
struct FilterFields<'a> {
    actor: &'a str,
    target: &'a str,
    action: &'a str,
    start: Option<&'a prost_types::Timestamp>,
    end: Option<&'a prost_types::Timestamp>,
}

impl FilterFields<'_> {
    /// Reads them; what is wrong is among the violations.
    fn read(&self, fields: &mut Fields) -> Filter {
        let mut text = |name: &'static str, value: &str| {
            fields
                .short(name, value, LONGEST)
                .filter(|value| !value.is_empty())
        };
        let (actor, target, action) = (
            text("actor", self.actor),
            text("target", self.target),
            text("action", self.action),
        );
        let start = fields.time("start_time", self.start.copied()).flatten();
        let end = fields.time("end_time", self.end.copied()).flatten();
        if start.zip(end).is_some_and(|(start, end)| end <= start) {
            fields.violate("end_time", "must be after `start_time`");
        }
        Filter {
            actor,
            target,
            action,
            start,
            end,
        }
    }
}

fn message(one: Opened) -> pb::AuditEntry {
    let Opened {
        entry,
        personal,
        erased,
    } = one;
    let outcome = match entry.outcome {
        Outcome::Done => pb::AuditEntryOutcome::Done,
        Outcome::Denied => pb::AuditEntryOutcome::Denied,
        Outcome::Failed => pb::AuditEntryOutcome::Failed,
    };
    let values = |map: serde_json::Map<_, _>| (!map.is_empty()).then(|| struct_of(map));
    pb::AuditEntry {
        entry: entry.id.to_string(),
        sequence: entry.sequence,
        time: Some(timestamp(entry.time)),
        service: entry.service.as_str().to_owned(),
        actor: entry.actor,
        on_behalf_of: entry.on_behalf_of,
        action: entry.action,
        target: entry.target,
        outcome: outcome.into(),
        attempts: entry.attempts,
        request_id: entry.request_id,
        trace_id: entry.trace_id,
        details: entry.details.into_iter().collect(),
        network: personal.network,
        device: personal.device,
        before: values(personal.before),
        after: values(personal.after),
        erased,
        hash: entry.hash.to_vec(),
    }
}
