//! Users.

use bailiwick_types::{ScopeRoot, Timestamp, UserId};

use crate::{email::Email, password::PasswordHash, title::DisplayName};

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
    /// Whether the address was proved.
    pub email_verified: bool,
    /// Name for display.
    pub display_name: DisplayName,
    /// State.
    pub state: UserState,
    /// Whether the user was made as an operator of the deployment.
    pub operator: bool,
    /// When it was made.
    pub created: Timestamp,
    /// The revision of the user's root at its last change.
    pub version: u64,
}

impl User {
    /// The root that the user's changes count up.
    #[must_use]
    pub fn root(&self) -> ScopeRoot {
        ScopeRoot::User(self.id)
    }
}

/// A user with what proves it.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user.
    pub user: User,
    /// Its password; none where it has none.
    pub password: Option<PasswordHash>,
    /// Whether it is being disabled.
    pub closing: bool,
}

impl Credentials {
    /// Whether the user may sign in.
    #[must_use]
    pub fn may_sign_in(&self) -> bool {
        self.user.state == UserState::Active && !self.closing
    }
}

/// The intent to disable a user: written before authorization is told, gone with the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The user.
    pub user: UserId,
    /// The version that the change was to have when the intent was written; the change has it or a later one.
    pub version: u64,
    /// Who asked for it, `TYPE:ID`; empty for the suite itself.
    pub actor: String,
    /// When it was written.
    pub created: Timestamp,
}
