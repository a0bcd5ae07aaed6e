//! Reads entries of an account's audit log for an export, oldest first.

use bailiwick_types::{
    AccountAccess, Authorized, Refused, StoreError, faults, method::tenancy::ExportAuditEntries,
};

use super::{Filter, Head, Log, Opened, Range};

/// Entries that are read at once.
const PART: u64 = 500;

faults! {
    /// Why entries are not exported.
    Error: Refused(Refused), Store(StoreError);
}

/// An export under way: entries up to the head that was there when it began. Since entries are only added, it
/// needs no transaction to see one state.
#[derive(Debug, Clone)]
pub struct Export {
    account: AccountAccess,
    filter: Filter,
    head: Option<Head>,
    after: u64,
}

/// Begins an export.
///
/// # Errors
/// See [`Error`].
pub async fn run(
    log: &dyn Log,
    by: &Authorized<ExportAuditEntries>,
    filter: Filter,
) -> Result<Export, Error> {
    let account = by.account().ok_or(Refused::Denied)?;
    let head = log.head(account).await?;
    Ok(Export {
        account,
        filter,
        head,
        after: 0,
    })
}

impl Export {
    /// The account whose log it is.
    #[must_use]
    pub fn account(&self) -> AccountAccess {
        self.account
    }
    /// Which entries it contains.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }
    /// The end of the chain when it began.
    #[must_use]
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }
    /// The next entries; none after the last one.
    ///
    /// # Errors
    /// The database fails.
    pub async fn next(&mut self, log: &dyn Log) -> Result<Vec<Opened>, StoreError> {
        let upto = self.head.as_ref().map_or(0, |head| head.sequence);
        if self.after >= upto {
            return Ok(Vec::new());
        }
        let range = Range::Oldest {
            after: self.after,
            upto,
        };
        let entries = log.entries(self.account, &self.filter, range, PART).await?;
        self.after = match entries.last() {
            Some(last) => last.entry.sequence,
            None => upto,
        };
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::{chain::tests::entries, memory::MemoryLog},
        memory,
    };

    #[tokio::test]
    async fn an_export_has_all_entries_up_to_its_beginning_once_and_in_order() {
        let log = MemoryLog(entries(1_201).into());
        let mut export = run(&log, &memory::operator(), Filter::default()).await.unwrap();
        let mut found = Vec::new();
        *log.0.lock().unwrap() = entries(1_300);
        loop {
            let part = export.next(&log).await.unwrap();
            if part.is_empty() {
                break;
            }
            found.extend(part.into_iter().map(|one| one.entry.sequence));
        }
        assert_eq!(found, (1..=1_201).collect::<Vec<u64>>());
    }

    #[tokio::test]
    async fn an_export_of_an_empty_log_is_empty() {
        let log = MemoryLog::default();
        let mut export = run(&log, &memory::operator(), Filter::default()).await.unwrap();
        assert!(export.head().is_none() && export.next(&log).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_witness_without_an_account_exports_nothing() {
        let refused = run(
            &MemoryLog::default(),
            &memory::operator_of_all(),
            Filter::default(),
        )
        .await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }
}
