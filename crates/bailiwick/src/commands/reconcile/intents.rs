//! Suspensions, deletions, moves and disablings that were begun and not finished.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use async_trait::async_trait;
use bailiwick_authorization_server::reconcile::{
    CloseScope, CloseServiceAccount, CloseUser, CloseUserError, Mover, Reconciler, Relocation,
};
use bailiwick_identity_core::peer as identity;
use bailiwick_identity_server::reconcile::Disablings;
use bailiwick_policy::PlaceState;
use bailiwick_sql::Db;
use bailiwick_tenancy_core::{
    State,
    closing::Closing,
    moving::Moving,
    peer::{Authorization, Declined, Foreseen, MoveError, PeerError},
};
use bailiwick_tenancy_server::TenancyService;
use bailiwick_types::{
    AccountId, Clock, Code, Email, Fault as _, Service, ServiceAccountId, SourceVersion, Timestamp, Token,
    UserId,
};

use super::finding::{Finding, Findings, Problem};

/// Those that began longer ago are not on their way any more: running services would have finished them.
const INTERRUPTED: Duration = Duration::from_secs(20);
/// Those that are read at once.
const BATCH: u64 = 500;

/// Takes access away in authorization's database, as its service does when it is asked.
pub(super) struct Closer {
    pub(super) authorization: Reconciler,
    /// Identity's database: versions of users count in its history.
    pub(super) identity: Db,
}

#[async_trait]
impl Authorization for Closer {
    async fn close_scope(&self, closing: &Closing, seen: &Token) -> Result<(), PeerError> {
        let epoch = seen.epochs.get(&Service::Tenancy);
        let epoch =
            epoch.ok_or_else(|| PeerError::Unavailable("the epoch of the feed is not known".to_owned()))?;
        let close = CloseScope {
            account: closing.account,
            scope: closing.scope.clone(),
            version: SourceVersion::new(epoch.as_str(), closing.version),
            state: if closing.deletes() {
                PlaceState::Deleted
            } else {
                PlaceState::Suspended
            },
        };
        let closed = self.authorization.close_scope(close).await;
        closed.map_err(|error| PeerError::Unavailable(error.to_string()))
    }
    async fn move_scope(&self, moving: &Moving, seen: &Token) -> Result<(), MoveError> {
        let epoch = seen.epochs.get(&Service::Tenancy);
        let epoch =
            epoch.ok_or_else(|| PeerError::Unavailable("the epoch of the feed is not known".to_owned()))?;
        let of = Relocation {
            account: moving.account,
            scope: moving.scope(),
            target: moving.target,
            parent: moving.parent_scope(),
            version: SourceVersion::new(epoch.as_str(), moving.version),
            mover: Some(Mover {
                subject: moving.mover.subject.clone(),
                operator: moving.mover.operator,
                target_operator: moving.mover.target_operator,
            }),
        };
        let moved = self.authorization.relocate(of).await;
        moved.map_err(|error| match error.code() {
            Code::Unavailable | Code::Aborted | Code::DeadlineExceeded | Code::Internal => {
                PeerError::Unavailable(error.to_string()).into()
            }
            code => MoveError::Declined(Declined {
                code,
                reason: error.reason(),
                message: error.to_string(),
                metadata: error.metadata(),
                violations: error.violations().to_vec(),
            }),
        })
    }
    async fn check_move(&self, _: &Moving, _: &Token) -> Result<(), MoveError> {
        // A command begins no move.
        Err(PeerError::Unavailable("moves are previewed by the service".to_owned()).into())
    }
    async fn preview_move(&self, _: &Moving, _: &Token) -> Result<Vec<Foreseen>, MoveError> {
        // A command begins no move.
        Err(PeerError::Unavailable("moves are previewed by the service".to_owned()).into())
    }
}

impl Closer {
    async fn close_of(&self, user: UserId, version: u64) -> Result<CloseUser, identity::PeerError> {
        let epoch = self.identity.epoch().await;
        let epoch = epoch.map_err(|_| identity::PeerError::Unavailable)?;
        let version = SourceVersion::new(epoch, version);
        Ok(CloseUser {
            user,
            version,
            deletes: None,
        })
    }
}

