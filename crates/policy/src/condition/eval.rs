//! Deciding an expression.

use std::cmp::Ordering;

use bailiwick_types::{Subject, Timestamp};

use super::{Comparison, Expr, Operand};
use crate::{
    PlaceId,
    manifest::MemberKind,
    product::{PermissionInfo, TypeInfo},
    resource::Resource,
    value::{Value, Values},
};

/// What a caller says beside subject, permission and target.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Attributes; only those count that the manifest marks `from: request`.
    pub attributes: &'a Values,
    /// Circumstances, as the manifest declares them under `context`.
    pub context: &'a Values,
    /// The digest of the content that an approval may be bound to.
    pub digest: Option<&'a str>,
}

/// Everything that a condition may look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) kind: Option<MemberKind>,
    pub(crate) permission: &'a PermissionInfo,
    /// The type of the permission.
    pub(crate) own_type: &'a TypeInfo,
    /// The target where it is a resource, with its type.
    pub(crate) resource: Option<(&'a Resource, &'a TypeInfo)>,
    pub(crate) place: PlaceId,
    pub(crate) request: Request<'a>,
    pub(crate) parameters: Option<&'a Values>,
    pub(crate) now: Timestamp,
}

impl<'a> Circumstances<'a> {
    #[inline]
    pub(crate) fn owner(&self) -> Option<&'a Subject> {
        self.resource.and_then(|(resource, _)| resource.owner.as_ref())
    }

    /// The attribute of the target: the stored value wins, and from the request only what the manifest marks.
    ///
    /// What the target's type declares follows that declaration alone, so that a permission of another type
    /// cannot open it to the caller.
    pub(crate) fn attribute(&self, name: &str) -> Option<&'a Value> {
        let of_target = self
            .resource
            .and_then(|(resource, of)| Some((resource, of.attribute(name)?)));
        let (stored, declared) = match of_target {
            Some((resource, declared)) => (Some(&resource.attributes), declared),
            None => (None, self.own_type.attribute(name)?),
        };
        let value = match stored.and_then(|attributes| attributes.get(name)) {
            Some(value) => value,
            // A stored value that does not fit its type is missing, and still not the request's to replace.
            None if stored.is_some_and(|attributes| attributes.is_unfit(name)) => return None,
            None if declared.from_request => self.request.attributes.get(name)?,
            None => return None,
        };
        value.is(declared.kind).then_some(value)
    }
}

/// A value that is not owned.
#[derive(Debug, Clone, Copy)]
enum Seen<'a> {
    Value(&'a Value),
    Text(&'a str),
    Subject(&'a Subject),
    Time(Timestamp),
    Place(PlaceId),
}

impl Operand {
    fn value<'a>(&'a self, given: &Circumstances<'a>) -> Option<Seen<'a>> {
        match self {
            Self::SubjectId => Some(Seen::Subject(given.subject)),
            Self::SubjectType => Some(Seen::Text(given.subject.kind())),
            Self::SubjectKind => given.kind.map(|kind| Seen::Text(kind.as_str())),
            Self::ResourceId => given.resource.map(|(resource, _)| Seen::Text(&resource.id)),
            Self::ResourceType => given.resource.map(|(_, of)| Seen::Text(&of.name)),
            Self::ResourceOwner => given.owner().map(Seen::Subject),
            Self::ResourceScope => Some(Seen::Place(given.place)),
            Self::Attribute(name) => given.attribute(name).map(Seen::Value),
            Self::Action => Some(Seen::Text(&given.permission.name)),
            Self::ActionVerb => Some(Seen::Text(given.permission.verb())),
            Self::Parameter(name) => given.parameters?.get(name).map(Seen::Value),
            Self::Context(name) => given.request.context.get(name).map(Seen::Value),
            Self::Now => Some(Seen::Time(given.now)),
            Self::Literal(value) => Some(Seen::Value(value)),
        }
    }

    pub(super) fn show(&self, given: &Circumstances<'_>) -> Option<String> {
        self.value(given).map(|seen| match seen {
            Seen::Value(value) => value.to_string(),
            Seen::Text(text) => text.to_owned(),
            Seen::Subject(subject) => subject.to_string(),
            Seen::Time(at) => at.to_string(),
            Seen::Place(place) => uuid::Uuid::from_u128(place.0).to_string(),
        })
    }
}

/// Compares; `None` for values of different types.
fn order(a: Seen<'_>, b: Seen<'_>) -> Option<Ordering> {
    match (plain(a), plain(b)) {
        (Seen::Value(a), Seen::Value(b)) => same_type(a, b).then(|| a.cmp(b)),
        (Seen::Text(a), Seen::Text(b)) => Some(a.cmp(b)),
        (Seen::Subject(a), Seen::Subject(b)) => Some(a.cmp(b)),
        (Seen::Time(a), Seen::Time(b)) => Some(a.cmp(&b)),
        (Seen::Place(a), Seen::Place(b)) => Some(a.cmp(&b)),
        _ => None,
    }
}

fn plain(seen: Seen<'_>) -> Seen<'_> {
    match seen {
        Seen::Value(Value::Text(text)) => Seen::Text(text),
        Seen::Value(Value::Subject(subject)) => Seen::Subject(subject),
        Seen::Value(Value::Time(at)) => Seen::Time(*at),
        Seen::Value(Value::Place(place)) => Seen::Place(*place),
        other => other,
    }
}

pub(super) fn same_type(a: &Value, b: &Value) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

impl Expr {
    pub(super) fn decide(&self, given: &Circumstances<'_>) -> Option<bool> {
        match self {
            Self::Test(operand) => match operand.value(given)? {
                Seen::Value(Value::Bool(truth)) => Some(*truth),
                _ => None,
            },
            Self::Compare(a, comparison, b) => {
                let order = order(a.value(given)?, b.value(given)?)?;
                Some(match comparison {
                    Comparison::Equal => order.is_eq(),
                    Comparison::NotEqual => order.is_ne(),
                    Comparison::Less => order.is_lt(),
                    Comparison::LessOrEqual => order.is_le(),
                    Comparison::Greater => order.is_gt(),
                    Comparison::GreaterOrEqual => order.is_ge(),
                })
            }
            Self::In(item, list) => {
                let item = item.value(given)?;
                let Seen::Value(Value::List(items)) = list.value(given)? else {
                    return None;
                };
                let mut found = false;
                for other in items {
                    found |= order(item, Seen::Value(other))?.is_eq();
                }
                Some(found)
            }
            Self::Not(inner) => inner.decide(given).map(|truth| !truth),
            Self::All(parts) => join(parts, given, false),
            Self::Any(parts) => join(parts, given, true),
        }
    }
}

/// One part with the truth value `decisive` decides; else an undecided part leaves the whole undecided.
fn join(parts: &[Expr], given: &Circumstances<'_>, decisive: bool) -> Option<bool> {
    let mut undecided = false;
    for part in parts {
        match part.decide(given) {
            Some(truth) if truth == decisive => return Some(decisive),
            Some(_) => {}
            None => undecided = true,
        }
    }
    if undecided { None } else { Some(!decisive) }
}
