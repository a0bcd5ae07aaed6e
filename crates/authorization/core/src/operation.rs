//! The one way in which an account is changed: an operation is carried out and committed, or previewed.

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_types::{AccountId, Authorized, Declaration, Method, Refused, Scope, StoreError, Token};

use crate::{
    Error, Ports, Precondition,
    draft::Draft,
    gains, limit,
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
    /// Checks everything else and writes. Afterwards the driver refuses what would give the caller, or
    /// whoever else gives by this change, something that it does not hold, and at last what would exceed a
    /// limit of the account.
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
    let plan = permitted(&operation, &mut work).await?;
    let output = operation.apply(plan, &mut work).await?;
    gains::check(&mut work).await?;
    limit::check(&work).await?;
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
    permitted(operation, &mut work).await.map(|_| ())
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
    let plan = permitted(&operation, &mut work).await?;
    let mut points = Points::default();
    operation.points(&plan, &mut work, &mut points).await?;
    let output = operation.apply(plan, &mut work).await?;
    gains::check(&mut work).await?;
    limit::check(&work).await?;
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
/// Asks whether the caller may. One that has nothing in the account learns nothing else either: what does not
/// fit with the account's roles would tell which roles it has.
async fn permitted<O: Operation>(operation: &O, work: &mut Work) -> Result<O::Plan, Error> {
    let permitted = operation.permit(work).await;
    permitted.map_err(|error| match error {
        Error::Unknown(_) | Error::Invalid(_) | Error::Items(_) if work.actor.is_stranger() => {
            Refused::Denied.into()
        }
        error => error,
    })
}

fn missing<M: Method>(by: &Authorized<M>) -> Refused {
    if by.is_operator() {
        Refused::NotFound("account")
    } else {
        Refused::Denied
    }
}

#[cfg(test)]
mod tests {
    use std::marker::PhantomData;

    use bailiwick_policy::PlaceState;
    use bailiwick_testkit::witness;
    use bailiwick_types::{
        CallerKind, Target,
        method::authorization::{AcceptInvitation, ChangeRole, GetRole, PreviewRoleChange},
    };
    use uuid::Uuid;

    use super::*;
    use crate::{
        On,
        memory::{World, account_id, subject},
        preview::{self, Spot},
        resource::Reader,
    };

    /// Limits the projects of the first user, who may be affected in some places.
    struct Probe<M> {
        places: usize,
        method: PhantomData<fn() -> M>,
    }

    fn probe<M>(places: usize) -> Probe<M> {
        Probe {
            places,
            method: PhantomData,
        }
    }

    #[async_trait]
    impl<M: Method> Operation for Probe<M> {
        type Method = M;
        type Output = &'static str;
        type Plan = ();

        async fn permit(&self, work: &mut Work) -> Result<(), Error> {
            Ok(work.require("project.view", &work.account_scope())?)
        }
        async fn points(&self, (): &(), work: &mut Work, points: &mut Points) -> Result<(), StoreError> {
            let place = |n| Spot::On(On::Resource(format!("project:{n}").parse().unwrap()));
            let places: Vec<_> = (0..self.places).map(place).collect();
            points.add(&*work.unit, &subject(1), &places).await
        }
        async fn apply(self, (): (), work: &mut Work) -> Result<&'static str, Error> {
            work.unit.put_quota(&subject(1), "project", Some(3)).await?;
            work.subject_changed(&subject(1));
            Ok("limited")
        }
    }

    /// The first user may, the second may not.
    async fn world() -> World {
        let world = World::new().await;
        world.member(1, "viewer").await;
        world.person(2).await;
        world
    }

    async fn written(world: &World) -> (Option<u64>, usize) {
        let quota = world.read().quota(&subject(1), "project").await.unwrap();
        (quota, world.told().len())
    }

    fn caller(n: u128, account: Option<AccountId>) -> Arc<bailiwick_types::Caller> {
        witness::caller(CallerKind::User, subject(n), account)
    }

    fn trying<M: Method>(n: u128) -> Authorized<M> {
        witness::previewing(
            &caller(n, Some(account_id())),
            &Target::account(account_id()),
            false,
        )
    }

    fn is_denied<T>(result: Result<T, Error>) -> bool {
        matches!(result, Err(Error::Refused(Refused::Denied)))
    }

    #[tokio::test]
    async fn a_change_is_committed() {
        let world = world().await;
        let by = world.by::<ChangeRole>(1);
        let done = run(&world.ports, &by, probe(0)).await.unwrap();
        assert!(matches!(done, Done::Committed("limited", _)));
        assert_eq!(written(&world).await, (Some(3), 1));
    }

    #[tokio::test]
    async fn a_dry_run_has_the_same_output_and_writes_nothing() {
        let world = world().await;
        let by = trying::<ChangeRole>(1);
        let done = run(&world.ports, &by, probe(1)).await.unwrap();
        assert_eq!(done, Done::Previewed("limited", Vec::new()));
        assert_eq!(written(&world).await, (None, 0));
    }

    #[tokio::test]
    async fn a_caller_without_the_right_is_refused_in_every_mode() {
        let world = world().await;
        let by = world.by::<ChangeRole>(2);
        assert!(is_denied(run(&world.ports, &by, probe(0)).await));
        assert!(is_denied(permit(&world.ports, &by, &probe(0)).await));
        let by = trying::<ChangeRole>(2);
        assert!(is_denied(run(&world.ports, &by, probe(0)).await));
        let by = trying::<PreviewRoleChange>(2);
        let refused = preview_for(&world.ports, &by, probe::<ChangeRole>(0)).await;
        assert!(is_denied(refused));
        assert_eq!(written(&world).await, (None, 0));
    }

    #[tokio::test]
    async fn asking_for_the_right_writes_nothing() {
        let world = world().await;
        let by = world.by::<ChangeRole>(1);
        permit(&world.ports, &by, &probe(0)).await.unwrap();
        assert_eq!(written(&world).await, (None, 0));
    }

    #[tokio::test]
    async fn a_preview_of_too_many_places_is_refused_and_the_change_is_not() {
        let world = world().await;
        let places = preview::MOST + 1;
        let by = trying::<ChangeRole>(1);
        let refused = run(&world.ports, &by, probe(places)).await;
        let expected = Error::Precondition(Precondition::PreviewTooLarge);
        assert_eq!(refused.unwrap_err().to_string(), expected.to_string());
        let by = world.by::<ChangeRole>(1);
        run(&world.ports, &by, probe(places)).await.unwrap();
        assert_eq!(written(&world).await, (Some(3), 1));
    }

    #[tokio::test]
    async fn only_a_method_that_declares_the_same_right_previews() {
        let world = world().await;
        let by = trying::<PreviewRoleChange>(1);
        preview_for(&world.ports, &by, probe::<ChangeRole>(0))
            .await
            .unwrap();
        let by = trying::<GetRole>(1);
        let refused = preview_for(&world.ports, &by, probe::<ChangeRole>(0)).await;
        assert!(matches!(refused, Err(Error::Store(_))));
    }

    #[tokio::test]
    async fn a_call_without_an_account_changes_nothing_but_the_account_it_names() {
        let world = world().await;
        let by = witness::authorized::<AcceptInvitation>(&caller(1, None), &Target::none(), false);
        assert!(is_denied(run(&world.ports, &by, probe(0)).await));
        assert!(is_denied(permit(&world.ports, &by, &probe(0)).await));
        let unknown = AccountId::from_uuid(Uuid::from_u128(77));
        let refused = run_in(&world.ports, &by, unknown, probe(0)).await;
        assert!(is_denied(refused));
        assert_eq!(written(&world).await, (None, 0));
        run_in(&world.ports, &by, account_id(), probe(0)).await.unwrap();
        assert_eq!(written(&world).await, (Some(3), 1));
    }

    #[tokio::test]
    async fn a_call_in_one_account_changes_no_other() {
        let world = world().await;
        let other = AccountId::from_uuid(Uuid::from_u128(77));
        for dry_run in [false, true] {
            let of = if dry_run {
                witness::previewing
            } else {
                witness::authorized
            };
            let by: Authorized<ChangeRole> = of(&caller(1, Some(other)), &Target::account(other), false);
            let refused = run_in(&world.ports, &by, account_id(), probe(0)).await;
            assert!(is_denied(refused), "{dry_run}");
        }
        assert_eq!(written(&world).await, (None, 0));
    }

    #[tokio::test]
    async fn only_operators_learn_that_an_account_does_not_exist() {
        let world = world().await;
        world
            .change_account(|account| account.state = PlaceState::Deleted)
            .await;
        let target = Target::account(account_id());
        for operator in [false, true] {
            let caller = caller(1, Some(account_id()).filter(|_| !operator));
            let by = witness::authorized::<ChangeRole>(&caller, &target, operator);
            let trying = witness::previewing::<ChangeRole>(&caller, &target, operator);
            for by in [by, trying] {
                let refused = run(&world.ports, &by, probe(0)).await.unwrap_err();
                let expected = if operator {
                    Refused::NotFound("account")
                } else {
                    Refused::Denied
                };
                assert_eq!(refused.to_string(), expected.to_string());
            }
        }
    }
}
