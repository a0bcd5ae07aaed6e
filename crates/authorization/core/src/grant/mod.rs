//! Grants: subject, permissions, and a resource, a scope or a type in a scope.

pub(crate) mod anew;
pub mod create;
pub mod delete;
pub(crate) mod giving;

use async_trait::async_trait;
pub use bailiwick_policy::AppliesTo;
use bailiwick_policy::{
    Pattern, PlaceId, Product, StoredGrant, StoredGrantTarget, StoredTarget, TypeGrantReach,
};
use bailiwick_types::{AccountId, GrantId, Scope, Subject, Timestamp};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::{
    On, Precondition, StoreError,
    resource::{Name, Resource},
};

/// What a grant is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A resource.
    Resource(Name),
    /// A scope with everything under it.
    Scope(Scope),
    /// A type in a scope.
    Type {
        /// The type.
        of: String,
        /// The scope.
        scope: Scope,
        /// Which of its resources.
        applies_to: AppliesTo,
    },
}

/// A grant.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// The account.
    pub account: AccountId,
    /// Who has it.
    pub subject: Subject,
    /// The permissions and patterns, sorted.
    pub permissions: Vec<String>,
    /// The generation of the names in it: see [`Product::generation`].
    pub generation: u32,
    /// What it is about.
    pub about: About,
    /// Parameters of conditions.
    pub parameters: Map<String, Json>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The account's revision at which it was made.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub creator: Option<Subject>,
}

impl Grant {
    /// The row as decisions read it.
    #[must_use]
    pub fn stored(&self) -> StoredGrant {
        let place = |scope: &Scope| StoredGrantTarget::One(StoredTarget::Place(PlaceId::from(scope)));
        StoredGrant {
            target: match &self.about {
                About::Resource(name) => StoredGrantTarget::One(On::Resource(name.clone()).stored()),
                About::Scope(scope) => place(scope),
                About::Type {
                    of,
                    scope,
                    applies_to,
                } => StoredGrantTarget::Type {
                    type_name: of.clone(),
                    place: PlaceId::from(scope),
                    reach: TypeGrantReach::new(*applies_to, self.revision),
                },
            },
            permissions: self.permissions.clone(),
            generation: self.generation,
            expires_at: self.expires_at,
            parameters: self.parameters.clone(),
        }
    }
    /// The permissions as patterns of a product. Permissions that the product no longer has, or was without
    /// since, are left out.
    pub(crate) fn patterns(&self, product: &Product) -> Vec<Pattern> {
        let pattern = |text: &String| product.pattern_since(text, self.generation);
        self.permissions.iter().filter_map(pattern).collect()
    }
    /// The refusal of a change after which it could not count on just the resources that it covers.
    pub(crate) fn refused_in_part(&self) -> Precondition {
        let of = match &self.about {
            About::Type { of, .. } => of.clone(),
            About::Resource(name) => name.of.clone(),
            About::Scope(scope) => scope.to_string(),
        };
        Precondition::GrantInPart { of }
    }
    /// Whether it has not ended by itself.
    pub(crate) fn lasts(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|at| at > now)
    }
    /// Which resources of its type it covers; none where it is not on a type.
    pub(crate) fn reach(&self) -> Option<TypeGrantReach> {
        match &self.about {
            About::Type { applies_to, .. } => Some(TypeGrantReach::new(*applies_to, self.revision)),
            About::Resource(_) | About::Scope(_) => None,
        }
    }
    /// Whether it is on the type of a resource.
    pub(crate) fn is_on_type_of(&self, resource: &Resource) -> bool {
        matches!(&self.about, About::Type { of, .. } if *of == resource.name.of)
    }
    /// Whether it is on the type of a resource and covers it, where the scope fits.
    pub(crate) fn covers(&self, resource: &Resource) -> bool {
        let reach = self.reach().filter(|_| self.is_on_type_of(resource));
        reach.is_some_and(|reach| reach.covers(resource.revision))
    }
    /// Whether all that it names is what it named.
    pub(crate) fn stands(&self, product: &Product) -> bool {
        let mut texts = self.permissions.iter();
        texts.all(|text| product.stands(text, self.generation))
            && match &self.about {
                About::Type { of, .. } => product.type_stands(of, self.generation),
                About::Resource(_) | About::Scope(_) => true,
            }
    }
    /// Whether it is on a scope and without parameters.
    #[must_use]
    pub fn is_plain_on_scope(&self) -> bool {
        matches!(self.about, About::Scope(_)) && self.parameters.is_empty()
    }
}

/// Which grants a list has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only those of this subject.
    pub subject: Option<Subject>,
    /// Only those on this scope, or on a type in it.
    pub scope: Option<Scope>,
    /// Only those on this resource.
    pub resource: Option<Name>,
}

impl Filter {
    /// Those of a subject.
    #[must_use]
    pub fn of(subject: &Subject) -> Self {
        Self {
            subject: Some(subject.clone()),
            ..Self::default()
        }
    }
    /// Whether the list has a grant.
    #[must_use]
    pub fn has(&self, grant: &Grant) -> bool {
        let (scope, resource) = match &grant.about {
            About::Resource(name) => (None, Some(name)),
            About::Scope(scope) | About::Type { scope, .. } => (Some(scope), None),
        };
        self.subject
            .as_ref()
            .is_none_or(|subject| grant.subject == *subject)
            && self.scope.as_ref().is_none_or(|of| scope == Some(of))
            && self.resource.as_ref().is_none_or(|of| resource == Some(of))
    }
}

/// Reads grants.
#[async_trait]
pub trait Reader: Send + Sync {
    /// A grant.
    async fn grant(&self, id: GrantId) -> Result<Option<Grant>, StoreError>;
    /// Counts the grants of a subject.
    async fn count_grants(&self, subject: &Subject) -> Result<u64, StoreError>;
    /// Grants by id.
    async fn grants(
        &self,
        filter: &Filter,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Vec<Grant>, StoreError>;
}

/// Writes grants.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Makes or replaces a grant.
    async fn put_grant(&mut self, grant: &Grant) -> Result<(), StoreError>;
    /// Makes or replaces grants.
    async fn put_grants(&mut self, grants: &[Grant]) -> Result<(), StoreError> {
        for grant in grants {
            self.put_grant(grant).await?;
        }
        Ok(())
    }
    /// Removes a grant.
    async fn remove_grant(&mut self, grant: &Grant) -> Result<(), StoreError>;
}
