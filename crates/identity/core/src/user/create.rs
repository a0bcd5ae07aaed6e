//! Creates a user.

use bailiwick_types::{
    Authorized, Email, ScopeRoot, StoreError, Token, UserId, faults, method::identity::CreateUser,
};

use super::{User, UserState};
use crate::{
    Identity,
    change::Change,
    display_name::DisplayName,
    locale::Locale,
    password::{NewPassword, NewPasswordError, OwnWords, Password, PasswordsError, Share, Standing},
    request::{self, RequestError, RequestId, RequestKey},
};

/// The user to create.
#[derive(Debug, Clone)]
pub struct Command {
    /// E-mail address.
    pub email: Email,
    /// Name for display.
    pub display_name: DisplayName,
    /// Password, if the user gets one.
    pub password: Option<Password>,
    /// Whether the address is known to be the user's.
    pub email_verified: bool,
    /// The client's id of the request.
    pub request_id: Option<RequestId>,
}

faults! {
    /// Why the user is not created.
    Error: Request(RequestError), New(NewPasswordError), Passwords(PasswordsError), Store(StoreError);
}

/// Creates the user. A repeated request is answered as the first one was.
///
/// # Errors
/// The address is taken, or the request id was used for another request.
pub async fn create(
    identity: &Identity,
    by: &Authorized<CreateUser>,
    command: &Command,
) -> Result<(User, Token), Error> {
    let verified = if command.email_verified { "verified" } else { "" };
    let content = [command.email.as_str(), command.display_name.as_str(), verified];
    let request = command.request_id.map(|id| RequestKey::new(by, id, &content));
    loop {
        if let Some(id) = request::made(&*identity.store, request.as_ref()).await? {
            return repeated(identity, command, id).await;
        }
        if let Some(created) = insert(identity, by, command, request.as_ref()).await? {
            return Ok(created);
        }
    }
}

/// Nothing where the same request was answered in the meantime.
async fn insert(
    identity: &Identity,
    by: &Authorized<CreateUser>,
    command: &Command,
    request: Option<&RequestKey>,
) -> Result<Option<(User, Token)>, Error> {
    let password = match &command.password {
        Some(password) => {
            let new = NewPassword {
                password,
                field: "password",
                standing: Standing::Alone,
                own: OwnWords {
                    email: &command.email,
                    name: &command.display_name,
                },
            };
            Some(identity.passwords.hash(new).await?)
        }
        None => None,
    };
    let id = UserId::generate(&*identity.ids);
    let root = ScopeRoot::User(id);
    let now = identity.clock.now();
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    if let Some(request) = request
        && !write.record_request(request, &id.to_string(), now).await?
    {
        return Ok(None);
    }
    let user = User {
        id,
        email: command.email.clone(),
        email_verified: command.email_verified,
        display_name: command.display_name.clone(),
        locale: Locale::default(),
        state: UserState::Active,
        operator: false,
        created: now,
        version: write.next_revision(&root)?,
    };
    write.insert_user(&user, password.as_ref()).await?;
    write.emit(&root, Change::User(user.clone()))?;
    write.emit(&root, Change::by(by, format!("user:{id}")))?;
    let token = write.commit().await?;
    Ok(Some((user, token)))
}

async fn repeated(identity: &Identity, command: &Command, id: UserId) -> Result<(User, Token), Error> {
    let known = identity
        .store
        .credentials(id)
        .await?
        .ok_or_else(|| request::lost(&id))?;
    let same_password = match &command.password {
        Some(password) => {
            identity
                .passwords
                .verify(Share::SignedIn, password.secret(), known.password.as_ref())
                .await?
        }
        None => known.password.is_none(),
    };
    if !same_password {
        return Err(RequestError::Reused.into());
    }
    let write = identity.store.write(&[known.user.root()]).await?;
    Ok((known.user, write.commit().await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, PASSWORD};

    fn command(email: &str) -> Command {
        Command {
            email: email.parse().unwrap(),
            display_name: DisplayName::default(),
            password: Some(Password::parse(PASSWORD.into()).unwrap()),
            email_verified: true,
            request_id: None,
        }
    }

    #[tokio::test]
    async fn a_created_user_is_published_with_its_version_and_its_creator() {
        let fixture = Fixture::new().await;
        let by = fixture.operator();
        let (user, _) = create(&fixture.identity, &by, &command("Ada@example.com"))
            .await
            .unwrap();
        assert_eq!(
            (user.version, user.state, user.operator),
            (1, UserState::Active, false)
        );
        let audited = Change::Audited {
            actor: by.subject().unwrap().to_string(),
            action: "bailiwick.identity.v1.UserService/CreateUser",
            target: format!("user:{}", user.id),
            account: None,
        };
        assert_eq!(fixture.store.take_changes(), [Change::User(user), audited]);
    }

    #[tokio::test]
    async fn an_address_is_taken_in_every_case() {
        let fixture = Fixture::new().await;
        let by = fixture.operator();
        create(&fixture.identity, &by, &command("ada@example.com"))
            .await
            .unwrap();
        let again = create(&fixture.identity, &by, &command("ADA@example.COM")).await;
        assert!(
            matches!(again, Err(Error::Store(StoreError::Taken(_)))),
            "{again:?}"
        );
    }

    #[tokio::test]
    async fn a_repeated_request_is_answered_as_the_first_one_was() {
        let fixture = Fixture::new().await;
        let by = fixture.operator();
        let first = Command {
            request_id: Some("4d3cb9d2-16ac-4a3b-8f0e-0d3b4f5a7d11".parse().unwrap()),
            ..command("ada@example.com")
        };
        let (user, _) = create(&fixture.identity, &by, &first).await.unwrap();
        let (again, _) = create(&fixture.identity, &by, &first).await.unwrap();
        assert_eq!(user, again);
        // Another caller's id is another request.
        let other = create(&fixture.identity, &fixture.another_operator(), &first).await;
        assert!(
            matches!(other, Err(Error::Store(StoreError::Taken(_)))),
            "{other:?}"
        );
    }

    #[tokio::test]
    async fn a_request_id_is_refused_for_another_content() {
        let fixture = Fixture::new().await;
        let by = fixture.operator();
        let first = Command {
            request_id: Some("4d3cb9d2-16ac-4a3b-8f0e-0d3b4f5a7d11".parse().unwrap()),
            ..command("ada@example.com")
        };
        create(&fixture.identity, &by, &first).await.unwrap();
        let password = Password::parse("another password".into()).unwrap();
        for other in [
            Command {
                email: "eve@example.com".parse().unwrap(),
                ..first.clone()
            },
            Command {
                password: Some(password),
                ..first.clone()
            },
            Command {
                password: None,
                ..first.clone()
            },
            Command {
                email_verified: false,
                ..first.clone()
            },
        ] {
            let answer = create(&fixture.identity, &by, &other).await;
            assert!(
                matches!(answer, Err(Error::Request(RequestError::Reused))),
                "{answer:?}"
            );
        }
    }
}
