//! Mails in the database.

use async_trait::async_trait;
use bailiwick_identity_core::{
    attempt::address_key,
    mail::{Kind, Mail, Reader, Writer},
};
use bailiwick_sql::{Error, execute, rows};
use bailiwick_types::{EmailKey, StoreError, Timestamp};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{
    Connected, Sql, SqlWrite,
    entity::{Hidden, digest, mail},
};

impl TryFrom<mail::Model> for Mail {
    type Error = Error;
    fn try_from(row: mail::Model) -> Result<Self, Error> {
        let kind = Kind::from_code(row.kind);
        let recipient = row.recipient.map(|bytes| digest("mail", "recipient", bytes));
        Ok(Self {
            id: row.id,
            kind: kind.ok_or_else(|| Error::corrupt("mail", "kind", row.id, row.kind))?,
            sealed: SecretString::from(row.sealed.0),
            recipient: recipient.transpose()?,
            ready: row.ready,
            created: Timestamp(row.created_at),
            due: Timestamp(row.due_at),
            last_try: Timestamp(row.last_try_at),
            attempts: u32::try_from(row.attempts).unwrap_or_default(),
        })
    }
}

fn attempts(mail: &Mail) -> i32 {
    i32::try_from(mail.attempts).unwrap_or(i32::MAX)
}

#[async_trait]
impl<C: Connected> Reader for Sql<C> {
    async fn due_mails(&self, now: Timestamp, limit: u64) -> Result<Vec<Mail>, StoreError> {
        // A mail of a kind that only a newer release knows waits for a process of that release.
        let query = mail::Entity::find()
            .filter(mail::Column::DueAt.lte(now.0))
            .filter(mail::Column::Kind.is_in(Kind::ALL.map(Kind::code).map(i16::from)))
            .order_by_asc(mail::Column::DueAt);
        self.all(query.limit(limit)).await
    }
}

#[async_trait]
impl Writer for SqlWrite {
    async fn insert_mail(&mut self, mail: &Mail) -> Result<(), StoreError> {
        self.insert(mail::Model {
            id: mail.id,
            kind: mail.kind.code().into(),
            sealed: Hidden(mail.sealed.expose_secret().to_owned()),
            ready: mail.ready,
            created_at: mail.created.0,
            due_at: mail.due.0,
            last_try_at: mail.last_try.0,
            attempts: attempts(mail),
            recipient: mail.recipient.map(|key| key.as_bytes().to_vec()),
        })
        .await
    }
    async fn claim_mail(
        &mut self,
        mail: &Mail,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE mail SET attempts = attempts + 1, due_at = $4 \
                   WHERE id = $1 AND attempts = $2 AND due_at <= $3";
        let values = vec![
            mail.id.into(),
            attempts(mail).into(),
            now.0.into(),
            until.0.into(),
        ];
        Ok(execute(self.conn(), sql, values).await? == 1)
    }
    async fn ready_mail(&mut self, id: Uuid) -> Result<(), StoreError> {
        let sql = "UPDATE mail SET ready = true WHERE id = $1";
        execute(self.conn(), sql, vec![id.into()]).await?;
        Ok(())
    }
    async fn postpone_mail(&mut self, mail: &Mail, due: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE mail SET due_at = $3 WHERE id = $1 AND attempts = $2";
        execute(
            self.conn(),
            sql,
            vec![mail.id.into(), attempts(mail).into(), due.0.into()],
        )
        .await?;
        Ok(())
    }
    async fn delete_mail(&mut self, id: Uuid) -> Result<(), StoreError> {
        Ok(rows::delete::<mail::Entity>(self.conn(), id).await?)
    }
    async fn erase_mails(&mut self, to: &EmailKey) -> Result<(), StoreError> {
        let sql = "DELETE FROM mail WHERE recipient = $1";
        let recipient = address_key(to).as_bytes().to_vec();
        execute(self.conn(), sql, vec![recipient.into()]).await?;
        Ok(())
    }
}
