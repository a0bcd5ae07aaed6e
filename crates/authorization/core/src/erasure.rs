//! Personal data that is not kept once a user is deleted: memberships with all that belongs to them, and
//! invitations to the user's address.

use async_trait::async_trait;
use bailiwick_types::{AccountId, EmailKey, Subject};

use crate::{StoreError, invitation::Invitation};

/// Reads where a user is named.
#[async_trait]
pub trait Reader: Send + Sync {
    /// The accounts that have something of the subject, or invited its address.
    async fn accounts_naming(
        &self,
        subject: &Subject,
        address: &EmailKey,
    ) -> Result<Vec<AccountId>, StoreError>;
}

/// Erases.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Removes the invitations of the account to an address, whatever became of them, and takes the address
    /// out of everything that was told of them. Returns them. The unit holds the account's root.
    async fn forget_invited(&mut self, address: &EmailKey) -> Result<Vec<Invitation>, StoreError>;
}
