//! Which resources of a type a subject may do something on: candidates are scanned in the order of their ids, batch by
//! batch, and each is decided like a single question.

use std::sync::Arc;

use bailiwick_policy::{Audience, Outcome, QuestionFault, Request, decide};
use bailiwick_types::{AccountId, Subject, Timestamp};
use serde_json::{Map, Value as Json};
use tokio::time::Instant;

use super::{
    AccountOf, Consistency, Question, QuestionError, Replica, ReplicaError, TargetText, Vector,
    decide::{find, input, said, sets_of},
    gather::{Local, Look},
};
use crate::cache::Part;

/// Resources that are read and decided at a time.
const BATCH: usize = 500;
/// After so many reads of one batch the data is found to change faster than it can be read.
const READS: usize = 24;

/// A question about all resources of a type.
#[derive(Debug, Clone, Copy)]
pub struct ResourceQuestion<'a> {
    /// Who wants to act.
    pub subject: &'a Subject,
    /// `TYPE.VERB`.
    pub permission: &'a str,
    /// The type of the resources.
    pub of: &'a str,
    /// What the caller says beside.
    pub attributes: Option<&'a Map<String, Json>>,
}

/// Resources on which it is allowed, all decided at one W.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourcePage {
    /// Their ids, without the type, in the order of the database.
    pub ids: Vec<Box<str>>,
    /// After which id the list goes on; `None` where it is at its end.
    pub next: Option<Box<str>>,
    /// The account's revision at which all of them are allowed.
    pub revision: u64,
}

/// Resources as one statement has read them.
#[derive(Debug, Clone)]
struct Batch {
    /// Every resource that was looked at, and whether it is allowed.
    decided: Vec<(Box<str>, bool)>,
    /// Whether there may be more behind it.
    more: bool,
    at: Vector,
}

impl Replica {
    /// Tells whether a question about resources fits the manifest, and brings the account where the request asks for.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn fits(
        &self,
        account: AccountId,
        question: &ResourceQuestion<'_>,
        consistency: &Consistency,
        deadline: Option<Instant>,
    ) -> Result<Result<(), QuestionError>, ReplicaError> {
        let until = self.until(deadline);
        let answer = |look: &mut Look<'_>| Some(check(look, question));
        let (fits, _) =
            Box::pin(self.answer(account, consistency, &[question.subject], until, &answer)).await?;
        Ok(fits)
    }

    /// Lists the registered resources of a type on which the subject is allowed, after one of them.
    ///
    /// A page is decided at one W: where W moves on between two batches, or the deadline comes near, the page ends
    /// before it is full, and says where to go on.
    ///
    /// # Errors
    /// As [`Replica::decide`]: also where the deadline comes before anything was decided.
    pub async fn resources(
        &self,
        account: AccountId,
        question: &ResourceQuestion<'_>,
        after: Option<&str>,
        size: usize,
        consistency: &Consistency,
        deadline: Option<Instant>,
    ) -> Result<Result<ResourcePage, QuestionError>, ReplicaError> {
        let until = self.until(deadline);
        let now = self.clock.now();
        let mut page = ResourcePage {
            ids: Vec::new(),
            next: after.map(Box::from),
            revision: 0,
        };
        let mut at: Option<Vector> = None;
        loop {
            let began = Instant::now();
            let after = page.next.as_deref().unwrap_or_default();
            let batch = match Box::pin(self.batch(account, question, after, consistency, until, now)).await {
                Ok(Ok(batch)) => batch,
                Ok(Err(error)) => return Ok(Err(error)),
                // What was decided is worth more than nothing: the next page goes on from there.
                Err(ReplicaError::DeadlineExceeded) if at.is_some() => return Ok(Ok(page)),
                Err(error) => return Err(error),
            };
            if at.is_some_and(|at| at != batch.at) {
                return Ok(Ok(page));
            }
            at = Some(batch.at);
            page.revision = batch.at.account;
            let last = batch.decided.len();
            for (n, (id, allowed)) in batch.decided.into_iter().enumerate() {
                page.next = Some(id.clone());
                if allowed {
                    page.ids.push(id);
                }
                if page.ids.len() >= size && (n + 1 < last || batch.more) {
                    return Ok(Ok(page));
                }
            }
            if !batch.more {
                page.next = None;
                return Ok(Ok(page));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left < began.elapsed() * 2 {
                return Ok(Ok(page));
            }
        }
    }

    async fn batch(
        &self,
        account: AccountId,
        question: &ResourceQuestion<'_>,
        after: &str,
        consistency: &Consistency,
        until: Instant,
        now: Timestamp,
    ) -> Result<Result<Batch, QuestionError>, ReplicaError> {
        let depends = &[question.subject];
        for _ in 0..READS {
            // The subject's sets are looked at here, so that they are in L1 when the resources are there.
            let known = |look: &mut Look<'_>| {
                sets_of(look, question.subject, Audience::Product)?;
                let content = &look.ready.content;
                Some((Arc::clone(&content.product), Arc::clone(&content.policy)))
            };
            let ((product, policy), _) = self.answer(account, consistency, depends, until, &known).await?;
            let of = AccountOf {
                account,
                product: &product,
                policy: &policy,
            };
            let read = {
                let _permit = self.admit(until).await?;
                let candidates = self.source.candidates(of, question.of, after, BATCH);
                self.within(until, candidates).await??
            };
            if !self.saw(&read.epoch) || read.value.1.manifest != product.manifest {
                continue;
            }
            let (ids, parts) = read.value;
            let mut local = Local::default();
            for (key, value) in parts.parts {
                let part = Part {
                    read_at: read.at,
                    manifest: parts.manifest,
                    value,
                };
                local.parts.insert(key, part);
            }
            let answer = |look: &mut Look<'_>| {
                if look.ready.epoch != read.epoch {
                    return Some(None);
                }
                if !look.covers(&read.at) {
                    return None;
                }
                // Which resources there are was read too: what came or went since would be missed.
                if look.ready.type_changed_after(question.of, read.at.account) {
                    return Some(None);
                }
                decide_each(look, question, &ids, now).map(Some)
            };
            let (allowed, at) = self
                .answer_from(account, consistency, depends, until, local, &answer)
                .await?;
            let Some(allowed) = allowed else { continue };
            return Ok(allowed.map(|allowed| Batch {
                more: ids.len() >= BATCH,
                decided: ids.into_iter().zip(allowed).collect(),
                at,
            }));
        }
        Err(ReplicaError::Restless)
    }
}

