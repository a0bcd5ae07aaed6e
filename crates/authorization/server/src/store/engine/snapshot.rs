//! An account as one snapshot shows it, read on while a long answer is made.

use bailiwick_authorization_engine::{AccountRef, Content, FactKey, PartRows};
use bailiwick_policy::PermissionSet;
use bailiwick_sql::{Db, Error, ReadTx};
use bailiwick_types::{AccountAccess, ScopeRoot, Subject};
use sea_orm::EntityTrait;
use uuid::Uuid;

use crate::lists::{After, Person};

use super::{SqlSource, lists::place_titles, people};
use crate::store::entity::{resource, subject_group, user_state};

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
        let Some(read) = source.load_in(&tx, account.id(), None).await? else {
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

    /// The e-mail address of a member, where it is known: of others an account learns none.
    pub(crate) async fn email(&self, subject: &Subject) -> Result<Option<String>, Error> {
        let Some(user) = subject.user_id() else {
            return Ok(None);
        };
        let subjects = std::slice::from_ref(subject);
        let members = people::among(self.tx.conn(), self.account, subjects, None).await?;
        if members.is_empty() {
            return Ok(None);
        }
        let row = user_state::Entity::find_by_id(user.uuid());
        let row = row.one(self.tx.conn()).await?;
        Ok(row.map(|row| row.email).filter(|email| !email.is_empty()))
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
            .sets(self.tx.conn(), of, seeds, FactKey::of(subject))
            .await?;
        let (mut sets, mut disabled) = (Vec::new(), false);
        for (_, part) in read.value.parts {
            match part {
                PartRows::Subject(rows) => sets.push(rows.set(&self.content.policy)),
                PartRows::Closed(closed) => disabled = closed,
                PartRows::Resource(_) => {}
            }
        }
        sets.sort_by_key(|set| set.subject() != subject);
        Ok((sets, disabled))
    }

    /// The title of a place of the account, or of itself; empty where there is none.
    pub(crate) async fn place_title(&self, id: Uuid) -> Result<String, Error> {
        let mut titles = place_titles(self.tx.conn(), self.account, &[id]).await?;
        Ok(titles.remove(&id).unwrap_or_default())
    }

    /// The title of a group; empty where there is none.
    pub(crate) async fn group_title(&self, id: Uuid) -> Result<String, Error> {
        let row = subject_group::Entity::find_by_id((self.account.id().uuid(), id));
        let row = row.one(self.tx.conn()).await?;
        Ok(row.map(|row| row.title).unwrap_or_default())
    }

    /// The title of a resource; empty where there is none.
    pub(crate) async fn resource_title(&self, of: &str, id: &str) -> Result<String, Error> {
        let key = (self.account.id().uuid(), of.to_owned(), id.to_owned());
        let row = resource::Entity::find_by_id(key).one(self.tx.conn()).await?;
        Ok(row.map(|row| row.title).unwrap_or_default())
    }
}
