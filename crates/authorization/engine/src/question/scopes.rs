//! The scopes of an account: where a subject has a permission, and where a target lies.

use bailiwick_policy::{Audience, Target, manifest::UserMode, scopes_held};
use bailiwick_types::{AccountId, Scope, Subject};
use tokio::time::Instant;

use super::{
    TargetText,
    prepare::{Party, Prepared, effective_sets, resolve_target},
};
use crate::{AccountRead, Consistency, Replica, ReplicaError, account::AccountView};

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
        let read = AccountRead {
            account,
            consistency: Consistency::MinimizeLatency,
            deadline,
        };
        let answer = |view: &mut AccountView<'_>| Some(view.ready.content.product.product.user_mode());
        Ok(self.decided(&read, &[], &answer).await?.answer)
    }

    /// Lists the scopes of an account in which a subject has a permission (any, by role or group, where none
    /// is named), in the order of their ids; `None` where the account's product does not declare the
    /// permission.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn scopes(
        &self,
        read: &AccountRead,
        subject: &Subject,
        permission: Option<&str>,
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
        Ok(self.decided(read, &[subject], &answer).await?.answer)
    }

    /// The scope that a target is, or lies in; `None` where the target is not known.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn scope_of(
        &self,
        read: &AccountRead,
        target: TargetText<'_>,
    ) -> Result<Option<Scope>, ReplicaError> {
        let answer = |view: &mut AccountView<'_>| {
            let place = resolve_target(view, target, None)?.place();
            let places = &view.ready.content.places;
            Some(place.and_then(|id| id.to_scope(places.get(id)?.level)))
        };
        Ok(self.decided(read, &[], &answer).await?.answer)
    }
}
