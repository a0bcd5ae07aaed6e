//! The keys of parts.

use std::hash::{Hash, Hasher};

use bailiwick_types::{GroupId, ServiceAccountId, Subject, UserId};
use quick_cache::Equivalent;
use uuid::Uuid;

/// A user or service account of identity, whose state is a part of its own: it counts in every account, also
/// where the subject has nothing. It changes with the deployment's revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKey {
    /// A user, by its UUID.
    User(u128),
    /// A service account, by its UUID.
    Service(u128),
}

impl FactKey {
    /// The key of a subject; none for one that identity does not own.
    #[inline]
    #[must_use]
    pub fn of(subject: &Subject) -> Option<Self> {
        // The prefix first: a product's own ids are told apart without an error that is thrown away.
        match subject.kind() {
            "user" if subject.id().starts_with(UserId::PREFIX) => {
                Some(Self::User(subject.user_id()?.uuid().as_u128()))
            }
            "service" if subject.id().starts_with(ServiceAccountId::PREFIX) => {
                Some(Self::Service(subject.service_id()?.uuid().as_u128()))
            }
            _ => None,
        }
    }

    /// The subject.
    #[must_use]
    pub fn subject(self) -> Subject {
        match self {
            Self::User(id) => Subject::user(UserId::from_uuid(Uuid::from_u128(id))),
            Self::Service(id) => Subject::service(ServiceAccountId::from_uuid(Uuid::from_u128(id))),
        }
    }
}

/// Names a part of an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartKey {
    /// The permission set of a subject that is no group, by `TYPE:ID`.
    Subject(Box<str>),
    /// The permission set of a group, by its UUID.
    Group(u128),
    /// A resource, present or absent, by `TYPE:ID`.
    Resource(Box<str>),
    /// Whether identity lets a user or service account do anything.
    Fact(FactKey),
}

/// A [`PartKey`] that borrows, so that looking up allocates nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartRef<'a> {
    /// See [`PartKey::Subject`].
    Subject(&'a str),
    /// See [`PartKey::Group`].
    Group(u128),
    /// See [`PartKey::Resource`].
    Resource(&'a str),
    /// See [`PartKey::Fact`].
    Fact(FactKey),
}

impl PartKey {
    /// Borrows the key.
    #[must_use]
    pub fn borrowed(&self) -> PartRef<'_> {
        match self {
            Self::Subject(text) => PartRef::Subject(text),
            Self::Group(id) => PartRef::Group(*id),
            Self::Resource(text) => PartRef::Resource(text),
            Self::Fact(key) => PartRef::Fact(*key),
        }
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Subject(text) | Self::Resource(text) => text.len(),
            Self::Group(_) | Self::Fact(_) => 0,
        }
    }
}

impl PartRef<'_> {
    /// Copies the key.
    #[must_use]
    pub fn owned(self) -> PartKey {
        match self {
            Self::Subject(text) => PartKey::Subject(text.into()),
            Self::Group(id) => PartKey::Group(id),
            Self::Resource(text) => PartKey::Resource(text.into()),
            Self::Fact(key) => PartKey::Fact(key),
        }
    }

    /// The number of its kind.
    #[must_use]
    pub fn kind(self) -> u8 {
        match self {
            Self::Subject(_) => 1,
            Self::Group(_) => 2,
            Self::Resource(_) => 3,
            Self::Fact(FactKey::User(_)) => 4,
            Self::Fact(FactKey::Service(_)) => 5,
        }
    }

    /// The kind and the text under which the shared cache names it; table `part` names what belongs to an
    /// account alike.
    #[must_use]
    pub fn stored(self) -> (u8, String) {
        let name = match self {
            Self::Subject(text) | Self::Resource(text) => text.to_owned(),
            Self::Group(id) => GroupId::from_uuid(Uuid::from_u128(id)).to_string(),
            Self::Fact(key) => key.subject().into(),
        };
        (self.kind(), name)
    }
}

impl Hash for PartRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(self.kind());
        match self {
            Self::Subject(text) | Self::Resource(text) => text.hash(state),
            Self::Group(id) | Self::Fact(FactKey::User(id) | FactKey::Service(id)) => state.write_u128(*id),
        }
    }
}

impl Hash for PartKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrowed().hash(state);
    }
}

impl Equivalent<PartKey> for PartRef<'_> {
    fn equivalent(&self, key: &PartKey) -> bool {
        *self == key.borrowed()
    }
}
