//! Verifying chains.

use std::collections::BTreeSet;

use bailiwick_sql::{Error, query};
use bailiwick_tenancy_core::audit::{
    Filter, Range,
    chain::{Fault, Follow},
};
use bailiwick_types::ScopeRoot;
use sea_orm::ConnectionTrait;

use super::{AuditStore, append::BEGIN, heads};

/// Entries that are read at once.
const PART: u64 = 1_000;

/// A chain that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The chain.
    pub chain: String,
    /// Its entries, up to the first fault.
    pub entries: u64,
    /// What is wrong with it.
    pub fault: Option<Fault>,
}

impl AuditStore {
    /// Verifies all chains, or one: the hash of every entry, its place, and the end. The deployment's chain
    /// names all others, so that one that is gone as a whole is found.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn verify(&self, only: Option<&ScopeRoot>) -> Result<Vec<Verified>, Error> {
        let tx = self.db.begin_read_across().await?;
        let conn = tx.conn();
        let mut names: BTreeSet<String> = BTreeSet::new();
        if let Some(only) = only {
            names.insert(only.to_string());
        } else {
            let sql = "SELECT chain FROM audit_head UNION SELECT chain FROM audit_entry \
                       UNION SELECT target FROM audit_entry WHERE chain = 'deployment' AND action = $1";
            for row in query(conn, sql, vec![BEGIN.into()]).await? {
                names.insert(row.try_get("", "chain")?);
            }
            // It is there where any other is: without it nothing says which others there were.
            if !names.is_empty() {
                names.insert(ScopeRoot::Deployment.to_string());
            }
        }
        let mut verified = Vec::new();
        for chain in names {
            let (entries, fault) = match chain.parse() {
                Ok(root) => self.follow(conn, &root).await?,
                Err(_) => (0, Some(Fault::Foreign(0))),
            };
            verified.push(Verified {
                chain,
                entries,
                fault,
            });
        }
        Ok(verified)
    }

    async fn follow(
        &self,
        conn: &impl ConnectionTrait,
        chain: &ScopeRoot,
    ) -> Result<(u64, Option<Fault>), Error> {
        let mut follow = Follow::whole(chain);
        let mut limit = PART;
        loop {
            let range = Range::Oldest {
                after: follow.sequence(),
                upto: i64::MAX.unsigned_abs(),
            };
            let part = match self.read(conn, chain, &Filter::default(), range, limit).await {
                Ok(part) => part,
                // A row that cannot be read was changed: which one it is, one by one.
                Err(Error::Corrupt(_)) if limit > 1 => {
                    limit = 1;
                    continue;
                }
                Err(Error::Corrupt(_)) => {
                    return Ok((follow.sequence(), Some(Fault::Changed(follow.sequence() + 1))));
                }
                Err(error) => return Err(error),
            };
            if part.is_empty() {
                break;
            }
            for entry in &part {
                if let Err(fault) = follow.next(entry) {
                    return Ok((follow.sequence(), Some(fault)));
                }
            }
        }
        let signed = heads(conn, Some(&chain.to_string())).await?.pop();
        let ended = match &signed {
            Some(signed) => self.check(signed).and_then(|()| follow.end(Some(&signed.head))),
            None if *chain == ScopeRoot::Deployment => Err(Fault::NoHead),
            None if follow.sequence() > 0 || self.was_begun(conn, chain).await? => Err(Fault::NoHead),
            None => Ok(()),
        };
        Ok((follow.sequence(), ended.err()))
    }

    /// Whether the deployment's chain names another one.
    pub(super) async fn was_begun(
        &self,
        conn: &impl ConnectionTrait,
        chain: &ScopeRoot,
    ) -> Result<bool, Error> {
        let sql = "SELECT 1 AS one FROM audit_entry WHERE chain = 'deployment' AND action = $1 AND target = $2 LIMIT 1";
        let values = vec![BEGIN.into(), chain.to_string().into()];
        Ok(!query(conn, sql, values).await?.is_empty())
    }
}
