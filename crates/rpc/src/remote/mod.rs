//! What a service asks of its peers on behalf of the frame: keys, rights, step-ups.

mod jwks;
mod rights;
mod step_up;

pub use jwks::RemoteJwks;
pub(crate) use rights::with_token;
pub use rights::{RemoteRights, carried_token};
pub use step_up::RemoteStepUp;
