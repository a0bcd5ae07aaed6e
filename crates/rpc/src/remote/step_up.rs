//! Step-ups from identity.

use async_trait::async_trait;
use bailiwick_proto::identity::v1::{ConsumeStepUpRequest, session_service_client::SessionServiceClient};
use bailiwick_types::{Declaration, RequestDigest, SessionId, StepUp, StepUpError};
use tonic::Code;

use crate::{Peer, PeerError};

/// Asks identity to use up the Reauthenticate of a session (`SessionService.ConsumeStepUp`).
#[derive(Debug, Clone)]
pub struct RemoteStepUp {
    client: SessionServiceClient<Peer>,
}

impl RemoteStepUp {
    /// Asks this peer.
    #[must_use]
    pub fn new(identity: Peer) -> Self {
        Self {
            client: SessionServiceClient::new(identity),
        }
    }
}

#[async_trait]
impl StepUp for RemoteStepUp {
    async fn consume(
        &self,
        session: SessionId,
        method: &'static Declaration,
        request: &RequestDigest,
    ) -> Result<(), StepUpError> {
        let request = ConsumeStepUpRequest {
            session: session.to_string(),
            method: method.name().to_owned(),
            request_digest: request.0.to_vec(),
        };
        match self
            .client
            .clone()
            .consume_step_up(request)
            .await
            .map_err(PeerError::from)
        {
            Ok(_) => Ok(()),
            Err(PeerError::Unavailable { .. }) => Err(StepUpError::Unavailable),
            Err(PeerError::DeadlineExceeded) => Err(StepUpError::DeadlineExceeded),
            Err(PeerError::Refused {
                code: Code::FailedPrecondition | Code::NotFound | Code::Unauthenticated,
                ..
            }) => Err(StepUpError::Required),
            Err(error) => Err(StepUpError::Internal(error.to_string())),
        }
    }
}
