//! Makes new recovery codes.

use bailiwick_types::{
    Authorized, Refused, ScopeRoot, StoreError, Subject, Token, faults,
    method::identity::RegenerateRecoveryCodes,
};

use super::{NotEnrolled, RecoveryCodes};
use crate::{Identity, change::Change};

faults! {
    /// Why there are no new codes.
    Error: Refused(Refused), NotEnrolled(NotEnrolled), Store(StoreError);
}

/// Makes ten codes; the old ones end.
///
/// # Errors
/// The user has no second factor.
pub async fn regenerate(
    identity: &Identity,
    by: &Authorized<RegenerateRecoveryCodes>,
) -> Result<(RecoveryCodes, Token), Error> {
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
    let codes = RecoveryCodes::generate(&*identity.rng);
    write.put_recovery_codes(user, &codes.digests(user)).await?;
    write.emit(&root, Change::by(by, format!("user:{user}")))?;
    let token = write.commit().await?;
    Ok((codes, token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::Fixture,
        second_factor::{
            tests::enrolled_with_codes,
            verify::tests::{Answer, answer, challenged},
        },
    };

    #[tokio::test]
    async fn new_codes_end_the_old_ones() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        let none = regenerate(&fixture.identity, &fixture.as_user(&ada, session)).await;
        assert!(matches!(none, Err(Error::NotEnrolled(_))), "{none:?}");
        let (_, old) = enrolled_with_codes(&fixture, &ada, session).await;
        let (new, _) = regenerate(&fixture.identity, &fixture.as_user(&ada, session))
            .await
            .unwrap();
        let challenge = challenged(&fixture, &ada, 1).await;
        assert!(
            answer(&fixture, &challenge, Answer::Recovery(&old[0]), 1)
                .await
                .is_err()
        );
        let done = answer(&fixture, &challenge, Answer::Recovery(&new.expose()[0]), 1).await;
        assert_eq!(done.unwrap().codes_left, 9);
    }
}
