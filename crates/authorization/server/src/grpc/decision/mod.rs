//! `DecisionService`: *may this subject do this, here, now?*

mod batch_check;
mod check;
mod explain;
mod explanation;

use std::sync::Arc;

use bailiwick_authorization_engine::{Question, Replica, TargetText};
use bailiwick_policy::Audience;
use bailiwick_proto::authorization::v1::{self as pb, decision_service_server::DecisionService};
use bailiwick_rpc::{Fields, Guard};
use bailiwick_types::{AccountId, Subject};
use serde_json::{Map, Value as Json};
use tonic::Status;

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
pub(crate) struct Asked<'a> {
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

/// Reads one question.
fn asked<'a>(
    fields: &mut Fields,
    subject: &str,
    permission: &'a str,
    target: &'a str,
    given: Option<&prost_types::Struct>,
    digest: &'a str,
) -> Option<Asked<'a>> {
    let subject = fields.take("subject", subject.parse());
    let target = fields.take("target", TargetText::parse(target));
    ask::permission(fields, "permission", permission);
    if digest.len() > DIGEST {
        fields.violate("digest", "must be at most 256 bytes long");
    }
    let attributes = ask::attributes(fields, "attributes", given);
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

/// Reads a request with one question.
pub(crate) fn asked_one<'a>(
    fields: &mut Fields,
    check: &'a pb::CheckRequest,
) -> Option<(AccountId, Asked<'a>)> {
    let account = fields.account(&check.account);
    let actor = fields.optional("actor", &check.actor);
    let asked = asked(
        fields,
        &check.subject,
        &check.permission,
        &check.target,
        check.attributes.as_ref(),
        &check.digest,
    );
    let asked = Asked {
        actor: actor?,
        ..asked?
    };
    Some((account?, asked))
}

/// Reads the questions of a batch.
pub(crate) fn asked_all(batch: &pb::BatchCheckRequest) -> Result<(AccountId, Vec<Asked<'_>>), Status> {
    let mut fields = Fields::new();
    let account = fields.account(&batch.account);
    if batch.items.is_empty() || batch.items.len() > ITEMS {
        fields.violate("items", "must be 1 to 1000");
        return fields.finish(None);
    }
    let mut all = Vec::with_capacity(batch.items.len());
    for (n, item) in batch.items.iter().enumerate() {
        let subject = if item.subject.is_empty() {
            &batch.subject
        } else {
            &item.subject
        };
        all.extend(fields.within(format_args!("items[{n}]."), |fields| {
            asked(
                fields,
                subject,
                &item.permission,
                &item.target,
                item.attributes.as_ref(),
                &item.digest,
            )
        }));
    }
    fields.finish(account.map(|account| (account, all)))
}

bailiwick_rpc::serve! {
    Decisions: DecisionService {}
    check(CheckRequest) -> CheckResponse;
    batch_check(BatchCheckRequest) -> BatchCheckResponse;
    explain(ExplainRequest) -> ExplainResponse;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields that a refusal names.
    fn fields_of<T: std::fmt::Debug>(refused: Result<T, Status>) -> Vec<String> {
        let violations = bailiwick_rpc::violations(&refused.unwrap_err());
        violations.into_iter().map(|one| one.field).collect()
    }

    #[test]
    fn a_refused_question_lists_all_violations() {
        let check = pb::CheckRequest {
            subject: "nobody".into(),
            target: "x".into(),
            ..Default::default()
        };
        let mut fields = Fields::new();
        let read = fields.within("check.", |fields| asked_one(fields, &check));
        assert_eq!(
            fields_of(fields.finish(read)),
            [
                "check.account",
                "check.subject",
                "check.target",
                "check.permission"
            ]
        );
    }

    #[test]
    fn an_id_of_256_characters_fits_wherever_it_stands_whatever_its_bytes() {
        use bailiwick_authorization_core::resource::Name;
        for (length, fits) in [(256, true), (257, false)] {
            let id = "\u{6f22}".repeat(length);
            let (subject, target) = (format!("device:{id}"), format!("doc:{id}"));
            assert_eq!(subject.parse::<Subject>().is_ok(), fits);
            assert_eq!(target.parse::<Name>().is_ok(), fits);
            assert_eq!(TargetText::parse(&target).is_ok(), fits);
        }
    }

    #[test]
    fn a_refused_batch_names_the_item() {
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
        assert_eq!(fields_of(asked_all(&batch)), ["items[1].target"]);
    }
}
