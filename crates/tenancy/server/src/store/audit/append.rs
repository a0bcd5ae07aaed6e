//! Adding entries.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bailiwick_sql::{Conn, Cursor, Error, WriteTx, placeholders, query};
use bailiwick_tenancy_core::audit::{
    Entry, Head, Outcome, Personal, Sealed,
    chain::{self, Fault},
};
use bailiwick_types::{AuditEntryId, ScopeRoot, Service, Subject, Timestamp, UserId};
use sea_orm::EntityTrait;
use serde::Serialize;
use uuid::Uuid;

use super::{
    AuditStore, Signed, cursor, entry_row, heads,
    vault::{Keys, Owned, Vault},
};
use crate::store::{convert::number, entity::audit_entry};

/// The action of the entry by which the deployment's chain names another one that begins.
pub(super) const BEGIN: &str = "audit.begin";
/// Rows that one statement inserts.
const ROWS: usize = 100;

/// What is to be added to a chain.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    /// Its id: one that is there already is not added again.
    pub id: AuditEntryId,
    /// The chain.
    pub chain: ScopeRoot,
    /// When it was done.
    pub time: Timestamp,
    /// The service that it was done in.
    pub service: Service,
    /// Who did it.
    pub actor: String,
    /// For whom.
    pub on_behalf_of: String,
    /// The method, or a word of the suite.
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How many attempts were alike.
    pub attempts: u32,
    /// Id of the request.
    pub request_id: String,
    /// Id of the trace.
    pub trace_id: String,
    /// Facts.
    pub details: BTreeMap<String, String>,
    /// What is sealed.
    pub personal: Personal,
}

/// One thing that an event brings.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// An entry.
    Entry(Box<NewEntry>),
    /// A person is gone: its key is destroyed.
    Destroy(UserId),
}

impl NewEntry {
    /// An entry of the audit log about itself, in the deployment's chain.
    pub(crate) fn own(id: Uuid, action: &str, target: String, time: Timestamp) -> Self {
        Self {
            id: AuditEntryId::from_uuid(id),
            chain: ScopeRoot::Deployment,
            time,
            service: Service::Tenancy,
            actor: String::new(),
            on_behalf_of: String::new(),
            action: action.to_owned(),
            target,
            outcome: Outcome::Done,
            attempts: 1,
            request_id: String::new(),
            trace_id: String::new(),
            details: BTreeMap::new(),
            personal: Personal::default(),
        }
    }
    /// Whose key seals from where it was done: the actor's, the target's where nobody is known to have done
    /// it, or the chain's.
    fn origin_owner(&self) -> String {
        let persons = [&self.on_behalf_of, &self.actor, &self.target];
        let found = persons.into_iter().find(|text| is_person(text));
        found.cloned().unwrap_or_else(|| self.chain.to_string())
    }
    /// Whose key seals what changed: the target's, or the chain's.
    fn content_owner(&self) -> String {
        if is_person(&self.target) {
            self.target.clone()
        } else {
            self.chain.to_string()
        }
    }
}

/// Whether a text names a user of the suite.
fn is_person(text: &str) -> bool {
    text.parse::<Subject>()
        .is_ok_and(|subject| subject.user_id().is_some())
}

/// From where something was done.
#[derive(Serialize)]
pub(super) struct Origin<'a> {
    network: &'a str,
    device: &'a str,
}

/// What changed.
#[derive(Serialize)]
pub(super) struct Content<'a> {
    before: &'a serde_json::Map<String, serde_json::Value>,
    after: &'a serde_json::Map<String, serde_json::Value>,
}

/// What sealed bytes are for: the part of one entry.
pub(super) fn purpose(id: AuditEntryId, part: &str) -> Vec<u8> {
    format!("{id}/{part}").into_bytes()
}

impl AuditStore {
    /// Adds entries and destroys keys in order, and moves the cursor of their feed, in one transaction. How
    /// many entries were added; nothing where another replica was there first.
    ///
    /// # Errors
    /// The database is unavailable, or a secret is missing.
    pub async fn append(
        &self,
        source: Service,
        from: Option<&Cursor>,
        to: &Cursor,
        steps: Vec<Step>,
    ) -> Result<Option<usize>, Error> {
        let tx = self.db.begin_write_across(&[]).await?;
        // First of all: it waits for a replica that is at the same events.
        if !cursor::advance(tx.conn(), source, from, to).await? {
            return Ok(None);
        }
        super::lock(tx.conn()).await?;
        let mut added = 0;
        let mut keys = Keys::new();
        let mut entries = Vec::new();
        for step in steps {
            match step {
                Step::Entry(entry) => entries.push(*entry),
                Step::Destroy(user) => {
                    added += self.add(&tx, std::mem::take(&mut entries), &mut keys).await?;
                    let owner = Subject::user(user).to_string();
                    Vault::destroy(tx.conn(), &owner, self.db.clock().now()).await?;
                    keys.insert(owner, Owned::Destroyed);
                }
            }
        }
        added += self.add(&tx, entries, &mut keys).await?;
        tx.commit().await?;
        Ok(Some(added))
    }

