//! Access that is given and taken otherwise than by assignments and grants: by entries of roles, ends of
//! memberships, parents and scopes of resources.

use std::time::Duration;

use bailiwick_authorization_core::{
    Error,
    follow::AccountTold,
    grant::{About, AppliesTo},
    member,
    resource::{Resource, register, relocate, update},
    role::{change::Change, create::Create},
};
use bailiwick_policy::manifest::{EntryDecl, RoleDecl, RoleLevelDecl};
use bailiwick_types::{AccountId, Code, Fault, Level, Scope, Subject, Timestamp, UserId};

use crate::world::{self, By, World, denied, name, texts};

/// A world and the account in it.
struct Stage {
    world: World,
    account: AccountId,
}

impl Stage {
    /// An account of Sogolytics with an administrator and two sub-users.
    async fn sogo(world: World) -> (Self, [UserId; 3]) {
        let account = world.account("sogolytics", None, 0).await;
        let users = [
            world.holder("boss@example.com", account, "administrator").await,
            world.holder("sam@example.com", account, "sub_user").await,
            world.holder("tia@example.com", account, "sub_user").await,
        ];
        (Self { world, account }, users)
    }
    async fn one_question(world: World) -> Self {
        let account = world.account("one-question", None, 0).await;
        Self { world, account }
    }
    fn at(&self) -> Scope {
        Scope::Account(self.account)
    }
    fn by(&self, user: UserId) -> By {
        self.world.by(user, self.account)
    }
    async fn register(
        &self,
        by: &By,
        (what, scope): (&str, &Scope),
        parent: Option<&str>,
    ) -> Result<Resource, Error> {
        let register = register::Register {
            parent: parent.map(name),
            ..world::register(what, scope)
        };
        self.world.run(by, self.account, register).await
    }
    async fn grant(&self, by: &By, user: UserId, permissions: &[&str], about: About) {
        let grant = world::grant(Subject::user(user), permissions, about);
        self.world.run(by, self.account, grant).await.unwrap();
    }
    async fn reparent(&self, by: &By, what: &str, parent: &str) -> Result<Resource, Error> {
        let update = update::Update {
            parent: Some(Some(name(parent))),
            ..world::update(what)
        };
        self.world.run(by, self.account, update).await
    }
    async fn move_to(&self, by: &By, what: &str, scope: &Scope) -> Result<Resource, Error> {
        let relocate = relocate::Move {
            name: name(what),
            scope: scope.clone(),
        };
        self.world.run(by, self.account, relocate).await
    }
    /// A member with a role of the account's own.
    async fn with_role(&self, by: &By, role: &str, permissions: &[&str]) -> UserId {
        let email = format!("{role}@example.com");
        let user = self.world.member(&email, self.account).await;
        let at = RoleLevelDecl {
            permissions: permissions.iter().map(|text| EntryDecl::plain(*text)).collect(),
            assigns: Vec::new(),
        };
        let create = Create {
            name: role.to_owned(),
            decl: RoleDecl {
                levels: [(Level::Account, at)].into(),
                ..RoleDecl::default()
            },
        };
        self.world.run(by, self.account, create).await.unwrap();
        self.assign(by, user, role, &self.at()).await;
        user
    }
    async fn assign(&self, by: &By, user: UserId, role: &str, scope: &Scope) {
        let assigned = self.world.assign(by, self.account, (user, role, scope));
        assigned.await.unwrap();
    }
    async fn end(
        &self,
        by: &By,
        user: UserId,
        expires_at: Option<Timestamp>,
    ) -> Result<member::Member, Error> {
        let update = member::update::Update {
            user,
            expires_at,
            kind: None,
        };
        self.world.run(by, self.account, update).await
    }
}

fn on(text: &str) -> About {
    About::Resource(name(text))
}

fn remove(role: &str, level: Option<Level>, permission: &str) -> Change {
    Change {
        level,
        remove: texts(&[permission]),
        ..world::change(role)
    }
}

