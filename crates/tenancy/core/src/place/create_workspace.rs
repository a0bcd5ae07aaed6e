//! Creates a workspace.

use bailiwick_types::{
    Authorized, InstanceId, Level, Refused, StoreError, Token, Violations, WorkspaceId, faults,
    method::tenancy::CreateWorkspace,
};

use super::{Place, PlaceId};
use crate::{
    Event, Precondition, Tenancy, Title, account,
    audit::Record,
    limit,
    product::Product,
    request::{self, RequestKey},
};

/// The workspace to create.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Its instance; without one it is directly in the account.
    pub parent: Option<InstanceId>,
    /// Its title.
    pub title: Title,
    /// The client's id for the request.
    pub request: Option<RequestKey>,
}

faults! {
    /// Why a workspace is not created.
    Error: Misfit(Violations), Refused(Refused), Precondition(Precondition),
        Limit(limit::Error), Store(StoreError);
}

impl Command {
    /// Checks the workspace against the product.
    ///
    /// # Errors
    /// The product has no workspaces.
    pub fn check(&self, product: &Product) -> Result<(), Violations> {
        product.check_workspaces()
    }
}

/// Creates the workspace.
///
/// # Errors
/// See [`Error`].
pub async fn run(
    tenancy: &Tenancy,
    by: &Authorized<CreateWorkspace>,
    command: Command,
) -> Result<(Place, Token), Error> {
    let handle = by.account_write().ok_or(Refused::Denied)?;
    let mut write = tenancy.store.write(handle).await?;
    let account = write.find_account().await?.ok_or(account::MISSING)?;
    let key = command.request.as_ref();
    if let Some(earlier) = request::earlier::<_, Error>(&mut *write, key).await? {
        return Ok(earlier);
    }
    let product = write.find_product(&account.product).await?;
    command.check(&product.ok_or(Precondition::ProductNotVisible)?)?;
    account.ensure_active()?;
    if let Some(instance) = command.parent {
        let id = PlaceId::from(instance);
        let parent = write.find_place(id).await?.ok_or(id.missing())?;
        parent.ensure_active()?;
    }
    limit::check(&mut *write, &tenancy.limits, Level::Workspace).await?;
    let now = tenancy.clock.now();
    let id = WorkspaceId::generate(&*tenancy.ids);
    let mut place = Place::new(account.id, id, command.title, now);
    place.parent = command.parent;
    write.insert_place(&place).await?;
    write.emit(Event::Place(place.clone()));
    write.audit(Record::of(by, place.scope()).with("parent", place.parent_scope()));
    Ok(request::commit(write, key, place, now).await?)
}

#[cfg(test)]
mod tests {
    use bailiwick_types::{Fault, Reason, Scope};

    use super::*;
    use crate::{
        State,
        memory::{self, World, key},
    };

    fn command(parent: Option<InstanceId>) -> Command {
        Command {
            parent,
            title: memory::title("W"),
            request: None,
        }
    }

    async fn create(world: &World, command: Command) -> Result<(Place, Token), Error> {
        run(&world.tenancy, &memory::operator(), command).await
    }

    #[tokio::test]
    async fn an_account_has_no_more_workspaces_than_it_may_have() {
        let mut world = World::new();
        world.account();
        world.tenancy.limits.workspaces = 1;
        create(&world, command(None)).await.unwrap();
        let refused = create(&world, command(None)).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::LimitReached);
    }

    #[tokio::test]
    async fn a_workspace_needs_an_instance_that_exists_and_is_active() {
        let world = World::new();
        world.account();
        let instance = world.instance_with(|_| ());
        let (place, _) = create(&world, command(Some(instance))).await.unwrap();
        assert_eq!(place.parent_scope(), Scope::Instance(instance));
        let closing = world.instance_with(|place| place.closing = true);
        let refused = create(&world, command(Some(closing))).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::NotActive);
        let missing = InstanceId::from_uuid(uuid::Uuid::nil());
        let refused = create(&world, command(Some(missing))).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("instance")))
        ));
    }

    #[tokio::test]
    async fn a_product_without_workspaces_gets_none() {
        let world = World::new();
        world.account_with(|account| account.product = "plain".parse().unwrap());
        let refused = create(&world, command(None)).await.unwrap_err();
        assert_eq!(refused.violations()[0].field, "account");
    }

    #[tokio::test]
    async fn a_missing_account_is_not_found() {
        let refused = create(&World::new(), command(None)).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("account")))
        ));
    }

    #[tokio::test]
    async fn a_suspended_account_gets_no_workspace() {
        let world = World::new();
        world.account_with(|account| account.state = State::Suspended);
        let refused = create(&world, command(None)).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::NotActive);
    }

    #[tokio::test]
    async fn a_product_that_is_not_replicated_is_waited_for() {
        let world = World::new();
        world.account_with(|account| account.product = "late".parse().unwrap());
        let refused = create(&world, command(None)).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::NotYetVisible);
    }

    #[tokio::test]
    async fn a_request_id_of_another_request_is_refused() {
        let world = World::new();
        world.account();
        let with = |digest| Command {
            request: key(1, digest),
            ..command(None)
        };
        let first = create(&world, with("a")).await.unwrap();
        assert_eq!(create(&world, with("a")).await.unwrap(), first);
        let refused = create(&world, with("b")).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::RequestIdReused);
    }
}
