//! Lists users by id (AIP-158).

use bailiwick_types::{Authorized, PageRequest, PageSize, UserId};

use crate::{Identity, email::EmailKey, fault::fault, port::StoreError, user::User};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Command {
    /// Rows a page.
    pub size: PageSize,
    /// The last user of the page before.
    pub after: Option<UserId>,
    /// Only the user with this address.
    pub email: Option<EmailKey>,
}

/// A page.
#[derive(Debug, Clone)]
pub struct Page {
    /// The users.
    pub users: Vec<User>,
    /// After which user the next page begins; none on the last.
    pub next: Option<UserId>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fault!(Error {}[Store]);

/// Reads the page.
///
/// # Errors
/// The store did not answer.
pub async fn run(identity: &Identity, _by: &Authorized, command: &Command) -> Result<Page, Error> {
    let page = PageRequest {
        size: command.size,
        after: command.after,
    };
    let users = identity.store.user_page(&page, command.email.as_ref()).await?;
    let full = users.len() as u64 >= command.size.get();
    let next = if full { users.last().map(|u| u.id) } else { None };
    Ok(Page { users, next })
}
