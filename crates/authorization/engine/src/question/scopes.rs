//! Questions with more than one answer, on an account at one W.

use bailiwick_policy::{Audience, Request, Target, Values, manifest::UserMode, scopes_held};
use bailiwick_types::{AccountId, Scope, Subject};
use tokio::time::Instant;

use super::{
    TargetText,
    decide::{effective_sets, input},
    matrix::Names,
};
use crate::{Consistency, Replica, ReplicaError, account::AccountView};

impl Replica {
    /// Waits until an account is where a request asks for, and until these subjects are known as it asks for; an account
    /// that is not known is nowhere and fails later.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn arrive(
        &self,
        account: AccountId,
        consistency: &Consistency,
        depends: &[&Subject],
        deadline: Option<Instant>,
    ) -> Result<(), ReplicaError> {
        if *consistency == Consistency::MinimizeLatency {
            return Ok(());
        }
        let until = self.until(deadline);
        match Box::pin(
            self.answer(account, consistency, depends, until, &|_: &mut AccountView<
                '_,
            >| Some(())),
        )
        .await
        {
            Ok(_) | Err(ReplicaError::UnknownAccount) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether the users of an account's product have to be members.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn user_mode(
        &self,
        account: AccountId,
        deadline: Option<Instant>,
    ) -> Result<UserMode, ReplicaError> {
        let until = self.until(deadline);
        let answer = |view: &mut AccountView<'_>| Some(view.ready.content.product.product.user_mode());
        let (mode, _) =
            Box::pin(self.answer(account, &Consistency::MinimizeLatency, &[], until, &answer)).await?;
        Ok(mode)
    }

    /// Lists what a subject has on a target, by name.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn permissions(
        &self,
        account: AccountId,
        subject: &Subject,
        target: TargetText<'_>,
        consistency: &Consistency,
        deadline: Option<Instant>,
    ) -> Result<Names, ReplicaError> {
        let subjects = std::slice::from_ref(subject);
        let rows = self
            .matrix(account, subjects, target, consistency, deadline)
            .await?;
        Ok(rows.answer.into_iter().next().unwrap_or_default())
    }

    /// Lists the scopes of an account in which a subject has a permission (any, by role or group, where none is named),
    /// in order of their ids; none at all where the account's product does not have the permission.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn scopes(
        &self,
        account: AccountId,
        subject: &Subject,
        permission: Option<&str>,
        consistency: &Consistency,
        deadline: Option<Instant>,
    ) -> Result<Option<Vec<Scope>>, ReplicaError> {
        let now = self.clock.now();
        let answer = |view: &mut AccountView<'_>| {
            let sets = effective_sets(view, subject, Audience::Product)?;
            let view = &*view;
            let places = &view.ready.content.places;
            let permission = match permission {
                None => None,
                Some(name) => match view.ready.content.product.product.permission_no(name) {
                    Some(no) => Some(no),
                    None => return Some(None),
                },
            };
            let none = Values::default();
            let request = Request {
                attributes: &none,
                context: &none,
                digest: None,
            };
            let target = Target::Scope(places.account().id);
            let input = input(view, subject, &sets, target, request, Audience::Product, now);
            let held = scopes_held(&input, permission);
            let scopes = held
                .into_iter()
                .filter_map(|id| id.to_scope(places.get(id)?.level));
            Some(Some(scopes.collect::<Vec<Scope>>()))
        };
        let until = self.until(deadline);
        let (scopes, _) = Box::pin(self.answer(account, consistency, &[subject], until, &answer)).await?;
        Ok(scopes)
    }
}
