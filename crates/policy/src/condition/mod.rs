//! Conditions: small typed expressions, checked when a manifest is applied and decided without allocation.
//!
//! An expression is true, false or undecided. What is missing (an attribute, a parameter, an owner) is
//! undecided; so is every comparison with it, and its negation. `&&` with a false side is false and `||` with
//! a true side is true whatever the other side would be (Kleene's logic): an undecided part counts only where
//! it is needed. An entry matches when its condition is true.

mod eval;
mod lex;
mod parse;
mod typing;
mod words;

use std::collections::BTreeMap;

pub(crate) use eval::Circumstances;
pub use eval::Request;
pub(crate) use typing::Types;

use crate::value::{Value, ValueType};

/// The greatest length of an expression in bytes.
pub(crate) const MAX_LENGTH: usize = 1_024;
/// The greatest number of operators and operands of an expression.
pub(crate) const MAX_NODES: usize = 64;
/// The greatest depth of parentheses and negations.
pub(crate) const MAX_DEPTH: usize = 16;

/// Why a text is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    /// The character of the expression at which the fault lies, from 0.
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

/// A condition, ready to be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    source: Box<str>,
    expr: Expr,
    fast: Option<Fast>,
    parameters: BTreeMap<Box<str>, ValueType>,
}

impl Condition {
    /// The text that it was read from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The parameters that it looks at (`grant.NAME`), with the types that follow from their use.
    #[must_use]
    pub fn parameters(&self) -> &BTreeMap<Box<str>, ValueType> {
        &self.parameters
    }

    pub(crate) fn expr(&self) -> &Expr {
        &self.expr
    }

    /// How many operators and operands it has.
    pub(crate) fn nodes(&self) -> u64 {
        self.expr.nodes()
    }

    pub(crate) fn compile(source: &str, types: &Types<'_>) -> Result<Self, ConditionError> {
        let tree = parse::parse(source)?;
        let (expr, parameters) = typing::check(&tree, types)?;
        let fast = Fast::of(&expr);
        Ok(Self {
            source: source.into(),
            expr,
            fast,
            parameters,
        })
    }

    /// Decides; `None` where it cannot be decided.
    #[inline]
    pub(crate) fn decide(&self, given: &Circumstances<'_>) -> Option<bool> {
        match &self.fast {
            Some(fast) => fast.decide(given),
            None => self.expr.decide(given),
        }
    }

    /// The values that the condition looks at, for an explanation.
    pub(crate) fn seen(&self, given: &Circumstances<'_>) -> Vec<(String, Option<String>)> {
        let mut seen = Vec::new();
        self.expr.visit(&mut |operand| {
            if !matches!(operand, Operand::Literal(_)) {
                let name = operand.name();
                if !seen.iter().any(|(other, _)| *other == name) {
                    seen.push((name, operand.show(given)));
                }
            }
        });
        seen
    }
}

bailiwick_types::words! {
    /// How two values are compared, as manifests and SQL write it, but for equality.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Comparison {
        /// `==`
        Equal = "==",
        /// `!=`
        NotEqual = "!=",
        /// `<`
        Less = "<",
        /// `<=`
        LessOrEqual = "<=",
        /// `>`
        Greater = ">",
        /// `>=`
        GreaterOrEqual = ">=",
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operand {
    SubjectId,
    SubjectType,
    SubjectKind,
    ResourceId,
    ResourceType,
    ResourceOwner,
    ResourceScope,
    Attribute(Box<str>),
    Action,
    ActionVerb,
    Parameter(Box<str>),
    Context(Box<str>),
    Now,
    Literal(Value),
}

impl Operand {
    fn name(&self) -> String {
        match self {
            Self::SubjectId => "subject.id".to_owned(),
            Self::SubjectType => "subject.type".to_owned(),
            Self::SubjectKind => "subject.kind".to_owned(),
            Self::ResourceId => "resource.id".to_owned(),
            Self::ResourceType => "resource.type".to_owned(),
            Self::ResourceOwner => "resource.owner".to_owned(),
            Self::ResourceScope => "resource.scope".to_owned(),
            Self::Attribute(name) => format!("resource.attr.{name}"),
            Self::Action => "action".to_owned(),
            Self::ActionVerb => "action.verb".to_owned(),
            Self::Parameter(name) => format!("grant.{name}"),
            Self::Context(name) => format!("context.{name}"),
            Self::Now => "now".to_owned(),
            Self::Literal(_) => "literal".to_owned(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expr {
    Test(Operand),
    Compare(Operand, Comparison, Operand),
    In(Operand, Operand),
    Not(Box<Expr>),
    All(Box<[Expr]>),
    Any(Box<[Expr]>),
}

impl Expr {
    fn nodes(&self) -> u64 {
        match self {
            Self::Test(_) => 1,
            Self::Compare(..) | Self::In(..) => 3,
            Self::Not(inner) => 1 + inner.nodes(),
            Self::All(parts) | Self::Any(parts) => 1 + parts.iter().map(Self::nodes).sum::<u64>(),
        }
    }

    pub(crate) fn visit(&self, seen: &mut impl FnMut(&Operand)) {
        match self {
            Self::Test(a) => seen(a),
            Self::Compare(a, _, b) | Self::In(a, b) => {
                seen(a);
                seen(b);
            }
            Self::Not(inner) => inner.visit(seen),
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.visit(seen)),
        }
    }
}

/// The forms that nearly all conditions have.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fast {
    OwnerIsSubject,
    AttributeIsSubject(Box<str>),
    AttributeInParameter(Box<str>, Box<str>),
    AttributeIsTrue(Box<str>),
}

impl Fast {
    fn of(expr: &Expr) -> Option<Self> {
        match expr {
            Expr::Compare(a, Comparison::Equal, b) => match (a, b) {
                (Operand::ResourceOwner, Operand::SubjectId)
                | (Operand::SubjectId, Operand::ResourceOwner) => Some(Self::OwnerIsSubject),
                (Operand::Attribute(name), Operand::SubjectId)
                | (Operand::SubjectId, Operand::Attribute(name)) => {
                    Some(Self::AttributeIsSubject(name.clone()))
                }
                _ => None,
            },
            Expr::In(Operand::Attribute(name), Operand::Parameter(list)) => {
                Some(Self::AttributeInParameter(name.clone(), list.clone()))
            }
            Expr::Test(Operand::Attribute(name)) => Some(Self::AttributeIsTrue(name.clone())),
            _ => None,
        }
    }

    #[inline]
    fn decide(&self, given: &Circumstances<'_>) -> Option<bool> {
        match self {
            Self::OwnerIsSubject => given.owner().map(|owner| owner == given.subject),
            Self::AttributeIsSubject(name) => match given.attribute(name)? {
                Value::Subject(subject) => Some(subject == given.subject),
                _ => None,
            },
            Self::AttributeInParameter(name, list) => {
                let value = given.attribute(name)?;
                match given.parameters?.get(list)? {
                    // A list of another type is not decided by the slow path either.
                    Value::List(items) if items.iter().all(|item| eval::same_type(item, value)) => {
                        Some(items.contains(value))
                    }
                    _ => None,
                }
            }
            Self::AttributeIsTrue(name) => match given.attribute(name)? {
                Value::Bool(truth) => Some(*truth),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests;
