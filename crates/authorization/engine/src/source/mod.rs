//! The port to the primary: the reads that a replica needs, and what they return.

mod row;

use std::{collections::HashMap, fmt, sync::Arc};

use bailiwick_policy::{
    AccountPolicy, PermissionSet, PlaceId, Places, Product, SqlCondition, StoredResource, StoredSubject,
    TypeGrantReach,
};
use bailiwick_types::{AccountId, ProductName, Subject, faults};

pub use row::{Event, Root, Row};

use crate::{
    Epoch, Watermark,
    parts::{Origin, Part, PartKey, PartValue},
};

faults! {
    /// Why the primary could not be read; details are for the log.
    #[derive(Clone)]
    SourceError;
    /// It does not answer in time.
    Unavailable(String) "the database does not answer" => Unavailable DependencyUnavailable, retry 500;
    /// The feed cannot continue from the cursor: another epoch, restored to an earlier state, or pruned.
    Refused "the feed cannot continue from the cursor" => Unavailable DependencyUnavailable, retry 500;
    /// Stored data is inconsistent.
    Corrupt(String) "stored data is inconsistent" => Internal Internal;
}

impl SourceError {
    /// The detail, for the log.
    #[must_use]
    pub fn detail(&self) -> &str {
        match self {
            Self::Unavailable(detail) | Self::Corrupt(detail) => detail,
            Self::Refused => "the feed cannot continue from the cursor",
        }
    }
}

/// A value that was read in one snapshot, and where the primary stood then.
#[derive(Debug, Clone)]
pub struct Read<T> {
    /// The epoch of the primary.
    pub epoch: Epoch,
    /// Where it stood.
    pub at: Watermark,
    /// The value.
    pub value: T,
}

/// The bindings of the deployment or of a product: few rows, kept as a whole.
#[derive(Debug, Clone, Default)]
pub struct Bound {
    /// The revision of the root.
    pub revision: u64,
    /// The permission sets, by subject (`TYPE:ID`).
    pub sets: HashMap<Box<str>, Arc<PermissionSet>>,
}

/// A product, shared by its accounts.
#[derive(Debug, Clone)]
pub struct ProductState {
    /// Its name.
    pub name: ProductName,
    /// The version of its manifest.
    pub manifest: u64,
    /// The manifest, compiled.
    pub product: Arc<Product>,
}

/// What is kept of an account besides its parts.
#[derive(Debug, Clone)]
pub struct Content {
    /// The bindings of the deployment.
    pub deployment: Arc<Bound>,
    /// The product.
    pub product: Arc<ProductState>,
    /// The bindings of the product.
    pub product_bound: Arc<Bound>,
    /// The policy compiled from the account's roles and settings.
    pub policy: Arc<AccountPolicy>,
    /// The account's tree.
    pub places: Places,
}

/// An account as one snapshot shows it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Its content.
    pub content: Content,
    /// The rows after the requested point; `None` where none was requested or there are too many.
    pub rows: Option<Vec<Row>>,
}

/// The result of a poll.
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
    /// The bindings of the deployment.
    pub deployment: Option<Arc<Bound>>,
    /// Products with their bindings.
    pub products: Vec<(Arc<ProductState>, Arc<Bound>)>,
}

/// An account with what is needed to read its rows.
#[derive(Debug, Clone, Copy)]
pub struct AccountRef<'a> {
    /// The account.
    pub account: AccountId,
    /// Its product.
    pub product: &'a ProductState,
}

/// The rows of a part, as they are stored.
#[derive(Debug, Clone)]
pub enum PartRows {
    /// The rows of a subject or group.
    Subject(Box<StoredSubject>),
    /// A resource; `None` where there is none.
    Resource(Option<Box<StoredResource>>),
    /// Whether identity has closed the user or service account.
    Closed(bool),
}

/// The stamps that the revisions of a point have in the history of the primary; `None` for one that is not
/// kept any more, and for that of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KnownStamps {
    /// Of the deployment's revision.
    pub deployment: Option<i64>,
    /// Of the product's revision.
    pub product: Option<i64>,
    /// Of the account's revision.
    pub account: Option<i64>,
}

/// The last changes of parts.
#[derive(Debug, Clone, Default)]
pub struct LastChanges {
    /// The version of the product's manifest at that moment.
    pub manifest: u64,
    /// For each part the revision that changed it last, 0 for one that never changed: the deployment's for a
    /// fact of identity, else the account's.
    pub changed: Vec<u64>,
    /// For each part the stamps of the revisions at which it was read.
    pub stamps: Vec<KnownStamps>,
}

/// The parts that one statement returned; empty where the manifest is not the caller's.
#[derive(Debug, Clone)]
pub struct PartsRead {
    /// The version of the product's manifest at that moment.
    pub manifest: u64,
    /// The parts, also those that came along: the fact and the groups of a subject, resources above a
    /// resource.
    pub parts: Vec<(PartKey, PartRows)>,
}

