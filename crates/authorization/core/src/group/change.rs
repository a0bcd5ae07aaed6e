//! Puts somebody into a group or takes somebody out, or deletes a group: each is giving or taking everything that the
//! group and the groups above it have.

use std::collections::BTreeSet;

use bailiwick_policy::Pattern;
use bailiwick_types::{AccountId, Authorized, GroupId, Scope, Subject, Token, Violations};

use crate::{Change, Ports, grant::Filter};
use crate::{
    Work,
    grant::create::{MANY, aim, may_give},
    preview::{self, Effect, Seen, spots_of},
    sources::may_assign_all,
};

/// Members that a deletion reads at once.
const MEMBERS: u64 = 10_000;

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Puts a user or group in.
    Add(Subject),
    /// Takes one out.
    Remove(Subject),
    /// Deletes the group.
    Delete,
}

impl Act {
    fn action(&self) -> &'static str {
        match self {
            Self::Add(_) => "bailiwick.authorization.v1.GroupService/AddGroupMember",
            Self::Remove(_) => "bailiwick.authorization.v1.GroupService/RemoveGroupMember",
            Self::Delete => "bailiwick.authorization.v1.GroupService/DeleteGroup",
        }
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The group.
    pub group: GroupId,
    /// What is done.
    pub act: Act,
}

bailiwick_types::faults! {
    /// Why a group is not changed.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The caller has no `group.edit`, or could not give everything that the group has.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// Account, group or member are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// The group to put in is above the group.
    Cycle "the group to put in is above the group" => FailedPrecondition Cycle;
    /// The user is no active member of the account.
    NotAMember "the user is no active member of the account" => FailedPrecondition NotAMember;
}

/// Changes it. Whoever is in already, or out already, stays so.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<Token, Error> {
    let work = make(ports, by, command).await?;
    Ok(work.commit().await?)
}

/// Tells who would gain or lose what; nothing is changed.
///
/// # Errors
/// See [`Error`].
pub async fn preview(
    ports: &Ports,
    by: &Authorized,
    command: Command,
) -> Result<Vec<Effect>, preview::Error<Error>> {
    // Whoever may not is refused before anybody is looked at.
    let trial = make(ports, by, command.clone()).await;
    drop(trial.map_err(preview::Error::Change)?);
    let mut work = open(ports, by, &command).await.map_err(preview::Error::Change)?;
    let above = above(&work, command.group)
        .await
        .map_err(preview::Error::Change)?;
    let holders = above.into_iter().map(Subject::group);
    let spots = spots_of(&*work.unit, holders).await?;
    let who = match &command.act {
        Act::Add(subject) | Act::Remove(subject) => subject.clone(),
        Act::Delete => Subject::group(command.group),
    };
    let seen = Seen::at(&work, &who, &spots).await?;
    let made = apply(&mut work, command).await;
    seen.after(&work, made).await
}

/// Makes it, to be committed or not.
async fn make(ports: &Ports, by: &Authorized, command: Command) -> Result<Work, Error> {
    let mut work = open(ports, by, &command).await?;
    apply(&mut work, command).await?;
    Ok(work)
}

async fn open(ports: &Ports, by: &Authorized, command: &Command) -> Result<Work, Error> {
    let work = Work::open(ports, by, command.account, []).await?;
    work.ok_or_else(|| {
        if by.is_operator() {
            Error::NotFound("account")
        } else {
            Error::Denied
        }
    })
}

async fn apply(work: &mut Work, command: Command) -> Result<(), Error> {
    let account = Scope::Account(command.account);
    if !work
        .situation
        .allows(&work.actor, "group.edit", &account, work.now)
    {
        return Err(Error::Denied);
    }
    work.unit
        .group(command.group)
        .await?
        .ok_or(Error::NotFound("group"))?;
    let above = above(work, command.group).await?;
    if !may_give_all(work, &above).await? {
        return Err(Error::Denied);
    }
    match &command.act {
        Act::Add(subject) => add(work, &command, subject, &above).await?,
        Act::Remove(subject) => {
            let is_in = work.unit.groups_of(subject).await?.contains(&command.group);
            if !is_in {
                return Err(Error::NotFound("member"));
            }
            work.unit.set_group_member(command.group, subject, false).await?;
            work.subject_changed(subject);
        }
        Act::Delete => {
            let mut after: Option<String> = None;
            loop {
                let some = work
                    .unit
                    .group_members(command.group, after.as_deref(), MEMBERS)
                    .await?;
                some.iter().for_each(|member| work.subject_changed(member));
                let Some(last) = some.last().filter(|_| some.len() as u64 == MEMBERS) else {
                    break;
                };
                after = Some(last.to_string());
            }
            work.unit.remove_group(command.group).await?;
            work.emit(Change::Group(command.group));
        }
    }
    let mut audit = work.audit(command.act.action(), format!("group:{}", command.group));
    if let Act::Add(subject) | Act::Remove(subject) = &command.act {
        audit = audit.with("member", subject);
    }
    work.emit(audit);
    Ok(())
}

async fn add(
    work: &mut Work,
    command: &Command,
    subject: &Subject,
    above: &BTreeSet<GroupId>,
) -> Result<(), Error> {
    match subject.kind() {
        "user" if work.situation.needs_members() => {
            let Some(user) = subject.user_id() else {
                return Err(Error::NotAMember);
            };
            work.active_member(user).await?.ok_or(Error::NotAMember)?;
        }
        "group" => {
            let inner: GroupId = subject.id().parse().map_err(|_| Error::NotFound("member"))?;
            work.unit.group(inner).await?.ok_or(Error::NotFound("member"))?;
            if inner == command.group {
                return Err(Violations::of("member", "must not be the group itself").into());
            }
            if above.contains(&inner) {
                return Err(Error::Cycle);
            }
        }
        _ => {}
    }
    work.unit.set_group_member(command.group, subject, true).await?;
    work.subject_changed(subject);
    Ok(())
}

/// The group and all groups above it.
async fn above(work: &Work, group: GroupId) -> Result<BTreeSet<GroupId>, Error> {
    let mut seen = BTreeSet::new();
    let mut open = vec![group];
    while let Some(group) = open.pop() {
        if seen.insert(group) {
            open.extend(work.unit.groups_of(&Subject::group(group)).await?);
        }
    }
    Ok(seen)
}

async fn may_give_all(work: &mut Work, groups: &BTreeSet<GroupId>) -> Result<bool, Error> {
    for group in groups {
        let subject = Subject::group(*group);
        let bindings = work.unit.bindings_of(&subject).await?;
        work.look_at(bindings.iter().map(|binding| &binding.scope))
            .await?;
        if !may_assign_all(work, &bindings) {
            return Ok(false);
        }
        let filter = Filter {
            subject: Some(subject),
            ..Filter::default()
        };
        for grant in work.unit.grants(&filter, None, MANY).await? {
            let aim = aim(work, &grant.about).await?;
            let product = work.situation.policy.product();
            let patterns: Vec<Pattern> = grant
                .permissions
                .iter()
                .filter_map(|text| product.pattern(text))
                .collect();
            if !may_give(work, &work.actor, &aim, &patterns) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
