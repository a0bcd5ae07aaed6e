//! The binary form of sets and buckets.

use bailiwick_types::{ApprovalId, GroupId, Timestamp};

use super::{
    ApprovalTarget, Binding, Grant, GrantBucket, Member, MemberState, NEVER, OpenApproval, Parameters,
    PermissionSet, ResourceGrants, Shapes, TypeGrant, TypeGrantReach,
    builder::SetRows,
    expiry,
    parameters::{decode_index, encode_index},
};
use crate::{
    PermissionNo, PlaceId, RoleNo, TypeNo,
    codec::{DecodeError, Reader, Writer},
    manifest::MemberKind,
    schema::Schema,
};

const SET: u8 = b's';
const BUCKET: u8 = b'b';
const SET_VERSION: u8 = 3;
const BUCKET_VERSION: u8 = 2;

impl PermissionSet {
    /// Encodes the set for a cache outside the process. Equal sets give equal bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::start(SET, SET_VERSION);
        to.text(self.subject.as_str());
        match &self.member {
            None => to.byte(0),
            Some(member) => {
                to.byte(1);
                to.byte(member.kind.code());
                to.byte(member.state.code());
                to.expiry(member.expires_at.map_or(NEVER, |at| at.0));
            }
        }
        to.length(self.groups.len());
        self.groups
            .iter()
            .for_each(|group| to.fixed(group.uuid().as_u128()));
        self.shapes.encode(&mut to);
        self.parameters.encode(&mut to);
        to.length(self.slots.len().saturating_sub(1));
        for held in self.held() {
            to.fixed(held.place.0);
            to.length(held.bindings.len());
            for binding in held.bindings {
                to.unsigned(binding.role.0.into());
                encode_index(binding.parameters, &mut to);
                to.expiry(binding.expires);
            }
            to.length(held.scope_grants.len());
            held.scope_grants.iter().for_each(|grant| grant.encode(&mut to));
            to.length(held.type_grants.len());
            for of_type in held.type_grants {
                to.unsigned(of_type.of.0.into());
                of_type.reach.encode(&mut to);
                of_type.grant.encode(&mut to);
            }
        }
        self.resource_grants.encode(&mut to);
        to.length(self.approvals.len());
        self.approvals
            .iter()
            .for_each(|approval| encode_approval(approval, &mut to));
        to.unsigned(self.buckets.into());
        to.finish()
    }

    /// Reads a set back. One with parameters is to be typed by [`PermissionSet::retype`].
    ///
    /// # Errors
    /// The bytes are of another version or malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Reader::start(bytes, SET, SET_VERSION)?;
        let subject = from.subject()?;
        let member = decode_member(&mut from)?;
        let mut groups = Vec::new();
        for _ in 0..from.length()? {
            groups.push(GroupId::from_uuid(uuid::Uuid::from_u128(from.fixed()?)));
        }
        let shapes = Shapes::decode(&mut from)?;
        let parameters = Parameters::decode(&mut from)?;
        let rows = decode_rows(&mut from, shapes.0.len(), parameters.len())?;
        let resource_grants = ResourceGrants::decode(&mut from)?;
        let mut approvals = Vec::new();
        for _ in 0..from.length()? {
            approvals.push(decode_approval(&mut from)?);
        }
        let buckets = from.small()?;
        from.finish()?;
        Ok(rows
            .finish(Self {
                subject,
                member,
                groups: groups.into(),
                slots: [].into(),
                by_place: crate::index::Table::default(),
                bindings: [].into(),
                scope_grants: [].into(),
                type_grants: [].into(),
                shapes,
                parameters,
                resource_grants,
                approvals: approvals.into(),
                buckets,
                schema: Schema::ANY,
            })
            .with_schema(Schema::UNTYPED))
    }
}

