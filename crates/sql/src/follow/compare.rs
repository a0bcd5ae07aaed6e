//! Compares what a follower keeps with what the service that it follows has.

use std::{fmt, fmt::Display, sync::Arc};

use bailiwick_types::{AccountId, ProductName, Scope, ServiceAccountId, SourceVersion, UserId};

use super::{ApplyError, FeedSink};
use crate::Db;

/// Something that a service owns and others keep a part of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thing {
    /// A product: authorization's.
    Product(ProductName),
    /// An account: tenancy's.
    Account(AccountId),
    /// The settings of an account: tenancy's.
    Settings(AccountId),
    /// An instance or workspace of an account: tenancy's.
    Place(AccountId, Scope),
    /// A user: identity's.
    User(UserId),
    /// A service account: identity's.
    ServiceAccount(ServiceAccountId),
}

impl Thing {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Product(_) => "product",
            Self::Account(_) => "account",
            Self::Settings(_) => "settings",
            Self::Place(_, scope) => scope.level().as_str(),
            Self::User(_) => "user",
            Self::ServiceAccount(_) => "service_account",
        }
    }
    /// The account that it lies in.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Account(account) | Self::Settings(account) | Self::Place(account, _) => Some(*account),
            Self::Product(_) | Self::User(_) | Self::ServiceAccount(_) => None,
        }
    }
}

impl Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Product(name) => name.fmt(f),
            Self::Account(account) | Self::Settings(account) => account.fmt(f),
            Self::Place(_, scope) => f.write_str(scope.to_string().split_once(':').map_or("", |(_, id)| id)),
            Self::User(user) => user.fmt(f),
            Self::ServiceAccount(account) => account.fmt(f),
        }
    }
}

/// A field that the follower has otherwise than the owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What the owner has.
    pub owner: String,
    /// What the follower has.
    pub follower: String,
}

/// How something is kept otherwise than its owner has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deviation {
    /// The follower does not have it. The text says why a snapshot would not bring it, where that is known.
    Missing(Option<String>),
    /// The owner does not have it.
    Extra,
    /// Fields differ.
    Differs(Vec<Field>),
}

/// Something that is kept otherwise than its owner has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is.
    pub thing: Thing,
    /// How it differs.
    pub deviation: Deviation,
}

impl Difference {
    /// The follower does not have it, and a snapshot would bring it.
    #[must_use]
    pub fn missing(thing: Thing) -> Self {
        Self {
            thing,
            deviation: Deviation::Missing(None),
        }
    }
}

/// Fields of one thing, as they are compared.
#[derive(Debug, Default)]
pub struct Fields(Vec<Field>);

impl Fields {
    /// Compares a field.
    #[must_use]
    pub fn field<T: PartialEq + Display>(mut self, name: &'static str, owner: &T, follower: &T) -> Self {
        if owner != follower {
            self.0.push(Field {
                name,
                owner: owner.to_string(),
                follower: follower.to_string(),
            });
        }
        self
    }
    /// Compares versions. A follower may be behind: what that means, other fields say. It is never ahead in
    /// the history that the owner has now, and what it keeps of another one was not overwritten.
    #[must_use]
    pub fn version(mut self, owner: &SourceVersion, follower: &SourceVersion) -> Self {
        if !follower.shares_history(owner) || follower.number() > owner.number() {
            let lost = if follower.shares_history(owner) {
                ""
            } else {
                " of another history"
            };
            self.0.push(Field {
                name: "version",
                owner: owner.to_string(),
                follower: format!("{follower}{lost}"),
            });
        }
        self
    }
    /// The difference, where there is one.
    #[must_use]
    pub fn of(self, thing: Thing) -> Option<Difference> {
        (!self.0.is_empty()).then_some(Difference {
            thing,
            deviation: Deviation::Differs(self.0),
        })
    }
}

/// A part of what a follower keeps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// What is there and not closed for good.
    pub things: Vec<Thing>,
    /// Where the next part begins; none after the last one.
    pub next: Option<String>,
}

/// A sink whose content can be compared with that of its source.
#[async_trait::async_trait]
pub trait Compare: FeedSink {
    /// How the items of a page of a snapshot, of the history `epoch`, are kept otherwise.
    async fn compare(
        &self,
        db: &Db,
        epoch: &Arc<str>,
        items: &[Vec<u8>],
    ) -> Result<Vec<Difference>, ApplyError>;
    /// What is kept, in parts: what the source does not have of it is [`Deviation::Extra`].
    async fn kept(&self, db: &Db, from: Option<&str>) -> Result<Kept, ApplyError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing() -> Thing {
        Thing::Product("shop".parse().unwrap())
    }

    #[test]
    fn a_follower_may_be_behind_but_not_ahead_or_in_another_history() {
        let owner = SourceVersion::new("now", 5);
        for (follower, differs) in [
            (SourceVersion::new("now", 4), None),
            (SourceVersion::new("now", 5), None),
            (SourceVersion::new("now", 6), Some("6")),
            (SourceVersion::new("before", 5), Some("5 of another history")),
        ] {
            let found = Fields::default().version(&owner, &follower).of(thing());
            let found = found.map(|difference| match difference.deviation {
                Deviation::Differs(fields) => fields[0].follower.clone(),
                other => panic!("{other:?}"),
            });
            assert_eq!(found.as_deref(), differs, "{follower:?}");
        }
    }

    #[test]
    fn only_fields_that_differ_are_named() {
        let found = Fields::default()
            .field("title", &"a", &"a")
            .field("state", &"x", &"y");
        let Some(Difference {
            deviation: Deviation::Differs(fields),
            ..
        }) = found.of(thing())
        else {
            panic!("a difference")
        };
        assert_eq!(fields.len(), 1);
        assert_eq!(
            (fields[0].name, &*fields[0].owner, &*fields[0].follower),
            ("state", "x", "y")
        );
        assert_eq!(Fields::default().of(thing()), None);
    }
}
