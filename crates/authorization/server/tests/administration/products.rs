//! Manifests.

use bailiwick_types::{Code, Fault, Scope};

use crate::world::{ONE_QUESTION, World};

async fn the_same_manifest_changes_nothing_and_another_one_counts_up_and_lists_its_differences(world: World) {
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
    let kept = world.read_all().await.product(&name).await.unwrap();
    assert_eq!(kept, Some(next.product));
}

async fn every_fault_of_a_manifest_has_its_line(world: World) {
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

async fn a_role_that_is_bound_cannot_be_removed(world: World) {
    let account = world.account("one-question", None, 0).await;
    let instance = world.instance(account).await;
    let user = world.member("a@example.com", account).await;
    world
        .assign(&world.operator(), account, (user, "agent", &instance))
        .await
        .unwrap();
    let without = without_agents();
    let error = world.apply(&without).await.unwrap_err();
    assert_eq!(
        (error.code(), error.reason().as_str()),
        (Code::FailedPrecondition, "ROLE_IN_USE"),
        "{error}"
    );
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

/// One Question without the role of the agent.
pub(crate) fn without_agents() -> String {
    let (before, _) = ONE_QUESTION
        .split_once("  # Reads feedback and answers it.")
        .unwrap();
    before.replace(
        "assigns: [manager, supervisor, agent]",
        "assigns: [manager, supervisor]",
    )
}

async fn a_role_is_removed_where_another_replaces_it_or_its_bindings_may_end(world: World) {
    let mut people = Vec::new();
    // Two accounts, each with a user who has the other role already.
    for n in 0..2 {
        let account = world.account("one-question", None, 0).await;
        let instance = world.instance(account).await;
        let user = world.member(&format!("a{n}@example.com"), account).await;
        let both = world.member(&format!("b{n}@example.com"), account).await;
        for (who, role) in [(user, "agent"), (both, "agent"), (both, "supervisor")] {
            world
                .assign(&world.operator(), account, (who, role, &instance))
                .await
                .unwrap();
        }
        people.push((account, instance, user, both));
    }
    let done = world
        .apply_replacing(&without_agents(), &[("agent", Some("supervisor"))])
        .await
        .unwrap();
    assert!(
        done.differences
            .contains(&"~ bindings of `agent`: 4 become `supervisor`".to_owned()),
        "{:?}",
        done.differences
    );
    for (account, instance, user, both) in &people {
        assert_eq!(world.roles(*account, *user, instance).await, ["supervisor"]);
        assert_eq!(world.roles(*account, *both, instance).await, ["supervisor"]);
    }
    // Back to the role, so that its bindings can end.
    world.apply(ONE_QUESTION).await.unwrap();
    let (account, instance, user, _) = &people[0];
    world
        .assign(&world.operator(), *account, (*user, "agent", instance))
        .await
        .unwrap();
    world
        .apply_replacing(&without_agents(), &[("agent", None)])
        .await
        .unwrap();
    assert_eq!(world.roles(*account, *user, instance).await, ["supervisor"]);
}

async fn a_replacement_that_does_not_fit_is_refused(world: World) {
    let account = world.account("one-question", None, 0).await;
    let instance = world.instance(account).await;
    let user = world.member("a@example.com", account).await;
    world
        .assign(&world.operator(), account, (user, "agent", &instance))
        .await
        .unwrap();
    for (by, rule) in [
        ("nobody", "must be a role of the new manifest"),
        ("agent", "must be a role of the new manifest"),
        ("admin", "must not be a role with `holders`"),
    ] {
        let error = world
            .apply_replacing(&without_agents(), &[("agent", Some(by))])
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
        let violation = &error.violations()[0];
        assert_eq!(violation.field, "role_replacements[0].replaced_by");
        assert_eq!(violation.rule, rule);
    }
    // Nothing happened.
    assert_eq!(world.roles(account, user, &instance).await, ["agent"]);
}

bailiwick_testkit::on_both_engines!(
    a_role_is_removed_where_another_replaces_it_or_its_bindings_may_end,
    a_replacement_that_does_not_fit_is_refused,
    the_same_manifest_changes_nothing_and_another_one_counts_up_and_lists_its_differences,
    every_fault_of_a_manifest_has_its_line,
    a_role_that_is_bound_cannot_be_removed,
);