    /// Destroys the keys of persons; how many were there. A restored database has keys again that were
    /// destroyed before.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn destroy(&self, users: &[UserId]) -> Result<usize, Error> {
        if users.is_empty() {
            return Ok(0);
        }
        let tx = self.begin().await?;
        let mut destroyed = 0;
        for user in users {
            let owner = Subject::user(*user).to_string();
            if Vault::destroy(tx.conn(), &owner, self.db.clock().now()).await? {
                destroyed += 1;
            }
        }
        tx.commit().await?;
        Ok(destroyed)
    }

    async fn add(&self, tx: &WriteTx, new: Vec<NewEntry>, keys: &mut Keys) -> Result<usize, Error> {
        let conn = tx.conn();
        let mut new = unknown(conn, new).await?;
        if new.is_empty() {
            return Ok(0);
        }
        let names: BTreeSet<String> = new.iter().map(|entry| entry.chain.to_string()).collect();
        let mut ends: BTreeMap<String, Head> = BTreeMap::new();
        let mut begun = Vec::new();
        for name in names.into_iter().chain(["deployment".to_owned()]) {
            if ends.contains_key(&name) {
                continue;
            }
            let head = match heads(conn, Some(&name)).await?.pop() {
                Some(signed) => self.trusted(conn, signed).await?,
                None => {
                    let first = new.iter().find(|entry| entry.chain.to_string() == name);
                    let chain = first.map_or(ScopeRoot::Deployment, |entry| entry.chain.clone());
                    if chain != ScopeRoot::Deployment {
                        begun.push(name.clone());
                    }
                    self.first(conn, chain).await?
                }
            };
            ends.insert(name, head);
        }
        let now = self.db.clock().now();
        for name in begun {
            let mut bytes = [0; 16];
            self.vault.rng.fill(&mut bytes);
            let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
            new.push(NewEntry::own(id, BEGIN, name, now));
        }
        self.keys_of(conn, &new, keys, now).await?;
        let mut rows = Vec::with_capacity(new.len());
        for entry in new {
            if let Some(head) = ends.get_mut(&entry.chain.to_string()) {
                let entry = self.next(entry, head, keys);
                (head.sequence, head.hash) = (entry.sequence, entry.hash);
                rows.push(entry_row(&entry));
            }
        }
        let added = rows.len();
        while !rows.is_empty() {
            let part = rows.drain(..rows.len().min(ROWS));
            let part = part.map(sea_orm::IntoActiveModel::into_active_model);
            let insert = audit_entry::Entity::insert_many(part);
            insert.exec_without_returning(conn).await?;
        }
        for mut head in ends.into_values() {
            head.epoch = tx.epoch().to_string();
            self.put_head(conn, &head).await?;
        }
        Ok(added)
    }

    /// The head, marked where it, or the entry that it names, is not what was written: what follows must not
    /// hide it.
    async fn trusted(&self, conn: &Conn, signed: Signed) -> Result<Head, Error> {
        let fault = match self.check(&signed) {
            Err(fault) => Some(fault),
            Ok(()) => self.end_of(conn, &signed.head).await?,
        };
        let mut head = signed.head;
        if let Some(fault) = fault {
            if !head.suspect {
                let chain = head.chain.to_string();
                let error = fault.to_string();
                tracing::error!(
                    chain,
                    error,
                    "the audit log was changed; see `bailiwick audit verify`"
                );
            }
            head.suspect = true;
            // The head may be forged: entries go on behind the last one that is there.
            let last = last(conn, &head.chain).await?;
            (head.sequence, head.hash) = last.unwrap_or_else(|| (0, chain::beginning(&head.chain)));
        }
        Ok(head)
    }

    /// The beginning of a chain without a head. One that has entries all the same has lost it, and so has one
    /// that was begun before; the deployment's is there before all others.
    async fn first(&self, conn: &Conn, chain: ScopeRoot) -> Result<Head, Error> {
        let last = last(conn, &chain).await?;
        let lost = match chain {
            ScopeRoot::Deployment => !heads(conn, None).await?.is_empty(),
            _ => self.was_begun(conn, &chain).await?,
        };
        Ok(Head {
            sequence: last.map_or(0, |(sequence, _)| sequence),
            hash: last.map_or_else(|| chain::beginning(&chain), |(_, hash)| hash),
            epoch: String::new(),
            suspect: lost || last.is_some(),
            chain,
        })
    }

    /// What is wrong with the end of a chain.
    async fn end_of(&self, conn: &Conn, head: &Head) -> Result<Option<Fault>, Error> {
        let last = last(conn, &head.chain).await?;
        let (found, hash) = last.unwrap_or_else(|| (0, chain::beginning(&head.chain)));
        Ok(if found != head.sequence {
            let head = head.sequence;
            Some(Fault::Cut { found, head })
        } else if hash != head.hash {
            Some(Fault::OtherEnd)
        } else {
            None
        })
    }

    /// Reads the keys that entries need, and makes those that are missing.
    async fn keys_of(
        &self,
        conn: &Conn,
        new: &[NewEntry],
        keys: &mut Keys,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut owners = BTreeSet::new();
        for entry in new {
            if !entry.personal.network.is_empty() || !entry.personal.device.is_empty() {
                owners.insert(entry.origin_owner());
            }
            if !entry.personal.before.is_empty() || !entry.personal.after.is_empty() {
                owners.insert(entry.content_owner());
            }
        }
        self.vault
            .load(conn, owners.iter().map(String::as_str), keys)
            .await?;
        for owner in owners {
            let lost = match keys.get(&owner) {
                None => false,
                Some(Owned::There(known, true)) if known.is_empty() => true,
                Some(_) => continue,
            };
            if lost {
                tracing::warn!(
                    owner,
                    "a key of the audit log does not open with the configured secrets; making another"
                );
            }
            let key = self.vault.make(conn, &owner, now).await?;
            keys.insert(owner, Owned::There(vec![key], lost));
        }
        Ok(())
    }

    /// The entry that follows a head.
    fn next(&self, new: NewEntry, head: &Head, keys: &Keys) -> Entry {
        let seal = |owner: String, part: &str, plain: &[u8], is_empty: bool| {
            // Of a person that is gone nothing is kept.
            let key = keys.get(&owner).and_then(Owned::seals).filter(|_| !is_empty);
            let bytes = key.and_then(|key| key.seal(&purpose(new.id, part), plain, &*self.vault.rng));
            Sealed {
                owner: if is_empty { String::new() } else { owner },
                bytes: bytes.unwrap_or_default(),
            }
        };
        let Personal {
            network,
            device,
            before,
            after,
        } = &new.personal;
        let origin = seal(
            new.origin_owner(),
            "origin",
            &json(&Origin { network, device }),
            network.is_empty() && device.is_empty(),
        );
        let content = seal(
            new.content_owner(),
            "content",
            &json(&Content { before, after }),
            before.is_empty() && after.is_empty(),
        );
        let mut entry = Entry {
            id: new.id,
            chain: new.chain,
            sequence: head.sequence + 1,
            time: new.time,
            service: new.service,
            actor: new.actor,
            on_behalf_of: new.on_behalf_of,
            action: new.action,
            target: new.target,
            outcome: new.outcome,
            attempts: new.attempts.max(1),
            request_id: new.request_id,
            trace_id: new.trace_id,
            details: new.details,
            origin,
            content,
            previous: head.hash,
            hash: [0; 32],
        };
        entry.hash = chain::hash(&entry);
        entry
    }
}

