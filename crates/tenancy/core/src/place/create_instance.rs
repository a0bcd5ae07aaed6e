//! Makes an instance.

use bailiwick_types::{AccountId, Authorized, Clock, IdGen, InstanceId, Token, Violations};

use super::{Place, PlaceId};
use crate::{
    Event, State, Title,
    account::{Missing, NotActive},
    request::{self, EarlierError, RequestKey, Reused},
    settings::NoProduct,
    store::{Reach, Store, StoreError, faults},
};

/// Makes an instance.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateInstance {
    /// The account it is made in.
    pub account: AccountId,
    /// Its title.
    pub title: Title,
    /// Its edition; empty where it has none.
    pub edition: String,
    /// The client's id for the request.
    pub request: Option<RequestKey>,
}

/// Why an instance or workspace could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// It does not fit the product.
    #[error(transparent)]
    Misfit(#[from] Violations),
    /// The account, or the instance to make it in, does not exist.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The account, or the instance to make it in, is not in use.
    #[error(transparent)]
    NotActive(#[from] NotActive),
    /// The account's product is not known here yet.
    #[error(transparent)]
    NoProduct(#[from] NoProduct),
    /// The request id was used for another request.
    #[error(transparent)]
    Reused(#[from] Reused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
faults!(CreateError {
    Self::Misfit(e) => e, Self::Missing(e) => e, Self::NotActive(e) => e, Self::NoProduct(e) => e, Self::Reused(e) => e,
    Self::Store(e) => e,
});

impl From<EarlierError> for CreateError {
    fn from(error: EarlierError) -> Self {
        match error {
            EarlierError::Reused(e) => Self::Reused(e),
            EarlierError::Store(e) => Self::Store(e),
        }
    }
}

/// Whether the instance fits the account's product, as far as both are there: what comes before the caller's right.
///
/// # Errors
/// It does not fit, or the store fails.
pub async fn fits(store: &dyn Store, command: &CreateInstance) -> Result<(), CreateError> {
    let mut read = store.read(Reach::Account(command.account)).await?;
    let Some(account) = read.find_account(command.account).await? else {
        return Ok(());
    };
    let Some(product) = read.find_product(&account.product).await? else {
        return Ok(());
    };
    Ok(product.check_edition(&command.edition)?)
}

/// Makes the instance.
///
/// # Errors
/// See [`CreateError`].
pub async fn create_instance(
    store: &dyn Store,
    clock: &dyn Clock,
    ids: &dyn IdGen,
    _: &Authorized,
    command: CreateInstance,
) -> Result<(Place, Token), CreateError> {
    let now = clock.now();
    let mut write = store.write(command.account).await?;
    let account = write.lock_account(command.account).await?.ok_or(Missing)?;
    if let Some(earlier) = request::earlier(&mut *write, command.request.as_ref()).await? {
        return Ok(earlier);
    }
    let product = write.find_product(&account.product).await?.ok_or(NoProduct)?;
    product.check_edition(&command.edition)?;
    account.ensure_active()?;
    let place = Place {
        account: account.id,
        id: PlaceId::Instance(InstanceId::generate(ids)),
        parent: None,
        title: command.title,
        edition: (!command.edition.is_empty()).then_some(command.edition),
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
