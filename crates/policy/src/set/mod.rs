//! Permission sets: all bindings and grants of one subject in one account, ready to be evaluated.

mod builder;
mod codec;
mod grants;
mod parameters;
mod rows;

use std::sync::Arc;

use bailiwick_types::{ApprovalId, GroupId, Subject, Timestamp};

pub use builder::PermissionSetBuilder;
pub use grants::{AppliesTo, GrantBucket, TypeGrantReach};
pub(crate) use grants::{Grant, ResourceGrants, Shapes, is_over};
pub use rows::{GrantRow, GrantTarget};

use parameters::Parameters;

use crate::{
    AccountPolicy, PermissionNo, PlaceId, RoleNo, TypeNo,
    index::{Table, hash_place},
    manifest::MemberKind,
    schema::Schema,
    value::Values,
};

/// No expiry, in the form in which sets keep it.
pub(crate) const NEVER: i64 = i64::MAX;
/// No parameters, in the form in which sets keep it.
pub(crate) const NO_PARAMETERS: u32 = u32::MAX;

/// A user's belonging to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its kind.
    pub kind: MemberKind,
    /// Whether it is active.
    pub state: MemberState,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// Whether a member is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MemberState {
    /// It is.
    #[default]
    Active,
    /// It is suspended.
    Suspended,
}

bailiwick_types::codes!(MemberState { Active = 1, Suspended = 2 });

/// What an approval was asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApprovalTarget {
    /// A scope.
    Place(PlaceId),
    /// A resource.
    Resource(TypeNo, Box<str>),
}

/// A request for approval that is pending, or approved and not used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenApproval {
    /// Its id.
    pub id: ApprovalId,
    /// The permission that it is about.
    pub permission: PermissionNo,
    /// What it is about.
    pub target: ApprovalTarget,
    /// The digest of the content that it is bound to.
    pub digest: Option<Box<str>>,
    /// The stored values that it is bound to, as [`bound_values`](crate::bound_values) has them.
    pub bound: Option<Box<str>>,
    /// Whether it was approved.
    pub approved: bool,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// A binding as sets keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) role: RoleNo,
    pub(crate) parameters: u32,
    pub(crate) expires: i64,
}

/// A grant on a type in a scope, as sets keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TypeGrant {
    pub(crate) of: TypeNo,
    pub(crate) reach: TypeGrantReach,
    pub(crate) grant: Grant,
}

/// What is held at one place; ends are the next slot's starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    place: PlaceId,
    bindings: u32,
    scope_grants: u32,
    type_grants: u32,
}

/// All bindings and grants of one subject (a user, a service, a group ...) in one account.
///
/// Parameters are kept as they are stored, with a table of what they mean under one schema. Cloning is cheap:
/// only that table differs between the typings of a set.
#[derive(Debug, Clone)]
pub struct PermissionSet {
    subject: Subject,
    member: Option<Member>,
    groups: Arc<[GroupId]>,
    /// Sorted by place; one more than places, as the end.
    slots: Arc<[Slot]>,
    by_place: Table,
    bindings: Arc<[Binding]>,
    scope_grants: Arc<[Grant]>,
    type_grants: Arc<[TypeGrant]>,
    shapes: Shapes,
    parameters: Parameters,
    resource_grants: ResourceGrants,
    approvals: Arc<[OpenApproval]>,
    buckets: u32,
    schema: Schema,
}

/// What a set holds at one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held<'a> {
    pub(crate) place: PlaceId,
    pub(crate) bindings: &'a [Binding],
    pub(crate) scope_grants: &'a [Grant],
    pub(crate) type_grants: &'a [TypeGrant],
}

impl PermissionSet {
    /// A set without anything in it: what a subject has that nothing is known of.
    #[must_use]
    pub fn empty(subject: Subject) -> Self {
        PermissionSetBuilder::new(subject).build()
    }

    /// Whose set it is.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The subject's membership.
    #[must_use]
    pub fn member(&self) -> Option<&Member> {
        self.member.as_ref()
    }

    /// The groups that the subject is in directly; their sets are parts of their own.
    #[must_use]
    pub fn groups(&self) -> &[GroupId] {
        &self.groups
    }

    /// The requests for approval that are pending, or approved and not used up.
    #[must_use]
    pub fn approvals(&self) -> &[OpenApproval] {
        &self.approvals
    }

    /// The number of buckets that the grants on resources are split into; 0 where they are in the set itself.
    #[must_use]
    pub fn buckets(&self) -> u32 {
        self.buckets
    }

