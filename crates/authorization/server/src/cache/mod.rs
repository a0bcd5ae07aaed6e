//! What decisions are made from, kept near: in the process (L1) and in Redis (L2). Neither holds any truth: every part is
//! tested against what the replica knows of the primary before it is used.

mod key;
mod l1;
mod part;
mod redis;
mod second;
pub(crate) mod value;

pub use key::{PartKey, PartRef};
pub(crate) use l1::Parts;
pub use part::{Part, PartValue};
pub use redis::{RedisSecond, RedisSettings, RedisSetupError};
pub use second::Second;
