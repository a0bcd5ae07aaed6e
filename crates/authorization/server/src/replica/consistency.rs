//! How fresh an answer has to be.

use std::{fmt, sync::Arc, time::Duration};

use bailiwick_types::{AccountId, ScopeRoot, Service, Subject, Token};
use tokio::time::Instant;

use super::{Replica, ReplicaError, SourceError, Vector, account::Account};

/// How fresh the data must be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Consistency {
    /// What is here, if it is younger than the staleness bound.
    #[default]
    MinimizeLatency,
    /// As fresh as the writes that gave out this token.
    AtLeast(Token),
    /// As the primary is after the request came.
    Fully,
    /// The same, once the primary has applied what this token says of the other services.
    FullyAfter(Token),
}

impl Consistency {
    /// The token that is waited for.
    pub(super) fn token(&self) -> Option<&Token> {
        match self {
            Self::AtLeast(token) | Self::FullyAfter(token) => Some(token),
            Self::MinimizeLatency | Self::Fully => None,
        }
    }
}

/// What came of waiting for a change of another service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrived {
    /// It is applied in the primary.
    Yes,
    /// It is of a history that is not the present one.
    OtherEpoch,
    /// It is not applied yet.
    NotYet,
}

/// Tells whether changes of tenancy and identity are applied in authorization's primary.
#[async_trait::async_trait]
pub trait Arrivals: Send + Sync + fmt::Debug + 'static {
    /// Waits until the root of another service is applied up to a revision.
    async fn wait(
        &self,
        service: Service,
        root: &ScopeRoot,
        epoch: &str,
        revision: u64,
        within: Duration,
    ) -> Result<Arrived, SourceError>;
}

/// Nothing of other services is followed: there is nothing to wait for.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoArrivals;

#[async_trait::async_trait]
impl Arrivals for NoArrivals {
    async fn wait(
        &self,
        _: Service,
        _: &ScopeRoot,
        _: &str,
        _: u64,
        _: Duration,
    ) -> Result<Arrived, SourceError> {
        Ok(Arrived::Yes)
    }
}

/// Whom an answer is about: it depends on what identity says of them.
pub(super) type Depends<'a> = &'a [&'a Subject];

impl Replica {
    /// Brings an account where a request asks for; returns the point that W has to cover. `None` where the account was
    /// dropped meanwhile.
    pub(super) async fn settle(
        &self,
        account: &Arc<Account>,
        consistency: &Consistency,
        depends: Depends<'_>,
        until: Instant,
    ) -> Result<Option<Vector>, ReplicaError> {
        match consistency {
            Consistency::MinimizeLatency => Ok(Some(Vector::default())),
            Consistency::Fully => self.advance(account, until).await,
            Consistency::AtLeast(token) => self.settle_token(account, token, depends, until).await,
            Consistency::FullyAfter(token) => {
                match self.settle_token(account, token, depends, until).await? {
                    Some(_) => self.advance(account, until).await,
                    None => Ok(None),
                }
            }
        }
    }

    /// Waits for an account that the primary does not know, where a request's token says that tenancy has it.
    pub(super) async fn until_made(
        &self,
        account: AccountId,
        consistency: &Consistency,
        until: Instant,
    ) -> Result<(), ReplicaError> {
        let root = ScopeRoot::Account(account);
        let token = consistency.token();
        let wanted = token.and_then(|token| token.wanted(Service::Tenancy, &root));
        let (epoch, revision) = wanted.ok_or(ReplicaError::UnknownAccount)?;
        let patience = until.min(Instant::now() + self.config.patience);
        let within = patience.saturating_duration_since(Instant::now());
        let waited = self
            .arrivals
            .wait(Service::Tenancy, &root, epoch, revision, within)
            .await?;
        match waited {
            Arrived::Yes | Arrived::OtherEpoch => Ok(()),
            Arrived::NotYet => Err(ReplicaError::NotYetVisible),
        }
    }

    async fn settle_token(
        &self,
        account: &Arc<Account>,
        token: &Token,
        depends: Depends<'_>,
        until: Instant,
    ) -> Result<Option<Vector>, ReplicaError> {
        // A request without a deadline waits as long as is usual, one with a deadline as long as it likes.
        let patience = until.min(Instant::now() + self.config.patience);
        let mut all = false;
        for (service, root) in roots_elsewhere(account.id, depends) {
            let Some((epoch, revision)) = token.wanted(service, &root) else {
                continue;
            };
            let known = account
                .read()
                .ready()
                .is_some_and(|ready| ready.has_arrived(service, &root, epoch, revision));
            if known {
                continue;
            }
            let within = patience.saturating_duration_since(Instant::now());
            let arrived = self
                .arrivals
                .wait(service, &root, epoch, revision, within)
                .await?;
            match arrived {
                Arrived::OtherEpoch => all = true,
                Arrived::NotYet => return Err(ReplicaError::NotYetVisible),
                Arrived::Yes => {
                    // It is in the primary: W has to be where the primary is now, once.
                    let Some(at) = self.advance(account, until).await? else {
                        return Ok(None);
                    };
                    if let Some(ready) = account.write().ready_mut().filter(|ready| ready.w().covers(&at)) {
                        ready.arrived(service, root, epoch, revision);
                    }
                }
            }
        }
        let Some((epoch, product)) = account
            .read()
            .ready()
            .map(|ready| (Arc::clone(&ready.epoch), ready.content.product.name.clone()))
        else {
            return Ok(None);
        };
        let mut floor = Vector::default();
        let own = [
            ScopeRoot::Deployment,
            ScopeRoot::Product(product),
            ScopeRoot::Account(account.id),
        ];
        for root in own {
            match token.wanted(Service::Authorization, &root) {
                Some((of, _)) if *of != *epoch => all = true,
                Some((_, revision)) => match root {
                    ScopeRoot::Deployment => floor.deployment = revision,
                    ScopeRoot::Product(_) => floor.product = revision,
                    ScopeRoot::Account(_) | ScopeRoot::User(_) => floor.account = revision,
                },
                None => {}
            }
        }
        if all {
            // A pair of another epoch is not waited for.
            return self.advance(account, until).await;
        }
        let mut polls = self.polls.subscribe();
        loop {
            match account.read().ready() {
                None => return Ok(None),
                Some(ready) if ready.w().covers(&floor) => return Ok(Some(floor)),
                Some(_) => {}
            }
            match self.advance(account, until).await? {
                None => return Ok(None),
                Some(at) if at.covers(&floor) => continue,
                // The primary has not got there: a token of a write whose commit is still on its way.
                Some(_) => {}
            }
            if tokio::time::timeout_at(patience, polls.changed()).await.is_err() {
                return Err(ReplicaError::NotYetVisible);
            }
        }
    }
}

/// The roots of other services that an answer depends on.
fn roots_elsewhere(account: AccountId, depends: Depends<'_>) -> Vec<(Service, ScopeRoot)> {
    let mut roots = vec![(Service::Tenancy, ScopeRoot::Account(account))];
    for subject in depends {
        match subject.user_id() {
            Some(user) => roots.push((Service::Identity, ScopeRoot::User(user))),
            None if subject.kind() == "service" => roots.push((Service::Identity, ScopeRoot::Deployment)),
            None => {}
        }
    }
    roots
}
