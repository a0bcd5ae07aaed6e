//! A database of authorization on either engine, written to row by row, and replicas of it.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::sync::Arc;

use bailiwick_authorization_engine::{
    AccountRead, Answer, Consistency, Question, Replica, ReplicaConfig, ReplicaError, SharedCache, TargetText,
};
use bailiwick_authorization_server::{SqlSource, migrations};
use bailiwick_policy::{Audience, Numbers, Outcome, compile, manifest};
use bailiwick_proto::events::v1::{self as pb, change::Change};
use bailiwick_rpc::{MacKeys, Purpose};
use bailiwick_sql::{Committed, Db, DbConfig, Migrations, WriteTx, statement};
use bailiwick_testkit::{Fixture, ManualClock, TestDb};
use bailiwick_types::{AccountId, GroupId, Scope, ScopeRoot, Service, Subject, Token, UserId, WorkspaceId};
use sea_orm::{ConnectionTrait, Value};
use uuid::Uuid;

pub const MANIFEST: &str = "
product: notes
levels: {account: {title: Account}, workspace: {title: Workspace}}
subjects: {user: members}
types:
  note:
    verbs: [create, view, edit, delete]
    implies: {edit: [view]}
    attributes: {assignee: {type: subject}, spam: {type: bool, from: request}}
  folder: {verbs: [create, view, edit, delete]}
roles:
  owner: {holders: {exactly: 1}, levels: {account: {permissions: ['*'], assigns: ['*']}}}
  editor: {levels: {account: {permissions: [note.edit]}, workspace: {permissions: [note.edit]}}}
  handler:
    levels:
      account:
        permissions:
          - {permission: note.view, when: resource.attr.assignee == subject.id}
          - {permission: note.delete, when: resource.attr.spam == true}
  maker: {levels: {account: {permissions: [{permission: note.create, when: resource.attr.assignee == subject.id}]}}}
";

pub struct Bed {
    pub url: String,
    pub clock: Arc<ManualClock>,
    pub database: TestDb,
}

impl Fixture for Bed {
    async fn on(database: TestDb) -> Self {
        Self {
            url: database.url(),
            clock: Arc::default(),
            database,
        }
    }
}

impl Bed {
    pub async fn sqlite() -> Self {
        Self::on(TestDb::sqlite().await).await
    }
    pub async fn postgres() -> Self {
        Self::on(TestDb::postgres().await).await
    }
    pub async fn open(&self) -> Db {
        let config = DbConfig::new(self.url.as_str());
        Db::connect(config, Service::Authorization, self.clock.clone())
            .await
            .unwrap()
    }
    pub async fn world(self) -> World {
        let db = self.open().await;
        db.migrate(&Migrations::new(Service::Authorization, migrations()))
            .await
            .unwrap();
        let world = World { db, bed: self };
        world.apply(MANIFEST, 1).await;
        world
    }
}

pub struct World {
    pub db: Db,
    pub bed: Bed,
}

impl Fixture for World {
    async fn on(database: TestDb) -> Self {
        Bed::on(database).await.world().await
    }
}

pub fn account(n: u128) -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n))
}
pub fn workspace(n: u128) -> WorkspaceId {
    WorkspaceId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0001_0000 + n))
}
pub fn user_id(n: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0002_0000 + n))
}
pub fn user(n: u128) -> Subject {
    Subject::user(user_id(n))
}
pub fn group(n: u128) -> GroupId {
    GroupId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0003_0000 + n))
}
fn fresh() -> Uuid {
    use bailiwick_types::IdGen;
    bailiwick_types::SystemIds.uuid()
}

/// Rows and changes that one write makes in an account.
pub struct Write<'a> {
    pub tx: WriteTx,
    pub root: ScopeRoot,
    pub account: AccountId,
    world: &'a World,
}

