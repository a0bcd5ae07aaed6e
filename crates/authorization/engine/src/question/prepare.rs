//! Preparing a question: the permission, the subject's sets, the target and the caller's values, resolved in
//! one way for every kind of answer.

use bailiwick_policy::{
    Audience, DecisionInput, MAX_PARENTS, Member, PermissionNo, PermissionSet, PlaceId, Request,
    RequestValues, Resource, Target, TypeNo,
};
use bailiwick_types::{GroupId, Subject, Timestamp};
use serde_json::{Map, Value as Json};

use super::{Question, QuestionError, TargetText};
use crate::{
    FactKey, Part, PartRef,
    account::{AccountView, Ready},
};

/// A subject with its sets, those of its groups after its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Party<'p> {
    pub(crate) subject: &'p Subject,
    pub(crate) sets: &'p Sets<'p>,
}

/// A question whose parts are all valid and whose values fit the manifest.
#[derive(Debug)]
pub(crate) struct Prepared<'p> {
    pub(crate) ready: &'p Ready,
    pub(crate) subject: Party<'p>,
    /// Who acts for the subject.
    pub(crate) actor: Option<Party<'p>>,
    pub(crate) values: RequestValues,
    pub(crate) digest: Option<&'p str>,
    pub(crate) audience: Audience,
    pub(crate) now: Timestamp,
}

impl<'p> Prepared<'p> {
    /// A product's question without an actor and without values of the caller.
    pub(crate) fn plain(ready: &'p Ready, subject: Party<'p>, now: Timestamp) -> Self {
        Self {
            ready,
            subject,
            actor: None,
            values: RequestValues::default(),
            digest: None,
            audience: Audience::Product,
            now,
        }
    }

    /// The policy's input for the subject or the actor on a target.
    pub(crate) fn input<'a>(&'a self, party: Party<'a>, target: Target<'a>) -> DecisionInput<'a> {
        let content = &self.ready.content;
        DecisionInput {
            policy: &content.policy,
            places: &content.places,
            subject: party.subject,
            disabled: party.sets.closed,
            sets: &party.sets.sets,
            buckets: &[],
            target,
            request: Request {
                attributes: &self.values.attributes,
                context: &self.values.context,
                digest: self.digest,
            },
            audience: self.audience,
            now: self.now,
        }
    }
}

/// Prepares one question and makes something of it; `None` while a part is missing.
pub(crate) fn prepare<T>(
    view: &mut AccountView<'_>,
    question: &Question<'_>,
    now: Timestamp,
    make: impl FnOnce(&Prepared<'_>, PermissionNo, &ResolvedTarget<'_>) -> T,
) -> Option<Result<T, QuestionError>> {
    let permission = match permission_of(view, 0, question.permission) {
        Ok(permission) => permission,
        Err(error) => return Some(Err(error)),
    };
    // All parts are looked up before one is found missing: one round trip reads all of them.
    let target = resolve_target(view, question.target, question.attributes);
    let sets = effective_sets(view, question.subject, question.audience);
    let actor = question
        .actor
        .map(|actor| Some((actor, effective_sets(view, actor, question.audience)?)));
    let (target, sets) = (target?, sets?);
    let actor = match actor {
        None => None,
        Some(actor) => Some(actor?),
    };
    let values = request_values(view, 0, permission, target.type_no(), question.attributes);
    Some(values.map(|values| {
        let subject = Party {
            subject: question.subject,
            sets: &sets,
        };
        let prepared = Prepared {
            actor: actor.as_ref().map(|(subject, sets)| Party { subject, sets }),
            values,
            digest: question.digest,
            audience: question.audience,
            ..Prepared::plain(view.ready, subject, now)
        };
        make(&prepared, permission, &target)
    }))
}

/// The number of a permission; `number` is that of the question.
pub(crate) fn permission_of(
    view: &AccountView<'_>,
    number: usize,
    name: &str,
) -> Result<PermissionNo, QuestionError> {
    let product = &view.ready.content.product.product;
    product.permission_no(name).ok_or_else(|| {
        QuestionError::UnknownPermission(number, name.to_owned(), product.suggest_permission(name))
    })
}

/// The sets that a subject's permissions come from.
#[derive(Debug)]
pub(crate) struct Sets<'r> {
    sets: Vec<&'r PermissionSet>,
    /// Whether identity has closed the user or service account.
    pub(crate) closed: bool,
}

impl Sets<'_> {
    /// The subject's own set.
    pub(crate) fn own(&self) -> Option<&PermissionSet> {
        self.sets.first().copied()
    }

    /// The subject's membership, which is in its own set.
    pub(crate) fn member(&self) -> Option<Member> {
        self.sets.first().and_then(|set| set.member()).copied()
    }
}

fn key_of(subject: &Subject) -> PartRef<'_> {
    if subject.kind() == "group"
        && let Ok(id) = subject.id().parse::<GroupId>()
    {
        return PartRef::Group(id.uuid().as_u128());
    }
    PartRef::Subject(subject.as_str())
}

