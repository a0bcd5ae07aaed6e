//! Access that is given and taken by other means than roles and grants: entries of roles, ends of memberships, parents and
//! scopes of resources.

use std::time::Duration;

use bailiwick_authorization_core::{
    follow::AccountTold,
    grant::{About, AppliesTo},
    resource::{Name, Resource},
    use_case::{
        change_role, create_grant, create_role, move_resource, register_resource, update_member,
        update_resource,
    },
};
use bailiwick_policy::manifest::{EntryDecl, RoleDecl, RoleLevelDecl};
use bailiwick_types::{AccountId, Authorized, Code, Fault, Level, Scope, Subject, Timestamp, UserId};
use serde_json::Map;

use crate::world::World;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn on(text: &str) -> About {
    About::Resource(name(text))
}

async fn register(
    world: &World,
    by: &Authorized,
    (account, what, scope): (AccountId, &str, &Scope),
    parent: Option<&str>,
) -> Result<Resource, register_resource::Error> {
    let command = register_resource::Command {
        account,
        name: name(what),
        scope: scope.clone(),
        owner: register_resource::Owner::Caller,
        parent: parent.map(name),
        title: String::new(),
        attributes: Map::new(),
    };
    Ok(register_resource::execute(&world.ports, by, command).await?.0)
}

async fn grant(
    world: &World,
    by: &Authorized,
    account: AccountId,
    (user, permissions, about): (UserId, &[&str], About),
) {
    let command = create_grant::Command {
        account,
        subject: Subject::user(user),
        permissions: permissions.iter().map(|text| (*text).to_owned()).collect(),
        about,
        parameters: Map::new(),
        expires_at: None,
    };
    create_grant::execute(&world.ports, by, command).await.unwrap();
}

async fn reparent(
    world: &World,
    by: &Authorized,
    (account, what, parent): (AccountId, &str, &str),
) -> Result<Resource, update_resource::Error> {
    let command = update_resource::Command {
        account,
        name: name(what),
        title: None,
        parent: Some(Some(name(parent))),
        attributes: Map::new(),
    };
    Ok(update_resource::execute(&world.ports, by, command).await?.0)
}

async fn move_to(
    world: &World,
    by: &Authorized,
    (account, what, scope): (AccountId, &str, &Scope),
) -> Result<Resource, move_resource::Error> {
    let command = move_resource::Command {
        account,
        name: name(what),
        scope: scope.clone(),
    };
    Ok(move_resource::execute(&world.ports, by, command).await?.0)
}

/// A member with a role of the account's own.
async fn with_role(
    world: &World,
    by: &Authorized,
    account: AccountId,
    (role, permissions): (&str, &[&str]),
) -> UserId {
    let user = world.member(&format!("{role}@example.com"), account).await;
    let at = RoleLevelDecl {
        permissions: permissions.iter().map(|text| EntryDecl::plain(*text)).collect(),
        assigns: Vec::new(),
    };
    let decl = RoleDecl {
        levels: [(Level::Account, at)].into(),
        ..RoleDecl::default()
    };
    let command = create_role::Command {
        account,
        name: role.to_owned(),
        decl,
    };
    create_role::execute(&world.ports, by, command).await.unwrap();
    let scope = Scope::Account(account);
    world.assign(by, account, (user, role, &scope)).await.unwrap();
    user
}

/// An account of Sogolytics with an administrator and two sub-users.
async fn boss_sam_and_tia(world: &World) -> (AccountId, UserId, UserId, UserId) {
    let account = world.account("sogolytics", None, 0).await;
    let mut users = Vec::new();
    for (email, role) in [
        ("boss@example.com", "administrator"),
        ("sam@example.com", "sub_user"),
        ("tia@example.com", "sub_user"),
    ] {
        let user = world.member(email, account).await;
        let at = Scope::Account(account);
        world
            .assign(&world.operator(), account, (user, role, &at))
            .await
            .unwrap();
        users.push(user);
    }
    (account, users[0], users[1], users[2])
}

