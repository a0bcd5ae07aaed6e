//! Writes that answer with a preview where one is asked for.

use std::collections::{BTreeSet, HashMap};

use bailiwick_authorization_core::{Ports, use_case::preview::Effect};
use bailiwick_proto::authorization::v1 as pb;
use bailiwick_types::{Authorized, Fault, Refused, Token, UserId};
use tonic::Status;

use super::{Api, convert, encoded, status};

/// What a write answers: what it made and its token, or what it would change.
pub(super) struct Written<T> {
    pub(super) made: Option<T>,
    pub(super) token: String,
    pub(super) changes: Vec<pb::EffectiveChange>,
}

/// What use cases that write return.
pub(super) trait Outcome {
    type Made;
    fn parts(self) -> (Self::Made, Token);
}

impl Outcome for Token {
    type Made = ();
    fn parts(self) -> ((), Token) {
        ((), self)
    }
}

impl<T> Outcome for (T, Token) {
    type Made = T;
    fn parts(self) -> (T, Token) {
        self
    }
}

impl Api {
    /// What a preview found, with the names that people go by.
    pub(super) async fn told(
        &self,
        by: &Authorized,
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

    /// Does it, or only tells what it would change.
    pub(super) async fn write<C, O: Outcome, P: Fault, E: Fault>(
        &self,
        by: &Authorized,
        command: C,
        validate_only: bool,
        preview: impl AsyncFnOnce(&Ports, &Authorized, C) -> Result<Vec<Effect>, P>,
        execute: impl AsyncFnOnce(&Ports, &Authorized, C) -> Result<O, E>,
    ) -> Result<Written<O::Made>, Status> {
        if validate_only {
            let effects = preview(&self.ports, by, command).await.map_err(status)?;
            return Ok(Written {
                made: None,
                token: String::new(),
                changes: self.told(by, effects).await?,
            });
        }
        let (made, token) = execute(&self.ports, by, command).await.map_err(status)?.parts();
        Ok(Written {
            made: Some(made),
            token: encoded(&token),
            changes: Vec::new(),
        })
    }
}
