//! A suite with an operator in a temporary directory.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use bailiwick_client::{Credentials, Endpoints};
use bailiwick_identity_server::{IdentityConfig, operator::SecretSource};
use bailiwick_scenario::{ClockRefused, Manifest, Suite};
use bailiwick_types::{Clock, Service, SystemClock};
use tempfile::TempDir;
use time::OffsetDateTime;

use super::{Running, clock::MovableClock};
use crate::{commands::operator, config::Config, products};

/// E-mail address of the operator.
pub(crate) const OPERATOR: &str = "operator@example.com";
/// How old an answer without a token may be.
pub(crate) const STALENESS: Duration = Duration::from_secs(10);

/// A suite that serves from a temporary directory, which is removed with this value.
pub(crate) struct Temporary {
    /// The services.
    pub(crate) running: Running,
    /// The operator's password.
    pub(crate) password: String,
    /// Data and keys.
    pub(crate) directory: TempDir,
    clock: Option<Arc<MovableClock>>,
    products: Option<PathBuf>,
}

impl Temporary {
    /// Starts a suite on the system clock.
    pub(crate) async fn start(listen: SocketAddr) -> Result<Self> {
        Self::start_with(listen, IdentityConfig::default(), None, None).await
    }
    /// Starts a suite for a scenario, which moves its clock. Manifests come from the directory first.
    pub(crate) async fn for_scenario(clock: MovableClock, products: Option<PathBuf>) -> Result<Self> {
        // Scenarios sign in often and have no secrets to protect.
        let identity = IdentityConfig::for_tests();
        Self::start_with(([127, 0, 0, 1], 0).into(), identity, Some(clock), products).await
    }
    async fn start_with(
        listen: SocketAddr,
        identity: IdentityConfig,
        clock: Option<MovableClock>,
        products: Option<PathBuf>,
    ) -> Result<Self> {
        let directory = tempfile::tempdir().context("cannot create a temporary directory")?;
        let mut config = Config {
            data_dir: Some(directory.path().to_owned()),
            identity,
            ..Config::default()
        };
        config.server.listen = listen;
        config.server.drain_wait = Duration::ZERO.into();
        config.telemetry.log_filter = "error".into();
        let password = super::random_text(24);
        let secret = SecretSource::Given(password.clone().into());
        operator::create(&config, OPERATOR, &secret).await?;
        let clock = clock.map(Arc::new);
        let time: Arc<dyn Clock> = match &clock {
            Some(clock) => clock.clone(),
            None => Arc::new(SystemClock),
        };
        Ok(Self {
            running: super::start(&config, &Service::ALL, time).await?,
            password,
            directory,
            clock,
            products,
        })
    }
    fn clock(&self) -> Result<&MovableClock, ClockRefused> {
        let clock = self.clock.as_deref();
        clock.ok_or_else(|| ClockRefused("it runs on the system clock".into()))
    }
}

#[async_trait::async_trait]
impl Suite for Temporary {
    fn endpoints(&self) -> Endpoints {
        Endpoints::one(format!("http://{}", self.running.grpc))
    }
    fn operator(&self) -> Credentials {
        Credentials::password(OPERATOR, self.password.clone().into(), None)
    }
    fn manifest(&self, product: &str) -> Option<Manifest> {
        products::manifest(self.products.as_deref(), product)
    }
    fn staleness(&self) -> Duration {
        STALENESS
    }
    async fn set_clock(&self, at: OffsetDateTime) -> Result<(), ClockRefused> {
        self.clock()?.set(at.into());
        Ok(())
    }
    async fn advance(&self, by: Duration) -> Result<(), ClockRefused> {
        self.clock()?.advance(by);
        Ok(())
    }
}
