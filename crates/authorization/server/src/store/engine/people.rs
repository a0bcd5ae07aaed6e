//! Who may have anything in an account: its members, then everybody else who has a binding, a grant or a
//! group.

use std::collections::HashSet;

use bailiwick_sql::{Error, query};
use bailiwick_types::{AccountAccess, Subject, Timestamp, UserId};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryResult,
    QuerySelect, Value,
};
use uuid::Uuid;

use super::lists::no_id;
use crate::{
    lists::{After, Person},
    store::entity::member,
};

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
    use member::Column as C;
    let members = member::Entity::find().filter(C::AccountId.eq(account.id().uuid()));
    let mut found = members.count(conn).await?;
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
    let none = no_id(conn.get_database_backend());
    let sql = format!(
        "SELECT m.user_id, u.email FROM member m LEFT JOIN user_state u ON u.user_id = m.user_id \
         WHERE m.account_id = $1 AND m.user_id > COALESCE($2, {none}) ORDER BY m.user_id LIMIT {limit}"
    );
    let after = match after {
        After::Member(id) => Some(*id),
        After::Start | After::Other(_) => None,
    };
    let values: Vec<Value> = vec![account.id().uuid().into(), after.into()];
    let person = |row: &QueryResult| {
        let id: Uuid = row.try_get("", "user_id")?;
        let email: Option<String> = row.try_get("", "email")?;
        Ok(Person {
            subject: Subject::user(UserId::from_uuid(id)),
            email: email.filter(|email| !email.is_empty()),
            key: After::Member(id),
        })
    };
    query(conn, sql, values).await?.iter().map(person).collect()
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
    let mut subjects = Vec::new();
    let mut last = None;
    for row in query(conn, sql, values).await? {
        let text: String = row.try_get("", "subject")?;
        let subject: Subject = text
            .parse()
            .map_err(|error| Error::corrupt("binding", "subject", &text, error))?;
        last = Some(text);
        if subject.kind() != "group" {
            subjects.push(subject);
        }
    }
    // Also those whose membership has ended: they are in the list of members.
    let members = among(conn, account, &subjects, None).await?;
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

/// Those of the subjects that are members; at an instant, without those whose membership has ended.
pub(super) async fn among(
    conn: &impl ConnectionTrait,
    account: AccountAccess,
    subjects: &[Subject],
    at: Option<Timestamp>,
) -> Result<HashSet<Uuid>, Error> {
    use member::Column as C;
    let users = subjects.iter().filter_map(Subject::user_id).map(UserId::uuid);
    let members = member::Entity::find()
        .select_only()
        .column(C::UserId)
        .filter(C::AccountId.eq(account.id().uuid()))
        .filter(C::UserId.is_in(users));
    let members = match at {
        Some(at) => members.filter(C::ExpiresAt.is_null().or(C::ExpiresAt.gt(at.0))),
        None => members,
    };
    let members: Vec<Uuid> = members.into_tuple().all(conn).await?;
    Ok(members.into_iter().collect())
}
