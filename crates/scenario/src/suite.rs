//! The suite that scenarios are run against.

use std::time::Duration;

use bailiwick_client::{Credentials, Endpoints};
use time::OffsetDateTime;

/// A running suite: embedded with a clock that the scenario moves, or a live one.
#[async_trait::async_trait]
pub trait Suite: Send + Sync {
    /// The addresses of its services.
    fn endpoints(&self) -> Endpoints;
    /// The credentials of an operator of the deployment.
    fn operator(&self) -> Credentials;
    /// The manifest of a product, to apply before the first step; none where the suite has the product.
    fn manifest(&self, product: &str) -> Option<Manifest>;
    /// The staleness bound: how long an answer without consistency token may be behind.
    fn staleness(&self) -> Duration;
    /// Sets the clock to the instant at which a scenario starts.
    ///
    /// # Errors
    /// Where the clock of the suite cannot be moved.
    async fn set_clock(&self, at: OffsetDateTime) -> Result<(), ClockRefused>;
    /// Moves the clock forward.
    ///
    /// # Errors
    /// Where the clock of the suite cannot be moved.
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

/// Error for a suite whose clock cannot be moved, such as a live one.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the clock of this suite cannot be moved: {0}")]
pub struct ClockRefused(pub String);
