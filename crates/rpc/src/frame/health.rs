//! Health: `grpc.health.v1`, `/healthz` and `/readyz` from one state.

use std::{
    collections::{BTreeMap, HashMap},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use bailiwick_types::Service;
use futures_util::Stream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server,
};

#[derive(Debug, Default)]
struct Readiness {
    /// The service has said that it is ready.
    ready: bool,
    /// What it waits for, by name; what is met is not in here.
    unmet: BTreeMap<&'static str, String>,
}

impl Readiness {
    fn is_ready(&self) -> bool {
        self.ready && self.unmet.is_empty()
    }
}

#[derive(Debug)]
struct State {
    services: BTreeMap<Service, Readiness>,
    draining: bool,
}

/// The published statuses, by the name that is asked for.
type Statuses = Arc<HashMap<String, ServingStatus>>;

/// Whether each service of a server is ready. Overall, the empty name, the server serves when all of them do
/// and it is not being drained; before that it does not.
#[derive(Debug, Clone)]
pub struct Health {
    state: Arc<Mutex<State>>,
    published: watch::Sender<Statuses>,
    /// The gRPC names of each service.
    names: Arc<BTreeMap<Service, Vec<&'static str>>>,
}

/// Something without which a service is not ready.
#[derive(Debug, Clone)]
pub struct Condition {
    health: Health,
    service: Service,
    name: &'static str,
}

impl Condition {
    /// It is met.
    pub fn met(&self) {
        self.set(None);
    }
    /// It is not, and why.
    pub fn unmet(&self, why: impl Into<String>) {
        self.set(Some(why.into()));
    }
    fn set(&self, unmet: Option<String>) {
        {
            let mut state = self.health.state();
            let readiness = state.services.entry(self.service).or_default();
            if readiness.unmet.get(self.name) == unmet.as_ref() {
                return;
            }
            match &unmet {
                Some(why) => {
                    readiness.unmet.insert(self.name, why.clone());
                    tracing::warn!(service = %self.service, condition = self.name, why, "service is not ready");
                }
                None => {
                    readiness.unmet.remove(self.name);
                    let ready = readiness.is_ready();
                    tracing::info!(service = %self.service, condition = self.name, ready, "condition is met");
                }
            }
        }
        self.health.publish();
    }
}

impl Health {
    pub(super) fn new(services: &[Service], names: impl Iterator<Item = &'static str>) -> Self {
        let names: Vec<_> = names.collect();
        let of = |service: &Service| {
            let prefix = format!("bailiwick.{service}.");
            names.iter().copied().filter(|n| n.starts_with(&prefix)).collect()
        };
        let health = Self {
            state: Arc::new(Mutex::new(State {
                services: services.iter().map(|s| (*s, Readiness::default())).collect(),
                draining: false,
            })),
            published: watch::Sender::new(Arc::default()),
            names: Arc::new(services.iter().map(|s| (*s, of(s))).collect()),
        };
        health.publish();
        health
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets whether a service has started.
    pub fn set(&self, service: Service, ready: bool) {
        self.state().services.entry(service).or_default().ready = ready;
        self.publish();
    }

    /// Sets all services started.
    pub fn all_ready(&self) {
        self.state().services.values_mut().for_each(|s| s.ready = true);
        self.publish();
    }

    /// Makes the readiness of a service depend on something that is not met yet, and why.
    #[must_use]
    pub fn condition(&self, service: Service, name: &'static str, why: impl Into<String>) -> Condition {
        self.state()
            .services
            .entry(service)
            .or_default()
            .unmet
            .insert(name, why.into());
        self.publish();
        Condition {
            health: self.clone(),
            service,
            name,
        }
    }

    /// Whether the server takes calls.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        let state = self.state();
        !state.draining && state.services.values().all(Readiness::is_ready)
    }

    /// Waits until the server takes calls.
    pub async fn serving(&self) {
        let mut published = self.published.subscribe();
        let serving = |all: &Statuses| all.get("") == Some(&ServingStatus::Serving);
        // The sender lives as long as this value.
        let _ = published.wait_for(serving).await;
    }

    /// Which services are not ready, and what each waits for.
    #[must_use]
    pub fn not_ready(&self) -> Vec<(Service, Vec<String>)> {
        let state = self.state();
        let waiting = |(service, readiness): (&Service, &Readiness)| {
            let why = readiness.unmet.values().cloned().collect();
            (state.draining || !readiness.is_ready()).then_some((*service, why))
        };
        state.services.iter().filter_map(waiting).collect()
    }

    pub(super) fn drain(&self) {
        self.state().draining = true;
        self.publish();
    }

    /// Publishes the state to checks and watches, in one step.
    fn publish(&self) {
        let status = |serving: bool| {
            if serving {
                ServingStatus::Serving
            } else {
                ServingStatus::NotServing
            }
        };
        // Under the lock: two changes at once must not be published in the other order.
        let state = self.state();
        let mut all = HashMap::new();
        let overall = state.services.values().all(Readiness::is_ready);
        all.insert(String::new(), status(overall && !state.draining));
        for (service, readiness) in &state.services {
            let status = status(readiness.is_ready() && !state.draining);
            all.insert(service.as_str().to_owned(), status);
            for name in self.names.get(service).into_iter().flatten() {
                all.insert((*name).to_owned(), status);
            }
        }
        self.published.send_replace(Arc::new(all));
    }

    /// The gRPC service; its watches end when `closing` is cancelled.
    pub(super) fn service(&self, closing: CancellationToken) -> health_server::HealthServer<HealthApi> {
        health_server::HealthServer::new(HealthApi {
            published: self.published.subscribe(),
            closing,
        })
    }
}

/// `grpc.health.v1.Health`
/// (<https://github.com/grpc/grpc-proto/blob/master/grpc/health/v1/health.proto>).
#[derive(Debug)]
pub(super) struct HealthApi {
    published: watch::Receiver<Statuses>,
    closing: CancellationToken,
}

/// What a watch sends.
type Watched = Result<HealthCheckResponse, Status>;

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

#[tonic::async_trait]
impl health_server::Health for HealthApi {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let status = self.published.borrow().get(&request.get_ref().service).copied();
        let status = status.ok_or_else(|| Status::not_found("unknown service"))?;
        Ok(Response::new(response(status)))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Watched> + Send>>;

    /// The status now and after each change. A service that is not known is `SERVICE_UNKNOWN`, not an error:
    /// it may come.
    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let name = request.into_inner().service;
        let (published, closing) = (self.published.clone(), self.closing.clone());
        let start = (published, closing, None);
        let statuses = futures_util::stream::unfold(start, move |(mut published, closing, last)| {
            let name = name.clone();
            async move {
                loop {
                    let status = published.borrow_and_update().get(&name).copied();
                    let status = status.unwrap_or(ServingStatus::ServiceUnknown);
                    if last != Some(status) {
                        return Some((Ok(response(status)), (published, closing, Some(status))));
                    }
                    tokio::select! {
                        changed = published.changed() => changed.ok()?,
                        // A watch would keep the drain waiting; its client asks elsewhere.
                        () = closing.cancelled() => return None,
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(statuses)))
    }
}
