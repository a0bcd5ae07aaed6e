//! Carries a move out, or previews it.

use std::{sync::Arc, time::Duration};

use bailiwick_policy::PlaceState;
use bailiwick_types::{
    AllAccounts, Authorized, Code, FINAL, Fault, FieldViolation, IdGen, Reason, ScopeRoot, System, Token,
    method::authorization::MoveScope,
};

use super::{
    FEED, Relocation,
    carry::{Moved, Sides, Tools, carry, close, force, points_at},
    leaving::{Leaving, Progress, progress},
    within::Grants,
};
use crate::prelude::*;
use crate::{
    Ports, Read, Situation, Unit, Write,
    account::Place,
    draft::Draft,
    preview::{Effect, effects, look},
};

/// The action of the command that finishes moves.
const RECONCILE: &str = "reconcile";

/// Who would gain or lose what.
pub type Foreseen = Vec<Effect>;

/// Moves a workspace. A repetition changes nothing. A move that is refused never happens under its version
/// afterwards, so that tenancy may give it up.
///
/// # Errors
/// The move is refused, or the store fails.
pub async fn relocate(ports: &Ports, by: &Authorized<MoveScope>, of: Relocation) -> Result<Token, Error> {
    run(ports, all_accounts(by)?, by.action(), of).await
}

/// Checks whether a workspace would be moved now. Nothing is written, and nothing previewed, so that no size
/// of the account refuses it.
///
/// # Errors
/// As [`relocate`].
pub async fn check(ports: &Ports, by: &Authorized<MoveScope>, of: &Relocation) -> Result<(), Error> {
    // The unit of work rolls back: it takes the locks and the time that the move is about to take.
    carried_out(ports, all_accounts(by)?, by.action(), of)
        .await
        .map(drop)
}

fn all_accounts(by: &Authorized<MoveScope>) -> Result<AllAccounts, StoreError> {
    let all = by.all_accounts();
    all.ok_or_else(|| StoreError::internal("a workspace is moved by a call that names no account"))
}

/// Like [`relocate`], for a command that finishes a move of tenancy.
///
/// # Errors
/// As [`relocate`].
pub async fn relocate_unasked(ports: &Ports, by: &System, of: Relocation) -> Result<Token, Error> {
    run(ports, by.all_accounts(), RECONCILE, of).await
}

async fn run(ports: &Ports, all: AllAccounts, action: &'static str, of: Relocation) -> Result<Token, Error> {
    match carry_out(ports, all, action, &of).await {
        Err(error) if is_final(&error) => settle(ports, all, &of, error).await,
        done => done,
    }
}

/// A refusal of a move by a rule: under its version the move never happens afterwards. It says so, because a
/// refusal of the guard has the same code and is none of the move.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Refusal(#[from] Error);

impl Fault for Refusal {
    fn code(&self) -> Code {
        self.0.code()
    }
    fn reason(&self) -> Reason {
        self.0.reason()
    }
    fn metadata(&self) -> Vec<(&'static str, String)> {
        let mut all = self.0.metadata();
        all.extend(is_final(&self.0).then(|| (FINAL, true.to_string())));
        all
    }
    fn violations(&self) -> &[FieldViolation] {
        self.0.violations()
    }
    fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after()
    }
}

/// Whether the same move would be refused again, as far as it is up to the rules.
fn is_final(error: &Error) -> bool {
    !matches!(
        error.code(),
        Code::Unavailable | Code::Aborted | Code::DeadlineExceeded | Code::Internal
    )
}

async fn carry_out(
    ports: &Ports,
    all: AllAccounts,
    action: &'static str,
    of: &Relocation,
) -> Result<Token, Error> {
    Ok(carried_out(ports, all, action, of).await?.commit().await?)
}

/// The unit of work in which the workspace is moved, not committed yet.
async fn carried_out(
    ports: &Ports,
    all: AllAccounts,
    action: &'static str,
    of: &Relocation,
) -> Result<Box<dyn Unit + Send + Sync>, Error> {
    let accounts = [of.account, of.target];
    let unit = ports.store.write_accounts(all, &accounts).await?;
    let mut unit = unit.ok_or(Refused::Denied)?;
    let mut sides = Sides {
        source: &mut *unit,
        target: None,
        from: all.account(of.account),
        to: all.account(of.target),
    };
    let tools = Tools {
        now: ports.clock.now(),
        ids: &*ports.ids,
        limits: &ports.limits,
    };
    if let Some(Moved { place }) = carry(&mut sides, of, tools).await? {
        close(
            &mut sides,
            of,
            place,
            (of.mover.as_ref().map(|mover| mover.subject.clone()), action),
        )
        .await?;
    }
    Ok(unit)
}

