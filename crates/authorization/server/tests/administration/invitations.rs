//! Invitations and seats.

use std::time::Duration;

use bailiwick_authorization_core::{
    follow::{SettingsTold, settings_changed},
    invitation::{Invitation, State},
    use_case::{
        accept_invitation::{self, Which},
        create_invitation, revoke_invitation,
    },
};
use bailiwick_types::{AccountId, Authorized, Code, Fault, Scope, ScopeRoot, UserId};
use serde_json::json;

use crate::world::World;

async fn invite(
    world: &World,
    by: &Authorized,
    account: AccountId,
    (email, roles, scope): (&str, &[&str], &Scope),
) -> Result<Invitation, create_invitation::Error> {
    let command = create_invitation::Command {
        account,
        email: email.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        scope: scope.clone(),
        request_id: None,
    };
    Ok(create_invitation::execute(&world.ports, by, command).await?.0)
}

async fn accept(
    world: &World,
    user: UserId,
    account: AccountId,
    which: Which,
) -> Result<Invitation, accept_invitation::Error> {
    accept_as(world, user, account, which, None).await
}

async fn accept_as(
    world: &World,
    user: UserId,
    account: AccountId,
    which: Which,
    email: Option<&str>,
) -> Result<Invitation, accept_invitation::Error> {
    let by = world.by(user, account);
    let command = accept_invitation::Command {
        account,
        which,
        email: email.map(str::to_owned),
    };
    Ok(accept_invitation::execute(&world.ports, &by, command).await?.0)
}

async fn an_invitation_gives_membership_and_roles_once_and_to_its_address_alone(world: World) {
    let account = world.account("one-question", None, 0).await;
    let sales = world.instance(account).await;
    let max = world.member("max@example.com", account).await;
    world
        .assign(&world.operator(), account, (max, "manager", &sales))
        .await
        .unwrap();
    let by = world.by(max, account);
    let made = invite(&world, &by, account, ("New@example.com", &["agent"], &sales))
        .await
        .unwrap();
    let error = invite(&world, &by, account, ("new@example.com", &["agent"], &sales))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::AlreadyExists);
    let error = invite(
        &world,
        &by,
        account,
        ("x@example.com", &["admin"], &Scope::Account(account)),
    )
    .await
    .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    let error = invite(&world, &by, account, ("x@example.com", &["admin"], &sales))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);

    let other = world.person("other@example.com").await;
    let new = world.person("new@EXAMPLE.com").await;
    let error = accept(&world, other, account, Which::Id(made.id))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    // Signed in as one, with the link that another was sent.
    for which in [Which::Id(made.id), Which::On(sales.clone())] {
        let error = accept_as(&world, new, account, which, Some("other@example.com")).await;
        assert_eq!(error.unwrap_err().code(), Code::PermissionDenied);
    }
    let done = accept_as(
        &world,
        new,
        account,
        Which::On(sales.clone()),
        Some("NEW@example.com"),
    )
    .await
    .unwrap();
    assert_eq!((done.id, done.state), (made.id, State::Accepted));
    assert_eq!(world.roles(account, new, &sales).await, ["agent"]);
    for which in [Which::Id(made.id), Which::On(sales.clone())] {
        let error = accept(&world, new, account, which).await.unwrap_err();
        assert_eq!(error.reason().as_str(), "INVITATION_NOT_PENDING");
    }
}

async fn what_its_maker_lost_an_invitation_no_longer_gives(world: World) {
    let account = world.account("one-question", None, 0).await;
    let sales = world.instance(account).await;
    let max = world.member("max@example.com", account).await;
    let op = world.operator();
    world
        .assign(&op, account, (max, "manager", &sales))
        .await
        .unwrap();
    let by = world.by(max, account);
    invite(&world, &by, account, ("new@example.com", &["agent"], &sales))
        .await
        .unwrap();
    world
        .revoke(&op, account, (max, "manager", &sales))
        .await
        .unwrap();
    let new = world.person("new@example.com").await;
    let error = accept(&world, new, account, Which::On(sales.clone()))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    world
        .assign(&op, account, (max, "manager", &sales))
        .await
        .unwrap();
    world.clock.advance(Duration::from_hours(192));
    let error = accept(&world, new, account, Which::On(sales.clone()))
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "INVITATION_NOT_PENDING");
    // One that nobody accepted in time gives way to the next, which can be taken back.
    let next = invite(&world, &by, account, ("new@example.com", &["agent"], &sales))
        .await
        .unwrap();
    let command = revoke_invitation::Command {
        account,
        invitation: next.id,
    };
    revoke_invitation::execute(&world.ports, &by, command)
        .await
        .unwrap();
    let error = accept(&world, new, account, Which::Id(next.id))
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "INVITATION_NOT_PENDING");
}

