//! The authorization service as a peer.

use async_trait::async_trait;
use bailiwick_proto::authorization::v1::{
    CloseScopeRequest, EffectiveChange, MoveScopeRequest, MoveScopeResponse, PermissionChange,
    PermissionStrength, access_service_client::AccessServiceClient,
};
use bailiwick_rpc::{Peer, token};
use bailiwick_tenancy_core::{
    closing::Closing,
    moving::Moving,
    peer::{Authorization, Declined, Foreseen, MoveError, PeerError, Strength},
};
use bailiwick_types::{Code, FINAL, Reason, Service, Token};
use tonic::Status;
use tonic_types::StatusExt;

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

/// The history that the versions of this service count in.
fn epoch(seen: &Token) -> Result<&String, PeerError> {
    let unknown = || PeerError::Unavailable("the epoch of the feed is not known".to_owned());
    seen.epochs.get(&Service::Tenancy).ok_or_else(unknown)
}

/// What authorization is to do with a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    CarryOut,
    Check,
    Preview,
}

impl RemoteAuthorization {
    async fn ask_to_move(
        &self,
        moving: &Moving,
        seen: &Token,
        how: How,
    ) -> Result<MoveScopeResponse, MoveError> {
        let request = MoveScopeRequest {
            account: moving.account.to_string(),
            scope: moving.scope().to_string(),
            target_account: moving.target.to_string(),
            parent: moving.parent_scope().to_string(),
            version: moving.version,
            epoch: epoch(seen)?.clone(),
            actor: moving.mover.subject.to_string(),
            operator: moving.mover.operator,
            target_operator: moving.mover.target_operator,
            // A program that does not know of checks previews.
            validate_only: how != How::CarryOut,
            check_only: how == How::Check,
        };
        // Authorization must know the workspace and its target as they are.
        let request = token::request(request, seen);
        let answer = self.client.clone().move_scope(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| {
            declined(&status).map_or_else(
                || MoveError::Peer(PeerError::Unavailable(status.message().to_owned())),
                MoveError::Declined,
            )
        })
    }
}

/// What a rule of authorization refuses; nothing where it gave no answer, or refused the call itself: that
/// may end, and the move may be asked for again.
fn declined(status: &Status) -> Option<Declined> {
    let code = match status.code() {
        tonic::Code::InvalidArgument => Code::InvalidArgument,
        tonic::Code::PermissionDenied => Code::PermissionDenied,
        tonic::Code::NotFound => Code::NotFound,
        tonic::Code::AlreadyExists => Code::AlreadyExists,
        tonic::Code::FailedPrecondition => Code::FailedPrecondition,
        tonic::Code::ResourceExhausted => Code::ResourceExhausted,
        _ => return None,
    };
    let details = status.get_error_details();
    let info = details.error_info()?;
    let reason = Reason::ALL.iter().find(|reason| reason.as_str() == info.reason)?;
    info.metadata.get(FINAL)?;
    let names = ["limit", "resources", "role", "scope", "user", "value"];
    let known = |name: &'static str| Some((name, info.metadata.get(name)?.clone()));
    Some(Declined {
        code,
        reason: *reason,
        message: status.message().to_owned(),
        metadata: names.into_iter().filter_map(known).collect(),
        violations: bailiwick_rpc::violations(status),
    })
}

fn strength(of: i32) -> Strength {
    match PermissionStrength::try_from(of) {
        Ok(PermissionStrength::Conditional) => Strength::Conditional,
        Ok(PermissionStrength::NeedsApproval) => Strength::NeedsApproval,
        Ok(PermissionStrength::Full) => Strength::Full,
        Ok(PermissionStrength::None | PermissionStrength::Unspecified) | Err(_) => Strength::None,
    }
}

fn foreseen(of: EffectiveChange) -> Foreseen {
    let change = |of: PermissionChange| {
        let (before, after) = (strength(of.before), strength(of.after));
        (of.permission, before, after)
    };
    Foreseen {
        subject: of.subject,
        scope: of.scope,
        gains: of.gains,
        loses: of.loses,
        changes: of.changes.into_iter().map(change).collect(),
        type_name: of.r#type,
        account: of.account,
        email: of.email,
    }
}

#[async_trait]
impl Authorization for RemoteAuthorization {
    async fn close_scope(&self, closing: &Closing, seen: &Token) -> Result<(), PeerError> {
        let request = CloseScopeRequest {
            account: closing.account.to_string(),
            scope: closing.scope.to_string(),
            version: closing.version,
            deleted: closing.deletes(),
            epoch: epoch(seen)?.clone(),
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
    async fn move_scope(&self, moving: &Moving, seen: &Token) -> Result<(), MoveError> {
        self.ask_to_move(moving, seen, How::CarryOut).await.map(drop)
    }
    async fn check_move(&self, moving: &Moving, seen: &Token) -> Result<(), MoveError> {
        self.ask_to_move(moving, seen, How::Check).await.map(drop)
    }
    async fn preview_move(&self, moving: &Moving, seen: &Token) -> Result<Vec<Foreseen>, MoveError> {
        let answer = self.ask_to_move(moving, seen, How::Preview).await?;
        Ok(answer.changes.into_iter().map(foreseen).collect())
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_types::{Fault, Refused};

    use super::*;

    /// A refusal of a rule.
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Final(Refused);

    impl Fault for Final {
        fn code(&self) -> Code {
            self.0.code()
        }
        fn reason(&self) -> Reason {
            self.0.reason()
        }
        fn metadata(&self) -> Vec<(&'static str, String)> {
            vec![(FINAL, true.to_string())]
        }
    }

    #[test]
    fn only_a_refusal_that_is_final_gives_a_move_up() {
        // The guard answers alike where a key or a certificate of this service is not accepted.
        assert_eq!(declined(&bailiwick_rpc::status(&Refused::Denied)), None);
        let of_a_rule = declined(&bailiwick_rpc::status(&Final(Refused::Denied))).unwrap();
        assert_eq!(of_a_rule.code, Code::PermissionDenied);
    }
}
