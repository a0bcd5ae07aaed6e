//! Reads an instance or workspace.

use bailiwick_types::{
    Authorized, InstanceId, Method, Refused, StoreError, WorkspaceId, faults,
    method::tenancy::{GetInstance, GetWorkspace},
};

use super::{Place, PlaceId};
use crate::{Tenancy, account};

/// The methods that read a place, and the id that each takes.
pub trait Get: Method {
    /// The id of the place.
    type Id: Into<PlaceId>;
}

impl Get for GetInstance {
    type Id = InstanceId;
}

impl Get for GetWorkspace {
    type Id = WorkspaceId;
}

faults! {
    /// Why a place is not read.
    Error: Refused(Refused), Store(StoreError);
}

/// Reads the place.
///
/// # Errors
/// See [`Error`].
pub async fn run<M: Get>(tenancy: &Tenancy, by: &Authorized<M>, id: M::Id) -> Result<Place, Error> {
    let id = id.into();
    let mut read = tenancy.store.read(by.account().ok_or(Refused::Denied)?).await?;
    read.find_account().await?.ok_or(account::MISSING)?;
    Ok(read.find_place(id).await?.ok_or(id.missing())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{self, World};

    #[tokio::test]
    async fn a_place_is_found_in_its_account_alone() {
        let world = World::new();
        let by = memory::operator::<GetWorkspace>();
        let nowhere = run(&world.tenancy, &by, WorkspaceId::from_uuid(uuid::Uuid::nil())).await;
        assert!(matches!(
            nowhere,
            Err(Error::Refused(Refused::NotFound("account")))
        ));
        world.account();
        world.other_account();
        let (own, other) = (world.workspace(), world.other_workspace());
        assert!(run(&world.tenancy, &by, own).await.is_ok());
        let missing = run(&world.tenancy, &by, other).await;
        assert!(matches!(
            missing,
            Err(Error::Refused(Refused::NotFound("workspace")))
        ));
    }
}
