//! The frame of a service: configuration, telemetry, the layers that every call passes, the guard, the way
//! from a [`Fault`](bailiwick_types::Fault) to a status, health, drain, and the way to peers.
//!
//! It depends on `bailiwick-proto` and `bailiwick-types` and must not depend on a database, a cache or a
//! service.
//!
//! A handler takes its call apart, asks the guard, runs its use case and turns the fault into a status:
//!
//! ```
//! use bailiwick_rpc::{Call, Fields, Guard, IntoStatus};
//! # use bailiwick_proto::tenancy::v1 as pb;
//! # use bailiwick_types::{Authorized, Target, Violations, method::tenancy::GetSettings};
//! # fn use_case(_: &Authorized<GetSettings>) -> Result<(), Violations> { Ok(()) }
//! # use tonic::{Request, Status};
//! async fn get_settings(guard: &Guard, request: Request<pb::GetSettingsRequest>) -> Result<(), Status> {
//!     let call = Call::<GetSettings, _>::new(request)?;
//!     let mut fields = Fields::new();
//!     let account = fields.account(&call.message.account);
//!     let account = fields.finish(account)?;
//!     let by = guard.authorize(&call, &Target::account(account)).await?;
//!     use_case(&by).map_err(IntoStatus::into_status)
//! }
//! ```

/// Serves each method of a service by the function `handle` of the module of its name, which takes the
/// [`Call`]; a method after `!` is not implemented yet. The caller has the messages as `pb`.
#[macro_export]
macro_rules! serve {
    ($api:ident: $service:ident { $($other:tt)* } $($rpc:ident($request:ident) -> $response:ident;)*
     $(!$later:ident($later_request:ident) -> $later_response:ident;)*) => {
        #[tonic::async_trait]
        impl $service for $api {
            $($other)*
            $(async fn $rpc(
                &self,
                request: tonic::Request<pb::$request>,
            ) -> Result<tonic::Response<pb::$response>, tonic::Status> {
                $rpc::handle(self, $crate::Call::new(request)?).await.map(tonic::Response::new)
            })*
            $(async fn $later(
                &self,
                request: tonic::Request<pb::$later_request>,
            ) -> Result<tonic::Response<pb::$later_response>, tonic::Status> {
                Err($crate::later(&request))
            })*
        }
    };
}

mod attempts;
mod auth;
mod call;
mod client;
mod config;
mod context;
mod current;
mod dependency;
mod fields;
mod frame;
mod guard;
pub mod integrity;
mod layers;
pub mod metrics;
mod origin;
pub mod page;
mod peer;
mod reload;
mod remote;
mod request_id;
mod status;
mod task;
mod telemetry;
pub mod token;
pub mod wire;

pub use attempts::{Attempt, Attempts, Taken};
pub use auth::{
    ApiKeys, AuthConfig, AuthError, Authenticator, InternalConfig, InternalIdentity, InternalVerifier,
    KeyDigest, KeyError, KeySource, ServiceKeyError, ServiceKeyFiles, ServiceKeyPair, ServiceKeys,
    VerificationKey, VerificationKeys, VerifiedKey,
};
pub use bailiwick_types::{
    AccessClaims, Chain, Held, OperatorAllowed, RequestDigest, Rights, RightsError, StepUp, StepUpError,
    Target,
};
pub use call::Call;
pub use client::ClientAddress;
pub use config::{
    AccessLog, ConfigError, HumanDuration, Loader, LogFormat, Network, NetworkError, Secret, ServerConfig,
    TelemetryConfig, TlsConfig, load,
};
pub use context::Context;
pub use current::{Carried, carry};
pub use dependency::{Dependencies, Dependency};
pub use fields::{Fields, Paging};
pub use frame::{
    Certificates, Condition, Frame, FrameBuilder, FrameError, Health, Listeners, RunningServer, Services,
};
pub use guard::Guard;
pub use integrity::{IntegrityConfig, IntegrityError, MacKeys, Purpose};
pub use origin::{Origin, origin};
pub use peer::{ClientFactory, Peer, PeerAddressError, PeerConfig, PeerError};
pub use remote::{RemoteApiKeys, RemoteJwks, RemoteRights, RemoteStepUp, carried_token};
pub use request_id::RequestId;
pub use status::{IntoStatus, later, status, violations};
pub use task::Tasks;
pub use telemetry::{Telemetry, TelemetryError, init as init_telemetry, otlp};