impl Write<'_> {
    pub async fn run(&self, sql: &str, values: Vec<Value>) {
        let conn = self.tx.conn();
        conn.execute_raw(statement(conn, sql, values)).await.unwrap();
    }
    async fn part(&mut self, kind: i16, key: &str, change: Change) {
        let revision = i64::try_from(self.tx.next_revision(&self.root).unwrap()).unwrap();
        self.run(
            "INSERT INTO part (account_id, kind, key, revision) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (account_id, kind, key) DO UPDATE SET revision = excluded.revision",
            vec![
                self.account.uuid().into(),
                kind.into(),
                key.into(),
                revision.into(),
            ],
        )
        .await;
        self.tx.emit(&self.root, bailiwick_feed::encode(change)).unwrap();
    }
    pub async fn touch_subject(&mut self, subject: &str) {
        self.part(
            1,
            subject,
            Change::SubjectChanged(pb::SubjectChanged {
                subject: subject.into(),
            }),
        )
        .await;
    }
    pub async fn touch_group(&mut self, id: GroupId) {
        let text = id.to_string();
        self.part(
            2,
            &text,
            Change::GroupChanged(pb::GroupChanged { group: text.clone() }),
        )
        .await;
    }
    pub async fn touch_resource(&mut self, of: &str, id: &str) {
        let change = Change::ResourceChanged(pb::ResourceChanged {
            r#type: of.into(),
            id: id.into(),
        });
        self.part(3, &format!("{of}:{id}"), change).await;
    }
    pub async fn bind(&mut self, subject: &Subject, role: &str, scope: &Scope) {
        let level = scope.level() as i16;
        self.run(
            "INSERT INTO binding (account_id, id, subject, role, scope_level, scope_id, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, 0)",
            vec![
                self.account.uuid().into(),
                fresh().into(),
                subject.as_str().into(),
                role.into(),
                level.into(),
                scope.uuid().unwrap().into(),
            ],
        )
        .await;
        self.touched(subject).await;
    }
    async fn touched(&mut self, subject: &Subject) {
        match subject.kind() {
            "group" => self.touch_group(subject.id().parse().unwrap()).await,
            _ => self.touch_subject(subject.as_str()).await,
        }
    }
    pub async fn unbind(&mut self, subject: &Subject) {
        let sql = "DELETE FROM binding WHERE account_id = $1 AND subject = $2";
        self.run(sql, vec![self.account.uuid().into(), subject.as_str().into()])
            .await;
        self.touched(subject).await;
    }
    pub async fn member(&mut self, user: UserId) {
        self.run(
            "INSERT INTO member (account_id, user_id, kind, state, created_at) VALUES ($1, $2, 1, 1, 0)",
            vec![self.account.uuid().into(), user.uuid().into()],
        )
        .await;
        self.touch_subject(Subject::user(user).as_str()).await;
    }
    pub async fn group(&mut self, id: GroupId) {
        self.run(
            "INSERT INTO subject_group (account_id, id, subject, title, created_at) VALUES ($1, $2, $3, '', 0)",
            vec![self.account.uuid().into(), id.uuid().into(), Subject::group(id).as_str().into()],
        )
        .await;
        self.touch_group(id).await;
    }
    pub async fn join(&mut self, id: GroupId, subject: &Subject) {
        self.run(
            "INSERT INTO group_member (account_id, group_id, subject) VALUES ($1, $2, $3)",
            vec![
                self.account.uuid().into(),
                id.uuid().into(),
                subject.as_str().into(),
            ],
        )
        .await;
        self.touched(subject).await;
    }
    pub async fn leave(&mut self, id: GroupId, subject: &Subject) {
        self.run(
            "DELETE FROM group_member WHERE account_id = $1 AND group_id = $2 AND subject = $3",
            vec![
                self.account.uuid().into(),
                id.uuid().into(),
                subject.as_str().into(),
            ],
        )
        .await;
        self.touched(subject).await;
    }
    pub async fn workspace(&mut self, id: WorkspaceId, state: pb::PlaceState) {
        let code = state as i16;
        self.run(
            "INSERT INTO place (account_id, id, level, parent_id, title, state, version, created_at) \
             VALUES ($1, $2, 4, $1, 'A workspace', $3, 1, 0) \
             ON CONFLICT (account_id, id) DO UPDATE SET state = excluded.state",
            vec![self.account.uuid().into(), id.uuid().into(), code.into()],
        )
        .await;
        let change = Change::PlaceApplied(pb::PlaceApplied {
            scope: Scope::Workspace(id).to_string(),
            parent: Scope::Account(self.account).to_string(),
            state: state.into(),
            ..Default::default()
        });
        self.tx.emit(&self.root, bailiwick_feed::encode(change)).unwrap();
    }
    pub async fn resource(
        &mut self,
        of: &str,
        id: &str,
        scope: &Scope,
        parent: Option<(&str, &str)>,
        attributes: &str,
    ) {
        self.run(
            "INSERT INTO resource (account_id, type, id, scope_level, scope_id, parent_type, parent_id, title, attributes, \
             revision, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, '', $8, 1, 0, 0) \
             ON CONFLICT (account_id, type, id) DO UPDATE SET attributes = excluded.attributes",
            vec![
                self.account.uuid().into(),
                of.into(),
                id.into(),
                (scope.level() as i16).into(),
                scope.uuid().unwrap().into(),
                parent.map(|(of, _)| of).into(),
                parent.map(|(_, id)| id).into(),
                attributes.into(),
            ],
        )
        .await;
        self.touch_resource(of, id).await;
    }
    /// Grants permissions on a resource.
    pub async fn grant_on(&mut self, subject: &Subject, permissions: &str, of: &str, id: &str) {
        self.run(
            "INSERT INTO entitlement (account_id, id, subject, kind, resource_type, resource_id, revision, permissions, \
             created_at) VALUES ($1, $2, $3, 1, $4, $5, 0, $6, 0)",
            vec![
                self.account.uuid().into(),
                fresh().into(),
                subject.as_str().into(),
                of.into(),
                id.into(),
                permissions.into(),
            ],
        )
        .await;
        self.touched(subject).await;
    }
    /// Grants permissions on those resources of a type in a scope that are there, or that come (2).
    pub async fn grant_type(
        &mut self,
        subject: &Subject,
        permissions: &str,
        of: &str,
        scope: &Scope,
        applies_to: i16,
    ) {
        self.run(
            "INSERT INTO entitlement (account_id, id, subject, kind, scope_level, scope_id, resource_type, applies_to, \
             revision, permissions, created_at) VALUES ($1, $2, $3, 3, $4, $5, $6, $7, 1, $8, 0)",
            vec![
                self.account.uuid().into(),
                fresh().into(),
                subject.as_str().into(),
                (scope.level() as i16).into(),
                scope.uuid().unwrap().into(),
                of.into(),
                applies_to.into(),
                permissions.into(),
            ],
        )
        .await;
        self.touched(subject).await;
    }
    pub async fn unregister(&mut self, of: &str, id: &str) {
        let sql = "DELETE FROM resource WHERE account_id = $1 AND type = $2 AND id = $3";
        self.run(sql, vec![self.account.uuid().into(), of.into(), id.into()])
            .await;
        self.touch_resource(of, id).await;
    }
    pub async fn commit(self) -> Committed {
        self.tx.commit().await.unwrap()
    }
}

