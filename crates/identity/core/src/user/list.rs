//! Lists users by id (AIP-158).

use bailiwick_types::{Authorized, EmailKey, StoreError, UserId, method::identity::ListUsers};

use super::User;
use crate::Identity;

/// Which users to list.
#[derive(Debug, Clone)]
pub struct Command {
    /// The last user of the page before.
    pub after: Option<UserId>,
    /// The largest number of users.
    pub limit: u64,
    /// Only the user with this address.
    pub email: Option<EmailKey>,
}

/// Lists the users.
///
/// # Errors
/// The store failed.
pub async fn list(
    identity: &Identity,
    _by: &Authorized<ListUsers>,
    command: &Command,
) -> Result<Vec<User>, StoreError> {
    let Command { after, limit, email } = command;
    identity.store.user_page(*after, *limit, email.as_ref()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[tokio::test]
    async fn users_are_listed_by_id_or_by_address() {
        let fixture = Fixture::new().await;
        let mut users = Vec::new();
        for name in ["c", "a", "b"] {
            users.push(fixture.user(&format!("{name}@example.com")).await);
        }
        let page = async |after, limit, email: Option<&str>| {
            let email = email.map(|email| email.parse::<bailiwick_types::Email>().unwrap().key());
            let command = Command { after, limit, email };
            list(&fixture.identity, &fixture.operator(), &command)
                .await
                .unwrap()
        };
        assert_eq!(page(None, 2, None).await, users[..2]);
        assert_eq!(page(Some(users[1].id), 2, None).await, users[2..]);
        assert_eq!(page(None, 2, Some("A@example.com")).await, users[1..2]);
    }
}
