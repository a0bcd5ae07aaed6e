//! What a grant or approval is about: a scope or a resource, with everything that decisions look at.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use bailiwick_policy::{MAX_PARENTS, PlaceId, Product, Resource, StoredResource, StoredTarget, Target};
use bailiwick_types::{AccountId, Level, Scope};
use serde_json::{Map, Value as Json};

use crate::{
    Read, StoreError,
    resource::{Name, NameError},
};

/// A scope or a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// An account, instance or workspace.
    Scope(Scope),
    /// A resource.
    Resource(Name),
}

impl FromStr for On {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split_once(':') {
            Some(("account" | "instance" | "workspace", _)) => {
                text.parse().map(Self::Scope).map_err(|_| NameError)
            }
            _ => text.parse().map(Self::Resource),
        }
    }
}

impl On {
    /// The target as decisions read it.
    #[must_use]
    pub fn stored(&self) -> StoredTarget {
        match self {
            Self::Scope(scope) => StoredTarget::Place(PlaceId::from(scope)),
            Self::Resource(name) => StoredTarget::Resource {
                type_name: name.of.clone(),
                id: name.id.clone(),
            },
        }
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope(scope) => scope.fmt(f),
            Self::Resource(name) => name.fmt(f),
        }
    }
}

/// The error for a stored tree that writes do not admit: nothing is decided from a part of it.
pub(crate) fn too_deep(name: &Name) -> StoreError {
    StoreError::internal(format!("`{name}` has more than {MAX_PARENTS} resources above it"))
}

fn stored(found: &crate::resource::Resource) -> StoredResource {
    let parent = found.parent.as_ref();
    StoredResource {
        type_name: found.name.of.clone(),
        id: found.name.id.clone(),
        place: PlaceId::from(&found.scope),
        owner: found.owner.clone(),
        parent: parent.map(|parent| (parent.of.clone(), parent.id.clone())),
        attributes: found.attributes.clone(),
        registered: found.revision,
    }
}

/// A target with what is known of it.
#[derive(Debug, Clone)]
pub struct Aim {
    /// What was named.
    pub on: On,
    /// Where it lies; none for a resource that is not known.
    pub scope: Option<Scope>,
    chain: Vec<Resource>,
}

