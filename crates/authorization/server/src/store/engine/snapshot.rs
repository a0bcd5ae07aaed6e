//! An account as one snapshot shows it, read on while a long answer is made.

use std::collections::HashMap;

use bailiwick_authorization_engine::{AccountRef, Content, PartRows};
use bailiwick_policy::PermissionSet;
use bailiwick_sql::{Db, Error, ReadTx, placeholders, statement};
use bailiwick_types::{AccountAccess, ScopeRoot, Subject};
use sea_orm::{ConnectionTrait, Value};
use uuid::Uuid;

use crate::lists::{After, Person};

use super::{SqlSource, people};

/// An account in a transaction that sees one moment of it. Dropping it ends the transaction.
#[derive(Debug)]
pub(crate) struct AccountSnapshot {
    source: SqlSource,
    tx: ReadTx,
    account: AccountAccess,
    content: Content,
    revision: u64,
}

impl AccountSnapshot {
    /// Starts reading; `None` if the account does not exist.
    pub(crate) async fn open(db: Db, account: AccountAccess) -> Result<Option<Self>, Error> {
        let tx = db.begin_read(&ScopeRoot::Account(account.id())).await?;
        let source = SqlSource::new(db);
        let Some(read) = source.load_in(&tx, account.id(), None, &[]).await? else {
            return Ok(None);
        };
        Ok(Some(Self {
            source,
            tx,
            account,
            content: read.value.content,
            revision: read.at.account,
        }))
    }

    /// What is kept of the account beside its parts.
    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    /// The account's revision.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Counts those who may have anything.
    pub(crate) async fn count(&self) -> Result<u64, Error> {
        people::count(self.tx.conn(), self.account).await
    }

    /// Who may have anything, after somebody.
    pub(crate) async fn people(&self, after: &After, limit: usize) -> Result<Vec<Person>, Error> {
        people::page(self.tx.conn(), self.account, after, limit).await
    }

    /// The e-mail address of a user, where it is known.
    pub(crate) async fn email(&self, subject: &Subject) -> Result<Option<String>, Error> {
        let Some(user) = subject.user_id() else {
            return Ok(None);
        };
        let conn = self.tx.conn();
        let sql = "SELECT email FROM user_state WHERE user_id = $1";
        let row = conn
            .query_one_raw(statement(conn, sql, vec![user.uuid().into()]))
            .await?;
        let email: Option<String> = row.map(|row| row.try_get("", "email")).transpose()?;
        Ok(email.filter(|email| !email.is_empty()))
    }

    /// The sets of a subject and of the groups that it is in, its own first, and whether identity has
    /// disabled it.
    pub(crate) async fn sets(&self, subject: &Subject) -> Result<(Vec<PermissionSet>, bool), Error> {
        let of = AccountRef {
            account: self.account.id(),
            product: &self.content.product,
        };
        let seeds = vec![subject.to_string()];
        let read = self
            .source
            .sets(self.tx.conn(), of, seeds, subject.user_id())
            .await?;
        let (mut sets, mut disabled) = (Vec::new(), false);
        for (_, part) in read.value.parts {
            if let PartRows::Subject {
                rows,
                disabled: of_user,
            } = part
            {
                disabled |= of_user;
                sets.push(rows.set(&self.content.policy));
            }
        }
        sets.sort_by_key(|set| set.subject() != subject);
        Ok((sets, disabled))
    }

    /// The titles of the places of the account with these ids, and of itself.
    pub(crate) async fn place_titles(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, String>, Error> {
        let sql = format!(
            "SELECT id, title FROM account WHERE id = $1 \
             UNION ALL SELECT id, title FROM place WHERE account_id = $1 AND id IN ({})",
            placeholders(2, ids.len())
        );
        self.titles(sql, ids).await
    }

    /// The titles of groups.
    pub(crate) async fn group_titles(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, String>, Error> {
        let sql = format!(
            "SELECT id, title FROM subject_group WHERE account_id = $1 AND id IN ({})",
            placeholders(2, ids.len())
        );
        self.titles(sql, ids).await
    }

    async fn titles(&self, sql: String, ids: &[Uuid]) -> Result<HashMap<Uuid, String>, Error> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let conn = self.tx.conn();
        let mut values: Vec<Value> = vec![self.account.id().uuid().into()];
        values.extend(ids.iter().copied().map(Value::from));
        let rows = conn.query_all_raw(statement(conn, sql, values)).await?;
        rows.iter()
            .map(|row| Ok((row.try_get("", "id")?, row.try_get("", "title")?)))
            .collect()
    }

    /// The title of a resource; empty where there is none.
    pub(crate) async fn resource_title(&self, of: &str, id: &str) -> Result<String, Error> {
        let conn = self.tx.conn();
        let sql = "SELECT title FROM resource WHERE account_id = $1 AND type = $2 AND id = $3";
        let values: Vec<Value> = vec![self.account.id().uuid().into(), of.into(), id.into()];
        let row = conn.query_one_raw(statement(conn, sql, values)).await?;
        let title: Option<String> = row.map(|row| row.try_get("", "title")).transpose()?;
        Ok(title.unwrap_or_default())
    }
}
