//! The port to the primary: the reads that a replica needs, and what they return.

mod row;

use std::{collections::HashMap, fmt, sync::Arc};

use bailiwick_policy::{AccountPolicy, CustomRole, Overlay, PermissionSet, Places, Product, TypeGrantReach};
use bailiwick_types::{AccountId, Fault, ProductName, Subject};

pub use row::{Event, Root, Row};

use crate::{
    Epoch, Watermark,
    parts::{PartKey, PartValue},
};

/// The primary does not answer, or what it says cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    /// It does not answer in time; the detail is for the log.
    #[error("the database does not answer")]
    Unavailable(String),
    /// The feed cannot be read on from the cursor: another epoch, set back, or pruned.
    #[error("the feed cannot be read on")]
    Refused,
    /// What is stored contradicts itself; the detail is for the log.
    #[error("stored data is inconsistent")]
    Corrupt(String),
}

impl SourceError {
    /// What is logged of it.
    #[must_use]
    pub fn detail(&self) -> &str {
        match self {
            Self::Unavailable(detail) | Self::Corrupt(detail) => detail,
            Self::Refused => "the feed cannot be read on",
        }
    }
}

/// Something that was read in one snapshot, and where the primary stood then.
#[derive(Debug, Clone)]
pub struct Read<T> {
    /// The epoch of the primary.
    pub epoch: Epoch,
    /// Where it stood.
    pub at: Watermark,
    /// What was read.
    pub value: T,
}

/// What is bound at the deployment or at a product: few rows, kept whole.
#[derive(Debug, Clone, Default)]
pub struct Bound {
    /// The revision of the root.
    pub revision: u64,
    /// By `TYPE:ID`.
    pub sets: HashMap<Box<str>, Arc<PermissionSet>>,
}

/// A product as accounts share it.
#[derive(Debug, Clone)]
pub struct ProductState {
    /// Its name.
    pub name: ProductName,
    /// The version of its manifest.
    pub manifest: u64,
    /// The manifest, compiled.
    pub product: Arc<Product>,
}

/// What is kept of an account beside its parts.
#[derive(Debug, Clone)]
pub struct Content {
    /// What is bound at the deployment.
    pub deployment: Arc<Bound>,
    /// The product.
    pub product: Arc<ProductState>,
    /// What is bound at the product.
    pub product_bound: Arc<Bound>,
    /// The account's roles and settings, as they are stored: compiled anew when the manifest changes.
    pub rows: Arc<PolicyRows>,
    /// The same, compiled.
    pub policy: Arc<AccountPolicy>,
    /// The account's tree.
    pub places: Places,
}

/// The rows that an account's policy is compiled from.
#[derive(Debug, Clone, Default)]
pub struct PolicyRows {
    /// Roles that the account defined.
    pub custom: Vec<CustomRole>,
    /// What it changed about roles of the product, by role.
    pub overlays: Vec<Overlay>,
    /// Its settings.
    pub settings: std::collections::BTreeMap<String, serde_json::Value>,
}

/// An account as one snapshot shows it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What is kept of it.
    pub content: Content,
    /// The rows after the point that was asked for, where one was; `None` where there are too many.
    pub rows: Option<Vec<Row>>,
}

/// What a poll has brought.
#[derive(Debug, Clone)]
pub struct Polled {
    /// The epoch of the feed.
    pub epoch: Epoch,
    /// Rows in the order of their ids.
    pub rows: Vec<Row>,
}

/// The roots of deployment and product, as one snapshot shows them.
#[derive(Debug, Clone)]
pub struct Roots {
    /// What is bound at the deployment.
    pub deployment: Option<Arc<Bound>>,
    /// Products with what is bound there.
    pub products: Vec<(Arc<ProductState>, Arc<Bound>)>,
}

/// Names an account and its product in statements.
#[derive(Debug, Clone, Copy)]
pub struct AccountRef<'a> {
    /// The account.
    pub account: AccountId,
    /// Its product.
    pub product: &'a ProductState,
    /// What decides in it: it says of which types the parameters of bindings are.
    pub policy: &'a AccountPolicy,
}

/// The parts that one statement has read; empty where the manifest is another one than the caller's.
#[derive(Debug, Clone)]
pub struct PartsRead {
    /// The version of the product's manifest at that moment.
    pub manifest: u64,
    /// The parts, also those that came along: groups of a subject, resources above a resource.
    pub parts: Vec<(PartKey, PartValue)>,
}