fn closed(result: Result<(), CloseUserError>) -> Result<(), identity::CloseError> {
    match result {
        Ok(()) => Ok(()),
        Err(CloseUserError::Precondition(rule)) => Err(identity::CloseError::Refused(rule.to_string())),
        Err(_) => Err(identity::PeerError::Unavailable.into()),
    }
}

#[async_trait]
impl identity::Closer for Closer {
    async fn close_user(&self, user: UserId, version: u64) -> Result<(), identity::CloseError> {
        let close = self.close_of(user, version).await?;
        closed(self.authorization.close_user(close).await)
    }
    async fn close_operator(&self, user: UserId, version: u64) -> Result<(), identity::CloseError> {
        let close = self.close_of(user, version).await?;
        closed(self.authorization.close_operator(close).await)
    }
    async fn delete_user(
        &self,
        user: UserId,
        version: u64,
        address: &Email,
    ) -> Result<(), identity::CloseError> {
        let close = CloseUser {
            deletes: Some(address.key()),
            ..self.close_of(user, version).await?
        };
        closed(self.authorization.close_user(close).await)
    }
    async fn close_service_account(
        &self,
        id: ServiceAccountId,
        version: u64,
    ) -> Result<(), identity::PeerError> {
        let epoch = self.identity.epoch().await;
        let epoch = epoch.map_err(|_| identity::PeerError::Unavailable)?;
        let version = SourceVersion::new(epoch, version);
        let close = CloseServiceAccount { id, version };
        let closed = self.authorization.close_service_account(close).await;
        closed.map_err(|_| identity::PeerError::Unavailable)
    }
}

#[async_trait]
impl identity::Members for Closer {
    async fn is_active(&self, _: AccountId, _: UserId, _: &Token) -> Result<bool, identity::PeerError> {
        // Nobody signs in to a command.
        Err(identity::PeerError::Unavailable)
    }
}

#[async_trait]
impl identity::ServiceRoles for Closer {
    async fn ensure(&self, _: identity::ServiceRole<'_>, _: &Token) -> Result<(), identity::RoleError> {
        // A command makes no service account.
        Err(identity::PeerError::Unavailable.into())
    }
}

/// The unfinished changes of tenancy and identity.
pub(super) struct Intents {
    pub(super) tenancy: TenancyService,
    pub(super) identity: Disablings,
    pub(super) clock: Arc<dyn Clock>,
}

impl Intents {
    fn until(&self) -> Timestamp {
        self.clock.now().minus(INTERRUPTED)
    }
    /// Finds those that nothing finishes.
    pub(super) async fn look(&self, found: &mut Findings) -> Result<()> {
        for closing in self.tenancy.open_closings(self.until(), BATCH).await? {
            let kind = match closing.to {
                State::Deleted => "deletion",
                State::Restricted => "restriction",
                _ => "suspension",
            };
            let account = closing.account.to_string();
            found.push(finding(
                Service::Tenancy,
                kind,
                closing.scope.to_string(),
                Some(account),
            ));
        }
        for moving in self.tenancy.open_moves(self.until(), BATCH).await? {
            let (scope, account) = (moving.scope().to_string(), moving.account.to_string());
            found.push(finding(Service::Tenancy, "move", scope, Some(account)));
        }
        for closing in self.identity.open(self.until(), BATCH).await? {
            found.push(finding(
                Service::Identity,
                "disabling",
                closing.id().to_owned(),
                None,
            ));
        }
        Ok(())
    }
    /// Finishes them; a disabling or move that a rule forbids now is withdrawn.
    pub(super) async fn finish(&self) -> Result<()> {
        let mut left = usize::MAX;
        loop {
            let mut open = Findings::default();
            self.look(&mut open).await?;
            let now = open.listed.len();
            // What cannot be finished is found again, and listed as left.
            if now == 0 || now >= left {
                return Ok(());
            }
            left = now;
            self.tenancy.finish_closings().await?;
            self.identity.finish().await?;
        }
    }
}

fn finding(owner: Service, kind: &'static str, id: String, account: Option<String>) -> Finding {
    Finding {
        kind,
        id,
        account,
        owner: owner.as_str(),
        follower: Service::Authorization.as_str(),
        problem: Problem::Unfinished,
        fields: Vec::new(),
        note: None,
    }
}
