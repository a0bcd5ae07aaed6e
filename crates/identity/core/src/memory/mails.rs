//! Mails and their secrets in memory.

use async_trait::async_trait;
use bailiwick_types::{EmailKey, StoreError, Timestamp, UserId};
use uuid::Uuid;

use super::Memory;
use crate::{
    attempt::address_key,
    mail::{self, Mail},
    one_time::{self, OneTimeSecret, Purpose},
    secret::Digest,
};

#[async_trait]
impl mail::Reader for Memory {
    async fn due_mails(&self, now: Timestamp, limit: u64) -> Result<Vec<Mail>, StoreError> {
        let mut due: Vec<Mail> = self.tables().mails.values().cloned().collect();
        due.retain(|mail| mail.due <= now);
        due.sort_by_key(|mail| mail.due);
        due.truncate(usize::try_from(limit).unwrap());
        Ok(due)
    }
}

#[async_trait]
impl mail::Writer for Memory {
    async fn insert_mail(&mut self, mail: &Mail) -> Result<(), StoreError> {
        self.tables().mails.insert(mail.id, mail.clone());
        Ok(())
    }
    async fn claim_mail(
        &mut self,
        mail: &Mail,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let found = tables.mails.get_mut(&mail.id);
        let found = found.filter(|found| found.due <= now && found.attempts == mail.attempts);
        Ok(found
            .map(|found| (found.attempts, found.due) = (found.attempts + 1, until))
            .is_some())
    }
    async fn ready_mail(&mut self, id: Uuid) -> Result<(), StoreError> {
        if let Some(mail) = self.tables().mails.get_mut(&id) {
            mail.ready = true;
        }
        Ok(())
    }
    async fn postpone_mail(&mut self, mail: &Mail, due: Timestamp) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let found = tables.mails.get_mut(&mail.id);
        if let Some(found) = found.filter(|found| found.attempts == mail.attempts) {
            found.due = due;
        }
        Ok(())
    }
    async fn delete_mail(&mut self, id: Uuid) -> Result<(), StoreError> {
        self.tables().mails.remove(&id);
        Ok(())
    }
    async fn erase_mails(&mut self, to: &EmailKey) -> Result<(), StoreError> {
        let to = Some(address_key(to));
        self.tables().mails.retain(|_, mail| mail.recipient != to);
        Ok(())
    }
}

#[async_trait]
impl one_time::Reader for Memory {
    async fn one_time_secret(&self, digest: &Digest) -> Result<Option<OneTimeSecret>, StoreError> {
        Ok(self.tables().one_time_secrets.get(digest).cloned())
    }
    async fn one_time_secret_of(
        &self,
        user: UserId,
        purpose: Purpose,
    ) -> Result<Option<OneTimeSecret>, StoreError> {
        let tables = self.tables();
        let mut secrets = tables.one_time_secrets.values();
        let found = secrets.find(|secret| secret.user == user && secret.purpose == purpose);
        Ok(found.cloned())
    }
}

#[async_trait]
impl one_time::Writer for Memory {
    async fn put_one_time_secret(&mut self, secret: &OneTimeSecret) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let of = |other: &OneTimeSecret| other.user == secret.user && other.purpose == secret.purpose;
        tables.one_time_secrets.retain(|_, other| !of(other));
        tables.one_time_secrets.insert(secret.digest, secret.clone());
        Ok(())
    }
    async fn take_one_time_secret(&mut self, digest: &Digest) -> Result<bool, StoreError> {
        Ok(self.tables().one_time_secrets.remove(digest).is_some())
    }
    async fn end_one_time_secrets(&mut self, user: UserId) -> Result<(), StoreError> {
        self.tables()
            .one_time_secrets
            .retain(|_, secret| secret.user != user);
        Ok(())
    }
    async fn purge_one_time_secrets(&mut self, before: Timestamp, _: u64) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let all = tables.one_time_secrets.len();
        tables
            .one_time_secrets
            .retain(|_, secret| secret.expires >= before);
        Ok((all - tables.one_time_secrets.len()) as u64)
    }
}
