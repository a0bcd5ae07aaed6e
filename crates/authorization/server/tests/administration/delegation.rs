//! Who may give and take what.

use bailiwick_authorization_core::use_case::{remove_member, suspend_member};
use bailiwick_types::{Code, Fault, Scope};

use crate::world::World;

async fn a_role_is_given_where_a_binding_on_the_path_lists_it(world: World) {
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
    let by = world.by(max, account);
    world.assign(&by, account, (new, "agent", &sales)).await.unwrap();
    let denied = [
        world
            .assign(&by, account, (new, "agent", &hr))
            .await
            .unwrap_err()
            .code(),
        world
            .assign(&by, account, (max, "admin", &at))
            .await
            .unwrap_err()
            .code(),
        world
            .assign(&world.by(new, account), account, (new, "supervisor", &sales))
            .await
            .unwrap_err()
            .code(),
    ];
    assert_eq!(denied, [Code::PermissionDenied; 3]);
    let unfit = world
        .assign(&by, account, (new, "admin", &sales))
        .await
        .unwrap_err();
    assert_eq!(
        (unfit.code(), unfit.reason().as_str()),
        (Code::InvalidArgument, "UNKNOWN_ROLE")
    );
    let stranger = world.person("stranger@example.com").await;
    let outside = world
        .assign(&by, account, (stranger, "agent", &sales))
        .await
        .unwrap_err();
    assert_eq!(outside.reason().as_str(), "NOT_A_MEMBER");
    // The same again is no error and makes no second one.
    world.assign(&by, account, (new, "agent", &sales)).await.unwrap();
    assert_eq!(world.roles(account, new, &sales).await, ["agent"]);
    world.revoke(&by, account, (new, "agent", &sales)).await.unwrap();
    let gone = world
        .revoke(&by, account, (new, "agent", &sales))
        .await
        .unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}

async fn an_account_that_is_not_there_answers_like_one_that_may_not_be_seen(world: World) {
    let account = world.account("one-question", None, 0).await;
    let other = world.account("one-question", None, 0).await;
    let max = world.member("max@example.com", account).await;
    let missing = bailiwick_types::AccountId::generate(&*world.ports.ids);
    for of in [other, missing] {
        let scope = Scope::Account(of);
        let error = world
            .assign(&world.by(max, of), of, (max, "admin", &scope))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied);
        assert_eq!(
            error.to_string(),
            "the caller may not do this here, or it does not exist"
        );
    }
    let error = world
        .assign(
            &world.operator(),
            missing,
            (max, "admin", &Scope::Account(missing)),
        )
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
}

async fn removing_needs_the_right_to_take_every_role(world: World) {
    let account = world.account("one-question", None, 0).await;
    let (sales, hr) = (world.instance(account).await, world.instance(account).await);
    let max = world.member("max@example.com", account).await;
    let mixed = world.member("mixed@example.com", account).await;
    let op = world.operator();
    world
        .assign(&op, account, (max, "manager", &sales))
        .await
        .unwrap();
    world
        .assign(&op, account, (mixed, "agent", &sales))
        .await
        .unwrap();
    world.assign(&op, account, (mixed, "agent", &hr)).await.unwrap();
    let by = world.by(max, account);
    let from = |scope: Option<&Scope>| remove_member::Command {
        account,
        user: mixed,
        scope: scope.cloned(),
    };
    for scope in [None, Some(&hr)] {
        let error = remove_member::execute(&world.ports, &by, from(scope))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied);
    }
    remove_member::execute(&world.ports, &by, from(Some(&sales)))
        .await
        .unwrap();
    assert_eq!(world.roles(account, mixed, &sales).await, Vec::<String>::new());
    assert_eq!(world.roles(account, mixed, &hr).await, ["agent"]);
    let suspend = suspend_member::Command {
        account,
        user: mixed,
        suspend: true,
    };
    let error = suspend_member::execute(&world.ports, &by, suspend.clone())
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    suspend_member::execute(&world.ports, &op, suspend).await.unwrap();
    let error = world
        .assign(&op, account, (mixed, "agent", &sales))
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "NOT_A_MEMBER");
    remove_member::execute(&world.ports, &op, from(None))
        .await
        .unwrap();
    let read = world
        .ports
        .store
        .read(bailiwick_testkit::witness::system().account(account).read())
        .await
        .unwrap();
    assert_eq!(read.member(mixed).await.unwrap(), None);
    assert_eq!(world.roles(account, mixed, &hr).await, Vec::<String>::new());
}

bailiwick_testkit::on_both_engines!(
    a_role_is_given_where_a_binding_on_the_path_lists_it,
    an_account_that_is_not_there_answers_like_one_that_may_not_be_seen,
    removing_needs_the_right_to_take_every_role,
);
