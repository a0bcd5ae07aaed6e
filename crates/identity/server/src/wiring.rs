//! Builds the service.

use std::{sync::Arc, time::Duration};

use axum::Router;
use bailiwick_feed::{LocalEnded, SnapshotSource, follow_ended, record_attempts};
use bailiwick_identity_core::{
    Identity,
    attempt::{Admission, Failures},
    mail::{MailSeal, Mailer, Outbox},
    password::{CostError, Passwords},
    peer::{Closer, Members, ServiceRoles},
    signing::{Issuer, KeySeal, Keys, KeysError, SealError},
    upkeep,
};
use bailiwick_rpc::{
    AccessClaims, ApiKeys, Attempts, Authenticator, Guard, KeySource, Services, StepUp, Tasks, metrics,
};
use bailiwick_sql::Db;
use bailiwick_types::{AccountId, Clock, IdGen, Rng, StoreError, Subject, System, UserId};
use secrecy::SecretString;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    ConfigError, IdentityConfig,
    api_keys::LocalApiKeys,
    ended::Snapshots,
    grpc, http,
    keys::{LocalKeys, LocalStepUp},
    mail::mailer,
    store::{Snapshot, SqlStore},
    work::{self, Work},
};

/// What the service needs.
#[derive(Clone)]
pub struct Deps {
    /// Its configuration.
    pub config: IdentityConfig,
    /// The issuer of tokens: the URL of the service, as authenticators check it.
    pub issuer: String,
    /// Secrets of the deployment that waiting mails are sealed under: the present one, then those of
    /// before. A service that is built needs one.
    pub mail_secrets: Vec<SecretString>,
    /// Its database, connected, with its schema.
    pub db: Db,
    /// Answers questions about memberships: [`crate::Authorization`].
    pub members: Arc<dyn Members>,
    /// Takes access away: [`crate::Authorization`].
    pub closer: Arc<dyn Closer>,
    /// Answers questions about roles of service accounts: [`crate::Authorization`].
    pub roles: Arc<dyn ServiceRoles>,
    /// The witness of what the service does by itself.
    pub system: System,
    /// The tasks that the shutdown of the process waits for.
    pub tasks: TaskTracker,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdGen>,
    /// New secrets.
    pub rng: Arc<dyn Rng>,
}

