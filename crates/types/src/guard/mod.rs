//! The guard: makes the witness of a call that may pass, from what the method declares, who calls and what
//! authorization answers. It has no transport: the frame of a service only calls it.

mod asker;

use std::sync::Arc;

use self::asker::{Asker, binding, by_service, filtered, known, permission_of, signed_in};
use crate::{
    Access, AccountId, Authorized, Caller, CallerKind, Declaration, Method, OperatorAllowed, RequestDigest,
    Rights, RightsError, Scope, StepUp, StepUpError, Target,
};

faults! {
    /// Why a call may not pass.
    Refusal: Rights(RightsError), StepUp(StepUpError);
    /// There are no credentials.
    CredentialsMissing "the call carries no credentials" => Unauthenticated CredentialsMissing;
    /// The same words whether it exists or not.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// The declaration does not fit how the method is served.
    Undeclared(&'static str) "method `{0}` declares nothing that the guard could ask" => Internal Internal;
}

/// Lets calls pass, or not.
#[derive(Clone)]
pub struct Guard {
    rights: Arc<dyn Rights>,
    step_up: Arc<dyn StepUp>,
}

debug_fields!(Guard {});

/// Which rows of an account a caller may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// All of them: the caller has the permission that the method declares.
    All,
    /// Its own.
    Own,
}

/// What a caller may see of a list that is filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Nothing: its token serves for nothing in the account.
    Nothing,
    /// Everything: a role of the deployment has the permission.
    Everything,
    /// What its own roles and grants in the account allow.
    Allowed,
    /// The part of it that lies in a place: each row is asked for by [`Guard::filter_resources`].
    Within,
}

/// What a call is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// A preview: it writes nothing, and consumes no step-up.
    DryRun,
    /// To be carried out; with the digest of the request, by which a repeated call is known.
    Carry(RequestDigest),
}

/// What was found of a call that may pass.
struct Passed {
    account: Option<AccountId>,
    operator: bool,
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

    /// Lets a call pass whose method's declaration the caller meets on the target: credentials, binding of
    /// the token to the account, permission, step-up. Under DELEGATION the use case decides the rest; under
    /// FILTERED [`Guard::filter`] does. A dry run consumes no step-up, and its witness writes nothing.
    ///
    /// # Errors
    /// See [`Refusal`]. A method with DELEGATION and step-up is refused here: its right comes before its
    /// step-up, so it goes through [`Guard::authorize_delegated`].
    pub async fn authorize<M: Method>(
        &self,
        caller: &Arc<Caller>,
        target: &Target,
        intent: Intent,
    ) -> Result<Authorized<M>, Refusal> {
        let declared = M::DECLARATION;
        if declared.step_up && declared.access == Access::Delegation {
            return Err(Refusal::Undeclared(declared.path));
        }
        let witness = self.candidate(M::DECLARATION, caller, target).await?;
        self.finish(M::DECLARATION, witness, intent).await
    }

    /// The same for a method whose right the use case decides: `permit` looks with a witness that writes
    /// nothing, and the step-up is consumed after it.
    ///
    /// # Errors
    /// What `permit` refuses, and as [`Guard::authorize`].
    pub async fn authorize_delegated<M: Method, E: From<Refusal>>(
        &self,
        caller: &Arc<Caller>,
        target: &Target,
        intent: Intent,
        permit: impl AsyncFnOnce(&Authorized<M>) -> Result<(), E>,
    ) -> Result<Authorized<M>, E> {
        let witness = self.candidate(M::DECLARATION, caller, target).await?;
        permit(&witness).await?;
        Ok(self.finish(M::DECLARATION, witness, intent).await?)
    }

