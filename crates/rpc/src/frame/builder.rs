//! Builds a server.

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, sync::Arc};

use axum::Router;
use bailiwick_proto::Method;
use bailiwick_types::{IdGen, Service};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use super::{
    Certificates, Health, RunningServer, Services,
    connection::Connections,
    http::{self, Https},
    listener::{Life, Listener},
    reflection,
    running::{self, Addresses},
};
use crate::{
    Authenticator, ServerConfig, Telemetry,
    client::TrustedProxies,
    layers::{LogRule, Parts, Shared, Side},
    request_id::RequestIds,
    token::TokenCodec,
};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The server cannot listen on the address.
    #[error("cannot listen on `{address}`: {why}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What is wrong.
        why: std::io::Error,
    },
    /// The certificate or key is invalid.
    #[error("TLS file `{}`: {why}", file.display())]
    Tls {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The descriptors are invalid.
    #[error("reflection: {0}")]
    Reflection(String),
}

/// The frame of a server.
#[derive(Debug, Clone, Copy)]
pub struct Frame;

impl Frame {
    /// Starts to build a server for these services of the suite.
    #[must_use]
    pub fn builder(
        services: &[Service],
        config: ServerConfig,
        telemetry: Telemetry,
        authenticator: Arc<Authenticator>,
        ids: &dyn IdGen,
    ) -> FrameBuilder {
        FrameBuilder {
            suite: services.to_vec(),
            config,
            telemetry,
            authenticator,
            tokens: TokenCodec::default(),
            ids: RequestIds::new(ids),
            services: Services::new(),
            http: Router::new(),
            certificates: None,
            extra_methods: &[],
            descriptors: vec![bailiwick_proto::DESCRIPTORS],
        }
    }
}

/// The builder of a server.
pub struct FrameBuilder {
    suite: Vec<Service>,
    config: ServerConfig,
    telemetry: Telemetry,
    authenticator: Arc<Authenticator>,
    tokens: TokenCodec,
    ids: RequestIds,
    services: Services,
    http: Router,
    certificates: Option<Arc<Certificates>>,
    extra_methods: &'static [Method],
    descriptors: Vec<&'static [u8]>,
}

bailiwick_types::debug_fields!(FrameBuilder { services });

impl FrameBuilder {
    /// Adds gRPC services: [`Services`], or a [`Routes`] of tonic.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "a builder method, not arithmetic")]
    pub fn add(mut self, services: impl Into<Services>) -> Self {
        self.services = self.services.merge(services.into());
        self
    }

    /// Reads and writes consistency tokens with this codec, so that they hold in all processes that have its
    /// keys; without one they hold in this process alone.
    #[must_use]
    pub fn tokens(self, tokens: TokenCodec) -> Self {
        Self { tokens, ..self }
    }

    /// Adds HTTP routes.
    #[must_use]
    pub fn http(mut self, router: Router) -> Self {
        self.http = self.http.merge(router);
        self
    }

    /// Adds declarations of methods outside the suite's protos, such as those of third-party protocols. Calls
    /// of a method without a declaration are rejected.
    #[must_use]
    pub fn declare(mut self, methods: &'static [Method], descriptors: Option<&'static [u8]>) -> Self {
        self.extra_methods = methods;
        self.descriptors.extend(descriptors);
        self
    }

    /// Presents certificates that others of the process know too; otherwise the server reads its own.
    #[must_use]
    pub fn certificates(mut self, certificates: Option<Arc<Certificates>>) -> Self {
        self.certificates = certificates;
        self
    }

