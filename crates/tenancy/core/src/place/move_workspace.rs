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

fn mover(by: &Authorized<MoveWorkspace>, there: &Authorized<CreateWorkspace>) -> Result<Mover, Refused> {
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
            tenancy.authorization.check_move(&moving, &seen).await?;
            match begin(tenancy, accounts, &command, mover).await? {
                Plan::Begin(moving) | Plan::Continue(moving) => moving,
                Plan::There(place) => {
                    let token = accounts.seen(tenancy).await?;
                    return Ok((place, token));
                }
            }
        }
    };
    let (place, token) = moving::finish(tenancy, accounts, &moving).await?;
    match command.request.filter(|key| moving.request.as_ref() != Some(key)) {
        Some(key) => Ok(moving::keep_answer(tenancy, accounts, &key, place).await?),
        None => Ok((place, token)),
    }
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
    // A concurrent call with the same id may have been answered since it was looked for.
    let earlier = request::earlier::<Place, Error>(&mut *write, command.request.as_ref()).await?;
    if let Some((place, _)) = earlier {
        return Ok(Plan::There(place));
    }
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

#[cfg(test)]
mod tests {
    use bailiwick_types::{Code, Fault, Reason, Scope};

    use super::*;
    use crate::{
        State,
        account::Account,
        memory::{self, World, key},
        moving::resume,
        peer::Declined,
    };

    fn command(id: WorkspaceId, parent: Option<InstanceId>) -> Command {
        Command {
            id,
            parent,
            etag: Etag::default(),
            request: None,
        }
    }

    fn declined() -> Declined {
        Declined {
            code: Code::AlreadyExists,
            reason: Reason::AlreadyExists,
            message: "taken".to_owned(),
            metadata: Vec::new(),
            violations: Vec::new(),
        }
    }

    async fn within(world: &World, command: Command) -> Result<(Place, Token), Error> {
        let there = memory::operator();
        run(&world.tenancy, &memory::operator(), &there, command).await
    }

    async fn across(world: &World, command: Command) -> Result<(Place, Token), Error> {
        let there = memory::operator_there();
        run(&world.tenancy, &memory::operator(), &there, command).await
    }

    /// Two accounts of one product, and a workspace in the first.
    fn world() -> (World, WorkspaceId, Account) {
        let world = World::new();
        world.account();
        let other = world.other_account();
        let id = world.workspace();
        (world, id, other)
    }

    #[tokio::test]
    async fn a_workspace_moves_to_an_instance_and_authorization_is_told_first() {
        let (world, id, _) = world();
        let instance = world.instance_with(|_| ());
        let (place, _) = within(&world, command(id, Some(instance))).await.unwrap();
        assert_eq!(
            (place.parent_scope(), place.version),
            (Scope::Instance(instance), 2)
        );
        let moved = world.moved();
        assert_eq!(
            (moved.len(), moved[0].version, moved[0].parent),
            (1, 2, Some(instance))
        );
        // What is there already is not moved again.
        let (again, _) = within(&world, command(id, Some(instance))).await.unwrap();
        assert_eq!((again, world.moved().len()), (place, 1));
    }

