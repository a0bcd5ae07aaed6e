//! Rows as they are stored, and the only functions that turn them into [`PermissionSet`]s and [`Resource`]s.
//!
//! They live here and not in the decision engine because administration reads the same rows, and its core
//! crate may not depend on the engine. The rules, each decided on the side that gives less:
//!
//! - A stored value that does not fit its declared type is as good as missing, value by value: a condition
//!   that looks at it does not match. Parameters never get lost as a whole, and a grant that has parameters
//!   is never unconditional, even if none of them fits.
//! - A value that is not declared (any more) stays in its raw form and is invisible to conditions until a
//!   schema declares it; its type is never guessed.
//! - A role that the account defined is found by the number stored with it, a role of the product by its
//!   name. Numbers are given once and never reused, so a product that later declares a role of the same name
//!   takes nothing over.
//! - What names a permission, type or role gives nothing once the name was away, also where the name comes
//!   back: see [`Product::generation`].
//! - Roles, types and permissions that the product no longer has give nothing. A number that the policy does
//!   not know yet is kept: it gives nothing until the policy knows it.

mod json;

use bailiwick_types::{ApprovalId, GroupId, Level, Subject, Timestamp};
use serde_json::{Map, Value};

pub(crate) use json::Json;

use crate::{
    AccountPolicy, ApprovalTarget, Attributes, Member, OpenApproval, Pattern, PermissionSet,
    PermissionSetBuilder, PlaceId, Product, Resource, RoleNo, TypeGrantReach,
};

/// A role binding of a subject.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredBinding {
    /// The name of the role.
    pub role: String,
    /// The number of the role, where the account defined it.
    pub number: Option<RoleNo>,
    /// The level of the scope.
    pub level: Level,
    /// The scope.
    pub place: PlaceId,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Its parameters; empty where it has none.
    pub parameters: Map<String, Value>,
}

/// What a stored row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredTarget {
    /// A scope.
    Place(PlaceId),
    /// A resource.
    Resource {
        /// The name of its type.
        type_name: String,
        /// Its id.
        id: String,
    },
}

/// What a stored grant is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredGrantTarget {
    /// A scope or a resource.
    One(StoredTarget),
    /// A type in a scope.
    Type {
        /// The name of the type.
        type_name: String,
        /// The scope.
        place: PlaceId,
        /// Which of its resources.
        reach: TypeGrantReach,
    },
}

/// A grant of a subject.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredGrant {
    /// What it is on.
    pub target: StoredGrantTarget,
    /// Permissions and patterns.
    pub permissions: Vec<String>,
    /// The generation of the names: see [`Product::generation`].
    pub generation: u32,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Its parameters; empty where it has none.
    pub parameters: Map<String, Value>,
}

/// A request for approval that is pending, or approved and not used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredApproval {
    /// Its id.
    pub id: ApprovalId,
    /// The name of the permission.
    pub permission: String,
    /// What it is on.
    pub target: StoredTarget,
    /// The digest of the content that it is bound to; empty where it is bound to none.
    pub digest: String,
    /// The stored values that it is bound to; empty where it is bound to none.
    pub bound: String,
    /// Whether it was approved.
    pub approved: bool,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// All rows of one subject in one account.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSubject {
    /// Whose rows they are.
    pub subject: Subject,
    /// Its membership.
    pub member: Option<Member>,
    /// The groups that it is in directly.
    pub groups: Vec<GroupId>,
    /// Its role bindings.
    pub bindings: Vec<StoredBinding>,
    /// Its grants.
    pub grants: Vec<StoredGrant>,
    /// Its open requests for approval.
    pub approvals: Vec<StoredApproval>,
}

impl StoredSubject {
    /// Starts without rows.
    #[must_use]
    pub fn new(subject: Subject) -> Self {
        Self {
            subject,
            member: None,
            groups: Vec::new(),
            bindings: Vec::new(),
            grants: Vec::new(),
            approvals: Vec::new(),
        }
    }

    /// Makes the permission set of the rows, typed for a policy.
    #[must_use]
    pub fn set(self, policy: &AccountPolicy) -> PermissionSet {
        let product = policy.product();
        let mut set = PermissionSetBuilder::new(self.subject);
        if let Some(member) = self.member {
            set.member(member);
        }
        for group in self.groups {
            set.group(group);
        }
        for row in self.bindings {
            let own = row.number.filter(|no| no.is_custom());
            if let Some(no) = own.or_else(|| product.role_no(&row.role)) {
                let parameters = Some((row.level, &row.parameters));
                set.bind(no, row.place, row.expires_at, parameters);
            }
        }
        for row in self.grants {
            grant(&mut set, product, row);
        }
        for row in self.approvals {
            if let Some(approval) = open_approval(product, row) {
                set.approval(approval);
            }
        }
        set.build().retype(policy)
    }
}

fn grant(set: &mut PermissionSetBuilder, product: &Product, row: StoredGrant) {
    let names = row.permissions.iter();
    let pattern = |name: &String| product.pattern_since(name, row.generation);
    let patterns: Vec<Pattern> = names.filter_map(pattern).collect();
    let type_no = |name: &str| {
        let of = product.type_no(name);
        of.filter(|_| product.type_stands(name, row.generation))
    };
    if patterns.is_empty() {
        return;
    }
    let (ends, parameters) = (row.expires_at, Some(&row.parameters));
    match row.target {
        StoredGrantTarget::One(StoredTarget::Place(place)) => {
            set.grant_scope(place, patterns, ends, parameters);
        }
        StoredGrantTarget::One(StoredTarget::Resource { type_name, id }) => {
            if let Some(of) = type_no(&type_name) {
                set.grant_resource(of, id, patterns, ends, parameters);
            }
        }
        StoredGrantTarget::Type {
            type_name,
            place,
            reach,
        } => {
            if let Some(of) = type_no(&type_name) {
                set.grant_type(of, place, reach, patterns, ends, parameters);
            }
        }
    }
}

fn open_approval(product: &Product, row: StoredApproval) -> Option<OpenApproval> {
    Some(OpenApproval {
        id: row.id,
        permission: product.permission_no(&row.permission)?,
        target: match row.target {
            StoredTarget::Place(place) => ApprovalTarget::Place(place),
            StoredTarget::Resource { type_name, id } => {
                ApprovalTarget::Resource(product.type_no(&type_name)?, id.into())
            }
        },
        digest: (!row.digest.is_empty()).then(|| row.digest.into()),
        bound: (!row.bound.is_empty()).then(|| row.bound.into()),
        approved: row.approved,
        expires_at: row.expires_at,
    })
}

/// The row of a registered resource.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredResource {
    /// The name of its type.
    pub type_name: String,
    /// Its id.
    pub id: String,
    /// Where it lies.
    pub place: PlaceId,
    /// Who owns it.
    pub owner: Option<Subject>,
    /// The type and id of the resource above it.
    pub parent: Option<(String, String)>,
    /// Its attributes.
    pub attributes: Map<String, Value>,
    /// The account's revision at which it was registered.
    pub registered: u64,
}

impl StoredResource {
    /// Makes the resource, typed for a product; `None` where the product no longer has its type.
    #[must_use]
    pub fn resource(self, product: &Product) -> Option<Resource> {
        let type_no = product.type_no(&self.type_name)?;
        let parent = self.parent;
        let resource = Resource {
            type_no,
            id: self.id.into(),
            place: self.place,
            owner: self.owner,
            parent: parent.and_then(|(of, id)| Some((product.type_no(&of)?, id.into()))),
            attributes: Attributes::stored(&self.attributes),
            registered: self.registered,
        };
        Some(resource.retype(product))
    }
}
