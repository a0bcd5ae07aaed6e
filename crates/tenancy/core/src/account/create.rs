//! Makes an account, with its first owner where the product has one.

use bailiwick_types::{AccountId, Authorized, Clock, IdGen, ProductName, Token, UserId, Violations};

use super::Account;
use crate::{
    Event, State, Title, product,
    product::Product,
    request::{self, EarlierError, RequestKey, Reused},
    settings::{self, Settings, Values},
    store::{Reach, Store, StoreError, faults},
};

/// Makes an account.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateAccount {
    /// Its product.
    pub product: ProductName,
    /// Its title.
    pub title: Title,
    /// The first holder of its single-holder role; it becomes a member.
    pub owner: Option<UserId>,
    /// Seats that members may take; 0 is no limit.
    pub seats: u32,
    /// Its settings.
    pub settings: Values,
    /// The client's id for the request.
    pub request: Option<RequestKey>,
}

/// Why an account could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// It does not fit the product.
    #[error(transparent)]
    Misfit(#[from] Violations),
    /// The request id was used for another request.
    #[error(transparent)]
    Reused(#[from] Reused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
faults!(CreateError { Self::Misfit(e) => e, Self::Reused(e) => e, Self::Store(e) => e });

impl From<EarlierError> for CreateError {
    fn from(error: EarlierError) -> Self {
        match error {
            EarlierError::Reused(e) => Self::Reused(e),
            EarlierError::Store(e) => Self::Store(e),
        }
    }
}

fn check(command: &CreateAccount, product: Option<&Product>) -> Result<(), Violations> {
    let Some(product) = product else {
        return Err(product::unknown(&command.product));
    };
    if product.owned && command.owner.is_none() {
        let rule = format!(
            "is required: an account of `{}` has exactly one owner",
            product.name
        );
        return Err(Violations::of("owner", rule));
    }
    settings::check(product, "settings", &command.settings)
}

/// Whether the account fits its product: what comes before the caller's right.
///
/// # Errors
/// It does not fit, or the store fails.
pub async fn fits(store: &dyn Store, command: &CreateAccount) -> Result<(), CreateError> {
    let mut read = store.read(Reach::All).await?;
    Ok(check(
        command,
        read.find_product(&command.product).await?.as_ref(),
    )?)
}

/// How often a repeatable request starts again that met itself: the second time it finds what the other made.
const ATTEMPTS: usize = 3;

/// Makes the account.
///
/// # Errors
/// See [`CreateError`].
pub async fn create(
    store: &dyn Store,
    clock: &dyn Clock,
    ids: &dyn IdGen,
    _: &Authorized,
    command: CreateAccount,
) -> Result<(Account, Token), CreateError> {
    for _ in 1..ATTEMPTS {
        match make(store, clock, ids, &command).await {
            Err(CreateError::Store(StoreError::Conflict)) if command.request.is_some() => {}
            answer => return answer,
        }
    }
    make(store, clock, ids, &command).await
}

async fn make(
    store: &dyn Store,
    clock: &dyn Clock,
    ids: &dyn IdGen,
    command: &CreateAccount,
) -> Result<(Account, Token), CreateError> {
    // A repetition is looked for before a new account is begun.
    let mut read = store.read(Reach::All).await?;
    if let Some(earlier) = request::earlier(&mut *read, command.request.as_ref()).await? {
        return Ok(earlier);
    }
    drop(read);
    let now = clock.now();
    let account = Account {
        id: AccountId::generate(ids),
        product: command.product.clone(),
        title: command.title.clone(),
        state: State::Active,
        owner: command.owner,
        seats: command.seats,
        billing_anchor: now,
        created: now,
        updated: now,
        version: 1,
        closing: false,
    };
    let mut write = store.write(account.id).await?;
    if let Some(earlier) = request::earlier(&mut *write, command.request.as_ref()).await? {
        return Ok(earlier);
    }
    check(command, write.find_product(&command.product).await?.as_ref())?;
    write.insert_account(&account).await?;
    write.emit(Event::Account {
        account: account.clone(),
        created: true,
    });
    if !command.settings.is_empty() {
        let mut settings = Settings::none(account.id);
        settings.set(command.settings.clone());
        settings.version = 1;
        write.put_settings(&settings).await?;
        write.emit(Event::Settings(settings));
    }
    request::keep(&mut *write, command.request.as_ref(), &account, now).await?;
    let token = write.commit().await?;
    Ok((account, token))
}