    /// Lets a caller read rows of an account under `SELF_OR_PERMISSION`: all of them with the permission,
    /// else its own.
    ///
    /// # Errors
    /// As [`Guard::authorize`].
    pub async fn authorize_rows<M: Method>(
        &self,
        caller: &Arc<Caller>,
        account: AccountId,
    ) -> Result<(Authorized<M>, Rows), Refusal> {
        let declared = M::DECLARATION;
        if declared.access != Access::CallerOrPermission || declared.step_up {
            return Err(Refusal::Undeclared(declared.path));
        }
        let permission = permission_of(declared, None)?;
        let subject = signed_in(caller)?;
        let allowed = binding(caller, account)?;
        let on = Scope::Account(account).to_string();
        let held = self.must(subject, Some(account), &permission, on, allowed).await;
        let (operator, rows) = match held {
            Ok(operator) => (operator, Rows::All),
            // What a user does about itself in an account needs a token of that account.
            // A key has no rows: it serves where a permission is asked.
            Err(Refusal::Denied) if allowed != OperatorAllowed::Only && subject.key.is_none() => {
                (false, Rows::Own)
            }
            Err(refusal) => return Err(refusal),
        };
        Ok((Authorized::new(caller, Some(account), operator, true), rows))
    }

    /// On which of the scopes the caller has the permission that the method declares. Without account the
    /// scopes are accounts, each asked for itself.
    ///
    /// # Errors
    /// As [`Guard::authorize`].
    pub async fn filter(
        &self,
        declared: &'static Declaration,
        caller: &Arc<Caller>,
        account: Option<AccountId>,
        scopes: &[Scope],
    ) -> Result<Vec<bool>, Refusal> {
        let permission = filtered(declared)?;
        let subject = signed_in(caller)?;
        if let Some(account) = account {
            let targets: Vec<String> = scopes.iter().map(ToString::to_string).collect();
            return self.shown(caller, permission, account, &targets).await;
        }
        // One question for callers that see all, instead of one for each account.
        if caller.account().is_none() && self.of_the_deployment(subject, permission).await? {
            return Ok(vec![true; scopes.len()]);
        }
        let mut shown = Vec::with_capacity(scopes.len());
        for scope in scopes {
            let Scope::Account(account) = scope else {
                return Err(Refusal::Undeclared(declared.path));
            };
            let operator = match caller.account() {
                Some(own) if own == *account => OperatorAllowed::No,
                Some(_) => {
                    shown.push(false);
                    continue;
                }
                // A sign-in without account may see which accounts are its own.
                None => OperatorAllowed::Yes,
            };
            let targets = [scope.to_string()];
            let held = self
                .ask(subject, Some(*account), permission, &targets, operator)
                .await?;
            shown.extend(held.allowed);
        }
        Ok(shown)
    }

    /// On which of the resources of one type (`TYPE:ID`) in an account the caller has the verb that the
    /// method declares.
    ///
    /// # Errors
    /// As [`Guard::authorize`].
    pub async fn filter_resources(
        &self,
        declared: &'static Declaration,
        caller: &Arc<Caller>,
        account: AccountId,
        type_name: &str,
        targets: &[String],
    ) -> Result<Vec<bool>, Refusal> {
        let permission = permission_of(declared, Some(type_name))?;
        filtered(declared)?;
        self.shown(caller, &permission, account, targets).await
    }

    /// What the caller may see of the resources of a type in an account, before any is looked at.
    ///
    /// # Errors
    /// As [`Guard::authorize`].
    pub async fn sight(
        &self,
        declared: &'static Declaration,
        caller: &Arc<Caller>,
        account: AccountId,
        type_name: &str,
    ) -> Result<Sight, Refusal> {
        let permission = permission_of(declared, Some(type_name))?;
        filtered(declared)?;
        let subject = signed_in(caller)?;
        let Ok(operator) = binding(caller, account) else {
            return Ok(Sight::Nothing);
        };
        if let Some(key) = subject.key {
            return Ok(match key.permits(&permission) {
                true if key.is_within() => Sight::Within,
                true => Sight::Allowed,
                false => Sight::Nothing,
            });
        }
        if operator == OperatorAllowed::No {
            return Ok(Sight::Allowed);
        }
        let on = [Scope::Account(account).to_string()];
        let asked = self
            .ask(subject, Some(account), &permission, &on, OperatorAllowed::Only)
            .await;
        match asked {
            Ok(held) if held.operator => Ok(Sight::Everything),
            // Only callers of the account learn what its product declares.
            Err(Refusal::Rights(RightsError::UnknownPermission(_))) => Ok(Sight::Nothing),
            Ok(_) if operator == OperatorAllowed::Only => Ok(Sight::Nothing),
            Ok(_) => Ok(Sight::Allowed),
            Err(refusal) => Err(refusal),
        }
    }