/// Notes that the version of a refused move is used up: a call that is still under way comes too late.
async fn settle(ports: &Ports, all: AllAccounts, of: &Relocation, refused: Error) -> Result<Token, Error> {
    let unit = ports.store.write_accounts(all, &[of.account]).await?;
    let Some(mut unit) = unit else {
        return Err(refused);
    };
    unit.select(all.account(of.account));
    match progress(&*unit, of).await {
        // Another call has carried it out meanwhile.
        Ok(Progress::Done) => return Ok(unit.commit().await?),
        Ok(Progress::Open(mut place)) => {
            place.version = of.version.clone();
            unit.put_place(&place).await?;
            unit.commit().await?;
        }
        Err(Error::Precondition(Precondition::MoveSuperseded)) => {}
        Err(error) => return Err(error),
    }
    Err(refused)
}

/// Tells who would gain or lose what by a move, and refuses one that would be refused. Nothing is written.
///
/// # Errors
/// The move would be refused, or the store fails.
pub async fn preview(ports: &Ports, by: &Authorized<MoveScope>, of: &Relocation) -> Result<Foreseen, Error> {
    let all = all_accounts(by)?;
    let (from, to) = (all.account(of.account), all.account(of.target));
    let source: Arc<dyn Read + Send + Sync> = ports.store.read(from).await?.into();
    let target: Arc<dyn Read + Send + Sync> = if of.is_within() {
        Arc::clone(&source)
    } else {
        ports.store.read(to).await?.into()
    };
    if source.account().await?.is_none() || target.account().await?.is_none() {
        return Err(Refused::Denied.into());
    }
    let mut source_draft = Draft::over(Arc::clone(&source)).await?;
    let mut target_draft = Draft::over(Arc::clone(&target)).await?;
    let mut sides = Sides {
        source: &mut source_draft,
        target: if of.is_within() {
            None
        } else {
            Some(&mut target_draft)
        },
        from,
        to,
    };
    let now = ports.clock.now();
    let tools = Tools {
        now,
        ids: &*ports.ids,
        limits: &ports.limits,
    };
    // The right comes first: a refused preview must not tell who has access.
    let moved = carry(&mut sides, of, tools).await?;
    if moved.is_none() {
        return Ok(Vec::new());
    }
    let mut points = Points::default();
    let before = Situation::load(&*source, [&of.scope]).await?;
    let before = before.ok_or(Refused::Denied)?;
    let path = before.path(&of.scope);
    points_at(&*source, (&before.policy, &path), of, &mut points).await?;
    let after = &*sides.target();
    let there = Situation::load(after, [&of.scope]).await?;
    let there = there.ok_or(Refused::Denied)?;
    let path = there.path(&of.scope);
    points_at(after, (&there.policy, &path), of, &mut points).await?;
    if points.are_too_many() {
        return Err(Precondition::PreviewTooLarge.into());
    }
    let list = points.list();
    let old = look(&*source, None, &list, now).await?;
    let new = look(after, None, &list, now).await?;
    let mut all = effects(of.target, &list, (&old, &new), &[&**before.policy.product()]);
    for effect in &mut all {
        // Who is not in the target account is named as the account that it is in does.
        let is_there = match effect.subject.user_id() {
            Some(user) => after.member(user).await?.is_some(),
            None => true,
        };
        if !is_there {
            effect.account = of.account;
        }
    }
    Ok(all)
}