impl World {
    pub async fn apply(&self, text: &str, version: i64) {
        let manifest = manifest::parse(text).unwrap();
        let root = ScopeRoot::Product(manifest.product.clone().try_into().unwrap());
        let mut tx = self.db.begin_write(std::slice::from_ref(&root)).await.unwrap();
        let conn = tx.conn();
        let sql = "SELECT numbers FROM product WHERE name = $1";
        let name = Value::from(manifest.product.clone());
        let row = conn
            .query_one_raw(statement(conn, sql, vec![name]))
            .await
            .unwrap();
        let numbers: Numbers = row.map_or_else(Numbers::default, |row| {
            serde_json::from_str(&row.try_get::<String>("", "numbers").unwrap()).unwrap()
        });
        let (_, numbers) = compile(&manifest, numbers).unwrap();
        let canonical = serde_json::to_string(&manifest).unwrap();
        let sql = "INSERT INTO product (name, version, manifest, canonical, numbers, updated_at) \
                   VALUES ($1, $2, '', $3, $4, 0) ON CONFLICT (name) DO UPDATE SET version = excluded.version, \
                   canonical = excluded.canonical, numbers = excluded.numbers";
        let values = vec![
            manifest.product.clone().into(),
            version.into(),
            canonical.clone().into(),
            serde_json::to_string(&numbers).unwrap().into(),
        ];
        conn.execute_raw(statement(conn, sql, values)).await.unwrap();
        let change = Change::ProductApplied(pb::ProductApplied {
            product: manifest.product,
            version: version.unsigned_abs(),
            manifest: canonical,
        });
        tx.emit(&root, bailiwick_feed::encode(change)).unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn write(&self, account: AccountId) -> Write<'_> {
        let root = ScopeRoot::Account(account);
        let tx = self.db.begin_write(std::slice::from_ref(&root)).await.unwrap();
        Write {
            tx,
            root,
            account,
            world: self,
        }
    }

