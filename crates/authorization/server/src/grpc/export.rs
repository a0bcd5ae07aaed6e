//! Exports.

use bailiwick_authorization_core::export::Record;
use bailiwick_proto::authorization::v1::{self as pb, export_service_server::ExportService};
use bailiwick_rpc::{Call, Fields, Target};
use bailiwick_types::{Refused, Subject, method::authorization::ExportPermissions};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{Api, status};
use crate::export::{Exporter, Format};

/// Parts that wait for their reader.
const WAITING: usize = 1;

/// Exports what people may do.
#[derive(Clone)]
pub(crate) struct Exports {
    pub(crate) api: Api,
    pub(crate) exporter: Exporter,
}

#[tonic::async_trait]
impl ExportService for Exports {
    type ExportPermissionsStream = ReceiverStream<Result<pb::ExportPermissionsResponse, Status>>;

    async fn export_permissions(
        &self,
        request: Request<pb::ExportPermissionsRequest>,
    ) -> Result<Response<Self::ExportPermissionsStream>, Status> {
        let call = Call::<ExportPermissions, _>::new(request)?;
        let message = &call.message;
        let mut fields = Fields::new();
        let account = fields.account(&message.account);
        let format = match message.format() {
            pb::ExportFormat::Csv => Some(Format::Csv),
            pb::ExportFormat::Xlsx => Some(Format::Xlsx),
            pb::ExportFormat::Unspecified => {
                fields.violate("format", "must be CSV or XLSX");
                None
            }
        };
        let subject: Option<Option<Subject>> = fields.optional("subject", &message.subject);
        let read = (|| Some((account?, format?, subject?)))();
        let (account, format, subject) = fields.finish(read)?;
        let about: Vec<&Subject> = subject.iter().collect();
        let by = self
            .api
            .authorize(&call, &about, &Target::account(account))
            .await?;
        // Before it is recorded: what finds no place is no export.
        let slot = self.exporter.spool.enter(account).map_err(status)?;
        let record = Record {
            format: format.as_str(),
            subject: subject.clone(),
        };
        self.api.run(by.clone(), record).await?;
        let access = by.account().ok_or_else(|| status(Refused::Denied))?;
        let export = self
            .exporter
            .begin(slot, access, format, subject)
            .await
            .map_err(status)?;
        let export = export.ok_or_else(|| status(Refused::NotFound("account")))?;
        let (parts, read) = mpsc::channel(WAITING);
        // A task of its own: the snapshot must not be dropped in the middle of a statement when the client
        // cancels.
        self.api.tasks.start(export.run(parts));
        Ok(Response::new(ReceiverStream::new(read)))
    }
}
