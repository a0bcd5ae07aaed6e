//! Rules about the holders of a role.

use std::time::Duration;

use bailiwick_authorization_core::{
    person::PersonState,
    use_case::{
        close_user, recover_ownership, remove_member, suspend_member, transfer_ownership, update_member,
    },
};
use bailiwick_types::{Code, Fault, Scope};

use crate::world::World;

async fn the_last_admin_is_never_revoked_removed_suspended_ended_or_disabled(world: World) {
    let account = world.account("one-question", None, 0).await;
    let at = Scope::Account(account);
    let ada = world.member("ada@example.com", account).await;
    world
        .assign(&world.operator(), account, (ada, "admin", &at))
        .await
        .unwrap();
    let by = world.by(ada, account);
    let codes = [
        world
            .revoke(&by, account, (ada, "admin", &at))
            .await
            .unwrap_err()
            .reason(),
        world
            .revoke(&world.operator(), account, (ada, "admin", &at))
            .await
            .unwrap_err()
            .reason(),
        remove_member::execute(
            &world.ports,
            &by,
            remove_member::Command {
                account,
                user: ada,
                scope: None,
            },
        )
        .await
        .unwrap_err()
        .reason(),
        suspend_member::execute(
            &world.ports,
            &by,
            suspend_member::Command {
                account,
                user: ada,
                suspend: true,
            },
        )
        .await
        .unwrap_err()
        .reason(),
        update_member::execute(
            &world.ports,
            &world.operator(),
            update_member::Command {
                account,
                user: ada,
                expires_at: Some(world.now().plus(Duration::from_mins(1))),
            },
        )
        .await
        .unwrap_err()
        .reason(),
        close_user::execute(
            &world.ports,
            &world.operator(),
            close_user::Command {
                user: ada,
                version: 2,
            },
        )
        .await
        .unwrap_err()
        .reason(),
    ];
    assert!(
        codes.iter().all(|reason| reason.as_str() == "HOLDER_RULE"),
        "{codes:?}"
    );
    let max = world.member("max@example.com", account).await;
    world.assign(&by, account, (max, "admin", &at)).await.unwrap();
    world.revoke(&by, account, (ada, "admin", &at)).await.unwrap();
    assert_eq!(world.roles(account, max, &at).await, ["admin"]);
}

async fn who_is_disabled_does_not_count_as_an_admin(world: World) {
    let account = world.account("one-question", None, 0).await;
    let at = Scope::Account(account);
    let ada = world.member("ada@example.com", account).await;
    let max = world.member("max@example.com", account).await;
    for user in [ada, max] {
        world
            .assign(&world.operator(), account, (user, "admin", &at))
            .await
            .unwrap();
    }
    close_user::execute(
        &world.ports,
        &world.operator(),
        close_user::Command {
            user: max,
            version: 2,
        },
    )
    .await
    .unwrap();
    let error = world
        .revoke(&world.by(ada, account), account, (ada, "admin", &at))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    // An older event that is still on its way does not open what was closed; the one of that version counts.
    world
        .tell_person(max, 1, PersonState::Active, "max@example.com")
        .await;
    assert!(
        world
            .revoke(&world.by(ada, account), account, (ada, "admin", &at))
            .await
            .is_err()
    );
    world
        .tell_person(max, 2, PersonState::Disabled, "max@example.com")
        .await;
    world
        .tell_person(max, 3, PersonState::Active, "max@example.com")
        .await;
    world
        .revoke(&world.by(ada, account), account, (ada, "admin", &at))
        .await
        .unwrap();
}

async fn an_owner_is_never_assigned_or_revoked_only_transferred_to_a_member(world: World) {
    let olga = world.person("olga@example.com").await;
    let account = world.account("e-satisfaction", Some(olga), 0).await;
    let at = Scope::Account(account);
    let athens = world.workspace(account).await;
    assert_eq!(world.roles(account, olga, &at).await, ["owner"]);
    assert_eq!(world.roles(account, olga, &athens).await, ["owner"]);
    let amy = world.member("amy@example.com", account).await;
    let joe = world.person("joe@example.com").await;
    world
        .assign(&world.by(olga, account), account, (amy, "admin", &at))
        .await
        .unwrap();
    let (by_olga, by_amy) = (world.by(olga, account), world.by(amy, account));

    let error = world
        .assign(&by_amy, account, (amy, "owner", &at))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    let error = world
        .assign(&by_olga, account, (amy, "owner", &at))
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "OWNERSHIP_IS_TRANSFERRED");
    let error = world
        .revoke(&by_amy, account, (olga, "owner", &at))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    let error = world
        .revoke(&by_olga, account, (olga, "owner", &at))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    let remove = remove_member::Command {
        account,
        user: olga,
        scope: None,
    };
    let error = remove_member::execute(&world.ports, &by_amy, remove)
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "HOLDER_RULE");

    let error = transfer_ownership::check_right(&world.ports, &by_amy, account, &at)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    transfer_ownership::check_right(&world.ports, &by_olga, account, &at)
        .await
        .unwrap();
    let to = |to| transfer_ownership::Command {
        account,
        scope: at.clone(),
        to,
    };
    let error = transfer_ownership::execute(&world.ports, &by_olga, to(joe))
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "NOT_A_MEMBER");
    transfer_ownership::execute(&world.ports, &by_olga, to(amy))
        .await
        .unwrap();
    assert_eq!(world.roles(account, amy, &at).await, ["admin", "owner"]);
    assert_eq!(world.roles(account, olga, &at).await, Vec::<String>::new());
    // The owners of its workspaces stay.
    assert_eq!(world.roles(account, olga, &athens).await, ["owner"]);

    let recover = recover_ownership::Command {
        account,
        scope: athens.clone(),
        to: amy,
        justification: "left".to_owned(),
    };
    recover_ownership::execute(&world.ports, &world.operator(), recover)
        .await
        .unwrap();
    assert_eq!(world.roles(account, amy, &athens).await, ["owner"]);
    assert_eq!(world.roles(account, olga, &athens).await, Vec::<String>::new());
}

bailiwick_testkit::on_both_engines!(
    the_last_admin_is_never_revoked_removed_suspended_ended_or_disabled,
    who_is_disabled_does_not_count_as_an_admin,
    an_owner_is_never_assigned_or_revoked_only_transferred_to_a_member,
);
