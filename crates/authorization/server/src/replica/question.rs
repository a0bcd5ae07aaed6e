//! Questions, and what they are answered with.

use bailiwick_policy::{Audience, Explanation, Member, Outcome, PlaceId, PlaceState, Reason, ValueFault};
use bailiwick_types::{Scope, Subject};
use serde_json::{Map, Value as Json};

/// What a question is asked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetText<'a> {
    /// An account, instance or workspace.
    Place(PlaceId),
    /// A resource.
    Resource {
        /// Its type.
        of: &'a str,
        /// Its id.
        id: &'a str,
        /// Both: `TYPE:ID`.
        text: &'a str,
    },
}

impl<'a> TargetText<'a> {
    /// Reads a target.
    ///
    /// # Errors
    /// It is neither a scope of an account nor `TYPE:ID`.
    pub fn parse(text: &'a str) -> Result<Self, &'static str> {
        const RULE: &str = "must be `account:ID`, `instance:ID`, `workspace:ID` or `TYPE:ID` of a resource";
        let (of, id) = text.split_once(':').ok_or(RULE)?;
        match of {
            "account" | "instance" | "workspace" => {
                let scope: Scope = text.parse().map_err(|_| RULE)?;
                Ok(Self::Place(PlaceId::from(&scope)))
            }
            _ => {
                let word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
                let good =
                    (1..=63).contains(&of.len()) && of.bytes().all(word) && (1..=256).contains(&id.len());
                if good && !id.chars().any(char::is_control) {
                    Ok(Self::Resource { of, id, text })
                } else {
                    Err(RULE)
                }
            }
        }
    }
}

/// A question about one account.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Who wants to act.
    pub subject: &'a Subject,
    /// Who acts for the subject: both must be allowed.
    pub actor: Option<&'a Subject>,
    /// `TYPE.VERB`.
    pub permission: &'a str,
    /// What it is asked on.
    pub target: TargetText<'a>,
    /// What the caller says beside.
    pub attributes: Option<&'a Map<String, Json>>,
    /// The digest of the content that an approval may be bound to.
    pub digest: Option<&'a str>,
    /// For whom it is decided.
    pub audience: Audience,
}

/// Many questions about one account, answered at one W.
#[derive(Debug, Clone, Copy)]
pub struct BatchQuestion<'a> {
    /// The questions.
    pub items: &'a [Question<'a>],
}

/// Why a question does not fit the manifest; the number is that of the question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// The product has no such permission; with a suggestion.
    #[error("permission `{1}` is not one of the product{2}")]
    UnknownPermission(usize, String, String),
    /// The permission is not asked on resources of the type.
    #[error("{0}")]
    Type(String),
    /// Attributes are of another type than declared.
    #[error("attributes do not fit the manifest")]
    Attributes(usize, Vec<ValueFault>),
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Yes, no, or once somebody approves.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// Whether it was asked on a scope.
    pub on_scope: bool,
    /// Whether it is the actor who may not.
    pub actor: bool,
}

/// An answer with the account's revision at which it is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided<T> {
    /// The answer.
    pub answer: T,
    /// The account's revision.
    pub revision: u64,
}

impl Explained {
    /// The answer: both must be allowed where somebody acts for the subject.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let own = self.explanation.decision;
        let answer = |outcome, reason, actor| Answer {
            outcome,
            reason,
            on_scope: self.on_scope,
            actor,
        };
        match &self.actor {
            Some(actor) if own.outcome != Outcome::Deny && !actor.decision.is_allow() => {
                answer(Outcome::Deny, actor.decision.reason, true)
            }
            _ => answer(own.outcome, own.reason, false),
        }
    }
}

/// An answer with what was looked at.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The decision with its steps, the nearest first.
    pub explanation: Explanation,
    /// The same for who acts for the subject, where somebody does.
    pub actor: Option<Explanation>,
    /// Whether it was asked on a scope.
    pub on_scope: bool,
    /// The subject's membership, where it has one.
    pub member: Option<Member>,
    /// The same of who acts for it.
    pub actor_member: Option<Member>,
    /// The scopes of the target, the account last.
    pub path: Vec<(Scope, PlaceState)>,
}