async fn entries_are_removed_from_a_role_by_who_holds_them(world: World) {
    let (account, boss, ..) = boss_sam_and_tia(&world).await;
    let by_boss = world.by(boss, account);
    let entries: &[&str] = &["role.define", "role.view", "calendar.edit"];
    let ann = with_role(&world, &by_boss, account, ("definer", entries)).await;
    let by = world.by(ann, account);
    let remove = |permission: &str, level| change_role::Command {
        account,
        role: "sub_user".to_owned(),
        level,
        add: Vec::new(),
        remove: vec![permission.to_owned()],
    };
    for permission in ["project.create", "project.*", "calendar.*", "*"] {
        for level in [None, Some(Level::Account)] {
            let error = change_role::execute(&world.ports, &by, remove(permission, level))
                .await
                .unwrap_err();
            assert_eq!(error.code(), Code::PermissionDenied, "{permission}");
        }
        let refused = change_role::preview(&world.ports, &by, remove(permission, None)).await;
        assert_eq!(
            refused.unwrap_err().code(),
            Code::PermissionDenied,
            "{permission}"
        );
    }
    change_role::execute(&world.ports, &by, remove("calendar.edit", None))
        .await
        .unwrap();
    for (by, permission) in [(&by_boss, "project.create"), (&world.operator(), "project.*")] {
        change_role::execute(&world.ports, by, remove(permission, None))
            .await
            .unwrap();
    }
}

async fn a_pattern_is_removed_from_a_role_by_who_holds_the_pattern(world: World) {
    let (account, boss, ..) = boss_sam_and_tia(&world).await;
    let by_boss = world.by(boss, account);
    let definer: &[&str] = &["role.define", "survey.view"];
    let ann = with_role(&world, &by_boss, account, ("definer", definer)).await;
    with_role(&world, &by_boss, account, ("viewer", &["survey.view"])).await;
    let take = |role: &str| change_role::Command {
        account,
        role: role.to_owned(),
        level: None,
        add: Vec::new(),
        remove: vec!["survey.*".to_owned()],
    };
    // The pattern is more than the permission that it would take.
    let error = change_role::execute(&world.ports, &world.by(ann, account), take("viewer"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    change_role::execute(&world.ports, &by_boss, take("viewer"))
        .await
        .unwrap();
}

async fn end(
    world: &World,
    by: &Authorized,
    account: AccountId,
    (user, expires_at): (UserId, Option<Timestamp>),
) -> Result<(), update_member::Error> {
    let command = update_member::Command {
        account,
        user,
        expires_at,
    };
    update_member::execute(&world.ports, by, command)
        .await
        .map(|_| ())
}

async fn a_membership_is_shortened_as_it_is_suspended_and_lengthened_as_its_roles_are_given(world: World) {
    let (account, boss, sam, _) = boss_sam_and_tia(&world).await;
    let by_boss = world.by(boss, account);
    let plain = world.member("plain@example.com", account).await;
    let editor = with_role(&world, &by_boss, account, ("editor", &["user.edit"])).await;
    let entries: &[&str] = &["user.edit", "user.suspend"];
    let suspender = with_role(&world, &by_boss, account, ("suspender", entries)).await;
    let (by_editor, by_suspender) = (world.by(editor, account), world.by(suspender, account));
    let hours = |hours: u64| Some(world.now().plus(Duration::from_secs(hours * 3600)));
    let (soon, later) = (hours(1), hours(2));
    // Ending a membership requires `user.suspend` and the right to revoke its roles.
    for (by, who) in [(&by_editor, plain), (&by_editor, sam), (&by_suspender, sam)] {
        let error = end(&world, by, account, (who, later)).await.unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied);
    }
    end(&world, &by_suspender, account, (plain, later)).await.unwrap();
    end(&world, &by_boss, account, (sam, later)).await.unwrap();
    let error = end(&world, &by_suspender, account, (sam, soon))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied, "an earlier end");
    // A later end, or none, gives the roles.
    for until in [hours(3), None] {
        for by in [&by_editor, &by_suspender] {
            let error = end(&world, by, account, (sam, until)).await.unwrap_err();
            assert_eq!(error.code(), Code::PermissionDenied);
        }
        end(&world, &by_editor, account, (plain, until)).await.unwrap();
        end(&world, &by_boss, account, (sam, until)).await.unwrap();
    }
    end(&world, &world.operator(), account, (sam, later))
        .await
        .unwrap();
}

