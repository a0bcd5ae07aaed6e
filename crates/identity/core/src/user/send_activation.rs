//! Mails a user the secret with which it sets its first password.

use bailiwick_types::{
    AccountAccess, Authorized, Refused, ScopeRoot, StoreError, Token, UserId, faults,
    method::identity::SendActivation,
};

use crate::{
    Identity,
    change::Change,
    mail::{self, Kind, MailError},
    one_time::Purpose,
    peer::PeerError,
};

/// Whom to.
#[derive(Debug, Clone)]
pub struct Command {
    /// The user.
    pub user: UserId,
    /// What authorization must have seen when it is asked about the membership.
    pub token: Token,
}

faults! {
    /// Why no mail is written.
    Error: Refused(Refused), Mail(MailError), Peer(PeerError), Store(StoreError);
    /// It may not sign in.
    Disabled "the user is disabled" => FailedPrecondition NotActive;
    /// There is nothing to activate.
    HasPassword "the user has a password already" => FailedPrecondition AlreadyExists;
}

/// Writes the mail. A caller of an account reaches its members alone, a role of the deployment everybody.
///
/// # Errors
/// See [`Error`].
pub async fn send_activation(
    identity: &Identity,
    by: &Authorized<SendActivation>,
    command: &Command,
) -> Result<(), Error> {
    let id = command.user;
    let account = by.account().map(AccountAccess::id);
    if !by.is_operator() {
        let account = account.ok_or(Refused::Denied)?;
        let member = identity.members.is_active(account, id, &command.token).await?;
        if !member {
            return Err(Refused::Denied.into());
        }
    }
    let root = ScopeRoot::User(id);
    let write = identity.store.write(std::slice::from_ref(&root)).await?;
    let known = write.credentials(id).await?.ok_or(Refused::NotFound("user"))?;
    if !known.may_sign_in() {
        return Err(Error::Disabled);
    }
    if known.password.is_some() {
        return Err(Error::HasPassword);
    }
    let sender = [mail::from_sender(identity, account)];
    let (kind, purpose) = (Kind::Activation, Purpose::Activation);
    let mut write = mail::with_secret(identity, write, kind, purpose, &known.user, &sender).await?;
    write.emit(&root, Change::by(by, format!("user:{id}")))?;
    write.commit().await?;
    identity.outbox.wake();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bailiwick_types::{Fault as _, Reason};

    use super::*;
    use crate::{
        fixture::{Fixture, account, unknown_user},
        store::Store as _,
        user::{User, disable},
    };

    fn to(user: UserId) -> Command {
        Command {
            user,
            token: Token::default(),
        }
    }

    #[tokio::test]
    async fn an_operator_mails_a_user_without_a_password() {
        let fixture = Fixture::new().await;
        let bare = fixture.user_without_password("bare@example.com").await;
        fixture.store.take_changes();
        let by = fixture.operator();
        send_activation(&fixture.identity, &by, &to(bare.id))
            .await
            .unwrap();
        let audited = Change::by(&by, format!("user:{}", bare.id));
        assert_eq!(fixture.store.take_changes(), [audited]);
        let letters = fixture.deliver().await;
        let [letter] = &*letters else {
            panic!("{letters:?}")
        };
        assert_eq!((&letter.to, letter.kind), (&bare.email, Kind::Activation));
        assert!(letter.secret.is_some());
    }

    #[tokio::test]
    async fn an_account_reaches_its_members_alone() {
        let fixture = Fixture::new().await;
        let bare = fixture.user_without_password("bare@example.com").await;
        let by = fixture.of_account(account());
        for user in [bare.id, unknown_user()] {
            let refused = send_activation(&fixture.identity, &by, &to(user)).await;
            assert!(
                matches!(refused, Err(Error::Refused(Refused::Denied))),
                "{refused:?}"
            );
        }
        fixture.authorization.admit(account(), bare.id);
        send_activation(&fixture.identity, &by, &to(bare.id))
            .await
            .unwrap();
        fixture.authorization.fails(PeerError::Unavailable.into());
        let unknown = send_activation(&fixture.identity, &by, &to(bare.id)).await;
        assert!(matches!(unknown, Err(Error::Peer(_))), "{unknown:?}");
    }

    #[tokio::test]
    async fn users_that_have_a_password_are_disabled_or_unknown_get_none() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let by = fixture.operator();
        let has = send_activation(&fixture.identity, &by, &to(ada.id)).await;
        assert!(matches!(has, Err(Error::HasPassword)), "{has:?}");
        disable(&fixture.identity, &fixture.operator(), ada.id)
            .await
            .unwrap();
        let disabled = send_activation(&fixture.identity, &by, &to(ada.id)).await;
        assert!(matches!(disabled, Err(Error::Disabled)), "{disabled:?}");
        let unknown = send_activation(&fixture.identity, &by, &to(unknown_user())).await;
        assert!(
            matches!(unknown, Err(Error::Refused(Refused::NotFound(_)))),
            "{unknown:?}"
        );
        assert!(fixture.deliver().await.is_empty());
    }

    #[tokio::test]
    async fn a_second_one_at_once_is_refused_and_the_first_secret_stays() {
        let fixture = Fixture::new().await;
        let bare = fixture.user_without_password("bare@example.com").await;
        let by = fixture.operator();
        send_activation(&fixture.identity, &by, &to(bare.id))
            .await
            .unwrap();
        let again = send_activation(&fixture.identity, &by, &to(bare.id))
            .await
            .unwrap_err();
        assert_eq!(again.reason(), Reason::Overloaded);
        assert_eq!(again.retry_after(), Some(Duration::from_mins(1)));
        assert_eq!(fixture.deliver().await.len(), 1);
    }

    #[tokio::test]
    async fn the_mails_of_an_account_are_capped() {
        let fixture = Fixture::new().await;
        let most = fixture.identity.outbox.limits.sender.most;
        let mut users = Vec::new();
        let template = fixture.user_without_password("bare@example.com").await;
        let mut write = fixture.store.write(&[]).await.unwrap();
        for n in 0..most + 100 {
            let user = User {
                id: UserId::from_uuid(uuid::Uuid::from_u128(1_000_000 + u128::from(n))),
                email: format!("u{n}@example.com").parse().unwrap(),
                ..template.clone()
            };
            write.insert_user(&user, None).await.unwrap();
            users.push(user.id);
        }
        write.commit().await.unwrap();
        let by = fixture.operator();
        let mut sent = 0;
        for user in users {
            match send_activation(&fixture.identity, &by, &to(user)).await {
                Ok(()) => sent += 1,
                Err(error) => assert_eq!(error.reason(), Reason::Overloaded),
            }
        }
        assert_eq!(sent, most);
    }
}
