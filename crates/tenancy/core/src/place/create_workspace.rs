//! Makes a workspace.

use bailiwick_types::{AccountId, Authorized, Clock, IdGen, InstanceId, Token, WorkspaceId};

use super::{CreateError, Place, PlaceId};
use crate::{
    Event, State, Title,
    account::Missing,
    request::{self, RequestKey},
    settings::NoProduct,
    store::{Reach, Store},
};

/// Makes a workspace.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateWorkspace {
    /// The account it is made in.
    pub account: AccountId,
    /// The instance it is made in; else it lies directly in the account.
    pub parent: Option<InstanceId>,
    /// Its title.
    pub title: Title,
    /// The client's id for the request.
    pub request: Option<RequestKey>,
}

/// Whether the workspace fits the account's product, as far as both are there: what comes before the caller's right.
///
/// # Errors
/// It does not fit, or the store fails.
pub async fn fits(store: &dyn Store, command: &CreateWorkspace) -> Result<(), CreateError> {
    let mut read = store.read(Reach::Account(command.account)).await?;
    let Some(account) = read.find_account(command.account).await? else {
        return Ok(());
    };
    let Some(product) = read.find_product(&account.product).await? else {
        return Ok(());
    };
    Ok(product.check_workspaces()?)
}

/// Makes the workspace.
///
/// # Errors
/// See [`CreateError`].
pub async fn create_workspace(
    store: &dyn Store,
    clock: &dyn Clock,
    ids: &dyn IdGen,
    _: &Authorized,
    command: CreateWorkspace,
) -> Result<(Place, Token), CreateError> {
    let now = clock.now();
    let mut write = store.write(command.account).await?;
    let account = write.lock_account(command.account).await?.ok_or(Missing)?;
    if let Some(earlier) = request::earlier(&mut *write, command.request.as_ref()).await? {
        return Ok(earlier);
    }
    let product = write.find_product(&account.product).await?.ok_or(NoProduct)?;
    product.check_workspaces()?;
    account.ensure_active()?;
    if let Some(instance) = command.parent {
        let id = PlaceId::Instance(instance);
        let parent = write.find_place(account.id, id).await?.ok_or(Missing)?;
        parent.ensure_active()?;
    }
    let place = Place {
        account: account.id,
        id: PlaceId::Workspace(WorkspaceId::generate(ids)),
        parent: command.parent,
        title: command.title,
        edition: None,
        state: State::Active,
        created: now,
        updated: now,
        version: 1,
        closing: false,
    };
    write.insert_place(&place).await?;
    write.emit(Event::Place(place.clone()));
    request::keep(&mut *write, command.request.as_ref(), &place, now).await?;
    let token = write.commit().await?;
    Ok((place, token))
}
