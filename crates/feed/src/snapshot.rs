//! The present state of a service, told as changes.

use async_trait::async_trait;
use bailiwick_proto::events::v1::change::Change;
use bailiwick_types::ScopeRoot;

/// A part of the present state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SnapshotPage {
    /// The state, told as the changes that lead to it.
    pub changes: Vec<Change>,
    /// The roots of the state, with the revision that each had when it was read.
    pub revisions: Vec<(ScopeRoot, u64)>,
    /// From where the next page is read; absent on the last.
    pub next: Option<String>,
}

/// Reads the present state of a service in pages, each in a short transaction of its own. Each service's
/// store has one.
#[async_trait]
pub trait SnapshotSource: Send + Sync + 'static {
    /// The page that begins at `from`: what the page before said in [`SnapshotPage::next`], nothing for the
    /// first. What is there all the time while the pages are read is on exactly one of them.
    ///
    /// # Errors
    /// The database fails.
    async fn page(&self, from: Option<&str>) -> Result<SnapshotPage, bailiwick_sql::Error>;
}
