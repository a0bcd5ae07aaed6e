//! Change feeds over gRPC: the server of `bailiwick.events.v1.ChangeFeedService` on the feeds of
//! `bailiwick-sql`, and the source from which a follower of another service reads.
//!
//! What a service emits is a [`Change`](bailiwick_proto::events::v1::Change), encoded by [`encode`];
//! a follower decodes it by [`decode`]. The crate depends on `bailiwick-rpc` and `bailiwick-sql` and
//! on no service.
//!
//! ```
//! use bailiwick_feed::{change, decode, encode};
//! use bailiwick_proto::events::v1::{SessionRevoked, change::Change};
//!
//! let revoked = SessionRevoked { session: "sess_1".into(), user: "user_1".into() };
//! let bytes = encode(Change::SessionRevoked(revoked));
//! assert!(matches!(change(&bytes), Ok(Change::SessionRevoked(_))));
//! assert!(decode(b"\xff").is_err());
//! ```

mod attempts;
mod audit;
mod codec;
mod ended;
mod fresh;
mod local;
mod personal;
mod retention;
mod server;
mod snapshot;
mod source;

pub use attempts::{Recorder, record_attempts};
pub use audit::audited;
pub use codec::{DecodeError, change, decode, encode};
pub use ended::{EndedSource, LocalEnded, follow_ended};
pub use fresh::{Freshness, FreshnessError};
pub use local::LocalFeedSource;
pub use personal::{without_invited, without_personal_data, without_user};
pub use retention::retain;
pub use server::{FeedServer, Served};
pub use snapshot::{Known, SnapshotPage, SnapshotSource};
pub use source::GrpcFeedSource;
