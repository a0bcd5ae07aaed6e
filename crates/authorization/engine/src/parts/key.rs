//! The keys of parts.

use std::hash::{Hash, Hasher};

use quick_cache::Equivalent;

/// Names a part of an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartKey {
    /// The permission set of a subject that is no group, by `TYPE:ID`.
    Subject(Box<str>),
    /// The permission set of a group, by its UUID.
    Group(u128),
    /// A resource, present or absent, by `TYPE:ID`.
    Resource(Box<str>),
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
}

impl PartKey {
    /// Borrows the key.
    #[must_use]
    pub fn borrowed(&self) -> PartRef<'_> {
        match self {
            Self::Subject(text) => PartRef::Subject(text),
            Self::Group(id) => PartRef::Group(*id),
            Self::Resource(text) => PartRef::Resource(text),
        }
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Subject(text) | Self::Resource(text) => text.len(),
            Self::Group(_) => 0,
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
        }
    }

    /// The kind and the text under which table `part` and the shared cache name it.
    #[must_use]
    pub fn stored(self) -> (u8, String) {
        match self {
            Self::Subject(text) => (1, text.to_owned()),
            Self::Group(id) => (
                2,
                bailiwick_types::GroupId::from_uuid(uuid::Uuid::from_u128(id)).to_string(),
            ),
            Self::Resource(text) => (3, text.to_owned()),
        }
    }
}

impl Hash for PartRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Subject(text) => {
                state.write_u8(1);
                text.hash(state);
            }
            Self::Group(id) => {
                state.write_u8(2);
                state.write_u128(*id);
            }
            Self::Resource(text) => {
                state.write_u8(3);
                text.hash(state);
            }
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
