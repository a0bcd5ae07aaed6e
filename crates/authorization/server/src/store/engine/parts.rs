//! The parts of an account: sets of subjects and groups, and resources.

use std::collections::HashSet;

use bailiwick_authorization_engine::{AccountRef, PartKey, PartRows, PartsRead, Read};
use bailiwick_sql::{Error, query};
use bailiwick_types::{GroupId, ScopeRoot, Subject, UserId};
use sea_orm::{ConnectionTrait, QueryResult};

use super::{
    SqlSource, content, resources,
    stamp::{no_stamp, read_watermark, stamp, stamp_values},
};
use bailiwick_authorization_core::Extent;

use crate::store::subjects;

impl SqlSource {
    pub(super) async fn read_parts(
        &self,
        of: AccountRef<'_>,
        keys: &[PartKey],
    ) -> Result<Read<PartsRead>, Error> {
        let mut groups = Vec::new();
        let mut subjects = Vec::new();
        let mut things = Vec::new();
        for key in keys {
            match key {
                PartKey::Subject(text) => subjects.push(text.to_string()),
                PartKey::Group(id) => {
                    groups.push(Subject::group(GroupId::from_uuid(uuid::Uuid::from_u128(*id))).to_string());
                }
                PartKey::Resource(text) => things.push(&**text),
            }
        }
        let user_of = |text: &String| text.parse::<Subject>().ok()?.user_id();
        // A statement takes one user and any number of groups, or any number of resources.
        match (subjects.as_slice(), groups.is_empty(), things.is_empty()) {
            ([], true, _) => return self.resources(self.db.load(), of, &things).await,
            ([] | [_], _, true) => {
                let user = subjects.first().and_then(user_of);
                groups.extend(subjects);
                return self.sets(self.db.load(), of, groups, user).await;
            }
            _ => {}
        }
        let tx = self.db.begin_read(&ScopeRoot::Account(of.account)).await?;
        let mut all: Option<Read<PartsRead>> = None;
        let mut add = |read: Read<PartsRead>| match &mut all {
            None => all = Some(read),
            Some(all) => all.value.parts.extend(read.value.parts),
        };
        if !things.is_empty() {
            add(self.resources(tx.conn(), of, &things).await?);
        }
        for subject in subjects {
            let user = user_of(&subject);
            add(self.sets(tx.conn(), of, vec![subject], user).await?);
        }
        if !groups.is_empty() {
            add(self.sets(tx.conn(), of, groups, None).await?);
        }
        all.ok_or_else(no_stamp)
    }

    pub(super) async fn sets(
        &self,
        conn: &impl ConnectionTrait,
        of: AccountRef<'_>,
        seeds: Vec<String>,
        user: Option<UserId>,
    ) -> Result<Read<PartsRead>, Error> {
        let sql = subjects::sql(self.db.backend(), &stamp(self.db.backend(), 4), Extent::Whole);
        let mut values = subjects::values(of.account, &seeds, user);
        values.extend(stamp_values(of));
        let rows = query(conn, sql, values).await?;
        let is_stamp = |row: &&QueryResult| matches!(subjects::kind(row), Ok(0));
        let first = rows.iter().find(is_stamp).ok_or_else(no_stamp)?;
        let epoch: String = first.try_get("", "subject")?;
        let epoch = self.db.observe_epoch(&epoch)?;
        let at = read_watermark(first, ["t", "u", "v"])?;
        let manifest = content::number(first, "d")?;
        let mut parts = Vec::new();
        if manifest == of.product.manifest {
            let read = subjects::read(&rows, user)?;
            for rows in read.rows {
                let disabled = read.disabled && user.is_some() && rows.subject.user_id() == user;
                let key = match group_of(&rows.subject) {
                    Some(id) => PartKey::Group(id.as_u128()),
                    None => PartKey::Subject(rows.subject.as_str().into()),
                };
                let rows = Box::new(rows);
                parts.push((key, PartRows::Subject { rows, disabled }));
            }
        }
        Ok(Read {
            epoch,
            at,
            value: PartsRead { manifest, parts },
        })
    }

    async fn resources(
        &self,
        conn: &impl ConnectionTrait,
        of: AccountRef<'_>,
        keys: &[&str],
    ) -> Result<Read<PartsRead>, Error> {
        let sql = resources::sql(self.db.backend(), &stamp(self.db.backend(), 3));
        let mut values = resources::values(of.account, keys.iter().copied());
        values.extend(stamp_values(of));
        let rows = query(conn, sql, values).await?;
        let mut read = self.read_resources(of, &rows)?;
        if read.value.manifest == of.product.manifest {
            let parts = &mut read.value.parts;
            let known: HashSet<PartKey> = parts.iter().map(|(key, _)| key.clone()).collect();
            // What names nothing that could be stored is absent.
            let rest = keys.iter().map(|key| PartKey::Resource((*key).into()));
            parts.extend(
                rest.filter(|key| !known.contains(key))
                    .map(|key| (key, PartRows::Resource(None))),
            );
        }
        Ok(read)
    }

    pub(super) fn read_resources(
        &self,
        of: AccountRef<'_>,
        rows: &[QueryResult],
    ) -> Result<Read<PartsRead>, Error> {
        let (epoch, at, manifest) = self.read_stamp(rows.first())?;
        let parts = if manifest == of.product.manifest {
            let found = resources::read(rows)?.into_iter();
            found
                .map(|(key, row)| (PartKey::Resource(key.into()), PartRows::Resource(row)))
                .collect()
        } else {
            Vec::new()
        };
        Ok(Read {
            epoch,
            at,
            value: PartsRead { manifest, parts },
        })
    }
}

fn group_of(subject: &Subject) -> Option<uuid::Uuid> {
    if subject.kind() != "group" {
        return None;
    }
    subject.id().parse::<GroupId>().ok().map(GroupId::uuid)
}
