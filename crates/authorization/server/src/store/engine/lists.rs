//! Lists over bindings, grants and members, as questions with more than one answer need them.

use std::collections::HashMap;

use async_trait::async_trait;
use bailiwick_sql::{Db, Error, placeholders, query};
use bailiwick_types::{AccountAccess, AccountId, AllAccounts, Scope, Subject, Timestamp};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Value};
use uuid::Uuid;

use super::people;
use crate::lists::{Access, After, Lists, Person};

/// Lists over a database.
#[derive(Debug, Clone)]
pub struct SqlLists(pub Db);

#[async_trait]
impl Lists for SqlLists {
    async fn accounts_of(
        &self,
        _: AllAccounts,
        subject: &Subject,
        after: Option<AccountId>,
        limit: u64,
    ) -> Result<Vec<AccountId>, Error> {
        let sql = accounts_sql(self.0.backend());
        let values: Vec<Value> = vec![
            subject.user_id().map(bailiwick_types::UserId::uuid).into(),
            subject.as_str().into(),
            after.map(AccountId::uuid).into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ];
        let rows = query(self.0.load(), sql, values).await?;
        let id = |row: &QueryResult| Ok(AccountId::from_uuid(row.try_get("", "id")?));
        rows.iter().map(id).collect()
    }

    async fn people(
        &self,
        account: AccountAccess,
        after: &After,
        limit: usize,
    ) -> Result<Vec<Person>, Error> {
        people::page(self.0.load(), account, after, limit.saturating_add(1)).await
    }

    async fn titles(&self, account: AccountAccess, scopes: &[Scope]) -> Result<Vec<String>, Error> {
        let ids: Vec<Uuid> = scopes.iter().filter_map(Scope::uuid).collect();
        let titles = place_titles(self.0.load(), account, &ids).await?;
        let title = |scope: &Scope| titles.get(&scope.uuid()?).cloned();
        Ok(scopes
            .iter()
            .map(|scope| title(scope).unwrap_or_default())
            .collect())
    }

    async fn subjects(
        &self,
        account: AccountAccess,
        scope: &Scope,
        members: bool,
        after: Option<&str>,
        limit: u64,
        now: Timestamp,
    ) -> Result<Vec<Access>, Error> {
        let id = scope.uuid().unwrap_or_else(|| account.id().uuid());
        let collate = if self.0.backend() == DbBackend::Postgres {
            " COLLATE \"C\""
        } else {
            ""
        };
        let live = |table: &str| format!("({table}.expires_at IS NULL OR {table}.expires_at > $3)");
        // Above: the scope, what it lies in, the account. Below: the scope and what lies in it; all of an
        // account.
        let sql = format!(
            "WITH RECURSIVE above (id) AS (SELECT $2 UNION SELECT p.parent_id FROM above a \
             JOIN place p ON p.account_id = $1 AND p.id = a.id), \
             below (id) AS (SELECT $2 UNION SELECT p.id FROM below b JOIN place p ON p.account_id = $1 \
             AND p.parent_id = b.id AND p.id <> b.id), \
             direct (subject, role) AS (SELECT b.subject, b.role FROM binding b WHERE b.account_id = $1 \
             AND b.scope_id IN (SELECT id FROM above) AND {live_b} \
             UNION SELECT e.subject, CAST(NULL AS text) FROM entitlement e WHERE e.account_id = $1 AND {live_e} \
             AND (e.scope_id IN (SELECT id FROM below) OR (e.kind = 1 AND EXISTS (SELECT 1 FROM resource r \
             WHERE r.account_id = $1 AND r.type = e.resource_type AND r.id = e.resource_id \
             AND r.scope_id IN (SELECT id FROM below))))), \
             reach (subject, role) AS (SELECT subject, role FROM direct \
             UNION SELECT m.subject, r.role FROM reach r \
             JOIN subject_group g ON g.account_id = $1 AND g.subject = r.subject \
             JOIN group_member m ON m.account_id = $1 AND m.group_id = g.id) \
             SELECT r.subject, r.role FROM reach r JOIN (SELECT DISTINCT subject{collate} AS subject FROM reach \
             WHERE subject{collate} > $4 ORDER BY 1 LIMIT $5) page ON page.subject = r.subject ORDER BY r.subject{collate}",
            live_b = live("b"),
            live_e = live("e"),
        );
        let mut found: Vec<Access> = Vec::new();
        let mut after = after.unwrap_or_default().to_owned();
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
        while found.len() < wanted {
            let values: Vec<Value> = vec![
                account.id().uuid().into(),
                id.into(),
                now.0.into(),
                after.clone().into(),
                i64::try_from(wanted).unwrap_or(i64::MAX).into(),
            ];
            let rows = query(self.0.load(), sql.clone(), values).await?;
            let mut page: Vec<Access> = Vec::new();
            for row in rows {
                let (subject, role): (String, Option<String>) =
                    (row.try_get("", "subject")?, row.try_get("", "role")?);
                if page.last().is_none_or(|last| last.subject != subject) {
                    page.push(Access {
                        subject,
                        roles: Vec::new(),
                        granted: false,
                    });
                }
                if let Some(last) = page.last_mut() {
                    match role {
                        Some(role) => last.roles.push(role),
                        None => last.granted = true,
                    }
                }
            }
            let Some(last) = page.last() else { break };
            after.clone_from(&last.subject);
            let short = page.len() < wanted;
            if members {
                self.retain_members(account, &mut page, now).await?;
            }
            found.extend(page);
            if short {
                break;
            }
        }
        found.truncate(wanted);
        found.iter_mut().for_each(|access| {
            access.roles.sort();
            access.roles.dedup();
        });
        Ok(found)
    }
}

