//! Deletes a role of the account's own that is bound nowhere.

use bailiwick_types::{AccountId, Authorized, Scope, Token};

use crate::Work;
use crate::{Change, Ports};

const ACTION: &str = "bailiwick.authorization.v1.RoleService/DeleteRole";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The name of the role.
    pub role: String,
    /// Only check it.
    pub validate_only: bool,
}

bailiwick_types::faults! {
    /// Why a role is not deleted.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// There is no such role of the account's own.
    UnknownRole(String) "there is no role `{0}` of the account's own" => InvalidArgument UnknownRole;
    /// The caller has no `role.define`, or could not assign it.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// The account is not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// It is bound, or another role includes or assigns it.
    NotEmpty "the role is bound, or another role names it" => FailedPrecondition NotEmpty;
}

/// Deletes it.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<Token, Error> {
    let work = Work::open(ports, by, command.account, []).await?;
    let Some(mut work) = work else {
        return Err(if by.is_operator() {
            Error::NotFound("account")
        } else {
            Error::Denied
        });
    };
    let policy = &work.situation.policy;
    let role = policy.role_no(&command.role).filter(|no| no.is_custom());
    let role = role.ok_or_else(|| Error::UnknownRole(command.role.clone()))?;
    let account = Scope::Account(command.account);
    if !work
        .situation
        .allows(&work.actor, "role.define", &account, work.now)
    {
        return Err(Error::Denied);
    }
    let names = |other: &bailiwick_policy::CustomRole| {
        let named = |list: &[String]| list.contains(&command.role);
        other.no != role
            && (named(&other.decl.includes) || other.decl.levels.values().any(|level| named(&level.assigns)))
    };
    let named = policy
        .roles()
        .filter_map(|other| policy.custom_role(other.no))
        .any(names);
    let bound = !work
        .unit
        .bindings_of_roles(std::slice::from_ref(&command.role))
        .await?
        .is_empty();
    if bound || named {
        return Err(Error::NotEmpty);
    }
    if command.validate_only {
        // A role that is bound nowhere gives nobody anything: there is nothing to tell beside that it can go.
        return Ok(Token::default());
    }
    work.unit.remove_role(&command.role).await?;
    work.emit(Change::Policy(Some(command.account)));
    let audit = work
        .audit(ACTION, account.to_string())
        .with("role", &command.role);
    work.emit(audit);
    Ok(work.commit().await?)
}
