//! What is to be true of a resource, in the language of manifests.

use super::{Field, FieldName, Inexpressible, Predicate, Term};
use crate::{
    Level,
    condition::Comparison,
    value::{Value, ValueType},
};

/// Writes a predicate as a condition of the manifest's language.
///
/// # Errors
/// A text holds both kinds of quotes, or a backslash: the language has no escapes.
pub fn condition_text(predicate: &Predicate) -> Result<String, Inexpressible> {
    write(predicate, false)
}

fn write(predicate: &Predicate, inner: bool) -> Result<String, Inexpressible> {
    Ok(match predicate {
        Predicate::Is(field, true) => name(field),
        Predicate::Is(field, false) => format!("!{}", name(field)),
        Predicate::Compare(field, comparison, term) => {
            format!("{} {} {}", name(field), comparison.as_str(), side(term)?)
        }
        // The language has no empty lists: what is there is not in one.
        Predicate::In(field, items, false) if items.is_empty() => present(field),
        Predicate::In(field, items, wanted) => {
            let items: Result<Vec<String>, _> = items.iter().map(value).collect();
            negated(&format!("{} in [{}]", name(field), items?.join(", ")), *wanted)
        }
        Predicate::Contains(list, item, wanted) => {
            negated(&format!("{} in {}", side(item)?, name(list)), *wanted)
        }
        Predicate::All(parts) => joined(parts, " && ", inner)?,
        Predicate::Any(parts) => joined(parts, " || ", inner)?,
    })
}

fn present(field: &Field) -> String {
    let name = name(field);
    match field.kind {
        ValueType::Bool => format!("({name} || !{name})"),
        _ => format!("{name} {} {name}", Comparison::Equal.as_str()),
    }
}

fn negated(text: &str, wanted: bool) -> String {
    if wanted {
        text.to_owned()
    } else {
        format!("!({text})")
    }
}

fn joined(parts: &[Predicate], with: &str, inner: bool) -> Result<String, Inexpressible> {
    let texts: Result<Vec<String>, _> = parts.iter().map(|part| write(part, true)).collect();
    let text = texts?.join(with);
    Ok(if inner { format!("({text})") } else { text })
}

fn name(field: &Field) -> String {
    match &field.name {
        FieldName::Id => "resource.id".to_owned(),
        FieldName::Owner => "resource.owner".to_owned(),
        FieldName::Scope => "resource.scope".to_owned(),
        FieldName::Attribute(name) => format!("resource.attr.{name}"),
    }
}

fn side(term: &Term) -> Result<String, Inexpressible> {
    match term {
        Term::Value(of) => value(of),
        Term::Field(field) => Ok(name(field)),
    }
}

fn value(of: &Value) -> Result<String, Inexpressible> {
    match of {
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Int(number) => Ok(number.to_string()),
        Value::Text(text) => quoted(text),
        Value::Subject(subject) => quoted(subject.as_str()),
        Value::Time(at) => quoted(&at.to_string()),
        // Places are told apart by their ids, whatever their level.
        Value::Place(place) => {
            let scope = place.to_scope(Level::Workspace).map(|scope| scope.to_string());
            quoted(&scope.unwrap_or_default())
        }
        Value::List(items) => {
            let items: Result<Vec<String>, _> = items.iter().map(value).collect();
            Ok(format!("[{}]", items?.join(", ")))
        }
    }
}

fn quoted(text: &str) -> Result<String, Inexpressible> {
    let quote = if text.contains('"') { '\'' } else { '"' };
    if text.contains('\\') || text.contains(quote) {
        return Err(Inexpressible(
            "a text with a backslash, or with both kinds of quotes, cannot be written in a condition"
                .to_owned(),
        ));
    }
    Ok(format!("{quote}{text}{quote}"))
}
