//! Moves a workspace, in authorization first.

use bailiwick_types::{
    AccountAccess, Authorized, Exhausted, InstanceId, Level, Refused, StoreError, Token, Violations,
    WorkspaceId, faults,
    method::tenancy::{CreateWorkspace, MoveWorkspace},
};

use super::{Place, PlaceId};
use crate::{
    Etag, Precondition, Tenancy,
    account::{self, Account},
    moving::{self, Accounts, FinishError, Mover, Moving},
    peer::{Foreseen, MoveError},
    precondition,
    request::{self, RequestKey},
    store::Read,
};

/// The move.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The workspace.
    pub id: WorkspaceId,
    /// The instance that it moves to; without one directly to the account.
    pub parent: Option<InstanceId>,
    /// The etag that was read.
    pub etag: Etag,
    /// The client's id for the request.
    pub request: Option<RequestKey>,
}

faults! {
    /// Why a workspace is not moved.
    Error: Misfit(Violations), Refused(Refused), Precondition(Precondition), Exhausted(Exhausted),
        Move(MoveError), Finish(FinishError), Store(StoreError);
}

/// The account and the place that a workspace leaves.
struct Source {
    account: Account,
    place: Place,
    moving: Option<Moving>,
}

/// The account and the instance that it comes to.
struct Destination {
    account: Account,
    parent: Option<Place>,
    /// How many workspaces the account has.
    workspaces: u64,
}

/// What a move comes to.
#[derive(Debug)]
enum Plan {
    /// It can begin.
    Begin(Moving),
    /// It is under way.
    Continue(Moving),
    /// The workspace is there already.
    There(Place),
}

impl Source {
    async fn read(read: &mut (impl Read + ?Sized), id: WorkspaceId) -> Result<Self, Error> {
        let account = read.find_account().await?.ok_or(account::MISSING)?;
        let place = PlaceId::Workspace(id);
        Ok(Self {
            account,
            place: read.find_place(place).await?.ok_or(place.missing())?,
            moving: read.find_moving(id).await?,
        })
    }
}

impl Destination {
    async fn read(read: &mut (impl Read + ?Sized), parent: Option<InstanceId>) -> Result<Self, Error> {
        let account = read.find_account().await?.ok_or(account::MISSING)?;
        let parent = match parent.map(PlaceId::Instance) {
            Some(id) => Some(read.find_place(id).await?.ok_or(id.missing())?),
            None => None,
        };
        Ok(Self {
            account,
            parent,
            workspaces: read.count_places(Level::Workspace).await?,
        })
    }
}

impl Command {
    /// What the move comes to, by what is there.
    fn plan(
        &self,
        tenancy: &Tenancy,
        mover: Mover,
        source: Source,
        target: &Destination,
    ) -> Result<Plan, Error> {
        let Source {
            account,
            place,
            moving,
        } = source;
        if account.product != target.account.product {
            let rule = "must be an account of the same product";
            return Err(Violations::of("target_account", rule).into());
        }
        if let Some(moving) = moving {
            if (moving.target, moving.parent) == (target.account.id, self.parent) {
                return Ok(Plan::Continue(moving));
            }
            place.ensure_settled()?;
        }
        account.ensure_active()?;
        place.ensure_active()?;
        self.etag.check(place.version)?;
        target.account.ensure_active()?;
        if let Some(parent) = &target.parent {
            parent.ensure_active()?;
        }
        let is_within = account.id == target.account.id;
        if is_within && place.parent == self.parent {
            return Ok(Plan::There(place));
        }
        if !is_within {
            tenancy
                .limits
                .workspaces()
                .check(target.workspaces.saturating_add(1))?;
        }
        Ok(Plan::Begin(Moving {
            account: account.id,
            workspace: self.id,
            target: target.account.id,
            parent: self.parent,
            version: place.version + 1,
            mover,
            request: self.request.clone(),
            begun: tenancy.clock.now(),
        }))
    }
}

fn mover(
    by: &Authorized<MoveWorkspace>,
    there: &Authorized<CreateWorkspace>,
) -> Result<Mover, Refused> {
    Ok(Mover {
        subject: by.subject().cloned().ok_or(Refused::Denied)?,
        operator: by.is_operator(),
        target_operator: there.is_operator(),
    })
}