async fn domains_and_seats_are_looked_at_when_it_is_made_and_when_it_is_accepted(world: World) {
    let account = world.account("sogolytics", None, 2).await;
    let at = Scope::Account(account);
    let boss = world.member("boss@acme.example", account).await;
    world
        .assign(&world.operator(), account, (boss, "administrator", &at))
        .await
        .unwrap();
    let by = world.by(boss, account);
    let set = async |version: u64, domains: &[&str]| {
        let values = [("allowed_domains".to_owned(), json!(domains))].into();
        let mut unit = world
            .ports
            .store
            .write_all(
                bailiwick_testkit::witness::system().all_accounts(),
                &[ScopeRoot::Account(account)],
            )
            .await
            .unwrap();
        unit.select(bailiwick_testkit::witness::system().account(account).read());
        settings_changed(
            &mut *unit,
            SettingsTold {
                account,
                version,
                values,
            },
        )
        .await
        .unwrap();
        unit.commit().await.unwrap();
    };
    set(1, &["acme.example"]).await;
    let error = invite(&world, &by, account, ("who@other.example", &["sub_user"], &at))
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "DOMAIN_NOT_ALLOWED");
    invite(&world, &by, account, ("one@acme.example", &["sub_user"], &at))
        .await
        .unwrap();
    invite(&world, &by, account, ("two@acme.example", &["sub_user"], &at))
        .await
        .unwrap();
    let one = world.person("one@acme.example").await;
    let two = world.person("two@acme.example").await;
    set(2, &["elsewhere.example"]).await;
    let error = accept(&world, one, account, Which::On(at.clone()))
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "DOMAIN_NOT_ALLOWED");
    set(1, &["acme.example"]).await;
    assert!(
        accept(&world, one, account, Which::On(at.clone())).await.is_err(),
        "older settings are skipped"
    );
    set(3, &["acme.example"]).await;
    accept(&world, one, account, Which::On(at.clone())).await.unwrap();
    let error = accept(&world, two, account, Which::On(at.clone()))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.reason().as_str()),
        (Code::ResourceExhausted, "NO_FREE_SEAT")
    );
    let error = invite(&world, &by, account, ("three@acme.example", &["sub_user"], &at))
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "NO_FREE_SEAT");
    assert_eq!(
        world.join(two, account).await.unwrap_err().reason().as_str(),
        "NO_FREE_SEAT"
    );
}

async fn a_request_that_is_sent_again_gets_the_same_answer(world: World) {
    let account = world.account("one-question", None, 0).await;
    let sales = world.instance(account).await;
    let op = world.operator();
    let command = create_invitation::Command {
        account,
        email: "new@example.com".to_owned(),
        roles: vec!["agent".to_owned()],
        scope: sales.clone(),
        request_id: Some("1".to_owned()),
    };
    let (first, _) = create_invitation::execute(&world.ports, &op, command.clone())
        .await
        .unwrap();
    let (again, token) = create_invitation::execute(&world.ports, &op, command.clone())
        .await
        .unwrap();
    assert_eq!(first, again);
    assert!(!token.is_empty());
    let other = create_invitation::Command {
        email: "other@example.com".to_owned(),
        ..command
    };
    let error = create_invitation::execute(&world.ports, &op, other)
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "REQUEST_ID_REUSED");
}

bailiwick_testkit::on_both_engines!(
    an_invitation_gives_membership_and_roles_once_and_to_its_address_alone,
    what_its_maker_lost_an_invitation_no_longer_gives,
    domains_and_seats_are_looked_at_when_it_is_made_and_when_it_is_accepted,
    a_request_that_is_sent_again_gets_the_same_answer,
);
