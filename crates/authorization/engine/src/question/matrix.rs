//! What several subjects may do on one target, at one W.

use bailiwick_policy::{Audience, PermissionBits, Product, Request, Values, permissions_held};
use bailiwick_types::{AccountId, Scope, Subject, UserId};
use tokio::time::Instant;

use super::{
    Decided, Question, TargetText,
    decide::{ResolvedTarget, effective_sets, input, resolve_target},
};
use crate::{Consistency, Replica, ReplicaError, account::AccountView};

/// The names of the permissions that a subject has, and of those that it has once somebody approves.
pub type Names = (Vec<String>, Vec<String>);

impl Replica {
    /// The scope that a target is, or lies in; `None` where it is not known.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn scope_of(
        &self,
        account: AccountId,
        target: TargetText<'_>,
        consistency: &Consistency,
        deadline: Option<Instant>,
    ) -> Result<Option<Scope>, ReplicaError> {
        // Whoever asks is not among what is looked at: the target stands for itself.
        let nobody = nobody();
        let question = question(&nobody, target);
        let answer = |view: &mut AccountView<'_>| {
            let (found, _) = resolve_target(view, &question)?;
            let place = match found {
                ResolvedTarget::Place(place) => Some(place),
                ResolvedTarget::Chain(chain) => chain.first().map(|resource| resource.place),
                ResolvedTarget::Described(_) | ResolvedTarget::Absent => None,
            };
            let places = &view.ready.content.places;
            Some(place.and_then(|id| id.to_scope(places.get(id)?.level)))
        };
        let until = self.until(deadline);
        let (scope, _) = Box::pin(self.answer(account, consistency, &[], until, &answer)).await?;
        Ok(scope)
    }

    /// Lists what each of the subjects has on a target, by name.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn matrix(
        &self,
        account: AccountId,
        subjects: &[Subject],
        target: TargetText<'_>,
        consistency: &Consistency,
        deadline: Option<Instant>,
    ) -> Result<Decided<Vec<Names>>, ReplicaError> {
        let now = self.clock.now();
        let nobody = nobody();
        let answer = |view: &mut AccountView<'_>| {
            let found = resolve_target(view, &question(&nobody, target));
            // All sets are looked for before one is found missing: one round trip brings all.
            let sets: Vec<_> = subjects
                .iter()
                .map(|subject| effective_sets(view, subject, Audience::Product))
                .collect();
            let (found, _) = found?;
            let view = &*view;
            let none = Values::default();
            let request = Request {
                attributes: &none,
                context: &none,
                digest: None,
            };
            let product = &view.ready.content.product.product;
            let mut rows = Vec::with_capacity(subjects.len());
            for (subject, sets) in subjects.iter().zip(sets) {
                let sets = sets?;
                let held = found.with(|target| {
                    let of = input(view, subject, &sets, target, request, Audience::Product, now);
                    permissions_held(&of)
                });
                rows.push((
                    names(product, &held.allowed),
                    names(product, &held.needs_approval),
                ));
            }
            Some(rows)
        };
        let depends: Vec<&Subject> = subjects.iter().collect();
        let until = self.until(deadline);
        let (rows, w) = Box::pin(self.answer(account, consistency, &depends, until, &answer)).await?;
        Ok(Decided {
            answer: rows,
            revision: w.account,
        })
    }
}

/// A target is found whoever asks.
fn nobody() -> Subject {
    Subject::user(UserId::from_uuid(uuid::Uuid::nil()))
}

fn question<'a>(subject: &'a Subject, target: TargetText<'a>) -> Question<'a> {
    Question {
        subject,
        actor: None,
        permission: "",
        target,
        attributes: None,
        digest: None,
        audience: Audience::Product,
    }
}

fn names(product: &Product, bits: &PermissionBits) -> Vec<String> {
    let infos = bits.iter().filter_map(|no| product.permission(no));
    let mut names: Vec<String> = infos.map(|info| info.name.to_string()).collect();
    names.sort();
    names
}
