//! The suite that scenarios are run against.

use std::time::Duration;

use bailiwick_client::{Credentials, Endpoints};
use time::OffsetDateTime;

/// A running suite: embedded with a clock that the scenario moves, or a live one.
#[async_trait::async_trait]
pub trait Suite: Send + Sync {
    /// Where its services are.
    fn endpoints(&self) -> Endpoints;
    /// The credentials of an operator of the deployment.
    fn operator(&self) -> Credentials;
    /// The manifest of a product, to apply before the first step; none where the product is there already.
    fn manifest(&self, product: &str) -> Option<Manifest>;
    /// How long an answer may be behind.
    fn staleness(&self) -> Duration;
    /// Sets the clock to the instant at which a scenario starts.
    ///
    /// # Errors
    /// Where the clock is not the scenario's.
    async fn set_clock(&self, at: OffsetDateTime) -> Result<(), ClockRefused>;
    /// Moves the clock forward.
    ///
    /// # Errors
    /// Where the clock is not the scenario's.
    async fn advance(&self, by: Duration) -> Result<(), ClockRefused>;
}

/// A product manifest.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Name of its file, for messages.
    pub file: String,
    /// YAML.
    pub text: String,
}

/// The suite's clock cannot be moved: it is a live one.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the clock of this suite cannot be moved: {0}")]
pub struct ClockRefused(pub String);
