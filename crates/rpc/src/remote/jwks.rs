//! Keys from identity.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use bailiwick_proto::identity::v1::{GetJwksRequest, token_service_client::TokenServiceClient};
use bailiwick_types::Clock;
use tokio::sync::Mutex;

use crate::{Dependency, KeyError, KeySource, Peer, PeerError, VerificationKey, VerificationKeys};

/// After which time keys are asked for again even though the one that is wanted is there: one may have been
/// withdrawn.
const FRESH: Duration = Duration::from_mins(10);
/// At most so often an unknown key id makes us ask; else everybody who writes ids of his own could.
const PAUSE: Duration = Duration::from_secs(5);

struct Fetched {
    keys: VerificationKeys,
    at: Duration,
}

/// Asks identity for the public keys of access tokens (`TokenService.GetJwks`), keeps them, and asks again
/// when a token names a key that it does not know.
pub struct RemoteJwks {
    client: TokenServiceClient<Peer>,
    clock: Arc<dyn Clock>,
    fetched: ArcSwapOption<Fetched>,
    one_at_a_time: Mutex<()>,
    dependency: Dependency,
}

bailiwick_types::debug_fields!(RemoteJwks {});

impl RemoteJwks {
    /// Asks this peer.
    #[must_use]
    pub fn new(identity: Peer, clock: Arc<dyn Clock>) -> Self {
        Self {
            client: TokenServiceClient::new(identity),
            clock,
            fetched: ArcSwapOption::empty(),
            one_at_a_time: Mutex::new(()),
            dependency: Dependency::new("signing_keys"),
        }
    }

    fn age(&self, fetched: &Fetched) -> Duration {
        self.clock.boottime().saturating_sub(fetched.at)
    }

    /// What is there, where it answers the question: the key, or for certain none.
    fn known(&self, id: &str) -> Option<Option<Arc<VerificationKey>>> {
        let fetched = self.fetched.load();
        let fetched = fetched.as_ref()?;
        let age = self.age(fetched);
        match fetched.keys.get(id) {
            Some(key) if age < FRESH => Some(Some(key)),
            None if age < PAUSE => Some(None),
            _ => None,
        }
    }

    async fn fetch(&self) -> Result<Arc<Fetched>, KeyError> {
        let at = self.clock.boottime();
        let answer = self.client.clone().get_jwks(GetJwksRequest {}).await;
        let answer = answer.map_err(|status| {
            self.dependency.failed("unavailable", &PeerError::from(status));
            KeyError::Unavailable
        })?;
        self.dependency.answered();
        let keys = VerificationKeys::from_jwks(&answer.into_inner().jwks)?;
        Ok(Arc::new(Fetched { keys, at }))
    }
}

#[async_trait]
impl KeySource for RemoteJwks {
    async fn key(&self, id: &str) -> Result<Option<Arc<VerificationKey>>, KeyError> {
        if let Some(answer) = self.known(id) {
            return Ok(answer);
        }
        let _turn = self.one_at_a_time.lock().await;
        if let Some(answer) = self.known(id) {
            return Ok(answer);
        }
        match self.fetch().await {
            Ok(fetched) => {
                let key = fetched.keys.get(id);
                self.fetched.store(Some(fetched));
                Ok(key)
            }
            // A key that was good a while ago is better than nobody being able to call.
            Err(error) => match self.fetched.load().as_ref().and_then(|f| f.keys.get(id)) {
                Some(key) => Ok(Some(key)),
                None => Err(error),
            },
        }
    }

    async fn has_keys(&self) -> Result<bool, KeyError> {
        let has = |fetched: &Fetched| !fetched.keys.is_empty();
        if self.fetched.load().as_deref().is_some_and(has) {
            return Ok(true);
        }
        let _turn = self.one_at_a_time.lock().await;
        let fetched = self.fetch().await?;
        let answer = has(&fetched);
        self.fetched.store(Some(fetched));
        Ok(answer)
    }
}