/// Whether the permission is one of the product and asked on resources of a registered type.
pub(super) fn check(look: &Look<'_>, question: &ResourceQuestion<'_>) -> Result<(), QuestionError> {
    let product = &look.ready.content.product.product;
    let (permission, of) = product
        .question(question.permission, Some(question.of))
        .map_err(|fault| match fault {
            QuestionFault::UnknownPermission { name, hint } => {
                QuestionError::UnknownPermission(0, name, hint)
            }
            other => QuestionError::Type(other.to_string()),
        })?;
    let registered = of
        .and_then(|of| product.type_info(of))
        .is_some_and(|of| of.registered);
    if !registered {
        return Err(QuestionError::Type(format!(
            "resources of type `{}` are not registered",
            question.of
        )));
    }
    let asked = Question {
        subject: question.subject,
        actor: None,
        permission: question.permission,
        target: TargetText::Resource {
            of: question.of,
            id: "",
            text: "",
        },
        attributes: question.attributes,
        digest: None,
        audience: Audience::Product,
    };
    said(look, 0, permission, of, &asked).map(|_| ())
}

/// Decides the question on each of these resources; `None` while a part is missing.
fn decide_each(
    look: &mut Look<'_>,
    question: &ResourceQuestion<'_>,
    ids: &[Box<str>],
    now: Timestamp,
) -> Option<Result<Vec<bool>, QuestionError>> {
    if let Err(error) = check(look, question) {
        return Some(Err(error));
    }
    let (permission, of) = look
        .ready
        .content
        .product
        .product
        .question(question.permission, Some(question.of))
        .ok()?;
    let mut asked = Question {
        subject: question.subject,
        actor: None,
        permission: question.permission,
        target: TargetText::Resource {
            of: question.of,
            id: "",
            text: "",
        },
        attributes: None,
        digest: None,
        audience: Audience::Product,
    };
    let texts: Vec<String> = ids.iter().map(|id| format!("{}:{id}", question.of)).collect();
    let mut targets = Vec::with_capacity(ids.len());
    let mut complete = true;
    for (id, text) in ids.iter().zip(&texts) {
        let target = TargetText::Resource {
            of: question.of,
            id,
            text,
        };
        let found = find(look, &Question { target, ..asked });
        complete &= found.is_some();
        targets.extend(found);
    }
    let sets = sets_of(look, question.subject, Audience::Product)?;
    if !complete {
        return None;
    }
    asked.attributes = question.attributes;
    let (attributes, context) = match said(look, 0, permission, of, &asked) {
        Ok(said) => said,
        Err(error) => return Some(Err(error)),
    };
    let request = Request {
        attributes: &attributes,
        context: &context,
        digest: None,
    };
    let look = &*look;
    let allowed = targets.iter().map(|(found, _)| {
        found.with(|target| {
            let input = input(
                look,
                question.subject,
                &sets,
                target,
                request,
                Audience::Product,
                now,
            );
            decide(&input, permission).outcome == Outcome::Allow
        })
    });
    Some(Ok(allowed.collect()))
}
