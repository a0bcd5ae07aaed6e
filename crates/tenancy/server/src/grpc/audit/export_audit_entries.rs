//! `ExportAuditEntries`.

use std::sync::Arc;

use bailiwick_tenancy_core::audit::export;
use bailiwick_types::method::tenancy::ExportAuditEntries;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::FilterFields;
use crate::{audit::Format, grpc::prelude::*};

/// Parts that wait for their reader.
const WAITING: usize = 1;

pub(super) async fn handle(
    api: &Api,
    call: Call<ExportAuditEntries, pb::ExportAuditEntriesRequest>,
) -> Result<ReceiverStream<Result<pb::ExportAuditEntriesResponse, Status>>, Status> {
    let (call, request) = call.split();
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let format = match request.format() {
        pb::AuditExportFormat::JsonLines => Some(Format::JsonLines),
        pb::AuditExportFormat::Csv => Some(Format::Csv),
        pb::AuditExportFormat::Xlsx => Some(Format::Xlsx),
        pb::AuditExportFormat::Unspecified => {
            fields.violate("format", "must be JSON_LINES, CSV or XLSX");
            None
        }
    };
    let filter = FilterFields {
        actor: &request.actor,
        target: &request.target,
        action: &request.action,
        start: request.start_time.as_ref(),
        end: request.end_time.as_ref(),
    };
    let filter = filter.read(&mut fields);
    let (account, format) = fields.finish_with(|| Some((account?, format?)))?;
    let by = api.authorize(&call, &Target::account(account)).await?;
    let place = api.audit.exporter.enter().map_err(IntoStatus::into_status)?;
    let log = Arc::clone(&api.audit.log);
    let export = export::run(&*log, &by, filter)
        .await
        .map_err(IntoStatus::into_status)?;
    let (parts, read) = mpsc::channel(WAITING);
    let exporter = api.audit.exporter.clone();
    api.tasks.start(exporter.run(place, log, export, format, parts));
    Ok(ReceiverStream::new(read))
}