    /// The places at which the set has a binding, a scope grant or a type grant.
    pub fn places(&self) -> impl Iterator<Item = PlaceId> {
        self.slots
            .iter()
            .take(self.slots.len().saturating_sub(1))
            .map(|slot| slot.place)
    }

    /// The bindings as they were given: role, place, expiry and parameters.
    pub fn bindings(&self) -> impl Iterator<Item = (RoleNo, PlaceId, Option<Timestamp>, Option<&Values>)> {
        self.held().flat_map(move |held| {
            held.bindings.iter().map(move |binding| {
                (
                    binding.role,
                    held.place,
                    expiry(binding.expires),
                    self.parameters_of(binding.parameters),
                )
            })
        })
    }

    /// Tells whether the parameters are typed by the schema of a policy. Without parameters every policy will
    /// do.
    #[inline]
    #[must_use]
    pub fn is_typed_for(&self, policy: &AccountPolicy) -> bool {
        self.schema.fits(policy.schema())
    }

    /// The same set with its parameters typed for a policy. Until then conditions on them do not match.
    #[must_use]
    pub fn retype(&self, policy: &AccountPolicy) -> Self {
        Self {
            parameters: self.parameters.retype(policy, &self.shapes),
            resource_grants: self.resource_grants.retype(policy),
            ..self.clone()
        }
        .with_schema(policy.schema())
    }

    /// Notes the schema by which the parameters are typed; that of a set without parameters stays
    /// [`Schema::ANY`].
    fn with_schema(self, schema: Schema) -> Self {
        let has_parameters = self.parameters.len() > 0 || self.resource_grants.has_parameters();
        Self {
            schema: if has_parameters { schema } else { Schema::ANY },
            ..self
        }
    }

    /// Bytes in memory.
    #[must_use]
    pub fn weight(&self) -> usize {
        let approval = |approval: &OpenApproval| {
            let texts = approval.digest.iter().chain(&approval.bound);
            texts.map(|text| text.len()).sum::<usize>() + 24
        };
        size_of::<Self>()
            + self.subject.as_str().len()
            + size_of_val(&*self.groups)
            + size_of_val(&*self.slots)
            + self.by_place.weight()
            + size_of_val(&*self.bindings)
            + size_of_val(&*self.scope_grants)
            + size_of_val(&*self.type_grants)
            + self.shapes.weight()
            + self.parameters.weight()
            + self.resource_grants.weight()
            + size_of_val(&*self.approvals)
            + self.approvals.iter().map(approval).sum::<usize>()
    }

    /// What the set holds at a place.
    #[inline]
    pub(crate) fn at(&self, place: PlaceId) -> Option<Held<'_>> {
        let is_it = |i: usize| self.slots.get(i).is_some_and(|slot| slot.place == place);
        self.held_at(self.by_place.find(hash_place(place), is_it)?)
    }

    /// Tells whether anything is bound at deployment or product.
    #[inline]
    pub(crate) fn is_suite(&self) -> bool {
        self.slots
            .first()
            .is_some_and(|slot| slot.place <= PlaceId::PRODUCT)
    }

    pub(crate) fn held(&self) -> impl Iterator<Item = Held<'_>> {
        (0..self.slots.len().saturating_sub(1)).filter_map(|i| self.held_at(i))
    }

    #[inline]
    fn held_at(&self, i: usize) -> Option<Held<'_>> {
        let (slot, end) = (self.slots.get(i)?, self.slots.get(i + 1)?);
        Some(Held {
            place: slot.place,
            bindings: self.bindings.get(slot.bindings as usize..end.bindings as usize)?,
            scope_grants: self
                .scope_grants
                .get(slot.scope_grants as usize..end.scope_grants as usize)?,
            type_grants: self
                .type_grants
                .get(slot.type_grants as usize..end.type_grants as usize)?,
        })
    }

    #[inline]
    pub(crate) fn parameters_of(&self, index: u32) -> Option<&Values> {
        self.parameters.get(index)
    }

    #[inline]
    pub(crate) fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    #[inline]
    pub(crate) fn resource_grants(&self) -> &ResourceGrants {
        &self.resource_grants
    }
}

pub(crate) fn expiry(at: i64) -> Option<Timestamp> {
    (at != NEVER).then_some(Timestamp(at))
}

fn index_of_places(slots: &[Slot]) -> Table {
    let places = slots.len().saturating_sub(1);
    let items = slots.iter().take(places).enumerate();
    Table::build(items.map(|(i, slot)| (hash_place(slot.place), u32::try_from(i).unwrap_or(u32::MAX))))
}

/// Whether something with this end is over.
#[inline]
pub(crate) fn is_over_at(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_some_and(|at| at <= now)
}
