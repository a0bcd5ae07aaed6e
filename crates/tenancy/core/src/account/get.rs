//! Reads an account.

use bailiwick_types::{Authorized, Refused, StoreError, faults, method::tenancy::GetAccount};

use super::{Account, MISSING};
use crate::Tenancy;

faults! {
    /// Why an account is not read.
    Error: Refused(Refused), Store(StoreError);
}

/// Reads the account.
///
/// # Errors
/// See [`Error`].
pub async fn run(tenancy: &Tenancy, by: &Authorized<GetAccount>) -> Result<Account, Error> {
    let account = by.account().ok_or(Refused::Denied)?;
    let mut read = tenancy.store.read(account).await?;
    Ok(read.find_account().await?.ok_or(MISSING)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{self, World};

    #[tokio::test]
    async fn an_account_is_read_and_a_missing_one_is_not_found() {
        let world = World::new();
        let by = memory::operator();
        let missing = run(&world.tenancy, &by).await.unwrap_err();
        assert!(matches!(missing, Error::Refused(Refused::NotFound("account"))));
        let account = world.account();
        assert_eq!(run(&world.tenancy, &by).await.unwrap(), account);
    }

    #[tokio::test]
    async fn a_witness_without_account_reads_none() {
        let world = World::new();
        let by = memory::operator_of_all();
        world.account();
        let refused = run(&world.tenancy, &by).await.unwrap_err();
        assert!(matches!(refused, Error::Refused(Refused::Denied)));
    }
}
