//! Explaining a decision. It bypasses every cache: all parts are read from the primary for the one question.

use bailiwick_policy::{PermissionNo, Target, explain};
use bailiwick_types::AccountId;
use tokio::time::Instant;

use super::{
    Decided, Explained, Question, QuestionError,
    prepare::{Prepared, ResolvedTarget, prepare},
};
use crate::{
    AccountRef, Replica, ReplicaError,
    account::{AccountView, LocalParts, Ready},
};

/// Rounds after which no consistent view can be read.
const ROUNDS: usize = 24;

impl Prepared<'_> {
    /// Explains it on a target.
    fn explain(&self, permission: PermissionNo, target: &ResolvedTarget<'_>) -> Explained {
        let places = &self.ready.content.places;
        target.with(|lent| {
            let of = |party| explain(&self.input(party, lent), permission);
            let place = match lent {
                Target::Scope(place) => Some(place),
                Target::Resource(chain) => chain.first().map(|resource| resource.place),
                Target::Absent => None,
            };
            let path = place.and_then(|place| places.path(place));
            let path = path.iter().flat_map(|path| path.iter());
            let path = path.filter_map(|place| Some((place.id.to_scope(place.level)?, place.state)));
            Explained {
                explanation: of(self.subject),
                actor: self.actor.map(of),
                on_scope: target.on_scope(),
                member: self.subject.sets.member(),
                actor_member: self.actor.and_then(|actor| actor.sets.member()),
                path: path.collect(),
            }
        })
    }
}

impl Replica {
    /// Decides one question from the primary and explains the decision.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn explain(
        &self,
        account: AccountId,
        question: &Question<'_>,
        deadline: Option<Instant>,
    ) -> Result<Decided<Result<Explained, QuestionError>>, ReplicaError> {
        let until = self.until(deadline);
        let now = self.clock.now();
        let _permit = self.admit(until).await?;
        let mut local = LocalParts::default();
        let mut known: Option<Ready> = None;
        for _ in 0..ROUNDS {
            let ready = match known.take() {
                Some(ready) => ready,
                None => {
                    let began = self.clock.boottime();
                    let read = self.within(until, self.source.load(account, None)).await??;
                    let read = read.ok_or(ReplicaError::UnknownAccount)?;
                    Ready::new(read.epoch, read.at, read.value.content, began, 0, 0)
                }
            };
            let missing = {
                let mut view = AccountView::new(&ready, Some(&local));
                let explained = prepare(&mut view, question, now, |prepared, permission, target| {
                    prepared.explain(permission, target)
                });
                match explained {
                    Some(answer) => {
                        return Ok(Decided {
                            answer,
                            revision: ready.watermark().account,
                        });
                    }
                    None => view.into_missing(),
                }
            };
            if missing.ahead.is_some() {
                // A part was read after the account: the account is read again.
                continue;
            }
            let mut keys = missing.all;
            keys.sort();
            keys.dedup();
            let content = &ready.content;
            let of = AccountRef {
                account,
                product: &content.product,
            };
            let read = self.within(until, self.source.parts(of, &keys)).await??;
            if read.epoch != ready.epoch || read.value.manifest != content.product.manifest {
                continue;
            }
            local
                .parts
                .extend(read.value.into_parts(read.at, &content.policy));
            known = Some(ready);
        }
        Err(ReplicaError::Inconsistent)
    }
}
