//! Users and service accounts, as identity tells of them.

use std::collections::HashMap;

use async_trait::async_trait;
use bailiwick_types::{
    AccountId, Email, EmailKey, ScopeRoot, ServiceAccountId, SourceVersion, Subject, UserId,
};

use crate::{StoreError, binding::Holder};

/// Whether a user may do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PersonState {
    /// It may.
    #[default]
    Active,
    /// It has no permission anywhere.
    Disabled,
    /// It is gone.
    Deleted,
}

bailiwick_types::codes!(PersonState { Active = 1, Disabled = 2, Deleted = 3 });

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Its id.
    pub user: UserId,
    /// Its state.
    pub state: PersonState,
    /// Identity's version of it.
    pub version: SourceVersion,
    /// The version up to which it stays disabled, whatever older events say.
    pub closed_version: Option<SourceVersion>,
    /// Its e-mail address.
    pub email: String,
    /// Whether the address was proved.
    pub email_verified: bool,
    /// Whether it was made as an operator.
    pub operator: bool,
}

impl PersonState {
    /// Whether nothing is allowed to the user.
    #[must_use]
    pub fn is_closed(self) -> bool {
        self != Self::Active
    }
}

impl Person {
    /// A user of whom nothing was told yet.
    #[must_use]
    pub fn unknown(user: UserId) -> Self {
        Self {
            user,
            state: PersonState::Active,
            version: SourceVersion::default(),
            closed_version: None,
            email: String::new(),
            email_verified: false,
            operator: false,
        }
    }
    /// What stays of it once it is deleted.
    #[must_use]
    pub fn erased(self) -> Self {
        Self {
            state: PersonState::Deleted,
            email: String::new(),
            email_verified: false,
            operator: false,
            ..self
        }
    }
    /// The key of its address, by which invitations find it; none where it has no address.
    #[must_use]
    pub fn email_key(&self) -> Option<EmailKey> {
        let email: Email = self.email.parse().ok()?;
        Some(email.key())
    }
}

/// A service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its id.
    pub id: ServiceAccountId,
    /// Identity's version of it.
    pub version: SourceVersion,
    /// The version up to which it stays disabled, whatever older events say.
    pub closed_version: Option<SourceVersion>,
    /// Whether it may do anything.
    pub enabled: bool,
    /// The scope that it was made for.
    pub root: ScopeRoot,
    /// The role that it was made with; none where it has none.
    pub role: Option<String>,
    /// Who made it; none where that was not told.
    pub creator: Option<Subject>,
}

/// A role of the deployment or of a product, as it is bound to a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootRole {
    /// Its name.
    pub role: String,
    /// The generation of the product's names in which it was bound: see
    /// [`Product::generation`](bailiwick_policy::Product::generation).
    pub generation: u32,
}

impl ServiceAccount {
    /// A service account of which nothing was told yet.
    #[must_use]
    pub fn unknown(id: ServiceAccountId) -> Self {
        Self {
            id,
            version: SourceVersion::default(),
            closed_version: None,
            enabled: true,
            root: ScopeRoot::Deployment,
            role: None,
            creator: None,
        }
    }
    /// Whether identity has told of it; one that was only closed so far is known by its id alone.
    #[must_use]
    pub fn was_told(&self) -> bool {
        self.version != SourceVersion::default()
    }
}

/// The role of the deployment that its operators have.
pub const OPERATOR: &str = "operator";

/// The longest way from a service account to who stands behind it.
pub const LONGEST: usize = 16;

/// Who stands behind a subject: itself, or, where it is a service account, who stands behind its maker. Of
/// nobody's making that is known, it stands for itself. None where nobody can say: one that was not told of
/// yet, makers in a circle, or more than [`LONGEST`] of them.
///
/// # Errors
/// The store fails.
pub async fn behind(read: &(impl Reader + ?Sized), subject: &Subject) -> Result<Option<Subject>, StoreError> {
    let mut at = subject.clone();
    for _ in 0..=LONGEST {
        let Some(id) = at.service_id() else {
            return Ok(Some(at));
        };
        let account = read.service_account(id).await?;
        let Some(account) = account.filter(ServiceAccount::was_told) else {
            return Ok(None);
        };
        match account.creator {
            Some(creator) => at = creator,
            None => return Ok(Some(at)),
        }
    }
    Ok(None)
}

/// A user in an account.
pub type InAccount = (AccountId, UserId);

/// Reads users and service accounts.
#[async_trait]
pub trait Reader: Send + Sync {
    /// A user.
    async fn person(&self, user: UserId) -> Result<Option<Person>, StoreError>;
    /// Those of some users of whom identity told.
    async fn people(&self, users: &[UserId]) -> Result<Vec<Person>, StoreError> {
        let mut people = Vec::new();
        for user in users {
            people.extend(self.person(*user).await?);
        }
        Ok(people)
    }
    /// The e-mail addresses of those users who are members of the account that they are asked for in,
    /// whatever their state: of others an account learns none.
    async fn emails(&self, of: &[InAccount]) -> Result<HashMap<InAccount, String>, StoreError>;
    /// The members of the account that have an e-mail address, by user id.
    async fn members_with(&self, email: &EmailKey) -> Result<Vec<UserId>, StoreError>;
    /// A service account.
    async fn service_account(&self, id: ServiceAccountId) -> Result<Option<ServiceAccount>, StoreError>;
    /// The service accounts that these subjects made.
    async fn service_accounts_of(&self, makers: &[Subject]) -> Result<Vec<ServiceAccountId>, StoreError>;
    /// The service accounts that were made for an account.
    async fn service_accounts_for(&self, account: AccountId) -> Result<Vec<ServiceAccountId>, StoreError>;
    /// The roles that are bound to a subject at the deployment or at a product.
    async fn root_roles(&self, root: &ScopeRoot, subject: &Subject) -> Result<Vec<RootRole>, StoreError>;
    /// Whether a role is bound to a subject at the deployment or at a product.
    async fn has_root_binding(
        &self,
        root: &ScopeRoot,
        subject: &Subject,
        role: &str,
    ) -> Result<bool, StoreError>;
    /// The users that have a role at the deployment or at a product.
    async fn root_holders(&self, root: &ScopeRoot, role: &str) -> Result<Vec<Holder>, StoreError>;
}

/// Writes users and service accounts.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Makes or replaces a user.
    async fn put_person(&mut self, person: &Person) -> Result<(), StoreError>;
    /// Makes or replaces a service account.
    async fn put_service_account(&mut self, account: &ServiceAccount) -> Result<(), StoreError>;
    /// Binds a role at the deployment or at a product, or takes it away. Tells whether that changed anything.
    async fn set_root_binding(
        &mut self,
        root: &ScopeRoot,
        subject: &Subject,
        role: &str,
        bound: bool,
    ) -> Result<bool, StoreError>;
}
