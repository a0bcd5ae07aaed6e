//! The rights that the guard asks for, answered by this process's replica.

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_authorization_engine as engine;
use bailiwick_rpc::{Held, OperatorAllowed, Rights, RightsError};
use bailiwick_types::{AccountId, Subject};
use engine::{Claim, Consistency, Replica};

/// Rights for administrative calls: as the primary is after the call arrived.
#[derive(Debug, Clone)]
pub struct ConsistentRights(pub Arc<Replica>);

/// Rights for calls that ask for decisions: as the replica is, within the staleness bound.
#[derive(Debug, Clone)]
pub struct NearRights(pub Arc<Replica>);

async fn held(
    replica: &Replica,
    consistency: &Consistency,
    account: Option<AccountId>,
    subject: &Subject,
    (permission, targets, operator): (&str, &[String], OperatorAllowed),
) -> Result<Held, RightsError> {
    let claim = Claim {
        subject,
        permission,
        targets,
        operator: match operator {
            OperatorAllowed::No => engine::OperatorAllowed::No,
            OperatorAllowed::Yes => engine::OperatorAllowed::Yes,
            OperatorAllowed::Only => engine::OperatorAllowed::Only,
        },
    };
    match replica.held(&claim, account, consistency, None).await {
        Ok(engine::Held { allowed, operator }) => Ok(Held { allowed, operator }),
        Err(error) => Err(rights_error(error)),
    }
}

/// The guard's error for one of the engine.
pub(crate) fn rights_error(error: engine::RightsError) -> RightsError {
    match error {
        engine::RightsError::Unavailable => RightsError::Unavailable,
        engine::RightsError::DeadlineExceeded => RightsError::DeadlineExceeded,
        engine::RightsError::UnknownPermission(name) => RightsError::UnknownPermission(name),
        engine::RightsError::Internal(detail) => RightsError::Internal(detail),
    }
}

#[async_trait]
impl Rights for ConsistentRights {
    async fn held(
        &self,
        subject: &Subject,
        account: Option<AccountId>,
        permission: &str,
        targets: &[String],
        operator: OperatorAllowed,
    ) -> Result<Held, RightsError> {
        let asked = (permission, targets, operator);
        held(&self.0, &Consistency::Fully, account, subject, asked).await
    }
}

#[async_trait]
impl Rights for NearRights {
    async fn held(
        &self,
        subject: &Subject,
        account: Option<AccountId>,
        permission: &str,
        targets: &[String],
        operator: OperatorAllowed,
    ) -> Result<Held, RightsError> {
        let asked = (permission, targets, operator);
        held(&self.0, &Consistency::MinimizeLatency, account, subject, asked).await
    }
}
