//! Grants on resources, found by resource.

use std::sync::Arc;

use bailiwick_types::Subject;

use super::{
    NEVER, expiry,
    parameters::{Parameters, decode_index, encode_index},
};
use crate::{
    AccountPolicy, PermissionNo, TypeNo,
    codec::{DecodeError, Reader, Writer},
    index::Keyed,
    product::{Pattern, PermissionInfo},
    value::Values,
};

/// Which resources of a type a grant covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppliesTo {
    /// Those that were registered when it was made.
    Existing,
    /// Those that are registered after it.
    Future,
    /// Both.
    All,
}

bailiwick_types::codes!(AppliesTo { Existing = 1, Future = 2, All = 3 });

/// Which resources of a type a grant covers: revisions are the account's, at the grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TypeGrantReach {
    /// Those registered up to the revision.
    Existing(u64),
    /// Those registered after it.
    Future(u64),
    /// All.
    All,
}

impl TypeGrantReach {
    /// The reach of a grant that was made at a revision.
    #[must_use]
    pub fn new(applies_to: AppliesTo, revision: u64) -> Self {
        match applies_to {
            AppliesTo::Existing => Self::Existing(revision),
            AppliesTo::Future => Self::Future(revision),
            AppliesTo::All => Self::All,
        }
    }

    /// Tells whether a resource registered at the revision is covered.
    #[inline]
    #[must_use]
    pub fn covers(self, registered: u64) -> bool {
        match self {
            Self::Existing(at) => registered <= at,
            Self::Future(at) => registered > at,
            Self::All => true,
        }
    }

    pub(super) fn encode(self, to: &mut Writer) {
        let (applies_to, revision) = match self {
            Self::Existing(at) => (AppliesTo::Existing, at),
            Self::Future(at) => (AppliesTo::Future, at),
            Self::All => (AppliesTo::All, 0),
        };
        to.byte(applies_to.code());
        to.unsigned(revision);
    }

    pub(super) fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self::new(from.code(AppliesTo::from_code)?, from.unsigned()?))
    }
}

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
        encode_index(self.parameters, to);
        to.expiry(self.expires);
    }

    #[inline]
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            shape: from.small()?,
            parameters: from.small::<u32>()?.wrapping_sub(1),
            expires: from.expiry()?,
        })
    }

    pub(crate) fn decode(
        from: &mut Reader<'_>,
        shapes: usize,
        parameters: usize,
    ) -> Result<Self, DecodeError> {
        let shape: u32 = from.small()?;
        if shape as usize >= shapes {
            return Err(DecodeError::Malformed);
        }
        Ok(Self {
            shape,
            parameters: decode_index(from, parameters)?,
            expires: from.expiry()?,
        })
    }
}

/// The distinct lists of permissions and patterns that grants of a set give: there are few of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Shapes(pub(super) Arc<[Box<[Pattern]>]>);

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
        for shape in &*self.0 {
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

/// Grants by resource in order of type and id, in the form in which they are encoded.
#[derive(Debug, Default)]
pub(super) struct Records {
    bytes: Writer,
    starts: Vec<u32>,
}

impl Records {
    /// Adds a resource. What lies beyond four gigabytes is nobody's.
    pub(super) fn push(&mut self, of: TypeNo, id: &str, grants: impl ExactSizeIterator<Item = Grant>) {
        let Ok(start) = u32::try_from(self.bytes.len()) else {
            return;
        };
        self.starts.push(start);
        self.bytes.unsigned(of.0.into());
        self.bytes.text(id);
        self.bytes.length(grants.len());
        grants.for_each(|grant| grant.encode(&mut self.bytes));
    }
}

/// A resource with its grants.
#[derive(Debug)]
struct Record<'a> {
    of: TypeNo,
    id: &'a [u8],
    grants: usize,
}

impl<'a> Record<'a> {
    /// Reads what comes before the grants.
    #[inline]
    fn read(from: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            of: TypeNo(from.small()?),
            id: from.text_bytes()?,
            grants: from.length()?,
        })
    }
}

/// Grants on resources of one subject, or one bucket of them.
///
/// In a large set a look-up costs what it misses the processor's caches with. So the records lie in groups of
/// a few by the hash of their resource, and the list of the groups, two bytes a record, stays in the caches:
/// a look-up misses once.
#[derive(Debug, Clone, Default)]
pub(crate) struct ResourceGrants {
    /// The records as they are encoded, by group.
    bytes: Arc<[u8]>,
    /// Where each group starts; one more, as the end.
    groups: Arc<[u32]>,
    /// Where each record starts, in order of type and id.
    order: Arc<[u32]>,
    shapes: Shapes,
    parameters: Parameters,
    keyed: Keyed,
}

/// Records a group on average.
const GROUP: usize = 2;

impl ResourceGrants {
    pub(super) fn assemble(records: Records, shapes: Shapes, parameters: Parameters) -> Self {
        Self::grouped(&records.bytes.finish(), &records.starts, shapes, parameters)
    }

