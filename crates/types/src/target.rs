//! What a call is about.

use crate::{AccountId, ProductName, Scope, Subject};

/// What a call is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    pub(crate) account: Option<AccountId>,
    /// `account:ID`, `instance:ID`, `workspace:ID` or `TYPE:ID` of a resource.
    on: Option<String>,
    pub(crate) type_name: Option<String>,
    pub(crate) owner: Option<Subject>,
    /// Whether it is a product as a whole.
    pub(crate) of_product: bool,
}

impl Target {
    /// Nothing below the product: the deployment, or the caller itself.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }
    /// An account.
    #[must_use]
    pub fn account(account: AccountId) -> Self {
        Self {
            account: Some(account),
            ..Self::default()
        }
    }
    /// A product, with all its accounts.
    #[must_use]
    pub fn product(product: &ProductName) -> Self {
        Self {
            on: Some(Scope::Product(product.clone()).to_string()),
            of_product: true,
            ..Self::default()
        }
    }
    /// A scope of an account.
    #[must_use]
    pub fn scope(account: AccountId, scope: &Scope) -> Self {
        Self::on(account, scope.to_string())
    }
    /// A scope or resource of an account, as text: `account:ID`, `instance:ID`, `workspace:ID` or `TYPE:ID`.
    #[must_use]
    pub fn on(account: AccountId, on: impl Into<String>) -> Self {
        Self {
            on: Some(on.into()),
            ..Self::account(account)
        }
    }
    /// A resource of an account; its type is that of the permission `TYPE.verb` that a method may declare.
    #[must_use]
    pub fn resource(account: AccountId, name: &str) -> Self {
        let type_name = name.split_once(':').map_or(name, |(type_name, _)| type_name);
        Self::on(account, name).of_type(type_name)
    }
    /// The same with the type whose verb is asked, where it is not the target's own.
    #[must_use]
    pub fn of_type(self, type_name: impl Into<String>) -> Self {
        Self {
            type_name: Some(type_name.into()),
            ..self
        }
    }
    /// The same with the subject that it belongs to: what a method calls the caller itself.
    #[must_use]
    pub fn owned_by(self, owner: Subject) -> Self {
        Self {
            owner: Some(owner),
            ..self
        }
    }
    /// The account, where it names one.
    #[must_use]
    pub fn account_id(&self) -> Option<AccountId> {
        self.account
    }
    /// What it is, as text: the scope or resource, the account, or the deployment where it names nothing.
    #[must_use]
    pub fn describe(&self) -> String {
        self.text(self.account)
    }
    pub(crate) fn text(&self, account: Option<AccountId>) -> String {
        match (&self.on, account) {
            (Some(on), _) => on.clone(),
            (None, Some(account)) => Scope::Account(account).to_string(),
            (None, None) => Scope::Deployment.to_string(),
        }
    }
}
