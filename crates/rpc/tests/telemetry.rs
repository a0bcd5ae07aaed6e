//! Traces and metrics reach a collector. The log is started once a process, so this stands alone.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bailiwick_proto::identity::v1::{
    GetJwksRequest, GetJwksResponse, IntrospectRequest, IntrospectResponse, IssueTokenRequest,
    IssueTokenResponse, RevokeTokenRequest, RevokeTokenResponse,
    token_service_client::TokenServiceClient,
    token_service_server::{TokenService, TokenServiceServer},
};
use bailiwick_rpc::{
    AuthConfig, Authenticator, ClientFactory, Frame, InternalIdentity, InternalVerifier, KeyError, KeySource,
    Peer, PeerConfig, ServerConfig, ServiceKeys, Services, TelemetryConfig, TelemetryError, VerificationKey,
    init_telemetry, later,
};
use bailiwick_testkit::{ManualClock, eventually};
use bailiwick_types::{Authority, Service, SystemIds};
use opentelemetry_proto::tonic::{
    collector::{
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_server::{MetricsService, MetricsServiceServer},
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    trace::v1::Span,
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tracing::Instrument;

#[derive(Clone, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<Span>>>,
    metrics: Arc<Mutex<Vec<String>>>,
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans;
        let spans = resources
            .into_iter()
            .flat_map(|r| r.scope_spans)
            .flat_map(|s| s.spans);
        self.spans.lock().unwrap().extend(spans);
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let resources = request.into_inner().resource_metrics;
        let metrics = resources
            .into_iter()
            .flat_map(|r| r.scope_metrics)
            .flat_map(|s| s.metrics);
        self.metrics.lock().unwrap().extend(metrics.map(|m| m.name));
        Ok(Response::new(Default::default()))
    }
}

struct NoKeys;

#[async_trait::async_trait]
impl KeySource for NoKeys {
    async fn key(&self, _: &str) -> Result<Option<Arc<VerificationKey>>, KeyError> {
        Ok(None)
    }
    async fn has_keys(&self) -> Result<bool, KeyError> {
        Ok(false)
    }
}

/// Calls a peer, and keeps the trace context of what calls it as one.
#[derive(Clone, Default)]
struct Tokens {
    peer: Option<Peer>,
    seen: Arc<Mutex<Vec<[String; 2]>>>,
}