impl SqlLists {
    async fn retain_members(
        &self,
        account: AccountAccess,
        page: &mut Vec<Access>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let subject = |access: &Access| access.subject.parse::<Subject>().ok();
        let subjects: Vec<Subject> = page.iter().filter_map(subject).collect();
        let members = people::among(self.0.load(), account, &subjects, Some(now)).await?;
        let user = |access: &Access| subject(access)?.user_id();
        page.retain(|access| user(access).is_none_or(|id| members.contains(&id.uuid())));
        Ok(())
    }
}

/// The titles of the places of an account with these ids, and of itself.
pub(super) async fn place_titles(
    conn: &impl ConnectionTrait,
    account: AccountAccess,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, String>, Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "SELECT id, title FROM account WHERE id = $1 \
         UNION ALL SELECT id, title FROM place WHERE account_id = $1 AND id IN ({})",
        placeholders(2, ids.len())
    );
    let mut values: Vec<Value> = vec![account.id().uuid().into()];
    values.extend(ids.iter().copied().map(Value::from));
    let title = |row: &QueryResult| Ok((row.try_get("", "id")?, row.try_get("", "title")?));
    query(conn, sql, values).await?.iter().map(title).collect()
}

/// The least id, before all others.
pub(super) fn no_id(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Postgres {
        "uuid '00000000-0000-0000-0000-000000000000'"
    } else {
        "zeroblob(0)"
    }
}

/// The accounts of a subject: `$1` user, `$2` subject, `$3` the account before, `$4` how many.
pub(super) fn accounts_sql(backend: DbBackend) -> String {
    let none = no_id(backend);
    format!(
        "SELECT id FROM (SELECT account_id AS id FROM member WHERE user_id = $1 \
         UNION SELECT account_id FROM binding WHERE subject = $2 \
         UNION SELECT account_id FROM entitlement WHERE subject = $2 \
         UNION SELECT account_id FROM group_member WHERE subject = $2) a \
         WHERE id > COALESCE($3, {none}) ORDER BY id LIMIT $4"
    )
}