bailiwick_types::debug_fields!(Deps { config, issuer, db });

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Its configuration.
    #[error("identity: {0}")]
    Config(#[from] ConfigError),
    /// The hashing parameters.
    #[error("identity: `password_hashing`: {0}")]
    Cost(#[from] CostError),
    /// The signing keys.
    #[error("identity: {0}")]
    Keys(#[from] KeysError),
    /// The key encryption.
    #[error("identity: {0}")]
    Seal(#[from] SealError),
    /// There is no secret to seal mails under, or the cryptographic library fails.
    #[error("identity: mails cannot be sealed")]
    MailSeal,
    /// The database.
    #[error("identity: {0}")]
    Store(#[from] StoreError),
}

/// The service, ready to be served.
#[derive(Clone)]
pub struct IdentityService {
    identity: Arc<Identity>,
    db: Db,
    system: System,
    tasks: TaskTracker,
    mailer: Arc<dyn Mailer>,
    retention: Duration,
    ended: Arc<upkeep::Ended>,
    /// Calls and sign-ins that were refused, for the audit log.
    attempts: Attempts,
}

/// Notes sign-ins that failed.
struct Noted(Attempts);

impl Failures for Noted {
    fn sign_in(&self, action: &'static str, user: Option<UserId>, account: Option<AccountId>) {
        // An address that is nobody's is not told: it may be a password in the wrong field.
        let target = user.map_or_else(
            || "user:unknown".to_owned(),
            |user| Subject::user(user).to_string(),
        );
        self.0.failed(None, account, action, target);
    }
}

bailiwick_types::debug_fields!(IdentityService { db });

/// Builds the service. The first start of a deployment creates its first signing key.
///
/// # Errors
/// The configuration is invalid, or the signing keys are not readable.
pub async fn build(deps: Deps) -> Result<IdentityService, BuildError> {
    let (db, system, tasks) = (deps.db.clone(), deps.system.clone(), deps.tasks.clone());
    let retention = deps.config.feed_retention.get();
    if deps.mail_secrets.is_empty() {
        return Err(BuildError::MailSeal);
    }
    let attempts = Attempts::default();
    let identity = assemble(deps, attempts.clone())?;
    let mailer = Arc::clone(&identity.mailer);
    upkeep::maintain_keys(&identity, &system).await?;
    if !identity.keys.encrypts() {
        tracing::info!(
            "no key encryption secret is configured: signing keys and secrets of authenticators are \
             stored in plain text"
        );
    }
    let ended = upkeep::recently_ended(&identity, &system).await?;
    Ok(IdentityService {
        identity: Arc::new(identity),
        db,
        system,
        tasks,
        mailer,
        retention,
        ended: Arc::new(ended),
        attempts,
    })
}

/// The ports and the settings of the service, without signing keys.
pub(crate) fn assemble(deps: Deps, attempts: Attempts) -> Result<Identity, BuildError> {
    deps.config.check()?;
    let config = &deps.config;
    let secret = &config.key_encryption_secret;
    let secret = (!secret.is_empty()).then(|| SecretString::from(secret.expose()));
    let seal = KeySeal::new(secret.as_ref())?;
    let keys = Keys::new(
        seal,
        config.key_times(),
        Arc::clone(&deps.clock),
        Arc::clone(&deps.rng),
    );
    let hashing = &config.password_hashing;
    let rules = config
        .passwords
        .rules(&config.mail.product)
        .map_err(ConfigError::from)?;
    let passwords = Passwords::new(hashing.cost()?, hashing.shares(), rules, Arc::clone(&deps.rng))?;
    let seal = MailSeal::new(&deps.mail_secrets).ok_or(BuildError::MailSeal)?;
    let outbox = Outbox::new(seal, config.mail.limits());
    let key_peppers = config.api_keys.peppers(&deps.mail_secrets, &*deps.rng);
    // One network keeps the threads busy and leaves the others their turns.
    let at_once = 2 * hashing.parallel;
    let admission = Admission::new(config.admission(), at_once, Arc::clone(&deps.clock));
    Ok(Identity {
        store: Arc::new(SqlStore::new(deps.db.clone())),
        members: deps.members,
        closer: deps.closer,
        roles: deps.roles,
        passwords,
        keys,
        key_peppers,
        issuer: Issuer {
            name: deps.issuer,
            audience: AccessClaims::AUDIENCE.to_owned(),
            lifetime: config.access_token_lifetime.get(),
        },
        lifetimes: config.lifetimes(),
        admission,
        throttle: config.throttle(),
        failures: Arc::new(Noted(attempts)),
        outbox,
        mailer: mailer(&config.mail).map_err(ConfigError::from)?,
        operators: config.operators.policy(),
        clock: deps.clock,
        ids: deps.ids,
        rng: deps.rng,
    })
}

impl IdentityService {
    /// The public keys of access tokens, for the authenticator of this process.
    #[must_use]
    pub fn key_source(&self) -> Arc<dyn KeySource> {
        Arc::new(LocalKeys::new(Arc::clone(&self.identity)))
    }
    /// Step-ups, for the guards of this process.
    #[must_use]
    pub fn step_up(&self) -> Arc<dyn StepUp> {
        Arc::new(LocalStepUp {
            identity: Arc::clone(&self.identity),
            system: self.system.clone(),
        })
    }
    /// API keys, for the authenticator of this process.
    #[must_use]
    pub fn api_keys(&self) -> Arc<dyn ApiKeys> {
        Arc::new(LocalApiKeys {
            identity: Arc::clone(&self.identity),
            system: self.system.clone(),
        })
    }
    /// Snapshots of the current state, for the server of the feed.
    #[must_use]
    pub fn snapshot(&self) -> Arc<dyn SnapshotSource> {
        Arc::new(Snapshots {
            state: Snapshot::new(self.db.clone()),
            identity: Arc::clone(&self.identity),
            system: self.system.clone(),
        })
    }
    /// The database, for the server of the feed.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }
    /// The gRPC services. The authenticator learns which sessions and service accounts ended shortly before
    /// the start; what ends later is heard once the service is started.
    #[must_use]
    pub fn services(&self, guard: Guard, authenticator: Arc<Authenticator>) -> Services {
        let upkeep::Ended {
            sessions,
            services,
            tokens,
        } = &*self.ended;
        sessions.iter().for_each(|id| authenticator.forget_session(*id));
        tokens.iter().for_each(|id| authenticator.forget_token(id));
        let subjects = services.iter().map(|id| Subject::service(*id));
        subjects.for_each(|subject| authenticator.forget_subject(&subject));
        let tasks = Tasks::new(self.tasks.clone());
        let guard = guard.noting(self.attempts.clone());
        grpc::services(Arc::clone(&self.identity), guard, authenticator, tasks)
    }
    /// The HTTP endpoints.
    pub fn http(&self) -> Router {
        http::router(Arc::clone(&self.identity))
    }
    /// Starts the background work, until `stop` is cancelled. The authenticator hears what ends.
    pub fn start(&self, authenticator: Arc<Authenticator>, tasks: &TaskTracker, stop: &CancellationToken) {
        let ended = Arc::new(LocalEnded::new(self.db.clone(), self.snapshot()));
        let hearing = follow_ended(ended, Arc::clone(&authenticator));
        tasks.spawn(stop.clone().run_until_cancelled_owned(hearing));
        let recording = record_attempts(self.db.clone(), self.attempts.clone());
        tasks.spawn(stop.clone().run_until_cancelled_owned(recording));
        let work = Work {
            identity: Arc::clone(&self.identity),
            system: self.system.clone(),
            db: self.db.clone(),
            retention: self.retention,
            mailer: Arc::clone(&self.mailer),
            mails: metrics::counters(
                "bailiwick_identity_mails_total",
                "Attempts at mails by kind and how they ended.",
                &["kind", "outcome"],
            ),
            authenticator,
        };
        work::start(work, tasks, stop);
    }
}
