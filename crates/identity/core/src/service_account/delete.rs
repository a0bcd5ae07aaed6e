//! Deletes a service account: its access goes in authorization first, then its secrets. A tombstone stays, so
//! that its tokens are refused everywhere and its id is not used again.

use bailiwick_types::{
    Authorized, Refused, ScopeRoot, ServiceAccountId, StoreError, Token, faults,
    method::identity::DeleteServiceAccount,
};

use super::{Closing, disable};
use crate::Identity;

faults! {
    /// Why it is not deleted.
    Error: Refused(Refused), Store(StoreError);
    /// Authorization does not answer. The service account gets no tokens any more, and is deleted once
    /// authorization answers.
    Later "authorization is temporarily unavailable; the service account will be deleted once it answers"
        => Unavailable DependencyUnavailable, retry 500;
}

impl From<disable::Error> for Error {
    fn from(error: disable::Error) -> Self {
        match error {
            disable::Error::Refused(refused) => refused.into(),
            disable::Error::Store(error) => error.into(),
            disable::Error::Later => Self::Later,
        }
    }
}

/// Deletes the service account, also one that is disabled.
///
/// # Errors
/// It does not exist, or authorization does not answer.
pub async fn delete(
    identity: &Identity,
    by: &Authorized<DeleteServiceAccount>,
    id: ServiceAccountId,
) -> Result<Token, Error> {
    let root = ScopeRoot::Deployment;
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let found = write.service_account(id).await?;
    found.ok_or(Refused::NotFound("service account"))?;
    let begun = write.service_closing(id).await?;
    let closing = match begun {
        Some(closing) if closing.deletes => closing,
        // One that is being disabled is deleted instead, under the version that authorization may know.
        begun => {
            let version = match &begun {
                Some(closing) => closing.version,
                None => write.next_revision(&root)?,
            };
            let closing = Closing {
                id,
                deletes: true,
                version,
                actor: by.subject().map(ToString::to_string).unwrap_or_default(),
                created: identity.clock.now(),
            };
            write.delete_service_closing(id).await?;
            write.insert_service_closing(&closing).await?;
            closing
        }
    };
    write.commit().await?;
    Ok(disable::finish(identity, &closing).await?.1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        attempt::ClientNetwork,
        change::Change,
        fixture::{Fixture, unknown_service},
        peer::PeerError,
        service_account::{Reader as _, ServiceAccount},
        token::issue,
        upkeep,
    };
    use bailiwick_testkit::witness;
    use secrecy::SecretString;

    async fn serves(fixture: &Fixture, id: ServiceAccountId, secret: &SecretString) -> bool {
        let command = issue::Command {
            client_id: id.to_string(),
            client_secret: secret.clone(),
            network: ClientNetwork::Unknown,
        };
        issue::issue(&fixture.identity, &command).await.is_ok()
    }

    #[tokio::test]
    async fn a_service_account_and_its_secrets_are_gone_and_a_tombstone_is_told() {
        let fixture = Fixture::new().await;
        let (account, secret) = fixture.service_account("Reports").await;
        fixture.store.take_changes();
        let by = fixture.operator();
        delete(&fixture.identity, &by, account.id).await.unwrap();
        assert!(!serves(&fixture, account.id, &secret).await);
        let version = account.version + 1;
        assert_eq!(
            fixture.authorization.closed_services(),
            [(account.id, version)],
            "authorization knows first"
        );
        let audited = Change::by(&by, format!("service:{}", account.id));
        let tombstone = ServiceAccount {
            enabled: false,
            version,
            ..account.clone()
        };
        let told = [Change::ServiceAccount(tombstone), audited];
        assert_eq!(fixture.store.take_changes(), told);
        let store = &fixture.store;
        assert_eq!(store.service_account(account.id).await.unwrap(), None);
        assert_eq!(store.service_account_secret(account.id).await.unwrap(), None);
        assert_eq!(store.service_account_page(None, 9).await.unwrap(), []);
        // A process that starts refuses its tokens.
        let gone = store.disabled_service_accounts().await.unwrap();
        assert_eq!(gone, [account.id]);
        for id in [account.id, unknown_service()] {
            let refused = delete(&fixture.identity, &by, id).await;
            assert!(
                matches!(refused, Err(Error::Refused(Refused::NotFound(_)))),
                "{refused:?}"
            );
        }
    }

    #[tokio::test]
    async fn one_that_is_disabled_or_being_disabled_is_deleted_too() {
        let fixture = Fixture::new().await;
        let (disabled, _) = fixture.service_account("Disabled").await;
        disable(&fixture.identity, &fixture.operator(), disabled.id)
            .await
            .unwrap();
        let (half, _) = fixture.service_account("Half").await;
        fixture.authorization.fails(PeerError::Unavailable.into());
        let interrupted = disable(&fixture.identity, &fixture.operator(), half.id).await;
        assert!(interrupted.is_err());
        fixture.authorization.answers();
        for id in [disabled.id, half.id] {
            delete(&fixture.identity, &fixture.operator(), id).await.unwrap();
            assert_eq!(fixture.store.service_account(id).await.unwrap(), None);
            assert_eq!(fixture.store.service_closing(id).await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn an_interrupted_deletion_is_finished_by_the_suite_or_by_a_disabling() {
        let fixture = Fixture::new().await;
        let mut deleted = Vec::new();
        for by_hand in [false, true] {
            let (account, secret) = fixture.service_account("Reports").await;
            fixture.authorization.fails(PeerError::Unavailable.into());
            let later = delete(&fixture.identity, &fixture.operator(), account.id).await;
            assert!(matches!(later, Err(Error::Later)), "{later:?}");
            assert!(
                !serves(&fixture, account.id, &secret).await,
                "the intent is enough"
            );
            fixture.authorization.answers();
            fixture.clock.advance(Duration::from_secs(11));
            if by_hand {
                let done = disable(&fixture.identity, &fixture.operator(), account.id).await;
                assert!(!done.unwrap().0.enabled);
            } else {
                let done = upkeep::finish_disablings(&fixture.identity, &witness::system()).await;
                assert_eq!(done.unwrap().len(), 1);
            }
            assert_eq!(fixture.store.service_account(account.id).await.unwrap(), None);
            deleted.push(account.id);
        }
        assert_eq!(fixture.store.disabled_service_accounts().await.unwrap(), deleted);
    }

    #[tokio::test]
    async fn of_deletions_at_once_one_is_told() {
        let fixture = Fixture::new().await;
        let (account, _) = fixture.service_account("Reports").await;
        fixture.store.take_changes();
        let by = fixture.operator();
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (identity, by, id) = (fixture.identity.clone(), by.clone(), account.id);
            all.spawn(async move { delete(&identity, &by, id).await });
        }
        while let Some(done) = all.join_next().await {
            if let Err(error) = done.unwrap() {
                assert!(matches!(error, Error::Refused(_)), "{error:?}");
            }
        }
        let told = fixture.store.take_changes();
        assert_eq!(told.len(), 2, "{told:?}");
    }
}
