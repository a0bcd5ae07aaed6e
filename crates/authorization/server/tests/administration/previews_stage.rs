//! An account in which previews are compared with the changes that they preview.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::Arc,
    time::Duration,
};

use bailiwick_authorization_core::{
    grant::About,
    group::add_member::AddMember,
    operation::Operation,
    preview::Effect,
    resource::register::{Owner, Register},
};
use bailiwick_authorization_engine::{AccountRead, Consistency, Replica, ReplicaConfig, TargetText};
use bailiwick_authorization_server::SqlSource;
use bailiwick_sql::statement;
use bailiwick_types::{AccountId, Code, Fault, GroupId, Scope, Subject, UserId};
use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::world::{By, World, assign, grant, name, register};

pub(crate) const WORKS: &str = "
product: works
levels: {account: {title: Account}, workspace: {title: Workspace}}
subjects: {user: members, kinds: {agent: {role: everybody}}}
types:
  folder: {verbs: [create, view, edit, delete], implies: {edit: [view]}}
  page:
    verbs: [create, view, edit, delete, publish]
    implies: {edit: [view]}
    on: [folder]
    attributes: {secret: {type: bool}}
    approvals: {publish: {by: page.delete, serves: once}}
roles:
  owner: {holders: {exactly: 1}, levels: {account: {permissions: ['*'], assigns: ['*']}}}
  everybody:
    levels:
      account: {permissions: [folder.view, {permission: page.publish, when: resource.owner == subject.id}]}
  writer:
    levels:
      workspace:
        permissions: [page.edit, page.publish, {permission: page.delete, when: resource.owner == subject.id}]
  reader:
    levels:
      account: {permissions: [page.view]}
      workspace: {permissions: [page.view]}
  visitor:
    levels:
      account: {permissions: [{permission: page.view, when: resource.attr.secret == false}]}
";

/// Gains and losses of somebody somewhere.
pub(crate) type Rows = BTreeMap<(Subject, String), (BTreeSet<String>, BTreeSet<String>)>;

pub(crate) fn rows(effects: &[Effect]) -> Rows {
    let row = |effect: &Effect| {
        let key = (effect.subject.clone(), effect.on.to_string());
        let set = |names: &[String]| names.iter().cloned().collect();
        (key, (set(&effect.gains), set(&effect.loses)))
    };
    let rows: Rows = effects.iter().map(row).collect();
    assert_eq!(rows.len(), effects.len(), "a subject and place is listed twice");
    let changed = |(_, (gains, loses)): &(_, (BTreeSet<String>, BTreeSet<String>))| {
        !gains.is_empty() || !loses.is_empty()
    };
    rows.into_iter().filter(changed).collect()
}

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) replica: Arc<Replica>,
    pub(crate) account: AccountId,
    pub(crate) boss: UserId,
    pub(crate) sam: UserId,
    pub(crate) tia: UserId,
    pub(crate) uma: UserId,
    pub(crate) readers: GroupId,
    pub(crate) one: Scope,
    pub(crate) two: Scope,
}

/// A folder or page of an owner. A page is no secret.
pub(crate) fn content(of: &str, scope: &Scope, owner: UserId, parent: Option<&str>) -> Register {
    let secret = ("secret".to_owned(), json!(false));
    Register {
        owner: Owner::Is(Subject::user(owner)),
        parent: parent.map(name),
        attributes: of.starts_with("page:").then_some(secret).into_iter().collect(),
        ..register(of, scope)
    }
}

