//! Users.

pub mod activate;
pub mod batch_get;
pub mod change_password;
pub mod create;
pub mod delete;
pub mod disable;
pub mod enable;
pub mod get;
pub mod list;
mod mailed;
pub mod request_password_reset;
pub mod reset_password;
pub mod send_activation;
pub mod send_verification;
pub mod update;
pub mod verify_email;

use async_trait::async_trait;
use bailiwick_types::{Email, EmailKey, ScopeRoot, SessionId, StoreError, Timestamp, UserId};

pub use activate::activate;
pub use batch_get::batch_get;
pub use change_password::change_password;
pub use create::create;
pub use delete::delete;
pub use disable::disable;
pub use enable::enable;
pub use get::get;
pub use list::list;
pub use request_password_reset::request_password_reset;
pub use reset_password::reset_password;
pub use send_activation::send_activation;
pub use send_verification::send_verification;
pub use update::update;
pub use verify_email::verify_email;

use crate::{
    change::Change,
    display_name::DisplayName,
    locale::Locale,
    password::{OwnWords, PasswordHash},
    session,
    store::Write,
};

/// The states of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserState {
    /// May sign in.
    Active,
    /// May not sign in and has no permission anywhere.
    Disabled,
}

/// A person that signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Id.
    pub id: UserId,
    /// E-mail address.
    pub email: Email,
    /// Whether the address is verified.
    pub email_verified: bool,
    /// Name for display.
    pub display_name: DisplayName,
    /// The language that it reads.
    pub locale: Locale,
    /// State.
    pub state: UserState,
    /// Whether the user was created as an operator of the deployment.
    pub operator: bool,
    /// When it was created.
    pub created: Timestamp,
    /// The revision of the user's root at its last change.
    pub version: u64,
}

impl User {
    /// The root whose revision the user's changes count up.
    #[must_use]
    pub fn root(&self) -> ScopeRoot {
        ScopeRoot::User(self.id)
    }
    /// The words that are no password of the user.
    #[must_use]
    pub fn own_words(&self) -> OwnWords<'_> {
        OwnWords {
            email: &self.email,
            name: &self.display_name,
        }
    }
}

/// Ends the sessions of a user but one, and forgets its devices but that at which this one began: what was
/// opened with another password, or by somebody else, does not go on.
pub(crate) async fn end_sessions(
    write: &mut dyn Write,
    user: &User,
    except: Option<SessionId>,
    now: Timestamp,
) -> Result<Vec<SessionId>, StoreError> {
    let kept = match except {
        Some(session) => write.session(session).await?,
        None => None,
    };
    // The token of a device is issued at the instant at which its session begins.
    let began = kept.map(|session| session.created);
    write.forget_devices(user.id, began).await?;
    let live = write.live_sessions(user.id, now).await?;
    let others = live.into_iter().filter(|session| Some(*session) != except);
    session::end_sessions(write, user.id, others, now).await
}

/// Records that the address of a user was proved.
pub(crate) async fn prove_address(write: &mut dyn Write, user: &mut User) -> Result<(), StoreError> {
    if !user.email_verified {
        user.email_verified = true;
        user.version = write.next_revision(&user.root())?;
        write.update_user(user).await?;
        write.emit(&user.root(), Change::User(user.clone()))?;
    }
    Ok(())
}

/// A user with its credentials.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user.
    pub user: User,
    /// Its password, if it has one.
    pub password: Option<PasswordHash>,
    /// Whether access is being taken away from it.
    pub closing: bool,
}

impl Credentials {
    /// Whether the user still has the password that it had before.
    #[must_use]
    pub fn has_password_of(&self, before: &Self) -> bool {
        let text = |of: &Self| of.password.as_ref().map(|hash| hash.expose().to_owned());
        text(self) == text(before)
    }
    /// Whether the user may sign in.
    #[must_use]
    pub fn may_sign_in(&self) -> bool {
        self.user.state == UserState::Active && !self.closing
    }
}

/// What an intent takes away from a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everything: it is disabled.
    All,
    /// The operator's role.
    Operator,
    /// Everything, with all that is known of it: it is deleted.
    Existence,
}

bailiwick_types::codes!(Access { All = 1, Operator = 2, Existence = 3 });

/// The intent to take access away from a user: written before authorization closes the user, removed with the
/// change. A user has one at a time, and cannot sign in meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The user.
    pub user: UserId,
    /// What is taken away.
    pub access: Access,
    /// The version that the change had been about to have; it has this one or a later one.
    pub version: u64,
    /// Who asked for it, `TYPE:ID`; empty for the suite itself.
    pub actor: String,
    /// When it was written.
    pub created: Timestamp,
}

/// Reads users.
#[async_trait]
pub trait Reader {
    /// A user.
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;
    /// Those of the users that exist, in any order.
    async fn users(&self, ids: &[UserId]) -> Result<Vec<User>, StoreError>;
    /// At most `limit` users in the order of their ids, only the one with this address if one is given.
    async fn user_page(
        &self,
        after: Option<UserId>,
        limit: u64,
        email: Option<&EmailKey>,
    ) -> Result<Vec<User>, StoreError>;
    /// A user with its credentials.
    async fn credentials(&self, id: UserId) -> Result<Option<Credentials>, StoreError>;
    /// The user of an address with its credentials.
    async fn credentials_by_email(&self, email: &EmailKey) -> Result<Option<Credentials>, StoreError>;
    /// Whether any active user is an operator.
    async fn has_active_operator(&self) -> Result<bool, StoreError>;
    /// The version at which a user was deleted.
    async fn deleted(&self, id: UserId) -> Result<Option<u64>, StoreError>;
    /// The intent to take access away from a user.
    async fn closing(&self, user: UserId) -> Result<Option<Closing>, StoreError>;
    /// At most `limit` intents that were written before an instant, oldest first.
    async fn closings(&self, before: Timestamp, limit: u64) -> Result<Vec<Closing>, StoreError>;
}

/// Writes users. The unit holds the user's root.
#[async_trait]
pub trait Writer {
    /// Adds a user: [`StoreError::Taken`] if another one has the address, also in another case.
    async fn insert_user(&mut self, user: &User, password: Option<&PasswordHash>) -> Result<(), StoreError>;
    /// Writes state, profile and version of a user, whether it is an operator, and whether its address is
    /// verified.
    async fn update_user(&mut self, user: &User) -> Result<(), StoreError>;
    /// Writes the password of a user.
    async fn set_password(&mut self, user: UserId, password: &PasswordHash) -> Result<(), StoreError>;
    /// Adds an intent.
    async fn insert_closing(&mut self, closing: &Closing) -> Result<(), StoreError>;
    /// Removes an intent, if there is one.
    async fn delete_closing(&mut self, user: UserId) -> Result<(), StoreError>;
    /// Erases everything that is known of a user, also in changes that were published: what is left is its
    /// id, with the version at which it was deleted, and which of its sessions must not be accepted again.
    async fn erase_user(&mut self, user: &User, version: u64, now: Timestamp) -> Result<(), StoreError>;
}
