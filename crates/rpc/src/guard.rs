//! The guard over calls: asks [`bailiwick_types::Guard`] with the consistency token of the call, and says no
//! in gRPC.

use std::sync::Arc;

use bailiwick_types::{
    AccountId, Authorized, CallerKind, Method, Refusal, Rights, Rows, Scope, Sight, StepUp, Target,
};
use tonic::{Code, Status};

use crate::{Attempts, Call, Context, IntoStatus, remote::with_token};

/// Lets calls pass, or not.
#[derive(Debug, Clone)]
pub struct Guard {
    inner: bailiwick_types::Guard,
    attempts: Attempts,
}

/// Why a call may not pass, or what its use case refuses while the guard asks it.
struct Refused(Status);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.into_status())
    }
}

impl Guard {
    /// A guard that asks these.
    #[must_use]
    pub fn new(rights: Arc<dyn Rights>, step_up: Arc<dyn StepUp>) -> Self {
        Self {
            inner: bailiwick_types::Guard::new(rights, step_up),
            attempts: Attempts::default(),
        }
    }

    /// The same guard, noting in `attempts` what it refuses.
    #[must_use]
    pub fn noting(self, attempts: Attempts) -> Self {
        Self { attempts, ..self }
    }

    /// Where the calls of users and service accounts that it refuses for lack of a right are noted.
    #[must_use]
    pub fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// Notes a call that was refused for lack of a right.
    fn note<M: Method, R, T>(&self, call: &Call<M, R>, target: &Target, asked: &Result<T, Status>) {
        let kind = call.context.caller.kind();
        let known = matches!(kind, CallerKind::User | CallerKind::Service | CallerKind::Key);
        if known
            && asked
                .as_ref()
                .is_err_and(|status| status.code() == Code::PermissionDenied)
        {
            self.attempts.denied(call, target);
        }
    }

    /// The same guard, asking others for rights.
    #[must_use]
    pub fn with_rights(&self, rights: Arc<dyn Rights>) -> Self {
        Self {
            inner: self.inner.with_rights(rights),
            attempts: self.attempts.clone(),
        }
    }

    /// Lets a call pass whose method's declaration the caller meets on the target
    /// ([`bailiwick_types::Guard::authorize`]).
    ///
    /// # Errors
    /// UNAUTHENTICATED, `PERMISSION_DENIED`; UNAVAILABLE and `DEADLINE_EXCEEDED` where rights are unknown.
    pub async fn authorize<M: Method, R>(
        &self,
        call: &Call<M, R>,
        target: &Target,
    ) -> Result<Authorized<M>, Status> {
        let asked = self.inner.authorize(&call.context.caller, target, call.intent());
        let asked = with_token(&call.context.token, asked).await;
        let asked = asked.map_err(IntoStatus::into_status);
        self.note(call, target, &asked);
        asked
    }

    /// Lets a call pass that does, as a part of it, what another method does on another target: it meets the
    /// declaration of that one too. `context` says who asks there.
    ///
    /// # Errors
    /// As [`Guard::authorize`].
    pub async fn authorize_part<M: Method, N: Method, R>(
        &self,
        call: &Call<N, R>,
        context: &Context,
        target: &Target,
    ) -> Result<Authorized<M>, Status> {
        let asked = self.inner.authorize(&context.caller, target, call.intent());
        let asked = with_token(&context.token, asked).await;
        let asked = asked.map_err(IntoStatus::into_status);
        self.note(call, target, &asked);
        asked
    }

    /// The same for a method whose right its use case decides before the step-up is consumed
    /// ([`bailiwick_types::Guard::authorize_delegated`]).
    ///
    /// # Errors
    /// What `permit` refuses, and as [`Guard::authorize`].
    pub async fn authorize_delegated<M: Method, R>(
        &self,
        call: &Call<M, R>,
        target: &Target,
        permit: impl AsyncFnOnce(&Authorized<M>) -> Result<(), Status>,
    ) -> Result<Authorized<M>, Status> {
        let permit = async |by: &Authorized<M>| permit(by).await.map_err(Refused);
        let asked = self
            .inner
            .authorize_delegated(&call.context.caller, target, call.intent(), permit);
        let asked = with_token(&call.context.token, asked).await;
        let asked = asked.map_err(|Refused(status)| status);
        self.note(call, target, &asked);
        asked
    }

    /// Lets a caller read all rows of an account, or its own ([`bailiwick_types::Guard::authorize_rows`]).
    ///
    /// # Errors
    /// As [`Guard::authorize`].
    pub async fn authorize_rows<M: Method, R>(
        &self,
        call: &Call<M, R>,
        account: AccountId,
    ) -> Result<(Authorized<M>, Rows), Status> {
        let asked = self.inner.authorize_rows(&call.context.caller, account);
        let asked = with_token(&call.context.token, asked).await;
        let asked = asked.map_err(IntoStatus::into_status);
        self.note(call, &Target::account(account), &asked);
        asked
    }

    /// Whether the caller has nothing in an account, as in one that does not exist
    /// ([`bailiwick_types::Guard::is_stranger`]).
    ///
    /// # Errors
    /// As [`Guard::authorize`].
    pub async fn is_stranger(&self, context: &Context, account: AccountId) -> Result<bool, Status> {
        let asked = self.inner.is_stranger(&context.caller, account);
        with_token(&context.token, asked)
            .await
            .map_err(IntoStatus::into_status)
    }

    /// On which of the scopes the caller has the permission that the method declares
    /// ([`bailiwick_types::Guard::filter`]).
    ///
    /// # Errors
    /// As [`Guard::authorize`].
    pub async fn filter(
        &self,
        context: &Context,
        account: Option<AccountId>,
        scopes: &[Scope],
    ) -> Result<Vec<bool>, Status> {
        let asked = self
            .inner
            .filter(context.method, &context.caller, account, scopes);
        with_token(&context.token, asked)
            .await
            .map_err(IntoStatus::into_status)
    }

    /// What the caller may see of the resources of a type ([`bailiwick_types::Guard::sight`]).
    ///
    /// # Errors
    /// As [`Guard::authorize`].
    pub async fn sight(
        &self,
        context: &Context,
        account: AccountId,
        type_name: &str,
    ) -> Result<Sight, Status> {
        let asked = self
            .inner
            .sight(context.method, &context.caller, account, type_name);
        with_token(&context.token, asked)
            .await
            .map_err(IntoStatus::into_status)
    }

    /// On which of the resources of one type (`TYPE:ID`) the caller has the verb that the method declares
    /// ([`bailiwick_types::Guard::filter_resources`]).
    ///
    /// # Errors
    /// As [`Guard::authorize`].
    pub async fn filter_resources(
        &self,
        context: &Context,
        account: AccountId,
        type_name: &str,
        targets: &[String],
    ) -> Result<Vec<bool>, Status> {
        let asked = self
            .inner
            .filter_resources(context.method, &context.caller, account, type_name, targets);
        with_token(&context.token, asked)
            .await
            .map_err(IntoStatus::into_status)
    }
}