/// Moves a workspace that tenancy tells to have moved from another account, where it was not moved by a call:
/// authorization was restored to a time before. Answers whether there was something to move.
///
/// # Errors
/// The store fails.
pub async fn arrive_unasked<'u>(
    unit: &'u mut (dyn Write + Send + Sync + 'u),
    ids: &dyn IdGen,
    now: Timestamp,
    by: &System,
    of: &Relocation,
) -> Result<bool, Error> {
    let (from, to) = (by.account(of.account).read(), by.account(of.target).read());
    let mut sides = Sides {
        source: unit,
        target: None,
        from,
        to,
    };
    let is_here =
        |place: &crate::account::Place| place.scope == of.scope && place.state != PlaceState::Deleted;
    let id = of.scope.uuid().unwrap_or_default();
    let target = sides.target();
    if target.account().await?.is_none() || target.places(&[id]).await?.iter().any(is_here) {
        return Ok(false);
    }
    let source = sides.source();
    let places = source.places(&[id]).await?;
    let Some(place) = places.into_iter().find(|place| place.scope == of.scope) else {
        return Ok(false);
    };
    let Some(leaving) = Leaving::unasked(source, of, place).await? else {
        return Ok(false);
    };
    let place = force(&mut sides, of, leaving, (ids, now)).await?;
    close(&mut sides, of, place, (None, FEED)).await?;
    Ok(true)
}

/// Has a workspace that tenancy tells at another parent in its account count as moved there, where it was not
/// moved by a call. Grants that a call would refuse are left out.
///
/// # Errors
/// The store fails.
pub(crate) async fn follow_within(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    now: Timestamp,
    before: &Place,
    after: &Place,
) -> Result<(), StoreError> {
    let of = Relocation {
        account: before.account,
        scope: before.scope.clone(),
        target: before.account,
        parent: after.parent.clone(),
        version: after.version.clone(),
        mover: None,
    };
    let revision = write.next_revision(&ScopeRoot::Account(before.account))?;
    let Some(leaving) = Leaving::unasked(write, &of, before.clone()).await? else {
        return Ok(());
    };
    let moved = async {
        let grants = Grants::work_out(write, &of, &leaving, (revision, ids, now)).await?;
        grants.apply(write, &of, &leaving, (revision, now)).await
    };
    match moved.await {
        Ok(_) => Ok(()),
        Err(Error::Store(error)) => Err(error),
        Err(other) => Err(StoreError::internal(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_testkit::witness::system;
    use bailiwick_types::{AccountId, InstanceId, Scope};

    use super::*;
    use crate::{
        account::{Place, Reader as _},
        memory::{World, account_id, subject, version, workspace},
        relocation::Mover,
    };

    fn within(by: u128, number: u64) -> Relocation {
        Relocation {
            account: account_id(),
            scope: workspace(),
            target: account_id(),
            parent: Scope::Instance(InstanceId::from_uuid(uuid::Uuid::from_u128(3))),
            version: version(number),
            mover: Some(Mover {
                subject: subject(by),
                operator: false,
                target_operator: false,
            }),
        }
    }

    async fn place(world: &World) -> Place {
        let found = world.read().places(&[workspace().uuid().unwrap()]).await.unwrap();
        found.into_iter().next().unwrap()
    }

    async fn relocate(world: &World, of: Relocation) -> Result<Token, Error> {
        relocate_unasked(&world.ports, &system(), of).await
    }

    #[tokio::test]
    async fn a_refused_move_uses_its_version_up_and_leaves_the_place_open() {
        let world = World::new().await;
        let before = place(&world).await;
        world.member(1, "").await;
        let refused = relocate(&world, within(1, 2)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
        let after = place(&world).await;
        assert_eq!((after.state, &after.parent), (before.state, &before.parent));
        assert_eq!(after.version, version(2), "it never happens under this version");
        let late = relocate(&world, within(1, 2)).await.unwrap_err();
        assert!(
            matches!(late, Error::Precondition(Precondition::MoveSuperseded)),
            "{late:?}"
        );
        assert!(world.told().is_empty());
    }

    #[tokio::test]
    async fn a_move_from_an_account_that_is_not_known_is_denied() {
        let world = World::new().await;
        let elsewhere = AccountId::from_uuid(uuid::Uuid::from_u128(77));
        let of = Relocation {
            account: elsewhere,
            target: elsewhere,
            parent: Scope::Account(elsewhere),
            ..within(1, 2)
        };
        let refused = relocate(&world, of).await.unwrap_err();
        assert!(matches!(refused, Error::Refused(Refused::Denied)), "{refused:?}");
    }
}