impl PartsRead {
    /// Makes parts of the rows, typed for a policy.
    pub(crate) fn into_parts(
        self,
        read_at: Watermark,
        policy: &AccountPolicy,
    ) -> impl Iterator<Item = (PartKey, Part)> {
        let manifest = self.manifest;
        self.parts.into_iter().map(move |(key, rows)| {
            let value = match rows {
                PartRows::Subject(rows) => PartValue::Set(Arc::new(rows.set(policy))),
                PartRows::Closed(closed) => PartValue::Closed(closed),
                PartRows::Resource(row) => {
                    let resource = row.and_then(|row| row.resource(policy.product()));
                    PartValue::Resource(resource.map(Arc::new))
                }
            };
            let part = Part {
                origin: Origin::Primary,
                read_at,
                manifest,
                value,
            };
            (key, part)
        })
    }
}

/// The resources that a plan has to name.
#[derive(Debug, Clone, Default)]
pub struct Outline {
    /// Type and id of the resources at or below the requested ones that have resources below them.
    pub parents: Vec<(String, Box<str>)>,
    /// For each reach the ids of the resources that it covers.
    pub covered: Vec<Vec<Box<str>>>,
}

/// The request for an [`Outline`].
#[derive(Debug, Clone, Copy)]
pub struct OutlineQuery<'a> {
    /// Type and id of the resources whose descendants are read.
    pub under: &'a [(String, Box<str>)],
    /// The type of the resources.
    pub type_name: &'a str,
    /// The reaches of grants on that type.
    pub reaches: &'a [TypeGrantReach],
    /// The greatest number of rows of each list.
    pub limit: usize,
}

/// A page of the resources that a condition admits.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// Their ids, in the order of the database.
    pub ids: Vec<Box<str>>,
    /// The id up to which rows were looked at; none where there are no more.
    pub last: Option<Box<str>>,
}

/// The request for a [`Listed`].
#[derive(Debug, Clone, Copy)]
pub struct ListedQuery<'a> {
    /// The type of the resources.
    pub type_name: &'a str,
    /// Only resources that lie in this scope.
    pub scope: Option<PlaceId>,
    /// The id after which the page begins; empty for the first.
    pub after: &'a str,
    /// The greatest number of rows that are looked at.
    pub looked_at: usize,
    /// What is to be true of a row; its values come after [`ListedQuery::VALUES`] others.
    pub condition: Option<&'a SqlCondition>,
    /// The greatest number of ids.
    pub limit: usize,
}

impl ListedQuery<'_> {
    /// How many values come before those of the condition.
    pub const VALUES: usize = 5;
}

/// Reads of the primary. Each is one snapshot and returns where the primary stood.
#[async_trait::async_trait]
pub trait Source: Send + Sync + fmt::Debug + 'static {
    /// Reads the content of an account, with the rows after `since`; `None` if the account does not exist.
    async fn load(
        &self,
        account: AccountId,
        since: Option<Watermark>,
    ) -> Result<Option<Read<Loaded>>, SourceError>;

    /// Reads the rows of an account, its product and the deployment after `since`; `None` where there are too
    /// many.
    async fn advance(
        &self,
        account: AccountId,
        product: &ProductName,
        since: Watermark,
    ) -> Result<Read<Option<Vec<Row>>>, SourceError>;

    /// Reads parts, with the facts and groups of subjects, the groups of groups and the resources above
    /// resources.
    async fn parts(&self, of: AccountRef<'_>, keys: &[PartKey]) -> Result<Read<PartsRead>, SourceError>;

    /// Reads the registered resources of a type after an id (from the first where empty), with those above
    /// them, in the order of the database; returns their ids too.
    async fn candidates(
        &self,
        of: AccountRef<'_>,
        name: &str,
        after: &str,
        limit: usize,
    ) -> Result<Read<(Vec<Box<str>>, PartsRead)>, SourceError>;

    /// Reads the resources that a plan has to name.
    async fn outline(
        &self,
        account: AccountId,
        product: &ProductName,
        query: OutlineQuery<'_>,
    ) -> Result<Read<Outline>, SourceError>;

    /// Reads a page of the resources that a condition admits.
    async fn listed(
        &self,
        account: AccountId,
        product: &ProductName,
        query: ListedQuery<'_>,
    ) -> Result<Read<Listed>, SourceError>;

    /// Reads the last changes of parts, each with the point at which it was read.
    async fn last_changes(
        &self,
        of: AccountRef<'_>,
        parts: &[(PartKey, Watermark)],
    ) -> Result<Read<LastChanges>, SourceError>;

    /// Reads the bindings of the deployment (where requested), and products with their bindings.
    async fn roots(&self, deployment: bool, products: &[ProductName]) -> Result<(Epoch, Roots), SourceError>;

    /// Reads the bindings of a subject at the deployment, and whether identity has closed it.
    async fn deployment_of(&self, subject: &Subject) -> Result<(PermissionSet, bool), SourceError>;

    /// Tells whether anything could give a subject a right in an account: a role at the deployment, or where
    /// an account is given also one at a product or something of that account. One statement, which does not
    /// depend on whether the account exists.
    async fn stands(&self, subject: &Subject, account: Option<AccountId>) -> Result<bool, SourceError>;

    /// Reads the outbox to its end; the first call only finds the end. Returned rows count as applied with
    /// the next call; an error leaves the cursor where it was.
    async fn poll(&self) -> Result<Polled, SourceError>;

    /// Restarts at the end of the outbox, like the first call of [`Source::poll`].
    async fn restart(&self) -> Result<Epoch, SourceError>;
}
