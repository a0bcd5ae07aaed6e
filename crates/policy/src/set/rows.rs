//! The grants of a set as they were given.

use bailiwick_types::Timestamp;

use super::{Grant, GrantBucket, PermissionSet, ResourceGrants, Shapes, TypeGrantReach};
use crate::{PlaceId, TypeNo, product::Pattern, value::Values};

/// What a grant is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrantTarget<'a> {
    /// A scope and everything under it.
    Scope(PlaceId),
    /// A type in a scope.
    Type(PlaceId, TypeNo, TypeGrantReach),
    /// A resource.
    Resource(TypeNo, &'a str),
}

/// A grant as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantRow<'a> {
    /// What it is on.
    pub target: GrantTarget<'a>,
    /// What it gives.
    pub permissions: &'a [Pattern],
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Its parameters.
    pub parameters: Option<&'a Values>,
}

impl PermissionSet {
    /// The grants as they were given; those on resources only where the set is not split.
    pub fn grants(&self) -> impl Iterator<Item = GrantRow<'_>> {
        let row = |target, grant: Grant| GrantRow {
            target,
            permissions: self.shapes().get(grant.shape),
            expires_at: grant.expires_at(),
            parameters: self.parameters_of(grant.parameters),
        };
        let of_places = self.held().flat_map(move |held| {
            let scopes = held
                .scope_grants
                .iter()
                .map(move |grant| row(GrantTarget::Scope(held.place), *grant));
            let types = held.type_grants.iter().map(move |of_type| {
                row(
                    GrantTarget::Type(held.place, of_type.of, of_type.reach),
                    of_type.grant,
                )
            });
            scopes.chain(types)
        });
        of_places.chain(rows_of(self.resource_grants()))
    }
}

impl GrantBucket {
    /// The grants as they were given.
    pub fn rows(&self) -> impl Iterator<Item = GrantRow<'_>> {
        rows_of(self.grants())
    }
}

fn rows_of(grants: &ResourceGrants) -> impl Iterator<Item = GrantRow<'_>> {
    let shapes: &Shapes = grants.shapes();
    grants.iter().map(move |(of, id, grant)| GrantRow {
        target: GrantTarget::Resource(of, id),
        permissions: shapes.get(grant.shape),
        expires_at: grant.expires_at(),
        parameters: grants.parameters_of(grant.parameters),
    })
}