#[tonic::async_trait]
impl TokenService for Tokens {
    async fn issue_token(
        &self,
        request: Request<IssueTokenRequest>,
    ) -> Result<Response<IssueTokenResponse>, Status> {
        if let Some(peer) = self.peer.clone() {
            let mut client = TokenServiceClient::new(peer);
            let call = client.issue_token(IssueTokenRequest::default());
            return call.instrument(tracing::info_span!("inside")).await;
        }
        let header = |name| {
            request
                .metadata()
                .get(name)
                .map(|v| v.to_str().unwrap().to_owned())
        };
        let seen = ["traceparent", "tracestate"].map(|name| header(name).unwrap_or_default());
        self.seen.lock().unwrap().push(seen);
        Ok(Response::new(Default::default()))
    }
    async fn get_jwks(&self, r: Request<GetJwksRequest>) -> Result<Response<GetJwksResponse>, Status> {
        Err(later(&r))
    }
    async fn introspect(
        &self,
        r: Request<IntrospectRequest>,
    ) -> Result<Response<IntrospectResponse>, Status> {
        Err(later(&r))
    }
    async fn revoke_token(
        &self,
        r: Request<RevokeTokenRequest>,
    ) -> Result<Response<RevokeTokenResponse>, Status> {
        Err(later(&r))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sampled_calls_and_all_metrics_reach_the_collector() {
    let collector = Collector::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    // Dropped, and with it aborted, at the end of the test.
    let mut servers = tokio::task::JoinSet::new();
    servers.spawn(
        tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(collector.clone()))
            .add_service(MetricsServiceServer::new(collector.clone()))
            .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener)),
    );
    let config = TelemetryConfig {
        otlp_endpoint: Some(endpoint),
        // Only what callers decided.
        trace_ratio: 1e-9,
        metrics_interval: Duration::from_millis(100).into(),
        log_filter: "warn".to_owned(),
        ..TelemetryConfig::default()
    };
    let odd = TelemetryConfig {
        otlp_endpoint: Some("https://collector:4317".to_owned()),
        ..TelemetryConfig::default()
    };
    assert!(matches!(
        init_telemetry(&odd, "x", &SystemIds),
        Err(TelemetryError::Collector { .. })
    ));
    let odd = TelemetryConfig {
        log_filter: "a=b=c".to_owned(),
        ..TelemetryConfig::default()
    };
    assert!(matches!(
        init_telemetry(&odd, "x", &SystemIds),
        Err(TelemetryError::Filter { .. })
    ));
    let telemetry = init_telemetry(&config, "bailiwick-test", &SystemIds).unwrap();
    assert!(matches!(
        init_telemetry(&config, "x", &SystemIds),
        Err(TelemetryError::Started)
    ));

    let clock = Arc::new(ManualClock::default());
    let keys = ServiceKeys::ephemeral().unwrap();
    let internal = Arc::new(InternalIdentity::new(
        Service::Identity,
        keys.clone(),
        clock.clone(),
    ));
    let address = |listener: &tokio::net::TcpListener| format!("http://{}", listener.local_addr().unwrap());
    let behind = Tokens::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = ClientFactory::new(internal.clone(), PeerConfig::default());
    let peer = peer.peer(Service::Tenancy, &address(&listener)).unwrap();
    // Dropped, and with it aborted, at the end of the test.
    let mut servers = tokio::task::JoinSet::new();
    servers.spawn(
        tonic::transport::Server::builder()
            .add_service(TokenServiceServer::new(behind.clone()))
            .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener)),
    );
    let authenticator = Authenticator::new(
        &AuthConfig::default(),
        Arc::new(NoKeys),
        InternalVerifier::new(&[Service::Identity], keys, clock.clone()),
        clock,
        Authority::establish().verifier,
    );
    let config = ServerConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        drain_wait: Duration::ZERO.into(),
        ..ServerConfig::default()
    };
    let authenticator = Arc::new(authenticator);
    let tokens = Tokens {
        peer: Some(peer),
        ..Tokens::default()
    };
    let server = Frame::builder(
        &[Service::Identity],
        config,
        telemetry.clone(),
        authenticator,
        &SystemIds,
    )
    .add(Services::new().add(TokenServiceServer::new(tokens)))
    .serve(CancellationToken::new())
    .await
    .unwrap();
    let mut client = TokenServiceClient::connect(format!("http://{}", server.addr))
        .await
        .unwrap();
    for (flag, times) in [("00", 20), ("01", 1)] {
        for _ in 0..times {
            let mut request = Request::new(IssueTokenRequest::default());
            let parent = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flag}");
            request
                .metadata_mut()
                .insert("traceparent", parent.parse().unwrap());
            request
                .metadata_mut()
                .insert("tracestate", "vendor=a,other=b".parse().unwrap());
            client.issue_token(request).await.unwrap();
        }
    }
    let seen = behind.seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 21);
    for [parent, state] in &seen {
        assert!(
            parent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"),
            "{parent}"
        );
        assert_eq!(state, "vendor=a,other=b");
    }
    // Only a call that is traced here puts a span of its own into the trace.
    assert!(seen[0][0].ends_with("-00f067aa0ba902b7-00"), "{seen:?}");
    let [sent, _] = &seen[20];
    assert!(
        sent.ends_with("-01") && !sent.contains("00f067aa0ba902b7"),
        "{sent}"
    );
    let patience = Duration::from_secs(30);
    let counted = "rpc.server.duration".to_owned();
    eventually("metrics arrive", patience, async || {
        collector.metrics.lock().unwrap().contains(&counted)
    })
    .await;
    telemetry.shutdown().await;
    let spans = collector.spans.lock().unwrap().clone();
    let mut names: Vec<_> = spans.iter().map(|s| s.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["bailiwick.identity.v1.TokenService/IssueToken", "inside"]);
    let call = spans.iter().find(|s| s.name != "inside").unwrap();
    assert_eq!(call.trace_id[..2], [0x4b, 0xf9]);
    assert_eq!(call.trace_state, "vendor=a,other=b");
    assert_eq!(call.parent_span_id, [0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
    let keys: Vec<_> = call.attributes.iter().map(|a| a.key.as_str()).collect();
    for key in [
        "rpc.system",
        "rpc.service",
        "rpc.method",
        "rpc.grpc.status_code",
        "request.id",
    ] {
        assert!(keys.contains(&key), "{keys:?}");
    }
    let inside = spans.iter().find(|s| s.name == "inside").unwrap();
    assert_eq!(inside.parent_span_id, call.span_id);
}
