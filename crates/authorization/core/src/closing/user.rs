//! Denies everything to a user from now on, before identity makes the change of that version.

use bailiwick_types::{Authorized, ScopeRoot, StoreError, Subject, Token, UserId};

use crate::{
    Audit, Change, Ports, Situation, holders,
    person::{Person, PersonState},
};

const ACTION: &str = "bailiwick.authorization.v1.AccessService/CloseUser";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The user.
    pub user: UserId,
    /// The version that it will have.
    pub version: u64,
}

bailiwick_types::faults! {
    /// Why a user is not closed.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// Nobody would hold a role any more.
    HolderRule(String) "somebody who is not disabled must hold role `{0}`" => FailedPrecondition HolderRule;
    /// The user gets into accounts faster than they can be locked.
    Conflict "a concurrent change won: try again" => Aborted Conflict;
}

/// How often the accounts are looked up anew, because the user got into another one meanwhile.
const ATTEMPTS: usize = 5;

/// Closes. A user that has that version already is left as it is.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<Token, Error> {
    let subject = Subject::user(command.user);
    let all = by
        .all_accounts()
        .ok_or_else(|| StoreError::internal("closing needs no account"))?;
    for _ in 0..ATTEMPTS {
        let accounts = ports.store.read_all(all).await?.accounts_of(&subject).await?;
        let mut roots: Vec<ScopeRoot> = accounts.iter().copied().map(ScopeRoot::Account).collect();
        roots.push(ScopeRoot::Deployment);
        let mut unit = ports.store.write_all(all, &roots).await?;
        let person = unit
            .person(command.user)
            .await?
            .unwrap_or_else(|| Person::unknown(command.user));
        if person.version >= command.version || person.closed_version >= Some(command.version) {
            return Ok(unit.commit().await?);
        }
        let now = ports.clock.now();
        let closed = Person {
            state: PersonState::Disabled,
            closed_version: Some(command.version),
            ..person.clone()
        };
        unit.put_person(&closed).await?;
        // Whoever lets the user into an account locks its row first: after that write, no other account can come.
        if unit
            .accounts_of(&subject)
            .await?
            .iter()
            .any(|account| !accounts.contains(account))
        {
            continue;
        }
        // The rules are asked as if the user still counted.
        unit.put_person(&person).await?;
        for account in &accounts {
            unit.select(all.account(*account));
            let bindings = unit.bindings_of(&subject).await?;
            let scopes = bindings.iter().map(|binding| &binding.scope);
            let Some(situation) = Situation::load(&*unit, scopes).await? else {
                continue;
            };
            if let Some(binding) = holders::first_broken(&*unit, &situation, &bindings, now).await? {
                return Err(Error::HolderRule(binding.role.clone()));
            }
        }
        unit.put_person(&closed).await?;
        unit.set_root_binding(&ScopeRoot::Deployment, &subject, "operator", false)
            .await?;
        unit.emit(ScopeRoot::Deployment, Change::Policy(None));
        for account in accounts {
            unit.emit(ScopeRoot::Account(account), Change::Subject(subject.clone()));
        }
        let audit = Audit::new(by.subject().cloned(), ACTION, subject.to_string());
        unit.emit(
            ScopeRoot::Deployment,
            audit.with("version", command.version).into(),
        );
        return Ok(unit.commit().await?);
    }
    Err(Error::Conflict)
}
