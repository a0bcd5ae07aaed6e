//! What a step answers, and what it may be expected to.

use std::{collections::BTreeSet, fmt};

use tonic::Code;

/// The kinds of answer, one of which each verb gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expects {
    /// `ok` or a code.
    Outcome,
    /// `allow`, `deny` or `needs-approval`.
    Decision,
    /// A set of names of permissions or resources.
    Names,
    /// A set of scopes that the file declares.
    Scopes,
    /// A set of users that the file declares.
    Users,
    /// A list of workspaces that the file declares.
    Workspaces,
    /// A set of changes, each of the permissions of a user on a scope.
    Changes,
    /// `{limit, used, ending}`.
    Seats,
    /// No answer.
    Nothing,
}

/// What a step answered or is expected to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Ok,
    Code(Code),
    Decision(&'static str),
    Set(BTreeSet<String>),
    List(Vec<String>),
    Seats { limit: u32, used: u32, ending: u32 },
    Nothing,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Code(code) => f.write_str(bailiwick_client::code_name(*code)),
            Self::Decision(decision) => f.write_str(decision),
            Self::Set(items) => write!(
                f,
                "[{}]",
                items.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
            ),
            Self::List(items) => write!(f, "[{}]", items.join(", ")),
            Self::Seats { limit, used, ending } => {
                write!(f, "{{limit: {limit}, used: {used}, ending: {ending}}}")
            }
            Self::Nothing => f.write_str("nothing"),
        }
    }
}

/// The one text of a change of a user's permissions on a scope.
pub(crate) fn change(user: &str, on: &str, mut gains: Vec<String>, mut loses: Vec<String>) -> String {
    gains.sort();
    loses.sort();
    let (gains, loses) = (gains.join(", "), loses.join(", "));
    format!("{{user: {user}, on: {on}, gains: [{gains}], loses: [{loses}]}}")
}
