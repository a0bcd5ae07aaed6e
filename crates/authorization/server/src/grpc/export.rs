//! Exports.

use bailiwick_authorization_core::use_case::record_export;
use bailiwick_proto::authorization::v1::{self as pb, export_service_server::ExportService};
use bailiwick_rpc::{Context, Fields, Target, carry};
use bailiwick_sql::Db;
use bailiwick_types::{Refused, Subject};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status};

use super::{Api, status};
use crate::{
    export::{Export, Format},
    store::engine::snapshot::AccountSnapshot,
};

/// Parts that wait for their reader.
const WAITING: usize = 4;

/// Exports what people may do.
#[derive(Clone)]
pub(crate) struct Exports {
    pub(crate) api: Api,
    pub(crate) db: Db,
    pub(crate) tasks: TaskTracker,
}

#[tonic::async_trait]
impl ExportService for Exports {
    type ExportPermissionsStream = ReceiverStream<Result<pb::ExportPermissionsResponse, Status>>;

    async fn export_permissions(
        &self,
        request: Request<pb::ExportPermissionsRequest>,
    ) -> Result<Response<Self::ExportPermissionsStream>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let format = match request.format() {
            pb::ExportFormat::Csv => Some(Format::Csv),
            pb::ExportFormat::Xlsx => Some(Format::Xlsx),
            pb::ExportFormat::Unspecified => {
                fields.violate("format", "must be CSV or XLSX");
                None
            }
        };
        let subject = match request.subject.as_str() {
            "" => None,
            text => fields.take("subject", text.parse::<Subject>()),
        };
        let (account, format) = fields.finish(account.zip(format))?;
        let about: Vec<&Subject> = subject.iter().collect();
        self.api.wait(&context, account, &about).await?;
        let by = self
            .api
            .guard
            .authorize_any(&context, Target::account(account))
            .await?;
        let command = record_export::Command {
            account,
            format: format.as_str(),
            subject: subject.clone(),
        };
        record_export::execute(&self.api.ports, &by, command)
            .await
            .map_err(status)?;
        let snapshot = AccountSnapshot::open(self.db.clone(), account)
            .await
            .map_err(status)?
            .ok_or_else(|| status(Refused::NotFound("account")))?;
        let export = Export {
            snapshot,
            format,
            subject,
            now: self.api.ports.clock.now(),
        };
        let (parts, read) = mpsc::channel(WAITING);
        // A task of its own: the snapshot is not to be dropped in the middle of a statement when the caller goes away.
        self.tasks.spawn(carry(export.run(parts)));
        Ok(Response::new(ReceiverStream::new(read)))
    }
}
