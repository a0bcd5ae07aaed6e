//! The second factors of the store in memory.

use async_trait::async_trait;
use bailiwick_types::{StoreError, Timestamp, UserId};
use secrecy::{ExposeSecret, SecretString};

use super::Memory;
use crate::{
    second_factor::{Challenge, Reader, Totp, Writer},
    secret::Digest,
    signing::PLAIN,
};

fn is_plain(secret: &SecretString) -> bool {
    secret.expose_secret().starts_with(PLAIN)
}

#[async_trait]
impl Reader for Memory {
    async fn totp(&self, user: UserId) -> Result<Option<Totp>, StoreError> {
        Ok(self.tables().totps.get(&user).cloned())
    }
    async fn plain_totps(&self, after: Option<UserId>, limit: u64) -> Result<Vec<UserId>, StoreError> {
        let tables = self.tables();
        let mut users: Vec<UserId> = tables
            .totps
            .values()
            .filter(|totp| is_plain(&totp.secret))
            .map(|totp| totp.user)
            .collect();
        users.sort();
        users.retain(|user| Some(*user) > after);
        users.truncate(usize::try_from(limit).unwrap());
        Ok(users)
    }
    async fn recovery_codes(&self, user: UserId) -> Result<u64, StoreError> {
        Ok(self.tables().recovery_codes.get(&user).map_or(0, Vec::len) as u64)
    }
    async fn challenge(&self, digest: &Digest) -> Result<Option<Challenge>, StoreError> {
        Ok(self.tables().challenges.get(digest).cloned())
    }
}

#[async_trait]
impl Writer for Memory {
    async fn put_totp(&mut self, totp: &Totp) -> Result<(), StoreError> {
        self.tables().totps.insert(totp.user, totp.clone());
        Ok(())
    }
    async fn accept_totp(&mut self, user: UserId, step: i64) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let newer = tables.totps.get_mut(&user).filter(|totp| totp.last_step < step);
        Ok(newer
            .map(|totp| {
                totp.last_step = step;
                totp.failures = 0;
            })
            .is_some())
    }
    async fn count_totp_failure(&mut self, user: UserId) -> Result<(), StoreError> {
        if let Some(totp) = self.tables().totps.get_mut(&user) {
            totp.failures += 1;
        }
        Ok(())
    }
    async fn forget_totp_failures(&mut self, user: UserId) -> Result<(), StoreError> {
        if let Some(totp) = self.tables().totps.get_mut(&user) {
            totp.failures = 0;
        }
        Ok(())
    }
    async fn delete_totp(&mut self, user: UserId) -> Result<(), StoreError> {
        let mut tables = self.tables();
        tables.totps.remove(&user);
        tables.recovery_codes.remove(&user);
        Ok(())
    }
    async fn put_recovery_codes(&mut self, user: UserId, codes: &[Digest]) -> Result<(), StoreError> {
        self.tables().recovery_codes.insert(user, codes.to_vec());
        Ok(())
    }
    async fn use_recovery_code(&mut self, user: UserId, code: &Digest) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let Some(codes) = tables.recovery_codes.get_mut(&user) else {
            return Ok(false);
        };
        let all = codes.len();
        codes.retain(|stored| stored != code);
        Ok(codes.len() < all)
    }
    async fn insert_challenge(&mut self, challenge: &Challenge) -> Result<(), StoreError> {
        self.tables()
            .challenges
            .insert(challenge.digest, challenge.clone());
        Ok(())
    }
    async fn fail_challenge(&mut self, digest: &Digest) -> Result<(), StoreError> {
        if let Some(challenge) = self.tables().challenges.get_mut(digest) {
            challenge.failures += 1;
        }
        Ok(())
    }
    async fn delete_challenge(&mut self, digest: &Digest) -> Result<bool, StoreError> {
        Ok(self.tables().challenges.remove(digest).is_some())
    }
    async fn purge_challenges(&mut self, before: Timestamp, _: u64) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let all = tables.challenges.len();
        tables
            .challenges
            .retain(|_, challenge| challenge.expires >= before);
        Ok((all - tables.challenges.len()) as u64)
    }
}
