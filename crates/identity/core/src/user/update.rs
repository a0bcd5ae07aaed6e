//! Changes the profile of a user.

use bailiwick_types::{
    Authorized, Refused, ScopeRoot, StoreError, Token, UserId, faults, method::identity::UpdateUser,
};

use super::User;
use crate::{Identity, change::Change, display_name::DisplayName, locale::Locale};

/// What is to change.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// The name for display.
    pub display_name: Option<DisplayName>,
    /// The language.
    pub locale: Option<Locale>,
}

faults! {
    /// Why the user is not changed.
    Error: Refused(Refused), Store(StoreError);
    /// The user is being disabled or deleted: a change now could tell that it is not.
    Closing "access is being taken away from the user; retry" => Aborted Conflict, retry 1000;
}

/// Changes the user. Where that changes nothing, nothing is published.
///
/// # Errors
/// See [`Error`].
pub async fn update(
    identity: &Identity,
    by: &Authorized<UpdateUser>,
    id: UserId,
    command: &Command,
) -> Result<(User, Token), Error> {
    let root = ScopeRoot::User(id);
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let before = write.user(id).await?.ok_or(Refused::NotFound("user"))?;
    let mut user = before.clone();
    if let Some(name) = &command.display_name {
        user.display_name.clone_from(name);
    }
    if let Some(locale) = &command.locale {
        user.locale.clone_from(locale);
    }
    if user == before {
        return Ok((user, write.commit().await?));
    }
    if write.closing(id).await?.is_some() {
        return Err(Error::Closing);
    }
    user.version = write.next_revision(&root)?;
    write.update_user(&user).await?;
    write.emit(&root, Change::User(user.clone()))?;
    write.emit(&root, Change::by(by, format!("user:{id}")))?;
    Ok((user, write.commit().await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::{Fixture, unknown_user},
        store::Store as _,
        user::Reader as _,
    };

    fn named(name: &str) -> Command {
        Command {
            display_name: Some(name.parse().unwrap()),
            locale: None,
        }
    }

    #[tokio::test]
    async fn what_is_named_changes_and_nothing_else() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let session = fixture.session(&ada).await;
        fixture.store.take_changes();
        let by = fixture.as_user(&ada, session);
        let (user, _) = update(&fixture.identity, &by, ada.id, &named("Ada"))
            .await
            .unwrap();
        let expected = User {
            display_name: "Ada".parse().unwrap(),
            version: 3,
            ..ada.clone()
        };
        assert_eq!(user, expected);
        let audited = Change::by(&by, format!("user:{}", ada.id));
        assert_eq!(fixture.store.take_changes(), [Change::User(user), audited]);
        let locale = Command {
            locale: Some("de-AT".parse().unwrap()),
            ..Command::default()
        };
        let (user, _) = update(&fixture.identity, &by, ada.id, &locale).await.unwrap();
        assert_eq!(
            (user.display_name.as_str(), user.locale.as_str()),
            ("Ada", "de-AT")
        );
        assert_eq!(fixture.store.user(ada.id).await.unwrap(), Some(user));
    }

    #[tokio::test]
    async fn what_is_so_already_is_not_published() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let by = fixture.operator();
        update(&fixture.identity, &by, ada.id, &named("Ada"))
            .await
            .unwrap();
        fixture.store.take_changes();
        let (user, _) = update(&fixture.identity, &by, ada.id, &named("Ada"))
            .await
            .unwrap();
        assert_eq!(user.version, 2);
        assert_eq!(fixture.store.take_changes(), []);
    }

    #[tokio::test]
    async fn an_unknown_user_is_not_found() {
        let fixture = Fixture::new().await;
        let unknown = update(
            &fixture.identity,
            &fixture.operator(),
            unknown_user(),
            &named("Ada"),
        )
        .await;
        assert!(
            matches!(unknown, Err(Error::Refused(Refused::NotFound("user")))),
            "{unknown:?}"
        );
    }

    #[tokio::test]
    async fn a_user_that_is_being_disabled_does_not_change() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let mut write = fixture.store.write(&[]).await.unwrap();
        write.insert_closing(&fixture.closing(&ada)).await.unwrap();
        write.commit().await.unwrap();
        let refused = update(&fixture.identity, &fixture.operator(), ada.id, &named("Ada")).await;
        assert!(matches!(refused, Err(Error::Closing)), "{refused:?}");
        assert_eq!(fixture.store.user(ada.id).await.unwrap(), Some(ada));
    }
}