    /// `starts` are those of the records in `bytes`, which follow each other without gaps.
    fn grouped(bytes: &[u8], starts: &[u32], shapes: Shapes, parameters: Parameters) -> Self {
        let keyed = Keyed::default();
        let count = starts.len().div_ceil(GROUP);
        let ends = starts
            .iter()
            .skip(1)
            .map(|end| *end as usize)
            .chain([bytes.len()]);
        let records: Vec<(usize, &[u8])> = starts
            .iter()
            .zip(ends)
            .map(|(start, end)| {
                let record = bytes.get(*start as usize..end).unwrap_or_default();
                let key = Record::read(&mut Reader::middle(record));
                (
                    key.map_or(0, |key| group(keyed.hash(key.of, key.id), count)),
                    record,
                )
            })
            .collect();
        let short = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        // Sizes first, then where each group starts, then where its next record goes.
        let mut groups = vec![0; count + 1];
        for (of, record) in &records {
            if let Some(size) = groups.get_mut(of + 1) {
                *size = short(record.len()).saturating_add(*size);
            }
        }
        let mut end = 0;
        for start in &mut groups {
            end = start.saturating_add(end);
            *start = end;
        }
        let mut next = groups.clone();
        let mut grouped = vec![0; bytes.len()];
        let mut order = Vec::with_capacity(records.len());
        for (of, record) in records {
            let Some(at) = next.get_mut(of) else { continue };
            let to = grouped
                .get_mut(*at as usize..)
                .and_then(|rest| rest.get_mut(..record.len()));
            if let Some(to) = to {
                to.copy_from_slice(record);
            }
            order.push(*at);
            *at = short(record.len()).saturating_add(*at);
        }
        Self {
            bytes: grouped.into(),
            groups: groups.into(),
            order: order.into(),
            shapes,
            parameters,
            keyed,
        }
    }

    /// The grants on a resource.
    #[inline]
    pub(crate) fn on(&self, of: TypeNo, id: &str) -> impl Iterator<Item = Grant> {
        let (mut from, grants) = self.find(of, id.as_bytes()).unwrap_or((Reader::middle(&[]), 0));
        (0..grants).map_while(move |_| Grant::read(&mut from).ok())
    }

    /// Where the grants on a resource lie, and how many they are.
    #[inline]
    fn find(&self, of: TypeNo, id: &[u8]) -> Option<(Reader<'_>, usize)> {
        if self.order.is_empty() {
            return None;
        }
        let group = group(self.keyed.hash(of, id), self.groups.len() - 1);
        let (start, end) = (*self.groups.get(group)?, *self.groups.get(group + 1)?);
        let mut from = Reader::middle(self.bytes.get(start as usize..end as usize)?);
        while !from.rest().is_empty() {
            let record = Record::read(&mut from).ok()?;
            if record.of == of && record.id == id {
                return Some((from, record.grants));
            }
            for _ in 0..record.grants {
                Grant::read(&mut from).ok()?;
            }
        }
        None
    }

    /// The records in order of type and id: each with what is left to read after its head, its grants first.
    fn records(&self) -> impl Iterator<Item = (Record<'_>, Reader<'_>)> {
        self.order.iter().filter_map(|start| {
            let mut from = Reader::middle(self.bytes.get(*start as usize..)?);
            Some((Record::read(&mut from).ok()?, from))
        })
    }

    /// All grants with their resources, in order of type and id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TypeNo, &str, Grant)> {
        self.records().flat_map(|(record, mut from)| {
            let id = str::from_utf8(record.id).unwrap_or_default();
            (0..record.grants).map_while(move |_| Some((record.of, id, Grant::read(&mut from).ok()?)))
        })
    }

    #[inline]
    pub(crate) fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    #[inline]
    pub(crate) fn parameters_of(&self, index: u32) -> Option<&Values> {
        self.parameters.get(index)
    }

    pub(super) fn has_parameters(&self) -> bool {
        self.parameters.len() > 0
    }

    pub(super) fn retype(&self, policy: &AccountPolicy) -> Self {
        Self {
            parameters: self.parameters.retype(policy, &self.shapes),
            ..self.clone()
        }
    }

    pub(crate) fn weight(&self) -> usize {
        self.bytes.len()
            + self.shapes.weight()
            + self.parameters.weight()
            + size_of_val(&*self.groups)
            + size_of_val(&*self.order)
    }

    pub(super) fn encode(&self, to: &mut Writer) {
        self.shapes.encode(to);
        self.parameters.encode(to);
        to.length(self.order.len());
        for (record, mut from) in self.records() {
            to.unsigned(record.of.0.into());
            to.length(record.id.len());
            to.bytes(record.id);
            to.length(record.grants);
            (0..record.grants)
                .map_while(|_| Grant::read(&mut from).ok())
                .for_each(|grant| grant.encode(to));
        }
    }

    pub(super) fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let shapes = Shapes::decode(from)?;
        let parameters = Parameters::decode(from)?;
        let count = from.length()?;
        let all = from.rest();
        let read = |from: &Reader<'_>| all.len() - from.rest().len();
        let mut starts = Vec::with_capacity(count);
        for _ in 0..count {
            starts.push(u32::try_from(read(from)).map_err(|_| DecodeError::Malformed)?);
            let record = Record::read(from)?;
            str::from_utf8(record.id).map_err(|_| DecodeError::Malformed)?;
            for _ in 0..record.grants {
                Grant::decode(from, shapes.0.len(), parameters.len())?;
            }
        }
        let bytes = all.get(..read(from)).unwrap_or_default();
        Ok(Self::grouped(bytes, &starts, shapes, parameters))
    }
}

/// The share of the groups that a hash falls into.
#[inline]
fn group(hash: u64, count: usize) -> usize {
    usize::try_from((u128::from(hash) * count as u128) >> 64).unwrap_or(0)
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

    /// The same bucket with its parameters typed for a policy. Until then conditions on them do not match.
    #[must_use]
    pub fn retype(&self, policy: &AccountPolicy) -> Self {
        Self {
            grants: self.grants.retype(policy),
            ..self.clone()
        }
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
