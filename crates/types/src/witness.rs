//! The witness that a call was authorized. Use cases take one; only [`Guard`](crate::Guard) makes one.
//!
//! A use case takes the witness of its method, and a store the handle of a witness:
//!
//! ```
//! use bailiwick_types::{AccountAccess, Authorized, method::tenancy::SuspendAccount};
//! fn suspend(by: &Authorized<SuspendAccount>) { by.account().map(read); }
//! fn read(account: AccountAccess) {}
//! fn handler(by: &Authorized<SuspendAccount>) { suspend(by); }
//! ```
//!
//! What must not compile: a use case without a witness,
//!
//! ```compile_fail,E0061
//! use bailiwick_types::{Authorized, method::tenancy::SuspendAccount};
//! fn suspend(by: &Authorized<SuspendAccount>) {}
//! fn handler() { suspend(); }
//! ```
//!
//! with the witness of another method,
//!
//! ```compile_fail,E0308
//! use bailiwick_types::{Authorized, method::tenancy::{GetAccount, SuspendAccount}};
//! fn suspend(by: &Authorized<SuspendAccount>) {}
//! fn handler(by: &Authorized<GetAccount>) { suspend(by); }
//! ```
//!
//! a read of an account by its id,
//!
//! ```compile_fail,E0308
//! use bailiwick_types::{AccountAccess, AccountId};
//! fn read(account: AccountAccess) {}
//! fn handler(id: AccountId) { read(id); }
//! ```
//!
//! a handle made of an id,
//!
//! ```compile_fail,E0423
//! use bailiwick_types::{AccountAccess, AccountId};
//! fn handler(id: AccountId) -> AccountAccess { AccountAccess(id) }
//! ```
//!
//! and a witness made outside of the guard.
//!
//! ```compile_fail,E0624
//! use std::sync::Arc;
//! use bailiwick_types::{Authorized, Caller, method::tenancy::SuspendAccount};
//! fn handler(caller: Arc<Caller>) -> Authorized<SuspendAccount> {
//!     Authorized::new(&caller, None, true, false)
//! }
//! ```

use std::{marker::PhantomData, sync::Arc};

use crate::{AccountId, Caller, Declaration, IdGen, Method, ScopeRoot, Subject};

/// Proof that the guard let a call of method `M` pass, and for which account.
///
/// The account is reached through the handles that the witness gives out: a store takes those and no id, so
/// that another account cannot be named. A witness for a dry run (`validate_only`) has no handle that writes.
pub struct Authorized<M> {
    caller: Arc<Caller>,
    account: Option<AccountId>,
    /// Whether the right came from the deployment's own roles and not from the account.
    operator: bool,
    dry_run: bool,
    method: PhantomData<fn() -> M>,
}

impl<M> Clone for Authorized<M> {
    fn clone(&self) -> Self {
        Self {
            caller: Arc::clone(&self.caller),
            ..*self
        }
    }
}

impl<M: Method> std::fmt::Debug for Authorized<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct(M::DECLARATION.path)
            .field("caller", &self.caller.subject())
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

impl<M: Method> Authorized<M> {
    pub(crate) fn new(
        caller: &Arc<Caller>,
        account: Option<AccountId>,
        operator: bool,
        dry_run: bool,
    ) -> Self {
        Self {
            caller: Arc::clone(caller),
            account,
            operator,
            dry_run,
            method: PhantomData,
        }
    }
    /// The same witness with the right to write.
    pub(crate) fn in_earnest(self) -> Self {
        Self {
            dry_run: false,
            ..self
        }
    }
    /// The caller.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
    /// The caller's subject; absent for anonymous callers of public methods.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        self.caller.subject()
    }
    /// The method that was called.
    #[must_use]
    pub fn method(&self) -> &'static Declaration {
        M::DECLARATION
    }
    /// The full name of the method, as audit entries carry it: `package.Service/Method`.
    #[must_use]
    pub fn action(&self) -> &'static str {
        M::DECLARATION.name()
    }
    /// Whether the caller acts by a role of the deployment.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.operator
    }
    /// Whether nothing may be written: the call asks for a preview.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }
    /// Reaches the account in which the call was allowed.
    #[must_use]
    pub fn account(&self) -> Option<AccountAccess> {
        self.account.map(AccountAccess)
    }
    /// Writes the account in which the call was allowed; nothing for a dry run.
    #[must_use]
    pub fn account_write(&self) -> Option<AccountWrite> {
        self.account().filter(|_| !self.dry_run).map(AccountWrite)
    }
    /// Reads an account that the request names: the one in which the call was allowed, or any where it was
    /// allowed without naming one. Nothing for another account.
    #[must_use]
    pub fn reads(&self, account: AccountId) -> Option<AccountAccess> {
        self.account
            .is_none_or(|own| own == account)
            .then_some(AccountAccess(account))
    }
    /// Writes it; nothing for a dry run either.
    #[must_use]
    pub fn writes(&self, account: AccountId) -> Option<AccountWrite> {
        self.reads(account).filter(|_| !self.dry_run).map(AccountWrite)
    }
    /// Reaches all accounts, where the call was allowed without naming one.
    #[must_use]
    pub fn all_accounts(&self) -> Option<AllAccounts> {
        self.account.is_none().then_some(AllAccounts(()))
    }
    /// Writes an account that begins with this call: its id is generated here, so that no existing one can be
    /// named. Nothing for a dry run, or where the call names an account.
    #[must_use]
    pub fn new_account(&self, ids: &dyn IdGen) -> Option<AccountWrite> {
        let begins = self.account.is_none() && !self.dry_run;
        begins.then(|| AccountWrite(AccountAccess(AccountId::generate(ids))))
    }
    /// The root whose revision a write under this witness counts up.
    #[must_use]
    pub fn root(&self) -> ScopeRoot {
        self.account.map_or(ScopeRoot::Deployment, ScopeRoot::Account)
    }
}

/// Reads one account: the one that a witness is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountAccess(AccountId);

impl AccountAccess {
    /// The account.
    #[must_use]
    pub fn id(self) -> AccountId {
        self.0
    }
}

/// Writes one account: the one that a witness is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountWrite(AccountAccess);

impl AccountWrite {
    /// Reads the same account.
    #[must_use]
    pub fn read(self) -> AccountAccess {
        self.0
    }
    /// The account.
    #[must_use]
    pub fn id(self) -> AccountId {
        self.0.0
    }
}

/// Reaches rows of all accounts.
#[derive(Debug, Clone, Copy)]
pub struct AllAccounts(());

impl AllAccounts {
    /// Reaches one of the accounts.
    #[must_use]
    pub fn account(self, account: AccountId) -> AccountAccess {
        AccountAccess(account)
    }
}

/// The witness of what the suite does by itself: followers of feeds, workers, purges.
#[derive(Debug, Clone)]
pub struct System(());

impl System {
    pub(crate) fn new() -> Self {
        Self(())
    }
    /// Writes an account that an event or a row of the suite's own names.
    #[must_use]
    pub fn account(&self, account: AccountId) -> AccountWrite {
        AccountWrite(AccountAccess(account))
    }
    /// Reaches rows of all accounts.
    #[must_use]
    pub fn all_accounts(&self) -> AllAccounts {
        AllAccounts(())
    }
}