    /// Whether a caller has nothing in an account, as in one that does not exist: what it asks of it is
    /// answered before anything is read.
    ///
    /// # Errors
    /// As [`Guard::authorize`].
    pub async fn is_stranger(&self, caller: &Arc<Caller>, account: AccountId) -> Result<bool, Refusal> {
        let subject = signed_in(caller)?;
        match binding(caller, account) {
            Err(_) => Ok(true),
            Ok(OperatorAllowed::No) => Ok(false),
            Ok(OperatorAllowed::Only) => Ok(self.rights.is_stranger(subject.subject, None).await?),
            Ok(OperatorAllowed::Yes) => Ok(self.rights.is_stranger(subject.subject, Some(account)).await?),
        }
    }

    /// A token that serves for nothing in the account sees nothing of it, as of one that does not exist.
    async fn shown(
        &self,
        caller: &Arc<Caller>,
        permission: &str,
        account: AccountId,
        targets: &[String],
    ) -> Result<Vec<bool>, Refusal> {
        let subject = signed_in(caller)?;
        let Ok(operator) = binding(caller, account) else {
            return Ok(vec![false; targets.len()]);
        };
        let held = self
            .ask(subject, Some(account), permission, targets, operator)
            .await?;
        Ok(held.allowed)
    }

    /// A witness that writes nothing: the step-up comes after it.
    async fn candidate<M: Method>(
        &self,
        declared: &'static Declaration,
        caller: &Arc<Caller>,
        target: &Target,
    ) -> Result<Authorized<M>, Refusal> {
        let Passed { account, operator } = self.pass(declared, caller, target).await?;
        Ok(Authorized::new(caller, account, operator, true))
    }

    async fn finish<M: Method>(
        &self,
        declared: &'static Declaration,
        witness: Authorized<M>,
        intent: Intent,
    ) -> Result<Authorized<M>, Refusal> {
        let Intent::Carry(request) = intent else {
            return Ok(witness);
        };
        if declared.step_up {
            let session = witness.caller().session().ok_or(StepUpError::NoSession)?;
            self.step_up.consume(session, declared, &request).await?;
        }
        Ok(witness.in_earnest())
    }

