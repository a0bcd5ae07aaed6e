//! A service account was made or changed.

use bailiwick_types::{AccountId, IdGen, Scope, ScopeRoot, Subject, Timestamp};

use super::{Refusal, bind};
use crate::{Change, Situation, Write, person::ServiceAccount};

/// Applies it: its role is bound at its scope while it may do anything. The transaction must hold that root.
///
/// # Errors
/// See [`Refusal`].
pub async fn service_account_changed(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    now: Timestamp,
    mut told: ServiceAccount,
) -> Result<(), Refusal> {
    if let Some(before) = write.service_account(told.id).await? {
        // Who made it never changes, and older programs do not say it: once told, by whichever version, it is known.
        let news = before.creator.is_none() && told.creator.is_some();
        let creator = before.creator.clone().or(told.creator.take());
        if before.version >= told.version {
            if news {
                write
                    .put_service_account(&ServiceAccount { creator, ..before })
                    .await?;
            }
            return Ok(());
        }
        told.creator = creator;
    }
    write.put_service_account(&told).await?;
    let Some(role) = told.role.as_deref() else {
        return Ok(());
    };
    let subject = Subject::service(told.id);
    match &told.root {
        ScopeRoot::Account(account) => {
            in_account(write, ids, now, *account, (&subject, role), told.enabled).await
        }
        ScopeRoot::User(_) => Err(Refusal::Content(
            "a service account is not made for a user".to_owned(),
        )),
        root @ (ScopeRoot::Deployment | ScopeRoot::Product(_)) => {
            let known = match root {
                ScopeRoot::Deployment => matches!(role, "operator" | "service"),
                _ => role == "service",
            };
            if !known {
                return Err(Refusal::Content(format!("there is no role `{role}` at `{root}`")));
            }
            if write.set_root_binding(root, &subject, role, told.enabled).await? {
                write.emit(root.clone(), Change::Policy(None));
            }
            Ok(())
        }
    }
}

async fn in_account(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    now: Timestamp,
    account: AccountId,
    (subject, role): (&Subject, &str),
    enabled: bool,
) -> Result<(), Refusal> {
    let scope = Scope::Account(account);
    let Some(situation) = Situation::load(write, [&scope]).await? else {
        return Err(Refusal::Content(
            "the account of the service account is not known".to_owned(),
        ));
    };
    let bound = write.binding(subject, role, &scope).await?;
    match bound {
        Some(binding) if !enabled => {
            write.remove_binding(&binding).await?;
            write.emit(ScopeRoot::Account(account), Change::Subject(subject.clone()));
        }
        None if enabled => {
            let fits = situation
                .role_at(role, scope.level())
                .is_some_and(|role| role.holders.is_none());
            if !fits {
                return Err(Refusal::Content(format!(
                    "role `{role}` cannot be given to a service account there"
                )));
            }
            bind(write, ids, account, (subject, role, &scope), now).await?;
        }
        _ => {}
    }
    Ok(())
}