/// Collects the sets of a subject: its own, those of its groups, and those bound at product and deployment,
/// with its state in identity; `None` while a part is missing.
pub(crate) fn effective_sets<'r>(
    view: &mut AccountView<'r>,
    subject: &Subject,
    audience: Audience,
) -> Option<Sets<'r>> {
    let fact = FactKey::of(subject);
    // Looked up before the set is found missing: one statement reads both.
    let closed = fact.map(|key| view.part(PartRef::Fact(key)).and_then(Part::closed));
    let own = view.part(key_of(subject))?.set()?;
    let closed = match closed {
        None => false,
        Some(closed) => closed?,
    };
    let mut sets = Vec::with_capacity(4);
    sets.push(own);
    let mut complete = true;
    if !own.groups().is_empty() {
        let mut seen: Vec<u128> = own.groups().iter().map(|id| id.uuid().as_u128()).collect();
        let mut next = 0;
        while let Some(group) = seen.get(next).copied() {
            next += 1;
            let Some(set) = view.part(PartRef::Group(group)).and_then(Part::set) else {
                complete = false;
                continue;
            };
            sets.push(set);
            for above in set.groups() {
                let above = above.uuid().as_u128();
                if !seen.contains(&above) {
                    seen.push(above);
                }
            }
        }
    }
    let content = &view.ready.content;
    if audience == Audience::Suite
        && let Some(set) = content.deployment.sets.get(subject.as_str())
    {
        sets.push(set);
    }
    if let Some(set) = content.product_bound.sets.get(subject.as_str()) {
        sets.push(set);
    }
    complete.then_some(Sets { sets, closed })
}

/// A target with its type, where it is a resource.
#[derive(Debug)]
pub(crate) struct ResolvedTarget<'r> {
    kind: TargetKind<'r>,
    type_no: Option<TypeNo>,
}

#[derive(Debug)]
enum TargetKind<'r> {
    /// A scope of the account.
    Place(PlaceId),
    /// A registered resource with those above it.
    Chain(Vec<&'r Resource>),
    /// A resource of a type that is not registered, as the caller describes it.
    Described(Box<Resource>),
    Absent,
}

impl ResolvedTarget<'_> {
    /// A resource that is not registered.
    pub(crate) fn described(resource: Resource) -> Self {
        Self {
            type_no: Some(resource.type_no),
            kind: TargetKind::Described(Box::new(resource)),
        }
    }

    /// The type of a resource, where the product has it.
    pub(crate) fn type_no(&self) -> Option<TypeNo> {
        self.type_no
    }

    /// Whether it is a scope.
    pub(crate) fn on_scope(&self) -> bool {
        matches!(self.kind, TargetKind::Place(_))
    }

    /// The place that it is, or that a registered resource lies in.
    pub(crate) fn place(&self) -> Option<PlaceId> {
        match &self.kind {
            TargetKind::Place(place) => Some(*place),
            TargetKind::Chain(chain) => chain.first().map(|resource| resource.place),
            TargetKind::Described(_) | TargetKind::Absent => None,
        }
    }

    /// Lends it as the policy takes it.
    pub(crate) fn with<T>(&self, f: impl FnOnce(Target<'_>) -> T) -> T {
        match &self.kind {
            TargetKind::Place(place) => f(Target::Scope(*place)),
            TargetKind::Chain(chain) => f(Target::Resource(chain)),
            TargetKind::Described(resource) => f(Target::Resource(&[resource])),
            TargetKind::Absent => f(Target::Absent),
        }
    }
}

/// Resolves a target, which `given` may describe; `None` while a part is missing.
pub(crate) fn resolve_target<'r>(
    view: &mut AccountView<'r>,
    target: TargetText<'_>,
    given: Option<&Map<String, Json>>,
) -> Option<ResolvedTarget<'r>> {
    let resolved = |kind, type_no| Some(ResolvedTarget { kind, type_no });
    let (type_name, id, text) = match target {
        TargetText::Place(place) => return resolved(TargetKind::Place(place), None),
        TargetText::Resource { type_name, id, text } => (type_name, id, text),
    };
    let product = &view.ready.content.product.product;
    let Some(type_no) = product.type_no(type_name) else {
        return resolved(TargetKind::Absent, None);
    };
    let registered = product.type_info(type_no).is_some_and(|info| info.registered);
    if !registered {
        let account = view.ready.content.places.account().id;
        let described = Box::new(Resource::described(product, account, (type_no, id), given));
        return resolved(TargetKind::Described(described), Some(type_no));
    }
    let Some(resource) = view.part(PartRef::Resource(text))?.resource()? else {
        return resolved(TargetKind::Absent, Some(type_no));
    };
    let mut chain = vec![resource];
    let mut last = resource;
    while let Some((parent_type, parent_id)) = &last.parent {
        if chain.len() > MAX_PARENTS {
            // Writes admit no such tree, and nothing is decided from a part of one.
            return None;
        }
        let Some(info) = product.type_info(*parent_type) else {
            break;
        };
        let key = format!("{}:{parent_id}", info.name);
        let Some(parent) = view.part(PartRef::Resource(&key))?.resource()? else {
            break;
        };
        chain.push(parent);
        last = parent;
    }
    resolved(TargetKind::Chain(chain), Some(type_no))
}

/// Types the values that a caller sends; `number` is that of the question.
pub(crate) fn request_values(
    view: &AccountView<'_>,
    number: usize,
    permission: PermissionNo,
    target: Option<TypeNo>,
    given: Option<&Map<String, Json>>,
) -> Result<RequestValues, QuestionError> {
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Ok(RequestValues::default());
    };
    let product = &view.ready.content.product.product;
    product
        .request_values(permission, target, given)
        .map_err(|faults| QuestionError::Attributes(number, faults))
}
