//! Grants on resources, found by resource.

use bailiwick_types::Subject;

use super::{NEVER, expiry};
use crate::{
    PermissionNo, TypeNo,
    codec::{DecodeError, Reader, Writer},
    index::{Keyed, Table},
    product::{Pattern, PermissionInfo},
    value::Values,
};

/// A grant as sets keep it: what it gives (an index into the shapes), its parameters and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) shape: u32,
    pub(crate) parameters: u32,
    pub(crate) expires: i64,
}

impl Grant {
    pub(crate) fn encode(self, to: &mut Writer) {
        to.unsigned(self.shape.into());
        to.unsigned(u64::from(self.parameters.wrapping_add(1)));
        to.expiry(self.expires);
    }

    pub(crate) fn decode(
        from: &mut Reader<'_>,
        shapes: usize,
        parameters: usize,
    ) -> Result<Self, DecodeError> {
        let shape: u32 = from.small()?;
        let grant = Self {
            shape,
            parameters: decode_parameters(from, parameters)?,
            expires: from.expiry()?,
        };
        if (shape as usize) < shapes {
            Ok(grant)
        } else {
            Err(DecodeError::Malformed)
        }
    }
}

pub(crate) fn decode_parameters(from: &mut Reader<'_>, count: usize) -> Result<u32, DecodeError> {
    let index: u32 = from.small()?;
    if index as usize > count {
        Err(DecodeError::Malformed)
    } else {
        Ok(index.wrapping_sub(1))
    }
}

/// The distinct lists of permissions and patterns that grants of a set give: there are few of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Shapes(pub(super) Box<[Box<[Pattern]>]>);

impl Shapes {
    /// Whether the shape gives the permission, itself or by implication.
    #[inline]
    pub(crate) fn gives(&self, shape: u32, permission: &PermissionInfo) -> bool {
        let Some(patterns) = self.0.get(shape as usize) else {
            return false;
        };
        patterns.iter().any(|pattern| match pattern {
            Pattern::One(no) => permission.implied_by.contains(*no),
            Pattern::Type(of) => *of == permission.type_no,
            Pattern::All => true,
        })
    }

    pub(crate) fn get(&self, shape: u32) -> &[Pattern] {
        self.0.get(shape as usize).map_or(&[], |patterns| patterns)
    }

    pub(crate) fn weight(&self) -> usize {
        size_of_val(&*self.0) + self.0.iter().map(|shape| size_of_val(&**shape)).sum::<usize>()
    }

    pub(crate) fn encode(&self, to: &mut Writer) {
        to.length(self.0.len());
        for shape in &self.0 {
            to.length(shape.len());
            for pattern in shape {
                // Permissions take up the numbers up to 2^16, types those above, `*` is 2^17.
                to.unsigned(match pattern {
                    Pattern::One(no) => u64::from(no.0),
                    Pattern::Type(no) => 0x1_0000 | u64::from(no.0),
                    Pattern::All => 0x2_0000,
                });
            }
        }
    }

    pub(crate) fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = from.length()?;
        let mut shapes = Vec::with_capacity(count);
        for _ in 0..count {
            let count = from.length()?;
            let mut shape = Vec::with_capacity(count);
            for _ in 0..count {
                let code: u32 = from.small()?;
                let low = u16::try_from(code & 0xffff).unwrap_or(0);
                shape.push(match code >> 16 {
                    0 => Pattern::One(PermissionNo(low)),
                    1 => Pattern::Type(TypeNo(low)),
                    2 if low == 0 => Pattern::All,
                    _ => return Err(DecodeError::Malformed),
                });
            }
            shapes.push(shape.into());
        }
        Ok(Self(shapes.into()))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) of: TypeNo,
    pub(super) id_length: u16,
    pub(super) id_start: u32,
    pub(super) grants: u32,
}

/// Grants on resources of one subject, or one bucket of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct ResourceGrants {
    /// In order of type and id; the end is one more key.
    pub(super) keys: Box<[Key]>,
    pub(super) ids: Box<str>,
    pub(super) grants: Box<[Grant]>,
    pub(super) shapes: Shapes,
    pub(super) parameters: Box<[Values]>,
    keyed: Keyed,
    table: Table,
}

impl ResourceGrants {
    pub(super) fn assemble(
        keys: Vec<Key>,
        ids: String,
        grants: Vec<Grant>,
        shapes: Shapes,
        parameters: Vec<Values>,
    ) -> Self {
        let keyed = Keyed::default();
        let count = keys.len().saturating_sub(1);
        let id =
            |key: &Key| ids.get(key.id_start as usize..key.id_start as usize + usize::from(key.id_length));
        let table = Table::build(
            keys.iter()
                .take(count)
                .map(|key| keyed.hash(key.of, id(key).unwrap_or_default())),
        );
        Self {
            keys: keys.into(),
            ids: ids.into(),
            grants: grants.into(),
            shapes,
            parameters: parameters.into(),
            keyed,
            table,
        }
    }