/// Texts and JSON become JSON without fail.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// Place and hash of the last entry of a chain. A hash that is none is told by zeros, which no entry has:
/// what was changed must not stop the log.
async fn last(conn: &Conn, chain: &ScopeRoot) -> Result<Option<(u64, [u8; 32])>, Error> {
    let sql = "SELECT sequence, hash FROM audit_entry WHERE chain = $1 ORDER BY sequence DESC LIMIT 1";
    let rows = query(conn, sql, vec![chain.to_string().into()]).await?;
    let row = rows.first();
    row.map(|row| {
        let hash: Vec<u8> = row.try_get("", "hash")?;
        Ok((
            number(row.try_get("", "sequence")?),
            hash.try_into().unwrap_or_default(),
        ))
    })
    .transpose()
}

/// The entries that are not there yet, each once.
async fn unknown(conn: &Conn, new: Vec<NewEntry>) -> Result<Vec<NewEntry>, Error> {
    let mut known: HashSet<Uuid> = HashSet::new();
    let ids: Vec<Uuid> = new.iter().map(|entry| entry.id.uuid()).collect();
    for part in ids.chunks(ROWS) {
        let list = placeholders(1, part.len());
        let sql = format!("SELECT id FROM audit_entry WHERE id IN ({list})");
        let values = part.iter().map(|id| (*id).into()).collect();
        for row in query(conn, sql, values).await? {
            known.insert(row.try_get("", "id")?);
        }
    }
    Ok(new
        .into_iter()
        .filter(|entry| known.insert(entry.id.uuid()))
        .collect())
}
