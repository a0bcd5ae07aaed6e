//! The audit log in the database: entries are added under one lock, in the order of the feeds, in the
//! transaction that moves the cursor of the feed.

mod append;
mod cursor;
mod read;
mod vault;
mod verify;

use std::sync::Arc;

use bailiwick_rpc::MacKeys;
use bailiwick_sql::{Conn, Db, Error, WriteTx, query, statement};
use bailiwick_tenancy_core::audit::{
    Entry, Head, Outcome, Sealed,
    chain::{self, Fault},
};
use bailiwick_types::{AuditEntryId, Rng, ScopeRoot, Service, Timestamp};
use sea_orm::{ConnectionTrait, QueryResult};
use secrecy::SecretString;

use super::entity::audit_entry;
pub use append::{NewEntry, Step};
pub use verify::Verified;

/// The lock of appends on PostgreSQL: chains depend on each other (the deployment's names the others).
const LOCK: i64 = 0x6261_696c_6175_6469;

/// The secrets of the audit log, derived from those of the deployment.
#[derive(Debug, Clone)]
pub struct AuditSecrets {
    /// Sign heads and exports.
    pub keys: MacKeys,
    /// What the keys of persons are sealed under: the present secret, then those of before.
    pub sealing: Vec<SecretString>,
}

/// The audit log of a database.
#[derive(Clone)]
pub struct AuditStore {
    db: Db,
    keys: MacKeys,
    vault: vault::Vault,
}

bailiwick_types::debug_fields!(AuditStore { db });

impl AuditStore {
    /// The audit log in a database that is migrated.
    #[must_use]
    pub fn new(db: Db, secrets: AuditSecrets, rng: Arc<dyn Rng>) -> Self {
        Self {
            db,
            keys: secrets.keys,
            vault: vault::Vault::new(&secrets.sealing, rng),
        }
    }
    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }
    /// Fills with randomness.
    pub(crate) fn random(&self, bytes: &mut [u8]) {
        self.vault.rng.fill(bytes);
    }
    /// Brings keys and heads under the present secret, after a rotation. What no secret that is configured
    /// opens or verifies stays as it is.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn renew(&self) -> Result<(), Error> {
        let tx = self.begin().await?;
        self.vault.renew(tx.conn()).await?;
        for signed in heads(tx.conn(), None).await? {
            if self.check(&signed).is_ok() && !self.is_present(&signed) {
                self.put_head(tx.conn(), &signed.head).await?;
            }
        }
        tx.commit().await.map(drop)
    }
    /// Begins to write, alone.
    async fn begin(&self) -> Result<WriteTx, Error> {
        let tx = self.db.begin_write_across(&[]).await?;
        lock(tx.conn()).await?;
        Ok(tx)
    }
    /// Checks the code of a head.
    fn check(&self, signed: &Signed) -> Result<(), Fault> {
        verified(
            &self.keys,
            &chain::head_message(&signed.head),
            &signed.key,
            &signed.mac,
        )
    }
    fn is_present(&self, signed: &Signed) -> bool {
        let made = self.keys.sign(&[&chain::head_message(&signed.head)]);
        made.is_some_and(|(key, _)| key[..] == signed.key[..])
    }
    async fn put_head(&self, conn: &Conn, head: &Head) -> Result<(), Error> {
        let message = chain::head_message(head);
        let (key, mac) = self
            .keys
            .sign(&[&message])
            .ok_or_else(|| internal("no key signs the heads of the audit log"))?;
        let sql = "INSERT INTO audit_head (chain, sequence, hash, epoch, suspect, mac_key, mac) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (chain) DO UPDATE SET \
                   sequence = excluded.sequence, hash = excluded.hash, epoch = excluded.epoch, \
                   suspect = excluded.suspect, mac_key = excluded.mac_key, mac = excluded.mac";
        let values = vec![
            head.chain.to_string().into(),
            super::convert::stored(head.sequence).into(),
            head.hash.to_vec().into(),
            head.epoch.clone().into(),
            head.suspect.into(),
            key.to_vec().into(),
            mac.to_vec().into(),
        ];
        bailiwick_sql::execute(conn, sql, values).await.map(drop)
    }
}

/// Whether a code was made for a message with one of the keys.
pub(crate) fn verified(keys: &MacKeys, message: &[u8], key: &[u8], mac: &[u8]) -> Result<(), Fault> {
    use bailiwick_rpc::integrity::Verdict;
    // A part of a code is none.
    match keys.verify(key, &[message], mac) {
        Verdict::Authentic if mac.len() == 32 => Ok(()),
        Verdict::Authentic | Verdict::Forged => Err(Fault::Forged),
        Verdict::UnknownKey => Err(Fault::UnknownKey),
    }
}

/// A head with its code.
struct Signed {
    head: Head,
    key: Vec<u8>,
    mac: Vec<u8>,
}

