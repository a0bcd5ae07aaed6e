//! API keys from identity.

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_proto::identity::v1::{
    ApiKey, VerifyApiKeyRequest, api_key_service_client::ApiKeyServiceClient,
};
use bailiwick_types::{ApiKeyId, KeyScope, Timestamp};

use crate::{ApiKeys, Dependency, KeyDigest, KeyError, Peer, PeerError, VerifiedKey};

/// Asks identity whose API keys are (`ApiKeyService.VerifyApiKey`).
pub struct RemoteApiKeys {
    client: ApiKeyServiceClient<Peer>,
    dependency: Dependency,
}

bailiwick_types::debug_fields!(RemoteApiKeys {});

impl RemoteApiKeys {
    /// Asks this peer.
    #[must_use]
    pub fn new(identity: Peer) -> Self {
        Self {
            client: ApiKeyServiceClient::new(identity),
            dependency: Dependency::new("api_keys"),
        }
    }
}

#[async_trait]
impl ApiKeys for RemoteApiKeys {
    async fn verify(&self, id: ApiKeyId, digest: &KeyDigest) -> Result<Option<VerifiedKey>, KeyError> {
        let request = VerifyApiKeyRequest {
            api_key: id.to_string(),
            digest: digest.0.to_vec(),
        };
        let answer = self.client.clone().verify_api_key(request).await;
        let answer = answer.map_err(|status| {
            self.dependency.failed("unavailable", &PeerError::from(status));
            KeyError::Unavailable
        })?;
        self.dependency.answered();
        let Some(key) = answer.into_inner().api_key else {
            return Ok(None);
        };
        // What this program cannot read, such as a restriction of a newer one, does not serve.
        match read(&key).filter(|read| read.scope.key == id) {
            Some(read) => Ok(Some(read)),
            None => Err(KeyError::Malformed(
                "identity's answer about an API key".to_owned(),
            )),
        }
    }
}

fn read(key: &ApiKey) -> Option<VerifiedKey> {
    let expires = key.expire_time?;
    let micros = expires.seconds.checked_mul(1_000_000)?;
    let permissions = key.permissions.iter().map(|text| text.parse().ok());
    let networks = key.networks.iter().map(|text| text.parse().ok());
    let scope = KeyScope {
        key: key.api_key.parse().ok()?,
        account: key.account.parse().ok()?,
        place: key.scope.parse().ok()?,
        permissions: permissions.collect::<Option<_>>()?,
        networks: networks.collect::<Option<_>>()?,
    };
    Some(VerifiedKey {
        user: key.user.parse().ok()?,
        scope: Arc::new(scope),
        expires: Timestamp(micros.checked_add(i64::from(expires.nanos / 1_000))?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01h455vb4pex5vsknk084sn02q";

    fn key() -> ApiKey {
        ApiKey {
            api_key: format!("key_{ID}"),
            user: format!("user_{ID}"),
            account: format!("acct_{ID}"),
            scope: format!("workspace:ws_{ID}"),
            permissions: vec!["survey.view".to_owned()],
            networks: vec!["10.0.0.0/8".to_owned()],
            expire_time: Some(prost_types::Timestamp {
                seconds: 7,
                nanos: 1_000,
            }),
            ..ApiKey::default()
        }
    }

    #[test]
    fn a_restriction_that_cannot_be_read_makes_no_key_without_it() {
        let read_key = read(&key()).unwrap();
        assert_eq!(read_key.expires, Timestamp(7_000_001));
        assert!(read_key.scope.is_within());
        let odd: [fn(&mut ApiKey); 6] = [
            |key| key.networks.push("everywhere".to_owned()),
            |key| key.permissions.push("*".to_owned()),
            |key| key.scope = String::new(),
            |key| key.account = String::new(),
            |key| key.user = "service:x".to_owned(),
            |key| key.expire_time = None,
        ];
        for change in odd {
            let mut key = key();
            change(&mut key);
            assert!(read(&key).is_none(), "{key:?}");
        }
    }
}
