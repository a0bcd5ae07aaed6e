//! The words that every part of Bailiwick shares: ids, instants, pages, faults, consistency tokens and the
//! witness that a caller was authorized.
//!
//! The crate depends on nothing of ours and on no transport, database or cache crate.
//!
//! ```
//! use bailiwick_types::{AccountId, Scope};
//! let account: AccountId = "acct_01h455vb4pex5vsknk084sn02q".parse().unwrap();
//! assert_eq!(Scope::Account(account).to_string(), "account:acct_01h455vb4pex5vsknk084sn02q");
//! ```

mod fault;
mod id;
mod page;
mod port;
mod scope;
mod subject;
mod suggest;
mod token;
mod witness;

pub use fault::{Code, Fault, FieldViolation, Reason, Violations};
pub use id::*;
pub use page::{PageRequest, PageSize};
pub use port::{Clock, IdGen, Rng, SeededIds, SystemClock, SystemIds, SystemRng, Timestamp};
pub use scope::{Level, ProductName, Scope, ScopeRoot};
pub use subject::{Subject, SubjectError};
pub use suggest::did_you_mean;
pub use token::{Epochs, Service, Token};
pub use witness::{Authorized, Caller, CallerKind, GuardSeal};
