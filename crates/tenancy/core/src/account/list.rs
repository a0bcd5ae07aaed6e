//! Lists the accounts that the caller may view.

use bailiwick_types::{
    Authorized, CallerKind, PageRequest, ProductName, Refused, method::tenancy::ListAccounts,
};

use super::{Account, AccountFilter};
use crate::{
    Tenancy,
    listing::{Error, Key, Page, Query, Viewer, page},
};

/// Lists accounts, all or of one product. A user's token or key for an account shows that account alone.
///
/// # Errors
/// See [`Error`].
pub async fn run<V: Viewer>(
    tenancy: &Tenancy,
    by: &Authorized<ListAccounts>,
    viewer: &V,
    product: Option<ProductName>,
    query: &Query,
    request: &PageRequest<Key>,
) -> Result<Page<Account>, Error<V::Error>> {
    let all = by.all_accounts().ok_or(Refused::Denied)?;
    let own = by.caller().account();
    let account = own.filter(|_| by.caller().kind() != CallerKind::Service);
    let filter = &AccountFilter { product, account };
    let after = |key: Option<Key>, limit| async move {
        let mut read = tenancy.store.read_all(all).await?;
        read.list_accounts(filter, query, key.as_ref(), limit).await
    };
    let place = |row: &Account| {
        let key = Key::of(query.order, &row.title, row.created, row.id.uuid());
        (key, row.scope())
    };
    page(after, place, viewer, request).await
}

#[cfg(test)]
mod tests {
    use bailiwick_types::Scope;

    use super::*;
    use crate::memory::{self, Sees, World};

    async fn list(
        world: &World,
        by: &Authorized<ListAccounts>,
        sees: &Sees,
    ) -> Result<Vec<Scope>, Error<()>> {
        let page = run(
            &world.tenancy,
            by,
            sees,
            None,
            &Query::default(),
            &memory::first_page(),
        )
        .await?;
        Ok(page.rows.iter().map(Account::scope).collect())
    }

    #[tokio::test]
    async fn accounts_that_the_caller_may_not_view_are_left_out() {
        let world = World::new();
        let seen = world.account().scope();
        world.other_account();
        let by = memory::operator_of_all();
        let shown = list(&world, &by, &Sees::Only(vec![seen.clone()])).await.unwrap();
        assert_eq!(shown, [seen]);
        assert_eq!(list(&world, &by, &Sees::All).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_token_for_an_account_shows_that_account_alone() {
        let world = World::new();
        let own = world.account().scope();
        world.other_account();
        let shown = list(&world, &memory::member_of_all(), &Sees::All).await.unwrap();
        assert_eq!(shown, [own]);
    }

    #[tokio::test]
    async fn a_list_fails_where_the_rights_are_unknown() {
        let world = World::new();
        world.account();
        let failed = list(&world, &memory::operator_of_all(), &Sees::Unknown).await;
        assert!(matches!(failed, Err(Error::Viewer(()))));
    }

    #[tokio::test]
    async fn a_witness_for_one_account_lists_none() {
        let world = World::new();
        let by = memory::operator();
        let refused = list(&world, &by, &Sees::All).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }
}
