//! Deletes an account with its contents, in authorization first.

use bailiwick_types::{
    AccountWrite, Authorized, Refused, StoreError, Subject, Token, faults, method::tenancy::DeleteAccount,
};

use super::MISSING;
use crate::{
    Etag, Precondition, State, Tenancy,
    closing::{self, Closing, FinishError},
};

/// How the account is deleted.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The etag that was read.
    pub etag: Etag,
    /// Whether to delete its contents as well.
    pub force: bool,
}

faults! {
    /// Why an account is not deleted.
    Error: Refused(Refused), Precondition(Precondition), Finish(FinishError), Store(StoreError);
    /// It has instances or workspaces.
    NotEmpty "the account is not empty: delete its contents first, or set `force`"
        => FailedPrecondition NotEmpty;
}

/// Deletes the account: commits the intent, tells authorization, commits the change.
///
/// # Errors
/// See [`Error`]. After [`Error::Finish`] the worker finishes the deletion.
pub async fn run(
    tenancy: &Tenancy,
    by: &Authorized<DeleteAccount>,
    command: Command,
) -> Result<Token, Error> {
    let handle = by.account_write().ok_or(Refused::Denied)?;
    loop {
        let closing = begin(tenancy, handle, &command, by.subject()).await?;
        let token = closing::finish(tenancy, handle, &closing).await?;
        // A suspension that was under way is finished first; then the deletion begins.
        if closing.deletes() {
            return Ok(token);
        }
    }
}

async fn begin(
    tenancy: &Tenancy,
    handle: AccountWrite,
    command: &Command,
    actor: Option<&Subject>,
) -> Result<Closing, Error> {
    let mut write = tenancy.store.write(handle).await?;
    let mut account = write.find_account().await?.ok_or(MISSING)?;
    if let Some(closing) = write.find_closing(&account.scope()).await? {
        return Ok(closing);
    }
    command.etag.check(account.version)?;
    if !command.force && write.has_places(None).await? {
        return Err(Error::NotEmpty);
    }
    let closing = Closing {
        account: account.id,
        scope: account.scope(),
        version: account.version + 1,
        to: State::Deleted,
        begun: tenancy.clock.now(),
        actor: actor.cloned(),
    };
    account.closing = true;
    write.update_account(&account).await?;
    write.insert_closing(&closing).await?;
    write.commit().await?;
    Ok(closing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{self, World};

    async fn delete(world: &World, etag: &str, force: bool) -> Result<Token, Error> {
        let etag = Etag::of_request(etag);
        run(&world.tenancy, &memory::operator(), Command { etag, force }).await
    }

    #[tokio::test]
    async fn an_account_with_workspaces_is_deleted_only_by_force() {
        let world = World::new();
        let scope = world.account().scope();
        world.workspace();
        assert!(matches!(delete(&world, "", false).await, Err(Error::NotEmpty)));
        delete(&world, "", true).await.unwrap();
        assert_eq!(world.closed(), [(scope, 2, true)]);
        let again = delete(&world, "", true).await;
        assert!(matches!(again, Err(Error::Refused(Refused::NotFound("account")))));
    }

    #[tokio::test]
    async fn an_etag_of_another_version_is_refused() {
        let world = World::new();
        world.account();
        let refused = delete(&world, "7", false).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::EtagMismatch))
        ));
    }

    #[tokio::test]
    async fn a_deletion_that_authorization_did_not_take_goes_on_with_the_next_call() {
        let world = World::new();
        world.account();
        world.authorization_is_away(true);
        assert!(matches!(delete(&world, "", false).await, Err(Error::Finish(_))));
        world.authorization_is_away(false);
        delete(&world, "", false).await.unwrap();
    }
}
