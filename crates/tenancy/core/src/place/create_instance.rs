//! Creates an instance.

use bailiwick_types::{
    Authorized, InstanceId, Level, Refused, StoreError, Token, Violations, faults,
    method::tenancy::CreateInstance,
};

use super::Place;
use crate::{
    Event, Precondition, Tenancy, Title, account,
    audit::Record,
    limit,
    product::Product,
    request::{self, RequestKey},
};

/// The instance to create.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Its title.
    pub title: Title,
    /// Its edition; empty where it has none.
    pub edition: String,
    /// The client's id for the request.
    pub request: Option<RequestKey>,
}

faults! {
    /// Why an instance is not created.
    Error: Misfit(Violations), Refused(Refused), Precondition(Precondition),
        Limit(limit::Error), Store(StoreError);
}

impl Command {
    /// Checks the instance against the product.
    ///
    /// # Errors
    /// It does not fit.
    pub fn check(&self, product: &Product) -> Result<(), Violations> {
        product.check_edition(&self.edition)
    }
}

/// Creates the instance.
///
/// # Errors
/// See [`Error`].
pub async fn run(
    tenancy: &Tenancy,
    by: &Authorized<CreateInstance>,
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
    limit::check(&mut *write, &tenancy.limits, Level::Instance).await?;
    let now = tenancy.clock.now();
    let id = InstanceId::generate(&*tenancy.ids);
    let mut place = Place::new(account.id, id, command.title, now);
    place.edition = Some(command.edition).filter(|edition| !edition.is_empty());
    write.insert_place(&place).await?;
    write.emit(Event::Place(place.clone()));
    write.audit(Record::of(by, place.scope()).with("parent", place.parent_scope()));
    Ok(request::commit(write, key, place, now).await?)
}

#[cfg(test)]
mod tests {
    use bailiwick_types::{Fault, Reason};

    use super::*;
    use crate::memory::{self, World, key};

    fn command(edition: &str) -> Command {
        Command {
            title: memory::title("I"),
            edition: edition.to_owned(),
            request: None,
        }
    }

    async fn create(world: &World, command: Command) -> Result<(Place, Token), Error> {
        run(&world.tenancy, &memory::operator(), command).await
    }

    #[tokio::test]
    async fn an_instance_needs_an_edition_of_the_product() {
        let world = World::new();
        world.account();
        for edition in ["", "xyz"] {
            let refused = create(&world, command(edition)).await.unwrap_err();
            assert_eq!(refused.violations()[0].field, "edition");
        }
        let (place, _) = create(&world, command("chs")).await.unwrap();
        assert_eq!(place.edition.as_deref(), Some("chs"));
    }

    #[tokio::test]
    async fn an_account_has_no_more_instances_than_it_may_have() {
        let mut world = World::new();
        world.account();
        world.tenancy.limits.instances = 1;
        create(&world, command("chs")).await.unwrap();
        let refused = create(&world, command("chs")).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::LimitReached);
    }

    #[tokio::test]
    async fn a_missing_account_is_not_found() {
        let refused = create(&World::new(), command("chs")).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("account")))
        ));
    }

    #[tokio::test]
    async fn an_account_that_is_being_closed_gets_no_instance() {
        let world = World::new();
        world.account_with(|account| account.closing = true);
        let refused = create(&world, command("chs")).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::NotActive);
    }

    #[tokio::test]
    async fn a_product_that_is_not_replicated_is_waited_for() {
        let world = World::new();
        world.account_with(|account| account.product = "late".parse().unwrap());
        let refused = create(&world, command("chs")).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::NotYetVisible);
    }

    #[tokio::test]
    async fn a_request_id_of_another_request_is_refused() {
        let world = World::new();
        world.account();
        let with = |digest| Command {
            request: key(1, digest),
            ..command("chs")
        };
        let first = create(&world, with("a")).await.unwrap();
        assert_eq!(create(&world, with("a")).await.unwrap(), first);
        let refused = create(&world, with("b")).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::RequestIdReused);
    }
}
