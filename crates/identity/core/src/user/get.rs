//! Reads a user.

use bailiwick_types::{Authorized, Refused, StoreError, UserId, faults, method::identity::GetUser};

use super::User;
use crate::Identity;

faults! {
    /// Why there is no user.
    Error: Refused(Refused), Store(StoreError);
}

/// Reads the user.
///
/// # Errors
/// It does not exist.
pub async fn get(identity: &Identity, _by: &Authorized<GetUser>, id: UserId) -> Result<User, Error> {
    let found = identity.store.user(id).await?;
    Ok(found.ok_or(Refused::NotFound("user"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, unknown_user};

    #[tokio::test]
    async fn a_user_is_read_and_an_unknown_one_is_not_found() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let by = fixture.operator();
        assert_eq!(get(&fixture.identity, &by, ada.id).await.unwrap(), ada);
        let unknown = get(&fixture.identity, &by, unknown_user()).await;
        assert!(
            matches!(unknown, Err(Error::Refused(Refused::NotFound("user")))),
            "{unknown:?}"
        );
    }
}
