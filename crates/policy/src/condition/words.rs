//! Conditions in words, for the people who have a role.

use super::{Comparison, Condition, Expr, Operand};
use crate::value::Value;

impl Condition {
    /// Says the condition in words that end a sentence which begins with `if`: for people who have the role,
    /// not for those who write manifests.
    #[must_use]
    pub fn words(&self) -> String {
        say(&self.expr, false)
    }
}

fn say(expr: &Expr, nested: bool) -> String {
    match expr {
        Expr::Test(operand) => match operand {
            Operand::Attribute(name) => format!("it is {}", plain(name)),
            other => format!("{} is true", name(other)),
        },
        Expr::Not(inner) => match &**inner {
            Expr::Test(Operand::Attribute(name)) => format!("it is not {}", plain(name)),
            inner => format!("it is not so that {}", say(inner, true)),
        },
        Expr::Compare(a, comparison, b) => compare(a, *comparison, b),
        Expr::In(item, list) => format!("{} is one of {}", name(item), list_of(list)),
        Expr::All(parts) => join(parts, " and ", nested),
        Expr::Any(parts) => join(parts, " or ", nested),
    }
}

fn join(parts: &[Expr], word: &str, nested: bool) -> String {
    let said: Vec<String> = parts.iter().map(|part| say(part, true)).collect();
    let all = said.join(word);
    if nested { format!("({all})") } else { all }
}

fn compare(a: &Operand, comparison: Comparison, b: &Operand) -> String {
    let (a, b, comparison) = if *a == Operand::SubjectId {
        (b, a, comparison.turned())
    } else {
        (a, b, comparison)
    };
    match (a, comparison, b) {
        (Operand::ResourceOwner, Comparison::Equal, Operand::SubjectId) => "one owns it".to_owned(),
        (Operand::ResourceOwner, Comparison::NotEqual, Operand::SubjectId) => {
            "somebody else owns it".to_owned()
        }
        (Operand::Attribute(of), Comparison::Equal, Operand::SubjectId) => {
            format!("one is its {}", plain(of))
        }
        (Operand::Attribute(of), Comparison::NotEqual, Operand::SubjectId) => {
            format!("somebody else is its {}", plain(of))
        }
        _ => format!("{} {} {}", name(a), verb(comparison, b), name(b)),
    }
}

impl Comparison {
    /// The same with its sides exchanged.
    fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same @ (Self::Equal | Self::NotEqual) => same,
        }
    }
}

fn verb(comparison: Comparison, than: &Operand) -> &'static str {
    let time = matches!(than, Operand::Now | Operand::Literal(Value::Time(_)));
    match comparison {
        Comparison::Equal => "is",
        Comparison::NotEqual => "is not",
        Comparison::Less if time => "is before",
        Comparison::Less => "is less than",
        Comparison::LessOrEqual if time => "is not after",
        Comparison::LessOrEqual => "is at most",
        Comparison::Greater if time => "is after",
        Comparison::Greater => "is more than",
        Comparison::GreaterOrEqual if time => "is not before",
        Comparison::GreaterOrEqual => "is at least",
    }
}

/// `_` is a blank to those who write names, not to those who read sentences.
fn plain(name: &str) -> String {
    name.replace('_', " ")
}

fn name(operand: &Operand) -> String {
    match operand {
        Operand::SubjectId => "oneself".to_owned(),
        Operand::SubjectType => "the type of who asks".to_owned(),
        Operand::SubjectKind => "one's kind of membership".to_owned(),
        Operand::ResourceId => "its id".to_owned(),
        Operand::ResourceType => "its type".to_owned(),
        Operand::ResourceOwner => "its owner".to_owned(),
        Operand::ResourceScope => "the place where it lies".to_owned(),
        Operand::Attribute(of) => format!("its {}", plain(of)),
        Operand::Action => "the permission".to_owned(),
        Operand::ActionVerb => "what is done".to_owned(),
        Operand::Parameter(of) => format!("the {} that came with the role", plain(of)),
        Operand::Context(of) => format!("the {} of the request", plain(of)),
        Operand::Now => "the present time".to_owned(),
        Operand::Literal(value) => literal(value),
    }
}

fn list_of(operand: &Operand) -> String {
    match operand {
        Operand::Literal(Value::List(items)) => items.iter().map(literal).collect::<Vec<_>>().join(", "),
        other => name(other),
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Bool(truth) => if *truth { "yes" } else { "no" }.to_owned(),
        Value::Text(text) => format!("`{text}`"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Numbers, compile, manifest::parse};

    fn words(source: &str) -> String {
        let manifest = "product: notes\ntypes: {note: {verbs: [view], attributes: {assignee: {type: subject}, \
            public: {type: bool}, size: {type: int}, due: {type: timestamp}, sender_domain: {type: string}}}}";
        let (product, _) = compile(&parse(manifest).unwrap(), Numbers::default()).unwrap();
        let note = product.type_no("note").unwrap();
        Condition::compile(source, &product.condition_types([note]))
            .unwrap()
            .words()
    }

    #[test]
    fn a_condition_is_said_in_words() {
        let cases = [
            ("resource.owner == subject.id", "one owns it"),
            ("subject.id == resource.attr.assignee", "one is its assignee"),
            (
                "resource.attr.assignee != subject.id",
                "somebody else is its assignee",
            ),
            ("resource.attr.public", "it is public"),
            ("!resource.attr.public", "it is not public"),
            (
                "resource.attr.sender_domain in grant.sender_domains",
                "its sender domain is one of the sender domains that came with the role",
            ),
            (
                "resource.attr.sender_domain in ['a.example', 'b.example']",
                "its sender domain is one of `a.example`, `b.example`",
            ),
            (
                "resource.attr.size < 7 && (resource.attr.public || resource.attr.due > now)",
                "its size is less than 7 and (it is public or its due is after the present time)",
            ),
        ];
        for (source, expected) in cases {
            assert_eq!(words(source), expected, "{source}");
        }
    }
}
