//! Instances and workspaces: the places in an account.

mod create_instance;
mod create_workspace;
mod delete;
mod get;
mod list;
mod update;

use async_trait::async_trait;
use bailiwick_types::{AccountId, InstanceId, Level, Scope, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use create_instance::{CreateError, CreateInstance, create_instance, fits as instance_fits};
pub use create_workspace::{CreateWorkspace, create_workspace, fits as workspace_fits};
pub use delete::{DeleteError, DeletePlace, delete};
pub use get::{GetError, get};
pub use list::{PlaceFilter, list};
pub use update::{UpdateError, UpdatePlace, update};

use crate::{
    State, Title,
    account::NotActive,
    listing::{Key, Query},
    store::StoreError,
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

impl PlaceId {
    /// The scope that it names.
    #[must_use]
    pub fn scope(self) -> Scope {
        match self {
            Self::Instance(id) => Scope::Instance(id),
            Self::Workspace(id) => Scope::Workspace(id),
        }
    }
    /// The place that a scope names, where it names one.
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
    /// Which of the two it is.
    #[must_use]
    pub fn level(self) -> Level {
        match self {
            Self::Instance(_) => Level::Instance,
            Self::Workspace(_) => Level::Workspace,
        }
    }
}

/// An instance or workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The account it lies in.
    pub account: AccountId,
    /// Its id.
    pub id: PlaceId,
    /// The instance that a workspace lies in; else it lies directly in the account.
    pub parent: Option<InstanceId>,
    /// Its title.
    pub title: Title,
    /// The edition of an instance, where the product has editions.
    pub edition: Option<String>,
    /// Its state.
    pub state: State,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
    /// Its version, from 1.
    pub version: u64,
    /// Whether a suspension or deletion is under way.
    pub closing: bool,
}

impl Place {
    /// The scope that it is.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.id.scope()
    }
    /// The scope above it.
    #[must_use]
    pub fn parent_scope(&self) -> Scope {
        self.parent.map_or(Scope::Account(self.account), Scope::Instance)
    }
    /// Refuses where it is not in use.
    pub(crate) fn ensure_active(&self) -> Result<(), NotActive> {
        self.ensure_settled()?;
        NotActive::unless(&self.scope(), self.state)
    }
    /// Refuses where a suspension or deletion is under way.
    pub(crate) fn ensure_settled(&self) -> Result<(), NotActive> {
        if self.closing {
            Err(NotActive::closing(&self.scope()))
        } else {
            Ok(())
        }
    }
}

/// Reads places. Deleted ones, and those in a deleted instance, are not there.
#[async_trait]
pub trait Reader {
    /// The place of that id in the account.
    ///
    /// # Errors
    /// The database fails.
    async fn find_place(&mut self, account: AccountId, id: PlaceId) -> Result<Option<Place>, StoreError>;
    /// Places of an account in order, at most `limit`, after a key.
    ///
    /// # Errors
    /// The database fails.
    async fn list_places(
        &mut self,
        filter: &PlaceFilter,
        query: &Query,
        after: Option<&Key>,
        limit: u64,
    ) -> Result<Vec<Place>, StoreError>;
    /// Whether there are places in an instance, or, without one, in the account.
    ///
    /// # Errors
    /// The database fails.
    async fn has_places(
        &mut self,
        account: AccountId,
        parent: Option<InstanceId>,
    ) -> Result<bool, StoreError>;
}

/// Keeps places.
#[async_trait]
pub trait Writer {
    /// Adds a place.
    ///
    /// # Errors
    /// The database fails.
    async fn insert_place(&mut self, place: &Place) -> Result<(), StoreError>;
    /// Keeps a place in the place of its older version.
    ///
    /// # Errors
    /// The database fails.
    async fn update_place(&mut self, place: &Place) -> Result<(), StoreError>;
}
