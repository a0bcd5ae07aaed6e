//! Changes the title and the seats of an account.

use bailiwick_types::{Authorized, Refused, StoreError, Token, faults, method::tenancy::UpdateAccount};

use super::{Account, MISSING};
use crate::{Etag, Event, Precondition, Tenancy, Title, audit::Record};

/// The changes of an account.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The new title.
    pub title: Option<Title>,
    /// The new number of seats. Only the operator sets it.
    pub seats: Option<u32>,
    /// The etag that was read.
    pub etag: Etag,
}

faults! {
    /// Why an account is not changed.
    Error: Refused(Refused), Precondition(Precondition), Store(StoreError);
}

/// Changes the account.
///
/// # Errors
/// See [`Error`].
pub async fn run(
    tenancy: &Tenancy,
    by: &Authorized<UpdateAccount>,
    command: Command,
) -> Result<(Account, Token), Error> {
    if command.seats.is_some() && !by.is_operator() {
        return Err(Refused::Denied.into());
    }
    let handle = by.account_write().ok_or(Refused::Denied)?;
    let mut write = tenancy.store.write(handle).await?;
    let mut account = write.find_account().await?.ok_or(MISSING)?;
    account.ensure_settled()?;
    command.etag.check(account.version)?;
    let mut record = Record::of(by, account.scope());
    if let Some(title) = command.title {
        record = record.changed("title", &account.title, &title);
        account.title = title;
    }
    if let Some(seats) = command.seats {
        record = record.changed("seats", &account.seats, &seats);
        account.seats = seats;
    }
    account.touch(tenancy.clock.now());
    write.update_account(&account).await?;
    write.emit(Event::Account {
        account: account.clone(),
        created: false,
    });
    write.audit(record);
    let token = write.commit().await?;
    Ok((account, token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{self, World};

    fn command() -> Command {
        Command {
            title: Some(memory::title("B")),
            seats: None,
            etag: Etag::default(),
        }
    }

    #[tokio::test]
    async fn seats_are_set_by_the_operator_alone() {
        let world = World::new();
        world.account();
        let seats = Command {
            seats: Some(9),
            ..command()
        };
        let refused = run(&world.tenancy, &memory::member(), seats.clone()).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        let (account, _) = run(&world.tenancy, &memory::operator(), seats).await.unwrap();
        assert_eq!((account.seats, account.version), (9, 2));
    }

    #[tokio::test]
    async fn an_etag_of_another_version_is_refused() {
        let world = World::new();
        world.account();
        let stale = Command {
            etag: Etag::of_request("7"),
            ..command()
        };
        let refused = run(&world.tenancy, &memory::operator(), stale).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::EtagMismatch))
        ));
    }

    #[tokio::test]
    async fn an_account_that_is_being_closed_is_not_changed() {
        let world = World::new();
        world.account_with(|account| account.closing = true);
        let refused = run(&world.tenancy, &memory::operator(), command()).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotActive { .. }))
        ));
    }

    #[tokio::test]
    async fn a_missing_account_is_not_found() {
        let refused = run(&World::new().tenancy, &memory::operator(), command()).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("account")))
        ));
    }
}
