//! From a tree to a typed expression: every name is declared, every comparison is between equal types.

use std::collections::BTreeMap;

use bailiwick_types::Timestamp;

use super::{
    Comparison, ConditionError, Expr, Operand,
    lex::fault,
    parse::{Node, Tree},
};
use crate::{
    ids::subject_of,
    value::{Value, ValueType},
};

/// What an expression may look at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Types<'a> {
    /// Attributes by name; `Err` names two types that disagree.
    pub(crate) attributes: BTreeMap<&'a str, Result<ValueType, (ValueType, ValueType)>>,
    /// What a caller may say about the circumstances.
    pub(crate) context: BTreeMap<&'a str, ValueType>,
    /// Declared parameters; the types of others follow from their use.
    pub(crate) parameters: BTreeMap<&'a str, ValueType>,
}

impl<'a> Types<'a> {
    /// Declares an attribute; two declarations have to agree where it is used.
    pub(crate) fn attribute(&mut self, name: &'a str, kind: ValueType) {
        self.attributes
            .entry(name)
            .and_modify(|known| {
                if let Ok(other) = *known
                    && other != kind
                {
                    *known = Err((other, kind));
                }
            })
            .or_insert(Ok(kind));
    }
}

type Parameters = BTreeMap<Box<str>, ValueType>;

pub(super) fn check(tree: &Tree, types: &Types<'_>) -> Result<(Expr, Parameters), ConditionError> {
    let mut checker = Checker {
        types,
        parameters: BTreeMap::new(),
    };
    let expr = checker.truth(tree)?;
    Ok((expr, checker.parameters))
}

struct Checker<'a> {
    types: &'a Types<'a>,
    parameters: Parameters,
}

/// An operand with what is known of its type: parameters and literals take theirs from the other side.
struct Side {
    at: usize,
    operand: Operand,
    kind: Option<ValueType>,
}

