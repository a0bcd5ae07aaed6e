//! Waits until a service has seen what a request's consistency token names.

use std::time::Duration;

use bailiwick_rpc::{Context, IntoStatus};
use bailiwick_sql::{Db, Error, follow::Waited};
use bailiwick_types::{ScopeRoot, Service, faults};
use tonic::Status;

faults! {
    /// Why a request does not see what its token names.
    FreshnessError: Store(Error);
    /// The change has not reached this service in time.
    NotYetVisible { service: Service, root: ScopeRoot, revision: u64 }
        "`{service}` at revision {revision} of `{root}` is not visible to this service yet; retry"
        => Unavailable NotYetVisible, retry 100;
}

/// Waits for the revisions of a consistency token that have been applied to a service's database.
#[derive(Debug, Clone)]
pub struct Freshness {
    db: Db,
    longest: Duration,
}

impl Freshness {
    /// Waits for this database, for at most `longest` a request.
    #[must_use]
    pub fn new(db: Db, longest: Duration) -> Self {
        Self { db, longest }
    }
    /// Waits for the pairs of the request's token that its answer depends on, until the request's deadline.
    ///
    /// # Errors
    /// UNAVAILABLE (`NOT_YET_VISIBLE`) where a revision does not arrive in time; what the database fails
    /// with.
    pub async fn wait(
        &self,
        context: &Context,
        needed: impl Fn(Service, &ScopeRoot) -> bool,
    ) -> Result<(), Status> {
        self.reach(context, needed).await.map_err(IntoStatus::into_status)
    }
    async fn reach(
        &self,
        context: &Context,
        needed: impl Fn(Service, &ScopeRoot) -> bool,
    ) -> Result<(), FreshnessError> {
        let token = &context.token;
        for ((service, root), revision) in &token.revisions {
            let epoch = token.epochs.get(service).filter(|_| needed(*service, root));
            let Some(epoch) = epoch else { continue };
            let within = context.remaining(self.longest);
            let waited = self
                .db
                .wait_applied(*service, epoch, root, *revision, within)
                .await?;
            match waited {
                // The revisions of another epoch never arrive here: what is read is the newest there is.
                Waited::Reached | Waited::OtherEpoch => {}
                Waited::Late => {
                    return Err(FreshnessError::NotYetVisible {
                        service: *service,
                        root: root.clone(),
                        revision: *revision,
                    });
                }
            }
        }
        Ok(())
    }
}
