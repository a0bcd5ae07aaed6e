//! Lists the instances or workspaces of an account that the caller may view.

use bailiwick_types::{
    Authorized, InstanceId, Level, Method, PageRequest, Refused,
    method::tenancy::{ListInstances, ListWorkspaces},
};

use super::{Place, PlaceFilter};
use crate::{
    Tenancy,
    listing::{Error, Key, Page, Query, Viewer, page},
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
    let account = by.account().ok_or(Refused::Denied)?;
    let level = M::LEVEL;
    let filter = PlaceFilter { level, parent };
    let after = |key: Option<Key>, limit| async move {
        let mut read = tenancy.store.read(account).await?;
        if read.find_account().await?.is_none() {
            return Ok(Vec::new());
        }
        read.list_places(filter, query, key.as_ref(), limit).await
    };
    let place = |row: &Place| {
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
