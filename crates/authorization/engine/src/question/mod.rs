//! Questions, and their answers.

mod batch;
mod candidates;
mod decide;
mod explain;
mod matrix;
mod plan;
mod prepare;
mod scopes;
mod visible;

use bailiwick_policy::{
    Audience, Decision, Explanation, Member, Outcome, PlaceId, PlaceState, Reason, ValueFault,
};
use bailiwick_types::{Scope, Subject};
use serde_json::{Map, Value as Json};

use crate::{AccountRead, Replica, ReplicaError, account::AccountView};

pub use candidates::{ResourcePage, ResourceQuestion};
pub(crate) use decide::answer_one;
pub use matrix::Names;
pub use plan::{Planned, PlannedAlternative};
pub(crate) use prepare::{Party, Prepared, ResolvedTarget, Sets, effective_sets, resolve_target};
pub use visible::VisiblePage;

/// The target of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetText<'a> {
    /// An account, instance or workspace.
    Place(PlaceId),
    /// A resource.
    Resource {
        /// Its type.
        type_name: &'a str,
        /// Its id.
        id: &'a str,
        /// Both: `TYPE:ID`.
        text: &'a str,
    },
}

impl<'a> TargetText<'a> {
    /// Parses a target.
    ///
    /// # Errors
    /// It is neither a scope of an account nor `TYPE:ID`.
    pub fn parse(text: &'a str) -> Result<Self, &'static str> {
        const RULE: &str = "must be `account:ID`, `instance:ID`, `workspace:ID` or `TYPE:ID` of a resource";
        let (type_name, id) = text.split_once(':').ok_or(RULE)?;
        match type_name {
            "account" | "instance" | "workspace" => {
                let scope: Scope = text.parse().map_err(|_| RULE)?;
                Ok(Self::Place(PlaceId::from(&scope)))
            }
            _ => {
                let word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
                let good = (1..=63).contains(&type_name.len())
                    && type_name.bytes().all(word)
                    && bailiwick_types::is_foreign_id(id);
                if good {
                    Ok(Self::Resource { type_name, id, text })
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
    /// Who missing to act.
    pub subject: &'a Subject,
    /// Who acts for the subject: both must be allowed.
    pub actor: Option<&'a Subject>,
    /// `TYPE.VERB`.
    pub permission: &'a str,
    /// What it is asked on.
    pub target: TargetText<'a>,
    /// Attributes and context that the caller sends.
    pub attributes: Option<&'a Map<String, Json>>,
    /// The digest of the content that an approval may be bound to.
    pub digest: Option<&'a str>,
    /// Whether the suite or a product asks.
    pub audience: Audience,
}

/// Why a question does not fit the manifest; the number is that of the question in its batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// The product has no such permission; with a suggestion.
    #[error("permission `{1}` is not declared by the product{2}")]
    UnknownPermission(usize, String, String),
    /// The permission cannot be asked on resources of the type.
    #[error("{0}")]
    Type(String),
    /// Attributes have other types than declared.
    #[error("attributes do not fit the manifest")]
    Attributes(usize, Vec<ValueFault>),
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Allow, deny, or needs approval.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// Whether the target is a scope.
    pub on_scope: bool,
    /// Whether it is the actor who is denied.
    pub actor: bool,
}

impl Answer {
    /// Joins the decisions on subject and actor: both must be allowed.
    fn new(own: Decision, actor: impl FnOnce() -> Option<Decision>, on_scope: bool) -> Self {
        let answer = |outcome, reason, actor| Self {
            outcome,
            reason,
            on_scope,
            actor,
        };
        if own.outcome != Outcome::Deny
            && let Some(actor) = actor().filter(|actor| !actor.is_allow())
        {
            return answer(Outcome::Deny, actor.reason, true);
        }
        answer(own.outcome, own.reason, false)
    }
}

/// An answer with the account's revision at which it is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided<T> {
    /// The answer.
    pub answer: T,
    /// The account's revision.
    pub revision: u64,
}

impl Replica {
    /// Makes an answer about an account, with the revision at which it is valid.
    async fn decided<T: Send>(
        &self,
        read: &AccountRead,
        depends: &[&Subject],
        answer: &(impl Fn(&mut AccountView<'_>) -> Option<T> + Sync),
    ) -> Result<Decided<T>, ReplicaError> {
        let (answer, at) = self.answer(&self.demand(read, depends), answer).await?;
        Ok(Decided {
            answer,
            revision: at.account,
        })
    }
}

/// An answer with its explanation.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The subject's decision with its steps, the nearest first.
    pub explanation: Explanation,
    /// The same for the actor.
    pub actor: Option<Explanation>,
    /// Whether the target is a scope.
    pub on_scope: bool,
    /// The subject's membership, where it has one.
    pub member: Option<Member>,
    /// The same for the actor.
    pub actor_member: Option<Member>,
    /// The scopes of the target, the account last.
    pub path: Vec<(Scope, PlaceState)>,
}

impl Explained {
    /// The answer.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let actor = || self.actor.as_ref().map(|actor| actor.decision);
        Answer::new(self.explanation.decision, actor, self.on_scope)
    }
}