fn decode_member(from: &mut Reader<'_>) -> Result<Option<Member>, DecodeError> {
    if !from.flag()? {
        return Ok(None);
    }
    Ok(Some(Member {
        kind: from.code(MemberKind::from_code)?,
        state: from.code(MemberState::from_code)?,
        expires_at: expiry(from.expiry()?),
    }))
}

fn decode_rows(from: &mut Reader<'_>, shapes: usize, parameters: usize) -> Result<SetRows, DecodeError> {
    let mut rows = SetRows::default();
    let mut last = None;
    for _ in 0..from.length()? {
        let place = PlaceId(from.fixed()?);
        // Slots are found by their order: a set that is out of order would hide what it holds.
        if last.is_some_and(|last| last >= place) {
            return Err(DecodeError::Malformed);
        }
        last = Some(place);
        for _ in 0..from.length()? {
            let role = RoleNo(from.small()?);
            let binding = Binding {
                role,
                parameters: decode_index(from, parameters)?,
                expires: from.expiry()?,
            };
            rows.bindings.push((place, binding));
        }
        for _ in 0..from.length()? {
            rows.scope_grants
                .push((place, Grant::decode(from, shapes, parameters)?));
        }
        for _ in 0..from.length()? {
            let of = TypeNo(from.small()?);
            let reach = TypeGrantReach::decode(from)?;
            rows.type_grants.push((
                place,
                TypeGrant {
                    of,
                    reach,
                    grant: Grant::decode(from, shapes, parameters)?,
                },
            ));
        }
    }
    Ok(rows)
}

fn encode_approval(approval: &OpenApproval, to: &mut Writer) {
    to.fixed(approval.id.uuid().as_u128());
    to.unsigned(approval.permission.0.into());
    match &approval.target {
        ApprovalTarget::Place(place) => {
            to.byte(0);
            to.fixed(place.0);
        }
        ApprovalTarget::Resource(of, id) => {
            to.byte(1);
            to.unsigned(of.0.into());
            to.text(id);
        }
    }
    for text in [&approval.digest, &approval.bound] {
        match text {
            None => to.byte(0),
            Some(text) => {
                to.byte(1);
                to.text(text);
            }
        }
    }
    to.byte(u8::from(approval.approved));
    to.expiry(approval.expires_at.map_or(NEVER, |at: Timestamp| at.0));
}

fn decode_approval(from: &mut Reader<'_>) -> Result<OpenApproval, DecodeError> {
    let id = ApprovalId::from_uuid(uuid::Uuid::from_u128(from.fixed()?));
    let permission = PermissionNo(from.small()?);
    let target = if from.flag()? {
        ApprovalTarget::Resource(TypeNo(from.small()?), from.text()?.into())
    } else {
        ApprovalTarget::Place(PlaceId(from.fixed()?))
    };
    let mut text = || -> Result<Option<Box<str>>, DecodeError> {
        Ok(if from.flag()? {
            Some(from.text()?.into())
        } else {
            None
        })
    };
    let (digest, bound) = (text()?, text()?);
    let approved = from.flag()?;
    Ok(OpenApproval {
        id,
        permission,
        target,
        digest,
        bound,
        approved,
        expires_at: expiry(from.expiry()?),
    })
}

impl GrantBucket {
    /// Encodes the bucket for a cache outside the process. Equal buckets give equal bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::start(BUCKET, BUCKET_VERSION);
        to.text(self.subject.as_str());
        to.unsigned(self.number.into());
        to.unsigned(self.of.into());
        self.grants.encode(&mut to);
        to.finish()
    }

    /// Reads a bucket back. One with parameters is to be typed by [`GrantBucket::retype`].
    ///
    /// # Errors
    /// The bytes are of another version or malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Reader::start(bytes, BUCKET, BUCKET_VERSION)?;
        let subject = from.subject()?;
        let (number, of) = (from.small()?, from.small()?);
        let grants = ResourceGrants::decode(&mut from)?;
        from.finish()?;
        Ok(Self {
            subject,
            number,
            of,
            grants,
        })
    }
}
