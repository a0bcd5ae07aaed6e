//! Building sets from rows.

use std::collections::BTreeMap;

use bailiwick_types::{GroupId, Level, Subject, Timestamp};
use serde_json::{Map, Value};

use super::{
    Binding, Grant, GrantBucket, Member, NEVER, NO_PARAMETERS, OpenApproval, Parameters, PermissionSet,
    ResourceGrants, Shapes, Slot, TypeGrant, TypeGrantReach, grants::Records, index_of_places,
    parameters::DeclaredBy,
};
use crate::{PlaceId, RoleNo, TypeNo, index::bucket_of, product::Pattern, schema::Schema, stored::Json};

/// The parameters of a binding, with the level that declares them.
type Bound = Option<(Level, Json)>;

/// What a grant gives, with parameters and end.
type Given = (Vec<Pattern>, Json, i64);

/// Collects the rows of one subject in one account.
#[derive(Debug, Clone)]
pub struct PermissionSetBuilder {
    subject: Subject,
    member: Option<Member>,
    groups: Vec<GroupId>,
    bindings: Vec<(PlaceId, RoleNo, i64, Bound)>,
    scope_grants: Vec<(PlaceId, Given)>,
    type_grants: Vec<(PlaceId, TypeNo, TypeGrantReach, Given)>,
    resource_grants: Vec<(TypeNo, Box<str>, Given)>,
    approvals: Vec<OpenApproval>,
}

fn end(expires_at: Option<Timestamp>) -> i64 {
    expires_at.map_or(NEVER, |at| at.0)
}

fn given(
    permissions: impl IntoIterator<Item = Pattern>,
    with: Option<&Map<String, Value>>,
    expires: Option<Timestamp>,
) -> Given {
    let mut permissions: Vec<Pattern> = permissions.into_iter().collect();
    permissions.sort_unstable();
    permissions.dedup();
    (permissions, with.map(Json::new).unwrap_or_default(), end(expires))
}

impl PermissionSetBuilder {
    /// Starts the set of a subject.
    #[must_use]
    pub fn new(subject: Subject) -> Self {
        Self {
            subject,
            member: None,
            groups: Vec::new(),
            bindings: Vec::new(),
            scope_grants: Vec::new(),
            type_grants: Vec::new(),
            resource_grants: Vec::new(),
            approvals: Vec::new(),
        }
    }

    /// Sets the subject's membership.
    pub fn member(&mut self, member: Member) -> &mut Self {
        self.member = Some(member);
        self
    }

    /// Adds a group that the subject is in directly.
    pub fn group(&mut self, group: GroupId) -> &mut Self {
        self.groups.push(group);
        self
    }

    /// Adds a binding of a role at a place, with its parameters and the level of the place that declares
    /// them.
    pub fn bind(
        &mut self,
        role: RoleNo,
        place: PlaceId,
        expires_at: Option<Timestamp>,
        parameters: Option<(Level, &Map<String, Value>)>,
    ) -> &mut Self {
        let parameters = parameters.filter(|(_, values)| !values.is_empty());
        let parameters = parameters.map(|(level, values)| (level, Json::new(values)));
        self.bindings.push((place, role, end(expires_at), parameters));
        self
    }

    /// Adds a grant on a scope and everything under it.
    pub fn grant_scope(
        &mut self,
        place: PlaceId,
        permissions: impl IntoIterator<Item = Pattern>,
        expires_at: Option<Timestamp>,
        parameters: Option<&Map<String, Value>>,
    ) -> &mut Self {
        self.scope_grants
            .push((place, given(permissions, parameters, expires_at)));
        self
    }

    /// Adds a grant on a type in a scope.
    pub fn grant_type(
        &mut self,
        of: TypeNo,
        place: PlaceId,
        reach: TypeGrantReach,
        permissions: impl IntoIterator<Item = Pattern>,
        expires_at: Option<Timestamp>,
        parameters: Option<&Map<String, Value>>,
    ) -> &mut Self {
        self.type_grants
            .push((place, of, reach, given(permissions, parameters, expires_at)));
        self
    }

