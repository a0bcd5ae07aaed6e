//! Entries of the audit log on the feed.

use bailiwick_proto::events::v1::{self as pb, change::Change};
use bailiwick_rpc::origin;

/// The change that an entry of the audit log is: what the call that this task works on tells about where it
/// came from is filled in.
#[must_use]
pub fn audited(mut entry: pb::Audited) -> Change {
    if let Some(origin) = origin() {
        entry.network = origin.client.map(|client| client.to_string()).unwrap_or_default();
        entry.device = origin.user_agent;
        entry.request_id = origin.request_id;
        entry.trace_id = origin.trace_id;
        entry.on_behalf_of = origin
            .on_behalf_of
            .map(|subject| subject.to_string())
            .unwrap_or_default();
    }
    Change::Audited(entry)
}
