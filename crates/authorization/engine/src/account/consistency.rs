//! How fresh an answer has to be, and waiting until the account is that fresh.

use std::{fmt, sync::Arc, time::Duration};

use bailiwick_types::{AccountId, ScopeRoot, Service, Subject, Token};
use tokio::time::Instant;

use super::{Replica, entry::Account, gather::AccountView};
use crate::{ReplicaError, SourceError, Watermark};

/// How fresh the data must be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Consistency {
    /// The local data, within the staleness bound.
    #[default]
    MinimizeLatency,
    /// At least as fresh as the writes that returned this token.
    AtLeast(Token),
    /// As the primary is after the request arrived. What was read in the shared cache does not count: the
    /// right of a write is asked for like this.
    Fully,
    /// The same, once the primary has applied the other services' changes that this token names.
    FullyAfter(Token),
}

impl Consistency {
    /// The token to wait for.
    pub(crate) fn token(&self) -> Option<&Token> {
        match self {
            Self::AtLeast(token) | Self::FullyAfter(token) => Some(token),
            Self::MinimizeLatency | Self::Fully => None,
        }
    }

    /// Whether the answer is made from what was read in the primary alone.
    pub(crate) fn primary_only(&self) -> bool {
        match self {
            Self::Fully | Self::FullyAfter(_) => true,
            Self::MinimizeLatency | Self::AtLeast(_) => false,
        }
    }
}

/// An account that is read for an answer, how fresh it must be, and when the answer is due.
#[derive(Debug, Clone)]
pub struct AccountRead {
    /// The account.
    pub account: AccountId,
    /// How fresh the data must be.
    pub consistency: Consistency,
    /// When the request is over; without one, after the configured limit.
    pub deadline: Option<Instant>,
}

/// What an answer waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demand<'a> {
    pub(crate) account: AccountId,
    pub(crate) consistency: &'a Consistency,
    /// The subjects of the answer, whose state in identity it depends on.
    pub(crate) depends: &'a [&'a Subject],
    pub(crate) until: Instant,
}

/// The result of waiting for a change of another service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrived {
    /// It is applied in the primary.
    Yes,
    /// It belongs to another history than the present one.
    OtherEpoch,
    /// It is not applied yet.
    NotYet,
}

/// The port that tells whether changes of tenancy and identity are applied in authorization's primary.
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

/// For a primary that follows no other service: there is nothing to wait for.
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

impl Replica {
    /// Waits until an account, and what is known of these subjects, is as fresh as a request asks for. An
    /// unknown account is not an error here.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn arrive(&self, read: &AccountRead, depends: &[&Subject]) -> Result<(), ReplicaError> {
        if read.consistency == Consistency::MinimizeLatency {
            return Ok(());
        }
        let any = |_: &mut AccountView<'_>| Some(());
        match self.answer(&self.demand(read, depends), &any).await {
            Ok(_) | Err(ReplicaError::UnknownAccount) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Waits until the changes of a caller that a request's token names are here. It looks at no account.
    ///
    /// # Errors
    /// They do not arrive in time, or the primary does not answer.
    pub async fn caller_arrived(&self, read: &AccountRead, caller: &Subject) -> Result<(), ReplicaError> {
        let Some(token) = read.consistency.token() else {
            return Ok(());
        };
        let patience = self
            .until(read.deadline)
            .min(Instant::now() + self.config.patience);
        let Some((service, root)) = identity_of(caller) else {
            return Ok(());
        };
        let Some((epoch, revision)) = token.wanted(service, &root) else {
            return Ok(());
        };
        let within = patience.saturating_duration_since(Instant::now());
        let wait = self.arrivals.wait(service, &root, epoch, revision, within);
        match wait.await? {
            Arrived::NotYet => Err(ReplicaError::NotYetVisible),
            Arrived::Yes | Arrived::OtherEpoch => Ok(()),
        }
    }

    /// What the answer to a request waits for.
    pub(crate) fn demand<'a>(&self, read: &'a AccountRead, depends: &'a [&'a Subject]) -> Demand<'a> {
        Demand {
            account: read.account,
            consistency: &read.consistency,
            depends,
            until: self.until(read.deadline),
        }
    }

    /// Brings an account to the freshness that a request asks for; returns the point that the watermark has
    /// to cover, `None` where the account was dropped meanwhile.
    pub(crate) async fn settle(
        &self,
        account: &Arc<Account>,
        demand: &Demand<'_>,
    ) -> Result<Option<Watermark>, ReplicaError> {
        match demand.consistency {
            Consistency::MinimizeLatency => Ok(Some(Watermark::default())),
            Consistency::Fully => self.advance(account, demand.until).await,
            Consistency::AtLeast(token) => self.settle_token(account, token, demand).await,
            Consistency::FullyAfter(token) => match self.settle_token(account, token, demand).await? {
                Some(_) => self.advance(account, demand.until).await,
                None => Ok(None),
            },
        }
    }

    /// Waits for an account that the primary does not know, where the request's token says that tenancy has
    /// it.
    pub(crate) async fn until_created(&self, demand: &Demand<'_>) -> Result<(), ReplicaError> {
        let root = ScopeRoot::Account(demand.account);
        let token = demand.consistency.token();
        let wanted = token.and_then(|token| token.wanted(Service::Tenancy, &root));
        let (epoch, revision) = wanted.ok_or(ReplicaError::UnknownAccount)?;
        let patience = demand.until.min(Instant::now() + self.config.patience);
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
        demand: &Demand<'_>,
    ) -> Result<Option<Watermark>, ReplicaError> {
        let until = demand.until;
        // At most the configured patience, also where the deadline is later.
        let patience = until.min(Instant::now() + self.config.patience);
        let mut all = false;
        for (service, root) in roots_elsewhere(demand) {
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
                    // The primary has it: the watermark has to reach the primary's present state once.
                    let Some(at) = self.advance(account, until).await? else {
                        return Ok(None);
                    };
                    if let Some(ready) = account
                        .write()
                        .ready_mut()
                        .filter(|ready| ready.watermark().covers(&at))
                    {
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
        let mut floor = Watermark::default();
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
            // A revision of another epoch cannot be waited for.
            return self.advance(account, until).await;
        }
        let mut polls = self.polls.subscribe();
        loop {
            match account.read().ready() {
                None => return Ok(None),
                Some(ready) if ready.watermark().covers(&floor) => return Ok(Some(floor)),
                Some(_) => {}
            }
            match self.advance(account, until).await? {
                None => return Ok(None),
                Some(at) if at.covers(&floor) => continue,
                // The primary is not there yet: the write that returned the token is still committing.
                Some(_) => {}
            }
            if tokio::time::timeout_at(patience, polls.changed()).await.is_err() {
                return Err(ReplicaError::NotYetVisible);
            }
        }
    }
}

/// The roots in other services that an answer depends on.
fn roots_elsewhere(demand: &Demand<'_>) -> Vec<(Service, ScopeRoot)> {
    let mut roots = vec![(Service::Tenancy, ScopeRoot::Account(demand.account))];
    roots.extend(demand.depends.iter().filter_map(|subject| identity_of(subject)));
    roots
}

/// The root of identity with the state of a subject.
fn identity_of(subject: &Subject) -> Option<(Service, ScopeRoot)> {
    let root = match subject.user_id() {
        Some(user) => ScopeRoot::User(user),
        None if subject.kind() == "service" => ScopeRoot::Deployment,
        None => return None,
    };
    Some((Service::Identity, root))
}