async fn a_member_cannot_change_the_end_of_its_own_membership_or_set_one_in_the_past(world: World) {
    let (account, boss, sam, _) = boss_sam_and_tia(&world).await;
    let at = Scope::Account(account);
    let op = world.operator();
    world
        .assign(&op, account, (sam, "administrator", &at))
        .await
        .unwrap();
    let (by_boss, by_sam) = (world.by(boss, account), world.by(sam, account));
    let later = Some(world.now().plus(Duration::from_hours(2)));
    for by in [&by_sam, &world.operator_as(sam)] {
        let error = end(&world, by, account, (sam, later)).await.unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied, "an end");
    }
    end(&world, &by_boss, account, (sam, later)).await.unwrap();
    for by in [&by_sam, &world.operator_as(sam)] {
        let error = end(&world, by, account, (sam, None)).await.unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied, "no end");
    }
    let past = Some(world.now());
    world.clock.advance(Duration::from_mins(1));
    let error = end(&world, &by_boss, account, (sam, past)).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    let violations: Vec<(&str, &str)> = error
        .violations()
        .iter()
        .map(|violation| (violation.field.as_str(), violation.rule.as_str()))
        .collect();
    assert_eq!(violations, [("expire_time", "must not be in the past")]);
    end(&world, &by_boss, account, (sam, Some(world.now())))
        .await
        .unwrap();
}

async fn a_membership_that_has_ended_comes_back_where_a_seat_is_free(world: World) {
    let (account, boss, sam, _) = boss_sam_and_tia(&world).await;
    let by = world.by(boss, account);
    let soon = world.now().plus(Duration::from_mins(1));
    end(&world, &by, account, (sam, Some(soon))).await.unwrap();
    let seats = async |version: u64, seats: u32| {
        let told = world.account_told(account, "sogolytics", version);
        world.tell_account(AccountTold { seats, ..told }).await;
    };
    seats(2, 2).await;
    // Before it has ended, it only stays.
    let later = world.now().plus(Duration::from_mins(2));
    end(&world, &by, account, (sam, Some(later))).await.unwrap();
    world.clock.advance(Duration::from_mins(3));
    let error = end(&world, &by, account, (sam, None)).await.unwrap_err();
    assert_eq!(
        (error.code(), error.reason().as_str()),
        (Code::ResourceExhausted, "NO_FREE_SEAT")
    );
    seats(3, 3).await;
    end(&world, &by, account, (sam, None)).await.unwrap();
}

