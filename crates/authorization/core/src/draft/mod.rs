//! A snapshot with changes laid over it in memory: what a preview looks at. It takes no lock and writes
//! nothing. Over nothing, it is the store in which rules are tested.

mod administration;
mod erasure;
mod holdings;
mod relocation;
mod standing;
mod table;
#[cfg(test)]
mod tests;
mod tree;
mod usage;

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use bailiwick_policy::{AccountPolicy, CustomRole, Overlay};
use bailiwick_types::{
    AccountAccess, ScopeRoot, ServiceAccountId, StoreError, Subject, Timestamp, Token, UserId,
};
use uuid::Uuid;

use self::table::Table;
use crate::{
    Change, Read, Selects, Unit, Write,
    account::{Account, EarlyClosure, Place},
    approval::Approval,
    binding::Binding,
    compiling::PolicyParts,
    grant::Grant,
    group::Group,
    invitation::Invitation,
    member::Member,
    person::{Person, RootRole, ServiceAccount},
    product::Product,
    request::Answered,
    resource::{Name, Resource},
};

/// A limit of rows that leaves none out: databases take no number above half of a `u64`.
const ALL: u64 = 1 << 32;

/// What the snapshot has, where there is one.
macro_rules! base {
    ($draft:ident.$method:ident($($argument:expr),*)) => {
        match &$draft.base {
            Some(base) => base.$method($($argument),*).await?,
            None => Default::default(),
        }
    };
}
use base;

/// A snapshot with changes over it.
pub(crate) struct Draft {
    base: Option<Arc<dyn Read + Send + Sync>>,
    pub(crate) rows: Rows,
    pub(crate) changes: Vec<(ScopeRoot, Change)>,
    next_revision: u64,
    #[cfg(test)]
    pub(crate) memory: Option<crate::memory::Memory>,
}

/// A role of the deployment or of a product that is bound.
#[derive(Debug, Clone)]
struct RootBinding {
    root: String,
    subject: Subject,
    role: RootRole,
}

/// The changed rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    pub(crate) account: Option<Account>,
    pub(crate) policy: Option<Arc<AccountPolicy>>,
    places: Table<Uuid, Place>,
    closures: Table<Uuid, EarlyClosure>,
    members: Table<UserId, Member>,
    bindings: Table<Uuid, Binding>,
    grants: Table<Uuid, Grant>,
    groups: Table<Uuid, Group>,
    memberships: Table<(Uuid, Subject), (Uuid, Subject)>,
    resources: Table<Name, Resource>,
    quotas: Table<(Subject, String), (Subject, String, u64)>,
    invitations: Table<Uuid, Invitation>,
    approvals: Table<Uuid, Approval>,
    people: Table<UserId, Person>,
    services: Table<ServiceAccountId, ServiceAccount>,
    root_bindings: Table<(String, Subject, String), RootBinding>,
    products: Table<String, Product>,
    answers: Table<(String, String), Answered>,
    endings: BTreeSet<(UserId, Timestamp)>,
    endings_forgotten: Option<Timestamp>,
}

impl Draft {
    /// Begins with the present state of a snapshot.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn over(base: Arc<dyn Read + Send + Sync>) -> Result<Self, StoreError> {
        let next_revision = base.revision().await? + 1;
        Ok(Self {
            base: Some(base),
            rows: Rows::default(),
            changes: Vec::new(),
            next_revision,
            #[cfg(test)]
            memory: None,
        })
    }
    /// Begins with rows alone.
    #[cfg(test)]
    pub(crate) fn of(rows: Rows, next_revision: u64) -> Self {
        Self {
            base: None,
            rows,
            changes: Vec::new(),
            next_revision,
            memory: None,
        }
    }
    /// Compiles the account's policy anew with other roles.
    async fn change_policy(
        &mut self,
        change: impl FnOnce(&AccountPolicy, &mut Vec<CustomRole>, &mut Vec<Overlay>),
    ) -> Result<(), StoreError> {
        use crate::account::Reader;
        let Some(account) = self.account().await? else {
            return Ok(());
        };
        let old = self.policy(&account).await?;
        let mut custom = crate::role::custom_roles(&old);
        let mut overlays = crate::role::overlays(&old);
        change(&old, &mut custom, &mut overlays);
        let parts = PolicyParts {
            product: Arc::clone(old.product()),
            custom,
            overlays,
            settings: account.settings,
        };
        self.rows.policy = Some(parts.compile().await?);
        Ok(())
    }
}

impl Selects for Draft {
    fn select(&mut self, _: AccountAccess) {}
}

impl Write for Draft {
    fn emit(&mut self, root: ScopeRoot, change: Change) {
        self.changes.push((root, change));
    }
    fn next_revision(&self, _: &ScopeRoot) -> Result<u64, StoreError> {
        Ok(self.next_revision)
    }
}

#[async_trait]
impl Unit for Draft {
    async fn commit(self: Box<Self>) -> Result<Token, StoreError> {
        #[cfg(test)]
        if let Some(memory) = self.memory.clone() {
            return Ok(memory.keep(*self));
        }
        Err(StoreError::internal("a draft is never committed"))
    }
}
