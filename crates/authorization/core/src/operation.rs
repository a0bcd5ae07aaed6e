//! The one way in which an account is changed: an operation is carried out and committed, or previewed.

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_types::{AccountId, Authorized, Declaration, Method, Refused, Scope, StoreError, Token};

use crate::{
    Error, Ports, Precondition,
    draft::Draft,
    preview::{Effect, Points, effects_of},
    work::Work,
};

/// A change of one account, as a value.
#[async_trait]
pub trait Operation: Send + Sync + 'static {
    /// The method that asks for it.
    type Method: Method;
    /// What it makes.
    type Output: Send + 'static;
    /// What [`Operation::permit`] finds and [`Operation::apply`] carries out.
    type Plan: Send + Sync;

    /// The scopes that its rules look at.
    fn scopes(&self) -> Vec<Scope> {
        Vec::new()
    }
    /// Asks whether the caller may. Nothing is written, and a caller that may not learns nothing else.
    async fn permit(&self, work: &mut Work) -> Result<Self::Plan, Error>;
    /// Says who could gain or lose something, and where.
    async fn points(&self, _: &Self::Plan, _: &mut Work, _: &mut Points) -> Result<(), StoreError> {
        Ok(())
    }
    /// Checks everything else and writes.
    async fn apply(self, plan: Self::Plan, work: &mut Work) -> Result<Self::Output, Error>;
}

/// What became of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done<T> {
    /// It is committed. The token names the revision.
    Committed(T, Token),
    /// It would make this, and have these effects.
    Previewed(T, Vec<Effect>),
}

impl<T> Done<T> {
    /// What it made, or would make.
    pub fn output(self) -> T {
        match self {
            Self::Committed(output, _) | Self::Previewed(output, _) => output,
        }
    }
}

/// Carries an operation out, or previews it where the call is a dry run. A preview holds no lock: it reads
/// one snapshot, and the change stays in memory.
///
/// # Errors
/// The operation is refused, or the store fails.
pub async fn run<O: Operation>(
    ports: &Ports,
    by: &Authorized<O::Method>,
    operation: O,
) -> Result<Done<O::Output>, Error> {
    let account = by.account().ok_or(Refused::Denied)?;
    run_in(ports, by, account.id(), operation).await
}

/// Carries an operation out in the account that the request names, for a method that is authorized without
/// one: the caller of `AcceptInvitation` has no token for the account yet.
///
/// # Errors
/// The operation is refused, or the store fails.
pub async fn run_in<O: Operation>(
    ports: &Ports,
    by: &Authorized<O::Method>,
    account: AccountId,
    operation: O,
) -> Result<Done<O::Output>, Error> {
    let Some(account) = by.writes(account) else {
        let (output, effects) = preview(ports, by, account, operation).await?;
        return Ok(Done::Previewed(output, effects));
    };
    let unit = ports.store.write(account).await?.ok_or_else(|| missing(by))?;
    let mut work = Work::begin(ports, by, unit, &operation.scopes())
        .await?
        .ok_or_else(|| missing(by))?;
    let plan = operation.permit(&mut work).await?;
    let output = operation.apply(plan, &mut work).await?;
    Ok(Done::Committed(output, work.commit().await?))
}

/// Asks whether the caller may, before a step-up is used up: nothing is locked or written.
///
/// # Errors
/// The caller may not, or the store fails.
pub async fn permit<O: Operation>(
    ports: &Ports,
    by: &Authorized<O::Method>,
    operation: &O,
) -> Result<(), Error> {
    let account = by.account().ok_or(Refused::Denied)?;
    let (mut work, _) = draft(ports, by, account.id(), operation).await?;
    operation.permit(&mut work).await.map(|_| ())
}

/// Previews an operation for a method that only previews, like `PreviewRoleChange` for `ChangeRole`. Both
/// must declare the same right.
///
/// # Errors
/// The operation is refused, or the store fails.
pub async fn preview_for<M: Method, O: Operation>(
    ports: &Ports,
    by: &Authorized<M>,
    operation: O,
) -> Result<Vec<Effect>, Error> {
    let right = |of: &Declaration| (of.access, of.permission, of.on);
    if right(M::DECLARATION) != right(O::Method::DECLARATION) {
        return Err(StoreError::internal(
            "the method that previews declares another right than the operation",
        )
        .into());
    }
    let account = by.account().ok_or(Refused::Denied)?;
    let (_, effects) = preview(ports, by, account.id(), operation).await?;
    Ok(effects)
}

async fn preview<M: Method, O: Operation>(
    ports: &Ports,
    by: &Authorized<M>,
    account: AccountId,
    operation: O,
) -> Result<(O::Output, Vec<Effect>), Error> {
    let (mut work, before) = draft(ports, by, account, &operation).await?;
    let plan = operation.permit(&mut work).await?;
    let mut points = Points::default();
    operation.points(&plan, &mut work, &mut points).await?;
    let output = operation.apply(plan, &mut work).await?;
    if points.are_too_many() {
        return Err(Precondition::PreviewTooLarge.into());
    }
    let effects = effects_of(&points, (&*before, &*work.unit), work.now).await?;
    Ok((output, effects))
}

type Snapshot = Arc<dyn crate::Read + Send + Sync>;

async fn draft<M: Method, O: Operation>(
    ports: &Ports,
    by: &Authorized<M>,
    account: AccountId,
    operation: &O,
) -> Result<(Work, Snapshot), Error> {
    let account = by.reads(account).ok_or(Refused::Denied)?;
    let snapshot: Snapshot = ports.store.read(account).await?.into();
    let unit = Box::new(Draft::over(Arc::clone(&snapshot)).await?);
    let work = Work::begin(ports, by, unit, &operation.scopes()).await?;
    Ok((work.ok_or_else(|| missing(by))?, snapshot))
}

/// Whether an account exists is told to operators alone.
fn missing<M: Method>(by: &Authorized<M>) -> Refused {
    if by.is_operator() {
        Refused::NotFound("account")
    } else {
        Refused::Denied
    }
}
