//! A transaction with the ports of `core` on it.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use bailiwick_authorization_core::{Change, Selects, StoreError, Unit, Write};
use bailiwick_sql::{Conn, ReadTx, WriteTx, execute, placeholders, query};
use bailiwick_types::{AccountAccess, AccountId, ScopeRoot, Subject, Token};
use sea_orm::{QueryResult, Value};

use super::{Hook, Products, change, convert::stored, store_error, written};
use bailiwick_proto::events::v1::change::Change as Written;

/// Rows of `part` that one statement writes.
const PARTS: usize = 200;

/// Has a connection.
pub(crate) trait ReadConn: Send + Sync {
    fn conn(&self) -> &Conn;
}

impl ReadConn for ReadTx {
    fn conn(&self) -> &Conn {
        ReadTx::conn(self)
    }
}

impl ReadConn for WriteTx {
    fn conn(&self) -> &Conn {
        WriteTx::conn(self)
    }
}

impl ReadConn for &mut WriteTx {
    fn conn(&self) -> &Conn {
        WriteTx::conn(self)
    }
}

/// `WriteConn` roots to write under: a transaction, or one that is lent.
pub(crate) trait WriteConn: ReadConn {
    fn tx(&mut self) -> &mut WriteTx;
    fn held(&self) -> &WriteTx;
}

impl WriteConn for WriteTx {
    fn tx(&mut self) -> &mut WriteTx {
        self
    }
    fn held(&self) -> &WriteTx {
        self
    }
}

impl WriteConn for &mut WriteTx {
    fn tx(&mut self) -> &mut WriteTx {
        self
    }
    fn held(&self) -> &WriteTx {
        self
    }
}

/// A transaction with the ports of `core` on it.
pub(crate) struct Tx<T> {
    tx: T,
    pub(super) products: Arc<Products>,
    account: Option<AccountAccess>,
    hook: Option<Hook>,
    changes: Vec<(ScopeRoot, Change)>,
    /// Which rows of accounts were written: told beside the changes.
    written: Vec<(AccountId, Written)>,
}

impl<T> Tx<T> {
    pub(crate) fn new(tx: T, products: Arc<Products>) -> Self {
        Self {
            tx,
            products,
            account: None,
            hook: None,
            changes: Vec::new(),
            written: Vec::new(),
        }
    }
    /// The same for the rows of one account.
    pub(crate) fn of_account(self, account: AccountAccess) -> Self {
        Self {
            account: Some(account),
            ..self
        }
    }
    /// The account whose rows are read and written now.
    pub(super) fn account_id(&self) -> Result<AccountId, StoreError> {
        self.account.map(AccountAccess::id).ok_or_else(|| {
            StoreError::internal("a unit of work across accounts was used before it selected one")
        })
    }
    pub(super) fn with_hook(self, hook: Option<Hook>) -> Self {
        Self { hook, ..self }
    }
}

