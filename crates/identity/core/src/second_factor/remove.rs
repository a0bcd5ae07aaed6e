//! Removes the second factor of the caller.

use bailiwick_types::{
    Authorized, Refused, ScopeRoot, StoreError, Subject, Token, faults, method::identity::RemoveSecondFactor,
};

use super::NotEnrolled;
use crate::{Identity, change::Change};

faults! {
    /// Why nothing is removed.
    Error: Refused(Refused), NotEnrolled(NotEnrolled), Store(StoreError);
}

/// Removes the authenticator and the recovery codes. Challenges that wait for them are not answered any more.
///
/// # Errors
/// The user has no second factor.
pub async fn remove(identity: &Identity, by: &Authorized<RemoveSecondFactor>) -> Result<Token, Error> {
    let user = by.subject().and_then(Subject::user_id).ok_or(Refused::Denied)?;
    let root = ScopeRoot::User(user);
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    if write
        .totp(user)
        .await?
        .is_none_or(|totp| totp.confirmed.is_none())
    {
        return Err(NotEnrolled::Missing.into());
    }
    write.delete_totp(user).await?;
    write.emit(&root, Change::by(by, format!("user:{user}")))?;
    Ok(write.commit().await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::Fixture,
        second_factor::{Reader as _, tests::enrolled},
    };

    #[tokio::test]
    async fn the_password_is_enough_again_after_the_removal() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        let none = remove(&fixture.identity, &fixture.as_user(&ada, session)).await;
        assert!(matches!(none, Err(Error::NotEnrolled(_))), "{none:?}");
        enrolled(&fixture, &ada, session).await;
        fixture.store.take_changes();
        let by = fixture.as_user(&ada, session);
        remove(&fixture.identity, &by).await.unwrap();
        let audited = Change::by(&by, format!("user:{}", ada.id));
        assert_eq!(fixture.store.take_changes(), [audited]);
        assert_eq!(fixture.store.recovery_codes(ada.id).await.unwrap(), 0);
        fixture.session(&ada).await;
    }
}
