//! The gRPC services: a folder a service, a file a method. Services without an implemented method are
//! answered by the frame.

mod api_key;
mod authentication;
mod operator;
mod prelude;
mod service_account;
mod session;
mod token;
mod user;

use std::{sync::Arc, time::Duration};

use bailiwick_identity_core::{Identity, password::Password};
use bailiwick_proto::identity::v1::{
    api_key_service_server::ApiKeyServiceServer, authentication_service_server::AuthenticationServiceServer,
    operator_service_server::OperatorServiceServer,
    service_account_service_server::ServiceAccountServiceServer,
    session_service_server::SessionServiceServer, token_service_server::TokenServiceServer,
    user_service_server::UserServiceServer,
};
use bailiwick_rpc::{
    Authenticator, Fields, Guard, IntoStatus, Services, Tasks,
    metrics::{self, IntCounterVec},
};
use bailiwick_types::Fault;
use secrecy::{ExposeSecret, SecretString};
use tonic::Status;

/// What every method needs.
#[derive(Clone)]
pub(crate) struct Api {
    identity: Arc<Identity>,
    guard: Guard,
    authenticator: Arc<Authenticator>,
    tasks: Tasks,
    sign_ins: IntCounterVec,
}

impl Api {
    /// Runs a write to its end, also when its client goes away.
    async fn write<T, E, F>(&self, work: impl FnOnce(Arc<Identity>) -> F) -> Result<T, Status>
    where
        T: Send + 'static,
        E: Fault,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let work = work(Arc::clone(&self.identity));
        let work = async move { work.await.map_err(IntoStatus::into_status) };
        self.tasks.run(work).await
    }
}

/// All services of identity.
pub(crate) fn services(
    identity: Arc<Identity>,
    guard: Guard,
    authenticator: Arc<Authenticator>,
    tasks: Tasks,
) -> Services {
    let sign_ins = metrics::counters(
        "bailiwick_identity_sign_ins_total",
        "Sign-ins by how they ended.",
        &["outcome"],
    );
    let api = Api {
        identity,
        guard,
        authenticator,
        tasks,
        sign_ins,
    };
    Services::new()
        .add(UserServiceServer::new(api.clone()))
        .add(AuthenticationServiceServer::new(api.clone()))
        .add(SessionServiceServer::new(api.clone()))
        .add(ServiceAccountServiceServer::new(api.clone()))
        .add(ApiKeyServiceServer::new(api.clone()))
        .add(OperatorServiceServer::new(api.clone()))
        .add(TokenServiceServer::new(api))
}

/// Reads a secret that is to be verified: the rules for new ones do not apply.
fn secret(fields: &mut Fields, name: &str, text: String) -> Option<SecretString> {
    bounded(fields, name, text, 256)
}

/// Reads a password that is to be verified. It is normalized later, which changes its length.
fn password(fields: &mut Fields, name: &str, text: String) -> Option<SecretString> {
    bounded(fields, name, text, 1_024)
}

fn bounded(fields: &mut Fields, name: &str, text: String, most: usize) -> Option<SecretString> {
    let secret = SecretString::from(text);
    match secret.expose_secret().chars().count() {
        0 => fields.violate(name, "must not be empty"),
        n if n <= most => return Some(secret),
        _ => fields.violate(name, format!("must have at most {most} characters")),
    }
    None
}

/// Reads a duration from zero to `most` that may be absent.
fn duration(
    fields: &mut Fields,
    name: &str,
    given: Option<prost_types::Duration>,
    most: Duration,
) -> Option<Option<Duration>> {
    let Some(given) = given else { return Some(None) };
    match Duration::try_from(given) {
        Ok(duration) if duration <= most => Some(Some(duration)),
        _ => {
            let days = most.as_secs() / 86_400;
            fields.violate(name, format!("must be a duration of 0 to {days} days"));
            None
        }
    }
}

/// Reads a token of any kind.
fn token_text(fields: &mut Fields, text: String) -> Option<SecretString> {
    match text.len() {
        0 => fields.violate("token", "must not be empty"),
        1..=8192 => return Some(SecretString::from(text)),
        _ => fields.violate("token", "must have at most 8192 bytes"),
    }
    None
}

/// Reads a password that is to be set.
fn new_password(fields: &mut Fields, name: &str, text: String) -> Option<Password> {
    fields.take(name, Password::parse(SecretString::from(text)))
}
