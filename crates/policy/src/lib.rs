//! The decision engine: what a product declares, what a subject has, and whether it may do this, here, now.
//!
//! Pure: no async, no IO, no clock, nothing of transports, databases or caches. The way through it:
//!
//! 1. [`manifest::parse`] (feature `manifest`) reads a manifest, [`compile`] makes a [`Product`] of it, whose
//!    numbers ([`Numbers`]) are kept from version to version;
//! 2. [`AccountPolicy`] adds an account's own roles, overlays and settings; [`Places`] is its tree;
//! 3. [`StoredSubject`] makes the [`PermissionSet`] of a subject from rows, [`StoredResource`] a
//!    [`Resource`];
//! 4. [`decide`] answers; [`explain`], [`permissions_held`], [`scopes_held`], [`holds`] and [`may_assign`]
//!    answer the questions around it.
//!
//! ```
//! use std::sync::Arc;
//! use bailiwick_policy::*;
//! use bailiwick_types::{AccountId, Subject, Timestamp};
//!
//! let manifest = manifest::parse("
//! product: notes
//! types:
//!   note: {verbs: [view, edit], implies: {edit: [view]}}
//! roles:
//!   editor: {levels: {account: {permissions: [note.edit]}}}
//! ").unwrap();
//! let (product, _numbers) = compile(&manifest, Numbers::default()).unwrap();
//! let policy = AccountPolicy::compile(Arc::new(product), vec![], vec![], Default::default());
//!
//! let account: AccountId = "acct_01h455vb4pex5vsknk084sn02q".parse().unwrap();
//! let ann: Subject = "service:ann".parse().unwrap();
//! let mut set = PermissionSetBuilder::new(ann.clone());
//! set.bind(policy.role_no("editor").unwrap(), account.into(), None, None);
//!
//! let none = Values::default();
//! let input = DecisionInput {
//!     policy: &policy,
//!     places: &Places::new(account),
//!     subject: &ann,
//!     disabled: false,
//!     sets: &[&set.build()],
//!     buckets: &[],
//!     target: Target::Scope(account.into()),
//!     request: Request { attributes: &none, context: &none, digest: None },
//!     audience: Audience::Product,
//!     now: Timestamp(0),
//! };
//! let view = policy.product().permission_no("note.view").unwrap();
//! assert_eq!(decide(&input, view).reason, Reason::Role);
//! ```

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod account;
mod bits;
mod codec;
mod condition;
mod decide;
mod ids;
mod index;
pub mod manifest;
mod numbers;
mod own;
mod places;
mod product;
mod reads;
mod resource;
mod schema;
mod set;
mod stored;
mod value;

pub use account::{AccountPolicy, CustomRole, LevelOverlay, Overlay};
pub use bailiwick_types::Level;
pub use bits::PermissionBits;
pub use codec::DecodeError;
pub use condition::{Comparison, Condition, ConditionError};
pub use decide::{
    AccountColumn, AccountColumnError, Alternative, Audience, Claim, Decision, DecisionInput, Explanation,
    Field, FieldName, HeldPermissions, Holding, HoldingSource, Inexpressible, NeededApproval, Outcome, Plan,
    Predicate, Reason, Request, SeenCondition, Source, SqlCondition, Step, StepEffect, StepSource, Table,
    Target, Term, claims_of, condition_text, could_assign, decide, explain, holdings, holds, holds_role,
    may_assign, may_assign_itself, permissions_held, plan, scopes_held, sql_condition, suite_holds,
    within_own,
};
pub use ids::{PermissionNo, PlaceId, RoleNo, TypeNo, subject_of};
pub use index::bucket_of;
pub use numbers::{Numbers, NumbersError};
pub use own::OwnSize;
pub use places::{Path, Place, PlaceState, Places, PlacesError};
pub use product::{
    ApprovalRule, Assigns, Attribute, CompileError, Entry, Pattern, PermissionInfo, Product, QuestionFault,
    RequestValues, Role, RoleLevel, TypeInfo, ValueFault, compile,
};
pub use resource::{Attributes, MAX_PARENTS, Resource, bound_values, is_bound_to};
pub use schema::Schema;
pub use set::{
    AppliesTo, ApprovalTarget, GrantBucket, GrantRow, GrantTarget, Member, MemberState, OpenApproval,
    PermissionSet, PermissionSetBuilder, TypeGrantReach,
};
pub use stored::{
    StoredApproval, StoredBinding, StoredGrant, StoredGrantTarget, StoredResource, StoredSubject,
    StoredTarget,
};
pub use value::{Value, ValueType, Values};
