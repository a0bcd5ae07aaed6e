//! Takes all access away from a user, in authorization first.
//!
//! An intent is committed, authorization is told, then the change is committed. A crash in between leaves less access,
//! never more; [`super::upkeep`] finishes it.

use bailiwick_types::{Authorized, ScopeRoot, SessionId, Subject, Token, UserId};

use crate::{
    Identity,
    change::Change,
    fault::{fault, no_wait},
    port::{CloseError, PeerError, StoreError},
    user::{Closing, User, UserState},
};

const METHOD: &str = "bailiwick.identity.v1.UserService/DisableUser";

/// Why the user is not disabled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist.
    #[error("there is no such user")]
    NotFound,
    /// The caller is the user: an operator that could disable itself could leave the deployment without one.
    #[error("nobody disables themselves")]
    Oneself,
    /// The user is the last one that a scope must have.
    #[error("{message}")]
    Holder {
        /// What authorization said.
        message: String,
    },
    /// Authorization does not answer: the user cannot sign in any more, and the rest is done as soon as it does.
    #[error("the authorization service does not answer; the user will be disabled as soon as it does")]
    Later(#[source] PeerError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fault!(Error {
    NotFound => NotFound NotFound,
    Oneself => FailedPrecondition HolderRule,
    Holder => FailedPrecondition HolderRule,
} [Later, Store]);
no_wait!(Error);

/// What was done.
#[derive(Debug, Clone)]
pub struct Disabled {
    /// The user.
    pub user: User,
    /// The sessions that were ended.
    pub ended: Vec<SessionId>,
    /// The write.
    pub token: Token,
}

/// Disables the user; one that is disabled already stays so.
///
/// # Errors
/// It does not exist, it is the caller or the last one that a scope must have, or authorization does not answer.
pub async fn run(identity: &Identity, by: &Authorized, id: UserId) -> Result<Disabled, Error> {
    let root = ScopeRoot::User(id);
    let mut unit = identity.store.begin(std::slice::from_ref(&root)).await?;
    let known = unit.credentials_now(id).await?.ok_or(Error::NotFound)?;
    if known.user.state == UserState::Disabled {
        let token = unit.commit().await?;
        return Ok(Disabled {
            user: known.user,
            ended: Vec::new(),
            token,
        });
    }
    let caller = by.caller().subject();
    if caller.and_then(Subject::user_id) == Some(id) {
        return Err(Error::Oneself);
    }
    let closing = match unit.closing(id).await? {
        Some(closing) => closing,
        None => {
            let closing = Closing {
                user: id,
                version: unit.next_revision(&root)?,
                actor: by.caller().subject().map(ToString::to_string).unwrap_or_default(),
                created: identity.clock.now(),
            };
            unit.insert_closing(&closing).await?;
            closing
        }
    };
    unit.commit().await?;
    finish(identity, &closing).await
}

/// Tells authorization, then commits the change. May be done twice, also at once.
pub(super) async fn finish(identity: &Identity, closing: &Closing) -> Result<Disabled, Error> {
    let root = ScopeRoot::User(closing.user);
    match identity.closer.close_user(closing.user, closing.version).await {
        Ok(()) => {}
        Err(CloseError::Peer(error)) => return Err(Error::Later(error)),
        Err(CloseError::Refused { message }) => {
            let mut unit = identity.store.begin(std::slice::from_ref(&root)).await?;
            unit.delete_closing(closing.user).await?;
            unit.commit().await?;
            return Err(Error::Holder { message });
        }
    }
    let mut unit = identity.store.begin(std::slice::from_ref(&root)).await?;
    let mut user = unit
        .credentials_now(closing.user)
        .await?
        .ok_or(Error::NotFound)?
        .user;
    let mut ended = Vec::new();
    if unit.closing(closing.user).await?.is_some() {
        let now = identity.clock.now();
        user.state = UserState::Disabled;
        user.version = unit.next_revision(&root)?;
        unit.update_user(&user).await?;
        unit.delete_closing(user.id).await?;
        unit.emit(&root, Change::User(user.clone()))?;
        for session in unit.live_sessions(user.id, now).await? {
            unit.end_session(session, now).await?;
            unit.emit(
                &root,
                Change::SessionRevoked {
                    session,
                    user: user.id,
                },
            )?;
            ended.push(session);
        }
        let audited = Change::Audited {
            actor: closing.actor.clone(),
            action: METHOD,
            target: format!("user:{}", user.id),
        };
        unit.emit(&root, audited)?;
    }
    let token = unit.commit().await?;
    Ok(Disabled { user, ended, token })
}
