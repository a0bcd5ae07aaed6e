//! Reading entries, with the personal values that still open.

use async_trait::async_trait;
use bailiwick_sql::Error;
use bailiwick_tenancy_core::audit::{Entry, Filter, Head, Log, Opened, Personal, Range, Sealed};
use bailiwick_types::{AccountAccess, ScopeRoot, StoreError};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{AuditStore, append::purpose, heads, vault::Keys};
use crate::store::{convert::stored, entity::audit_entry};

/// What was sealed of an entry.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Plain {
    network: String,
    device: String,
    before: Map<String, Value>,
    after: Map<String, Value>,
}

#[async_trait]
impl Log for AuditStore {
    async fn entries(
        &self,
        account: AccountAccess,
        filter: &Filter,
        range: Range,
        limit: u64,
    ) -> Result<Vec<Opened>, StoreError> {
        let root = ScopeRoot::Account(account.id());
        let tx = self.db.begin_read(&root).await?;
        let read = self.read(tx.conn(), &root, filter, range, limit).await?;
        Ok(self.open(tx.conn(), read).await?)
    }
    async fn head(&self, account: AccountAccess) -> Result<Option<Head>, StoreError> {
        let root = ScopeRoot::Account(account.id());
        let tx = self.db.begin_read(&root).await?;
        let signed = heads(tx.conn(), Some(&root.to_string())).await?.pop();
        Ok(signed.map(|signed| signed.head))
    }
}

impl AuditStore {
    /// Entries of any chain, for commands on the database.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn entries_of(
        &self,
        chain: &ScopeRoot,
        filter: &Filter,
        range: Range,
        limit: u64,
    ) -> Result<Vec<Opened>, Error> {
        let tx = self.db.begin_read_across().await?;
        let read = self.read(tx.conn(), chain, filter, range, limit).await?;
        self.open(tx.conn(), read).await
    }

    pub(super) async fn read(
        &self,
        conn: &impl ConnectionTrait,
        chain: &ScopeRoot,
        filter: &Filter,
        range: Range,
        limit: u64,
    ) -> Result<Vec<Entry>, Error> {
        use audit_entry::Column;
        let mut select = audit_entry::Entity::find().filter(Column::Chain.eq(chain.to_string()));
        let equal = [
            (Column::Actor, &filter.actor),
            (Column::Target, &filter.target),
            (Column::Action, &filter.action),
        ];
        for (column, value) in equal {
            if let Some(value) = value {
                select = select.filter(column.eq(value.as_str()));
            }
        }
        if let Some(start) = filter.start {
            select = select.filter(Column::OccurredAt.gte(start.0));
        }
        if let Some(end) = filter.end {
            select = select.filter(Column::OccurredAt.lt(end.0));
        }
        select = match range {
            Range::Newest { before } => {
                let select = select.order_by_desc(Column::Sequence);
                match before {
                    Some(before) => select.filter(Column::Sequence.lt(stored(before))),
                    None => select,
                }
            }
            Range::Oldest { after, upto } => select
                .filter(Column::Sequence.gt(stored(after)))
                .filter(Column::Sequence.lte(stored(upto)))
                .order_by_asc(Column::Sequence),
        };
        let rows = select.limit(limit).all(conn).await?;
        rows.into_iter().map(Entry::try_from).collect()
    }

    async fn open(&self, conn: &impl ConnectionTrait, entries: Vec<Entry>) -> Result<Vec<Opened>, Error> {
        let mut keys = Keys::new();
        let owners = entries
            .iter()
            .flat_map(|entry| [&entry.origin, &entry.content])
            .filter(|sealed| !sealed.owner.is_empty())
            .map(|sealed| sealed.owner.as_str());
        self.vault.load(conn, owners, &mut keys).await?;
        Ok(entries.into_iter().map(|entry| opened(entry, &keys)).collect())
    }
}

fn opened(entry: Entry, keys: &Keys) -> Opened {
    // Nothing was kept, or no key opens it any more: of persons that were deleted. What was changed does not
    // open either; verifying tells that.
    let part = |sealed: &Sealed, part: &str| -> Option<Plain> {
        if sealed.owner.is_empty() {
            return Some(Plain::default());
        }
        let plain = keys
            .get(&sealed.owner)?
            .open(&purpose(entry.id, part), &sealed.bytes);
        serde_json::from_slice(&plain?).ok()
    };
    let (origin, content) = (part(&entry.origin, "origin"), part(&entry.content, "content"));
    let erased = origin.is_none() || content.is_none();
    let (origin, content) = (origin.unwrap_or_default(), content.unwrap_or_default());
    Opened {
        entry,
        personal: Personal {
            network: origin.network,
            device: origin.device,
            before: content.before,
            after: content.after,
        },
        erased,
    }
}
