//! Gives a subject permissions on a resource, a scope or a type in a scope.

use bailiwick_policy::{Claim, Pattern, PlaceId, PlaceState, Target};
use bailiwick_types::{AccountId, Authorized, GrantId, Level, Scope, Subject, Timestamp, Token, Violations};
use serde_json::{Map, Value as Json};

use crate::{
    Actor, Aim, On, Ports, StoreError,
    grant::{About, AppliesTo, Filter, Grant},
};
use crate::{
    Work,
    preview::{self, Effect, Seen, Spot},
};

const ACTION: &str = "bailiwick.authorization.v1.GrantService/CreateGrant";

/// The most grants of one subject on one target that are looked through.
pub(crate) const MANY: u64 = 10_000;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// Who gets it.
    pub subject: Subject,
    /// The permissions and patterns, at least one.
    pub permissions: Vec<String>,
    /// What it is about.
    pub about: About,
    /// Parameters of conditions.
    pub parameters: Map<String, Json>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

bailiwick_types::faults! {
    /// Why nothing is granted.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// A permission is not one of the product, or is not asked on such a target.
    UnknownPermission(String) "there is no permission `{0}` that can be granted on this" => InvalidArgument UnknownPermission;
    /// The caller has no `grant.edit` there, or does not hold what it gives.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// Account, scope, resource or group are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// The scope is suspended or moving.
    NotActive "the scope is suspended or moving" => FailedPrecondition NotActive;
    /// The user is no active member.
    NotAMember "the user is no active member of the account" => FailedPrecondition NotAMember;
}

/// Grants. An identical grant is left as it is; one on existing resources covers those that came since.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(Grant, Token), Error> {
    let (work, grant) = make(ports, by, command).await?;
    Ok((grant, work.commit().await?))
}

/// Tells who would gain what; nothing is changed.
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
    let seen = Seen::at(&work, &command.subject, &[Spot::from(&command.about)]).await?;
    let made = apply(ports, &mut work, command).await;
    seen.after(&work, made).await
}

