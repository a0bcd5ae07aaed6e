//! Conditions of which everything but the resource is known.

use std::cmp::Ordering;

use bailiwick_types::{Subject, Timestamp};

use crate::{
    condition::{Comparison, Expr, Operand, Request},
    manifest::MemberKind,
    product::{PermissionInfo, TypeInfo},
    value::{Value, ValueType, Values},
};

/// What is to be true of a resource. There is no negation but in the leaves, so what is missing makes a leaf
/// not true and never more than that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    /// A truth value is this one.
    Is(Field, bool),
    /// A comparison of values of one type.
    Compare(Field, Comparison, Term),
    /// A value is (or, with `false`, is not) one of these.
    In(Field, Box<[Value]>, bool),
    /// A list contains (or does not contain) a value.
    Contains(Field, Term, bool),
    /// All of these; more than one.
    All(Box<[Predicate]>),
    /// Any of these; more than one.
    Any(Box<[Predicate]>),
}

/// The other side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// A value.
    Value(Value),
    /// Something else of the resource.
    Field(Field),
}

/// Something of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What it is.
    pub name: FieldName,
    /// The type of its values; one of another type counts as missing.
    pub kind: ValueType,
    /// What the request said, which counts where the resource has no value.
    pub otherwise: Option<Value>,
}

/// What a field is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldName {
    /// `resource.id`
    Id,
    /// `resource.owner`
    Owner,
    /// `resource.scope`
    Scope,
    /// `resource.attr.NAME`
    Attribute(Box<str>),
}

/// What is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) subject: &'a Subject,
    pub(super) kind: Option<MemberKind>,
    pub(super) permission: &'a PermissionInfo,
    pub(super) own_type: &'a TypeInfo,
    pub(super) of: &'a TypeInfo,
    pub(super) request: Request<'a>,
    pub(super) parameters: Option<&'a Values>,
    pub(super) now: Timestamp,
}

/// What a condition comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Partial {
    True,
    /// It is false or cannot be decided.
    NotTrue,
    When(Predicate),
}

/// Puts in what is known.
pub(super) fn partial(expr: &Expr, given: &Given<'_>) -> Partial {
    eval(expr, given, true)
}

enum Seen {
    Known(Value),
    Field(Field),
    Missing,
}

fn eval(expr: &Expr, given: &Given<'_>, positive: bool) -> Partial {
    match expr {
        Expr::Test(operand) => match seen(operand, given) {
            Seen::Known(Value::Bool(truth)) => known(truth == positive),
            Seen::Field(field) if field.kind == ValueType::Bool => {
                Partial::When(Predicate::Is(field, positive))
            }
            _ => Partial::NotTrue,
        },
        Expr::Compare(a, comparison, b) => {
            let comparison = if positive {
                *comparison
            } else {
                comparison.opposite()
            };
            compare(seen(a, given), comparison, seen(b, given))
        }
        Expr::In(item, list) => member(seen(item, given), seen(list, given), positive),
        Expr::Not(inner) => eval(inner, given, !positive),
        Expr::All(parts) => join(parts, given, positive, positive),
        Expr::Any(parts) => join(parts, given, positive, !positive),
    }
}

fn known(truth: bool) -> Partial {
    if truth { Partial::True } else { Partial::NotTrue }
}

/// `all`: all parts have to be true, else any.
fn join(parts: &[Expr], given: &Given<'_>, positive: bool, all: bool) -> Partial {
    let mut rest = Vec::new();
    for part in parts {
        match eval(part, given, positive) {
            Partial::True if all => {}
            Partial::NotTrue if !all => {}
            Partial::True => return Partial::True,
            Partial::NotTrue => return Partial::NotTrue,
            Partial::When(predicate) => {
                if !rest.contains(&predicate) {
                    rest.push(predicate);
                }
            }
        }
    }
    match (rest.len(), rest.pop()) {
        (0 | 1, None) => known(all),
        (1, Some(only)) => Partial::When(only),
        (_, last) => {
            rest.extend(last);
            Partial::When(if all {
                Predicate::All(rest.into())
            } else {
                Predicate::Any(rest.into())
            })
        }
    }
}