    pub(super) fn id(&self, key: &Key) -> &str {
        let start = key.id_start as usize;
        self.ids
            .get(start..start + usize::from(key.id_length))
            .unwrap_or_default()
    }

    /// The grants on a resource.
    #[inline]
    pub(crate) fn on(&self, of: TypeNo, id: &str) -> &[Grant] {
        if self.grants.is_empty() {
            return &[];
        }
        let is_it = |i: usize| {
            self.keys
                .get(i)
                .is_some_and(|key| key.of == of && self.id(key) == id)
        };
        let Some(i) = self.table.find(self.keyed.hash(of, id), is_it) else {
            return &[];
        };
        match (self.keys.get(i), self.keys.get(i + 1)) {
            (Some(key), Some(end)) => self
                .grants
                .get(key.grants as usize..end.grants as usize)
                .unwrap_or_default(),
            _ => &[],
        }
    }

    /// All grants with their resources.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TypeNo, &str, &Grant)> {
        self.keys
            .iter()
            .zip(self.keys.iter().skip(1))
            .flat_map(|(key, end)| {
                let grants = self
                    .grants
                    .get(key.grants as usize..end.grants as usize)
                    .unwrap_or_default();
                grants.iter().map(|grant| (key.of, self.id(key), grant))
            })
    }

    #[inline]
    pub(crate) fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    #[inline]
    pub(crate) fn parameters_of(&self, index: u32) -> Option<&Values> {
        self.parameters.get(index as usize)
    }

    pub(crate) fn weight(&self) -> usize {
        size_of_val(&*self.keys)
            + self.ids.len()
            + size_of_val(&*self.grants)
            + self.shapes.weight()
            + self
                .parameters
                .iter()
                .map(|values| size_of::<Values>() + values.weight())
                .sum::<usize>()
            + self.table.weight()
    }

    pub(super) fn encode(&self, to: &mut Writer) {
        self.shapes.encode(to);
        to.length(self.parameters.len());
        self.parameters.iter().for_each(|values| values.encode(to));
        to.length(self.keys.len().saturating_sub(1));
        for pair in self.keys.windows(2) {
            let [key, end] = pair else { continue };
            to.unsigned(key.of.0.into());
            to.text(self.id(key));
            let grants = self
                .grants
                .get(key.grants as usize..end.grants as usize)
                .unwrap_or_default();
            to.length(grants.len());
            grants.iter().for_each(|grant| grant.encode(to));
        }
    }

    pub(super) fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let shapes = Shapes::decode(from)?;
        let parameters = decode_values(from)?;
        let count = from.length()?;
        let mut keys = Vec::with_capacity(count + 1);
        let (mut ids, mut grants) = (String::new(), Vec::with_capacity(count));
        let short = |n: usize| u32::try_from(n).map_err(|_| DecodeError::Malformed);
        for _ in 0..count {
            let of = TypeNo(from.small()?);
            let id = from.text()?;
            let id_length = u16::try_from(id.len()).map_err(|_| DecodeError::Malformed)?;
            keys.push(Key {
                of,
                id_length,
                id_start: short(ids.len())?,
                grants: short(grants.len())?,
            });
            ids.push_str(id);
            for _ in 0..from.length()? {
                grants.push(Grant::decode(from, shapes.0.len(), parameters.len())?);
            }
        }
        keys.push(Key {
            of: TypeNo(0),
            id_length: 0,
            id_start: short(ids.len())?,
            grants: short(grants.len())?,
        });
        Ok(Self::assemble(keys, ids, grants, shapes, parameters))
    }
}

pub(super) fn decode_values(from: &mut Reader<'_>) -> Result<Vec<Values>, DecodeError> {
    let count = from.length()?;
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        values.push(Values::decode(from)?);
    }
    Ok(values)
}

/// One bucket of a subject's grants on resources; a part of its own in a cache.
#[derive(Debug, Clone)]
pub struct GrantBucket {
    pub(super) subject: Subject,
    pub(super) number: u32,
    pub(super) of: u32,
    pub(super) grants: ResourceGrants,
}

impl GrantBucket {
    /// Whose grants they are.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Which bucket it is, and of how many: [`bucket_of`](crate::bucket_of).
    #[must_use]
    pub fn number(&self) -> (u32, u32) {
        (self.number, self.of)
    }

    /// Bytes in memory.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.subject.as_str().len() + self.grants.weight()
    }

    pub(crate) fn grants(&self) -> &ResourceGrants {
        &self.grants
    }
}

/// Whether something with this end is over.
#[inline]
pub(crate) fn is_over(expires: i64, now: bailiwick_types::Timestamp) -> bool {
    expires != NEVER && expires <= now.0
}

impl Grant {
    pub(crate) fn expires_at(self) -> Option<bailiwick_types::Timestamp> {
        expiry(self.expires)
    }
}
