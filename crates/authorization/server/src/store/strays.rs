//! What accounts have of users and service accounts that identity may not know any more.

use std::{collections::HashSet, sync::Arc};

use bailiwick_authorization_core::{
    Audit, Change, StoreError, Write as _,
    invitation::{Reader as _, State, Writer as _},
    member::Writer as _,
};
use bailiwick_policy::manifest::UserMode;
use bailiwick_sql::{Db, Error, follow::Thing, query};
use bailiwick_types::{AccountId, InvitationId, ScopeRoot, Subject, System};
use sea_orm::{QueryResult, Value};
use uuid::Uuid;

use super::{Products, Tx, convert::At, kept::KeptRows};

/// Rows of a part.
const ROWS: i64 = 500;
/// The action under which the audit log shows what was removed.
const RECONCILE: &str = "reconcile";

/// Something that an account has of a user or service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// What it is.
    pub kind: &'static str,
    /// The account.
    pub account: AccountId,
    /// The user or service account.
    pub subject: Subject,
    /// The invitation, if it is one: the subject made it.
    pub invitation: Option<InvitationId>,
}

impl Stray {
    /// The user or service account, as identity knows it.
    #[must_use]
    pub fn owner(&self) -> Option<Thing> {
        let user = self.subject.user_id().map(Thing::User);
        user.or_else(|| self.subject.service_id().map(Thing::ServiceAccount))
    }
}

/// A table with a subject.
struct Table {
    kind: &'static str,
    name: &'static str,
    /// The second column of the key that it is read by, after the account.
    key: &'static str,
    /// The column with the subject.
    subject: &'static str,
    only: &'static str,
}

const TABLES: &[Table] = &[
    table("member", "member", "user_id", "user_id"),
    table("binding", "binding", "subject", "subject"),
    table("grant", "entitlement", "subject", "subject"),
    table("group_member", "group_member", "subject", "subject"),
    table("approval", "approval", "subject", "subject"),
    table("quota", "quota", "subject", "subject"),
    Table {
        only: " AND t.state = 1",
        ..table("invitation", "invitation", "id", "creator")
    },
];

const fn table(kind: &'static str, name: &'static str, key: &'static str, subject: &'static str) -> Table {
    Table {
        kind,
        name,
        key,
        subject,
        only: "",
    }
}

/// Where the next part of what accounts have begins.
#[derive(Debug, Clone, Default)]
pub struct AfterStray {
    table: usize,
    /// Account and second column of the key of the last row.
    row: Option<(Uuid, Key)>,
}

#[derive(Debug, Clone)]
enum Key {
    Id(Uuid),
    Text(String),
}

impl Key {
    fn value(&self) -> Value {
        match self {
            Self::Id(id) => (*id).into(),
            Self::Text(text) => text.clone().into(),
        }
    }
}

/// Reads and removes what accounts have of users and service accounts.
pub struct Strays {
    db: Db,
    products: Arc<Products>,
    system: System,
}

bailiwick_types::debug_fields!(Strays { db });

