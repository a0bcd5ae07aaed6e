//! Takes all access away from a service account, in authorization first.
//!
//! The intent is committed, authorization is told, then the change is committed. A crash in between leaves
//! less access, never more; [`crate::upkeep`] finishes the work.

use bailiwick_types::{
    Authorized, Method as _, Refused, ScopeRoot, ServiceAccountId, StoreError, Subject, Token, faults,
    method::identity::{DeleteServiceAccount, DisableServiceAccount},
};

use super::{Closing, ServiceAccount};
use crate::{Identity, change::Change};

faults! {
    /// Why it is not disabled.
    Error: Refused(Refused), Store(StoreError);
    /// Authorization does not answer. The service account gets no tokens any more, and is disabled once
    /// authorization answers.
    Later "authorization is temporarily unavailable; the service account will be disabled once it answers"
        => Unavailable DependencyUnavailable, retry 500;
}

/// Disables the service account. A disabled one stays unchanged.
///
/// # Errors
/// It does not exist, or authorization does not answer.
pub async fn disable(
    identity: &Identity,
    by: &Authorized<DisableServiceAccount>,
    id: ServiceAccountId,
) -> Result<(ServiceAccount, Token), Error> {
    let root = ScopeRoot::Deployment;
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let found = write.service_account(id).await?;
    let account = found.ok_or(Refused::NotFound("service account"))?;
    if !account.enabled {
        let token = write.commit().await?;
        return Ok((account, token));
    }
    let closing = match write.service_closing(id).await? {
        Some(closing) => closing,
        None => {
            let closing = Closing {
                id,
                deletes: false,
                version: write.next_revision(&root)?,
                actor: by.subject().map(ToString::to_string).unwrap_or_default(),
                created: identity.clock.now(),
            };
            write.insert_service_closing(&closing).await?;
            closing
        }
    };
    write.commit().await?;
    finish(identity, &closing).await
}

/// Tells authorization, then commits the change: that of the intent as it is then, which may have become a
/// deletion. Repeated and concurrent calls do no harm.
pub(crate) async fn finish(identity: &Identity, closing: &Closing) -> Result<(ServiceAccount, Token), Error> {
    let told = identity.closer.close_service_account(closing.id, closing.version);
    told.await.map_err(|_| Error::Later)?;
    let root = ScopeRoot::Deployment;
    let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
    let found = write.service_account(closing.id).await?;
    let mut account = found.ok_or(Refused::NotFound("service account"))?;
    if let Some(closing) = write.service_closing(account.id).await? {
        account.enabled = false;
        account.version = write.next_revision(&root)?;
        let method = if closing.deletes {
            let now = identity.clock.now();
            write.bury_service_account(&account, now).await?;
            DeleteServiceAccount::DECLARATION
        } else {
            write.update_service_account(&account).await?;
            DisableServiceAccount::DECLARATION
        };
        write.delete_service_closing(account.id).await?;
        write.emit(&root, Change::ServiceAccount(account.clone()))?;
        let audited = Change::Audited {
            actor: closing.actor,
            action: method.name(),
            target: Subject::service(account.id).into(),
            account: None,
        };
        write.emit(&root, audited)?;
    }
    let token = write.commit().await?;
    Ok((account, token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::{Fixture, unknown_service},
        peer::PeerError,
        service_account::Reader as _,
    };

    #[tokio::test]
    async fn a_service_account_is_disabled_once() {
        let fixture = Fixture::new().await;
        let (account, _) = fixture.service_account("Reports").await;
        fixture.store.take_changes();
        let by = fixture.operator();
        let (disabled, _) = disable(&fixture.identity, &by, account.id).await.unwrap();
        assert_eq!((disabled.enabled, disabled.version), (false, account.version + 1));
        let told = fixture.authorization.closed_services();
        assert_eq!(
            told,
            [(account.id, account.version + 1)],
            "authorization knows first"
        );
        let audited = Change::by(&by, format!("service:{}", account.id));
        let told = [Change::ServiceAccount(disabled.clone()), audited];
        assert_eq!(fixture.store.take_changes(), told);
        assert_eq!(
            disable(&fixture.identity, &by, account.id).await.unwrap().0,
            disabled
        );
        assert_eq!(fixture.store.take_changes(), []);
    }

    #[tokio::test]
    async fn the_intent_stays_while_authorization_is_unavailable() {
        let fixture = Fixture::new().await;
        let (account, _) = fixture.service_account("Reports").await;
        fixture.store.take_changes();
        fixture.authorization.fails(PeerError::Unavailable.into());
        let refused = disable(&fixture.identity, &fixture.operator(), account.id).await;
        assert!(matches!(refused, Err(Error::Later)), "{refused:?}");
        let stored = fixture.store.service_account(account.id).await.unwrap().unwrap();
        assert!(stored.enabled, "it is disabled once authorization knows");
        assert_eq!(fixture.store.take_changes(), []);
        fixture.authorization.answers();
        let other = fixture.another_operator();
        let (disabled, _) = disable(&fixture.identity, &other, account.id).await.unwrap();
        assert!(!disabled.enabled);
        let audited = fixture.store.take_changes().pop();
        let by = fixture.operator::<DisableServiceAccount>();
        let first = Change::by(&by, format!("service:{}", account.id));
        assert_eq!(audited, Some(first), "the first caller is recorded");
        let left = fixture.store.service_closing(account.id).await.unwrap();
        assert_eq!(left, None);
    }

    #[tokio::test]
    async fn an_unknown_service_account_is_not_found() {
        let fixture = Fixture::new().await;
        let unknown = disable(&fixture.identity, &fixture.operator(), unknown_service()).await;
        assert!(
            matches!(unknown, Err(Error::Refused(Refused::NotFound(_)))),
            "{unknown:?}"
        );
    }
}
