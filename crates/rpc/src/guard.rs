//! The guard: makes the witness of a call that may pass, from what the method declares.

mod refusal;
mod target;

use std::sync::Arc;

use bailiwick_proto::{Access, Method};
use bailiwick_types::{AccountId, Authorized, Caller, CallerKind, GuardSeal, Scope, Subject};
use tonic::Status;

use crate::{Context, Held, OperatorAllowed, Rights, StepUp, StepUpError, remote::with_token, status};

pub(crate) use self::refusal::Refusal;
pub use self::target::Target;

/// Lets calls pass, or not.
#[derive(Clone)]
pub struct Guard {
    rights: Arc<dyn Rights>,
    step_up: Arc<dyn StepUp>,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guard")
    }
}

impl Guard {
    /// A guard that asks these.
    #[must_use]
    pub fn new(rights: Arc<dyn Rights>, step_up: Arc<dyn StepUp>) -> Self {
        Self { rights, step_up }
    }

    /// The same guard, asking others for rights.
    #[must_use]
    pub fn with_rights(&self, rights: Arc<dyn Rights>) -> Self {
        Self {
            rights,
            step_up: Arc::clone(&self.step_up),
        }
    }

    /// Lets a call pass whose method's declaration the caller meets on the target: credentials, binding of the token to
    /// the account, permission. Under DELEGATION the use case decides the rest; under FILTERED [`Guard::filter`] does, the
    /// binding of the token included.
    ///
    /// # Errors
    /// UNAUTHENTICATED, PERMISSION_DENIED; UNAVAILABLE and DEADLINE_EXCEEDED where rights cannot be told.
    pub async fn authorize(&self, context: &Context, target: Target) -> Result<Authorized, Status> {
        with_token(
            &context.token,
            self.pass(context, context.method.permission, &target),
        )
        .await
    }

    /// The same with a permission that the request decides (`TYPE.create` …), for methods that declare PERMISSION without
    /// naming one.
    ///
    /// # Errors
    /// As [`Guard::authorize`]; INTERNAL where the method names a permission itself.
    pub async fn authorize_with(
        &self,
        context: &Context,
        permission: &str,
        target: Target,
    ) -> Result<Authorized, Status> {
        let method = context.method;
        if !method.permission.is_empty() || method.access != Access::Permission {
            return Err(status(&Refusal::Undeclared(method.path)));
        }
        with_token(&context.token, self.pass(context, permission, &target)).await
    }

    /// On which of the scopes the caller has the permission that the method declares. Without account the scopes are
    /// accounts, each asked for itself.
    ///
    /// # Errors
    /// As [`Guard::authorize`].
    pub async fn filter(
        &self,
        context: &Context,
        account: impl Into<Option<AccountId>>,
        scopes: &[Scope],
    ) -> Result<Vec<bool>, Status> {
        self.filter_with(context, context.method.permission, account, scopes)
            .await
    }

    /// The same with a permission that the request decides.
    ///
    /// # Errors
    /// As [`Guard::authorize`].
    pub async fn filter_with(
        &self,
        context: &Context,
        permission: &str,
        account: impl Into<Option<AccountId>>,
        scopes: &[Scope],
    ) -> Result<Vec<bool>, Status> {
        let method = context.method;
        if method.access != Access::Filtered || permission.is_empty() {
            return Err(status(&Refusal::Undeclared(method.path)));
        }
        let caller = signed_in(context)?;
        if let Some(account) = account.into() {
            let Ok(operator) = binding(&context.caller, account) else {
                return Ok(vec![false; scopes.len()]);
            };
            let targets: Vec<String> = scopes.iter().map(ToString::to_string).collect();
            let asked = self.ask(caller, Some(account), permission, &targets, operator);
            return Ok(with_token(&context.token, asked).await?.allowed);
        }
        // One question for those who see all, instead of one for each account.
        if context.caller.account.is_none() && self.of_the_deployment(caller, permission).await? {
            return Ok(vec![true; scopes.len()]);
        }
        let mut shown = Vec::with_capacity(scopes.len());
        for scope in scopes {
            let Scope::Account(account) = scope else {
                return Err(status(&Refusal::Undeclared(method.path)));
            };
            let operator = match (context.caller.kind, context.caller.account) {
                (CallerKind::User, Some(own)) if own == *account => OperatorAllowed::No,
                (CallerKind::User, Some(_)) => {
                    shown.push(false);
                    continue;
                }
                // A sign-in without account may see which accounts are its own.
                _ => OperatorAllowed::Yes,
            };
            let targets = [scope.to_string()];
            let asked = self.ask(caller, Some(*account), permission, &targets, operator);
            shown.extend(with_token(&context.token, asked).await?.allowed);
        }
        Ok(shown)
    }

