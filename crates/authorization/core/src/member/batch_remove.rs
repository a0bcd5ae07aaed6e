//! Ends several memberships with everything that comes with them: all of them, or none.

use bailiwick_types::{AccountId, Authorized, Code, Reason, Scope, Subject, Token, UserId, Violations};

use crate::{Ports, binding::Binding, holders};
use crate::{
    Work,
    batch::{self, each},
    preview::{self, Effect, Seen},
    sources::may_assign_all,
};

const ACTION: &str = "bailiwick.authorization.v1.MemberService/BatchRemoveMembers";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The users, each once.
    pub users: Vec<UserId>,
}

/// What ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Memberships.
    pub members: u64,
    /// Role bindings.
    pub bindings: u64,
    /// Grants.
    pub grants: u64,
}

/// Why nobody is removed.
pub type Error = batch::Error<crate::member::remove::Error>;

/// Removes: first `user.remove`, then the holder rules over all of them together, then the right to take each role.
///
/// # Errors
/// See [`crate::member::remove::Error`]; what is wrong with users is told of every one of them, as `users[N]`.
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(Counts, Token), Error> {
    let mut work = open(ports, by, &command).await?;
    let counts = apply(&mut work, &command).await?;
    Ok((counts, work.commit().await?))
}

/// Tells what would end, and who would lose what; nothing is changed.
///
/// # Errors
/// See [`execute`].
pub async fn preview(
    ports: &Ports,
    by: &Authorized,
    command: Command,
) -> Result<(Counts, Vec<Effect>), preview::Error<Error>> {
    let mut work = open(ports, by, &command).await.map_err(preview::Error::Change)?;
    let seen = Seen::everywhere(&work, command.users.iter().copied()).await?;
    let counts = apply(&mut work, &command).await.map_err(preview::Error::Change)?;
    Ok((counts, seen.after(&work, Ok::<_, Error>(counts)).await?))
}

async fn open(ports: &Ports, by: &Authorized, command: &Command) -> Result<Work, Error> {
    crate::member::remove::prepare(ports, by, command.account, None)
        .await
        .map_err(Error::One)
}

async fn apply(work: &mut Work, command: &Command) -> Result<Counts, Error> {
    let mut faults = Violations::new();
    let mut counts = Counts::default();
    let mut all: Vec<(usize, Binding)> = Vec::new();
    for (n, user) in command.users.iter().enumerate() {
        if work.unit.member(*user).await?.is_none() {
            faults.add(format!("users[{n}]"), "must be a member of the account");
            continue;
        }
        let subject = Subject::user(*user);
        counts.members += 1;
        counts.grants += work.unit.count_grants(&subject).await?;
        let bindings = work.unit.bindings_of(&subject).await?;
        all.extend(bindings.into_iter().map(|binding| (n, binding)));
    }
    each(faults, (Code::NotFound, Reason::NotFound))?;
    counts.bindings = all.len() as u64;
    work.look_at(all.iter().map(|(_, binding)| &binding.scope))
        .await?;
    let bindings = all.iter().map(|(_, binding)| binding);
    let broken = holders::first_broken(&*work.unit, &work.situation, bindings, work.now).await?;
    if let Some(broken) = broken {
        return Err(Error::One(crate::member::remove::Error::HolderRule(
            broken.role.clone(),
        )));
    }
    let mut faults = Violations::new();
    for (n, binding) in &all {
        if !may_assign_all(work, std::slice::from_ref(binding)) {
            faults.add(
                format!("users[{n}]"),
                format!(
                    "must have no role that the caller could not take, as `{}`",
                    binding.role
                ),
            );
        }
    }
    each(faults, (Code::PermissionDenied, Reason::PermissionDenied))?;
    for user in &command.users {
        let subject = Subject::user(*user);
        work.unit.remove_member(*user).await?;
        work.subject_changed(&subject);
        let audit = work
            .audit(ACTION, subject.to_string())
            .with("scope", Scope::Account(command.account));
        work.emit(audit);
    }
    Ok(counts)
}
