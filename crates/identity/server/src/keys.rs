//! The public keys for this process's own verifier, and step-ups without a call.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bailiwick_identity_core::port::StoreError;
use bailiwick_identity_core::{
    Identity,
    signing::{KeyRing, KeysError},
    use_case::consume_step_up,
};
use bailiwick_rpc::{KeyError, KeySource, StepUp, StepUpError, VerificationKey, VerificationKeys};
use bailiwick_types::SessionId;

/// An unknown key id makes the keys be read anew at most so often: another process may have made one.
const AGE: Duration = Duration::from_secs(5);

/// Identity's own keys.
pub(crate) struct LocalKeys {
    identity: Arc<Identity>,
    /// The set that was made of a ring.
    made: Mutex<Option<(Arc<KeyRing>, Arc<VerificationKeys>)>>,
}

impl LocalKeys {
    pub(crate) fn new(identity: Arc<Identity>) -> Self {
        Self {
            identity,
            made: Mutex::new(None),
        }
    }

    fn set(&self, ring: Arc<KeyRing>) -> Result<Arc<VerificationKeys>, KeyError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, keys)) = &*made
            && Arc::ptr_eq(of, &ring)
        {
            return Ok(Arc::clone(keys));
        }
        let keys = Arc::new(VerificationKeys::from_jwks(&ring.jwks())?);
        *made = Some((ring, Arc::clone(&keys)));
        Ok(keys)
    }
}

#[async_trait]
impl KeySource for LocalKeys {
    async fn key(&self, id: &str) -> Result<Option<Arc<VerificationKey>>, KeyError> {
        if let Some(key) = self.set(self.identity.keys.ring())?.get(id) {
            return Ok(Some(key));
        }
        let ring = self.identity.keys.ring_of_age(&*self.identity.store, AGE).await;
        let ring = ring.map_err(|error| match error {
            KeysError::Store(_) => KeyError::Unavailable,
            KeysError::Seal(error) => KeyError::Malformed(error.to_string()),
        })?;
        Ok(self.set(ring)?.get(id))
    }
}

/// Step-ups of this service's own database.
pub(crate) struct LocalStepUp(pub(crate) Arc<Identity>);

#[async_trait]
impl StepUp for LocalStepUp {
    async fn consume(&self, session: SessionId) -> Result<(), StepUpError> {
        match consume_step_up::run(&self.0, session).await {
            Ok(()) => Ok(()),
            Err(consume_step_up::Error::Missing) => Err(StepUpError::Required),
            Err(consume_step_up::Error::Store(StoreError::Internal(text))) => {
                Err(StepUpError::Internal(text))
            }
            Err(consume_step_up::Error::Store(_)) => Err(StepUpError::Unavailable),
        }
    }
}
