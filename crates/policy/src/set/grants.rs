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

/// Grants by resource, one after another: the type, the lengths, the id, then its grants. What a look-up reads lies
/// together, which is what a look-up in a large set costs.
#[derive(Debug, Clone, Default)]
pub(super) struct Records {
    bytes: Vec<u8>,
    starts: Vec<u32>,
}

/// The type, the length of the id, the number of grants.
const HEAD: usize = 8;
const GRANT: usize = 16;

impl Records {
    /// Adds a resource. Ids are a few hundred bytes at most: one that is longer than any id could be is nobody's.
    pub(super) fn push(&mut self, of: TypeNo, id: &str, grants: impl Iterator<Item = Grant>) {
        let (Ok(length), Ok(start)) = (u16::try_from(id.len()), u32::try_from(self.bytes.len())) else {
            return;
        };
        self.starts.push(start);
        self.bytes.extend_from_slice(&of.0.to_le_bytes());
        self.bytes.extend_from_slice(&length.to_le_bytes());
        let count_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(id.as_bytes());
        let mut count = 0_u32;
        for grant in grants {
            self.bytes.extend_from_slice(&grant.shape.to_le_bytes());
            self.bytes.extend_from_slice(&grant.parameters.to_le_bytes());
            self.bytes.extend_from_slice(&grant.expires.to_le_bytes());
            count += 1;
        }
        if let Some(place) = self.bytes.get_mut(count_at..count_at + 4) {
            place.copy_from_slice(&count.to_le_bytes());
        }
    }
}

/// A resource with its grants, as they lie in memory.
#[derive(Debug, Clone, Copy)]
struct Record<'a> {
    of: TypeNo,
    id: &'a [u8],
    grants: &'a [u8],
    /// Where the next one starts.
    end: usize,
}

impl<'a> Record<'a> {
    #[inline]
    fn at(bytes: &'a [u8], start: usize) -> Option<Self> {
        let (head, rest) = bytes.get(start..)?.split_first_chunk::<HEAD>()?;
        let [t0, t1, l0, l1, count @ ..] = *head;
        let (id, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes([l0, l1])))?;
        let grants = rest.get(..u32::from_le_bytes(count) as usize * GRANT)?;
        let end = start + HEAD + id.len() + grants.len();
        Some(Self {
            of: TypeNo(u16::from_le_bytes([t0, t1])),
            id,
            grants,
            end,
        })
    }

    #[inline]
    fn grants(self) -> impl ExactSizeIterator<Item = Grant> + use<'a> {
        self.grants.as_chunks::<GRANT>().0.iter().map(|chunk| {
            let [s0, s1, s2, s3, p0, p1, p2, p3, expires @ ..] = *chunk;
            Grant {
                shape: u32::from_le_bytes([s0, s1, s2, s3]),
                parameters: u32::from_le_bytes([p0, p1, p2, p3]),
                expires: i64::from_le_bytes(expires),
            }
        })
    }
}

/// Grants on resources of one subject, or one bucket of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct ResourceGrants {
    /// In order of type and id.
    bytes: Box<[u8]>,
    count: usize,
    shapes: Shapes,
    parameters: Box<[Values]>,
    keyed: Keyed,
    table: Table,
}

impl ResourceGrants {
    pub(super) fn assemble(records: Records, shapes: Shapes, parameters: Vec<Values>) -> Self {
        let keyed = Keyed::default();
        let bytes: Box<[u8]> = records.bytes.into();
        let hash = |start: u32| {
            let record = Record::at(&bytes, start as usize);
            (record.map_or(0, |record| keyed.hash(record.of, record.id)), start)
        };
        let table = Table::build(records.starts.iter().map(|start| hash(*start)));
        Self {
            count: records.starts.len(),
            bytes,
            shapes,
            parameters: parameters.into(),
            keyed,
            table,
        }
    }

    /// The grants on a resource.
    #[inline]
    pub(crate) fn on(&self, of: TypeNo, id: &str) -> impl Iterator<Item = Grant> {
        let id = id.as_bytes();
        let mut found = None;
        if self.count > 0 {
            self.table.find(self.keyed.hash(of, id), |start| {
                found = Record::at(&self.bytes, start).filter(|record| record.of == of && record.id == id);
                found.is_some()
            });
        }
        found.into_iter().flat_map(Record::grants)
    }

    fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let mut start = 0;
        std::iter::from_fn(move || {
            let record = Record::at(&self.bytes, start)?;
            start = record.end;
            Some(record)
        })
    }

    /// All grants with their resources.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TypeNo, &str, Grant)> {
        self.records().flat_map(|record| {
            let id = str::from_utf8(record.id).unwrap_or_default();
            record.grants().map(move |grant| (record.of, id, grant))
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
        self.bytes.len()
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
        to.length(self.count);
        for record in self.records() {
            to.unsigned(record.of.0.into());
            to.text(str::from_utf8(record.id).unwrap_or_default());
            let grants = record.grants();
            to.length(grants.len());
            grants.for_each(|grant| grant.encode(to));
        }
    }

    pub(super) fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let shapes = Shapes::decode(from)?;
        let parameters = decode_values(from)?;
        let mut records = Records::default();
        let mut grants = Vec::new();
        for _ in 0..from.length()? {
            let of = TypeNo(from.small()?);
            let id = from.text()?;
            if id.len() > usize::from(u16::MAX) {
                return Err(DecodeError::Malformed);
            }
            grants.clear();
            for _ in 0..from.length()? {
                grants.push(Grant::decode(from, shapes.0.len(), parameters.len())?);
            }
            records.push(of, id, grants.iter().copied());
        }
        Ok(Self::assemble(records, shapes, parameters))
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