impl Aim {
    /// Looks a target up: a resource with those above it.
    ///
    /// # Errors
    /// The store fails, or has a resource with more above it than writes admit.
    pub async fn load(
        read: &(impl Read + ?Sized),
        policy: &bailiwick_policy::AccountPolicy,
        on: On,
    ) -> Result<Self, StoreError> {
        let mut chain = Vec::new();
        let mut scope = None;
        match &on {
            On::Scope(of) => scope = Some(of.clone()),
            On::Resource(name) => {
                let mut seen = BTreeSet::new();
                let mut next = Some(name.clone());
                while let Some(name) = next.take() {
                    if chain.len() > MAX_PARENTS || !seen.insert(name.clone()) {
                        return Err(too_deep(&name));
                    }
                    let Some(found) = read.resource(&name).await? else {
                        break;
                    };
                    scope = scope.or_else(|| Some(found.scope.clone()));
                    let Some(resource) = stored(&found).resource(policy.product()) else {
                        break;
                    };
                    chain.push(resource);
                    next = found.parent;
                }
            }
        }
        Ok(Self { on, scope, chain })
    }
    /// A resource of a type that is not registered, as a caller describes it; nothing for any other target.
    #[must_use]
    pub fn described(
        policy: &bailiwick_policy::AccountPolicy,
        account: AccountId,
        on: &On,
        given: &Map<String, Json>,
    ) -> Option<Self> {
        let On::Resource(name) = on else {
            return None;
        };
        let product = policy.product();
        let of = product.type_no(&name.of)?;
        product
            .type_info(of)
            .filter(|info| !info.suite && !info.registered)?;
        let resource = Resource::described(product, account.into(), (of, &name.id), Some(given));
        // Where it lies counts for decisions alone: an id of a scope does not tell its level.
        let named = given.get("scope").and_then(Json::as_str);
        let named: Option<Scope> = named.and_then(|text| text.parse().ok());
        let scope = named.filter(|scope| PlaceId::from(scope) == resource.place);
        Some(Self {
            on: on.clone(),
            scope: Some(scope.unwrap_or(Scope::Account(account))),
            chain: vec![resource],
        })
    }
    /// A resource that is not registered yet, in a scope, below others where these are given.
    #[must_use]
    pub fn proposed(product: &Product, row: StoredResource, scope: &Scope, above: &Self) -> Option<Self> {
        let on = On::Resource(Name {
            of: row.type_name.clone(),
            id: row.id.clone(),
        });
        let mut chain = vec![row.resource(product)?];
        chain.extend(above.chain.iter().cloned());
        Some(Self {
            on,
            scope: Some(scope.clone()),
            chain,
        })
    }
    /// A resource with those of others that are above it.
    #[must_use]
    pub(crate) fn among(
        product: &Product,
        first: &crate::resource::Resource,
        others: &BTreeMap<&Name, &crate::resource::Resource>,
    ) -> Self {
        let mut chain = Vec::new();
        let mut next = Some(first);
        while let Some(found) = next.filter(|_| chain.len() <= MAX_PARENTS) {
            let Some(resource) = stored(found).resource(product) else {
                break;
            };
            chain.push(resource);
            next = found.parent.as_ref().and_then(|name| others.get(name).copied());
        }
        Self {
            on: On::Resource(first.name.clone()),
            scope: Some(first.scope.clone()),
            chain,
        }
    }
    /// The same without those above it.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.chain.truncate(1);
        self
    }
    /// The resource, where it is known.
    #[must_use]
    pub fn resource(&self) -> Option<&Resource> {
        self.chain.first()
    }
    /// The same resource with the owner and the attributes of another description of it.
    #[must_use]
    pub fn redescribed(&self, as_in: &crate::resource::Resource, product: &Product) -> Self {
        let mut described = self.clone();
        let other = stored(as_in).resource(product);
        if let (Some(resource), Some(other)) = (described.chain.first_mut(), other) {
            resource.owner = other.owner;
            resource.attributes = other.attributes;
        }
        described
    }
    /// The same resource as it would be in another scope, registered there at a revision.
    #[must_use]
    pub fn moved(&self, scope: &Scope, registered: u64) -> Self {
        let mut moved = self.clone();
        moved.scope = Some(scope.clone());
        if let Some(resource) = moved.chain.first_mut() {
            resource.place = PlaceId::from(scope);
            resource.registered = registered;
        }
        moved
    }
    /// The same resource as it would be if `child`, which is this resource or one above it, had another
    /// parent.
    #[must_use]
    pub fn reparented(&self, child: &Self, parent: &Self) -> Self {
        let same = |other: &Resource| {
            let first = child.chain.first();
            first.is_some_and(|first| first.type_no == other.type_no && first.id == other.id)
        };
        let kept = self
            .chain
            .iter()
            .position(same)
            .map_or(self.chain.len(), |at| at + 1);
        let kept = self.chain.iter().take(kept);
        Self {
            chain: kept.chain(&parent.chain).cloned().collect(),
            ..self.clone()
        }
    }
    /// The revision at which the resource was registered; none where it is not known.
    #[must_use]
    pub fn registered(&self) -> Option<u64> {
        self.chain.first().map(|resource| resource.registered)
    }
    /// The names of the resource and of those above it.
    #[must_use]
    pub fn names(&self, product: &Product) -> Vec<Name> {
        let name = |resource: &Resource| {
            let info = product.type_info(resource.type_no)?;
            Some(Name {
                of: info.name.to_string(),
                id: resource.id.to_string(),
            })
        };
        self.chain.iter().filter_map(name).collect()
    }
    /// Runs something with the target as decisions take it.
    pub fn target<T>(&self, run: impl FnOnce(Target<'_>) -> T) -> T {
        match &self.on {
            On::Scope(scope) => run(Target::Scope(PlaceId::from(scope))),
            On::Resource(_) if self.chain.is_empty() => run(Target::Absent),
            On::Resource(_) => {
                let chain: Vec<&Resource> = self.chain.iter().collect();
                run(Target::Resource(&chain))
            }
        }
    }
    /// The level of a scope; none for resources.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        match &self.on {
            On::Scope(scope) => Some(scope.level()),
            On::Resource(_) => None,
        }
    }
}
