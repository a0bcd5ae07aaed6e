//! What a service asks of its peers on behalf of the frame: keys, rights, step-ups.

mod api_keys;
mod jwks;
mod rights;
mod step_up;

pub use api_keys::RemoteApiKeys;
pub use jwks::RemoteJwks;
pub(crate) use rights::with_token;
pub use rights::{RemoteRights, carried_token};
pub use step_up::RemoteStepUp;
