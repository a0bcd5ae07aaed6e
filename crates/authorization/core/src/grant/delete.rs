//! Takes permissions away that were granted: whoever could give them may.

use bailiwick_policy::Pattern;
use bailiwick_types::{AccountId, Authorized, GrantId, Subject, Token};

use crate::{
    Ports,
    grant::{About, Grant},
};
use crate::{
    Work,
    grant::create::{aim, may_give, of_subject},
    preview::{self, Effect, Points, Seen, Spot},
};

const ACTION: &str = "bailiwick.authorization.v1.GrantService/DeleteGrant";

/// Which grants.
#[derive(Debug, Clone)]
pub enum Which {
    /// The one with this id, as a whole.
    Id(GrantId),
    /// These permissions in all grants of the subject on exactly that target.
    Of {
        /// The subject.
        subject: Subject,
        /// The permissions and patterns.
        permissions: Vec<String>,
        /// The target.
        about: About,
    },
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// Which grants.
    pub which: Which,
}

bailiwick_types::faults! {
    /// Why nothing is taken away.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// A permission is not one of the product.
    UnknownPermission(String) "there is no permission `{0}`" => InvalidArgument UnknownPermission;
    /// The caller could not give it.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// Account or grant are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
}

/// Takes away.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<Token, Error> {
    let work = make(ports, by, command).await?;
    Ok(work.commit().await?)
}

/// Tells who would lose what; nothing is changed.
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
    let what = match &command.which {
        Which::Of { subject, about, .. } => Some((subject.clone(), about.clone())),
        Which::Id(id) => {
            let grant = work.unit.grant(*id).await?;
            grant.map(|grant| (grant.subject, grant.about))
        }
    };
    let seen = match what {
        Some((subject, about)) => Seen::at(&work, &subject, &[Spot::from(&about)]).await?,
        None => Seen::before(&work, Points::default()).await?,
    };
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
    let (about, taken, whole) = match &command.which {
        Which::Id(id) => {
            let grant = work.unit.grant(*id).await?;
            let account = bailiwick_types::Scope::Account(command.account);
            let Some(grant) = grant else {
                let may = work
                    .situation
                    .allows(&work.actor, "grant.edit", &account, work.now);
                return Err(if may {
                    Error::NotFound("grant")
                } else {
                    Error::Denied
                });
            };
            (grant.about.clone(), grant.permissions.clone(), Some(grant))
        }
        Which::Of {
            permissions, about, ..
        } => (about.clone(), permissions.clone(), None),
    };
    let product = work.situation.policy.product();
    let mut patterns: Vec<Pattern> = Vec::new();
    for text in &taken {
        match product.pattern(text) {
            Some(pattern) => patterns.push(pattern),
            // What the manifest no longer has gives nothing: it may go with the grant.
            None if whole.is_some() => {}
            None => return Err(Error::UnknownPermission(text.clone())),
        }
    }
    let aim = aim(work, &about).await?;
    if !may_give(work, &work.actor, &aim, &patterns) {
        return Err(Error::Denied);
    }
    let grants = match (whole, &command.which) {
        (Some(grant), _) => vec![grant],
        (None, Which::Of { subject, about, .. }) => of_subject(work, subject, about).await?,
        (None, Which::Id(_)) => Vec::new(),
    };
    let touched: Vec<Grant> = grants
        .into_iter()
        .filter(|grant| grant.permissions.iter().any(|text| taken.contains(text)))
        .collect();
    if touched.is_empty() {
        return Err(Error::NotFound("grant"));
    }
    for mut grant in touched {
        grant.permissions.retain(|text| !taken.contains(text));
        if grant.permissions.is_empty() {
            work.unit.remove_grant(&grant).await?;
        } else {
            work.unit.put_grant(&grant).await?;
        }
        work.subject_changed(&grant.subject);
        let audit = work
            .audit(ACTION, aim.on.to_string())
            .with("subject", &grant.subject);
        work.emit(audit.with("permissions", taken.join(",")));
    }
    Ok(())
}
