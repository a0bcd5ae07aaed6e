//! Lists the live sessions of a user, the newest first (AIP-158).

use bailiwick_types::{Authorized, SessionId, StoreError, UserId, method::identity::ListSessions};

use super::Session;
use crate::Identity;

/// Which sessions to list.
#[derive(Debug, Clone)]
pub struct Command {
    /// Their user.
    pub user: UserId,
    /// The last session of the page before.
    pub after: Option<SessionId>,
    /// The largest number of sessions.
    pub limit: u64,
}

/// Lists the sessions. Those that were idle for too long are over, also where nobody ended them.
///
/// # Errors
/// The store failed.
pub async fn list(
    identity: &Identity,
    _by: &Authorized<ListSessions>,
    command: &Command,
) -> Result<Vec<Session>, StoreError> {
    let (now, idle) = (identity.clock.now(), identity.ago(identity.lifetimes.idle));
    let Command { user, after, limit } = *command;
    identity.store.session_page(user, after, limit, now, idle).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        fixture::Fixture,
        session::{Proof, UserAgent, sign_out},
    };

    async fn page(fixture: &Fixture, user: UserId, after: Option<SessionId>, limit: u64) -> Vec<SessionId> {
        let command = Command { user, after, limit };
        let listed = list(&fixture.identity, &fixture.operator(), &command).await;
        listed.unwrap().into_iter().map(|session| session.id).collect()
    }

    #[tokio::test]
    async fn live_sessions_of_the_user_are_listed_newest_first() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        let bob = fixture.user("bob@example.com").await;
        fixture.session(&bob).await;
        let mut all = Vec::new();
        for _ in 0..4 {
            fixture.clock.advance(Duration::from_secs(1));
            all.push(fixture.session(&ada).await);
        }
        let by = fixture.as_user(&ada, all[3]);
        sign_out(&fixture.identity, &by).await.unwrap();
        assert_eq!(page(&fixture, ada.id, None, 2).await, [all[2], all[1]]);
        assert_eq!(page(&fixture, ada.id, Some(all[1]), 2).await, [all[0]]);
        fixture.clock.advance(Duration::from_hours(72));
        assert_eq!(page(&fixture, ada.id, None, 9).await, [], "idle for too long");
    }

    #[tokio::test]
    async fn a_session_says_where_it_began_and_how() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        fixture.session(&ada).await;
        let command = Command {
            user: ada.id,
            after: None,
            limit: 9,
        };
        let listed = list(&fixture.identity, &fixture.operator(), &command)
            .await
            .unwrap();
        let [session] = &listed[..] else {
            panic!("{listed:?}")
        };
        assert_eq!(session.client.agent, UserAgent::new("the tests"));
        assert_eq!(
            (session.proof, session.proof.amr()),
            (Proof::Password, &["pwd"][..])
        );
        assert_eq!(session.last_use(), session.created);
    }
}