impl Strays {
    /// Those of a database.
    #[must_use]
    pub fn new(db: Db, system: System) -> Self {
        Self {
            db,
            products: Arc::default(),
            system,
        }
    }
    /// What accounts have, in parts: the first one, or that after another one. Users of products whose users
    /// need not be members are left out: identity need not know them.
    ///
    /// # Errors
    /// The database fails.
    pub async fn page(&self, after: &AfterStray) -> Result<(Vec<Stray>, Option<AfterStray>), Error> {
        let Some(table) = TABLES.get(after.table) else {
            return Ok((Vec::new(), None));
        };
        let external = self.external().await?;
        let mut values: Vec<Value> = vec![ROWS.into()];
        let after_row = match &after.row {
            Some((account, key)) => {
                values.extend([(*account).into(), key.value()]);
                format!(" AND (t.account_id, t.{}) > ($2, $3)", table.key)
            }
            None => String::new(),
        };
        let Table {
            name,
            key,
            subject,
            only,
            ..
        } = table;
        let sql = format!(
            "SELECT DISTINCT t.account_id, t.{key} AS at_key, t.{subject} AS subject FROM {name} t \
             WHERE TRUE{only}{after_row} ORDER BY t.account_id, t.{key} LIMIT $1"
        );
        let rows = query(self.db.load(), sql, values).await?;
        let full = rows.len() >= usize::try_from(ROWS).unwrap_or(usize::MAX);
        let rows = rows.iter().map(|row| read(table, row));
        let rows: Vec<(Stray, Key)> = rows.collect::<Result<_, _>>()?;
        let row = rows.last().filter(|_| full);
        let row = row.map(|(last, key)| (last.account.uuid(), key.clone()));
        let mut accounts: Vec<AccountId> = rows.iter().map(|(stray, _)| stray.account).collect();
        accounts.dedup();
        let accounts = KeptRows(&self.db).accounts(&accounts).await?;
        let is_external = |account: &AccountId| {
            let of = accounts.get(account);
            of.is_some_and(|of| external.contains(of.product.as_str()))
        };
        let strays = rows.into_iter().map(|(stray, _)| stray);
        let strays = strays.filter(|stray| match stray.owner() {
            Some(Thing::User(_)) => !is_external(&stray.account),
            owner => owner.is_some(),
        });
        let next = match row {
            Some(row) => AfterStray {
                table: after.table,
                row: Some(row),
            },
            None => AfterStray {
                table: after.table + 1,
                row: None,
            },
        };
        Ok((strays.collect(), (next.table < TABLES.len()).then_some(next)))
    }
    /// Removes everything that the account has of a subject; an invitation of its making is revoked.
    ///
    /// # Errors
    /// The database fails.
    pub async fn remove(&self, stray: &Stray) -> Result<(), StoreError> {
        let root = ScopeRoot::Account(stray.account);
        let mut tx = self.db.begin_write_across(std::slice::from_ref(&root)).await?;
        let unit = Tx::new(&mut tx, Arc::clone(&self.products));
        let mut unit = unit.of_account(self.system.account(stray.account).read());
        let mut entry = Audit::new(None, RECONCILE, stray.subject.to_string());
        if let Some(id) = stray.invitation {
            let Some(mut invitation) = unit.invitation(id).await? else {
                return Ok(());
            };
            invitation.end(State::Revoked);
            unit.put_invitation(&invitation).await?;
            entry = entry.with("invitation", id);
            unit.emit(root.clone(), Change::Invitation(invitation));
        } else {
            match stray.subject.user_id() {
                Some(user) => unit.remove_member(user).await?,
                None => unit.remove_subject(&stray.subject).await?,
            }
            unit.emit(root.clone(), Change::Subject(stray.subject.clone()));
        }
        unit.emit(root, entry.into());
        unit.flush().await?;
        tx.commit().await?;
        Ok(())
    }
    /// The products whose users need not be members.
    async fn external(&self) -> Result<HashSet<String>, Error> {
        let mut external = HashSet::new();
        for name in KeptRows(&self.db).products().await? {
            let parsed = At::new("product", &name).parse("name", &name)?;
            let product = self.products.read(self.db.load(), &parsed).await?;
            if product.is_some_and(|product| product.product.user_mode() == UserMode::External) {
                external.insert(name);
            }
        }
        Ok(external)
    }
}

/// What a row is, and the second column of its key.
fn read(table: &Table, row: &QueryResult) -> Result<(Stray, Key), Error> {
    let account: Uuid = row.try_get("", "account_id")?;
    let at = At::new(table.name, &account);
    let (key, subject) = match table.kind {
        "member" => {
            let user: Uuid = row.try_get("", "at_key")?;
            (
                Key::Id(user),
                Subject::user(bailiwick_types::UserId::from_uuid(user)),
            )
        }
        "invitation" => {
            let subject: String = row.try_get("", "subject")?;
            (
                Key::Id(row.try_get("", "at_key")?),
                at.parse("creator", &subject)?,
            )
        }
        _ => {
            let subject: String = row.try_get("", "subject")?;
            let parsed = at.parse("subject", &subject)?;
            (Key::Text(subject), parsed)
        }
    };
    let invitation = match (&key, table.kind) {
        (Key::Id(id), "invitation") => Some(InvitationId::from_uuid(*id)),
        _ => None,
    };
    let stray = Stray {
        kind: table.kind,
        account: AccountId::from_uuid(account),
        subject,
        invitation,
    };
    Ok((stray, key))
}