    /// Adds a grant on a resource.
    pub fn grant_resource(
        &mut self,
        of: TypeNo,
        id: impl Into<Box<str>>,
        permissions: impl IntoIterator<Item = Pattern>,
        expires_at: Option<Timestamp>,
        parameters: Option<&Map<String, Value>>,
    ) -> &mut Self {
        self.resource_grants
            .push((of, id.into(), given(permissions, parameters, expires_at)));
        self
    }

    /// Adds a request for approval that is pending, or approved and not used up.
    pub fn approval(&mut self, approval: OpenApproval) -> &mut Self {
        self.approvals.push(approval);
        self
    }

    /// Counts the grants on resources so far: above some thousand the set is better split.
    #[must_use]
    pub fn resource_grants(&self) -> usize {
        self.resource_grants.len()
    }

    /// Makes the set. The order of the rows makes no difference. One with parameters is to be typed by
    /// [`PermissionSet::retype`].
    #[must_use]
    pub fn build(self) -> PermissionSet {
        self.build_with(0).0
    }

    /// Makes a header without grants on resources, and so many buckets with them.
    #[must_use]
    pub fn build_split(self, buckets: u32) -> (PermissionSet, Vec<GrantBucket>) {
        self.build_with(buckets.max(1))
    }

    /// Makes one bucket alone, from the rows of that bucket.
    #[must_use]
    pub fn build_bucket(self, number: u32, of: u32) -> GrantBucket {
        let rows = self
            .resource_grants
            .into_iter()
            .filter(|(t, id, _)| bucket_of(*t, id, of) == number);
        GrantBucket {
            grants: resource_grants(rows.collect()),
            subject: self.subject,
            number,
            of,
        }
    }

    fn build_with(mut self, buckets: u32) -> (PermissionSet, Vec<GrantBucket>) {
        let resources = std::mem::take(&mut self.resource_grants);
        let mut split = Vec::new();
        let (own, rest) = if buckets == 0 {
            (resources, Vec::new())
        } else {
            (Vec::new(), resources)
        };
        let mut parts: Vec<Vec<_>> = vec![Vec::new(); buckets as usize];
        for row in rest {
            if let Some(part) = parts.get_mut(bucket_of(row.0, &row.1, buckets) as usize) {
                part.push(row);
            }
        }
        for (number, rows) in (0..).zip(parts) {
            let grants = resource_grants(rows);
            split.push(GrantBucket {
                subject: self.subject.clone(),
                number,
                of: buckets,
                grants,
            });
        }
        (self.assemble(own, buckets), split)
    }

    fn assemble(mut self, resources: Vec<(TypeNo, Box<str>, Given)>, buckets: u32) -> PermissionSet {
        self.groups.sort_unstable();
        self.groups.dedup();
        self.bindings.sort_unstable();
        self.bindings.dedup();
        self.scope_grants.sort_unstable();
        self.scope_grants.dedup();
        self.type_grants.sort_unstable();
        self.type_grants.dedup();
        self.approvals.sort_by_key(|approval| approval.id);
        let mut intern = Intern::default();
        let mut rows = SetRows::default();
        for (place, role, expires, parameters) in self.bindings {
            let parameters = parameters.map_or(NO_PARAMETERS, |(level, json)| {
                intern.parameters(DeclaredBy::Role(role, level), json)
            });
            rows.bindings.push((
                place,
                Binding {
                    role,
                    parameters,
                    expires,
                },
            ));
        }
        for (place, given) in self.scope_grants {
            rows.scope_grants.push((place, intern.grant(given)));
        }
        for (place, of, reach, given) in self.type_grants {
            rows.type_grants.push((
                place,
                TypeGrant {
                    of,
                    reach,
                    grant: intern.grant(given),
                },
            ));
        }
        rows.finish(PermissionSet {
            subject: self.subject,
            member: self.member,
            groups: self.groups.into(),
            slots: [].into(),
            by_place: crate::index::Table::default(),
            bindings: [].into(),
            scope_grants: [].into(),
            type_grants: [].into(),
            shapes: intern.shapes(),
            parameters: Parameters::untyped(intern.values),
            resource_grants: resource_grants(resources),
            approvals: self.approvals.into(),
            buckets,
            schema: Schema::ANY,
        })
        .with_schema(Schema::UNTYPED)
    }
}