/// The heads, or that of one chain.
async fn heads(conn: &impl ConnectionTrait, chain: Option<&str>) -> Result<Vec<Signed>, Error> {
    let mut sql = "SELECT chain, sequence, hash, epoch, suspect, mac_key, mac FROM audit_head".to_owned();
    let mut values = Vec::new();
    if let Some(chain) = chain {
        sql.push_str(" WHERE chain = $1");
        values.push(chain.into());
    }
    sql.push_str(" ORDER BY chain");
    let rows = query(conn, sql, values).await?;
    rows.iter().map(signed).collect()
}

fn signed(row: &QueryResult) -> Result<Signed, Error> {
    let name: String = row.try_get("", "chain")?;
    let hash: Vec<u8> = row.try_get("", "hash")?;
    let corrupt = |column, problem: &str| Error::corrupt("audit_head", column, &name, problem);
    Ok(Signed {
        head: Head {
            chain: name.parse().map_err(|_| corrupt("chain", "is not a chain"))?,
            sequence: super::convert::number(row.try_get("", "sequence")?),
            // One that is none has no code either: that is found, and stops nothing.
            hash: hash.try_into().unwrap_or_default(),
            epoch: row.try_get("", "epoch")?,
            suspect: row.try_get("", "suspect")?,
        },
        key: row.try_get("", "mac_key")?,
        mac: row.try_get("", "mac")?,
    })
}

/// Waits for other transactions that append. SQLite has one writer.
async fn lock(conn: &Conn) -> Result<(), Error> {
    if conn.get_database_backend() == sea_orm::DbBackend::Postgres {
        let statement = statement(conn, "SELECT pg_advisory_xact_lock($1)", vec![LOCK.into()]);
        conn.query_one_raw(statement).await?;
    }
    Ok(())
}

fn internal(text: &'static str) -> Error {
    Error::Internal(bailiwick_sql::Cause::text(text))
}

impl TryFrom<audit_entry::Model> for Entry {
    type Error = Error;
    fn try_from(row: audit_entry::Model) -> Result<Self, Error> {
        let name = format!("{}/{}", row.chain, row.sequence);
        let corrupt = |column, problem: &str| Error::corrupt("audit_entry", column, &name, problem);
        let hash = |column, bytes: Vec<u8>| bytes.try_into().map_err(|_| corrupt(column, "is not a hash"));
        Ok(Self {
            id: AuditEntryId::from_uuid(row.id),
            chain: row
                .chain
                .parse()
                .map_err(|_| corrupt("chain", "is not a chain"))?,
            sequence: super::convert::number(row.sequence),
            time: Timestamp(row.occurred_at),
            service: Service::named(&row.service).ok_or_else(|| corrupt("service", "is not a service"))?,
            actor: row.actor,
            on_behalf_of: row.on_behalf_of,
            action: row.action,
            target: row.target,
            outcome: Outcome::named(&row.outcome).ok_or_else(|| corrupt("outcome", "is not an outcome"))?,
            attempts: u32::try_from(row.attempts).map_err(|_| corrupt("attempts", "is too large"))?,
            request_id: row.request_id,
            trace_id: row.trace_id,
            details: serde_json::from_str(&row.details).map_err(|_| corrupt("details", "are not JSON"))?,
            origin: Sealed {
                owner: row.origin_owner,
                bytes: row.origin,
            },
            content: Sealed {
                owner: row.content_owner,
                bytes: row.content,
            },
            previous: hash("previous", row.previous)?,
            hash: hash("hash", row.hash)?,
        })
    }
}

/// The row of an entry.
fn entry_row(entry: &Entry) -> audit_entry::Model {
    audit_entry::Model {
        chain: entry.chain.to_string(),
        sequence: super::convert::stored(entry.sequence),
        id: entry.id.uuid(),
        account_id: match &entry.chain {
            ScopeRoot::Account(account) => Some(account.uuid()),
            _ => None,
        },
        occurred_at: entry.time.0,
        service: entry.service.as_str().to_owned(),
        actor: entry.actor.clone(),
        on_behalf_of: entry.on_behalf_of.clone(),
        action: entry.action.clone(),
        target: entry.target.clone(),
        outcome: entry.outcome.as_str().to_owned(),
        attempts: entry.attempts.into(),
        request_id: entry.request_id.clone(),
        trace_id: entry.trace_id.clone(),
        // Texts by text become JSON without fail.
        details: serde_json::to_string(&entry.details).unwrap_or_default(),
        origin_owner: entry.origin.owner.clone(),
        origin: entry.origin.bytes.clone(),
        content_owner: entry.content.owner.clone(),
        content: entry.content.bytes.clone(),
        previous: entry.previous.to_vec(),
        hash: entry.hash.to_vec(),
    }
}