    pub async fn account(&self, id: AccountId) {
        let mut write = self.write(id).await;
        write
            .run(
                "INSERT INTO account (id, product, title, state, version, seats, billing_anchor, settings, \
                 settings_version, created_at) VALUES ($1, 'notes', 'An account', 1, 1, 0, 0, '{}', 0, 0)",
                vec![id.uuid().into()],
            )
            .await;
        let change = Change::PolicyChanged(pb::PolicyChanged {
            account: id.to_string(),
        });
        write
            .tx
            .emit(&write.root, bailiwick_feed::encode(change))
            .unwrap();
        write.commit().await;
    }

    pub async fn bind_root(&self, root: ScopeRoot, subject: &Subject, role: &str) {
        let mut tx = self.db.begin_write(std::slice::from_ref(&root)).await.unwrap();
        let sql = "INSERT INTO root_binding (root, subject, role, created_at) VALUES ($1, $2, $3, 0)";
        let values = vec![root.to_string().into(), subject.as_str().into(), role.into()];
        tx.conn()
            .execute_raw(statement(tx.conn(), sql, values))
            .await
            .unwrap();
        let change = Change::PolicyChanged(pb::PolicyChanged {
            account: String::new(),
        });
        tx.emit(&root, bailiwick_feed::encode(change)).unwrap();
        tx.commit().await.unwrap();
    }

    pub fn replica(&self) -> Arc<Replica> {
        self.replica_with(None, ReplicaConfig::default())
    }
    pub fn replica_with(&self, shared: Option<Arc<dyn SharedCache>>, config: ReplicaConfig) -> Arc<Replica> {
        let source = Arc::new(SqlSource::new(self.db.clone()));
        Replica::new(source.clone(), shared, source, self.bed.clock.clone(), config)
    }
}

/// Asks one question.
pub async fn ask(
    replica: &Replica,
    account: AccountId,
    subject: &Subject,
    permission: &str,
    target: &str,
    consistency: &Consistency,
) -> Result<Answer, ReplicaError> {
    let question = Question {
        subject,
        actor: None,
        permission,
        target: TargetText::parse(target).unwrap(),
        attributes: None,
        digest: None,
        audience: Audience::Product,
    };
    let read = AccountRead {
        account,
        consistency: consistency.clone(),
        deadline: None,
    };
    let decided = replica.decide(&read, &question).await?;
    Ok(decided.answer.unwrap())
}

/// Whether it is allowed by what the replica has.
pub async fn allows(
    replica: &Replica,
    account: AccountId,
    subject: &Subject,
    permission: &str,
    target: &str,
) -> bool {
    let near = Consistency::MinimizeLatency;
    ask(replica, account, subject, permission, target, &near)
        .await
        .unwrap()
        .outcome
        == Outcome::Allow
}

/// Whether it is allowed at a token.
pub async fn allows_at(
    replica: &Replica,
    account: AccountId,
    subject: &Subject,
    permission: &str,
    target: &str,
    token: Token,
) -> bool {
    let fresh = Consistency::AtLeast(token);
    ask(replica, account, subject, permission, target, &fresh)
        .await
        .unwrap()
        .outcome
        == Outcome::Allow
}

pub(crate) fn mac_keys() -> MacKeys {
    MacKeys::of_this_process(Purpose::SharedCache)
}
