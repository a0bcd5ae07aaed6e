//! Manifests.

use bailiwick_types::{Code, Fault, Scope};

use crate::world::{ONE_QUESTION, World};

async fn applying_the_same_again_changes_nothing_and_a_difference_is_told_and_counted(world: World) {
    let again = world.apply(ONE_QUESTION).await.unwrap();
    assert!(!again.changed);
    assert_eq!(again.product.version, 1);
    let numbers = again.product.numbers.clone();
    let changed = ONE_QUESTION.replace("title: Supervisor", "title: Lead");
    let next = world.apply(&changed).await.unwrap();
    assert_eq!((next.changed, next.product.version), (true, 2));
    assert_eq!(
        next.differences,
        ["~ roles.supervisor.title: \"Supervisor\" -> \"Lead\""]
    );
    assert_eq!(next.product.numbers, numbers);
    let name = "one-question".parse().unwrap();
    let kept = world
        .ports
        .store
        .read_all()
        .await
        .unwrap()
        .product(&name)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kept, next.product);
}

async fn every_fault_of_a_manifest_is_told_with_its_line(world: World) {
    let source = "product: faulty\nroles:\n  a: {levels: {account: {permissions: [no.such]}}}\n  b: {levels: {moon: {}}}\n";
    let error = world.apply(source).await.unwrap_err();
    assert_eq!(
        (error.code(), error.reason().as_str()),
        (Code::InvalidArgument, "INVALID_MANIFEST")
    );
    assert!(
        error.violations().iter().all(|fault| fault.field == "manifest"),
        "{error}"
    );
    assert!(
        error
            .violations()
            .iter()
            .any(|fault| fault.rule.starts_with("line 4, column ")),
        "{error}"
    );
}

async fn a_role_that_is_bound_cannot_be_taken_out(world: World) {
    let account = world.account("one-question", None, 0).await;
    let instance = world.instance(account).await;
    let user = world.member("a@example.com", account).await;
    world
        .assign(&world.operator(), account, (user, "agent", &instance))
        .await
        .unwrap();
    let (before, _) = ONE_QUESTION
        .split_once("  # Reads feedback and answers it.")
        .unwrap();
    let without = before.replace(
        "assigns: [manager, supervisor, agent]",
        "assigns: [manager, supervisor]",
    );
    let error = world.apply(&without).await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition, "{error}");
    assert!(
        error
            .to_string()
            .contains("role `agent` is bound at level `instance`"),
        "{error}"
    );
    world
        .revoke(&world.operator(), account, (user, "agent", &instance))
        .await
        .unwrap();
    assert!(world.apply(&without).await.unwrap().changed);
    assert_eq!(
        world.roles(account, user, &Scope::Account(account)).await,
        Vec::<String>::new()
    );
}

on_both!(
    applying_the_same_again_changes_nothing_and_a_difference_is_told_and_counted,
    every_fault_of_a_manifest_is_told_with_its_line,
    a_role_that_is_bound_cannot_be_taken_out,
);
