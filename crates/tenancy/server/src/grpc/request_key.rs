//! The key of a request that may be repeated.

use bailiwick_rpc::{Context, Fields};
use bailiwick_tenancy_core::request::RequestKey;
use prost::Message;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Reads the field `request_id`. `message` is the request without its id.
pub(super) fn request_key(
    fields: &mut Fields,
    context: &Context,
    id: &str,
    message: &impl Message,
) -> Option<RequestKey> {
    if id.is_empty() {
        return None;
    }
    let id = fields.take("request_id", Uuid::parse_str(id).map_err(|_| "must be a UUID"));
    let mut hash = Sha256::new();
    hash.update(context.method.path.as_bytes());
    hash.update(message.encode_to_vec());
    let digest = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    RequestKey::of(&context.caller, id, digest)
}