impl Checker<'_> {
    fn truth(&mut self, tree: &Tree) -> Result<Expr, ConditionError> {
        match &tree.node {
            Node::Not(inner) => Ok(Expr::Not(Box::new(self.truth(inner)?))),
            Node::All(parts) => Ok(Expr::All(self.truths(parts)?)),
            Node::Any(parts) => Ok(Expr::Any(self.truths(parts)?)),
            Node::Compare(left, comparison, right) => self.compare(left, *comparison, right),
            Node::In(item, list) => self.member(item, list),
            Node::Path(_) => {
                let side = self.side(tree)?;
                let operand = self.settle(side, ValueType::Bool)?;
                Ok(Expr::Test(operand))
            }
            Node::Int(_) | Node::Text(_) | Node::List(_) => Err(fault(
                tree.at,
                "a condition has to be true or false; this is a value",
            )),
        }
    }

    fn truths(&mut self, parts: &[Tree]) -> Result<Box<[Expr]>, ConditionError> {
        parts.iter().map(|part| self.truth(part)).collect()
    }

    fn compare(&mut self, left: &Tree, comparison: Comparison, right: &Tree) -> Result<Expr, ConditionError> {
        let (left, right) = (self.side(left)?, self.side(right)?);
        let kind = match (left.kind, right.kind) {
            (Some(kind), _) if !is_open(&left) => kind,
            (_, Some(kind)) if !is_open(&right) => kind,
            (Some(kind), _) | (None, Some(kind)) => kind,
            (None, None) => {
                return Err(fault(
                    left.at,
                    "neither side of the comparison has a declared type",
                ));
            }
        };
        let ordered = matches!(kind, ValueType::Int | ValueType::Timestamp);
        if !matches!(comparison, Comparison::Equal | Comparison::NotEqual) && !ordered {
            let message = format!(
                "`<` and `>` compare numbers and instants, not values of type `{}`",
                kind.as_str()
            );
            return Err(fault(left.at, message));
        }
        if kind.element().is_some() {
            return Err(fault(left.at, "lists are not compared; use `in`"));
        }
        Ok(Expr::Compare(
            self.settle(left, kind)?,
            comparison,
            self.settle(right, kind)?,
        ))
    }

    fn member(&mut self, item: &Tree, list: &Tree) -> Result<Expr, ConditionError> {
        let item = self.side(item)?;
        let list = self.side(list)?;
        let declared = if is_open(&item) { None } else { item.kind };
        let of_list = || match (&list.operand, list.kind) {
            (_, Some(kind)) => kind.element(),
            _ => None,
        };
        let Some(kind) = declared.or_else(of_list).or(item.kind) else {
            return Err(fault(
                item.at,
                "neither the value nor the list has a declared type",
            ));
        };
        let Some(list_kind) = kind.list() else {
            let message = format!("there are no lists of values of type `{}`", kind.as_str());
            return Err(fault(list.at, message));
        };
        Ok(Expr::In(self.settle(item, kind)?, self.settle(list, list_kind)?))
    }

    fn side(&mut self, tree: &Tree) -> Result<Side, ConditionError> {
        let at = tree.at;
        let (operand, kind) = match &tree.node {
            Node::Int(n) => (Operand::Literal(Value::Int(*n)), Some(ValueType::Int)),
            Node::Text(text) => (
                Operand::Literal(Value::Text(text.as_str().into())),
                Some(ValueType::String),
            ),
            Node::List(items) => self.list(at, items)?,
            Node::Path(path) => self.path(at, path)?,
            _ => {
                return Err(fault(
                    at,
                    "truth values are joined with `&&`, `||` and `!`, not compared",
                ));
            }
        };
        Ok(Side { at, operand, kind })
    }

    fn list(&mut self, at: usize, items: &[Tree]) -> Result<(Operand, Option<ValueType>), ConditionError> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match self.side(item)?.operand {
                Operand::Literal(value @ (Value::Int(_) | Value::Text(_))) => values.push(value),
                _ => return Err(fault(item.at, "a written list holds texts or numbers")),
            }
        }
        let kind = match values.first() {
            None => return Err(fault(at, "the list is empty")),
            Some(Value::Int(_)) => ValueType::IntList,
            Some(_) => ValueType::StringList,
        };
        let value = Value::List(values.into());
        if value.is(kind) {
            Ok((Operand::Literal(value), Some(kind)))
        } else {
            Err(fault(at, "a written list holds values of one type"))
        }
    }

    fn path(&self, at: usize, path: &str) -> Result<(Operand, Option<ValueType>), ConditionError> {
        let known = |operand, kind| Ok((operand, Some(kind)));
        match path {
            "true" => return known(Operand::Literal(Value::Bool(true)), ValueType::Bool),
            "false" => return known(Operand::Literal(Value::Bool(false)), ValueType::Bool),
            "now" => return known(Operand::Now, ValueType::Timestamp),
            "subject.id" => return known(Operand::SubjectId, ValueType::Subject),
            "subject.type" => return known(Operand::SubjectType, ValueType::String),
            "subject.kind" => return known(Operand::SubjectKind, ValueType::String),
            "resource.id" => return known(Operand::ResourceId, ValueType::String),
            "resource.type" => return known(Operand::ResourceType, ValueType::String),
            "resource.owner" => return known(Operand::ResourceOwner, ValueType::Subject),
            "resource.scope" => return known(Operand::ResourceScope, ValueType::Scope),
            "action" => return known(Operand::Action, ValueType::String),
            "action.verb" => return known(Operand::ActionVerb, ValueType::String),
            _ => {}
        }
        if let Some(name) = path.strip_prefix("resource.attr.") {
            return match self.types.attributes.get(name) {
                Some(Ok(kind)) => known(Operand::Attribute(name.into()), *kind),
                Some(Err((a, b))) => {
                    let message = format!(
                        "attribute `{name}` is of type `{}` and of type `{}`",
                        a.as_str(),
                        b.as_str()
                    );
                    Err(fault(at, message))
                }
                None => Err(fault(
                    at,
                    format!("attribute `{name}` is not declared by the types of this entry"),
                )),
            };
        }
        if let Some(name) = path.strip_prefix("context.") {
            return match self.types.context.get(name) {
                Some(kind) => known(Operand::Context(name.into()), *kind),
                None => Err(fault(
                    at,
                    format!("`context.{name}` is not declared under `context`"),
                )),
            };
        }
        match path.strip_prefix("grant.") {
            Some(name) if !name.is_empty() && !name.contains('.') => Ok((
                Operand::Parameter(name.into()),
                self.types
                    .parameters
                    .get(name)
                    .or_else(|| self.parameters.get(name))
                    .copied(),
            )),
            _ => Err(fault(at, format!("`{path}` is not known in conditions"))),
        }
    }

    /// Gives the operand the type that the comparison asks of it.
    fn settle(&mut self, side: Side, kind: ValueType) -> Result<Operand, ConditionError> {
        let wrong = |found: ValueType| {
            let message = format!(
                "expected a value of type `{}`, this is of type `{}`",
                kind.as_str(),
                found.as_str()
            );
            fault(side.at, message)
        };
        match side.operand {
            Operand::Parameter(name) => {
                let declared = self.types.parameters.get(&*name).copied();
                let known = *self
                    .parameters
                    .entry(name.clone())
                    .or_insert(declared.unwrap_or(kind));
                if known == kind {
                    Ok(Operand::Parameter(name))
                } else {
                    Err(wrong(known))
                }
            }
            Operand::Literal(value) => match convert(value, kind) {
                Some(value) => Ok(Operand::Literal(value)),
                None => Err(wrong(side.kind.unwrap_or(kind))),
            },
            operand => match side.kind {
                Some(found) if found != kind => Err(wrong(found)),
                _ => Ok(operand),
            },
        }
    }
}

/// Whether the side's type may still follow the other's.
fn is_open(side: &Side) -> bool {
    matches!(
        side.operand,
        Operand::Literal(Value::Text(_)) | Operand::Parameter(_)
    )
}

/// Texts are written for subjects, instants and scopes too.
fn convert(value: Value, kind: ValueType) -> Option<Value> {
    if value.is(kind) {
        return Some(value);
    }
    match (value, kind) {
        (Value::Text(text), ValueType::Subject) => subject_of(&text).map(Value::Subject),
        (Value::Text(text), ValueType::Timestamp) => Timestamp::parse(&text).ok().map(Value::Time),
        (Value::Text(text), ValueType::Scope) => {
            ValueType::Scope.read(&serde_json::Value::String(text.into()))
        }
        (Value::List(items), kind) => {
            let element = kind.element()?;
            let items: Option<Box<[Value]>> = items.into_iter().map(|item| convert(item, element)).collect();
            items.map(Value::List)
        }
        _ => None,
    }
}
