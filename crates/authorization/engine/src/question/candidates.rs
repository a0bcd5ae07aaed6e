//! Lists the resources of a type that a subject is allowed on: scans them in the order of their ids, batch by
//! batch, and decides each like a single question.

use std::sync::Arc;

use bailiwick_policy::{Audience, Outcome, PermissionNo, QuestionFault, RequestValues, TypeNo};
use bailiwick_types::{Subject, Timestamp};
use serde_json::{Map, Value as Json};
use tokio::time::Instant;

use super::{
    QuestionError, TargetText,
    prepare::{Party, Prepared, Sets, effective_sets, request_values, resolve_target},
};
use crate::{
    AccountRead, AccountRef, Replica, ReplicaError, Watermark,
    account::{AccountView, Demand, LocalParts},
};

/// The number of resources that are read and decided at a time.
const BATCH: usize = 500;
/// Reads of one batch after which no consistent view can be read.
const READS: usize = 24;

/// A question about all resources of a type.
#[derive(Debug, Clone, Copy)]
pub struct ResourceQuestion<'a> {
    /// Who missing to act.
    pub subject: &'a Subject,
    /// `TYPE.VERB`.
    pub permission: &'a str,
    /// The type of the resources.
    pub type_name: &'a str,
    /// Attributes and context that the caller sends.
    pub attributes: Option<&'a Map<String, Json>>,
}

/// Resources on which the subject is allowed, all decided at one watermark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourcePage {
    /// Their ids, without the type, in the order of the database.
    pub ids: Vec<Box<str>>,
    /// The id after which the list continues; `None` at its end.
    pub next: Option<Box<str>>,
    /// The account's revision at which they were decided.
    pub revision: u64,
}

/// Resources as one statement returned them.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    /// Every resource that was read, and whether it is allowed.
    pub(super) decided: Vec<(Box<str>, bool)>,
    /// Whether more may follow.
    pub(super) more: bool,
    pub(super) at: Watermark,
}

impl Replica {
    /// Checks that a question about resources fits the manifest, and waits until the account is as fresh as
    /// requested.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn fits(
        &self,
        read: &AccountRead,
        question: &ResourceQuestion<'_>,
    ) -> Result<Result<(), QuestionError>, ReplicaError> {
        let answer = |view: &mut AccountView<'_>| Some(check(view, question).map(|_| ()));
        Ok(self.decided(read, &[question.subject], &answer).await?.answer)
    }

    /// Lists the registered resources of a type on which the subject is allowed, after one of them.
    ///
    /// A page is decided at one watermark: where the watermark advances between two batches, or the deadline
    /// comes near, the page ends before it is full, and says where to continue.
    ///
    /// # Errors
    /// As [`Replica::decide`]; the deadline is an error only where nothing was decided before it.
    pub async fn resources(
        &self,
        read: &AccountRead,
        question: &ResourceQuestion<'_>,
        after: Option<&str>,
        size: usize,
    ) -> Result<Result<ResourcePage, QuestionError>, ReplicaError> {
        let depends = [question.subject];
        let demand = self.demand(read, &depends);
        let now = self.clock.now();
        let mut page = ResourcePage {
            ids: Vec::new(),
            next: after.map(Box::from),
            revision: 0,
        };
        let mut at: Option<Watermark> = None;
        loop {
            let began = Instant::now();
            let after = page.next.as_deref().unwrap_or_default();
            let batch = match Box::pin(self.batch(&demand, question, after, now)).await {
                Ok(Ok(batch)) => batch,
                Ok(Err(error)) => return Ok(Err(error)),
                // Return what was decided: the next page continues from there.
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
            let left = demand.until.saturating_duration_since(Instant::now());
            if left < began.elapsed() * 2 {
                return Ok(Ok(page));
            }
        }
    }

    pub(super) async fn batch(
        &self,
        demand: &Demand<'_>,
        question: &ResourceQuestion<'_>,
        after: &str,
        now: Timestamp,
    ) -> Result<Result<Batch, QuestionError>, ReplicaError> {
        let (account, until) = (demand.account, demand.until);
        for _ in 0..READS {
            // Looking up the subject's sets here brings them into L1 before the resources are read.
            let known = |view: &mut AccountView<'_>| {
                effective_sets(view, question.subject, Audience::Product)?;
                let content = &view.ready.content;
                Some((Arc::clone(&content.product), Arc::clone(&content.policy)))
            };
            let ((product, policy), before) = self.answer(demand, &known).await?;
            let of = AccountRef {
                account,
                product: &product,
            };
            let read = {
                let _permit = self.admit(until).await?;
                let candidates = self.source.candidates(of, question.type_name, after, BATCH);
                self.within(until, candidates).await??
            };
            if !self.observe_epoch(&read.epoch) || read.value.1.manifest != product.manifest {
                continue;
            }
            if let Some(known) = self.known_account(account)
                && !self.continues(&known, &before, &read.at)
            {
                continue;
            }
            let (ids, parts) = read.value;
            let mut local = LocalParts::default();
            local.parts.extend(parts.into_parts(read.at, &policy));
            let answer = |view: &mut AccountView<'_>| {
                if view.ready.epoch != read.epoch {
                    return Some(None);
                }
                if !view.covers(&read.at) {
                    return None;
                }
                // The account was read anew meanwhile, maybe from another history than the list of resources.
                if !view.ready.includes(&read.at) {
                    return Some(None);
                }
                // The list of resources was read too: one that was added or removed since would be missed.
                if view.ready.type_changed_after(question.type_name, read.at.account) {
                    return Some(None);
                }
                decide_each(view, question, &ids, now).map(Some)
            };
            let (allowed, at) = self.answer_from(demand, local, &answer).await?;
            let Some(allowed) = allowed else { continue };
            return Ok(allowed.map(|allowed| Batch {
                more: ids.len() >= BATCH,
                decided: ids.into_iter().zip(allowed).collect(),
                at,
            }));
        }
        Err(ReplicaError::Inconsistent)
    }
}

