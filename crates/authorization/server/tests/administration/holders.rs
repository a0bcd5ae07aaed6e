//! Rules about the holders of a role.

use std::time::Duration;

use bailiwick_authorization_core::{
    binding::{recover::Recover, transfer::Transfer},
    closing::user::{self, Close, close},
    member::{remove::Remove, suspend::Suspend, update::Update},
    operation,
    person::PersonState,
};
use bailiwick_types::{Code, Scope, Target, UserId};

use crate::world::{World, by_suite, code, reason, version_of};

async fn close_user(world: &World, user: UserId) -> Result<(), user::Error> {
    let by = by_suite(&Target::none());
    let version = version_of(2);
    let closed = Close { user, version };
    close(&world.ports, &by, closed).await.map(drop)
}

async fn the_last_admin_is_never_revoked_removed_suspended_ended_or_disabled(world: World) {
    let account = world.account("one-question", None, 0).await;
    let at = Scope::Account(account);
    let ada = world.holder("ada@example.com", account, "admin").await;
    let op = world.operator();
    let by = world.by(ada, account);
    let remove = Remove {
        user: ada,
        scope: None,
    };
    let end = Update {
        user: ada,
        expires_at: Some(world.now().plus(Duration::from_mins(1))),
        kind: None,
    };
    let reasons = [
        reason(world.revoke(&by, account, (ada, "admin", &at)).await),
        reason(world.revoke(&op, account, (ada, "admin", &at)).await),
        reason(world.run(&by, account, remove).await),
        reason(world.run(&by, account, Suspend { user: ada }).await),
        reason(world.run(&op, account, end).await),
        reason(close_user(&world, ada).await),
    ];
    assert_eq!(reasons, ["HOLDER_RULE"; 6]);
    let max = world.member("max@example.com", account).await;
    world.assign(&by, account, (max, "admin", &at)).await.unwrap();
    world.revoke(&by, account, (ada, "admin", &at)).await.unwrap();
    assert_eq!(world.roles(account, max, &at).await, ["admin"]);
}

async fn a_disabled_user_does_not_count_as_an_admin(world: World) {
    let account = world.account("one-question", None, 0).await;
    let at = Scope::Account(account);
    let ada = world.holder("ada@example.com", account, "admin").await;
    let max = world.holder("max@example.com", account, "admin").await;
    close_user(&world, max).await.unwrap();
    let by = world.by(ada, account);
    let revoke = async || world.revoke(&by, account, (ada, "admin", &at)).await;
    let tell = async |version, state| world.tell_person(max, version, state, "max@example.com").await;
    assert_eq!(code(revoke().await), Code::FailedPrecondition);
    // An older event that arrives late does not open what is closed; the one of that version counts.
    tell(1, PersonState::Active).await;
    assert_eq!(code(revoke().await), Code::FailedPrecondition);
    tell(2, PersonState::Disabled).await;
    tell(3, PersonState::Active).await;
    revoke().await.unwrap();
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
    let (by_olga, by_amy) = (world.by(olga, account), world.by(amy, account));
    world
        .assign(&by_olga, account, (amy, "admin", &at))
        .await
        .unwrap();

    let (to_amy, of_olga) = ((amy, "owner", &at), (olga, "owner", &at));
    let refused = world.assign(&by_amy, account, to_amy).await;
    assert_eq!(code(refused), Code::PermissionDenied);
    let refused = world.assign(&by_olga, account, to_amy).await;
    assert_eq!(reason(refused), "OWNERSHIP_IS_TRANSFERRED");
    let refused = world.revoke(&by_amy, account, of_olga).await;
    assert_eq!(code(refused), Code::PermissionDenied);
    let refused = world.revoke(&by_olga, account, of_olga).await;
    assert_eq!(code(refused), Code::FailedPrecondition);
    let remove = Remove {
        user: olga,
        scope: None,
    };
    let refused = world.run(&by_amy, account, remove).await;
    assert_eq!(reason(refused), "HOLDER_RULE");

    let to = |to| Transfer {
        scope: at.clone(),
        to,
    };
    // The right is asked before a step-up is used up.
    let target = Target::account(account);
    let refused = operation::permit(&world.ports, &by_amy.on(&target), &to(amy)).await;
    assert_eq!(code(refused), Code::PermissionDenied);
    operation::permit(&world.ports, &by_olga.on(&target), &to(amy))
        .await
        .unwrap();
    let refused = world.run(&by_olga, account, to(joe)).await;
    assert_eq!(reason(refused), "NOT_A_MEMBER");
    world.run(&by_olga, account, to(amy)).await.unwrap();
    assert_eq!(world.roles(account, amy, &at).await, ["admin", "owner"]);
    assert_eq!(world.roles(account, olga, &at).await, Vec::<String>::new());
    // The owners of its workspaces stay.
    assert_eq!(world.roles(account, olga, &athens).await, ["owner"]);

    let recover = Recover {
        scope: athens.clone(),
        to: amy,
        justification: "left".to_owned(),
    };
    world.run(&world.operator(), account, recover).await.unwrap();
    assert_eq!(world.roles(account, amy, &athens).await, ["owner"]);
    assert_eq!(world.roles(account, olga, &athens).await, Vec::<String>::new());
}

bailiwick_testkit::on_both_engines!(
    the_last_admin_is_never_revoked_removed_suspended_ended_or_disabled,
    a_disabled_user_does_not_count_as_an_admin,
    an_owner_is_never_assigned_or_revoked_only_transferred_to_a_member,
);
