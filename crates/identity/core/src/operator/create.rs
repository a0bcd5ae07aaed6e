//! Creates an operator where no active user is one. It has no caller and asks for no right: it is run on the
//! database.

use bailiwick_types::{Clock, Email, IdGen, ScopeRoot, StoreError, Token, UserId, faults};

use crate::{
    change::Change,
    display_name::DisplayName,
    locale::Locale,
    password::{NewPassword, NewPasswordError, OwnWords, Password, Passwords, Standing},
    store::Store,
    user::{User, UserState},
};

faults! {
    /// Why the operator is not created.
    Error: Passwords(NewPasswordError), Store(StoreError);
    /// There is one.
    Exists "the deployment has an active operator; for a lost password, use `bailiwick operator reset`"
        => FailedPrecondition AlreadyExists;
}

/// Creates the operator. Its address counts as verified.
///
/// # Errors
/// There is an active operator, or the address is taken.
pub async fn create(
    store: &dyn Store,
    passwords: &Passwords,
    clock: &dyn Clock,
    ids: &dyn IdGen,
    email: &Email,
    password: &Password,
) -> Result<(User, Token), Error> {
    if store.has_active_operator().await? {
        return Err(Error::Exists);
    }
    let name = DisplayName::default();
    let hash = passwords.hash(NewPassword {
        password,
        field: "password",
        standing: Standing::Alone,
        own: OwnWords { email, name: &name },
    });
    let hash = hash.await?;
    let id = UserId::generate(ids);
    let root = ScopeRoot::User(id);
    // The deployment's root serializes concurrent calls: only one succeeds.
    let mut write = store.write(&[ScopeRoot::Deployment, root.clone()]).await?;
    if write.has_active_operator().await? {
        return Err(Error::Exists);
    }
    let user = User {
        id,
        email: email.clone(),
        email_verified: true,
        display_name: DisplayName::default(),
        locale: Locale::default(),
        state: UserState::Active,
        operator: true,
        created: clock.now(),
        version: write.next_revision(&root)?,
    };
    write.insert_user(&user, Some(&hash)).await?;
    write.emit(&root, Change::User(user.clone()))?;
    let audited = Change::by_the_suite("operator.create", format!("user:{id}"));
    write.emit(&root, audited)?;
    let token = write.commit().await?;
    Ok((user, token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, PASSWORD};

    async fn run(fixture: &Fixture, email: &str) -> Result<User, Error> {
        let Fixture {
            identity,
            store,
            clock,
            ..
        } = fixture;
        let email = email.parse().unwrap();
        let password = Password::parse(PASSWORD.into()).unwrap();
        let made = create(
            store,
            &identity.passwords,
            &**clock,
            &*identity.ids,
            &email,
            &password,
        );
        Ok(made.await?.0)
    }

    #[tokio::test]
    async fn a_second_operator_is_refused() {
        let fixture = Fixture::new().await;
        let operator = run(&fixture, "root@example.com").await.unwrap();
        assert!(operator.operator && operator.email_verified);
        let second = run(&fixture, "other@example.com").await;
        assert!(matches!(second, Err(Error::Exists)), "{second:?}");
    }

    #[tokio::test]
    async fn where_every_operator_is_disabled_another_one_is_created() {
        let fixture = Fixture::new().await;
        let lost = run(&fixture, "root@example.com").await.unwrap();
        let mut write = fixture.store.write(&[]).await.unwrap();
        let disabled = User {
            state: UserState::Disabled,
            ..lost
        };
        write.update_user(&disabled).await.unwrap();
        write.commit().await.unwrap();
        run(&fixture, "other@example.com").await.unwrap();
        let third = run(&fixture, "third@example.com").await;
        assert!(matches!(third, Err(Error::Exists)), "{third:?}");
    }

    #[tokio::test]
    async fn the_address_of_another_user_is_refused() {
        let fixture = Fixture::new().await;
        fixture.user("root@example.com").await;
        let taken = run(&fixture, "root@example.com").await;
        assert!(
            matches!(taken, Err(Error::Store(StoreError::Taken(_)))),
            "{taken:?}"
        );
    }
}