async fn entries_are_removed_from_a_role_by_who_holds_them(world: World) {
    let (stage, [boss, ..]) = Stage::sogo(world).await;
    let (world, account) = (&stage.world, stage.account);
    let by_boss = stage.by(boss);
    let entries: &[&str] = &["role.define", "role.view", "calendar.edit"];
    let by = stage.by(stage.with_role(&by_boss, "definer", entries).await);
    let remove = |permission: &str, level| remove("sub_user", level, permission);
    for permission in ["project.create", "project.*", "calendar.*", "*"] {
        for level in [None, Some(Level::Account)] {
            denied(world.run(&by, account, remove(permission, level)).await);
        }
        denied(world.preview(&by, account, remove(permission, None)).await);
    }
    for (by, permission) in [
        (&by, "calendar.edit"),
        (&by_boss, "project.create"),
        (&world.operator(), "project.*"),
    ] {
        world.run(by, account, remove(permission, None)).await.unwrap();
    }
}

async fn a_pattern_is_removed_from_a_role_by_who_holds_the_pattern(world: World) {
    let (stage, [boss, ..]) = Stage::sogo(world).await;
    let by_boss = stage.by(boss);
    let entries: &[&str] = &["role.define", "survey.view"];
    let by = stage.by(stage.with_role(&by_boss, "definer", entries).await);
    stage.with_role(&by_boss, "viewer", &["survey.view"]).await;
    let take = || remove("viewer", None, "survey.*");
    // The pattern is more than the permission that it would take.
    denied(stage.world.run(&by, stage.account, take()).await);
    stage.world.run(&by_boss, stage.account, take()).await.unwrap();
}

async fn a_membership_is_shortened_as_it_is_suspended_and_lengthened_as_its_roles_are_given(world: World) {
    let (stage, [boss, sam, _]) = Stage::sogo(world).await;
    let by_boss = stage.by(boss);
    let world = &stage.world;
    let plain = world.member("plain@example.com", stage.account).await;
    let editor = stage.with_role(&by_boss, "editor", &["user.edit"]).await;
    let entries: &[&str] = &["user.edit", "user.suspend"];
    let suspender = stage.with_role(&by_boss, "suspender", entries).await;
    let (by_editor, by_suspender) = (stage.by(editor), stage.by(suspender));
    let hours = |hours: u64| Some(world.now().plus(Duration::from_secs(hours * 3600)));
    let (soon, later) = (hours(1), hours(2));
    // Ending a membership requires `user.suspend` and the right to revoke its roles.
    for (by, who) in [(&by_editor, plain), (&by_editor, sam), (&by_suspender, sam)] {
        denied(stage.end(by, who, later).await);
    }
    stage.end(&by_suspender, plain, later).await.unwrap();
    stage.end(&by_boss, sam, later).await.unwrap();
    denied(stage.end(&by_suspender, sam, soon).await);
    // A later end, or none, gives the roles.
    for until in [hours(3), None] {
        for by in [&by_editor, &by_suspender] {
            denied(stage.end(by, sam, until).await);
        }
        stage.end(&by_editor, plain, until).await.unwrap();
        stage.end(&by_boss, sam, until).await.unwrap();
    }
    stage.end(&world.operator(), sam, later).await.unwrap();
}

async fn a_member_cannot_change_the_end_of_its_own_membership_or_set_one_in_the_past(world: World) {
    let (stage, [boss, sam, _]) = Stage::sogo(world).await;
    let world = &stage.world;
    let op = world.operator();
    stage.assign(&op, sam, "administrator", &stage.at()).await;
    let (by_boss, by_sam) = (stage.by(boss), stage.by(sam));
    let later = Some(world.now().plus(Duration::from_hours(2)));
    for by in [&by_sam, &world.operator_as(sam)] {
        denied(stage.end(by, sam, later).await);
    }
    stage.end(&by_boss, sam, later).await.unwrap();
    for by in [&by_sam, &world.operator_as(sam)] {
        denied(stage.end(by, sam, None).await);
    }
    let past = Some(world.now());
    world.clock.advance(Duration::from_mins(1));
    let error = stage.end(&by_boss, sam, past).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    let violations: Vec<(&str, &str)> = error
        .violations()
        .iter()
        .map(|violation| (violation.field.as_str(), violation.rule.as_str()))
        .collect();
    assert_eq!(violations, [("expire_time", "must not be in the past")]);
    stage.end(&by_boss, sam, Some(world.now())).await.unwrap();
}

