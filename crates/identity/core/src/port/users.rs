//! Users in the store.

use async_trait::async_trait;
use bailiwick_types::{PageRequest, Timestamp, UserId};

use super::StoreError;
use crate::{
    email::EmailKey,
    password::PasswordHash,
    user::{Closing, Credentials, User},
};

/// Reads users.
#[async_trait]
pub trait UserReader {
    /// A user.
    ///
    /// # Errors
    /// The store does not answer.
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;
    /// Those of the users that exist, in any order.
    ///
    /// # Errors
    /// The store does not answer.
    async fn users(&self, ids: &[UserId]) -> Result<Vec<User>, StoreError>;
    /// Users by id, with this address where one is given.
    ///
    /// # Errors
    /// The store does not answer.
    async fn user_page(
        &self,
        page: &PageRequest<UserId>,
        email: Option<&EmailKey>,
    ) -> Result<Vec<User>, StoreError>;
    /// A user with what proves it.
    ///
    /// # Errors
    /// The store does not answer.
    async fn credentials(&self, id: UserId) -> Result<Option<Credentials>, StoreError>;
    /// The user of an address with what proves it.
    ///
    /// # Errors
    /// The store does not answer.
    async fn credentials_by_email(&self, email: &EmailKey) -> Result<Option<Credentials>, StoreError>;
    /// Whether any user is an operator.
    ///
    /// # Errors
    /// The store does not answer.
    async fn has_operator(&self) -> Result<bool, StoreError>;
    /// Intents to disable users that were written before an instant, at most `limit`, oldest first.
    ///
    /// # Errors
    /// The store does not answer.
    async fn closings(&self, before: Timestamp, limit: u64) -> Result<Vec<Closing>, StoreError>;
}

/// Writes users. The unit holds the user's root.
#[async_trait]
pub trait UserWriter {
    /// A user with what proves it, as the unit sees it.
    ///
    /// # Errors
    /// The store does not answer.
    async fn credentials_now(&mut self, id: UserId) -> Result<Option<Credentials>, StoreError>;
    /// Whether any user is an operator, as the unit sees it.
    ///
    /// # Errors
    /// The store does not answer.
    async fn has_operator_now(&mut self) -> Result<bool, StoreError>;
    /// Adds a user.
    ///
    /// # Errors
    /// [`StoreError::EmailTaken`] where another user has the address, also in another case.
    async fn insert_user(&mut self, user: &User, password: Option<&PasswordHash>) -> Result<(), StoreError>;
    /// Writes state and version of a user.
    ///
    /// # Errors
    /// The store does not answer.
    async fn update_user(&mut self, user: &User) -> Result<(), StoreError>;
    /// The intent to disable a user.
    ///
    /// # Errors
    /// The store does not answer.
    async fn closing(&mut self, user: UserId) -> Result<Option<Closing>, StoreError>;
    /// Adds an intent.
    ///
    /// # Errors
    /// The store does not answer.
    async fn insert_closing(&mut self, closing: &Closing) -> Result<(), StoreError>;
    /// Removes an intent, where there is one.
    ///
    /// # Errors
    /// The store does not answer.
    async fn delete_closing(&mut self, user: UserId) -> Result<(), StoreError>;
}