    /// On which of the resources of an account (`TYPE:ID`) the caller has a permission that the request decides.
    ///
    /// # Errors
    /// As [`Guard::authorize`].
    pub async fn filter_targets(
        &self,
        context: &Context,
        permission: &str,
        account: AccountId,
        targets: &[String],
    ) -> Result<Vec<bool>, Status> {
        if context.method.access != Access::Filtered || permission.is_empty() {
            return Err(status(&Refusal::Undeclared(context.method.path)));
        }
        let caller = signed_in(context)?;
        let Ok(operator) = binding(&context.caller, account) else {
            return Ok(vec![false; targets.len()]);
        };
        let asked = self.ask(caller, Some(account), permission, targets, operator);
        Ok(with_token(&context.token, asked).await?.allowed)
    }

    /// Uses up the Reauthenticate of the caller's session. The handler calls it after the right and before it looks
    /// whether anything exists.
    ///
    /// # Errors
    /// UNAUTHENTICATED with STEP_UP_REQUIRED; UNAVAILABLE where it cannot be told.
    pub async fn step_up(&self, context: &Context) -> Result<(), Status> {
        let session = context
            .caller
            .session
            .ok_or_else(|| status(&StepUpError::Required))?;
        self.step_up
            .consume(session)
            .await
            .map_err(|error| status(&error))
    }

    async fn pass(&self, context: &Context, permission: &str, target: &Target) -> Result<Authorized, Status> {
        let method = context.method;
        let caller = &context.caller;
        let account = target.account();
        match method.access {
            Access::Undeclared => Err(status(&Refusal::Undeclared(method.path))),
            Access::Public => Ok(witness(context, account, false)),
            Access::Internal if caller.kind == CallerKind::Internal => Ok(witness(context, account, false)),
            Access::Internal => {
                known(caller)?;
                Err(status(&Refusal::Denied))
            }
            Access::Caller => {
                signed_in(context)?;
                match account.map(|account| binding(caller, account)).transpose()? {
                    // What a user does about itself in an account asks for a token of that account.
                    Some(OperatorAllowed::Only) => Err(status(&Refusal::Denied)),
                    _ => Ok(witness(context, account, false)),
                }
            }
            // A token that serves for nothing in the account sees nothing of it, as of one that does not exist: its list
            // is filtered to nothing.
            Access::Filtered => {
                signed_in(context)?;
                Ok(witness(context, account, false))
            }
            Access::Delegation => {
                let subject = signed_in(context)?;
                let allowed = match account {
                    Some(account) => binding(caller, account)?,
                    None => OperatorAllowed::Only,
                };
                let operator = match allowed {
                    OperatorAllowed::No => false,
                    OperatorAllowed::Yes => self.of_the_deployment(subject, permission).await?,
                    OperatorAllowed::Only if self.of_the_deployment(subject, permission).await? => true,
                    OperatorAllowed::Only => return Err(status(&Refusal::Denied)),
                };
                Ok(witness(context, account, operator))
            }
            Access::Permission => {
                let subject = signed_in(context)?;
                let operator = match account.or(caller.account) {
                    Some(account) => binding(caller, account)?,
                    None => OperatorAllowed::Only,
                };
                let text = match (target, caller.account) {
                    (Target::None, Some(own)) => Scope::Account(own).to_string(),
                    _ => target.text(),
                };
                let account = account.or(caller.account);
                self.must(method, subject, account, permission, text, operator)
                    .await
                    .map(|held| witness(context, account, held.operator))
            }
            Access::Operator => {
                let subject = signed_in(context)?;
                // A user's token for an account lets only that account's roles serve.
                if caller.account.is_some() {
                    return Err(status(&Refusal::Denied));
                }
                let text = Scope::Deployment.to_string();
                self.must(method, subject, None, permission, text, OperatorAllowed::Only)
                    .await
                    .map(|_| witness(context, account, true))
            }
        }
    }

