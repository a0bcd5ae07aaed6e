//! What a write tells the world.

use std::collections::BTreeMap;

use bailiwick_policy::PlaceState;
use bailiwick_types::{AccountId, Authorized, GroupId, InvitationId, Method, ProductName, Scope, Subject};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    account::{Account, Place},
    approval::Approval,
    invitation::Invitation,
    resource::Name,
};

/// A change, told under the root whose revision it counts up.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// What a subject has in the account changed: membership, bindings, grants, groups, approvals.
    Subject(Subject),
    /// Identity has closed a user or service account, or opened it again. It counts in every account, and is
    /// told under the deployment.
    Fact(Subject),
    /// What a group has changed.
    Group(GroupId),
    /// A resource was registered, changed or removed.
    Resource {
        /// Its type.
        of: String,
        /// Its id.
        id: String,
    },
    /// Roles, settings or state of an account changed; none for what holds in a product or the deployment.
    Policy(Option<AccountId>),
    /// A place as decisions see it.
    Place(PlaceSeen),
    /// A manifest was applied.
    Product {
        /// The product.
        name: ProductName,
        /// Its version.
        version: u64,
        /// The manifest in canonical JSON.
        canonical: String,
    },
    /// An invitation was made or changed.
    Invitation(Invitation),
    /// An invitation is gone, and with it the address that it was for.
    InvitationErased {
        /// The account.
        account: AccountId,
        /// Its id.
        id: InvitationId,
        /// Its version.
        version: u64,
    },
    /// A request for an approval was made or changed.
    Approval(Approval),
    /// What was done, for the audit log.
    Audited(Audit),
}

/// A place as decisions see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceSeen {
    /// The place.
    pub scope: Scope,
    /// The place above it; none for an account.
    pub parent: Option<Scope>,
    /// Its state.
    pub state: PlaceState,
    /// Its title.
    pub title: String,
    /// Its edition, where it has one.
    pub edition: Option<String>,
}

/// An entry for the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Who did it; none for the suite itself.
    pub actor: Option<Subject>,
    /// The method, or `feed`.
    pub action: &'static str,
    /// What it was done to.
    pub target: String,
    /// Facts; never secrets.
    pub details: BTreeMap<String, String>,
    /// The fields that were changed, as they were before.
    pub before: Map<String, Value>,
    /// The same fields afterwards.
    pub after: Map<String, Value>,
}

impl Change {
    /// What a subject or group has changed.
    #[must_use]
    pub fn of_subject(subject: &Subject) -> Self {
        match (subject.kind(), subject.id().parse::<GroupId>()) {
            ("group", Ok(group)) => Self::Group(group),
            _ => Self::Subject(subject.clone()),
        }
    }
    /// A resource was registered, changed or removed.
    pub(crate) fn of_resource(name: &Name) -> Self {
        Self::Resource {
            of: name.of.clone(),
            id: name.id.clone(),
        }
    }
}

impl Audit {
    /// An entry without facts.
    #[must_use]
    pub fn new(actor: Option<Subject>, action: &'static str, target: impl Into<String>) -> Self {
        Self {
            actor,
            action,
            target: target.into(),
            details: BTreeMap::new(),
            before: Map::new(),
            after: Map::new(),
        }
    }
    /// An entry for a call, without facts.
    pub(crate) fn of<M: Method>(by: &Authorized<M>, target: impl ToString) -> Self {
        Self::new(by.subject().cloned(), by.action(), target.to_string())
    }
    /// Adds a field, where it changes.
    #[must_use]
    pub fn changed<T: Serialize + PartialEq>(mut self, field: &str, before: &T, after: &T) -> Self {
        if before != after {
            let value = |value: &T| serde_json::to_value(value).unwrap_or(Value::Null);
            self.before.insert(field.to_owned(), value(before));
            self.after.insert(field.to_owned(), value(after));
        }
        self
    }
    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.details.insert(name.to_owned(), value.to_string());
        self
    }
}

impl From<Audit> for Change {
    fn from(audit: Audit) -> Self {
        Self::Audited(audit)
    }
}

impl From<&Account> for Change {
    fn from(account: &Account) -> Self {
        Self::Place(PlaceSeen {
            scope: Scope::Account(account.id),
            parent: None,
            state: account.state,
            title: account.title.clone(),
            edition: None,
        })
    }
}

impl From<&Place> for Change {
    fn from(place: &Place) -> Self {
        Self::Place(PlaceSeen {
            scope: place.scope.clone(),
            parent: Some(place.parent.clone()),
            state: place.state,
            title: place.title.clone(),
            edition: place.edition.clone(),
        })
    }
}
