//! Explaining bypasses every cache: everything is read from the primary for the one question.

use bailiwick_types::AccountId;
use tokio::time::Instant;

use super::{Decided, Explained, Question, QuestionError, decide::explain_one};
use crate::{
    AccountRef, Part, Replica, ReplicaError,
    account::{AccountView, LocalParts, Ready},
};

/// After so many rounds the data is found to change faster than it can be read.
const ROUNDS: usize = 24;

impl Replica {
    /// Decides one question from the primary and tells what was looked at.
    ///
    /// # Errors
    /// The account is not known, the primary does not answer, or time ran out.
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
                    let products = self.known_products();
                    let read = self
                        .within(until, self.source.load(account, None, &products))
                        .await??;
                    let read = read.ok_or(ReplicaError::UnknownAccount)?;
                    Ready::new(read.epoch, read.at, read.value.content, began, 0, 0)
                }
            };
            let missing = {
                let mut view = AccountView::new(&ready, Some(&local));
                match explain_one(&mut view, question, now) {
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
                // A part was read later than the account: that is read again.
                continue;
            }
            let mut keys = missing.all;
            keys.sort();
            keys.dedup();
            let content = &ready.content;
            let of = AccountRef {
                account,
                product: &content.product,
                policy: &content.policy,
            };
            let read = self.within(until, self.source.parts(of, &keys)).await??;
            if read.epoch != ready.epoch || read.value.manifest != content.product.manifest {
                continue;
            }
            for (key, value) in read.value.parts {
                local.parts.insert(
                    key,
                    Part {
                        read_at: read.at,
                        manifest: read.value.manifest,
                        value,
                    },
                );
            }
            known = Some(ready);
        }
        Err(ReplicaError::Inconsistent)
    }
}
