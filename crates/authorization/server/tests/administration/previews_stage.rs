//! An account in which previews are held against what they tell of, and how.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bailiwick_authorization_core::{
    grant::About,
    resource::Name,
    use_case::{
        assign_role,
        change_group::{self, Act},
        create_grant, create_group,
        preview::Effect,
        register_resource::{self, Owner},
        remove_member, suspend_member, update_member, update_resource,
    },
};
use bailiwick_authorization_engine::{Consistency, Replica, ReplicaConfig, TargetText};
use bailiwick_authorization_server::SqlSource;
use bailiwick_sql::statement;
use bailiwick_types::{AccountId, Authorized, GroupId, Scope, Subject, Timestamp, UserId};
use sea_orm::ConnectionTrait;
use serde_json::{Map, json};

use crate::world::World;

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

/// What a use case's preview comes to.
pub(crate) trait Told {
    fn rows(&self) -> Rows;
}

impl Told for Vec<Effect> {
    fn rows(&self) -> Rows {
        let row = |effect: &Effect| {
            let key = (effect.subject.clone(), effect.on.to_string());
            let set = |names: &[String]| names.iter().cloned().collect();
            (key, (set(&effect.gains), set(&effect.loses)))
        };
        let rows: Rows = self.iter().map(row).collect();
        assert_eq!(rows.len(), self.len(), "a person and place is told twice");
        rows.into_iter()
            .filter(|(_, (gains, loses))| !gains.is_empty() || !loses.is_empty())
            .collect()
    }
}