impl<T: ReadConn> Tx<T> {
    pub(super) fn conn(&self) -> &Conn {
        self.tx.conn()
    }
    /// Runs a statement with `$1`, `$2` ... for its values.
    pub(super) async fn run(&self, sql: &str, values: Vec<Value>) -> Result<u64, StoreError> {
        Ok(execute(self.conn(), sql, values).await?)
    }
    /// Reads rows by a statement with `$1`, `$2` ... for its values.
    pub(super) async fn rows(&self, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, StoreError> {
        Ok(query(self.conn(), sql, values).await?)
    }
}

impl<T: WriteConn> Tx<T> {
    /// The transaction.
    pub(super) fn held(&self) -> &WriteTx {
        self.tx.held()
    }
    /// The instant, in microseconds.
    pub(super) fn now(&self) -> i64 {
        self.tx.held().db().clock().now().0
    }
    /// Notes that a row of the account was written. It is told where the write tells a change of the account.
    pub(super) fn wrote(&mut self, row: Written) -> Result<(), StoreError> {
        let account = self.account_id()?;
        self.written.push((account, row));
        Ok(())
    }
    /// The same for each account whose row the write holds.
    pub(super) fn wrote_in_all(&mut self, row: &Written) {
        for root in self.tx.held().roots() {
            if let ScopeRoot::Account(account) = root {
                self.written.push((account, row.clone()));
            }
        }
    }
    /// Writes what was emitted: the changes to the outbox, and the last change of each part.
    pub(crate) async fn flush(&mut self) -> Result<(), StoreError> {
        let mut parts: Vec<(uuid::Uuid, i16, String, u64)> = Vec::new();
        let mut emitted: HashSet<(ScopeRoot, Vec<u8>)> = HashSet::new();
        for (root, change) in std::mem::take(&mut self.changes) {
            // A set that changed twice in a write changed once.
            let encoded = change::encode(&change);
            if !emitted.insert((root.clone(), encoded.clone())) {
                continue;
            }
            if let (ScopeRoot::Account(account), Some((kind, key))) = (&root, change::part(&change)) {
                let revision = self.tx.held().next_revision(&root).map_err(store_error)?;
                parts.push((account.uuid(), kind, key, revision));
            }
            if let Change::Fact(subject) = &change {
                self.fact_changed(&root, subject).await?;
            }
            self.tx.tx().emit(&root, encoded).map_err(store_error)?;
        }
        let told: HashSet<ScopeRoot> = emitted.iter().map(|(root, _)| root.clone()).collect();
        for (account, row) in written::newest(std::mem::take(&mut self.written)) {
            let root = ScopeRoot::Account(account);
            let encoded = bailiwick_feed::encode(row);
            // A row is no change by itself: what is put back as it was gives the account no new revision.
            if told.contains(&root) && emitted.insert((root.clone(), encoded.clone())) {
                self.tx.tx().emit(&root, encoded).map_err(store_error)?;
            }
        }
        for some in parts.chunks(PARTS) {
            let mut tuples = Vec::with_capacity(some.len());
            let mut values: Vec<Value> = Vec::with_capacity(some.len() * 4);
            for (n, (account, kind, key, revision)) in some.iter().enumerate() {
                tuples.push(format!("({})", placeholders(n * 4 + 1, 4)));
                values.extend([
                    (*account).into(),
                    (*kind).into(),
                    key.clone().into(),
                    i64::try_from(*revision).unwrap_or(i64::MAX).into(),
                ]);
            }
            let sql = format!(
                "INSERT INTO part (account_id, kind, key, revision) VALUES {} \
                 ON CONFLICT (account_id, kind, key) DO UPDATE SET revision = excluded.revision",
                tuples.join(", ")
            );
            self.run(&sql, values).await?;
        }
        Ok(())
    }
}

impl<T: WriteConn> Tx<T> {
    /// Notes the last change of a fact of identity at the row that holds it.
    async fn fact_changed(&self, root: &ScopeRoot, subject: &Subject) -> Result<(), StoreError> {
        let (table, key, id) = match (subject.user_id(), subject.service_id()) {
            (Some(user), _) => ("user_state", "user_id", user.uuid()),
            (_, Some(service)) => ("service_state", "service_id", service.uuid()),
            (None, None) => return Err(StoreError::internal("identity has no such subject")),
        };
        let revision = self.tx.held().next_revision(root).map_err(store_error)?;
        let sql = format!("UPDATE {table} SET revision = $1 WHERE {key} = $2");
        self.run(&sql, vec![stored(revision).into(), id.into()]).await?;
        Ok(())
    }
}

impl<T> Selects for Tx<T> {
    fn select(&mut self, account: AccountAccess) {
        self.account = Some(account);
    }
}

impl<T: WriteConn> Write for Tx<T> {
    fn emit(&mut self, root: ScopeRoot, change: Change) {
        self.changes.push((root, change));
    }
    fn next_revision(&self, root: &ScopeRoot) -> Result<u64, StoreError> {
        self.tx.held().next_revision(root).map_err(store_error)
    }
}

#[async_trait]
impl Unit for Tx<WriteTx> {
    async fn commit(mut self: Box<Self>) -> Result<Token, StoreError> {
        self.flush().await?;
        let done = self.tx.commit().await.map_err(store_error)?;
        if let Some(hook) = &self.hook
            && !done.revisions.is_empty()
        {
            hook.committed(&done).await;
        }
        Ok(done.token())
    }
}
