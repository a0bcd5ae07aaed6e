//! Lists entries of an account's audit log, newest first.

use bailiwick_types::{
    Authorized, PageRequest, Refused, StoreError, faults, method::tenancy::ListAuditEntries,
};

use super::{Filter, Log, Opened, Range};

faults! {
    /// Why entries are not listed.
    Error: Refused(Refused), Store(StoreError);
}

/// A page of entries.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The entries, newest first.
    pub entries: Vec<Opened>,
    /// The place of the last one, where there may be more.
    pub next: Option<u64>,
}

/// Lists entries. The key of a page is the place of its last entry, so that entries that are added meanwhile
/// move nothing.
///
/// # Errors
/// See [`Error`].
pub async fn run(
    log: &dyn Log,
    by: &Authorized<ListAuditEntries>,
    filter: &Filter,
    page: &PageRequest<u64>,
) -> Result<Page, Error> {
    let account = by.account().ok_or(Refused::Denied)?;
    let range = Range::Newest { before: page.after };
    let mut entries = log.entries(account, filter, range, page.size.get() + 1).await?;
    let more = entries.len() > page.size.rows();
    entries.truncate(page.size.rows());
    let next = entries.last().map(|last| last.entry.sequence).filter(|_| more);
    Ok(Page { entries, next })
}

#[cfg(test)]
mod tests {
    use bailiwick_types::{PageSize, Timestamp};

    use super::*;
    use crate::{
        audit::{chain::tests::entries, memory::MemoryLog},
        memory,
    };

    async fn list(filter: Filter, size: i32, after: Option<u64>) -> (Vec<u64>, Option<u64>) {
        let log = MemoryLog(entries(20).into());
        let page = PageRequest {
            size: PageSize::new(size).unwrap(),
            after,
        };
        let page = run(&log, &memory::operator(), &filter, &page).await.unwrap();
        let found = page.entries.iter().map(|one| one.entry.sequence).collect();
        (found, page.next)
    }

    #[tokio::test]
    async fn pages_are_newest_first_and_the_last_one_has_no_next() {
        assert_eq!(
            list(Filter::default(), 3, None).await,
            (vec![20, 19, 18], Some(18))
        );
        assert_eq!(list(Filter::default(), 3, Some(4)).await, (vec![3, 2, 1], None));
    }

    #[tokio::test]
    async fn entries_are_found_by_actor_target_and_time() {
        let actor = Filter {
            actor: Some("user:3".to_owned()),
            ..Filter::default()
        };
        assert_eq!(list(actor, 0, None).await.0, [17, 10, 3]);
        let target = Filter {
            target: Some("account:4".to_owned()),
            ..Filter::default()
        };
        assert_eq!(list(target, 0, None).await.0, [4]);
        let time = Filter {
            start: Some(Timestamp(5)),
            end: Some(Timestamp(7)),
            ..Filter::default()
        };
        assert_eq!(list(time, 0, None).await.0, [6, 5]);
        let action = Filter {
            action: Some("other".to_owned()),
            ..Filter::default()
        };
        assert_eq!(list(action, 0, None).await.0, [] as [u64; 0]);
    }

    #[tokio::test]
    async fn a_witness_without_an_account_lists_nothing() {
        let page = PageRequest {
            size: PageSize::new(0).unwrap(),
            after: None,
        };
        let by = memory::operator_of_all();
        let refused = run(&MemoryLog::default(), &by, &Filter::default(), &page).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }
}
