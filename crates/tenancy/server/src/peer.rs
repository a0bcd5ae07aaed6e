//! The authorization service as a peer.

use async_trait::async_trait;
use bailiwick_proto::authorization::v1::{CloseScopeRequest, access_service_client::AccessServiceClient};
use bailiwick_rpc::{Peer, token};
use bailiwick_tenancy_core::{
    closing::Closing,
    peer::{Authorization, PeerError},
};
use bailiwick_types::{Service, Token};

/// Authorization, reached by gRPC.
#[derive(Debug, Clone)]
pub struct RemoteAuthorization {
    client: AccessServiceClient<Peer>,
}

impl RemoteAuthorization {
    /// Calls this peer.
    #[must_use]
    pub fn new(authorization: Peer) -> Self {
        Self {
            client: AccessServiceClient::new(authorization),
        }
    }
}

#[async_trait]
impl Authorization for RemoteAuthorization {
    async fn close_scope(&self, closing: &Closing, seen: &Token) -> Result<(), PeerError> {
        // The version counts in the history that the intent was read from.
        let Some(epoch) = seen.epochs.get(&Service::Tenancy) else {
            return Err(PeerError::Unavailable(
                "the epoch of the feed is not known".to_owned(),
            ));
        };
        let request = CloseScopeRequest {
            account: closing.account.to_string(),
            scope: closing.scope.to_string(),
            version: closing.version,
            deleted: closing.deletes(),
            epoch: epoch.clone(),
        };
        // Authorization must know the scope before it can close it.
        let request = token::request(request, seen);
        match self.client.clone().close_scope(request).await {
            Ok(_) => Ok(()),
            Err(status) => Err(match bailiwick_rpc::PeerError::from(status) {
                error @ bailiwick_rpc::PeerError::Refused { .. } => PeerError::Refused(error.to_string()),
                error => PeerError::Unavailable(error.to_string()),
            }),
        }
    }
}
