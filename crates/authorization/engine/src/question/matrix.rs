//! The permissions of several subjects on one target, at one watermark.

use bailiwick_policy::{Audience, PermissionBits, Product, permissions_held};
use bailiwick_types::Subject;

use super::{
    Decided, TargetText,
    prepare::{Party, Prepared, effective_sets, resolve_target},
};
use crate::{AccountRead, Replica, ReplicaError, account::AccountView};

/// The names of the permissions that a subject has, and of those that need an approval.
pub type Names = (Vec<String>, Vec<String>);

impl Replica {
    /// Lists the permissions of a subject on a target.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn permissions(
        &self,
        read: &AccountRead,
        subject: &Subject,
        target: TargetText<'_>,
    ) -> Result<Names, ReplicaError> {
        let subjects = std::slice::from_ref(subject);
        let rows = self.matrix(read, subjects, target).await?;
        Ok(rows.answer.into_iter().next().unwrap_or_default())
    }

    /// Lists the permissions of each of the subjects on a target.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn matrix(
        &self,
        read: &AccountRead,
        subjects: &[Subject],
        target: TargetText<'_>,
    ) -> Result<Decided<Vec<Names>>, ReplicaError> {
        let now = self.clock.now();
        let answer = |view: &mut AccountView<'_>| {
            // All parts are looked up before one is found missing: one round trip reads all of them.
            let target = resolve_target(view, target, None);
            let sets: Vec<_> = subjects
                .iter()
                .map(|subject| effective_sets(view, subject, Audience::Product))
                .collect();
            let target = target?;
            let product = &view.ready.content.product.product;
            let mut rows = Vec::with_capacity(subjects.len());
            for (subject, sets) in subjects.iter().zip(sets) {
                let sets = sets?;
                let subject = Party { subject, sets: &sets };
                let prepared = Prepared::plain(view.ready, subject, now);
                let held = target.with(|lent| permissions_held(&prepared.input(subject, lent)));
                rows.push((
                    names(product, &held.allowed),
                    names(product, &held.needs_approval),
                ));
            }
            Some(rows)
        };
        let depends: Vec<&Subject> = subjects.iter().collect();
        self.decided(read, &depends, &answer).await
    }
}

fn names(product: &Product, bits: &PermissionBits) -> Vec<String> {
    let infos = bits.iter().filter_map(|no| product.permission(no));
    let mut names: Vec<String> = infos.map(|info| info.name.to_string()).collect();
    names.sort();
    names
}
