//! Places: the instances and workspaces of an account.

pub mod create_instance;
pub mod create_workspace;
pub mod delete;
pub mod get;
pub mod list;
pub mod move_workspace;
pub mod update;

use async_trait::async_trait;
use bailiwick_types::{AccountId, InstanceId, Level, Refused, Scope, StoreError, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Precondition, State, Title,
    listing::{Key, Query},
    precondition,
};

/// The id of an instance or workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceId {
    /// Of an instance.
    Instance(InstanceId),
    /// Of a workspace.
    Workspace(WorkspaceId),
}

impl From<InstanceId> for PlaceId {
    fn from(id: InstanceId) -> Self {
        Self::Instance(id)
    }
}

impl From<WorkspaceId> for PlaceId {
    fn from(id: WorkspaceId) -> Self {
        Self::Workspace(id)
    }
}

impl PlaceId {
    /// Its scope.
    #[must_use]
    pub fn scope(self) -> Scope {
        match self {
            Self::Instance(id) => Scope::Instance(id),
            Self::Workspace(id) => Scope::Workspace(id),
        }
    }
    /// The place of a scope below the account.
    #[must_use]
    pub fn of_scope(scope: &Scope) -> Option<Self> {
        match scope {
            Scope::Instance(id) => Some(Self::Instance(*id)),
            Scope::Workspace(id) => Some(Self::Workspace(*id)),
            Scope::Deployment | Scope::Product(_) | Scope::Account(_) => None,
        }
    }
    /// The UUID in it.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        match self {
            Self::Instance(id) => id.uuid(),
            Self::Workspace(id) => id.uuid(),
        }
    }
    /// Its level.
    #[must_use]
    pub fn level(self) -> Level {
        match self {
            Self::Instance(_) => Level::Instance,
            Self::Workspace(_) => Level::Workspace,
        }
    }
    /// The refusal for a missing place.
    pub(crate) fn missing(self) -> Refused {
        Refused::NotFound(match self {
            Self::Instance(_) => "instance",
            Self::Workspace(_) => "workspace",
        })
    }
}

/// An instance or workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its account.
    pub account: AccountId,
    /// Its id.
    pub id: PlaceId,
    /// The instance of a workspace; without one it is directly in the account.
    pub parent: Option<InstanceId>,
    /// Its title.
    pub title: Title,
    /// The edition of an instance, where the product has editions.
    pub edition: Option<String>,
    /// Its state.
    pub state: State,
    /// The time of creation.
    pub created: Timestamp,
    /// The time of the last change.
    pub updated: Timestamp,
    /// Its version, from 1.
    pub version: u64,
    /// Whether a suspension, deletion or move is under way.
    pub closing: bool,
    /// The account from which it moved to this one last.
    #[serde(default)]
    pub moved_from: Option<AccountId>,
}

impl Place {
    /// A new place without parent and edition.
    pub(crate) fn new(account: AccountId, id: impl Into<PlaceId>, title: Title, now: Timestamp) -> Self {
        Self {
            account,
            id: id.into(),
            parent: None,
            title,
            edition: None,
            state: State::Active,
            created: now,
            updated: now,
            version: 1,
            closing: false,
            moved_from: None,
        }
    }
    /// Its scope.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.id.scope()
    }
    /// The scope above it.
    #[must_use]
    pub fn parent_scope(&self) -> Scope {
        self.parent.map_or(Scope::Account(self.account), Scope::Instance)
    }
    /// Refuses a place that is not in use.
    pub(crate) fn ensure_active(&self) -> Result<(), Precondition> {
        precondition::ensure_active(self.scope(), self.closing, self.state)
    }
    /// Refuses while a suspension, deletion or move is under way.
    pub(crate) fn ensure_settled(&self) -> Result<(), Precondition> {
        precondition::ensure_settled(self.scope(), self.closing)
    }
}

/// Which places of an account are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceFilter {
    /// Instances or workspaces.
    pub level: Level,
    /// Only those directly in the account (`Some(None)`) or in an instance.
    pub parent: Option<Option<InstanceId>>,
}

/// Reads the places of an account. Deleted ones, and those in a deleted instance, do not exist.
#[async_trait]
pub trait Reader: Send {
    /// The place of that id.
    ///
    /// # Errors
    /// The database fails.
    async fn find_place(&mut self, id: PlaceId) -> Result<Option<Place>, StoreError>;
    /// The place of that id, also where it is deleted or in a deleted instance.
    ///
    /// # Errors
    /// The database fails.
    async fn any_place(&mut self, id: PlaceId) -> Result<Option<Place>, StoreError>;
    /// Places in order, at most `limit`, after a key.
    ///
    /// # Errors
    /// The database fails.
    async fn list_places(
        &mut self,
        filter: PlaceFilter,
        query: &Query,
        after: Option<&Key>,
        limit: u64,
    ) -> Result<Vec<Place>, StoreError>;
    /// Whether there are places in an instance, or, without one, in the account; a workspace that moves there
    /// is one.
    ///
    /// # Errors
    /// The database fails.
    async fn has_places(&mut self, parent: Option<InstanceId>) -> Result<bool, StoreError>;
    /// How many places of a level the account has; a workspace that moves there is one. The number is kept
    /// with the places: none is counted here.
    ///
    /// # Errors
    /// The database fails.
    async fn count_places(&mut self, level: Level) -> Result<u64, StoreError>;
}

/// Stores places of an account.
#[async_trait]
pub trait Writer: Send {
    /// Inserts a place.
    ///
    /// # Errors
    /// The database fails, or the place is of another account.
    async fn insert_place(&mut self, place: &Place) -> Result<(), StoreError>;
    /// Replaces a place by its new version.
    ///
    /// # Errors
    /// The database fails, or the place is of another account.
    async fn update_place(&mut self, place: &Place) -> Result<(), StoreError>;
    /// Inserts or replaces a place: the account may have had it before.
    ///
    /// # Errors
    /// The database fails, or the place is of another account.
    async fn put_place(&mut self, place: &Place) -> Result<(), StoreError>;
}
