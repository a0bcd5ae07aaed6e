//! Ends the session of the caller.

use bailiwick_types::{Authorized, ScopeRoot, SessionId, Subject, Token};

use crate::{
    Identity,
    change::Change,
    fault::{fault, no_wait},
    port::StoreError,
};

const METHOD: &str = "bailiwick.identity.v1.AuthenticationService/SignOut";

/// Why no session was ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller has no session: it is no user.
    #[error("only a user has a session")]
    NoSession,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fault!(Error { NoSession => PermissionDenied PermissionDenied, } [Store]);
no_wait!(Error);

/// Ends the session; one that is over stays so.
///
/// # Errors
/// The caller is no user.
pub async fn run(identity: &Identity, by: &Authorized) -> Result<(SessionId, Token), Error> {
    let caller = by.caller();
    let user = caller
        .subject()
        .and_then(Subject::user_id)
        .ok_or(Error::NoSession)?;
    let session = caller.session().ok_or(Error::NoSession)?;
    let root = ScopeRoot::User(user);
    let now = identity.clock.now();
    let mut unit = identity.store.begin(std::slice::from_ref(&root)).await?;
    if unit.end_session(session, now).await? {
        unit.emit(&root, Change::SessionRevoked { session, user })?;
        let actor = caller.subject();
        unit.emit(
            &root,
            Change::audited(actor, METHOD, format!("session:{session}")),
        )?;
    }
    let token = unit.commit().await?;
    Ok((session, token))
}
