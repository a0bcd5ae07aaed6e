//! Sets a password with a mailed secret: what activation and reset have in common.

use bailiwick_types::{Authorized, Method, SessionId, StoreError, Token, UserId, faults};
use secrecy::SecretString;

use super::{User, end_sessions, prove_address};
use crate::{
    Identity,
    change::Change,
    mail::{self, Kind, MailError},
    one_time::{self, Purpose, RedeemError},
    password::{NewPassword, NewPasswordError, Password, Standing},
};

/// The secret and the password.
#[derive(Debug, Clone)]
pub struct Command {
    /// The secret of the mail.
    pub secret: SecretString,
    /// The new password.
    pub password: Password,
}

faults! {
    /// Why the password is not set.
    Error: Redeem(RedeemError), New(NewPasswordError), Mail(MailError), Store(StoreError);
}

/// A user with a new password.
#[derive(Debug, Clone)]
pub struct Done {
    /// The user.
    pub user: UserId,
    /// The sessions that were ended.
    pub ended: Vec<SessionId>,
    /// The write.
    pub token: Token,
}

/// Sets the password. The secret is looked at before the hash is computed, and used up with it.
pub(super) async fn set_password<M: Method>(
    identity: &Identity,
    by: &Authorized<M>,
    command: &Command,
    purpose: Purpose,
) -> Result<Done, Error> {
    let Command { secret, password } = command;
    let found = one_time::look_up(identity, secret, purpose).await?;
    let lane = identity.passwords.lane(found.user.id).await;
    let _lane = lane.map_err(NewPasswordError::from)?;
    let hash = identity.passwords.hash(NewPassword {
        password,
        field: "password",
        standing: Standing::Alone,
        own: found.user.own_words(),
    });
    let hash = hash.await?;
    let (root, now) = (found.user.root(), identity.clock.now());
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let known = one_time::redeem(&mut *write, secret, found.user.id, purpose, now).await?;
    let first = known.password.is_none();
    if first != (purpose == Purpose::Activation) {
        return Err(RedeemError::Invalid.into());
    }
    let mut user: User = known.user;
    write.set_password(user.id, &hash).await?;
    one_time::end_all(identity, &mut *write, &user, now).await?;
    // Whoever reads the mails of the address is no stranger any more.
    write.clear_failures(&user.email.key()).await?;
    prove_address(&mut *write, &mut user).await?;
    let ended = end_sessions(&mut *write, &user, None, now).await?;
    write.emit(&root, Change::by(by, format!("user:{}", user.id)))?;
    if !first {
        mail::notice(identity, &mut *write, Kind::PasswordChanged, &user).await?;
    }
    let token = write.commit().await?;
    identity.outbox.wake();
    Ok(Done {
        user: user.id,
        ended,
        token,
    })
}
