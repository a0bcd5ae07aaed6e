//! How a server listens and what it bears.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::HumanDuration;

/// Which calls are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum AccessLog {
    /// None.
    Off,
    /// Those that failed or were slow.
    #[default]
    Failures,
    /// All.
    All,
}

/// Server TLS.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// PEM file of the certificate and those that lead from it to an authority.
    pub cert_file: PathBuf,
    /// PEM file of the private key.
    pub key_file: PathBuf,
}

/// How a server listens and what it bears.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address of the gRPC listener.
    pub listen: SocketAddr,
    /// Address of the HTTP listener: health, metrics and what a service has over HTTP. None where absent.
    pub http_listen: Option<SocketAddr>,
    /// TLS of both listeners; plain text where absent.
    pub tls: Option<TlsConfig>,
    /// The longest time that a call may take, whatever its caller allows. Streams that follow a feed are
    /// exempt.
    pub max_deadline: HumanDuration,
    /// How many calls may be under way at once; more are refused with `RESOURCE_EXHAUSTED`.
    pub max_in_flight: usize,
    /// How many calls a connection may have under way at once.
    pub max_streams_per_connection: u32,
    /// How many connections are held at once; more wait to be accepted.
    pub max_connections: usize,
    /// The largest message, in bytes, in either direction.
    pub max_message_bytes: usize,
    /// The largest header list of a request, in bytes.
    pub max_header_bytes: u32,
    /// After which silence a connection is tried with a ping.
    pub keepalive_interval: HumanDuration,
    /// How long the answer to that may take.
    pub keepalive_timeout: HumanDuration,
    /// After which time a connection is asked to end, so that load spreads over new replicas; up to a tenth
    /// more or less.
    pub max_connection_age: HumanDuration,
    /// How long its calls may take then.
    pub max_connection_age_grace: HumanDuration,
    /// How long the server goes on taking calls after it has told load balancers that it is going.
    pub drain_wait: HumanDuration,
    /// How long calls may take after that; then the rest is cut.
    pub drain_grace: HumanDuration,
    /// Which calls are logged.
    pub access_log: AccessLog,
    /// From which duration on a call is slow.
    pub slow_call: HumanDuration,
    /// Whether `grpc.reflection.v1` is served.
    pub reflection: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        let seconds = |n| HumanDuration::from(Duration::from_secs(n));
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7600)),
            http_listen: None,
            tls: None,
            max_deadline: seconds(30),
            max_in_flight: 4096,
            max_streams_per_connection: 1024,
            max_connections: 4096,
            max_message_bytes: 4 * 1024 * 1024,
            max_header_bytes: 64 * 1024,
            keepalive_interval: seconds(30),
            keepalive_timeout: seconds(10),
            max_connection_age: seconds(30 * 60),
            max_connection_age_grace: seconds(60),
            drain_wait: seconds(5),
            drain_grace: seconds(20),
            access_log: AccessLog::default(),
            slow_call: seconds(1),
            reflection: true,
        }
    }
}