/// The answer to an earlier request with the same id. It is looked for before the right to move is asked: the
/// workspace is no longer where the request looks for it.
///
/// # Errors
/// The id was used for another request, or the store fails.
pub async fn earlier(
    tenancy: &Tenancy,
    there: &Authorized<CreateWorkspace>,
    command: &Command,
) -> Result<Option<(Place, Token)>, Error> {
    let Some(account) = there.account().filter(|_| command.request.is_some()) else {
        return Ok(None);
    };
    let mut read = tenancy.store.read(account).await?;
    request::earlier(&mut *read, command.request.as_ref()).await
}

/// Moves the workspace: asks authorization whether it would, commits the intent, has authorization move it,
/// commits the change.
///
/// # Errors
/// See [`Error`]. Where authorization does not answer after the intent, the worker finishes the move.
pub async fn run(
    tenancy: &Tenancy,
    by: &Authorized<MoveWorkspace>,
    there: &Authorized<CreateWorkspace>,
    command: Command,
) -> Result<(Place, Token), Error> {
    let accounts = Accounts {
        source: by.account_write().ok_or(Refused::Denied)?,
        target: there.account_write().ok_or(Refused::Denied)?,
    };
    let mover = mover(by, there)?;
    let (from, to) = (accounts.source.read(), accounts.target.read());
    let moving = match look(tenancy, (from, to), &command, mover.clone()).await? {
        Plan::Continue(moving) => moving,
        Plan::There(place) => {
            let token = accounts.seen(tenancy).await?;
            return Ok((place, token));
        }
        Plan::Begin(moving) => {
            // Most refusals come before the workspace is closed.
            let seen = accounts.seen(tenancy).await?;
            tenancy.authorization.preview_move(&moving, &seen).await?;
            match begin(tenancy, accounts, &command, mover).await? {
                Plan::Begin(moving) | Plan::Continue(moving) => moving,
                Plan::There(place) => {
                    let token = accounts.seen(tenancy).await?;
                    return Ok((place, token));
                }
            }
        }
    };
    Ok(moving::finish(tenancy, accounts, &moving).await?)
}

/// Tells who would gain or lose what, and where the workspace would lie.
///
/// # Errors
/// See [`Error`].
pub async fn preview(
    tenancy: &Tenancy,
    by: &Authorized<MoveWorkspace>,
    there: &Authorized<CreateWorkspace>,
    command: &Command,
) -> Result<(Place, Vec<Foreseen>), Error> {
    let from = by.account().ok_or(Refused::Denied)?;
    let to = there.account().ok_or(Refused::Denied)?;
    let moving = match look(tenancy, (from, to), command, mover(by, there)?).await? {
        Plan::There(place) => return Ok((place, Vec::new())),
        Plan::Continue(moving) => {
            return Err(precondition::unsettled(moving.scope()).into());
        }
        Plan::Begin(moving) => moving,
    };
    let mut seen = tenancy.store.read(from).await?.token().await?;
    seen.merge(&tenancy.store.read(to).await?.token().await?);
    let foreseen = tenancy.authorization.preview_move(&moving, &seen).await?;
    let mut read = tenancy.store.read(from).await?;
    let id = PlaceId::Workspace(command.id);
    let mut place = read.find_place(id).await?.ok_or(id.missing())?;
    (place.account, place.parent) = (moving.target, moving.parent);
    Ok((place, foreseen))
}

/// What the move comes to. Nothing is locked.
async fn look(
    tenancy: &Tenancy,
    (from, to): (AccountAccess, AccountAccess),
    command: &Command,
    mover: Mover,
) -> Result<Plan, Error> {
    let mut read = tenancy.store.read(from).await?;
    let source = Source::read(&mut *read, command.id).await?;
    drop(read);
    let mut read = tenancy.store.read(to).await?;
    let target = Destination::read(&mut *read, command.parent).await?;
    command.plan(tenancy, mover, source, &target)
}

/// Commits the intent.
async fn begin(
    tenancy: &Tenancy,
    accounts: Accounts,
    command: &Command,
    mover: Mover,
) -> Result<Plan, Error> {
    let Accounts { source, target } = accounts;
    let mut write = tenancy.store.write_both(source, target).await?;
    write.select(target);
    let destination = Destination::read(&mut *write, command.parent).await?;
    write.select(source);
    let from = Source::read(&mut *write, command.id).await?;
    let mut place = from.place.clone();
    let plan = command.plan(tenancy, mover, from, &destination)?;
    if let Plan::Begin(moving) = &plan {
        place.closing = true;
        write.update_place(&place).await?;
        write.insert_moving(moving).await?;
        if !moving.is_within() {
            write.select(target);
            write.insert_moving(moving).await?;
        }
        write.commit().await?;
    }
    Ok(plan)
}