fn compare(a: Seen, comparison: Comparison, b: Seen) -> Partial {
    match (a, b) {
        (Seen::Known(a), Seen::Known(b)) if same_type(&a, &b) => known(comparison.holds(a.cmp(&b))),
        (Seen::Field(field), Seen::Known(value)) if value.is(field.kind) => {
            Partial::When(Predicate::Compare(field, comparison, Term::Value(value)))
        }
        (Seen::Known(value), Seen::Field(field)) if value.is(field.kind) => Partial::When(
            Predicate::Compare(field, comparison.flipped(), Term::Value(value)),
        ),
        (Seen::Field(a), Seen::Field(b)) if a.kind == b.kind => {
            Partial::When(Predicate::Compare(a, comparison, Term::Field(b)))
        }
        _ => Partial::NotTrue,
    }
}

fn member(item: Seen, list: Seen, wanted: bool) -> Partial {
    match (item, list) {
        (Seen::Known(item), Seen::Known(Value::List(items))) => {
            if items.iter().all(|other| same_type(other, &item)) {
                known(items.contains(&item) == wanted)
            } else {
                Partial::NotTrue
            }
        }
        (Seen::Field(field), Seen::Known(Value::List(items))) => {
            if !items.iter().all(|item| item.is(field.kind)) || (wanted && items.is_empty()) {
                return Partial::NotTrue;
            }
            Partial::When(Predicate::In(field, items, wanted))
        }
        (Seen::Known(item), Seen::Field(list)) if list.kind.element().is_some_and(|kind| item.is(kind)) => {
            Partial::When(Predicate::Contains(list, Term::Value(item), wanted))
        }
        (Seen::Field(item), Seen::Field(list)) if list.kind.element() == Some(item.kind) => {
            Partial::When(Predicate::Contains(list, Term::Field(item), wanted))
        }
        _ => Partial::NotTrue,
    }
}

fn same_type(a: &Value, b: &Value) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

fn seen(operand: &Operand, given: &Given<'_>) -> Seen {
    let text = |text: &str| Seen::Known(Value::Text(text.into()));
    let of = |value: Option<&Value>| value.cloned().map_or(Seen::Missing, Seen::Known);
    let field = |name, kind| {
        Seen::Field(Field {
            name,
            kind,
            otherwise: None,
        })
    };
    match operand {
        Operand::SubjectId => Seen::Known(Value::Subject(given.subject.clone())),
        Operand::SubjectType => text(given.subject.kind()),
        Operand::SubjectKind => given.kind.map_or(Seen::Missing, |kind| text(kind.as_str())),
        Operand::ResourceId => field(FieldName::Id, ValueType::String),
        Operand::ResourceType => text(&given.of.name),
        Operand::ResourceOwner => field(FieldName::Owner, ValueType::Subject),
        Operand::ResourceScope => field(FieldName::Scope, ValueType::Scope),
        Operand::Attribute(name) => attribute(name, given),
        Operand::Action => text(&given.permission.name),
        Operand::ActionVerb => text(given.permission.verb()),
        Operand::Parameter(name) => of(given.parameters.and_then(|values| values.get(name))),
        Operand::Context(name) => of(given.request.context.get(name)),
        Operand::Now => Seen::Known(Value::Time(given.now)),
        Operand::Literal(value) => Seen::Known(value.clone()),
    }
}

/// As [`Circumstances::attribute`](crate::condition::Circumstances) finds it.
fn attribute(name: &str, given: &Given<'_>) -> Seen {
    let said = |kind| {
        let value = given.request.attributes.get(name);
        value.filter(|value| value.is(kind)).cloned()
    };
    match given.of.attribute(name) {
        Some(declared) => Seen::Field(Field {
            name: FieldName::Attribute(name.into()),
            kind: declared.kind,
            otherwise: if declared.from_request {
                said(declared.kind)
            } else {
                None
            },
        }),
        None => {
            let declared = given.own_type.attribute(name).filter(|of| of.from_request);
            declared
                .and_then(|of| said(of.kind))
                .map_or(Seen::Missing, Seen::Known)
        }
    }
}

impl Comparison {
    /// The comparison that is true where this one is false.
    fn opposite(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }

    /// The comparison with its sides exchanged.
    fn flipped(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }

    /// Tells whether it holds for values in this order.
    #[must_use]
    pub fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}
