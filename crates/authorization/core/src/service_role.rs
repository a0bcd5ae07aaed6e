//! Whether a service account can be made with a role on a scope, and whether its maker may do that: identity
//! asks before it makes one.

use bailiwick_policy::Role;
use bailiwick_types::{
    Authorized, Level, Refused, Scope, ScopeRoot, Subject, faults, method::authorization::CheckServiceRole,
};
use serde_json::Map;

use crate::{Actor, Ports, Precondition, Read, Situation, StoreError, person::OPERATOR, product::Product};

/// What service accounts of the deployment may be given after they were made.
pub(crate) const OF_DEPLOYMENT: &[&str] = &[OPERATOR];
/// What service accounts of every product may have: they ask for decisions.
const OF_PRODUCTS: &[&str] = &["service"];

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// The scope of the service account.
    pub scope: Scope,
    /// The role that it would have there; none for one without.
    pub role: Option<String>,
    /// Who would make it.
    pub maker: Subject,
    /// Whether a role of the deployment may serve the maker.
    pub operator_allowed: bool,
}

/// The answer to a maker that may do it with some role or other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It can be made.
    Fits,
    /// There is no such role for service accounts on that scope.
    Unfit {
        /// Those that there are, sorted.
        available: Vec<String>,
    },
}

faults! {
    /// Why there is no answer.
    Error: Refused(Refused), Precondition(Precondition), Store(StoreError);
}

/// Answers it: the right to make service accounts there first, then the role, then the right to give the
/// role, as an assignment asks for it.
///
/// # Errors
/// The maker may not do it, or the scope is not there or not in use.
pub async fn check(
    ports: &Ports,
    by: &Authorized<CheckServiceRole>,
    question: &Question,
) -> Result<Answer, Error> {
    let all = by
        .all_accounts()
        .ok_or_else(|| StoreError::internal("service roles are asked by a call that names no account"))?;
    let mut read = ports.store.read_all(all).await?;
    let operator = question.operator_allowed
        && read
            .has_root_binding(&ScopeRoot::Deployment, &question.maker, OPERATOR)
            .await?;
    let scope = &question.scope;
    let mut available: Vec<String> = match scope {
        Scope::Account(account) => {
            read.select(all.account(*account));
            return in_account(ports, &*read, question, operator).await;
        }
        _ if !operator => return Err(Refused::Denied.into()),
        // Operators are made by `OperatorService.GrantOperator` alone.
        Scope::Deployment => Vec::new(),
        Scope::Product(name) => {
            let product = read.product(name).await?;
            let product = product.ok_or(Refused::NotFound("product"))?;
            of_product(&product).map(str::to_owned).collect()
        }
        Scope::Instance(_) | Scope::Workspace(_) => return Err(Refused::NotFound("scope").into()),
    };
    available.sort();
    Ok(answer(question, available))
}

async fn in_account(
    ports: &Ports,
    read: &(dyn Read + Send + Sync),
    question: &Question,
    operator: bool,
) -> Result<Answer, Error> {
    let (scope, now) = (&question.scope, ports.clock.now());
    let missing = if operator {
        Refused::NotFound("account")
    } else {
        Refused::Denied
    };
    let Some(situation) = Situation::load(read, [scope]).await? else {
        return Err(missing.into());
    };
    let standing = if operator {
        None
    } else {
        Some(situation.standing(read, &question.maker).await?)
    };
    let maker = Actor {
        key: None,
        subject: question.maker.clone(),
        standing,
    };
    if !situation.allows(&maker, "service_account.manage", scope, now) {
        return Err(Refused::Denied.into());
    }
    match situation.state(scope) {
        Some(state) if state.is_open() => {}
        Some(_) => return Err(Precondition::NotActive { scope: scope.clone() }.into()),
        None => return Err(missing.into()),
    }
    let all = situation.policy.roles().filter(|role| can_be_held(role));
    let mut available: Vec<String> = all.map(|role| role.name.to_string()).collect();
    available.sort();
    let answer = answer(question, available);
    if let (Answer::Fits, Some(name)) = (&answer, &question.role) {
        let role = situation.role_at(name, Level::Account);
        // What somebody gives to a service account of its own making, it gives to itself.
        let may = role.is_some_and(|role| {
            situation.may_assign(&maker, role.no, scope, now)
                && (operator || situation.may_assign_itself(&maker, role, scope, now))
        });
        if !may {
            return Err(Refused::Denied.into());
        }
    }
    Ok(answer)
}

fn answer(question: &Question, available: Vec<String>) -> Answer {
    match &question.role {
        Some(role) if !available.contains(role) => Answer::Unfit { available },
        _ => Answer::Fits,
    }
}

/// The roles that service accounts of a product may have.
pub(crate) fn of_product(product: &Product) -> impl Iterator<Item = &str> {
    let own = product.manifest.services.keys().map(String::as_str);
    OF_PRODUCTS.iter().copied().chain(own)
}

/// Whether a service account of an account may have the role there.
pub(crate) fn fits(situation: &Situation, role: &str) -> bool {
    situation.role_at(role, Level::Account).is_some_and(can_be_held)
}

/// Whether a role can be held by a service account of an account: it has no rule about its holders, who are
/// users, and needs no parameters, for a service account is made with none.
fn can_be_held(role: &Role) -> bool {
    let at = role.level(Level::Account);
    role.holders.is_none() && at.is_some_and(|at| at.read_parameters(&Map::new()).is_ok())
}

#[cfg(test)]
mod tests {
    use bailiwick_policy::PlaceState;
    use bailiwick_types::ServiceAccountId;
    use uuid::Uuid;

