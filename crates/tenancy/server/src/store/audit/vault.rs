//! Keys of persons, and of chains for what belongs to nobody. Each is random and sealed under a secret of the
//! deployment; a key that is destroyed is never made again.

use std::{collections::HashMap, sync::Arc};

use bailiwick_seal::{KEY, SealKey};
use bailiwick_sql::{Error, execute, placeholders, query};
use bailiwick_types::{Rng, Timestamp};
use sea_orm::{ConnectionTrait, QueryResult};
use secrecy::{ExposeSecret, SecretString};

use super::internal;

/// Separates these keys from others that are derived from the same secret.
const SALT: &[u8] = b"bailiwick audit keys v1";
/// Keys that one statement reads.
const PART: usize = 500;

/// The keys of owners that were used.
pub(super) type Keys = HashMap<String, Owned>;

/// The keys of an owner.
pub(super) enum Owned {
    /// They were destroyed.
    Destroyed,
    /// Those that open. There are others, which were sealed under a secret that is not configured, where it
    /// is told so.
    There(Vec<SealKey>, bool),
}

impl Owned {
    /// The key that seals.
    pub(super) fn seals(&self) -> Option<&SealKey> {
        match self {
            Self::Destroyed => None,
            Self::There(keys, _) => keys.first(),
        }
    }
    /// Opens what one of the keys has sealed.
    pub(super) fn open(&self, purpose: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Destroyed => None,
            Self::There(keys, _) => keys.iter().find_map(|key| key.open(purpose, sealed)),
        }
    }
}

/// Opens and makes keys.
#[derive(Clone)]
pub(super) struct Vault {
    /// Secrets by their names; the first seals.
    secrets: Arc<Vec<(String, SealKey)>>,
    pub(super) rng: Arc<dyn Rng>,
}

impl Vault {
    pub(super) fn new(secrets: &[SecretString], rng: Arc<dyn Rng>) -> Self {
        let secrets = secrets.iter().filter_map(|secret| {
            let secret = secret.expose_secret().as_bytes();
            let key = SealKey::derive(secret, SALT, b"aes-256-gcm")?;
            Some((SealKey::name(secret, SALT)?, key))
        });
        Self {
            secrets: Arc::new(secrets.collect()),
            rng,
        }
    }
    fn open(&self, owner: &str, secret: &str, sealed: &[u8]) -> Option<[u8; KEY]> {
        let (_, key) = self.secrets.iter().find(|(name, _)| name == secret)?;
        key.open(owner.as_bytes(), sealed)?.try_into().ok()
    }
    fn read(&self, row: &QueryResult, keys: &mut Keys) -> Result<(), Error> {
        let (owner, secret): (String, String) = (row.try_get("", "owner")?, row.try_get("", "secret")?);
        let sealed: Option<Vec<u8>> = row.try_get("", "sealed")?;
        let Some(sealed) = sealed else {
            keys.insert(owner, Owned::Destroyed);
            return Ok(());
        };
        let opened = self.open(&owner, &secret, &sealed);
        let opened = opened.and_then(|bytes| SealKey::from_bytes(&bytes));
        if let Owned::There(keys, others) = keys
            .entry(owner)
            .or_insert_with(|| Owned::There(Vec::new(), false))
        {
            *others |= opened.is_none();
            keys.extend(opened);
        }
        Ok(())
    }
    /// Reads the keys of owners that are not known yet.
    pub(super) async fn load(
        &self,
        conn: &impl ConnectionTrait,
        owners: impl Iterator<Item = &str>,
        keys: &mut Keys,
    ) -> Result<(), Error> {
        let mut wanted: Vec<&str> = owners.filter(|owner| !keys.contains_key(*owner)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        for part in wanted.chunks(PART) {
            let list = placeholders(1, part.len());
            let sql = format!("SELECT owner, secret, sealed FROM audit_key WHERE owner IN ({list})");
            let values = part.iter().map(|owner| (*owner).into()).collect();
            for row in query(conn, sql, values).await? {
                self.read(&row, keys)?;
            }
        }
        Ok(())
    }
    /// Makes a key for an owner that has none that opens. The caller holds the lock.
    pub(super) async fn make(
        &self,
        conn: &impl ConnectionTrait,
        owner: &str,
        now: Timestamp,
    ) -> Result<SealKey, Error> {
        let (name, secret) = self
            .secrets
            .first()
            .ok_or_else(|| internal("no secret seals the keys of the audit log"))?;
        let mut bytes = [0; KEY];
        self.rng.fill(&mut bytes);
        let sealed = secret.seal(owner.as_bytes(), &bytes, &*self.rng);
        let key = SealKey::from_bytes(&bytes);
        let failed = || internal("a key of the audit log cannot be sealed");
        let (sealed, key) = sealed.zip(key).ok_or_else(failed)?;
        let sql = "INSERT INTO audit_key (owner, secret, sealed, created_at) VALUES ($1, $2, $3, $4)";
        let values = vec![owner.into(), name.clone().into(), sealed.into(), now.0.into()];
        execute(conn, sql, values).await?;
        Ok(key)
    }
    /// Destroys the keys of an owner, also of one that has none yet. Whether there was one.
    pub(super) async fn destroy(
        conn: &impl ConnectionTrait,
        owner: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let sql = "DELETE FROM audit_key WHERE owner = $1 AND sealed IS NOT NULL";
        let gone = execute(conn, sql, vec![owner.into()]).await?;
        let sql = "INSERT INTO audit_key (owner, secret, created_at) VALUES ($1, '', $2) \
                   ON CONFLICT (owner, secret) DO NOTHING";
        execute(conn, sql, vec![owner.into(), now.0.into()]).await?;
        Ok(gone > 0)
    }
    /// Seals keys under the present secret that were sealed under an earlier one.
    pub(super) async fn renew(&self, conn: &impl ConnectionTrait) -> Result<(), Error> {
        let Some((name, secret)) = self.secrets.first() else {
            return Ok(());
        };
        let mut after = String::new();
        loop {
            let sql = "SELECT owner, secret, sealed FROM audit_key \
                       WHERE secret <> $1 AND sealed IS NOT NULL AND owner > $2 ORDER BY owner LIMIT 500";
            let rows = query(conn, sql, vec![name.clone().into(), after.clone().into()]).await?;
            for row in &rows {
                let (owner, under): (String, String) =
                    (row.try_get("", "owner")?, row.try_get("", "secret")?);
                let sealed: Vec<u8> = row.try_get("", "sealed")?;
                after.clone_from(&owner);
                let opened = self.open(&owner, &under, &sealed);
                let Some(sealed) = opened.and_then(|key| secret.seal(owner.as_bytes(), &key, &*self.rng))
                else {
                    continue;
                };
                // One that has another key under the present secret keeps both.
                let sql = "UPDATE audit_key SET secret = $2, sealed = $3 WHERE owner = $1 AND secret = $4 \
                           AND NOT EXISTS (SELECT 1 FROM audit_key k WHERE k.owner = $1 AND k.secret = $2)";
                let values = vec![owner.into(), name.clone().into(), sealed.into(), under.into()];
                execute(conn, sql, values).await?;
            }
            if rows.is_empty() {
                return Ok(());
            }
        }
    }
}