impl Stage {
    /// `sam` is a writer of the first workspace, a reader of the account by a group, and may delete one page;
    /// `tia` sees what is no secret; `uma` may view pages in a folder, and so the page in it.
    pub(crate) async fn set(world: World) -> Self {
        world.apply(WORKS).await.unwrap();
        let boss = world.person("boss@example.com").await;
        let account = world.account("works", Some(boss), 9).await;
        let [sam, tia, uma] = [
            world.member("sam@example.com", account).await,
            world.member("tia@example.com", account).await,
            world.member("uma@example.com", account).await,
        ];
        let by = world.by(boss, account);
        let readers = world.group(&by, account).await;
        let source = Arc::new(SqlSource::new(world.db.clone()));
        let config = ReplicaConfig {
            deadline: Duration::from_mins(1),
            ..ReplicaConfig::default()
        };
        let stage = Self {
            replica: Replica::new(source.clone(), None, source, world.clock.clone(), config),
            one: world.workspace(account).await,
            two: world.workspace(account).await,
            account,
            boss,
            sam,
            tia,
            uma,
            readers,
            world,
        };
        for (subject, role, scope) in [
            (Subject::user(sam), "writer", stage.one.clone()),
            (Subject::group(readers), "reader", Scope::Account(account)),
            (Subject::user(tia), "visitor", Scope::Account(account)),
        ] {
            stage.run(&by, assign(subject, role, &scope)).await;
        }
        let join = AddMember {
            group: readers,
            member: Subject::user(sam),
        };
        stage.run(&by, join).await;
        for (of, scope, owner, parent) in [
            ("folder:f", &stage.one, boss, None),
            ("page:a", &stage.one, sam, Some("folder:f")),
            ("page:b", &stage.two, boss, None),
        ] {
            stage.run(&by, content(of, scope, owner, parent)).await;
        }
        for (user, permission, on) in [(sam, "page.delete", "page:a"), (uma, "page.view", "folder:f")] {
            let about = About::Resource(name(on));
            let grant = grant(Subject::user(user), &[permission], about);
            stage.run(&by, grant).await;
        }
        stage
    }
    pub(crate) fn by(&self) -> By {
        self.world.by(self.boss, self.account)
    }
    pub(crate) fn at(&self) -> Scope {
        Scope::Account(self.account)
    }
    /// Carries an operation out, which is not refused.
    pub(crate) async fn run<O: Operation>(&self, by: &By, operation: O) -> O::Output {
        self.world.run(by, self.account, operation).await.unwrap()
    }
    /// Previews an operation, carries it out, and compares: the rows are the difference on these targets, and
    /// there are no others.
    pub(crate) async fn comes_true<O: Operation + Clone>(
        &self,
        by: &By,
        operation: O,
        targets: &[impl ToString],
    ) -> Rows {
        let method = std::any::type_name::<O>();
        let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
        let (before, position) = (self.matrix(&targets).await, self.position().await);
        let effects = self
            .world
            .preview(by, self.account, operation.clone())
            .await
            .unwrap();
        assert_eq!(self.position().await, position, "{method} wrote");
        assert_eq!(self.matrix(&targets).await, before, "{method} did something");
        self.run(by, operation).await;
        let came = difference(&before, &self.matrix(&targets).await);
        assert_eq!(rows(&effects), came, "{method}");
        assert!(!came.is_empty(), "{method} changes nothing");
        came
    }
    /// A preview is refused for what the operation is refused for.
    pub(crate) async fn refused_alike<O: Operation<Output: Debug> + Clone>(
        &self,
        by: &By,
        operation: O,
    ) -> Code {
        let previewed = self
            .world
            .preview(by, self.account, operation.clone())
            .await
            .unwrap_err();
        let done = self.world.run(by, self.account, operation).await.unwrap_err();
        assert_eq!(
            (
                previewed.code(),
                previewed.reason(),
                previewed.violations(),
                previewed.to_string()
            ),
            (done.code(), done.reason(), done.violations(), done.to_string())
        );
        previewed.code()
    }
    /// What everybody may do, at once or once somebody approves, on each target that there is.
    pub(crate) async fn matrix(&self, targets: &[String]) -> BTreeMap<(Subject, String), BTreeSet<String>> {
        self.replica.poll().await.unwrap();
        let read = self.world.read(self.account).await;
        let mut people: BTreeSet<Subject> = [self.boss, self.sam, self.tia, self.uma]
            .map(Subject::user)
            .into();
        let members = read.members(None, 100).await.unwrap();
        people.extend(members.iter().map(|member| Subject::user(member.user)));
        drop(read);
        let people: Vec<Subject> = people.into_iter().collect();
        let mut all = BTreeMap::new();
        let read = AccountRead {
            account: self.account,
            consistency: Consistency::Fully,
            deadline: None,
        };
        for target in targets {
            let on = TargetText::parse(target).unwrap();
            let rows = self.replica.matrix(&read, &people, on).await.unwrap();
            for (subject, (mut may, needs)) in people.iter().zip(rows.answer) {
                may.extend(needs);
                all.insert((subject.clone(), target.clone()), may.into_iter().collect());
            }
        }
        all
    }
    /// Everything that a write would move.
    pub(crate) async fn position(&self) -> String {
        let read = self.world.db.begin_read_across().await.unwrap();
        let conn = read.conn();
        let sql = "SELECT CAST((SELECT COUNT(*) FROM outbox) AS TEXT) || ' ' || \
                   CAST((SELECT SUM(revision) FROM revision) AS TEXT) AS position";
        let row = conn.query_one_raw(statement(conn, sql, vec![])).await.unwrap();
        row.unwrap().try_get("", "position").unwrap()
    }
}

pub(crate) fn difference(
    before: &BTreeMap<(Subject, String), BTreeSet<String>>,
    after: &BTreeMap<(Subject, String), BTreeSet<String>>,
) -> Rows {
    let none = BTreeSet::new();
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let row = |key: &(Subject, String)| {
        let (before, after) = (before.get(key).unwrap_or(&none), after.get(key).unwrap_or(&none));
        let gains: BTreeSet<String> = after.difference(before).cloned().collect();
        let loses: BTreeSet<String> = before.difference(after).cloned().collect();
        (!gains.is_empty() || !loses.is_empty()).then(|| (key.clone(), (gains, loses)))
    };
    keys.into_iter().filter_map(row).collect()
}
