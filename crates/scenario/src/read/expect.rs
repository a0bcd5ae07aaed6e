//! Reads what a step is expected to answer.

use std::fmt;

use bailiwick_client::{code_name, code_of};
use bailiwick_policy::manifest::yaml::{Kind, Node};
use tonic::Code;

use crate::{
    answer::{Answer, Expects, change},
    read::{
        fields::{Context, did_you_mean},
        values::{FromNode, Scope, UserName, WorkspaceName},
    },
};

const KEY: &str = "expect";

/// Reads the expectation of a verb. A code may be expected of each verb: the call is refused then.
pub(crate) fn read(context: &mut Context, expects: Expects, node: &Node) -> Option<Answer> {
    let set = |texts: Vec<String>| Answer::Set(texts.into_iter().collect());
    Some(match (expects, &node.kind) {
        (Expects::Nothing, _) => {
            context.fault(node.at, "this verb answers nothing: remove `expect`");
            return None;
        }
        (_, Kind::Text(text)) => return word(context, expects, node, text),
        (Expects::Decision | Expects::Outcome, kind) => {
            return word(context, expects, node, &kind.to_string());
        }
        (Expects::Names, _) => set(Vec::from_node(context, KEY, node)?),
        (Expects::Scopes, _) => set(texts::<Scope>(context, node)?),
        (Expects::Users, _) => set(texts::<UserName>(context, node)?),
        (Expects::Changes, _) => set(texts::<Change>(context, node)?),
        (Expects::Workspaces, _) => Answer::List(texts::<WorkspaceName>(context, node)?),
        (Expects::Seats, _) => context.map(format!("`{KEY}`"), node, |fields| Answer::Seats {
            limit: fields.need("limit"),
            used: fields.need("used"),
            ending: fields.need("ending"),
        }),
    })
}

fn word(context: &mut Context, expects: Expects, node: &Node, text: &str) -> Option<Answer> {
    let (words, wanted): (&[_], _) = match expects {
        Expects::Decision => (
            &["allow", "deny", "needs-approval"],
            "`allow`, `deny`, `needs-approval` or a code",
        ),
        Expects::Outcome => (&["ok"], "`ok` or a code"),
        Expects::Seats => (&[], "a map or a code"),
        _ => (&[], "a list or a code"),
    };
    match words.iter().find(|word| **word == text) {
        Some(&"ok") => return Some(Answer::Ok),
        Some(decision) => return Some(Answer::Decision(decision)),
        None => {}
    }
    let code = code_of(text).filter(|code| *code != Code::Ok);
    if code.is_none() {
        let codes = (1..=16).map(|code| code_name(Code::from_i32(code)));
        let hint = did_you_mean(text, words.iter().copied().chain(codes)).unwrap_or_default();
        context.fault(node.at, format!("`{KEY}` must be {wanted}, not `{text}`{hint}"));
    }
    code.map(Answer::Code)
}

/// Reads a list and gives the text of each item.
fn texts<T: FromNode + ToString>(context: &mut Context, node: &Node) -> Option<Vec<String>> {
    let items: Vec<T> = Vec::from_node(context, KEY, node)?;
    Some(items.iter().map(T::to_string).collect())
}

/// A change of a user's permissions.
struct Change(String);

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromNode for Change {
    fn from_node(context: &mut Context, _: &str, node: &Node) -> Option<Self> {
        Some(context.map("an expected change", node, |fields| {
            let (user, on): (UserName, Scope) = (fields.need("user"), fields.need("on"));
            let gains = fields.get("gains").unwrap_or_default();
            let loses = fields.get("loses").unwrap_or_default();
            Self(change(&user, &on.to_string(), gains, loses))
        }))
    }
}
