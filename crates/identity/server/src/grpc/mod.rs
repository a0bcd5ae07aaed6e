//! The service's methods. Services of which no method is there yet are answered by the frame.

mod authentication;
mod parse;
mod service_accounts;
mod sessions;
mod tokens;
mod users;

use std::sync::Arc;

use bailiwick_identity_core::Identity;
use bailiwick_proto::identity::v1::{
    authentication_service_server::AuthenticationServiceServer,
    service_account_service_server::ServiceAccountServiceServer,
    session_service_server::SessionServiceServer, token_service_server::TokenServiceServer,
    user_service_server::UserServiceServer,
};
use bailiwick_rpc::{
    Authenticator, Guard, Services,
    metrics::{self, IntCounterVec},
};

/// What every method needs.
#[derive(Clone)]
pub(crate) struct Handlers {
    identity: Arc<Identity>,
    guard: Guard,
    authenticator: Arc<Authenticator>,
    sign_ins: IntCounterVec,
}

/// All services of identity.
pub(crate) fn services(identity: Arc<Identity>, guard: Guard, authenticator: Arc<Authenticator>) -> Services {
    let handlers = Handlers {
        identity,
        guard,
        authenticator,
        sign_ins: metrics::counters(
            "bailiwick_identity_sign_ins_total",
            "Sign-ins by how they ended.",
            &["outcome"],
        ),
    };
    Services::new()
        .add(UserServiceServer::new(handlers.clone()))
        .add(AuthenticationServiceServer::new(handlers.clone()))
        .add(SessionServiceServer::new(handlers.clone()))
        .add(ServiceAccountServiceServer::new(handlers.clone()))
        .add(TokenServiceServer::new(handlers))
}