    /// Whether a role of the deployment stands behind the caller. Where a method of delegation names no permission, the
    /// one to define roles is asked: whoever has it everywhere may hand out everything.
    async fn of_the_deployment(&self, subject: &Subject, permission: &str) -> Result<bool, Status> {
        let permission = if permission.is_empty() {
            "role.define"
        } else {
            permission
        };
        let target = [Scope::Deployment.to_string()];
        let held = self
            .ask(subject, None, permission, &target, OperatorAllowed::Only)
            .await?;
        Ok(held.operator && held.allowed == [true])
    }

    async fn must(
        &self,
        method: &'static Method,
        subject: &Subject,
        account: Option<AccountId>,
        permission: &str,
        target: String,
        operator: OperatorAllowed,
    ) -> Result<Held, Status> {
        if permission.is_empty() {
            return Err(status(&Refusal::Undeclared(method.path)));
        }
        let held = self
            .ask(subject, account, permission, &[target], operator)
            .await?;
        let by_deployment = operator != OperatorAllowed::Only || held.operator;
        if held.allowed == [true] && by_deployment {
            Ok(held)
        } else {
            Err(status(&Refusal::Denied))
        }
    }

    async fn ask(
        &self,
        subject: &Subject,
        account: Option<AccountId>,
        permission: &str,
        targets: &[String],
        operator: OperatorAllowed,
    ) -> Result<Held, Status> {
        let held = self
            .rights
            .held(subject, account, permission, targets, operator)
            .await;
        let held = held.map_err(|error| status(&error))?;
        if held.allowed.len() == targets.len() {
            Ok(held)
        } else {
            let text = format!("{} answers to {} questions", held.allowed.len(), targets.len());
            Err(status(&crate::RightsError::Internal(text)))
        }
    }
}

/// Refuses callers without credentials.
fn known(caller: &Caller) -> Result<&Subject, Status> {
    match (&caller.subject, caller.kind) {
        (Some(subject), CallerKind::User | CallerKind::Service | CallerKind::Internal) => Ok(subject),
        _ => Err(status(&Refusal::CredentialsMissing)),
    }
}

/// Refuses callers without credentials, and the suite's own services, which act by internal methods alone.
fn signed_in(context: &Context) -> Result<&Subject, Status> {
    let subject = known(&context.caller)?;
    if context.caller.kind == CallerKind::Internal {
        return Err(status(&Refusal::Denied));
    }
    Ok(subject)
}

/// What may serve for a request about `account`: a user's token for it lets only the account's roles serve, one for no
/// account only the deployment's, one for another account nothing. Service accounts are bound where their roles are;
/// a token of theirs that names an account serves for that alone.
fn binding(caller: &Caller, account: AccountId) -> Result<OperatorAllowed, Status> {
    match (caller.kind, caller.account) {
        (CallerKind::User, Some(own)) if own == account => Ok(OperatorAllowed::No),
        (CallerKind::User, None) => Ok(OperatorAllowed::Only),
        (CallerKind::Service, None) => Ok(OperatorAllowed::Yes),
        (CallerKind::Service, Some(own)) if own == account => Ok(OperatorAllowed::No),
        _ => Err(status(&Refusal::Denied)),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the guard is the one place that makes the seal"
)]
fn witness(context: &Context, account: Option<AccountId>, operator: bool) -> Authorized {
    let declared = context.method.permission;
    let permission = (!declared.is_empty()).then_some(declared);
    let seal = GuardSeal::of_the_guard();
    Authorized::new(&seal, (*context.caller).clone(), account, permission, operator)
}
