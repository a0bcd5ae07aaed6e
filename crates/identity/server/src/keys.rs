//! The public keys and the step-ups of this process, without a call.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bailiwick_identity_core::{
    Identity,
    session::consume_step_up::{Command, Error, consume_step_up_here},
    signing::{KeyRing, KeysError},
};
use bailiwick_rpc::{
    Chain, KeyError, KeySource, RequestDigest, StepUp, StepUpError, VerificationKey, VerificationKeys,
};
use bailiwick_types::{Code, Declaration, Fault as _, SessionId, System};

/// An unknown key id reloads keys that are older: another process may have created one.
const AGE: Duration = Duration::from_secs(5);

/// Identity's own keys.
pub(crate) struct LocalKeys {
    identity: Arc<Identity>,
    /// The last ring and its key set.
    last: Mutex<Option<(Arc<KeyRing>, Arc<VerificationKeys>)>>,
}

impl LocalKeys {
    pub(crate) fn new(identity: Arc<Identity>) -> Self {
        Self {
            identity,
            last: Mutex::new(None),
        }
    }

    fn set(&self, ring: Arc<KeyRing>) -> Result<Arc<VerificationKeys>, KeyError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, keys)) = &*last
            && Arc::ptr_eq(of, &ring)
        {
            return Ok(Arc::clone(keys));
        }
        let keys = Arc::new(VerificationKeys::from_jwks(&ring.jwks())?);
        *last = Some((ring, Arc::clone(&keys)));
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

    async fn has_keys(&self) -> Result<bool, KeyError> {
        Ok(!self.set(self.identity.keys.ring())?.is_empty())
    }
}

/// Step-ups in the database of this service.
pub(crate) struct LocalStepUp {
    pub(crate) identity: Arc<Identity>,
    pub(crate) system: System,
}

#[async_trait]
impl StepUp for LocalStepUp {
    async fn consume(
        &self,
        session: SessionId,
        method: &'static Declaration,
        request: &RequestDigest,
    ) -> Result<(), StepUpError> {
        let command = Command {
            session,
            method: method.name().to_owned(),
            request: *request,
        };
        let done = consume_step_up_here(&self.identity, &self.system, &command).await;
        done.map_err(|error| match error {
            Error::Missing => StepUpError::Required,
            Error::Store(error) if error.code() == Code::Internal => {
                StepUpError::Internal(Chain(&error).to_string())
            }
            Error::Store(_) => StepUpError::Unavailable,
        })
    }
}