async fn a_membership_that_has_ended_comes_back_where_a_seat_is_free(world: World) {
    let (stage, [boss, sam, _]) = Stage::sogo(world).await;
    let (world, by) = (&stage.world, stage.by(boss));
    let soon = world.now().plus(Duration::from_mins(1));
    stage.end(&by, sam, Some(soon)).await.unwrap();
    let seats = async |version: u64, seats: u32| {
        let told = world.account_told(stage.account, "sogolytics", version);
        world.tell_account(AccountTold { seats, ..told }).await;
    };
    seats(2, 2).await;
    // Before it has ended, it only stays.
    let later = world.now().plus(Duration::from_mins(2));
    stage.end(&by, sam, Some(later)).await.unwrap();
    world.clock.advance(Duration::from_mins(3));
    let error = stage.end(&by, sam, None).await.unwrap_err();
    assert_eq!(
        (error.code(), error.reason().as_str()),
        (Code::ResourceExhausted, "NO_FREE_SEAT")
    );
    seats(3, 3).await;
    stage.end(&by, sam, None).await.unwrap();
}

async fn a_new_parent_gives_nothing_that_who_sets_it_does_not_hold_on_the_resource(world: World) {
    let (stage, [boss, sam, tia]) = Stage::sogo(world).await;
    let at = stage.at();
    let (by_boss, by_sam) = (stage.by(boss), stage.by(sam));
    for (by, folder) in [
        (&by_boss, "folder:boss"),
        (&by_sam, "folder:sam"),
        (&by_sam, "folder:tia"),
    ] {
        stage.register(by, (folder, &at), None).await.unwrap();
    }
    for (by, project) in [(&by_boss, "project:nps"), (&by_sam, "project:own")] {
        stage.register(by, (project, &at), None).await.unwrap();
    }
    stage
        .grant(&by_boss, sam, &["project.edit"], on("project:nps"))
        .await;
    stage
        .grant(&by_boss, sam, &["project.delete"], on("folder:sam"))
        .await;
    stage
        .grant(&by_boss, tia, &["project.report"], on("folder:tia"))
        .await;
    // It cannot give access to itself or to others, and needs an existing parent that it may edit.
    for parent in ["folder:sam", "folder:tia", "folder:boss", "folder:none"] {
        denied(stage.reparent(&by_sam, "project:nps", parent).await);
    }
    // What one owns one holds.
    for parent in ["folder:sam", "folder:tia"] {
        stage.reparent(&by_sam, "project:own", parent).await.unwrap();
    }
    let error = stage
        .reparent(&by_boss, "project:nps", "folder:none")
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    // The parent that it has already may be named by who may edit the resource alone.
    stage
        .reparent(&by_boss, "project:nps", "folder:tia")
        .await
        .unwrap();
    stage
        .reparent(&by_sam, "project:nps", "folder:tia")
        .await
        .unwrap();
    // The operator gives anything, but nothing to itself.
    let world = &stage.world;
    denied(
        stage
            .reparent(&world.operator_as(sam), "project:nps", "folder:sam")
            .await,
    );
    stage
        .reparent(&world.operator_as(tia), "project:nps", "folder:sam")
        .await
        .unwrap();
}

async fn a_new_parent_gives_nothing_on_what_lies_below_either(world: World) {
    let (stage, [boss, sam, _]) = Stage::sogo(world).await;
    let at = stage.at();
    let (by_boss, by_sam) = (stage.by(boss), stage.by(sam));
    for folder in ["folder:outer", "folder:inner", "folder:empty"] {
        stage.register(&by_sam, (folder, &at), None).await.unwrap();
    }
    let inside = Some("folder:inner");
    stage
        .register(&by_boss, ("project:nps", &at), inside)
        .await
        .unwrap();
    stage
        .grant(&by_boss, sam, &["project.delete"], on("folder:outer"))
        .await;
    denied(stage.reparent(&by_sam, "folder:inner", "folder:outer").await);
    stage
        .reparent(&by_sam, "folder:empty", "folder:outer")
        .await
        .unwrap();
    stage
        .reparent(&by_boss, "folder:inner", "folder:outer")
        .await
        .unwrap();
}

