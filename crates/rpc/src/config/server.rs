//! How a server listens and what it bears.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HumanDuration, Network};

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
    /// Address of the listener for the other services of the suite: internal methods are there and nowhere
    /// else, and nothing else is there. It must not be public. Required unless all three services run in this
    /// process, which then listens on a free port of loopback.
    pub internal_listen: Option<SocketAddr>,
    /// Address of the HTTP listener: what a service has over HTTP, and health and metrics unless they have a
    /// listener of their own. None where absent.
    pub http_listen: Option<SocketAddr>,
    /// Address of a listener for health (`/healthz`, `/readyz`, `grpc.health.v1`) and `/metrics` alone: other
    /// connections take nothing from it. It speaks plain text and must not be public. Where absent, the HTTP
    /// listener has them.
    pub health_listen: Option<SocketAddr>,
    /// TLS of the gRPC listeners and the HTTP listener; plain text where absent. The files are read again
    /// when they change, and on SIGHUP.
    pub tls: Option<TlsConfig>,
    /// The longest time that a call may take, whatever its caller allows. Streams that follow a feed are
    /// exempt.
    pub max_deadline: HumanDuration,
    /// How many calls may be under way at once; more are refused with `RESOURCE_EXHAUSTED`.
    pub max_in_flight: usize,
    /// How many calls a connection may have under way at once.
    pub max_streams_per_connection: u32,
    /// How many connections each listener holds at once; more wait to be accepted.
    pub max_connections: usize,
    /// How many of them one client address may hold (of IPv6, one /64 network); more are closed at once. 0 is
    /// no limit.
    pub max_connections_per_peer: usize,
    /// Addresses and networks of proxies that carry the connections of many clients: they have no limit of
    /// their own, and the address of a client is what they say in `X-Forwarded-For`. Nobody else is believed.
    pub trusted_proxies: Vec<Network>,
    /// How long a connection may take from its start to its TLS handshake and the HTTP/2 preface, or to the
    /// head of its first HTTP/1 request.
    pub first_request_timeout: HumanDuration,
    /// How long the body of a request may take to arrive, except of streaming methods, and the head of an
    /// HTTP/1 request.
    pub request_timeout: HumanDuration,
    /// After which time without an open call a connection is asked to end; up to a quarter more. 0 is never.
    pub idle_timeout: HumanDuration,
    /// The largest request message, in bytes, compressed or not; a larger one is refused with
    /// `RESOURCE_EXHAUSTED`.
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
    /// Whether reflection is served (`grpc.reflection.v1` and `v1alpha`).
    pub reflection: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        let seconds = |n| HumanDuration::from(Duration::from_secs(n));
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7600)),
            internal_listen: None,
            http_listen: None,
            health_listen: None,
            tls: None,
            max_deadline: seconds(30),
            max_in_flight: 4096,
            max_streams_per_connection: 1024,
            max_connections: 4096,
            max_connections_per_peer: 1024,
            trusted_proxies: Vec::new(),
            first_request_timeout: seconds(5),
            request_timeout: seconds(10),
            idle_timeout: seconds(5 * 60),
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
