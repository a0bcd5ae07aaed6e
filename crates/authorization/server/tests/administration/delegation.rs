//! Who may assign and revoke which roles, and remove or suspend whom.

use bailiwick_authorization_core::member::{remove::Remove, suspend::Suspend};
use bailiwick_types::{AccountId, Code, Fault, Scope};

use crate::world::{World, code, reason};

async fn a_role_is_assigned_where_a_binding_on_the_path_lists_it(world: World) {
    let account = world.account("one-question", None, 0).await;
    let at = Scope::Account(account);
    let (sales, hr) = (world.instance(account).await, world.instance(account).await);
    let max = world.member("max@example.com", account).await;
    let new = world.member("new@example.com", account).await;
    let op = world.operator();
    world
        .assign(&op, account, (max, "manager", &sales))
        .await
        .unwrap();
    let (by, by_new) = (world.by(max, account), world.by(new, account));
    world.assign(&by, account, (new, "agent", &sales)).await.unwrap();
    for (by, binding) in [
        (&by, (new, "agent", &hr)),
        (&by, (max, "admin", &at)),
        (&by_new, (new, "supervisor", &sales)),
    ] {
        let refused = world.assign(by, account, binding).await;
        assert_eq!(code(refused), Code::PermissionDenied, "{binding:?}");
    }
    let unfit = world
        .assign(&by, account, (new, "admin", &sales))
        .await
        .unwrap_err();
    assert_eq!(
        (unfit.code(), unfit.reason().as_str()),
        (Code::InvalidArgument, "UNKNOWN_ROLE")
    );
    let stranger = world.person("stranger@example.com").await;
    let refused = world.assign(&by, account, (stranger, "agent", &sales)).await;
    assert_eq!(reason(refused), "NOT_A_MEMBER");
    // A repeated assignment succeeds and makes no second binding.
    world.assign(&by, account, (new, "agent", &sales)).await.unwrap();
    assert_eq!(world.roles(account, new, &sales).await, ["agent"]);
    world.revoke(&by, account, (new, "agent", &sales)).await.unwrap();
    let refused = world.revoke(&by, account, (new, "agent", &sales)).await;
    assert_eq!(code(refused), Code::NotFound);
}

async fn an_account_that_does_not_exist_is_refused_like_one_of_others(world: World) {
    let account = world.account("one-question", None, 0).await;
    let other = world.account("one-question", None, 0).await;
    let max = world.member("max@example.com", account).await;
    let missing = AccountId::generate(&*world.ports.ids);
    for of in [other, missing] {
        let admin = (max, "admin", &Scope::Account(of));
        let error = world.assign(&world.by(max, of), of, admin).await.unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied);
        assert_eq!(
            error.to_string(),
            "the caller may not do this here, or it does not exist"
        );
    }
    let admin = (max, "admin", &Scope::Account(missing));
    let refused = world.assign(&world.operator(), missing, admin).await;
    assert_eq!(code(refused), Code::NotFound);
}

async fn removing_needs_the_right_to_revoke_every_role(world: World) {
    let account = world.account("one-question", None, 0).await;
    let (sales, hr) = (world.instance(account).await, world.instance(account).await);
    let max = world.member("max@example.com", account).await;
    let mixed = world.member("mixed@example.com", account).await;
    let op = world.operator();
    for binding in [
        (max, "manager", &sales),
        (mixed, "agent", &sales),
        (mixed, "agent", &hr),
    ] {
        world.assign(&op, account, binding).await.unwrap();
    }
    let by = world.by(max, account);
    let from = |scope: Option<&Scope>| Remove {
        user: mixed,
        scope: scope.cloned(),
    };
    for scope in [None, Some(&hr)] {
        let refused = world.run(&by, account, from(scope)).await;
        assert_eq!(code(refused), Code::PermissionDenied);
    }
    world.run(&by, account, from(Some(&sales))).await.unwrap();
    assert_eq!(world.roles(account, mixed, &sales).await, Vec::<String>::new());
    assert_eq!(world.roles(account, mixed, &hr).await, ["agent"]);
    let suspend = Suspend { user: mixed };
    let refused = world.run(&by, account, suspend.clone()).await;
    assert_eq!(code(refused), Code::PermissionDenied);
    world.run(&op, account, suspend).await.unwrap();
    let refused = world.assign(&op, account, (mixed, "agent", &sales)).await;
    assert_eq!(reason(refused), "NOT_A_MEMBER");
    world.run(&op, account, from(None)).await.unwrap();
    let read = world.read(account).await;
    assert_eq!(read.member(mixed).await.unwrap(), None);
    assert_eq!(world.roles(account, mixed, &hr).await, Vec::<String>::new());
}

bailiwick_testkit::on_both_engines!(
    a_role_is_assigned_where_a_binding_on_the_path_lists_it,
    an_account_that_does_not_exist_is_refused_like_one_of_others,
    removing_needs_the_right_to_revoke_every_role,
);