/// What a plan names that only rows can tell.
#[derive(Debug, Clone, Default)]
pub struct Outline {
    /// `TYPE` and id of the resources at or below those that were asked for that have resources below them.
    pub parents: Vec<(String, Box<str>)>,
    /// For each reach the ids of the resources of the type that it covers.
    pub covered: Vec<Vec<Box<str>>>,
}

/// What an [`Outline`] is asked for.
#[derive(Debug, Clone, Copy)]
pub struct OutlineQuery<'a> {
    /// `TYPE` and id of the resources whose descendants are looked for.
    pub under: &'a [(String, Box<str>)],
    /// The type of the resources.
    pub type_name: &'a str,
    /// The reaches of grants on that type.
    pub reaches: &'a [TypeGrantReach],
    /// One row more than may be made of it.
    pub limit: usize,
}

/// Reads of the primary. Each is one snapshot and says where the primary stood.
#[async_trait::async_trait]
pub trait Source: Send + Sync + fmt::Debug + 'static {
    /// Reads what is kept of an account, with the rows after `since`; `None` where there is no such account. `known` are
    /// products that need not be read again where their manifest is the present one.
    async fn load(
        &self,
        account: AccountId,
        since: Option<Watermark>,
        known: &[Arc<ProductState>],
    ) -> Result<Option<Read<Loaded>>, SourceError>;

    /// Reads the rows of an account, its product and the deployment after `since`; `None` where there are too many.
    async fn advance(
        &self,
        account: AccountId,
        product: &ProductName,
        since: Watermark,
    ) -> Result<Read<Option<Vec<Row>>>, SourceError>;

    /// Reads parts: of subjects and groups also the groups that they are in, of resources also those above them. One
    /// statement where all keys are of one kind, else one snapshot.
    async fn parts(&self, of: AccountRef<'_>, keys: &[PartKey]) -> Result<Read<PartsRead>, SourceError>;

    /// Reads registered resources of a type, with those above them, after an id (none where empty), in the order of the
    /// database, in one statement; returns their ids too.
    async fn candidates(
        &self,
        of: AccountRef<'_>,
        name: &str,
        after: &str,
        limit: usize,
    ) -> Result<Read<(Vec<Box<str>>, PartsRead)>, SourceError>;

    /// Reads what a plan names that only rows can tell, in one snapshot.
    async fn outline(
        &self,
        account: AccountId,
        product: &ProductName,
        asked: OutlineQuery<'_>,
    ) -> Result<Read<Outline>, SourceError>;

    /// Reads the last change of parts: 0 where there is no row, which is a part that is empty or absent for good.
    async fn last_changes(
        &self,
        of: AccountRef<'_>,
        keys: &[PartKey],
    ) -> Result<Read<(u64, Vec<u64>)>, SourceError>;

    /// Reads what is bound at the deployment (where asked), and products with what is bound there.
    async fn roots(&self, deployment: bool, products: &[ProductName]) -> Result<(Epoch, Roots), SourceError>;

    /// Reads what is bound to a subject at the deployment, and whether identity has disabled it.
    async fn deployment_of(&self, subject: &Subject) -> Result<(PermissionSet, bool), SourceError>;

    /// Reads on in the outbox to its end; the first call finds the end only. What was returned counts as applied once
    /// the next call is made; an error leaves things as they were.
    async fn poll(&self) -> Result<Polled, SourceError>;

    /// Begins anew at the end of the outbox, as the first call of [`Source::poll`] does.
    async fn restart(&self) -> Result<Epoch, SourceError>;
}

impl Fault for SourceError {
    fn code(&self) -> bailiwick_types::Code {
        match self {
            Self::Corrupt(_) => bailiwick_types::Code::Internal,
            Self::Unavailable(_) | Self::Refused => bailiwick_types::Code::Unavailable,
        }
    }
    fn reason(&self) -> bailiwick_types::Reason {
        match self {
            Self::Corrupt(_) => bailiwick_types::Reason::Internal,
            Self::Unavailable(_) | Self::Refused => bailiwick_types::Reason::DependencyUnavailable,
        }
    }
    fn retry_after(&self) -> Option<std::time::Duration> {
        (!matches!(self, Self::Corrupt(_))).then_some(std::time::Duration::from_millis(500))
    }
}
