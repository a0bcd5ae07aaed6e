//! Who asks for rights, and what its credentials serve for.

use super::{Guard, Refusal};
use crate::{
    Access, AccountId, Caller, CallerKind, Declaration, Held, KeyScope, OperatorAllowed, RightsError, Subject,
};

/// Who asks for rights, with the key that it uses.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) subject: &'a Subject,
    pub(super) key: Option<&'a KeyScope>,
}

impl Guard {
    pub(super) async fn ask(
        &self,
        Asker { subject, key }: Asker<'_>,
        account: Option<AccountId>,
        permission: &str,
        targets: &[String],
        operator: OperatorAllowed,
    ) -> Result<Held, Refusal> {
        // What a key may do is what it serves for and its maker may do now.
        let held = match (key, account) {
            (None, _) => {
                let held = self.rights.held(subject, account, permission, targets, operator);
                held.await?
            }
            (Some(key), Some(account))
                if key.account == account && operator == OperatorAllowed::No && key.permits(permission) =>
            {
                if key.is_within() {
                    let within = &key.place;
                    let held = self
                        .rights
                        .held_within(subject, account, permission, targets, within);
                    held.await?
                } else {
                    let account = Some(account);
                    let held = self.rights.held(subject, account, permission, targets, operator);
                    held.await?
                }
            }
            (Some(_), _) => Held {
                allowed: vec![false; targets.len()],
                operator: false,
            },
        };
        if held.allowed.len() == targets.len() {
            Ok(held)
        } else {
            let text = format!("{} answers to {} questions", held.allowed.len(), targets.len());
            Err(RightsError::Internal(text).into())
        }
    }
}

/// The permission that a method with FILTERED declares.
pub(super) fn filtered(declared: &'static Declaration) -> Result<&'static str, Refusal> {
    if declared.access == Access::Filtered && !declared.permission.is_empty() {
        Ok(declared.permission)
    } else {
        Err(Refusal::Undeclared(declared.path))
    }
}

/// The permission that is asked: `TYPE.verb` becomes the verb of the type that the request names.
pub(super) fn permission_of(
    declared: &'static Declaration,
    type_name: Option<&str>,
) -> Result<String, Refusal> {
    match (declared.permission.strip_prefix("TYPE."), type_name) {
        (Some(verb), Some(type_name)) => Ok(format!("{type_name}.{verb}")),
        (None, _) if !declared.permission.is_empty() => Ok(declared.permission.to_owned()),
        _ => Err(Refusal::Undeclared(declared.path)),
    }
}

/// Refuses one of the suite's own services where the method does not name it as a caller, and where its
/// token is for another service than that of the method.
pub(super) fn by_service(declared: &'static Declaration, caller: &Caller) -> Result<(), Refusal> {
    let named = caller
        .service()
        .is_some_and(|service| declared.callers.contains(&service));
    let here = match (declared.service(), caller.audience()) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(own), Some(audience)) => own == audience,
    };
    if named && here {
        Ok(())
    } else {
        Err(Refusal::Denied)
    }
}

/// Refuses callers without credentials.
pub(super) fn known(caller: &Caller) -> Result<&Subject, Refusal> {
    match (caller.subject(), caller.kind()) {
        (Some(subject), CallerKind::User | CallerKind::Service | CallerKind::Internal) => Ok(subject),
        (Some(subject), CallerKind::Key) if caller.key().is_some() => Ok(subject),
        _ => Err(Refusal::CredentialsMissing),
    }
}

/// Refuses callers without credentials, and the suite's own services, which act by internal methods alone.
pub(super) fn signed_in(caller: &Caller) -> Result<Asker<'_>, Refusal> {
    let subject = known(caller)?;
    if caller.kind() == CallerKind::Internal {
        return Err(Refusal::Denied);
    }
    let key = caller.key();
    Ok(Asker { subject, key })
}

/// What may serve for a request about `account`: a user's token for it lets only the account's roles serve,
/// one for no account only the deployment's, one for another account nothing. Service accounts are bound
/// where their roles are; a token of theirs that names an account serves for that alone, and a key for its
/// own.
pub(super) fn binding(caller: &Caller, account: AccountId) -> Result<OperatorAllowed, Refusal> {
    match (caller.kind(), caller.account()) {
        (CallerKind::User | CallerKind::Service | CallerKind::Key, Some(own)) if own == account => {
            Ok(OperatorAllowed::No)
        }
        (CallerKind::User, None) => Ok(OperatorAllowed::Only),
        (CallerKind::Service, None) => Ok(OperatorAllowed::Yes),
        _ => Err(Refusal::Denied),
    }
}
