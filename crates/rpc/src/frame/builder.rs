//! Builds a server.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use axum::Router;
use bailiwick_proto::Method;
use bailiwick_types::{IdGen, Service};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::service::Routes;

use super::{
    Health, RunningServer, Services, connection::Connections, http, listener, listener::Life, running, tls,
};
use crate::{
    Authenticator, ServerConfig, Telemetry,
    layers::{LogRule, Parts, Shared},
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

    /// Listens on the configured addresses and serves.
    ///
    /// # Errors
    /// The server cannot listen on an address, or TLS files are invalid.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<RunningServer, FrameError> {
        let grpc = bind(self.config.listen).await?;
        let http = match self.config.http_listen {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        self.serve_on(grpc, http, shutdown).await
    }

    /// Serves on bound sockets, for a process that must know its addresses before it serves.
    ///
    /// # Errors
    /// TLS files or a socket are invalid.
    pub async fn serve_on(
        self,
        grpc: TcpListener,
        http: Option<TcpListener>,
        shutdown: CancellationToken,
    ) -> Result<RunningServer, FrameError> {
        let health = Health::new(&self.suite, self.services.names());
        health.publish().await;
        let mut services = self.services;
        services.set_open(open_routes(&health, &self.config, &self.descriptors)?);
        let shared = Shared::new(Parts {
            services,
            extra_methods: self.extra_methods,
            sampler: Arc::clone(&self.telemetry.sampler),
            rule: LogRule {
                log: self.config.access_log,
                slow: self.config.slow_call.get(),
            },
            max_in_flight: self.config.max_in_flight,
            max_deadline: self.config.max_deadline.get(),
            authenticator: self.authenticator,
            tokens: self.tokens,
        });
        let life = Life {
            closing: CancellationToken::new(),
            cut: CancellationToken::new(),
            connections: TaskTracker::new(),
        };
        let addr = address_of(&grpc)?;
        let http_addr = http.as_ref().map(address_of).transpose()?;

        let secure = self
            .config
            .tls
            .as_ref()
            .map(|t| tls::acceptor(t, &[b"h2"]))
            .transpose()?;
        let connections = Connections::new(
            &self.config,
            Arc::clone(&shared),
            self.ids.clone(),
            life.closing.clone(),
        );
        let each = move |link, peer| connections.clone().serve(link, peer);
        let most = self.config.max_connections;
        life.connections
            .spawn(listener::accept(grpc, secure, most, life.clone(), each));

        if let Some(http) = http {
            let secure = self.config.tls.as_ref();
            let secure = secure
                .map(|t| tls::acceptor(t, &[b"h2", b"http/1.1"]))
                .transpose()?;
            let router = http::router(health.clone(), self.http);
            let (ids, closing) = (self.ids, life.closing.clone());
            let each = move |link, _| http::serve(link, router.clone(), ids.clone(), closing.clone());
            life.connections
                .spawn(listener::accept(http, secure, most, life.clone(), each));
        }
        tracing::info!(net.address = %addr, http.address = ?http_addr, "listening");
        Ok(running::start(
            addr,
            http_addr,
            health,
            shared,
            life,
            &self.config,
            shutdown,
        ))
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

/// Health and reflection.
fn open_routes(
    health: &Health,
    config: &ServerConfig,
    descriptors: &[&'static [u8]],
) -> Result<Routes, FrameError> {
    use tonic_health::{pb::health_server::HealthServer, server::HealthService};
    let health = HealthServer::new(HealthService::from_health_reporter(health.reporter()));
    let routes = Routes::new(health);
    if !config.reflection {
        return Ok(routes);
    }
    let mut reflection = tonic_reflection::server::Builder::configure();
    for set in descriptors {
        reflection = reflection.register_encoded_file_descriptor_set(set);
    }
    let reflection = reflection
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|error| FrameError::Reflection(error.to_string()))?;
    Ok(routes.add_service(reflection))
}
