//! The services of a server, found by path.

use std::{convert::Infallible, sync::Arc};

use bailiwick_types::{Code, Reason};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tonic::{body::Body, server::NamedService, service::Routes};
use tower::Service;

use crate::status::plain;

/// The response of a service.
pub(crate) type Answer = BoxFuture<'static, Result<Response<Body>, Infallible>>;

trait Dispatch: Send + Sync {
    fn call(&self, request: Request<Body>) -> Answer;
}

/// A generated server, called without a router and without another box around its future.
struct Generated<S>(S);

impl<S> Dispatch for Generated<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future = Answer>
        + Clone
        + Send
        + Sync,
{
    fn call(&self, request: Request<Body>) -> Answer {
        self.0.clone().call(request)
    }
}

/// Other services, found by the router of tonic.
struct Routed(Routes);

impl Dispatch for Routed {
    fn call(&self, request: Request<Body>) -> Answer {
        Box::pin(self.0.clone().call(request))
    }
}

/// Answers methods that are not served here.
struct NotServed {
    /// Whether the suite has the method.
    declared: bool,
}

impl Dispatch for NotServed {
    fn call(&self, request: Request<Body>) -> Answer {
        let path: String = request.uri().path().chars().take(PATH).collect();
        let text = if self.declared {
            format!("method `{path}` is not served here: its service runs in another process")
        } else {
            format!("unknown method `{path}`")
        };
        let status = plain(Code::Unimplemented, Reason::Unimplemented, &text);
        Box::pin(async move { Ok(status.into_http()) })
    }
}

/// How much of an unknown path an error repeats.
const PATH: usize = 200;

/// Serves the methods of one service.
#[derive(Clone)]
pub(crate) struct Dispatcher(Arc<dyn Dispatch>);

impl Dispatcher {
    pub(crate) fn call(&self, request: Request<Body>) -> Answer {
        self.0.call(request)
    }
}

/// Makes the dispatcher of a server that refuses requests longer than so many bytes.
type Mount = Arc<dyn Fn(usize) -> Dispatcher + Send + Sync>;

/// The gRPC services of a server: generated servers, which are found by their name alone, and those of a
/// [`Routes`].
///
/// ```
/// # use bailiwick_rpc::Services;
/// # use bailiwick_proto::tenancy::v1::account_service_server::{AccountService, AccountServiceServer};
/// fn services(accounts: impl AccountService) -> Services {
///     Services::new().add(AccountServiceServer::new(accounts))
/// }
/// ```
#[derive(Clone, Default)]
pub struct Services {
    named: Vec<(&'static str, Mount)>,
    routes: Option<Routes>,
    open: Option<Routes>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.named.iter().map(|(name, _)| name))
            .finish()
    }
}

impl Services {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a generated server. The frame sets its limits.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "a builder method, not arithmetic")]
    pub fn add<S>(mut self, server: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future = Answer>
            + NamedService
            + bailiwick_proto::Server
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let mount = move |bytes| Dispatcher(Arc::new(Generated(server.clone().limited(bytes))));
        self.named.push((S::NAME, Arc::new(mount)));
        self
    }

    /// Adds the services of another set.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.named.extend(other.named);
        let both = |a: Option<Routes>, b: Option<Routes>| match (a, b) {
            (Some(a), Some(b)) => Some(Routes::from(a.into_axum_router().merge(b.into_axum_router()))),
            (a, b) => a.or(b),
        };
        self.routes = both(self.routes, other.routes);
        self.open = both(self.open, other.open);
        self
    }

    /// The names of the services.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.named.iter().map(|(name, _)| *name)
    }

    /// Services that need no credentials: health and reflection.
    pub(crate) fn set_open(&mut self, routes: Routes) {
        self.open = Some(routes.prepare());
    }

    pub(crate) fn open(&self) -> Dispatcher {
        self.open
            .clone()
            .map_or_else(unknown, |routes| Dispatcher(Arc::new(Routed(routes))))
    }

    /// The dispatcher of a declared method, and none where the suite without this service has no such method.
    /// Requests may have so many bytes.
    pub(crate) fn dispatcher(&self, path: &str, bytes: usize) -> Option<Dispatcher> {
        let service = path
            .strip_prefix('/')
            .and_then(|p| p.split_once('/'))
            .map(|(name, _)| name);
        let named = self.named.iter().find(|(name, _)| Some(*name) == service);
        match (named, &self.routes) {
            (Some((_, mount)), _) => Some(mount(bytes)),
            (None, Some(routes)) => Some(Dispatcher(Arc::new(Routed(routes.clone().prepare())))),
            // Services of test builds run in no other process.
            (None, None) if path.starts_with("/bailiwick.testing.") => None,
            (None, None) => Some(Dispatcher(Arc::new(NotServed { declared: true }))),
        }
    }
}

/// Answers what no service has.
pub(crate) fn unknown() -> Dispatcher {
    Dispatcher(Arc::new(NotServed { declared: false }))
}

impl From<Routes> for Services {
    fn from(routes: Routes) -> Self {
        Self {
            routes: Some(routes),
            ..Self::default()
        }
    }
}
