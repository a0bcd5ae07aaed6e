//! Lists the API keys of an account by id (AIP-158).

use bailiwick_types::{
    ApiKeyId, Authorized, Refused, Rows, StoreError, Subject, UserId, faults, method::identity::ListApiKeys,
};

use super::ApiKey;
use crate::Identity;

faults! {
    /// Why nothing is listed.
    Error: Refused(Refused), Store(StoreError);
}

/// What is listed.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// Which rows the caller may see.
    pub rows: Rows,
    /// Whose keys; everybody's where there is none.
    pub user: Option<UserId>,
    /// The key before the first one.
    pub after: Option<ApiKeyId>,
    /// The number of keys.
    pub limit: u64,
}

/// Lists keys of the account.
///
/// # Errors
/// The caller asks for those of somebody else and may see its own.
pub async fn list(
    identity: &Identity,
    by: &Authorized<ListApiKeys>,
    command: &Command,
) -> Result<Vec<ApiKey>, Error> {
    let account = by.account().ok_or(Refused::Denied)?.id();
    let user = match command.rows {
        Rows::All => command.user,
        Rows::Own => {
            let own = by.subject().and_then(Subject::user_id).ok_or(Refused::Denied)?;
            if command.user.is_some_and(|user| user != own) {
                return Err(Refused::Denied.into());
            }
            Some(own)
        }
    };
    let page = identity
        .store
        .api_key_page(account, user, command.after, command.limit);
    Ok(page.await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::{Fixture, account, unknown_user},
        user::User,
    };
    use bailiwick_testkit::witness;
    use bailiwick_types::{AccountId, SessionId, Target};
    use uuid::Uuid;

    fn by(user: &User) -> Authorized<ListApiKeys> {
        let (subject, session) = (Subject::user(user.id), SessionId::from_uuid(Uuid::from_u128(3)));
        let caller = witness::user(subject.clone(), Some(account()), session);
        witness::authorized(&caller, &Target::account(account()).owned_by(subject), false)
    }

    #[tokio::test]
    async fn a_member_lists_its_own_keys_and_who_manages_them_all() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let eve = fixture.user("eve@example.com").await;
        let mut keys = Vec::new();
        for user in [&ada, &eve, &ada] {
            keys.push(fixture.api_key(user).await.0);
        }
        let run = async |by: Authorized<ListApiKeys>, rows, user, after, limit| {
            let command = Command {
                rows,
                user,
                after,
                limit,
            };
            list(&fixture.identity, &by, &command).await
        };
        let own = run(by(&ada), Rows::Own, None, None, 9).await.unwrap();
        assert_eq!(own, [keys[0].clone(), keys[2].clone()]);
        assert_eq!(
            run(by(&ada), Rows::Own, Some(ada.id), None, 9).await.unwrap(),
            own
        );
        for other in [eve.id, unknown_user()] {
            let refused = run(by(&ada), Rows::Own, Some(other), None, 9).await;
            assert!(
                matches!(refused, Err(Error::Refused(Refused::Denied))),
                "{refused:?}"
            );
        }
        let first = run(by(&ada), Rows::All, None, None, 2).await.unwrap();
        assert_eq!(first, keys[..2]);
        let second = run(by(&ada), Rows::All, None, Some(first[1].id()), 2)
            .await
            .unwrap();
        assert_eq!(second, keys[2..]);
        let of_eve = run(by(&ada), Rows::All, Some(eve.id), None, 9).await.unwrap();
        assert_eq!(of_eve, keys[1..2]);
        let other = AccountId::from_uuid(Uuid::from_u128(2));
        let none = run(fixture.of_account(other), Rows::All, None, None, 9).await;
        assert_eq!(none.unwrap(), []);
    }
}
