//! What a step may be expected to answer.

use bailiwick_client::code_of;

use crate::{
    fault::Position,
    model::Answer,
    parse::fields::{Context, Fields, scope_of},
    yaml::{Node, Value},
};

/// The kinds of answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expects {
    /// `ok` or a code.
    Outcome,
    /// `allow`, `deny` or `needs-approval`.
    Decision,
    /// A set of names.
    Names,
    /// A set of scopes that the file declares.
    Scopes,
    /// A set of users that the file declares.
    Users,
    /// A list of workspaces.
    Workspaces,
    /// Who gains or loses what.
    Rows,
    /// `{limit, used, ending}`.
    Seats,
    /// No answer.
    Nothing,
}

/// Reads an expectation. Where an answer is no outcome, a code still may be expected: the call is refused then.
pub(crate) fn read(context: &mut Context, expects: Expects, node: &Node) -> Answer {
    match (&node.value, expects) {
        (_, Expects::Nothing) => {
            context
                .faults
                .add(node.at, "this verb answers nothing: `expect` has no place here");
            Answer::Nothing
        }
        (Value::Text(text), Expects::Decision) => match text.as_str() {
            "allow" => Answer::Decision("allow"),
            "deny" => Answer::Decision("deny"),
            "needs-approval" => Answer::Decision("needs-approval"),
            _ => code(context, node, text, "`allow`, `deny`, `needs-approval` or a code"),
        },
        (Value::Text(text), Expects::Outcome) if text == "ok" => Answer::Ok,
        (Value::Text(text), Expects::Outcome) => code(context, node, text, "`ok` or a code"),
        (Value::Text(text), _) => code(context, node, text, "an answer or a code"),
        (Value::List(items), Expects::Names) => {
            Answer::Set(texts(context, items).into_iter().map(|(t, _)| t).collect())
        }
        (Value::List(items), Expects::Scopes) => {
            let texts = texts(context, items);
            for (text, at) in &texts {
                if scope_of(text).is_none_or(|scope| !context.scopes.contains(&scope)) {
                    context
                        .faults
                        .add(*at, format!("scope `{text}` is declared nowhere in the file"));
                }
            }
            Answer::Set(texts.into_iter().map(|(text, _)| text).collect())
        }
        (Value::List(items), Expects::Users) => {
            let texts = texts(context, items);
            for (text, at) in &texts {
                if !context.users.contains(text) {
                    context
                        .faults
                        .add(*at, format!("user `{text}` is declared nowhere in the file"));
                }
            }
            Answer::Set(texts.into_iter().map(|(text, _)| text).collect())
        }
        (Value::List(items), Expects::Workspaces) => {
            let texts = texts(context, items);
            for (text, at) in &texts {
                if scope_of(&format!("workspace:{text}")).is_none_or(|scope| !context.scopes.contains(&scope))
                {
                    context
                        .faults
                        .add(*at, format!("workspace `{text}` is declared nowhere in the file"));
                }
            }
            Answer::List(texts.into_iter().map(|(text, _)| text).collect())
        }
        (Value::List(items), Expects::Rows) => {
            Answer::Rows(items.iter().map(|item| row(context, item)).collect())
        }
        (Value::Map(_), Expects::Seats) => {
            let mut fields = Fields::of(context, "`expect`", node);
            let mut number = |name| {
                fields.need(name);
                fields.number(name).unwrap_or_default()
            };
            let (limit, used, ending) = (number("limit"), number("used"), number("ending"));
            fields.finish();
            Answer::Seats { limit, used, ending }
        }
        _ => {
            let wanted = match expects {
                Expects::Decision => "`allow`, `deny` or `needs-approval`",
                Expects::Outcome => "`ok` or a code",
                Expects::Seats => "a map of `limit`, `used` and `ending`",
                _ => "a list",
            };
            context.faults.add(
                node.at,
                format!("`expect` must be {wanted} here, not {}", node.kind()),
            );
            Answer::Nothing
        }
    }
}

fn code(context: &mut Context, node: &Node, text: &str, wanted: &str) -> Answer {
    match code_of(text).filter(|_| text != "OK") {
        Some(code) => Answer::Code(code),
        None => {
            context
                .faults
                .add(node.at, format!("`expect` must be {wanted}, not `{text}`"));
            Answer::Nothing
        }
    }
}

fn texts(context: &mut Context, items: &[Node]) -> Vec<(String, Position)> {
    let mut texts = Vec::new();
    for item in items {
        match &item.value {
            Value::Text(text) => texts.push((text.clone(), item.at)),
            _ => context
                .faults
                .add(item.at, format!("must be text, not {}", item.kind())),
        }
    }
    texts
}

fn row(context: &mut Context, node: &Node) -> String {
    let mut fields = Fields::of(context, "a row", node);
    let user = fields.need_user("user");
    let on = fields.need_scope("on");
    let gains = fields.texts("gains").unwrap_or_default();
    let loses = fields.texts("loses").unwrap_or_default();
    fields.finish();
    crate::model::row(&user, &on.to_string(), gains, loses)
}
