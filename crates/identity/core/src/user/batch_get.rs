//! Reads several users (AIP-231).

use std::collections::HashMap;

use bailiwick_types::{Authorized, StoreError, UserId, faults, method::identity::BatchGetUsers};

use super::User;
use crate::Identity;

/// The largest number of users of one call.
pub const MAX: usize = 1000;

faults! {
    /// Why there are no users.
    Error: Store(StoreError);
    /// One of them does not exist.
    NotFound(UserId) "user `{0}` not found" => NotFound NotFound;
}

/// Reads the users in the order of the ids.
///
/// # Errors
/// One of them does not exist.
pub async fn batch_get(
    identity: &Identity,
    _by: &Authorized<BatchGetUsers>,
    ids: &[UserId],
) -> Result<Vec<User>, Error> {
    let found = identity.store.users(ids).await?;
    let by_id: HashMap<UserId, User> = found.into_iter().map(|user| (user.id, user)).collect();
    ids.iter()
        .map(|id| by_id.get(id).cloned().ok_or(Error::NotFound(*id)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, unknown_user};

    #[tokio::test]
    async fn users_come_in_the_order_of_the_ids() {
        let fixture = Fixture::new().await;
        let (a, b) = (
            fixture.user("a@example.com").await,
            fixture.user("b@example.com").await,
        );
        let ids = [b.id, a.id, b.id];
        let found = batch_get(&fixture.identity, &fixture.operator(), &ids)
            .await
            .unwrap();
        assert_eq!(found, [b.clone(), a, b]);
    }

    #[tokio::test]
    async fn the_unknown_one_of_several_users_is_named() {
        let fixture = Fixture::new().await;
        let ids = [fixture.user("a@example.com").await.id, unknown_user()];
        let found = batch_get(&fixture.identity, &fixture.operator(), &ids).await;
        assert!(
            matches!(found, Err(Error::NotFound(id)) if id == unknown_user()),
            "{found:?}"
        );
    }
}
