//! The decision engine: what one process knows of authorization's data, and how it answers questions from it.
//!
//! A [`Replica`] keeps a consistent copy of the parts of accounts that are asked about, follows the primary,
//! and answers each question from data that is valid at one single revision. It reaches the outside through
//! three small ports: the primary ([`Source`]), the changes of other services ([`Arrivals`]) and a cache that
//! processes share ([`SharedCache`]).
//!
//! It must not depend on tonic, prost, sea-orm or redis, so that the server, a client and a simulation can
//! embed it. Inside, modules depend in one direction: `watermark` <- `parts` <- `source`, `shared`, `l1` <-
//! `account` <- `question` <- `rights`.
//!
//! ```
//! use std::sync::Arc;
//! use bailiwick_authorization_engine::{
//!     AccountRead, Answer, Decided, NoArrivals, Question, QuestionError, Replica, ReplicaConfig,
//!     ReplicaError, Source,
//! };
//! use bailiwick_types::SystemClock;
//!
//! async fn may(
//!     source: Arc<dyn Source>,
//!     read: &AccountRead,
//!     question: &Question<'_>,
//! ) -> Result<Decided<Result<Answer, QuestionError>>, ReplicaError> {
//!     let config = ReplicaConfig::default();
//!     let replica = Replica::new(source, None, Arc::new(NoArrivals), Arc::new(SystemClock), config);
//!     replica.poll().await?;
//!     replica.decide(read, question).await
//! }
//! ```
#![deny(clippy::indexing_slicing)]

mod account;
mod error;
mod l1;
pub mod parts;
mod question;
mod rights;
mod shared;
mod source;
mod watermark;

pub use account::{AccountRead, Arrivals, Arrived, Consistency, NoArrivals, Replica, ReplicaConfig};
pub use error::ReplicaError;
pub use parts::{FactKey, Origin, Part, PartKey, PartRef, PartValue};
pub use question::{
    Answer, Decided, Explained, Names, Planned, PlannedAlternative, Question, QuestionError, ResourcePage,
    ResourceQuestion, TargetText, VisiblePage,
};
pub use rights::{Claim, Proposed, ReplicaRights};
pub use shared::SharedCache;
pub use source::{
    AccountRef, Bound, Content, Event, KnownStamps, LastChanges, Listed, ListedQuery, Loaded, Outline,
    OutlineQuery, PartRows, PartsRead, Polled, ProductState, Read, Root, Roots, Row, Source, SourceError,
};
pub use watermark::{Epoch, Stamps, Watermark};
