//! Changes the title of an instance or workspace.

use bailiwick_types::{
    Authorized, InstanceId, Method, Refused, StoreError, Token, WorkspaceId, faults,
    method::tenancy::{UpdateInstance, UpdateWorkspace},
};

use super::{Place, PlaceId};
use crate::{Etag, Event, Precondition, Tenancy, Title, account, audit::Record};

/// The methods that change a place, and the id that each takes.
pub trait Update: Method {
    /// The id of the place.
    type Id: Into<PlaceId>;
}

impl Update for UpdateInstance {
    type Id = InstanceId;
}

impl Update for UpdateWorkspace {
    type Id = WorkspaceId;
}

/// The changes of a place.
#[derive(Debug, Clone, PartialEq)]
pub struct Command<Id> {
    /// The place.
    pub id: Id,
    /// The new title.
    pub title: Title,
    /// The etag that was read.
    pub etag: Etag,
}

faults! {
    /// Why a place is not changed.
    Error: Refused(Refused), Precondition(Precondition), Store(StoreError);
}

/// Changes the place.
///
/// # Errors
/// See [`Error`].
pub async fn run<M: Update>(
    tenancy: &Tenancy,
    by: &Authorized<M>,
    command: Command<M::Id>,
) -> Result<(Place, Token), Error> {
    let id = command.id.into();
    let handle = by.account_write().ok_or(Refused::Denied)?;
    let mut write = tenancy.store.write(handle).await?;
    write.find_account().await?.ok_or(account::MISSING)?;
    let mut place = write.find_place(id).await?.ok_or(id.missing())?;
    place.ensure_settled()?;
    command.etag.check(place.version)?;
    let record = Record::of(by, place.scope()).changed("title", &place.title, &command.title);
    place.title = command.title;
    place.version += 1;
    place.updated = tenancy.clock.now();
    write.update_place(&place).await?;
    write.emit(Event::Place(place.clone()));
    write.audit(record);
    let token = write.commit().await?;
    Ok((place, token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{self, World};

    async fn rename(world: &World, id: WorkspaceId, etag: &str) -> Result<(Place, Token), Error> {
        let command = Command {
            id,
            title: memory::title("B"),
            etag: Etag::of_request(etag),
        };
        run(&world.tenancy, &memory::operator::<UpdateWorkspace>(), command).await
    }

    #[tokio::test]
    async fn an_etag_of_another_version_is_refused() {
        let world = World::new();
        world.account();
        let id = world.workspace();
        let (place, _) = rename(&world, id, "1").await.unwrap();
        assert_eq!((place.title.as_str(), place.version), ("B", 2));
        let refused = rename(&world, id, "1").await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::EtagMismatch))
        ));
    }

    #[tokio::test]
    async fn a_place_that_is_being_closed_is_not_changed() {
        let world = World::new();
        world.account();
        let id = world.workspace_with(|place| place.closing = true);
        let refused = rename(&world, id, "").await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotActive { .. }))
        ));
    }

    #[tokio::test]
    async fn a_place_of_another_account_is_not_found() {
        let world = World::new();
        let other = world.other_workspace();
        let refused = rename(&world, other, "").await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("account")))
        ));
        world.account();
        let refused = rename(&world, other, "").await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("workspace")))
        ));
    }
}
