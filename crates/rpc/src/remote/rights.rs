//! Rights from authorization.

use async_trait::async_trait;
use bailiwick_proto::authorization::v1::{CheckCallerRequest, access_service_client::AccessServiceClient};
use bailiwick_types::{AccountId, Held, OperatorAllowed, Reason, Rights, RightsError, Scope, Subject, Token};

use crate::{Peer, PeerError, token};

/// As many targets go into one question.
const BATCH: usize = 1000;

tokio::task_local! {
    /// What the caller has seen: authorization answers from nothing older.
    static SEEN: Token;
}

/// Lets questions about rights that `work` asks carry the caller's consistency token.
pub(crate) async fn with_token<F: Future>(token: &Token, work: F) -> F::Output {
    if token.is_empty() {
        return work.await;
    }
    SEEN.scope(token.clone(), work).await
}

/// What a question about rights that is asked now carries: the caller's consistency token, where it has one.
#[must_use]
pub fn carried_token() -> Option<Token> {
    SEEN.try_with(Token::clone).ok()
}

/// Asks authorization what a caller may do (`AccessService.CheckCaller`).
#[derive(Debug, Clone)]
pub struct RemoteRights {
    client: AccessServiceClient<Peer>,
}

impl RemoteRights {
    /// Asks this peer.
    #[must_use]
    pub fn new(authorization: Peer) -> Self {
        Self {
            client: AccessServiceClient::new(authorization),
        }
    }
}

#[async_trait]
impl Rights for RemoteRights {
    async fn held(
        &self,
        subject: &Subject,
        account: Option<AccountId>,
        permission: &str,
        targets: &[String],
        operator: OperatorAllowed,
    ) -> Result<Held, RightsError> {
        let mut held = Held::default();
        // Without account only roles of the deployment are asked; they count everywhere.
        let account = account.filter(|_| operator != OperatorAllowed::Only);
        let mut by_deployment = !targets.is_empty();
        let seen = carried_token().unwrap_or_default();
        for batch in targets.chunks(BATCH) {
            let request = CheckCallerRequest {
                subject: subject.to_string(),
                account: account.map(|a| a.to_string()).unwrap_or_default(),
                permissions: vec![permission.to_owned()],
                scopes: match operator {
                    OperatorAllowed::Only => vec!["deployment".to_owned()],
                    _ => batch.to_vec(),
                },
                operator_allowed: operator != OperatorAllowed::No,
                stranger: false,
                within: String::new(),
            };
            let answer = self
                .client
                .clone()
                .check_caller(token::request(request, &seen))
                .await
                .map_err(translate)?;
            let answer = answer.into_inner();
            by_deployment &= answer.operator;
            if operator == OperatorAllowed::Only {
                let allowed = answer.operator && answer.allowed == [true];
                held.allowed.extend(batch.iter().map(|_| allowed));
            } else {
                held.allowed.extend(answer.allowed);
            }
        }
        held.operator = by_deployment;
        Ok(held)
    }

    async fn held_within(
        &self,
        subject: &Subject,
        account: AccountId,
        permission: &str,
        targets: &[String],
        within: &Scope,
    ) -> Result<Held, RightsError> {
        let mut allowed = Vec::with_capacity(targets.len());
        let seen = carried_token().unwrap_or_default();
        for batch in targets.chunks(BATCH) {
            let request = CheckCallerRequest {
                subject: subject.to_string(),
                account: account.to_string(),
                permissions: vec![permission.to_owned()],
                scopes: batch.to_vec(),
                within: within.to_string(),
                ..Default::default()
            };
            let request = token::request(request, &seen);
            let answer = self.client.clone().check_caller(request).await;
            allowed.extend(answer.map_err(translate)?.into_inner().allowed);
        }
        Ok(Held {
            allowed,
            operator: false,
        })
    }

    async fn is_stranger(&self, subject: &Subject, account: Option<AccountId>) -> Result<bool, RightsError> {
        let request = CheckCallerRequest {
            subject: subject.to_string(),
            account: account.map(|account| account.to_string()).unwrap_or_default(),
            operator_allowed: true,
            stranger: true,
            ..Default::default()
        };
        let seen = carried_token().unwrap_or_default();
        let request = token::request(request, &seen);
        let asked = self.client.clone().check_caller(request).await;
        Ok(asked.map_err(translate)?.into_inner().stranger)
    }
}

fn translate(status: tonic::Status) -> RightsError {
    match PeerError::from(status) {
        PeerError::Unavailable { .. } => RightsError::Unavailable,
        PeerError::DeadlineExceeded => RightsError::DeadlineExceeded,
        PeerError::Refused {
            reason: Some(Reason::UnknownPermission),
            message,
            ..
        } => RightsError::UnknownPermission(message),
        error @ PeerError::Refused { .. } => RightsError::Internal(error.to_string()),
    }
}