/// Makes it, to be committed or not.
async fn make(ports: &Ports, by: &Authorized, command: Command) -> Result<(Work, Grant), Error> {
    let mut work = open(ports, by, &command).await?;
    let grant = apply(ports, &mut work, command).await?;
    Ok((work, grant))
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

async fn apply(ports: &Ports, work: &mut Work, command: Command) -> Result<Grant, Error> {
    let patterns = fit(work, &command)?;
    let aim = aim(work, &command.about).await?;
    let now = work.now;
    if !may_give(work, &work.actor, &aim, &patterns) {
        return Err(Error::Denied);
    }
    let Some(scope) = &aim.scope else {
        return Err(Error::NotFound("resource"));
    };
    match work.situation.state(scope) {
        Some(PlaceState::Active) => {}
        Some(_) => return Err(Error::NotActive),
        None => return Err(Error::NotFound("scope")),
    }
    check_subject(work, &command.subject).await?;
    let mut permissions = command.permissions;
    permissions.sort();
    permissions.dedup();
    let same = of_subject(work, &command.subject, &command.about)
        .await?
        .into_iter()
        .find(|grant| {
            grant.permissions == permissions
                && grant.parameters == command.parameters
                && grant.expires_at == command.expires_at
        });
    let revision = work.unit.next_revision(&work.root())?;
    let grant = match same {
        Some(grant) if !is_existing(&grant.about) => return Ok(grant),
        Some(grant) => Grant { revision, ..grant },
        None => Grant {
            id: GrantId::generate(&*ports.ids),
            account: command.account,
            subject: command.subject,
            permissions,
            about: command.about,
            parameters: command.parameters,
            expires_at: command.expires_at,
            revision,
            created_at: now,
            creator: Some(work.actor.subject.clone()),
        },
    };
    put(work, &grant, aim.on.to_string()).await?;
    Ok(grant)
}

pub(crate) async fn put(work: &mut Work, grant: &Grant, target: String) -> Result<(), StoreError> {
    work.unit.put_grant(grant).await?;
    work.subject_changed(&grant.subject);
    let audit = work.entry(target).with("subject", &grant.subject);
    work.emit(audit.with("permissions", grant.permissions.join(",")));
    Ok(())
}

fn is_existing(about: &About) -> bool {
    matches!(
        about,
        About::Type {
            applies_to: AppliesTo::Existing,
            ..
        }
    )
}

/// The scope or resource that a right to give is asked on, brought into view.
pub(crate) async fn aim(work: &mut Work, about: &About) -> Result<Aim, StoreError> {
    let on = match about {
        About::Resource(name) => On::Resource(name.clone()),
        About::Scope(scope) | About::Type { scope, .. } => On::Scope(scope.clone()),
    };
    let aim = Aim::load(&*work.unit, &work.situation.policy, on).await?;
    let scopes: Vec<Scope> = aim.scope.iter().cloned().collect();
    work.look_at(&scopes).await?;
    Ok(aim)
}

/// Whether somebody has `grant.edit` there and holds everything.
pub(crate) fn may_give(work: &Work, actor: &Actor, aim: &Aim, patterns: &[Pattern]) -> bool {
    // That something is not there may be learnt by whoever could give it anywhere in the account.
    let account = Scope::Account(work.account());
    let scope = aim.scope.as_ref().unwrap_or(&account);
    let level = aim.level().unwrap_or(Level::Account);
    let holds = |pattern: &Pattern| {
        let claim = Claim::pattern(*pattern, level);
        let on_it = aim.target(|target| work.situation.may_give(actor, &claim, target, work.now));
        on_it
            || work
                .situation
                .may_give(actor, &claim, Target::Scope(PlaceId::from(scope)), work.now)
    };
    work.situation.allows(actor, "grant.edit", scope, work.now) && patterns.iter().all(holds)
}

fn fit(work: &Work, command: &Command) -> Result<Vec<Pattern>, Error> {
    let product = work.situation.policy.product();
    let of = match &command.about {
        About::Scope(_) => None,
        About::Resource(name) => Some(("target.target", name.of.as_str())),
        About::Type { of, .. } => Some(("target.type", of.as_str())),
    };
    let type_no = match of {
        None => None,
        Some((field, name)) => {
            let info = product.type_no(name).and_then(|no| product.type_info(no));
            let Some(info) = info.filter(|info| !info.suite && info.registered) else {
                return Err(Violations::of(field, "must be a registered type of the product").into());
            };
            Some(info.no)
        }
    };
    let mut patterns = Vec::new();
    for text in &command.permissions {
        let unknown = || Error::UnknownPermission(text.clone());
        let pattern = product.pattern(text).ok_or_else(unknown)?;
        let fits = match (type_no, pattern) {
            (None, _) => true,
            (Some(of), Pattern::One(no)) => product.may_be_asked_on(no, of),
            (Some(of), Pattern::Type(named)) => named == of,
            (Some(_), Pattern::All) => false,
        };
        patterns.push(if fits { pattern } else { return Err(unknown()) });
    }
    let mut faults = Violations::new();
    if command.expires_at.is_some_and(|at| at <= work.now) {
        faults.add("expire_time", "must lie in the future");
    }
    let all = patterns.iter().flat_map(|pattern| {
        product
            .matched(*pattern, Level::Account)
            .iter()
            .collect::<Vec<_>>()
    });
    for fault in product
        .grant_parameters(all, &command.parameters)
        .err()
        .into_iter()
        .flatten()
    {
        faults.add("parameters", fault.to_string());
    }
    faults.check()?;
    Ok(patterns)
}

async fn check_subject(work: &Work, subject: &Subject) -> Result<(), Error> {
    match subject.kind() {
        "user" if work.situation.needs_members() => {
            let Some(user) = subject.user_id() else {
                return Err(Error::NotAMember);
            };
            work.active_member(user).await?.ok_or(Error::NotAMember)?;
        }
        "group" if !work.unit.group_exists(subject).await? => {
            return Err(Error::NotFound("group"));
        }
        _ => {}
    }
    Ok(())
}

/// The grants of a subject on exactly this target.
pub(crate) async fn of_subject(
    work: &Work,
    subject: &Subject,
    about: &About,
) -> Result<Vec<Grant>, StoreError> {
    let mut filter = Filter {
        subject: Some(subject.clone()),
        ..Filter::default()
    };
    match about {
        About::Resource(name) => filter.resource = Some(name.clone()),
        About::Scope(scope) | About::Type { scope, .. } => filter.scope = Some(scope.clone()),
    }
    let mut grants = work.unit.grants(&filter, None, MANY).await?;
    grants.retain(|grant| grant.about == *about);
    Ok(grants)
}
