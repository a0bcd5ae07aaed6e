//! Deletes an instance or workspace, in authorization first.

use bailiwick_types::{
    AccountWrite, Authorized, InstanceId, Method, Refused, StoreError, Token, WorkspaceId, faults,
    method::tenancy::{DeleteInstance, DeleteWorkspace},
};

use super::PlaceId;
use crate::{
    Etag, Precondition, State, Tenancy, account,
    closing::{self, Closing, FinishError},
};

/// The methods that delete a place, and the id that each takes.
pub trait Delete: Method {
    /// The id of the place.
    type Id: Into<PlaceId>;
}

impl Delete for DeleteInstance {
    type Id = InstanceId;
}

impl Delete for DeleteWorkspace {
    type Id = WorkspaceId;
}

/// The place to delete.
#[derive(Debug, Clone, PartialEq)]
pub struct Command<Id> {
    /// The place.
    pub id: Id,
    /// The etag that was read.
    pub etag: Etag,
    /// Whether to delete the workspaces of an instance as well.
    pub force: bool,
}

faults! {
    /// Why a place is not deleted.
    Error: Refused(Refused), Precondition(Precondition), Finish(FinishError), Store(StoreError);
    /// It has workspaces.
    NotEmpty "the instance is not empty: delete its workspaces first, or set `force`"
        => FailedPrecondition NotEmpty;
}

/// Deletes the place: commits the intent, tells authorization, commits the change.
///
/// # Errors
/// See [`Error`]. After [`Error::Finish`] the worker finishes the deletion.
pub async fn run<M: Delete>(
    tenancy: &Tenancy,
    by: &Authorized<M>,
    command: Command<M::Id>,
) -> Result<Token, Error> {
    let handle = by.account_write().ok_or(Refused::Denied)?;
    let closing = begin(tenancy, by, handle, command).await?;
    Ok(closing::finish(tenancy, handle, &closing).await?)
}

async fn begin<M: Delete>(
    tenancy: &Tenancy,
    by: &Authorized<M>,
    handle: AccountWrite,
    command: Command<M::Id>,
) -> Result<Closing, Error> {
    let Command { id, etag, force } = command;
    let id: PlaceId = id.into();
    let mut write = tenancy.store.write(handle).await?;
    write.find_account().await?.ok_or(account::MISSING)?;
    let mut place = write.find_place(id).await?.ok_or(id.missing())?;
    if let Some(closing) = write.find_closing(&place.scope()).await? {
        return Ok(closing);
    }
    place.ensure_settled()?;
    etag.check(place.version)?;
    if let PlaceId::Instance(instance) = id
        && !force
        && write.has_places(Some(instance)).await?
    {
        return Err(Error::NotEmpty);
    }
    let closing = Closing {
        account: handle.id(),
        scope: place.scope(),
        version: place.version + 1,
        to: State::Deleted,
        begun: tenancy.clock.now(),
        actor: by.subject().cloned(),
    };
    place.closing = true;
    write.update_place(&place).await?;
    write.insert_closing(&closing).await?;
    write.commit().await?;
    Ok(closing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{self, World};

    async fn delete<M: Delete>(world: &World, id: M::Id, etag: &str, force: bool) -> Result<Token, Error> {
        let etag = Etag::of_request(etag);
        run(
            &world.tenancy,
            &memory::operator::<M>(),
            Command { id, etag, force },
        )
        .await
    }

    #[tokio::test]
    async fn an_instance_with_workspaces_is_deleted_only_by_force() {
        let world = World::new();
        world.account();
        let instance = world.instance_with(|_| ());
        world.workspace_with(|place| place.parent = Some(instance));
        let refused = delete::<DeleteInstance>(&world, instance, "", false).await;
        assert!(matches!(refused, Err(Error::NotEmpty)));
        delete::<DeleteInstance>(&world, instance, "", true)
            .await
            .unwrap();
        let again = delete::<DeleteInstance>(&world, instance, "", true).await;
        assert!(matches!(
            again,
            Err(Error::Refused(Refused::NotFound("instance")))
        ));
    }

    #[tokio::test]
    async fn an_etag_of_another_version_is_refused() {
        let world = World::new();
        world.account();
        let refused = delete::<DeleteWorkspace>(&world, world.workspace(), "7", false).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::EtagMismatch))
        ));
    }

    #[tokio::test]
    async fn a_deletion_that_authorization_did_not_take_goes_on_with_the_next_call() {
        let world = World::new();
        world.account();
        let id = world.workspace();
        world.authorization_is_away(true);
        let refused = delete::<DeleteWorkspace>(&world, id, "", false).await;
        assert!(matches!(refused, Err(Error::Finish(_))));
        world.authorization_is_away(false);
        delete::<DeleteWorkspace>(&world, id, "", false).await.unwrap();
        assert_eq!(world.closed().len(), 1);
    }

    #[tokio::test]
    async fn a_place_of_a_missing_account_is_not_found() {
        let world = World::new();
        let id = world.workspace();
        let refused = delete::<DeleteWorkspace>(&world, id, "", false).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("account")))
        ));
    }
}
