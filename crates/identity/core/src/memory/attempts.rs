//! The counters and the known devices of the store in memory.

use async_trait::async_trait;
use bailiwick_types::{EmailKey, StoreError, Timestamp, UserId};

use super::Memory;
use crate::{
    attempt::{self, AddressAttempts, Limit},
    device::{self, KnownDevice},
    secret::Digest,
};

#[derive(Debug, Clone, Copy)]
pub(super) struct Counter {
    address: Option<Digest>,
    taken: u32,
    ends: Timestamp,
}

impl Default for Counter {
    fn default() -> Self {
        Self {
            address: None,
            taken: 0,
            ends: Timestamp(0),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Address {
    user: Option<UserId>,
    counter: Counter,
    failures: u32,
    locked: Option<Timestamp>,
}

#[async_trait]
impl attempt::Reader for Memory {
    async fn counter_end(&self, counter: &Digest) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.tables().counters.get(counter).map(|counter| counter.ends))
    }
    async fn address_attempts(&self, address: &Digest) -> Result<Option<AddressAttempts>, StoreError> {
        let tables = self.tables();
        Ok(tables.addresses.get(address).map(|address| AddressAttempts {
            ends: address.counter.ends,
            failures: address.failures,
            locked: address.locked,
        }))
    }
}

impl Counter {
    fn take(&mut self, limit: Limit, now: Timestamp) -> bool {
        if self.ends <= now {
            (self.taken, self.ends) = (0, now.plus(limit.window));
        }
        let left = self.taken < limit.most;
        self.taken += u32::from(left);
        left
    }
}

#[async_trait]
impl attempt::Writer for Memory {
    async fn take(
        &mut self,
        counter: &Digest,
        address: Option<&Digest>,
        limit: Limit,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let counter = tables.counters.entry(*counter).or_default();
        counter.address = address.copied();
        Ok(counter.take(limit, now))
    }
    async fn give_back(&mut self, counter: &Digest) -> Result<(), StoreError> {
        if let Some(counter) = self.tables().counters.get_mut(counter) {
            counter.taken = counter.taken.saturating_sub(1);
        }
        Ok(())
    }
    async fn take_of_address(
        &mut self,
        address: &Digest,
        user: Option<UserId>,
        limit: Limit,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let address = tables.addresses.entry(*address).or_default();
        address.user = address.user.or(user);
        Ok(address.counter.take(limit, now))
    }
    async fn count_failure(&mut self, address: &Digest, most: u32) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let address = tables.addresses.get_mut(address);
        Ok(address.is_some_and(|address| {
            let fewer = address.failures < most;
            address.failures += u32::from(fewer);
            fewer
        }))
    }
    async fn give_back_of_address(&mut self, address: &Digest, succeeded: bool) -> Result<(), StoreError> {
        if let Some(address) = self.tables().addresses.get_mut(address) {
            address.counter.taken = address.counter.taken.saturating_sub(1);
            address.failures = if succeeded {
                0
            } else {
                address.failures.saturating_sub(1)
            };
        }
        Ok(())
    }
    async fn lock_address(
        &mut self,
        address: &Digest,
        most: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let address = tables.addresses.get_mut(address);
        let new = address.filter(|address| address.failures >= most && address.locked.is_none());
        Ok(new.map(|address| address.locked = Some(now)).is_some())
    }
    async fn clear_failures(&mut self, email: &EmailKey) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let address = attempt::address_key(email);
        tables
            .counters
            .retain(|_, counter| counter.address != Some(address));
        tables.addresses.remove(&address);
        Ok(())
    }
    async fn purge_counters(&mut self, now: Timestamp, _: u64) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        tables.counters.retain(|_, counter| counter.ends > now);
        tables.addresses.retain(|_, address| {
            address.counter.ends > now || (address.user.is_some() && address.failures > 0)
        });
        Ok(0)
    }
}

#[async_trait]
impl device::Reader for Memory {
    async fn known_device(&self, digest: &Digest) -> Result<Option<KnownDevice>, StoreError> {
        Ok(self.tables().devices.get(digest).cloned())
    }
}

#[async_trait]
impl device::Writer for Memory {
    async fn insert_device(&mut self, device: &KnownDevice) -> Result<(), StoreError> {
        self.tables().devices.insert(device.digest, device.clone());
        Ok(())
    }
    async fn expire_device(&mut self, digest: &Digest, at: Timestamp) -> Result<(), StoreError> {
        if let Some(device) = self.tables().devices.get_mut(digest) {
            device.expires = device.expires.min(at);
        }
        Ok(())
    }
    async fn trim_devices(&mut self, user: UserId, most: u64) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let theirs = tables.devices.values().filter(|device| device.user == user);
        let mut order: Vec<_> = theirs.map(|d| (d.returned, d.created, d.digest)).collect();
        order.sort_by_key(|(returned, created, _)| std::cmp::Reverse((*returned, *created)));
        for (.., digest) in order.into_iter().skip(usize::try_from(most).unwrap()) {
            tables.devices.remove(&digest);
        }
        Ok(())
    }
    async fn forget_devices(&mut self, user: UserId, kept: Option<Timestamp>) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let stays = |device: &KnownDevice| device.user != user || Some(device.created) == kept;
        tables.devices.retain(|_, device| stays(device));
        Ok(())
    }
    async fn purge_devices(&mut self, before: Timestamp, _: u64) -> Result<u64, StoreError> {
        self.tables().devices.retain(|_, device| device.expires >= before);
        Ok(0)
    }
}
