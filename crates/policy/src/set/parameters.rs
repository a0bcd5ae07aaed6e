//! The parameters of the bindings and grants of a set.

use std::sync::Arc;

use bailiwick_types::Level;

use super::{NO_PARAMETERS, Shapes};
use crate::{
    AccountPolicy, RoleNo,
    codec::{DecodeError, Reader, Writer},
    stored::Json,
    value::Values,
};

/// What declares the types of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DeclaredBy {
    /// The conditions of a role at a level.
    Role(RoleNo, Level),
    /// The grant conditions of the permissions in a shape.
    Grant(u32),
}

/// Parameters as they are stored, and as the schema of a policy types them.
///
/// The list of stored ones is shared by all typings. Both lists have the same length, so that a grant with
/// parameters is never taken for one without: what does not fit its type, or is not typed yet, leaves
/// conditions undecided.
#[derive(Debug, Clone, Default)]
pub(super) struct Parameters {
    stored: Arc<[(DeclaredBy, Json)]>,
    typed: Arc<[Values]>,
}

impl Parameters {
    pub(super) fn untyped(stored: Vec<(DeclaredBy, Json)>) -> Self {
        Self {
            typed: stored.iter().map(|_| Values::default()).collect(),
            stored: stored.into(),
        }
    }

    /// The parameters at an index; `None` for [`NO_PARAMETERS`].
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&Values> {
        self.typed.get(index as usize)
    }

    pub(super) fn len(&self) -> usize {
        self.stored.len()
    }

    /// Types the stored values by the schema of a policy. A role or pattern that the policy does not have
    /// declares nothing.
    pub(super) fn retype(&self, policy: &AccountPolicy, shapes: &Shapes) -> Self {
        let typed = self.stored.iter().map(|(by, json)| match *by {
            DeclaredBy::Role(no, level) => {
                let at = policy.role(no).and_then(|role| role.level(level));
                json.typed(|name| Some(at?.parameters().get(name)?.kind))
            }
            DeclaredBy::Grant(shape) => {
                let product = policy.product();
                let declared = product.parameters_of_grant(shapes.get(shape));
                json.typed(|name| Some(declared.get(name)?.kind))
            }
        });
        Self {
            typed: typed.collect(),
            stored: Arc::clone(&self.stored),
        }
    }

    pub(super) fn weight(&self) -> usize {
        let stored = self.stored.iter().map(|(_, json)| json.weight());
        let typed = self.typed.iter().map(Values::weight);
        size_of_val(&*self.stored) + size_of_val(&*self.typed) + stored.chain(typed).sum::<usize>()
    }

    pub(super) fn encode(&self, to: &mut Writer) {
        to.length(self.stored.len());
        for (by, json) in &*self.stored {
            match *by {
                DeclaredBy::Role(no, level) => {
                    to.byte(0);
                    to.unsigned(no.0.into());
                    to.byte(level.code());
                }
                DeclaredBy::Grant(shape) => {
                    to.byte(1);
                    to.unsigned(shape.into());
                }
            }
            json.encode(to);
        }
    }

    pub(super) fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = from.length()?;
        let mut stored = Vec::with_capacity(count);
        for _ in 0..count {
            let by = if from.flag()? {
                DeclaredBy::Grant(from.small()?)
            } else {
                DeclaredBy::Role(RoleNo(from.small()?), from.code(Level::from_code)?)
            };
            stored.push((by, Json::decode(from)?));
        }
        Ok(Self::untyped(stored))
    }
}

/// Encodes an index of parameters, so that none takes one byte.
pub(super) fn encode_index(index: u32, to: &mut Writer) {
    to.unsigned(index.wrapping_add(1).into());
}

/// Reads an index of parameters back, checked against their number.
pub(super) fn decode_index(from: &mut Reader<'_>, count: usize) -> Result<u32, DecodeError> {
    match from.small::<u32>()?.checked_sub(1) {
        None => Ok(NO_PARAMETERS),
        Some(index) if (index as usize) < count => Ok(index),
        Some(_) => Err(DecodeError::Malformed),
    }
}
