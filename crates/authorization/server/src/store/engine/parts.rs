//! The parts of an account: sets of subjects and groups, and resources.

use std::collections::HashSet;

use bailiwick_authorization_engine::{AccountRef, FactKey, PartKey, PartRows, PartsRead, Read};
use bailiwick_sql::{Error, placeholders, query};
use bailiwick_types::{GroupId, ScopeRoot, Subject};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Value};
use uuid::Uuid;

use super::{
    SqlSource, content, resources,
    stamp::{STAMP_VALUES, no_stamp, read_watermark, stamp, stamp_values},
};
use bailiwick_authorization_core::{Extent, person::PersonState};

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
        let mut facts = Vec::new();
        for key in keys {
            match key {
                PartKey::Subject(text) => subjects.push(text.to_string()),
                PartKey::Group(id) => {
                    groups.push(Subject::group(GroupId::from_uuid(uuid::Uuid::from_u128(*id))).to_string());
                }
                PartKey::Resource(text) => things.push(&**text),
                PartKey::Fact(key) => facts.push(*key),
            }
        }
        let fact_of = |text: &String| FactKey::of(&text.parse::<Subject>().ok()?);
        // The fact of a subject comes along with its set.
        facts.retain(|key| !subjects.iter().any(|text| fact_of(text) == Some(*key)));
        // A statement takes one subject and any number of groups, any number of resources, or any number of
        // facts.
        match (
            subjects.as_slice(),
            groups.is_empty(),
            things.is_empty(),
            facts.is_empty(),
        ) {
            ([], true, true, false) => return self.facts(self.db.load(), of, &facts).await,
            ([], true, _, true) => return self.resources(self.db.load(), of, &things).await,
            ([] | [_], _, true, true) => {
                let one = subjects.first().and_then(fact_of);
                groups.extend(subjects);
                return self.sets(self.db.load(), of, groups, one).await;
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
            let one = fact_of(&subject);
            add(self.sets(tx.conn(), of, vec![subject], one).await?);
        }
        if !facts.is_empty() {
            add(self.facts(tx.conn(), of, &facts).await?);
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
        one: Option<FactKey>,
    ) -> Result<Read<PartsRead>, Error> {
        let stamp = stamp(self.db.backend(), subjects::VALUES + 1);
        let sql = subjects::sql(self.db.backend(), &stamp, Extent::Whole);
        let mut values = subjects::values(of.account, &seeds, one);
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
            let read = subjects::read(&rows, one)?;
            parts.extend(one.map(|key| (PartKey::Fact(key), PartRows::Closed(read.closed))));
            for rows in read.rows {
                let key = match group_of(&rows.subject) {
                    Some(id) => PartKey::Group(id.as_u128()),
                    None => PartKey::Subject(rows.subject.as_str().into()),
                };
                parts.push((key, PartRows::Subject(Box::new(rows))));
            }
        }
        Ok(Read {
            epoch,
            at,
            value: PartsRead { manifest, parts },
        })
    }

    /// Reads facts of identity alone, where they changed and the sets did not.
    async fn facts(
        &self,
        conn: &impl ConnectionTrait,
        of: AccountRef<'_>,
        keys: &[FactKey],
    ) -> Result<Read<PartsRead>, Error> {
        let (mut users, mut services) = (Vec::new(), Vec::new());
        for key in keys {
            let [user, service] = subjects::ids(Some(*key));
            users.extend(user);
            services.extend(service);
        }
        let sql = facts_sql(self.db.backend(), users.len(), services.len());
        let mut values: Vec<Value> = stamp_values(of).into();
        values.extend(users.into_iter().chain(services).map(Value::from));
        let rows = query(conn, sql, values).await?;
        let (epoch, at, manifest) = self.read_stamp(rows.first())?;
        let mut parts = Vec::new();
        if manifest == of.product.manifest {
            let mut closed: HashSet<Uuid> = HashSet::new();
            for row in &rows {
                closed.extend(row.try_get::<Option<Uuid>>("", "id")?);
            }
            let closed = |key: FactKey| {
                subjects::ids(Some(key))
                    .iter()
                    .flatten()
                    .any(|id| closed.contains(id))
            };
            parts.extend(
                keys.iter()
                    .map(|key| (PartKey::Fact(*key), PartRows::Closed(closed(*key)))),
            );
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

/// Those users and service accounts that identity has closed: `$4` and on the users, then the service
/// accounts. A row without an id has the stamp alone.
pub(super) fn facts_sql(backend: DbBackend, users: usize, services: usize) -> String {
    let first = STAMP_VALUES + 1;
    let among = |first: usize, number: usize| match number {
        0 => "NULL".to_owned(),
        number => placeholders(first, number),
    };
    format!(
        "SELECT s.epoch, s.deployment, s.product, s.account, s.manifest, f.id FROM ({stamp}) s LEFT JOIN (\
         SELECT u.user_id AS id FROM user_state u WHERE u.user_id IN ({users}) AND u.state <> {active} \
         UNION ALL SELECT v.service_id FROM service_state v WHERE v.service_id IN ({services}) AND NOT v.enabled) f \
         ON 1 = 1",
        stamp = stamp(backend, 1),
        active = PersonState::Active.code(),
        services = among(first + users, services),
        users = among(first, users),
    )
}

fn group_of(subject: &Subject) -> Option<uuid::Uuid> {
    if subject.kind() != "group" {
        return None;
    }
    subject.id().parse::<GroupId>().ok().map(GroupId::uuid)
}
