//! The snapshots of the service: the present state, and what ended shortly before.

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_feed::{SnapshotPage, SnapshotSource};
use bailiwick_identity_core::{Identity, upkeep};
use bailiwick_proto::events::v1::{
    AccessTokenRevoked, ServiceAccountChanged, SessionRevoked, change::Change,
};
use bailiwick_sql::{Cause, Error};
use bailiwick_types::{StoreError, System};

use crate::store::Snapshot;

/// The snapshots of the service.
#[derive(Clone)]
pub(crate) struct Snapshots {
    pub(crate) state: Snapshot,
    pub(crate) identity: Arc<Identity>,
    pub(crate) system: System,
}

#[async_trait]
impl SnapshotSource for Snapshots {
    async fn page(&self, from: Option<&str>) -> Result<SnapshotPage, Error> {
        self.state.page(from).await
    }
    async fn recently_ended(&self) -> Result<Vec<Change>, Error> {
        let ended = upkeep::recently_ended(&self.identity, &self.system).await;
        let ended = ended.map_err(store_error)?;
        let session = |id: bailiwick_types::SessionId| {
            Change::SessionRevoked(SessionRevoked {
                session: id.to_string(),
                user: String::new(),
            })
        };
        let service = |id: bailiwick_types::ServiceAccountId| {
            Change::ServiceAccountChanged(ServiceAccountChanged {
                service_account: id.to_string(),
                ..Default::default()
            })
        };
        let token = |token_id| Change::AccessTokenRevoked(AccessTokenRevoked { token_id });
        let sessions = ended.sessions.into_iter().map(session);
        Ok(sessions
            .chain(ended.services.into_iter().map(service))
            .chain(ended.tokens.into_iter().map(token))
            .collect())
    }
}

fn store_error(error: StoreError) -> Error {
    let of_sql = error
        .cause()
        .and_then(|cause| cause.downcast_ref::<Error>())
        .cloned();
    of_sql.unwrap_or_else(|| Error::Internal(Cause::new(error)))
}