async fn a_new_parent_gives_nothing_that_who_sets_it_does_not_hold_on_the_resource(world: World) {
    let (account, boss, sam, tia) = boss_sam_and_tia(&world).await;
    let at = Scope::Account(account);
    let (by_boss, by_sam) = (world.by(boss, account), world.by(sam, account));
    for (by, folder) in [
        (&by_boss, "folder:boss"),
        (&by_sam, "folder:sam"),
        (&by_sam, "folder:tia"),
    ] {
        register(&world, by, (account, folder, &at), None).await.unwrap();
    }
    for (by, project) in [(&by_boss, "project:nps"), (&by_sam, "project:own")] {
        register(&world, by, (account, project, &at), None).await.unwrap();
    }
    grant(
        &world,
        &by_boss,
        account,
        (sam, &["project.edit"], on("project:nps")),
    )
    .await;
    grant(
        &world,
        &by_boss,
        account,
        (sam, &["project.delete"], on("folder:sam")),
    )
    .await;
    grant(
        &world,
        &by_boss,
        account,
        (tia, &["project.report"], on("folder:tia")),
    )
    .await;
    // It cannot give access to itself or to others, and needs an existing parent that it may edit.
    for parent in ["folder:sam", "folder:tia", "folder:boss", "folder:none"] {
        let error = reparent(&world, &by_sam, (account, "project:nps", parent))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied, "{parent}");
    }
    // What one owns one holds.
    for parent in ["folder:sam", "folder:tia"] {
        reparent(&world, &by_sam, (account, "project:own", parent))
            .await
            .unwrap();
    }
    let error = reparent(&world, &by_boss, (account, "project:nps", "folder:none"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    // The parent that it has already may be named by who may edit the resource alone.
    reparent(&world, &by_boss, (account, "project:nps", "folder:tia"))
        .await
        .unwrap();
    reparent(&world, &by_sam, (account, "project:nps", "folder:tia"))
        .await
        .unwrap();
    // The operator gives anything, but nothing to itself.
    let error = reparent(
        &world,
        &world.operator_as(sam),
        (account, "project:nps", "folder:sam"),
    )
    .await
    .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    reparent(
        &world,
        &world.operator_as(tia),
        (account, "project:nps", "folder:sam"),
    )
    .await
    .unwrap();
}

async fn a_new_parent_gives_nothing_on_what_lies_below_either(world: World) {
    let (account, boss, sam, _) = boss_sam_and_tia(&world).await;
    let at = Scope::Account(account);
    let (by_boss, by_sam) = (world.by(boss, account), world.by(sam, account));
    for folder in ["folder:outer", "folder:inner", "folder:empty"] {
        register(&world, &by_sam, (account, folder, &at), None)
            .await
            .unwrap();
    }
    let inside = Some("folder:inner");
    register(&world, &by_boss, (account, "project:nps", &at), inside)
        .await
        .unwrap();
    grant(
        &world,
        &by_boss,
        account,
        (sam, &["project.delete"], on("folder:outer")),
    )
    .await;
    let error = reparent(&world, &by_sam, (account, "folder:inner", "folder:outer"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    reparent(&world, &by_sam, (account, "folder:empty", "folder:outer"))
        .await
        .unwrap();
    reparent(&world, &by_boss, (account, "folder:inner", "folder:outer"))
        .await
        .unwrap();
}

async fn a_move_gives_nothing_that_the_mover_does_not_hold_on_the_resource(world: World) {
    let account = world.account("one-question", None, 0).await;
    let [sales, care, hr] = [
        world.instance(account).await,
        world.instance(account).await,
        world.instance(account).await,
    ];
    let ada = world.member("ada@example.com", account).await;
    let max = world.member("max@example.com", account).await;
    let eve = world.member("eve@example.com", account).await;
    let at = Scope::Account(account);
    let op = world.operator();
    world.assign(&op, account, (ada, "admin", &at)).await.unwrap();
    let (by_ada, by_max) = (world.by(ada, account), world.by(max, account));
    for survey in ["survey:s1", "survey:s2", "survey:s3"] {
        register(&world, &by_ada, (account, survey, &sales), None)
            .await
            .unwrap();
    }
    let makes: &[&str] = &["survey.create", "survey.edit"];
    for scope in [&sales, &care, &hr] {
        let about = About::Scope(scope.clone());
        grant(&world, &by_ada, account, (max, makes, about)).await;
    }
    // Access that another member would gain on it.
    let all_of_care = About::Type {
        of: "survey".to_owned(),
        scope: care.clone(),
        applies_to: AppliesTo::All,
    };
    grant(&world, &by_ada, account, (eve, &["survey.delete"], all_of_care)).await;
    let error = move_to(&world, &by_max, (account, "survey:s1", &care))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    move_to(&world, &by_max, (account, "survey:s1", &hr))
        .await
        .unwrap();
    move_to(&world, &by_ada, (account, "survey:s1", &care))
        .await
        .unwrap();
    // What the mover itself would have on it.
    world.assign(&op, account, (max, "manager", &hr)).await.unwrap();
    for by in [&by_max, &world.operator_as(max)] {
        let error = move_to(&world, by, (account, "survey:s2", &hr))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied);
    }
    move_to(&world, &op, (account, "survey:s2", &hr)).await.unwrap();
    // It counts as registered at the move, so that what is granted on future ones reaches it.
    let future = About::Type {
        of: "survey".to_owned(),
        scope: at,
        applies_to: AppliesTo::Future,
    };
    let law = world.instance(account).await;
    grant(&world, &by_ada, account, (max, makes, About::Scope(law.clone()))).await;
    grant(&world, &by_ada, account, (eve, &["survey.send"], future)).await;
    let error = move_to(&world, &by_max, (account, "survey:s3", &law))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    move_to(&world, &by_ada, (account, "survey:s3", &law))
        .await
        .unwrap();
}

async fn creating_is_asked_on_the_parent_too(world: World) {
    let account = world.account("one-question", None, 0).await;
    let (sales, care) = (world.instance(account).await, world.instance(account).await);
    let mia = world.member("mia@example.com", account).await;
    let op = world.operator();
    world
        .assign(&op, account, (mia, "manager", &sales))
        .await
        .unwrap();
    register(&world, &op, (account, "survey:top", &care), None)
        .await
        .unwrap();
    let by = world.by(mia, account);
    for parent in ["survey:top", "survey:none"] {
        let error = register(&world, &by, (account, "survey:s1", &sales), Some(parent))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied, "{parent}");
    }
    let error = register(&world, &op, (account, "survey:s1", &sales), Some("survey:none"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    // Creating contacts is not asked on surveys, so that the scope alone counts.
    register(&world, &by, (account, "contact:c1", &sales), Some("survey:top"))
        .await
        .unwrap();
    world.assign(&op, account, (mia, "manager", &care)).await.unwrap();
    register(&world, &by, (account, "survey:s1", &sales), Some("survey:top"))
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