/// Rows in order of their places, on the way into a set.
#[derive(Debug, Default)]
pub(super) struct SetRows {
    pub(super) bindings: Vec<(PlaceId, Binding)>,
    pub(super) scope_grants: Vec<(PlaceId, Grant)>,
    pub(super) type_grants: Vec<(PlaceId, TypeGrant)>,
}

impl SetRows {
    pub(super) fn finish(self, mut set: PermissionSet) -> PermissionSet {
        let mut slots = Vec::with_capacity(self.bindings.len().min(64) + 1);
        let (mut b, mut s, mut t) = (0, 0, 0);
        let short = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        loop {
            let heads = [
                self.bindings.get(b).map(|(place, _)| *place),
                self.scope_grants.get(s).map(|(place, _)| *place),
                self.type_grants.get(t).map(|(place, _)| *place),
            ];
            let next = heads.into_iter().flatten().min();
            let place = next.unwrap_or(PlaceId(u128::MAX));
            if next.is_some() || !slots.is_empty() {
                slots.push(Slot {
                    place,
                    bindings: short(b),
                    scope_grants: short(s),
                    type_grants: short(t),
                });
            }
            if next.is_none() {
                break;
            }
            b += self
                .bindings
                .iter()
                .skip(b)
                .take_while(|(at, _)| *at == place)
                .count();
            s += self
                .scope_grants
                .iter()
                .skip(s)
                .take_while(|(at, _)| *at == place)
                .count();
            t += self
                .type_grants
                .iter()
                .skip(t)
                .take_while(|(at, _)| *at == place)
                .count();
        }
        set.by_place = index_of_places(&slots);
        set.slots = slots.into();
        set.bindings = self.bindings.into_iter().map(|(_, binding)| binding).collect();
        set.scope_grants = self.scope_grants.into_iter().map(|(_, grant)| grant).collect();
        set.type_grants = self.type_grants.into_iter().map(|(_, grant)| grant).collect();
        set
    }
}

/// Gives equal shapes and parameters one index each, in the order in which they come.
#[derive(Debug, Default)]
struct Intern {
    shapes: Vec<Box<[Pattern]>>,
    shape_index: BTreeMap<Vec<Pattern>, u32>,
    values: Vec<(DeclaredBy, Json)>,
    value_index: BTreeMap<(DeclaredBy, Json), u32>,
}

impl Intern {
    fn parameters(&mut self, by: DeclaredBy, json: Json) -> u32 {
        if json.is_empty() {
            return NO_PARAMETERS;
        }
        let next = u32::try_from(self.values.len()).unwrap_or(NO_PARAMETERS);
        *self.value_index.entry((by, json)).or_insert_with_key(|values| {
            self.values.push(values.clone());
            next
        })
    }

    fn grant(&mut self, (patterns, parameters, expires): Given) -> Grant {
        let next = u32::try_from(self.shapes.len()).unwrap_or(u32::MAX);
        let shape = *self.shape_index.entry(patterns).or_insert_with_key(|patterns| {
            self.shapes.push(patterns.as_slice().into());
            next
        });
        Grant {
            shape,
            parameters: self.parameters(DeclaredBy::Grant(shape), parameters),
            expires,
        }
    }

    fn shapes(&mut self) -> Shapes {
        Shapes(std::mem::take(&mut self.shapes).into())
    }
}

fn resource_grants(mut rows: Vec<(TypeNo, Box<str>, Given)>) -> ResourceGrants {
    rows.sort_unstable();
    rows.dedup();
    let mut intern = Intern::default();
    let mut records = Records::default();
    for same in rows.chunk_by(|a, b| (a.0, &a.1) == (b.0, &b.1)) {
        let Some((of, id, _)) = same.first() else { continue };
        records.push(
            *of,
            id,
            same.iter().map(|(_, _, given)| intern.grant(given.clone())),
        );
    }
    let shapes = intern.shapes();
    ResourceGrants::assemble(records, shapes, Parameters::untyped(intern.values))
}
