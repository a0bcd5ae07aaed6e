//! Who may have anything in an account: its members, then everybody else who has a binding, a grant or a
//! group.

use std::collections::HashSet;

use bailiwick_sql::{Error, placeholders, statement};
use bailiwick_types::{AccountAccess, Subject, UserId};
use sea_orm::{ConnectionTrait, DbBackend, Value};
use uuid::Uuid;

use crate::lists::{After, Person};

/// Reads up to `limit` people after a key; fewer only at the end of the list.
pub(crate) async fn page(
    conn: &impl ConnectionTrait,
    account: AccountAccess,
    after: &After,
    limit: usize,
) -> Result<Vec<Person>, Error> {
    let mut found = Vec::new();
    let mut last = match after {
        After::Other(text) => text.clone(),
        After::Start | After::Member(_) => {
            found = members(conn, account, after, limit).await?;
            String::new()
        }
    };
    while found.len() < limit {
        let rest = limit - found.len();
        let (subjects, end) = others(conn, account, &last, rest).await?;
        let Some(next) = end else { break };
        last = next;
        found.extend(subjects);
    }
    Ok(found)
}

/// Counts them.
pub(crate) async fn count(conn: &impl ConnectionTrait, account: AccountAccess) -> Result<u64, Error> {
    let mut found = 0_u64;
    let sql = "SELECT CAST(count(*) AS bigint) AS n FROM member WHERE account_id = $1";
    let row = conn
        .query_one_raw(statement(conn, sql, vec![account.id().uuid().into()]))
        .await?;
    if let Some(row) = row {
        found = u64::try_from(row.try_get::<i64>("", "n")?).unwrap_or(0);
    }
    let mut last = String::new();
    loop {
        let (subjects, end) = others(conn, account, &last, 1_000).await?;
        let Some(next) = end else { break };
        last = next;
        found += subjects.len() as u64;
    }
    Ok(found)
}

async fn members(
    conn: &impl ConnectionTrait,
    account: AccountAccess,
    after: &After,
    limit: usize,
) -> Result<Vec<Person>, Error> {
    let none = if conn.get_database_backend() == DbBackend::Postgres {
        "uuid '00000000-0000-0000-0000-000000000000'"
    } else {
        "zeroblob(0)"
    };
    let sql = format!(
        "SELECT m.user_id, u.email FROM member m LEFT JOIN user_state u ON u.user_id = m.user_id \
         WHERE m.account_id = $1 AND m.user_id > COALESCE($2, {none}) ORDER BY m.user_id LIMIT {limit}"
    );
    let after = match after {
        After::Member(id) => Some(*id),
        After::Start | After::Other(_) => None,
    };
    let values: Vec<Value> = vec![account.id().uuid().into(), after.into()];
    let rows = conn.query_all_raw(statement(conn, sql, values)).await?;
    rows.iter()
        .map(|row| {
            let id: Uuid = row.try_get("", "user_id")?;
            let email: Option<String> = row.try_get("", "email")?;
            Ok(Person {
                subject: Subject::user(UserId::from_uuid(id)),
                email: email.filter(|email| !email.is_empty()),
                key: After::Member(id),
            })
        })
        .collect()
}

/// The next ones that are neither members nor groups, and the last that was looked at; none at the end.
async fn others(
    conn: &impl ConnectionTrait,
    account: AccountAccess,
    after: &str,
    limit: usize,
) -> Result<(Vec<Person>, Option<String>), Error> {
    let sql = format!(
        "SELECT subject FROM (SELECT subject FROM binding WHERE account_id = $1 AND subject > $2 \
         UNION SELECT subject FROM entitlement WHERE account_id = $1 AND subject > $2 \
         UNION SELECT subject FROM group_member WHERE account_id = $1 AND subject > $2) s \
         ORDER BY subject LIMIT {limit}"
    );
    let values: Vec<Value> = vec![account.id().uuid().into(), after.into()];
    let rows = conn.query_all_raw(statement(conn, sql, values)).await?;
    let mut subjects = Vec::new();
    let mut last = None;
    for row in rows {
        let text: String = row.try_get("", "subject")?;
        let subject: Subject = text
            .parse()
            .map_err(|error| Error::corrupt("binding", "subject", &text, error))?;
        last = Some(text);
        if subject.kind() != "group" {
            subjects.push(subject);
        }
    }
    let members = among(conn, account, &subjects).await?;
    let is_member = |subject: &Subject| subject.user_id().is_some_and(|id| members.contains(&id.uuid()));
    let people = subjects
        .into_iter()
        .filter(|subject| !is_member(subject))
        .map(|subject| Person {
            key: After::Other(subject.to_string()),
            subject,
            email: None,
        });
    Ok((people.collect(), last))
}

async fn among(
    conn: &impl ConnectionTrait,
    account: AccountAccess,
    subjects: &[Subject],
) -> Result<HashSet<Uuid>, Error> {
    let users: Vec<Uuid> = subjects
        .iter()
        .filter_map(bailiwick_types::Subject::user_id)
        .map(UserId::uuid)
        .collect();
    if users.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = format!(
        "SELECT user_id FROM member WHERE account_id = $1 AND user_id IN ({})",
        placeholders(2, users.len())
    );
    let mut values: Vec<Value> = vec![account.id().uuid().into()];
    values.extend(users.into_iter().map(Value::from));
    let rows = conn.query_all_raw(statement(conn, sql, values)).await?;
    rows.iter()
        .map(|row| Ok(row.try_get::<Uuid>("", "user_id")?))
        .collect()
}
