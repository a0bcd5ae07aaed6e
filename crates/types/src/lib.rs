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

#[macro_use]
mod code;
#[macro_use]
mod debug;
#[macro_use]
mod fault;
#[macro_use]
mod text;
mod api_key;
mod caller;
mod claims;
mod email;
mod guard;
mod id;
#[macro_use]
mod limit;
pub mod method;
mod network;
mod page;
mod port;
mod rights;
mod scope;
mod setting;
mod source;
mod store;
mod subject;
mod suggest;
mod target;
mod token;
mod watch;
mod witness;

pub use api_key::{KeyPermission, KeyPermissionError, KeyScope, KeyText};
pub use caller::{Authority, Caller, CallerKind, Credentials, Verifier};
pub use claims::AccessClaims;
pub use email::{Email, EmailError, EmailKey};
pub use fault::{Chain, Code, FINAL, Fault, FieldViolation, Reason, Refused, Violations};
pub use guard::{Guard, Intent, Refusal, Rows, Sight};
pub use id::*;
pub use limit::{Exhausted, Limit};
pub use method::{Access, Declaration, Idempotency, Method};
pub use network::{Network, NetworkError};
pub use page::{PageRequest, PageSize};
pub use port::{Clock, IdGen, Rng, SeededIds, SystemClock, SystemIds, SystemRng, Timestamp};
pub use rights::{Held, OperatorAllowed, RequestDigest, Rights, RightsError, StepUp, StepUpError};
pub use scope::{Level, ProductName, Scope, ScopeRoot};
pub use setting::SettingType;
pub use source::SourceVersion;
pub use store::StoreError;
pub use subject::{Subject, SubjectError};
pub use suggest::did_you_mean;
pub use target::Target;
pub use text::{Title, TitleError, is_foreign_id, short_text};
pub use token::{Epochs, Service, Token};
pub use watch::Watch;
pub use witness::{AccountAccess, AccountWrite, AllAccounts, Authorized, System};
