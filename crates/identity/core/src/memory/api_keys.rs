//! API keys.

use super::*;
use crate::api_key::{ApiKey, KeyMac, Reader, Writer};
use bailiwick_types::{AccountId, ApiKeyId};

#[async_trait]
impl Reader for Memory {
    async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        Ok(self.tables().api_keys.get(&id).map(|(key, _)| key.clone()))
    }
    async fn api_key_mac(&self, id: ApiKeyId) -> Result<Option<(ApiKey, KeyMac)>, StoreError> {
        Ok(self.tables().api_keys.get(&id).cloned())
    }
    async fn api_key_before(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        let tables = self.tables();
        let mut keys = tables.api_keys.values().map(|(key, _)| key);
        Ok(keys.find(|key| key.renewed_by == Some(id)).cloned())
    }
    async fn api_key_page(
        &self,
        account: AccountId,
        user: Option<UserId>,
        after: Option<ApiKeyId>,
        limit: u64,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let tables = self.tables();
        let keys = tables.api_keys.values().map(|(key, _)| key).filter(|key| {
            key.scope.account == account
                && user.is_none_or(|user| key.user == user)
                && after.is_none_or(|after| key.id() > after)
        });
        Ok(keys.take(usize::try_from(limit).unwrap()).cloned().collect())
    }
    async fn live_api_keys(&self, user: UserId, now: Timestamp) -> Result<u64, StoreError> {
        let tables = self.tables();
        let keys = tables.api_keys.values().map(|(key, _)| key);
        Ok(keys.filter(|key| key.user == user && key.is_live(now)).count() as u64)
    }
}

#[async_trait]
impl Writer for Memory {
    async fn insert_api_key(&mut self, key: &ApiKey, mac: &KeyMac) -> Result<(), StoreError> {
        let row = (key.clone(), mac.clone());
        self.tables().api_keys.insert(key.id(), row);
        Ok(())
    }
    async fn update_api_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        if let Some((stored, _)) = self.tables().api_keys.get_mut(&key.id()) {
            (stored.expires, stored.revoked) = (key.expires, key.revoked);
            stored.renewed_by = key.renewed_by;
        }
        Ok(())
    }
    async fn use_api_key(&mut self, id: ApiKeyId, hour: Timestamp) -> Result<(), StoreError> {
        if let Some((stored, _)) = self.tables().api_keys.get_mut(&id) {
            stored.last_used = stored.last_used.max(Some(hour));
        }
        Ok(())
    }
    async fn purge_api_keys(&mut self, before: Timestamp, _: u64) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let all = tables.api_keys.len();
        tables.api_keys.retain(|_, (key, _)| {
            key.expires >= before && key.revoked.is_none_or(|revoked| revoked >= before)
        });
        Ok((all - tables.api_keys.len()) as u64)
    }
}
