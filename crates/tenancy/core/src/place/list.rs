//! Lists the instances or workspaces of an account that the caller may view.

use async_trait::async_trait;
use bailiwick_types::{
    AccountAccess, Authorized, InstanceId, Level, Method, PageRequest, Refused, Scope, StoreError,
    method::tenancy::{ListInstances, ListWorkspaces},
};

use super::{Place, PlaceFilter};
use crate::{
    Tenancy,
    listing::{Error, Key, Page, Query, Rows, Viewer, page},
};

/// The methods that list places, and the level of each.
pub trait List: Method {
    /// Instances or workspaces.
    const LEVEL: Level;
}

impl List for ListInstances {
    const LEVEL: Level = Level::Instance;
}

impl List for ListWorkspaces {
    const LEVEL: Level = Level::Workspace;
}

struct Places<'a> {
    tenancy: &'a Tenancy,
    account: AccountAccess,
    filter: PlaceFilter,
    query: &'a Query,
}

#[async_trait]
impl Rows for Places<'_> {
    type Row = Place;
    async fn after(&self, key: Option<&Key>, limit: u64) -> Result<Vec<Place>, StoreError> {
        let mut read = self.tenancy.store.read(self.account).await?;
        if read.find_account().await?.is_none() {
            return Ok(Vec::new());
        }
        read.list_places(self.filter, self.query, key, limit).await
    }
    fn key(&self, row: &Place) -> Key {
        Key::of(self.query.order, &row.title, row.created, row.id.uuid())
    }
    fn scope(&self, row: &Place) -> Scope {
        row.scope()
    }
}

/// Lists places: all, those directly in the account (`Some(None)`) or those in an instance.
///
/// # Errors
/// See [`Error`].
pub async fn run<M: List, V: Viewer>(
    tenancy: &Tenancy,
    by: &Authorized<M>,
    viewer: &V,
    parent: Option<Option<InstanceId>>,
    query: &Query,
    request: &PageRequest<Key>,
) -> Result<Page<Place>, Error<V::Error>> {
    let level = M::LEVEL;
    let rows = Places {
        tenancy,
        account: by.account().ok_or(Refused::Denied)?,
        filter: PlaceFilter { level, parent },
        query,
    };
    page(&rows, viewer, request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{self, Sees, World};

    async fn list(
        world: &World,
        by: &Authorized<ListWorkspaces>,
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
        Ok(page.rows.iter().map(Place::scope).collect())
    }

    #[tokio::test]
    async fn workspaces_that_the_caller_may_not_view_are_left_out() {
        let world = World::new();
        world.account();
        world.instance_with(|_| ());
        let seen = Scope::Workspace(world.workspace());
        world.workspace();
        let shown = list(&world, &memory::operator(), &Sees::Only(vec![seen.clone()])).await;
        assert_eq!(shown.unwrap(), [seen]);
        assert_eq!(
            list(&world, &memory::operator(), &Sees::All).await.unwrap().len(),
            2
        );
    }

    #[tokio::test]
    async fn a_missing_account_and_another_account_s_places_show_nothing() {
        let world = World::new();
        world.workspace();
        assert!(
            list(&world, &memory::operator(), &Sees::All)
                .await
                .unwrap()
                .is_empty()
        );
        let world = World::new();
        world.account();
        world.other_workspace();
        assert!(
            list(&world, &memory::operator(), &Sees::All)
                .await
                .unwrap()
                .is_empty()
        );
    }

    #[tokio::test]
    async fn a_list_fails_where_the_rights_are_unknown() {
        let world = World::new();
        world.account();
        world.workspace();
        let failed = list(&world, &memory::operator(), &Sees::Unknown).await;
        assert!(matches!(failed, Err(Error::Viewer(()))));
    }

    #[tokio::test]
    async fn a_witness_without_account_lists_none() {
        let refused = list(&World::new(), &memory::operator_of_all(), &Sees::All).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }
}