async fn a_move_gives_nothing_that_the_mover_does_not_hold_on_the_resource(world: World) {
    let stage = Stage::one_question(world).await;
    let (world, account) = (&stage.world, stage.account);
    let [sales, care, hr] = [
        world.instance(account).await,
        world.instance(account).await,
        world.instance(account).await,
    ];
    let ada = world.holder("ada@example.com", account, "admin").await;
    let max = world.member("max@example.com", account).await;
    let eve = world.member("eve@example.com", account).await;
    let op = world.operator();
    let (by_ada, by_max) = (stage.by(ada), stage.by(max));
    for survey in ["survey:s1", "survey:s2", "survey:s3"] {
        stage.register(&by_ada, (survey, &sales), None).await.unwrap();
    }
    let makes: &[&str] = &["survey.create", "survey.edit"];
    for scope in [&sales, &care, &hr] {
        let about = About::Scope(scope.clone());
        stage.grant(&by_ada, max, makes, about).await;
    }
    // Access that another member would gain on it.
    let all_of_care = About::Type {
        of: "survey".to_owned(),
        scope: care.clone(),
        applies_to: AppliesTo::All,
    };
    stage.grant(&by_ada, eve, &["survey.delete"], all_of_care).await;
    denied(stage.move_to(&by_max, "survey:s1", &care).await);
    stage.move_to(&by_max, "survey:s1", &hr).await.unwrap();
    stage.move_to(&by_ada, "survey:s1", &care).await.unwrap();
    // What the mover itself would have on it.
    stage.assign(&op, max, "manager", &hr).await;
    for by in [&by_max, &world.operator_as(max)] {
        denied(stage.move_to(by, "survey:s2", &hr).await);
    }
    stage.move_to(&op, "survey:s2", &hr).await.unwrap();
    // It counts as registered at the move, so that what is granted on future ones reaches it.
    let future = About::Type {
        of: "survey".to_owned(),
        scope: stage.at(),
        applies_to: AppliesTo::Future,
    };
    let law = world.instance(account).await;
    stage.grant(&by_ada, max, makes, About::Scope(law.clone())).await;
    stage.grant(&by_ada, eve, &["survey.send"], future).await;
    denied(stage.move_to(&by_max, "survey:s3", &law).await);
    stage.move_to(&by_ada, "survey:s3", &law).await.unwrap();
}

async fn creating_is_asked_on_the_parent_too(world: World) {
    let stage = Stage::one_question(world).await;
    let (world, account) = (&stage.world, stage.account);
    let (sales, care) = (world.instance(account).await, world.instance(account).await);
    let mia = world.member("mia@example.com", account).await;
    let op = world.operator();
    stage.assign(&op, mia, "manager", &sales).await;
    stage.register(&op, ("survey:top", &care), None).await.unwrap();
    let by = stage.by(mia);
    for parent in ["survey:top", "survey:none"] {
        denied(stage.register(&by, ("survey:s1", &sales), Some(parent)).await);
    }
    let error = stage
        .register(&op, ("survey:s1", &sales), Some("survey:none"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    // Creating contacts is not asked on surveys, so that the scope alone counts.
    stage
        .register(&by, ("contact:c1", &sales), Some("survey:top"))
        .await
        .unwrap();
    stage.assign(&op, mia, "manager", &care).await;
    stage
        .register(&by, ("survey:s1", &sales), Some("survey:top"))
        .await
        .unwrap();
}

bailiwick_testkit::on_both_engines!(
    entries_are_removed_from_a_role_by_who_holds_them,
    a_pattern_is_removed_from_a_role_by_who_holds_the_pattern,
    a_membership_is_shortened_as_it_is_suspended_and_lengthened_as_its_roles_are_given,
    a_member_cannot_change_the_end_of_its_own_membership_or_set_one_in_the_past,
    a_membership_that_has_ended_comes_back_where_a_seat_is_free,
    a_new_parent_gives_nothing_that_who_sets_it_does_not_hold_on_the_resource,
    a_new_parent_gives_nothing_on_what_lies_below_either,
    a_move_gives_nothing_that_the_mover_does_not_hold_on_the_resource,
    creating_is_asked_on_the_parent_too,
);
