//! What replicas are asked and say.

use bailiwick_authorization_engine::{
    AccountRead, Planned, PlannedAlternative, Question, Replica, ReplicaError, ResourceQuestion, TargetText,
};
use bailiwick_policy::{AccountColumn, Audience, Outcome};
use bailiwick_types::{AccountId, Subject};

use crate::model::{State, questions};

/// What a replica said.
#[derive(Debug)]
pub(crate) enum Said {
    /// To all questions.
    Decisions(Vec<bool>),
    /// Which notes somebody sees.
    Listed(Subject, Vec<String>),
    /// By which predicate somebody sees notes.
    Planned(Subject, Box<Planned>),
}

impl Said {
    pub(crate) fn is_true(&self, state: &State, account: AccountId) -> bool {
        match self {
            Self::Decisions(got) => state.answers(account) == *got,
            Self::Listed(user, ids) => state.seen(account, user) == *ids,
            Self::Planned(user, plan) => {
                let named = |scopes: &[String], note: &str| {
                    let around = state.around(account, note);
                    scopes.iter().any(|scope| around.contains(scope))
                };
                let covers = |of: &PlannedAlternative, note: &str| {
                    let name = format!("note:{note}");
                    (of.scopes.is_empty() || named(&of.scopes, note))
                        && !named(&of.except_scopes, note)
                        && (of.resources.is_empty() || of.resources.contains(&name))
                        && of.exact.as_ref().is_none_or(|exact| exact.contains(&name))
                };
                let mut notes = state.notes_after(account, "", usize::MAX).into_iter();
                let seen = state.seen(account, user);
                notes.all(|note| {
                    let allowed = plan.all || plan.alternatives.iter().any(|of| covers(of, &note));
                    allowed == seen.iter().any(|id| **id == *note)
                })
            }
        }
    }
}

pub(crate) async fn decided(replica: &Replica, read: &AccountRead) -> Result<(Said, u64), ReplicaError> {
    let asked = questions(read.account);
    let questions = asked.iter().map(|(subject, permission, target)| Question {
        subject,
        actor: None,
        permission,
        target: TargetText::parse(target).unwrap(),
        attributes: None,
        digest: None,
        audience: Audience::Product,
    });
    let items: Vec<Question<'_>> = questions.collect();
    let decided = replica.decide_all(read, &items).await?;
    let answers = decided.answer.unwrap();
    let allowed = answers.iter().map(|answer| answer.outcome == Outcome::Allow);
    Ok((Said::Decisions(allowed.collect()), decided.revision))
}

pub(crate) fn notes(user: &Subject) -> ResourceQuestion<'_> {
    ResourceQuestion {
        subject: user,
        permission: "note.view",
        type_name: "note",
        attributes: None,
    }
}

pub(crate) async fn listed(
    replica: &Replica,
    read: &AccountRead,
    user: Subject,
) -> Result<(Said, u64), ReplicaError> {
    let page = replica.resources(read, &notes(&user), None, 10).await?.unwrap();
    assert_eq!(page.next, None);
    let ids = page.ids.iter().map(ToString::to_string).collect();
    Ok((Said::Listed(user, ids), page.revision))
}

pub(crate) async fn planned(
    replica: &Replica,
    read: &AccountRead,
    user: Subject,
) -> Result<(Said, u64), ReplicaError> {
    let plan = replica
        .plan(read, &notes(&user), &AccountColumn::default())
        .await?
        .unwrap()
        .unwrap();
    let revision = plan.revision;
    Ok((Said::Planned(user, Box::new(plan)), revision))
}
