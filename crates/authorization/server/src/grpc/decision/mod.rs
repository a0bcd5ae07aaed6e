//! `DecisionService`: *may this subject do this, here, now?*

mod batch_check;
mod check;
mod explain;
mod explanation;

use std::sync::Arc;

use bailiwick_authorization_engine::{Question, Replica, TargetText};
use bailiwick_policy::Audience;
use bailiwick_proto::authorization::v1::{self as pb, decision_service_server::DecisionService};
use bailiwick_rpc::Guard;
use bailiwick_types::{AccountId, Subject, Violations};
use serde_json::{Map, Value as Json};

use super::ask;
use crate::decision_log::DecisionLog;

/// The greatest number of questions of a batch.
const ITEMS: usize = 1_000;
/// The greatest length of a digest.
const DIGEST: usize = 256;

/// Answers questions from the replica.
#[derive(Debug, Clone)]
pub struct Decisions {
    replica: Arc<Replica>,
    guard: Guard,
    log: DecisionLog,
}

impl Decisions {
    /// A service that answers from the replica. `guard` should ask
    /// [`ReplicaRights::near`](bailiwick_authorization_engine::ReplicaRights::near): the right to ask is
    /// looked up on the hot path too.
    #[must_use]
    pub fn new(replica: Arc<Replica>, guard: Guard) -> Self {
        let log = DecisionLog::default();
        Self { replica, guard, log }
    }
    /// The same service, with a log of its decisions.
    #[must_use]
    pub fn with_log(self, log: DecisionLog) -> Self {
        Self { log, ..self }
    }
}

/// A question whose shape is good.
#[derive(Debug)]
struct Asked<'a> {
    subject: Subject,
    actor: Option<Subject>,
    permission: &'a str,
    target: TargetText<'a>,
    attributes: Option<Map<String, Json>>,
    digest: Option<&'a str>,
}

impl Asked<'_> {
    /// Whom the answer is about.
    fn subjects(&self) -> Vec<&Subject> {
        [Some(&self.subject), self.actor.as_ref()]
            .into_iter()
            .flatten()
            .collect()
    }
    fn question(&self) -> Question<'_> {
        Question {
            subject: &self.subject,
            actor: self.actor.as_ref(),
            permission: self.permission,
            target: self.target,
            attributes: self.attributes.as_ref(),
            digest: self.digest,
            audience: Audience::Product,
        }
    }
}

/// Reads one question; `prefix` is where it stands in the request.
fn asked<'a>(
    violations: &mut Violations,
    prefix: &dyn Fn(&str) -> String,
    subject: &str,
    permission: &'a str,
    target: &'a str,
    given: Option<&prost_types::Struct>,
    digest: &'a str,
) -> Option<Asked<'a>> {
    let subject = match subject.parse::<Subject>() {
        Ok(subject) => Some(subject),
        Err(error) => {
            violations.add(prefix("subject"), error.to_string());
            None
        }
    };
    let target = match TargetText::parse(target) {
        Ok(target) => Some(target),
        Err(rule) => {
            violations.add(prefix("target"), rule);
            None
        }
    };
    if permission.is_empty() || permission.len() > 128 {
        violations.add(prefix("permission"), "must be `TYPE.VERB`");
    }
    if digest.len() > DIGEST {
        violations.add(prefix("digest"), "must be at most 256 bytes long");
    }
    let attributes = ask::attributes(violations, &prefix("attributes"), given);
    let digest = (!digest.is_empty()).then_some(digest);
    Some(Asked {
        subject: subject?,
        actor: None,
        permission,
        target: target?,
        attributes,
        digest,
    })
}

fn asked_one(check: &pb::CheckRequest) -> Result<(AccountId, Asked<'_>), Violations> {
    let mut violations = Violations::new();
    let account = ask::account(&mut violations, &check.account);
    let actor = match &*check.actor {
        "" => None,
        text => violations.take("actor", text.parse::<Subject>()),
    };
    let given = check.attributes.as_ref();
    let name = str::to_owned;
    let (permission, target) = (&*check.permission, &*check.target);
    let asked = asked(
        &mut violations,
        &name,
        &check.subject,
        permission,
        target,
        given,
        &check.digest,
    );
    match (account, asked) {
        (Some(account), Some(asked)) if violations.is_empty() => Ok((account, Asked { actor, ..asked })),
        _ => Err(violations),
    }
}

fn asked_all(batch: &pb::BatchCheckRequest) -> Result<(AccountId, Vec<Asked<'_>>), Violations> {
    let mut violations = Violations::new();
    let account = ask::account(&mut violations, &batch.account);
    if batch.items.is_empty() || batch.items.len() > ITEMS {
        violations.add("items", "must be 1 to 1000");
        return Err(violations);
    }
    let mut all = Vec::with_capacity(batch.items.len());
    for (n, item) in batch.items.iter().enumerate() {
        let subject = if item.subject.is_empty() {
            &batch.subject
        } else {
            &item.subject
        };
        let prefix = |name: &str| format!("items[{n}].{name}");
        let given = item.attributes.as_ref();
        let (permission, target) = (&*item.permission, &*item.target);
        all.extend(asked(
            &mut violations,
            &prefix,
            subject,
            permission,
            target,
            given,
            &item.digest,
        ));
    }
    match account {
        Some(account) if violations.is_empty() => Ok((account, all)),
        _ => Err(violations),
    }
}

bailiwick_rpc::serve! {
    Decisions: DecisionService {}
    check(CheckRequest) -> CheckResponse;
    batch_check(BatchCheckRequest) -> BatchCheckResponse;
    explain(ExplainRequest) -> ExplainResponse;
}

/// Reads a question, for the probe: what is refused says why.
#[cfg(any(test, feature = "probe"))]
pub(super) fn probe(check: Option<pb::CheckRequest>) {
    if let Some(Err(violations)) = check.as_ref().map(asked_one) {
        assert!(!violations.is_empty(), "refused without a violation");
    }
}

/// Reads many questions, for the probe.
#[cfg(any(test, feature = "probe"))]
pub(super) fn probe_all(batch: Option<pb::BatchCheckRequest>) {
    if let Some(Err(violations)) = batch.as_ref().map(asked_all) {
        assert!(!violations.is_empty(), "refused without a violation");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_violations_of_a_question_are_told_at_once() {
        let check = pb::CheckRequest {
            subject: "nobody".into(),
            target: "x".into(),
            ..Default::default()
        };
        let violations = asked_one(&check).unwrap_err();
        let fields: Vec<&str> = violations
            .as_slice()
            .iter()
            .map(|violation| &*violation.field)
            .collect();
        assert_eq!(fields, ["account", "subject", "target", "permission"]);
    }

    #[test]
    fn a_batch_names_the_item_that_breaks_a_rule() {
        let item = |target: &str| pb::BatchCheckItem {
            permission: "a.b".into(),
            target: target.into(),
            ..Default::default()
        };
        let batch = pb::BatchCheckRequest {
            account: "acct_01h455vb4pex5vsknk084sn02q".into(),
            subject: "user:x".into(),
            items: vec![item("project:1"), item("no")],
            ..Default::default()
        };
        let violations = asked_all(&batch).unwrap_err();
        assert_eq!(violations.as_slice()[0].field, "items[1].target");
    }
}
