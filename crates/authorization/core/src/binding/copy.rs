//! Copies what one member was granted of some types to another. A copy keeps the revision of its original.

use bailiwick_policy::Pattern;
use bailiwick_types::{AccountId, Authorized, GrantId, Scope, Subject, Token, UserId, Violations};

use crate::{
    Ports, StoreError,
    grant::{Filter, Grant},
};
use crate::{
    Work,
    grant::create::{MANY, aim, may_give, of_subject, put},
    preview::{self, Effect, Seen, Spot},
};

const ACTION: &str = "bailiwick.authorization.v1.BindingService/CopyPermissions";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// Whose grants.
    pub from: UserId,
    /// Who gets them too.
    pub to: UserId,
    /// The types.
    pub kinds: Vec<String>,
}

bailiwick_types::faults! {
    /// Why nothing is copied.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The caller could not give all of it.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// The account is not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// One of the two is no active member.
    NotAMember "both users must be active members of the account" => FailedPrecondition NotAMember;
}

/// Copies.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(u64, Token), Error> {
    let (work, copied) = make(ports, by, command).await?;
    Ok((copied, work.commit().await?))
}

/// Tells how many grants would be copied and what would be gained by them; nothing is changed.
///
/// # Errors
/// See [`Error`].
pub async fn preview(
    ports: &Ports,
    by: &Authorized,
    command: Command,
) -> Result<(u64, Vec<Effect>), preview::Error<Error>> {
    // Whoever may not is refused before anybody is looked at.
    let trial = make(ports, by, command.clone()).await;
    drop(trial.map_err(preview::Error::Change)?);
    let mut work = open(ports, by, &command).await.map_err(preview::Error::Change)?;
    let chosen = chosen(&work, &command).await?;
    let spots: Vec<Spot> = chosen.iter().map(|grant| Spot::from(&grant.about)).collect();
    let seen = Seen::at(&work, &Subject::user(command.to), &spots).await?;
    let copied = apply(ports, &mut work, &command)
        .await
        .map_err(preview::Error::Change)?;
    Ok((copied, seen.after(&work, Ok::<_, Error>(copied)).await?))
}

/// Makes it, to be committed or not.
async fn make(ports: &Ports, by: &Authorized, command: Command) -> Result<(Work, u64), Error> {
    let mut work = open(ports, by, &command).await?;
    let copied = apply(ports, &mut work, &command).await?;
    Ok((work, copied))
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

async fn apply(ports: &Ports, work: &mut Work, command: &Command) -> Result<u64, Error> {
    let product = work.situation.policy.product();
    let mut faults = Violations::new();
    for (n, kind) in command.kinds.iter().enumerate() {
        if product.type_no(kind).is_none() {
            faults.add(format!("kinds[{n}]"), "must be a type of the product");
        }
    }
    faults.check()?;
    let account = Scope::Account(command.account);
    if !work
        .situation
        .allows(&work.actor, "grant.edit", &account, work.now)
    {
        return Err(Error::Denied);
    }
    let to = Subject::user(command.to);
    let mut copies = Vec::new();
    for grant in chosen(work, command).await? {
        let aim = aim(work, &grant.about).await?;
        let product = work.situation.policy.product();
        let patterns: Vec<Pattern> = grant
            .permissions
            .iter()
            .filter_map(|text| product.pattern(text))
            .collect();
        if !may_give(work, &work.actor, &aim, &patterns) {
            return Err(Error::Denied);
        }
        copies.push((grant, aim.on.to_string()));
    }
    for user in [command.from, command.to] {
        work.active_member(user).await?.ok_or(Error::NotAMember)?;
    }
    let mut copied = 0;
    for (grant, target) in copies {
        let same = |other: &Grant| {
            other.permissions == grant.permissions
                && other.parameters == grant.parameters
                && other.expires_at == grant.expires_at
                && other.revision == grant.revision
        };
        if of_subject(work, &to, &grant.about).await?.iter().any(same) {
            continue;
        }
        copied += 1;
        let copy = Grant {
            id: GrantId::generate(&*ports.ids),
            subject: to.clone(),
            created_at: work.now,
            creator: Some(work.actor.subject.clone()),
            ..grant
        };
        put(work, ACTION, &copy, target).await?;
    }
    Ok(copied)
}

/// What is copied: of the grants, what they give of these types.
async fn chosen(work: &Work, command: &Command) -> Result<Vec<Grant>, StoreError> {
    let filter = Filter {
        subject: Some(Subject::user(command.from)),
        ..Filter::default()
    };
    let all = work.unit.grants(&filter, None, MANY).await?;
    Ok(all
        .into_iter()
        .filter_map(|grant| narrowed(grant, &command.kinds))
        .collect())
}

/// What a grant gives of these types, whatever it is about: what was granted on a folder for the projects in it is about
/// projects. Of everything, it is everything of each of them.
fn narrowed(mut grant: Grant, kinds: &[String]) -> Option<Grant> {
    let of_kinds = |text: &String| match text.split_once('.') {
        Some((of, _)) if kinds.iter().any(|kind| kind == of) => vec![text.clone()],
        Some(_) => Vec::new(),
        None => kinds.iter().map(|kind| format!("{kind}.*")).collect(),
    };
    grant.permissions = grant.permissions.iter().flat_map(of_kinds).collect();
    grant.permissions.sort_unstable();
    grant.permissions.dedup();
    (!grant.permissions.is_empty()).then_some(grant)
}