    /// Listens on the configured addresses and serves.
    ///
    /// # Errors
    /// The server cannot listen on an address, or TLS files are invalid.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<RunningServer, FrameError> {
        let listeners = Listeners::bind(&self.config).await?;
        self.serve_on(listeners, shutdown)
    }

    /// Serves on bound sockets, for a process that must know its addresses before it serves.
    ///
    /// # Errors
    /// TLS files or a socket are invalid.
    pub fn serve_on(
        mut self,
        listeners: Listeners,
        shutdown: CancellationToken,
    ) -> Result<RunningServer, FrameError> {
        let life = Life::new();
        // It ends after the other: calls that are under way make calls of their own, also to this process.
        let internal_life = Life::new();
        if let (None, Some(files)) = (&self.certificates, &self.config.tls) {
            self.certificates = Some(Certificates::read(files)?);
        }
        let acceptor = |protocols: &[&[u8]]| {
            let certificates = self.certificates.as_ref();
            certificates.map(|c| c.acceptor(protocols)).transpose()
        };
        let (grpc_tls, http_tls) = (acceptor(&[b"h2"])?, acceptor(&[b"h2", b"http/1.1"])?);
        let internal_tls = grpc_tls.clone();

        let health = Health::new(&self.suite, self.services.names());
        let mut services = self.services;
        services.set_open(Routes::new(health.service(internal_life.closing.clone())));
        let parts = Parts {
            services,
            extra_methods: self.extra_methods,
            sampler: Arc::clone(&self.telemetry.sampler),
            rule: LogRule {
                log: self.config.access_log,
                slow: self.config.slow_call.get(),
            },
            max_in_flight: self.config.max_in_flight,
            max_deadline: self.config.max_deadline.get(),
            max_message_bytes: self.config.max_message_bytes,
            request_timeout: self.config.request_timeout.get(),
            authenticator: self.authenticator,
            tokens: self.tokens,
            proxies: TrustedProxies::new(&self.config.trusted_proxies),
        };
        // Each side has its own places for calls: a flood from outside does not stop the other services.
        let internal = Shared::new(Side::Internal, parts.clone());
        let mut parts = parts;
        let mut open = Routes::new(health.service(life.closing.clone()));
        if self.config.reflection {
            let names = public_names(&parts.services);
            open = reflection::add_to(open, &self.descriptors, &names)?;
        }
        parts.services.set_open(open);
        let shared = Shared::new(Side::Public, parts);
        let addresses = listeners.addresses()?;

        let sides = [
            (Some(listeners.grpc), grpc_tls, &shared, &life),
            (listeners.internal, internal_tls, &internal, &internal_life),
        ];
        for (socket, tls, shared, life) in sides {
            let Some(socket) = socket else { continue };
            let closing = life.closing.clone();
            let connections = Connections::new(&self.config, Arc::clone(shared), self.ids.clone(), closing);
            let each = move |link, _, peer| connections.clone().serve(link, peer);
            let listener = Listener::new(socket, tls, &self.config);
            life.connections.spawn(listener.accept(life.clone(), each));
        }

        let probes = http::health_router(health.clone(), life.closing.clone());
        let (routes, probes) = match listeners.health {
            Some(_) => (self.http, Some(probes)),
            None => (self.http.merge(probes), None),
        };
        let https = [
            (listeners.http, http_tls, Some(routes)),
            (listeners.health, None, probes),
        ];
        for (socket, tls, routes) in https {
            let (Some(socket), Some(routes)) = (socket, routes) else {
                continue;
            };
            let https = Https::new(&self.config, routes, self.ids.clone(), life.closing.clone());
            let each = move |link, protocol, peer| https.clone().serve(link, protocol, peer);
            let listener = Listener::new(socket, tls, &self.config);
            life.connections.spawn(listener.accept(life.clone(), each));
        }
        if let Some(certificates) = self.certificates.clone() {
            let closing = life.closing.clone();
            life.connections.spawn(async move {
                tokio::select! {
                    () = certificates.follow() => {}
                    () = closing.cancelled() => {}
                }
            });
        }
        tracing::info!(net.address = %addresses.grpc, internal.address = ?addresses.internal,
            http.address = ?addresses.http, health.address = ?addresses.health, "listening");
        let sides = vec![(shared, life), (internal, internal_life)];
        Ok(running::start(
            addresses,
            self.certificates,
            health,
            sides,
            &self.config,
            shutdown,
        ))
    }
}

/// The names of the services that have a method for others than the suite's own services.
fn public_names(services: &Services) -> BTreeSet<&'static str> {
    let has_public = |name: &&'static str| {
        let of = |method: &&Method| {
            let path = method.path.trim_start_matches('/');
            path.split_once('/').is_some_and(|(service, _)| service == *name)
        };
        let mut methods = bailiwick_proto::METHODS.iter().filter(of).peekable();
        methods.peek().is_none() || methods.any(Method::is_public)
    };
    services.names().filter(has_public).collect()
}

/// The bound sockets of a server.
#[derive(Debug)]
pub struct Listeners {
    /// gRPC.
    pub grpc: TcpListener,
    /// gRPC for the other services of the suite.
    pub internal: Option<TcpListener>,
    /// HTTP.
    pub http: Option<TcpListener>,
    /// Health and metrics.
    pub health: Option<TcpListener>,
}

impl Listeners {
    /// Listens on the configured addresses.
    ///
    /// # Errors
    /// One of them is taken or not an address of this host.
    pub async fn bind(config: &ServerConfig) -> Result<Self, FrameError> {
        let optional = async |address: Option<SocketAddr>| match address {
            Some(address) => bind(address).await.map(Some),
            None => Ok(None),
        };
        Ok(Self {
            grpc: bind(config.listen).await?,
            internal: optional(config.internal_listen).await?,
            http: optional(config.http_listen).await?,
            health: optional(config.health_listen).await?,
        })
    }

    fn addresses(&self) -> Result<Addresses, FrameError> {
        Ok(Addresses {
            grpc: address_of(&self.grpc)?,
            internal: self.internal.as_ref().map(address_of).transpose()?,
            http: self.http.as_ref().map(address_of).transpose()?,
            health: self.health.as_ref().map(address_of).transpose()?,
        })
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, FrameError> {
    TcpListener::bind(address)
        .await
        .map_err(|why| FrameError::Listen { address, why })
}

fn address_of(listener: &TcpListener) -> Result<SocketAddr, FrameError> {
    listener.local_addr().map_err(|why| FrameError::Listen {
        address: SocketAddr::from(([0, 0, 0, 0], 0)),
        why,
    })
}