    async fn pass(
        &self,
        declared: &'static Declaration,
        caller: &Caller,
        target: &Target,
    ) -> Result<Passed, Refusal> {
        let account = target.account;
        let passed = |operator| Passed { account, operator };
        let is_key = caller.kind() == CallerKind::Key;
        let own = target.owner.is_some() && target.owner.as_ref() == caller.subject() && !is_key;
        let access = match declared.access {
            Access::CallerOrPermission if own => Access::Caller,
            access => access,
        };
        if caller.kind() == CallerKind::Internal {
            by_service(declared, caller)?;
        }
        match access {
            Access::Undeclared => Err(Refusal::Undeclared(declared.path)),
            Access::Public => Ok(passed(false)),
            Access::Internal if caller.kind() == CallerKind::Internal => Ok(passed(false)),
            Access::Internal => {
                known(caller)?;
                Err(Refusal::Denied)
            }
            // A key serves where a permission is asked, and gives and takes no access.
            Access::Caller | Access::Delegation if is_key => {
                signed_in(caller)?;
                Err(Refusal::Denied)
            }
            Access::Caller => {
                signed_in(caller)?;
                match account.map(|account| binding(caller, account)).transpose()? {
                    // What a user does about itself in an account needs a token of that account.
                    Some(OperatorAllowed::Only) => Err(Refusal::Denied),
                    _ => Ok(passed(false)),
                }
            }
            // A token that serves for nothing in the account sees nothing of it: its list is filtered to
            // nothing.
            Access::Filtered => {
                signed_in(caller)?;
                Ok(passed(false))
            }
            Access::Delegation => {
                let subject = signed_in(caller)?;
                if declared.permission.is_empty() {
                    return Err(Refusal::Undeclared(declared.path));
                }
                let allowed = match account {
                    Some(account) => binding(caller, account)?,
                    // A token for an account lets only that account's roles serve.
                    None if caller.account().is_some() => return Err(Refusal::Denied),
                    None => OperatorAllowed::Only,
                };
                let operator = match allowed {
                    OperatorAllowed::No => false,
                    OperatorAllowed::Yes => self.of_the_deployment(subject, declared.permission).await?,
                    OperatorAllowed::Only => {
                        if !self.of_the_deployment(subject, declared.permission).await? {
                            return Err(Refusal::Denied);
                        }
                        true
                    }
                };
                Ok(passed(operator))
            }
            Access::Permission | Access::CallerOrPermission if target.of_product => {
                self.on_product(declared, caller, target).await
            }
            // Others outside of an account are the deployment's.
            Access::CallerOrPermission if account.is_none() => self.operator(declared, caller, None).await,
            Access::Permission | Access::CallerOrPermission => {
                let subject = signed_in(caller)?;
                let permission = permission_of(declared, target.type_name.as_deref())?;
                let account = account.or(caller.account());
                let operator = match account {
                    Some(account) => binding(caller, account)?,
                    None => OperatorAllowed::Only,
                };
                let operator = self
                    .must(subject, account, &permission, target.text(account), operator)
                    .await?;
                Ok(Passed { account, operator })
            }
            Access::Operator => self.operator(declared, caller, account).await,
        }
    }

    /// A product as a whole: roles of its own services count, and those of the deployment. What serves for
    /// one account serves for no product.
    async fn on_product(
        &self,
        declared: &'static Declaration,
        caller: &Caller,
        target: &Target,
    ) -> Result<Passed, Refusal> {
        let subject = signed_in(caller)?;
        let permission = permission_of(declared, target.type_name.as_deref())?;
        let allowed = match (caller.kind(), caller.account()) {
            (_, Some(_)) => return Err(Refusal::Denied),
            (CallerKind::Service, None) => OperatorAllowed::Yes,
            _ => OperatorAllowed::Only,
        };
        let operator = self
            .must(subject, None, &permission, target.text(None), allowed)
            .await?;
        Ok(Passed {
            account: None,
            operator,
        })
    }

    /// The right is the deployment's; the witness still reaches no other account than the one that the call
    /// names.
    async fn operator(
        &self,
        declared: &'static Declaration,
        caller: &Caller,
        account: Option<AccountId>,
    ) -> Result<Passed, Refusal> {
        let subject = signed_in(caller)?;
        // A user's token for an account lets only that account's roles serve.
        if caller.account().is_some() {
            return Err(Refusal::Denied);
        }
        let permission = permission_of(declared, None)?;
        let on = Scope::Deployment.to_string();
        self.must(subject, None, &permission, on, OperatorAllowed::Only)
            .await?;
        Ok(Passed {
            account,
            operator: true,
        })
    }

    /// Whether a role of the deployment that holds the permission stands behind the caller.
    async fn of_the_deployment(&self, subject: Asker<'_>, permission: &str) -> Result<bool, Refusal> {
        let target = [Scope::Deployment.to_string()];
        let held = self
            .ask(subject, None, permission, &target, OperatorAllowed::Only)
            .await?;
        Ok(held.operator && held.allowed == [true])
    }

    /// Whether the right came from a role of the deployment.
    async fn must(
        &self,
        subject: Asker<'_>,
        account: Option<AccountId>,
        permission: &str,
        target: String,
        operator: OperatorAllowed,
    ) -> Result<bool, Refusal> {
        let held = self
            .ask(subject, account, permission, &[target], operator)
            .await?;
        let by_deployment = operator != OperatorAllowed::Only || held.operator;
        if held.allowed == [true] && by_deployment {
            Ok(held.operator)
        } else {
            Err(Refusal::Denied)
        }
    }
}
