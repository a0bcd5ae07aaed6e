//! Creates an account, with its first owner where the product has one.

use bailiwick_types::{
    Authorized, Fault, ProductName, Reason, Refused, StoreError, Token, UserId, Violations, faults,
    method::tenancy::CreateAccount,
};

use super::Account;
use crate::{
    Event, Precondition, State, Tenancy, Title,
    audit::Record,
    product::{self, Product},
    request::{self, RequestKey},
    settings::{self, Settings, Values},
};

/// The account to create.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Its product.
    pub product: ProductName,
    /// Its title.
    pub title: Title,
    /// The first holder of its single-holder role, who becomes a member.
    pub owner: Option<UserId>,
    /// Seats for members; 0 is no limit.
    pub seats: u32,
    /// Its settings.
    pub settings: Values,
    /// The client's id for the request.
    pub request: Option<RequestKey>,
}

faults! {
    /// Why an account is not created.
    Error: Misfit(Violations), Refused(Refused), Precondition(Precondition), Store(StoreError);
}

impl Command {
    fn check(&self, product: Option<&Product>) -> Result<(), Violations> {
        let product = product.ok_or_else(|| product::unknown(&self.product))?;
        if product.owned && self.owner.is_none() {
            let rule = format!(
                "is required: an account of `{}` has exactly one owner",
                product.name
            );
            return Err(Violations::of("owner", rule));
        }
        settings::check(product, "settings", &self.settings)
    }
}

/// Checks the account against its product. This comes before the caller's right: products are public, and a
/// misfit is the more helpful answer.
///
/// # Errors
/// It does not fit, or the store fails.
pub async fn check(tenancy: &Tenancy, command: &Command) -> Result<(), Error> {
    let product = tenancy.store.find_product(&command.product).await?;
    Ok(command.check(product.as_ref())?)
}

/// How often a repeatable request starts again after a concurrent repetition of it: the second attempt finds
/// its answer.
const ATTEMPTS: usize = 3;

/// Creates the account.
///
/// # Errors
/// See [`Error`].
pub async fn run(
    tenancy: &Tenancy,
    by: &Authorized<CreateAccount>,
    command: Command,
) -> Result<(Account, Token), Error> {
    for _ in 1..ATTEMPTS {
        match create(tenancy, by, &command).await {
            Err(Error::Store(error)) if error.reason() == Reason::Conflict && command.request.is_some() => {}
            answer => return answer,
        }
    }
    create(tenancy, by, &command).await
}

async fn create(
    tenancy: &Tenancy,
    by: &Authorized<CreateAccount>,
    command: &Command,
) -> Result<(Account, Token), Error> {
    let key = command.request.as_ref();
    // Look for the earlier answer before a new account begins.
    let all = by.all_accounts().ok_or(Refused::Denied)?;
    let mut read = tenancy.store.read_all(all).await?;
    if let Some(earlier) = request::earlier::<_, Error>(&mut *read, key).await? {
        return Ok(earlier);
    }
    drop(read);
    let handle = by.new_account(&*tenancy.ids).ok_or(Refused::Denied)?;
    let now = tenancy.clock.now();
    let account = Account {
        id: handle.id(),
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
    let mut write = tenancy.store.write(handle).await?;
    if let Some(earlier) = request::earlier::<_, Error>(&mut *write, key).await? {
        return Ok(earlier);
    }
    command.check(write.find_product(&command.product).await?.as_ref())?;
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
    let record = Record::of(by, account.scope());
    write.audit(record.with("product", &account.product));
    Ok(request::commit(write, key, account, now).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{self, World, key};

    fn command() -> Command {
        Command {
            product: "shop".parse().unwrap(),
            title: memory::title("A"),
            owner: None,
            seats: 0,
            settings: Values::new(),
            request: None,
        }
    }

    #[tokio::test]
    async fn an_account_is_created_once_for_a_repeated_request() {
        let world = World::new();
        let command = Command {
            request: key(1, "a"),
            ..command()
        };
        let first = run(&world.tenancy, &memory::operator_of_all(), command.clone())
            .await
            .unwrap();
        let again = run(&world.tenancy, &memory::operator_of_all(), command.clone())
            .await
            .unwrap();
        assert_eq!(first, again);
        assert_eq!(world.events().len(), 1);
    }

    #[tokio::test]
    async fn a_request_id_of_another_request_is_refused() {
        let world = World::new();
        let with = |digest| Command {
            request: key(1, digest),
            ..command()
        };
        run(&world.tenancy, &memory::operator_of_all(), with("a"))
            .await
            .unwrap();
        let refused = run(&world.tenancy, &memory::operator_of_all(), with("b")).await;
        assert_eq!(refused.unwrap_err().reason(), Reason::RequestIdReused);
    }

    #[tokio::test]
    async fn an_account_that_does_not_fit_its_product_is_refused_with_the_field() {
        let world = World::new();
        let limit = [("limit".to_owned(), serde_json::json!(11))];
        let misfits = [
            (
                "product",
                Command {
                    product: "none".parse().unwrap(),
                    ..command()
                },
            ),
            (
                "owner",
                Command {
                    product: "club".parse().unwrap(),
                    ..command()
                },
            ),
            (
                "settings.limit",
                Command {
                    settings: limit.into(),
                    ..command()
                },
            ),
        ];
        for (field, misfit) in misfits {
            let before = check(&world.tenancy, &misfit).await.unwrap_err();
            let refused = run(&world.tenancy, &memory::operator_of_all(), misfit)
                .await
                .unwrap_err();
            for error in [before, refused] {
                assert_eq!(error.violations()[0].field, field);
            }
        }
        assert!(world.events().is_empty());
    }

    #[tokio::test]
    async fn a_witness_for_an_existing_account_creates_none() {
        let world = World::new();
        let by = memory::operator();
        let refused = run(&world.tenancy, &by, command()).await.unwrap_err();
        assert!(matches!(refused, Error::Refused(Refused::Denied)));
    }
}