    use super::*;
    use crate::memory::{STUDIO, World, account, subject, workspace};

    /// A world where the admin and the manager may make service accounts.
    async fn world() -> World {
        let world = World::new().await;
        let manifest = STUDIO.replace(
            "user.edit, group.edit,",
            "user.edit, service_account.manage, group.edit,",
        ) + "  limited: {parameters: {n: {type: int, required: true}}, levels: {account: {permissions: [project.view]}}}\n"
            + "services: {backend: {permissions: [project.view]}}\n";
        world.use_manifest(&manifest);
        world.product(&manifest).await;
        world.member(1, "admin").await;
        world.member(2, "manager").await;
        world.member(3, "viewer").await;
        world
    }

    async fn ask(world: &World, maker: Subject, scope: Scope, role: &str) -> Result<Answer, Error> {
        let question = Question {
            scope,
            role: (!role.is_empty()).then(|| role.to_owned()),
            maker,
            operator_allowed: true,
        };
        check(&world.ports, &world.by_suite(), &question).await
    }

    fn is_denied(answer: &Result<Answer, Error>) -> bool {
        matches!(answer, Err(Error::Refused(Refused::Denied)))
    }

    async fn operator(world: &World) -> Subject {
        let root = ScopeRoot::Deployment;
        world
            .put(async |write| {
                crate::person::Writer::set_root_binding(write, &root, &subject(9), "operator", true)
                    .await
                    .map(drop)
            })
            .await;
        subject(9)
    }

    fn unfit(available: &[&str]) -> Answer {
        Answer::Unfit {
            available: available.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[tokio::test]
    async fn a_role_must_be_one_of_its_level_that_service_accounts_can_have() {
        let world = world().await;
        let by = operator(&world).await;
        let product = Scope::Product("studio".parse().unwrap());
        let at_product = unfit(&["backend", "service"]);
        let in_account = unfit(&["editor", "keeper", "manager", "printer", "viewer"]);
        for (scope, role, answer) in [
            (Scope::Deployment, "operator", unfit(&[])),
            (Scope::Deployment, "", Answer::Fits),
            (Scope::Deployment, "service", unfit(&[])),
            (product.clone(), "backend", Answer::Fits),
            (product.clone(), "service", Answer::Fits),
            (product.clone(), "operator", at_product.clone()),
            (product.clone(), "owner", at_product.clone()),
            (product, "nonsense", at_product),
            (account(), "viewer", Answer::Fits),
            (account(), "owner", in_account.clone()),
            (account(), "admin", in_account.clone()),
            (account(), "limited", in_account.clone()),
            (account(), "backend", in_account.clone()),
            (account(), "nonsense", in_account),
        ] {
            let found = ask(&world, by.clone(), scope.clone(), role).await.unwrap();
            assert_eq!(found, answer, "{scope} {role}");
        }
    }

    #[tokio::test]
    async fn an_account_makes_those_that_it_could_assign_and_holds() {
        let world = world().await;
        // The manager assigns viewers, and does not hold all that they have: `folder.view`.
        assert!(is_denied(&ask(&world, subject(2), account(), "viewer").await));
        assert!(is_denied(&ask(&world, subject(2), account(), "editor").await));
        assert_eq!(
            ask(&world, subject(2), account(), "").await.unwrap(),
            Answer::Fits
        );
        assert_eq!(
            ask(&world, subject(1), account(), "editor").await.unwrap(),
            Answer::Fits
        );
        let unknown = ask(&world, subject(2), account(), "nonsense").await.unwrap();
        assert!(matches!(unknown, Answer::Unfit { .. }));
        // Without the right, nothing is told.
        for (n, role) in [(3, "viewer"), (3, "nonsense"), (3, ""), (4, "nonsense")] {
            assert!(
                is_denied(&ask(&world, subject(n), account(), role).await),
                "{n} {role}"
            );
        }
    }

    #[tokio::test]
    async fn those_of_the_deployment_and_of_products_are_made_by_operators() {
        let world = world().await;
        let by = operator(&world).await;
        let (known, unknown) = ("studio".parse().unwrap(), "nothing".parse().unwrap());
        for scope in [Scope::Deployment, Scope::Product(known)] {
            assert!(is_denied(
                &ask(&world, subject(1), scope.clone(), "nonsense").await
            ));
            // With a token that lets only an account's roles serve, an operator is as good as anybody.
            let question = Question {
                scope,
                role: None,
                maker: by.clone(),
                operator_allowed: false,
            };
            assert!(is_denied(
                &check(&world.ports, &world.by_suite(), &question).await
            ));
        }
        let refused = ask(&world, by.clone(), Scope::Product(unknown), "service").await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("product")))
        ));
        let refused = ask(&world, by, workspace(), "viewer").await;
        assert!(matches!(refused, Err(Error::Refused(Refused::NotFound("scope")))));
    }

    #[tokio::test]
    async fn an_account_that_is_not_in_use_makes_none() {
        let world = world().await;
        let by = operator(&world).await;
        world
            .change_account(|account| account.state = PlaceState::Suspended)
            .await;
        let refused = ask(&world, by.clone(), account(), "viewer").await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotActive { .. }))
        ));
        assert!(is_denied(&ask(&world, subject(1), account(), "viewer").await));
        world.memory.lock().rows.account = None;
        let refused = ask(&world, by, account(), "viewer").await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("account")))
        ));
        let stranger = Subject::service(ServiceAccountId::from_uuid(Uuid::from_u128(5)));
        assert!(is_denied(&ask(&world, stranger, account(), "viewer").await));
    }
}
