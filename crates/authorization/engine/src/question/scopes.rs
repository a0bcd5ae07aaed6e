//! The scopes of an account: where a subject has a permission, and where a target lies.

use bailiwick_policy::{Audience, Target, manifest::UserMode, scopes_held};
use bailiwick_types::{AccountId, Scope, Subject};
use tokio::time::Instant;

use super::{
    TargetText,
    prepare::{Party, Prepared, effective_sets, resolve_target},
};
use crate::{Consistency, Replica, ReplicaError, account::AccountView};

impl Replica {
    /// Whether the users of an account's product must be members.
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

    /// Lists the scopes of an account in which a subject has a permission (any, by role or group, where none
    /// is named), in the order of their ids; `None` where the account's product does not declare the
    /// permission.
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
            let content = &view.ready.content;
            let permission = match permission {
                None => None,
                Some(name) => match content.product.product.permission_no(name) {
                    Some(no) => Some(no),
                    None => return Some(None),
                },
            };
            let subject = Party { subject, sets: &sets };
            let prepared = Prepared::plain(view.ready, subject, now);
            let places = &content.places;
            let target = Target::Scope(places.account().id);
            let held = scopes_held(&prepared.input(subject, target), permission);
            let scopes = held
                .into_iter()
                .filter_map(|id| id.to_scope(places.get(id)?.level));
            Some(Some(scopes.collect::<Vec<Scope>>()))
        };
        let until = self.until(deadline);
        let (scopes, _) = Box::pin(self.answer(account, consistency, &[subject], until, &answer)).await?;
        Ok(scopes)
    }

    /// The scope that a target is, or lies in; `None` where the target is not known.
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
        let answer = |view: &mut AccountView<'_>| {
            let place = resolve_target(view, target, None)?.place();
            let places = &view.ready.content.places;
            Some(place.and_then(|id| id.to_scope(places.get(id)?.level)))
        };
        let until = self.until(deadline);
        let (scope, _) = Box::pin(self.answer(account, consistency, &[], until, &answer)).await?;
        Ok(scope)
    }
}