impl<T> Told for (T, Vec<Effect>) {
    fn rows(&self) -> Rows {
        self.1.rows()
    }
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

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

impl Stage {
    /// `sam` is a writer of the first workspace, a reader of the account by a group, and may delete one page; `tia` sees what is
    /// no secret; `uma` may view pages in a folder, and so the page in it.
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
        let group = create_group::Command {
            account,
            title: "Readers".to_owned(),
            request_id: None,
        };
        let (group, _) = create_group::execute(&world.ports, &by, group).await.unwrap();
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
            readers: group.id,
            world,
        };
        let ports = &stage.world.ports;
        for (subject, role, scope) in [
            (Subject::user(sam), "writer", stage.one.clone()),
            (Subject::group(group.id), "reader", Scope::Account(account)),
            (Subject::user(tia), "visitor", Scope::Account(account)),
        ] {
            let command = stage.assign(subject, role, &scope);
            assign_role::execute(ports, &by, command).await.unwrap();
        }
        let join = stage.group(Act::Add(Subject::user(sam)));
        change_group::execute(ports, &by, join).await.unwrap();
        for (of, scope, owner, parent) in [
            ("folder:f", &stage.one, boss, None),
            ("page:a", &stage.one, sam, Some(name("folder:f"))),
            ("page:b", &stage.two, boss, None),
        ] {
            let command = stage.register(of, scope, owner, parent);
            register_resource::execute(ports, &by, command).await.unwrap();
        }
        for (user, permission, on) in [(sam, "page.delete", "page:a"), (uma, "page.view", "folder:f")] {
            let command = stage.grant(user, permission, About::Resource(name(on)));
            create_grant::execute(ports, &by, command).await.unwrap();
        }
        stage
    }
    pub(crate) fn by(&self) -> Authorized {
        self.world.by(self.boss, self.account)
    }
    pub(crate) fn at(&self) -> Scope {
        Scope::Account(self.account)
    }
    pub(crate) fn assign(&self, subject: Subject, role: &str, scope: &Scope) -> assign_role::Command {
        assign_role::Command {
            account: self.account,
            subject,
            role: role.to_owned(),
            scope: scope.clone(),
            parameters: Map::new(),
            expires_at: None,
        }
    }
    pub(crate) fn grant(&self, user: UserId, permission: &str, about: About) -> create_grant::Command {
        create_grant::Command {
            account: self.account,
            subject: Subject::user(user),
            permissions: vec![permission.to_owned()],
            about,
            parameters: Map::new(),
            expires_at: None,
        }
    }
    pub(crate) fn group(&self, act: Act) -> change_group::Command {
        change_group::Command {
            account: self.account,
            group: self.readers,
            act,
        }
    }
    pub(crate) fn register(
        &self,
        of: &str,
        scope: &Scope,
        owner: UserId,
        parent: Option<Name>,
    ) -> register_resource::Command {
        register_resource::Command {
            account: self.account,
            name: name(of),
            scope: scope.clone(),
            owner: Owner::Is(Subject::user(owner)),
            parent,
            title: String::new(),
            attributes: if of.starts_with("page:") {
                [("secret".to_owned(), json!(false))].into_iter().collect()
            } else {
                Map::new()
            },
        }
    }
    pub(crate) fn update(&self, of: &str) -> update_resource::Command {
        update_resource::Command {
            account: self.account,
            name: name(of),
            title: None,
            parent: None,
            attributes: Map::new(),
        }
    }
    pub(crate) fn suspend(&self, user: UserId, suspend: bool) -> suspend_member::Command {
        suspend_member::Command {
            account: self.account,
            user,
            suspend,
        }
    }
    pub(crate) fn remove(&self, user: UserId, scope: Option<&Scope>) -> remove_member::Command {
        remove_member::Command {
            account: self.account,
            user,
            scope: scope.cloned(),
        }
    }
    pub(crate) fn ends(&self, user: UserId, expires_at: Option<Timestamp>) -> update_member::Command {
        update_member::Command {
            account: self.account,
            user,
            expires_at,
        }
    }
    /// What everybody may do, at once or once somebody approves, on each target that there is.
    pub(crate) async fn matrix(&self, targets: &[String]) -> BTreeMap<(Subject, String), BTreeSet<String>> {
        self.replica.poll().await.unwrap();
        let read = self
            .world
            .ports
            .store
            .read(bailiwick_testkit::witness::system().account(self.account).read())
            .await
            .unwrap();
        let mut people: BTreeSet<Subject> = [self.boss, self.sam, self.tia, self.uma]
            .map(Subject::user)
            .into();
        let members = read.members(None, 100).await.unwrap();
        people.extend(members.iter().map(|member| Subject::user(member.user)));
        drop(read);
        let people: Vec<Subject> = people.into_iter().collect();
        let mut all = BTreeMap::new();
        for target in targets {
            let on = TargetText::parse(target).unwrap();
            let rows = self
                .replica
                .matrix(self.account, &people, on, &Consistency::Fully, None)
                .await
                .unwrap();
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

/// Previews a change, makes it, and compares: on these targets the rows are the difference, and there are no others.
macro_rules! comes_true {
    ($stage:expr, $use_case:ident, $by:expr, $command:expr, $targets:expr) => {{
        let (stage, by): (&Stage, &Authorized) = (&$stage, &$by);
        let targets: Vec<String> = $targets.iter().map(ToString::to_string).collect();
        let (before, position) = (stage.matrix(&targets).await, stage.position().await);
        let told = $use_case::preview(&stage.world.ports, by, $command)
            .await
            .unwrap();
        assert_eq!(stage.position().await, position, "it wrote");
        assert_eq!(stage.matrix(&targets).await, before, "it did something");
        $use_case::execute(&stage.world.ports, by, $command)
            .await
            .unwrap();
        let came = difference(&before, &stage.matrix(&targets).await);
        assert_eq!(told.rows(), came, stringify!($use_case));
        assert!(!came.is_empty(), "{} changes nothing", stringify!($use_case));
        came
    }};
}

/// A preview is refused for what the change is refused for.
macro_rules! refused_alike {
    ($stage:expr, $use_case:ident, $by:expr, $command:expr) => {{
        let (stage, by): (&Stage, &Authorized) = (&$stage, &$by);
        let told = $use_case::preview(&stage.world.ports, by, $command)
            .await
            .unwrap_err();
        let done = $use_case::execute(&stage.world.ports, by, $command)
            .await
            .unwrap_err();
        assert_eq!(
            (told.code(), told.reason(), told.violations(), told.to_string()),
            (done.code(), done.reason(), done.violations(), done.to_string())
        );
        told.code()
    }};
}
pub(crate) use comes_true;
pub(crate) use refused_alike;
