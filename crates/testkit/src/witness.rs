//! Callers and witnesses for tests: made by running the guard itself with rights that are given.
#![expect(clippy::panic, reason = "a test that gets no witness fails")]

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bailiwick_types::{
    Access, AccountId, Authority, Authorized, Caller, CallerKind, Credentials, Declaration, Guard, Held,
    Intent, KeyScope, Method, OperatorAllowed, Refusal, RequestDigest, Rights, RightsError, Service,
    SessionId, StepUp, StepUpError, Subject, System, Target, Timestamp, UserId,
};

/// Allows everything, by a role of the deployment or of the account.
struct Allowed {
    operator: bool,
}

#[async_trait::async_trait]
impl Rights for Allowed {
    async fn held(
        &self,
        _: &Subject,
        _: Option<AccountId>,
        _: &str,
        targets: &[String],
        _: OperatorAllowed,
    ) -> Result<Held, RightsError> {
        Ok(Held {
            allowed: vec![true; targets.len()],
            operator: self.operator,
        })
    }
}

#[async_trait::async_trait]
impl StepUp for Allowed {
    async fn consume(
        &self,
        _: SessionId,
        _: &'static Declaration,
        _: &RequestDigest,
    ) -> Result<(), StepUpError> {
        Ok(())
    }
}

/// A caller with these credentials, as the authenticator of a service makes it.
#[must_use]
pub fn caller(kind: CallerKind, subject: Subject, account: Option<AccountId>) -> Arc<Caller> {
    Arc::new(Authority::establish().verifier.caller(Credentials {
        kind,
        subject,
        account,
        session: None,
        expires: None,
        audience: None,
    }))
}

/// A user with a session and a token for an account, or for none.
#[must_use]
pub fn user(subject: Subject, account: Option<AccountId>, session: SessionId) -> Arc<Caller> {
    Arc::new(Authority::establish().verifier.caller(Credentials {
        kind: CallerKind::User,
        subject,
        account,
        session: Some(session),
        expires: None,
        audience: None,
    }))
}

/// A user that calls with an API key.
#[must_use]
pub fn key(user: UserId, scope: KeyScope) -> Arc<Caller> {
    let verifier = Authority::establish().verifier;
    Arc::new(verifier.key_caller(user, Arc::new(scope), Timestamp(i64::MAX)))
}

/// One of the suite's own services, with a token for the service of a method that names it as a caller.
///
/// # Panics
/// The method names no callers.
#[must_use]
pub fn peer_of<M: Method>() -> Arc<Caller> {
    let declared = M::DECLARATION;
    let Some(service) = declared.callers.first() else {
        panic!("{} is called by no service", declared.path)
    };
    peer(*service, declared.service().unwrap_or(*service))
}

/// One of the suite's own services, with a token for another.
///
/// # Panics
/// Never: the name of a service is a subject.
#[must_use]
pub fn peer(service: Service, audience: Service) -> Arc<Caller> {
    let subject = Subject::new("service", service.as_str());
    Arc::new(Authority::establish().verifier.caller(Credentials {
        kind: CallerKind::Internal,
        subject: subject.unwrap_or_else(|error| panic!("{service}: {error}")),
        account: None,
        session: None,
        expires: None,
        audience: Some(audience),
    }))
}

/// The witness of what the suite does by itself.
#[must_use]
pub fn system() -> System {
    Authority::establish().system
}

/// The witness of a call that the guard let pass, by a role of the deployment (`operator`) or of the account.
///
/// # Panics
/// The guard refuses the caller: its kind or its account do not fit the method.
#[must_use]
pub fn authorized<M: Method>(caller: &Arc<Caller>, target: &Target, operator: bool) -> Authorized<M> {
    pass::<M>(caller, target, operator, Intent::Carry(RequestDigest::default()))
}

/// The same for a preview, which writes nothing.
///
/// # Panics
/// As [`authorized`].
#[must_use]
pub fn previewing<M: Method>(caller: &Arc<Caller>, target: &Target, operator: bool) -> Authorized<M> {
    pass::<M>(caller, target, operator, Intent::DryRun)
}

fn pass<M: Method>(caller: &Arc<Caller>, target: &Target, operator: bool, intent: Intent) -> Authorized<M> {
    let guard = Guard::new(Arc::new(Allowed { operator }), Arc::new(Allowed { operator }));
    let delegated = M::DECLARATION.access == Access::Delegation;
    let passed = ready(async {
        if delegated {
            let permit = async |_: &Authorized<M>| Ok::<_, Refusal>(());
            guard.authorize_delegated(caller, target, intent, permit).await
        } else {
            guard.authorize(caller, target, intent).await
        }
    });
    passed.unwrap_or_else(|refusal| panic!("{}: {refusal}", M::DECLARATION.path))
}

/// What a future that waits for nothing comes to.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("rights that are given are there at once"),
    }
}
