//! Health: `grpc.health.v1`, `/healthz` and `/readyz` from one state.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bailiwick_types::Service;
use tonic_health::{ServingStatus, server::HealthReporter};

#[derive(Debug)]
struct State {
    ready: BTreeMap<Service, bool>,
    draining: bool,
}

/// Whether each service of a server is ready. Overall, the empty name, the server serves when all of them do
/// and it is not being drained; before that it does not.
#[derive(Debug, Clone)]
pub struct Health {
    state: Arc<Mutex<State>>,
    reporter: HealthReporter,
    /// The gRPC names of each service.
    names: Arc<BTreeMap<Service, Vec<&'static str>>>,
}

impl Health {
    pub(super) fn new(services: &[Service], names: impl Iterator<Item = &'static str>) -> Self {
        let names: Vec<_> = names.collect();
        let of = |service: &Service| {
            let prefix = format!("bailiwick.{service}.");
            names.iter().copied().filter(|n| n.starts_with(&prefix)).collect()
        };
        Self {
            state: Arc::new(Mutex::new(State {
                ready: services.iter().map(|s| (*s, false)).collect(),
                draining: false,
            })),
            reporter: HealthReporter::new(),
            names: Arc::new(services.iter().map(|s| (*s, of(s))).collect()),
        }
    }

    pub(super) fn reporter(&self) -> HealthReporter {
        self.reporter.clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets whether a service is ready.
    pub async fn set(&self, service: Service, ready: bool) {
        self.state().ready.insert(service, ready);
        self.publish().await;
    }

    /// Sets all services ready.
    pub async fn all_ready(&self) {
        self.state().ready.values_mut().for_each(|ready| *ready = true);
        self.publish().await;
    }

    /// Whether the server takes calls.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        let state = self.state();
        !state.draining && state.ready.values().all(|ready| *ready)
    }

    /// Which services are not ready.
    #[must_use]
    pub fn not_ready(&self) -> Vec<Service> {
        let state = self.state();
        let waiting = |(service, ready): (&Service, &bool)| (state.draining || !ready).then_some(*service);
        state.ready.iter().filter_map(waiting).collect()
    }

    pub(super) async fn drain(&self) {
        self.state().draining = true;
        self.publish().await;
    }

    /// Publishes the state to checks and watches.
    pub(super) async fn publish(&self) {
        let status = |serving: bool| {
            if serving {
                ServingStatus::Serving
            } else {
                ServingStatus::NotServing
            }
        };
        let (ready, draining) = {
            let state = self.state();
            (state.ready.clone(), state.draining)
        };
        // The overall state first when things end, last when they begin, is not to be told apart from
        // outside.
        let overall = !draining && ready.values().all(|r| *r);
        self.reporter.set_service_status("", status(overall)).await;
        for (service, ready) in ready {
            let status = status(ready && !draining);
            self.reporter.set_service_status(service.as_str(), status).await;
            for name in self.names.get(&service).into_iter().flatten() {
                self.reporter.set_service_status(*name, status).await;
            }
        }
    }
}
