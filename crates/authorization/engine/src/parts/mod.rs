//! The parts that decisions about an account are made from, each with a last change of its own: permission
//! sets and resources, which change with the account's revision, and the facts of identity, which change with
//! the deployment's.

pub mod codec;
mod key;
#[doc(hidden)]
#[cfg(any(test, feature = "probe"))]
pub mod probe;

use std::sync::Arc;

use bailiwick_policy::{AccountPolicy, PermissionSet, Resource};

pub use key::{FactKey, PartKey, PartRef};

use crate::Watermark;

/// Where a part was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// In the primary.
    Primary,
    /// In the shared cache, which is good enough for decisions, not for the right of a write.
    Shared,
}

/// What was read, and when.
#[derive(Debug, Clone)]
pub struct Part {
    /// Where it was read.
    pub origin: Origin,
    /// Where the primary stood when it was read.
    pub read_at: Watermark,
    /// The version of the product's manifest by which its names were turned into numbers.
    pub manifest: u64,
    /// What was read.
    pub value: PartValue,
}

/// What a part holds.
#[derive(Debug, Clone)]
pub enum PartValue {
    /// The permission set of a subject or group; empty where there are no rows.
    Set(Arc<PermissionSet>),
    /// A resource; `None` where there is none.
    Resource(Option<Arc<Resource>>),
    /// Whether identity has closed the user or service account, so that nothing is allowed to it. One that
    /// identity does not know is open: it is an opaque id of the product.
    Closed(bool),
}

impl Part {
    /// The permission set in it.
    #[inline]
    #[must_use]
    pub fn set(&self) -> Option<&PermissionSet> {
        match &self.value {
            PartValue::Set(set) => Some(set),
            PartValue::Resource(_) | PartValue::Closed(_) => None,
        }
    }

    /// Whether the user or service account that it is about is closed.
    #[inline]
    #[must_use]
    pub fn closed(&self) -> Option<bool> {
        match &self.value {
            PartValue::Closed(closed) => Some(*closed),
            PartValue::Set(_) | PartValue::Resource(_) => None,
        }
    }

    /// The revision at which it was read, of the root that it changes with.
    #[inline]
    pub(crate) fn revision(&self) -> u64 {
        match &self.value {
            PartValue::Closed(_) => self.read_at.deployment,
            PartValue::Set(_) | PartValue::Resource(_) => self.read_at.account,
        }
    }

    /// The resource in it; `Some(None)` where it is known to be absent.
    #[inline]
    #[must_use]
    pub fn resource(&self) -> Option<Option<&Resource>> {
        match &self.value {
            PartValue::Resource(resource) => Some(resource.as_deref()),
            PartValue::Set(_) | PartValue::Closed(_) => None,
        }
    }

    /// Tells whether its stored values are typed by the schema of a policy.
    #[inline]
    pub(crate) fn is_typed_for(&self, policy: &AccountPolicy) -> bool {
        match &self.value {
            PartValue::Set(set) => set.is_typed_for(policy),
            PartValue::Resource(Some(resource)) => resource.is_typed_for(policy.product()),
            PartValue::Resource(None) | PartValue::Closed(_) => true,
        }
    }

    /// The same part with its stored values typed for a policy.
    pub(crate) fn retype(mut self, policy: &AccountPolicy) -> Self {
        if !self.is_typed_for(policy) {
            match &mut self.value {
                PartValue::Set(set) => *set = Arc::new(set.retype(policy)),
                PartValue::Resource(Some(resource)) => {
                    *resource = Arc::new(Resource::clone(resource).retype(policy.product()));
                }
                PartValue::Resource(None) | PartValue::Closed(_) => {}
            }
        }
        self
    }

    /// Bytes in memory.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>()
            + match &self.value {
                PartValue::Set(set) => set.weight(),
                PartValue::Resource(Some(resource)) => resource.weight(),
                PartValue::Resource(None) | PartValue::Closed(_) => 0,
            }
    }
}