    #[tokio::test]
    async fn a_workspace_that_moves_to_another_account_is_gone_from_the_first() {
        let (world, id, other) = world();
        let (place, _) = across(&world, command(id, None)).await.unwrap();
        assert_eq!((place.account, place.version), (other.id, 2));
        assert_eq!(place.moved_from, Some(memory::account_id()));
        let kept = world.kept_places(id);
        let states: Vec<_> = kept
            .iter()
            .map(|place| (place.account, place.state, place.version))
            .collect();
        assert_eq!(
            states,
            [
                (memory::account_id(), State::Deleted, 2),
                (other.id, State::Active, 2)
            ]
        );
        let refused = across(&world, command(id, None)).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("workspace")))
        ));
        assert!(world.unfinished_moves().is_empty());
    }

    #[tokio::test]
    async fn a_move_that_authorization_does_not_answer_is_finished_by_the_worker_or_the_next_call() {
        for by_worker in [true, false] {
            let (world, id, other) = world();
            world.authorization_goes_away_after_previews(true);
            let cut_off = across(&world, command(id, None)).await.unwrap_err();
            assert_eq!(cut_off.code(), Code::Unavailable);
            // It is whole where it was, and nothing else can be done with it.
            assert_eq!(world.kept_places(id).len(), 1);
            let instance = world.instance_with(|_| ());
            let elsewhere = within(&world, command(id, Some(instance))).await.unwrap_err();
            assert_eq!(elsewhere.reason(), Reason::NotActive);
            world.authorization_goes_away_after_previews(false);
            if by_worker {
                let begun = world.unfinished_moves().remove(0);
                let system = bailiwick_testkit::witness::system();
                resume(&world.tenancy, &system, &begun).await.unwrap();
                resume(&world.tenancy, &system, &begun).await.unwrap();
            } else {
                across(&world, command(id, None)).await.unwrap();
            }
            let kept = world.kept_places(id);
            assert_eq!((kept[1].account, kept[1].state), (other.id, State::Active));
            assert!(!kept[1].closing && world.unfinished_moves().is_empty());
            assert_eq!(world.events().len(), 2);
        }
    }

    #[tokio::test]
    async fn a_move_that_authorization_refuses_after_all_leaves_the_workspace_open_with_a_new_version() {
        let (world, id, _) = world();
        world.authorization_goes_away_after_previews(true);
        across(&world, command(id, None)).await.unwrap_err();
        world.authorization_goes_away_after_previews(false);
        world.authorization_declines(Some(declined()));
        let refused = across(&world, command(id, None)).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::AlreadyExists);
        let kept = world.kept_places(id);
        assert_eq!((kept.len(), kept[0].closing, kept[0].version), (1, false, 2));
        assert!(world.unfinished_moves().is_empty());
    }

    #[tokio::test]
    async fn a_move_that_would_be_refused_writes_nothing() {
        let (world, id, _) = world();
        world.authorization_declines(Some(declined()));
        let refused = across(&world, command(id, None)).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::AlreadyExists);
        let kept = world.kept_places(id);
        assert_eq!((kept[0].version, world.events().len()), (1, 0));
    }

    #[tokio::test]
    async fn a_repeated_request_answers_as_the_first_did() {
        let (world, id, _) = world();
        let with = |digest| Command {
            request: key(7, digest),
            ..command(id, None)
        };
        let there = memory::operator_there();
        assert!(
            earlier(&world.tenancy, &there, &with("a"))
                .await
                .unwrap()
                .is_none()
        );
        let (place, _) = across(&world, with("a")).await.unwrap();
        let again = earlier(&world.tenancy, &there, &with("a"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(again.0, place);
        let refused = earlier(&world.tenancy, &there, &with("b")).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::RequestIdReused);
    }

    #[tokio::test]
    async fn a_request_id_that_was_used_again_meanwhile_does_not_hold_the_move_up() {
        let (world, id, other) = world();
        let with = |id, digest| Command {
            request: key(7, digest),
            ..command(id, None)
        };
        world.authorization_goes_away_after_previews(true);
        across(&world, with(id, "a")).await.unwrap_err();
        world.authorization_goes_away_after_previews(false);
        let second = world.workspace();
        across(&world, with(second, "b")).await.unwrap();
        let begun = world.unfinished_moves().remove(0);
        let system = bailiwick_testkit::witness::system();
        resume(&world.tenancy, &system, &begun).await.unwrap();
        assert_eq!(world.kept_places(id)[1].account, other.id);
        assert!(world.unfinished_moves().is_empty());
        // A call that looked for an answer before there was one begins nothing either.
        let third = world.workspace();
        let refused = across(&world, with(third, "c")).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::RequestIdReused);
        assert!(world.unfinished_moves().is_empty());
    }

    #[tokio::test]
    async fn a_request_that_finds_the_move_under_way_is_answered_again_too() {
        let (world, id, _) = world();
        world.authorization_goes_away_after_previews(true);
        across(&world, command(id, None)).await.unwrap_err();
        world.authorization_goes_away_after_previews(false);
        let second = Command {
            request: key(7, "a"),
            ..command(id, None)
        };
        let (place, _) = across(&world, second.clone()).await.unwrap();
        let there = memory::operator_there();
        let again = earlier(&world.tenancy, &there, &second).await.unwrap();
        assert_eq!(again.unwrap().0, place);
    }

    #[tokio::test]
    async fn a_move_needs_no_preview() {
        let (world, id, other) = world();
        world.authorization_previews_nothing();
        let (place, _) = across(&world, command(id, None)).await.unwrap();
        assert_eq!(place.account, other.id);
    }

    #[tokio::test]
    async fn both_accounts_and_the_target_instance_are_active_and_of_one_product() {
        let (world, id, _) = world();
        let closing = world.instance_with(|place| place.closing = true);
        let refused = within(&world, command(id, Some(closing))).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::NotActive);
        let missing = InstanceId::from_uuid(uuid::Uuid::nil());
        let refused = within(&world, command(id, Some(missing))).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("instance")))
        ));
        world.change_other(|other| other.state = State::Suspended);
        let refused = across(&world, command(id, None)).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::NotActive);
        world.change_other(|other| other.product = "club".parse().unwrap());
        let refused = across(&world, command(id, None)).await.unwrap_err();
        assert_eq!(refused.violations()[0].field, "target_account");
        assert!(world.moved().is_empty());
    }

    #[tokio::test]
    async fn the_target_account_has_no_more_workspaces_than_it_may_have() {
        let (mut world, id, _) = world();
        world.tenancy.limits.workspaces = 1;
        world.other_workspace();
        let refused = across(&world, command(id, None)).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::LimitReached);
        let instance = world.instance_with(|_| ());
        within(&world, command(id, Some(instance))).await.unwrap();
    }

    #[tokio::test]
    async fn a_workspace_that_is_on_its_way_counts_at_the_target() {
        let (mut world, id, _) = world();
        world.tenancy.limits.workspaces = 1;
        let second = world.workspace();
        world.authorization_goes_away_after_previews(true);
        across(&world, command(id, None)).await.unwrap_err();
        let refused = across(&world, command(second, None)).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::LimitReached);
    }

    #[tokio::test]
    async fn an_etag_of_another_version_is_refused() {
        let (world, id, _) = world();
        let stale = Command {
            etag: Etag::of_request("7"),
            ..command(id, None)
        };
        let refused = across(&world, stale).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::EtagMismatch))
        ));
    }

    #[tokio::test]
    async fn a_preview_tells_where_it_would_lie_and_writes_nothing() {
        let (world, id, other) = world();
        let there = memory::operator_there();
        let by = memory::operator();
        let (place, foreseen) = preview(&world.tenancy, &by, &there, &command(id, None))
            .await
            .unwrap();
        assert_eq!((place.account, foreseen.len()), (other.id, 1));
        assert_eq!(world.kept_places(id)[0].version, 1);
        assert!(world.moved().is_empty() && world.events().is_empty());
    }

    #[tokio::test]
    async fn what_moves_to_an_instance_keeps_it_from_being_deleted_as_empty() {
        use crate::place::delete;
        use bailiwick_types::method::tenancy::{DeleteInstance, DeleteWorkspace};
        let (world, id, _) = world();
        let instance = world.instance_with(|_| ());
        world.authorization_goes_away_after_previews(true);
        within(&world, command(id, Some(instance))).await.unwrap_err();
        let deletion = delete::Command {
            id: instance,
            etag: Etag::default(),
            force: false,
        };
        let by = memory::operator::<DeleteInstance>();
        let refused = delete::run(&world.tenancy, &by, deletion).await;
        assert!(matches!(refused, Err(delete::Error::NotEmpty)));
        let deletion = delete::Command {
            id,
            etag: Etag::default(),
            force: false,
        };
        let by = memory::operator::<DeleteWorkspace>();
        let refused = delete::run(&world.tenancy, &by, deletion).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::NotActive);
    }
}