/// A question about resources that fits the manifest.
pub(crate) struct Fitting {
    pub(crate) permission: PermissionNo,
    pub(crate) type_no: TypeNo,
    values: RequestValues,
}

impl Fitting {
    /// The question of a subject; returns the permission and type too.
    pub(crate) fn prepare<'p>(
        self,
        view: &AccountView<'p>,
        subject: &'p Subject,
        sets: &'p Sets<'p>,
        now: Timestamp,
    ) -> Prepared<'p> {
        Prepared {
            values: self.values,
            ..Prepared::plain(view.ready, Party { subject, sets }, now)
        }
    }
}

/// Checks that the product declares the permission, that it is asked on a registered type, and the caller's
/// values.
pub(crate) fn check(
    view: &AccountView<'_>,
    question: &ResourceQuestion<'_>,
) -> Result<Fitting, QuestionError> {
    let product = &view.ready.content.product.product;
    let (permission, type_no) = product
        .question(question.permission, Some(question.type_name))
        .map_err(|fault| match fault {
            QuestionFault::UnknownPermission { name, hint } => {
                QuestionError::UnknownPermission(0, name, hint)
            }
            other => QuestionError::Type(other.to_string()),
        })?;
    let registered = |no: &TypeNo| product.type_info(*no).is_some_and(|info| info.registered);
    let Some(type_no) = type_no.filter(registered) else {
        return Err(QuestionError::Type(format!(
            "resources of type `{}` are not registered",
            question.type_name
        )));
    };
    Ok(Fitting {
        permission,
        type_no,
        values: request_values(view, 0, permission, Some(type_no), question.attributes)?,
    })
}

/// Decides the question on each of these resources; `None` while a part is missing.
fn decide_each(
    view: &mut AccountView<'_>,
    question: &ResourceQuestion<'_>,
    ids: &[Box<str>],
    now: Timestamp,
) -> Option<Result<Vec<bool>, QuestionError>> {
    let fitting = match check(view, question) {
        Ok(fitting) => fitting,
        Err(error) => return Some(Err(error)),
    };
    let type_name = question.type_name;
    let targets: Vec<_> = ids
        .iter()
        .map(|id| {
            let text = &*format!("{type_name}:{id}");
            resolve_target(view, TargetText::Resource { type_name, id, text }, None)
        })
        .collect();
    let sets = effective_sets(view, question.subject, Audience::Product)?;
    let permission = fitting.permission;
    let prepared = fitting.prepare(view, question.subject, &sets, now);
    targets
        .into_iter()
        .map(|target| Some(Ok(prepared.answer(permission, &target?).outcome == Outcome::Allow)))
        .collect()
}
