//! Writes that answer with a preview where one is asked for.

use std::collections::{BTreeSet, HashMap};

use bailiwick_authorization_core::{
    operation::{self, Done, Operation},
    preview::Effect,
};
use bailiwick_proto::authorization::v1 as pb;
use bailiwick_types::{AccountId, Authorized, Method, Refused, UserId};
use tonic::Status;

use super::{Api, convert, encoded, status};

/// What became of an operation, as answers say it.
pub(super) struct Answer<T> {
    /// What it made, or would make.
    pub(super) output: T,
    /// Whether it is committed.
    pub(super) committed: bool,
    pub(super) token: String,
    pub(super) changes: Vec<pb::EffectiveChange>,
}

impl Api {
    /// Carries an operation out to its end, also when the client cancels; or previews it.
    pub(super) async fn run<O: Operation>(
        &self,
        by: Authorized<O::Method>,
        operation: O,
    ) -> Result<Answer<O::Output>, Status> {
        let account = by.account().ok_or_else(|| status(Refused::Denied))?;
        self.run_in(by, account.id(), operation).await
    }

    /// The same in the account that the request names, for a method that is authorized without one.
    pub(super) async fn run_in<O: Operation>(
        &self,
        by: Authorized<O::Method>,
        account: AccountId,
        operation: O,
    ) -> Result<Answer<O::Output>, Status> {
        let (ports, witness) = (self.ports.clone(), by.clone());
        let run = async move {
            let done = operation::run_in(&ports, &witness, account, operation).await;
            done.map_err(status)
        };
        match self.tasks.run(run).await? {
            Done::Committed(output, token) => Ok(Answer {
                output,
                committed: true,
                token: encoded(&token),
                changes: Vec::new(),
            }),
            Done::Previewed(output, effects) => Ok(Answer {
                output,
                committed: false,
                token: String::new(),
                changes: self.told(&by, effects).await?,
            }),
        }
    }

    /// What a preview found, with the names that people go by.
    pub(super) async fn told<M: Method>(
        &self,
        by: &Authorized<M>,
        effects: impl IntoIterator<Item = Effect>,
    ) -> Result<Vec<pb::EffectiveChange>, Status> {
        let effects: Vec<Effect> = effects.into_iter().collect();
        let users: BTreeSet<UserId> = effects
            .iter()
            .filter_map(|effect| effect.subject.user_id())
            .collect();
        let emails = if users.is_empty() {
            HashMap::new()
        } else {
            let users: Vec<UserId> = users.into_iter().collect();
            let store = &self.ports.store;
            let read = match (by.account(), by.all_accounts()) {
                (Some(account), _) => store.read(account).await,
                (None, Some(all)) => store.read_all(all).await,
                (None, None) => return Err(status(Refused::Denied)),
            };
            let read = read.map_err(status)?;
            read.emails(&users).await.map_err(status)?
        };
        let email = |effect: &Effect| emails.get(&effect.subject.user_id()?).cloned();
        let told = effects.into_iter().map(|effect| {
            let email = email(&effect).unwrap_or_default();
            convert::effect(effect, email)
        });
        Ok(told.collect())
    }
}
