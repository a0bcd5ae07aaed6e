//! Invitations and seats.

use std::time::Duration;

use bailiwick_authorization_core::{
    Error,
    follow::SettingsTold,
    invitation::{
        Invitation, State,
        accept::{Accept, Which},
        create::Create,
        revoke::Revoke,
    },
    operation::{self, Done},
};
use bailiwick_policy::manifest::MemberKind;
use bailiwick_types::{AccountId, Code, Fault, Scope, Target, UserId};
use serde_json::json;

use crate::world::{By, World, code, reason, version_of};

async fn invite(
    world: &World,
    by: &By,
    account: AccountId,
    (email, role, scope): (&str, &str, &Scope),
) -> Result<Invitation, Error> {
    let create = Create {
        email: email.parse().unwrap(),
        kind: MemberKind::Agent,
        roles: vec![role.to_owned()],
        scope: scope.clone(),
        request_id: None,
    };
    world.run(by, account, create).await
}

async fn accept(world: &World, user: UserId, account: AccountId, which: Which) -> Result<Invitation, Error> {
    accept_as(world, user, account, which, None).await
}

async fn accept_as(
    world: &World,
    user: UserId,
    account: AccountId,
    which: Which,
    email: Option<&str>,
) -> Result<Invitation, Error> {
    // The caller is no member yet and has no token for the account.
    let by = world.signed_in(user).on(&Target::none());
    let accept = Accept {
        which,
        email: email.map(|email| email.parse().unwrap()),
    };
    operation::run_in(&world.ports, &by, account, accept)
        .await
        .map(Done::output)
}

async fn an_invitation_gives_membership_and_roles_once_and_to_its_address_alone(world: World) {
    let account = world.account("one-question", None, 0).await;
    let (at, sales) = (Scope::Account(account), world.instance(account).await);
    let max = world.member("max@example.com", account).await;
    let manager = (max, "manager", &sales);
    world.assign(&world.operator(), account, manager).await.unwrap();
    let by = world.by(max, account);
    let made = invite(&world, &by, account, ("New@example.com", "agent", &sales))
        .await
        .unwrap();
    for (email, role, scope, expected) in [
        ("new@example.com", "agent", &sales, Code::AlreadyExists),
        ("x@example.com", "admin", &at, Code::PermissionDenied),
        ("x@example.com", "admin", &sales, Code::InvalidArgument),
    ] {
        let refused = invite(&world, &by, account, (email, role, scope)).await;
        assert_eq!(code(refused), expected);
    }

    let other = world.person("other@example.com").await;
    let new = world.person("new@EXAMPLE.com").await;
    let refused = accept(&world, other, account, Which::Id(made.id)).await;
    assert_eq!(code(refused), Code::PermissionDenied);
    let both = || [Which::Id(made.id), Which::On(sales.clone())];
    // The link was sent to another address than that of the user who follows it.
    for which in both() {
        let refused = accept_as(&world, new, account, which, Some("other@example.com")).await;
        assert_eq!(code(refused), Code::PermissionDenied);
    }
    let which = Which::On(sales.clone());
    let done = accept_as(&world, new, account, which, Some("NEW@example.com"))
        .await
        .unwrap();
    assert_eq!((done.id, done.state), (made.id, State::Accepted));
    assert_eq!(world.roles(account, new, &sales).await, ["agent"]);
    for which in both() {
        let refused = accept(&world, new, account, which).await;
        assert_eq!(reason(refused), "INVITATION_NOT_PENDING");
    }
}

async fn an_invitation_does_not_give_what_the_inviter_has_lost(world: World) {
    let account = world.account("one-question", None, 0).await;
    let sales = world.instance(account).await;
    let max = world.member("max@example.com", account).await;
    let op = world.operator();
    let manager = (max, "manager", &sales);
    world.assign(&op, account, manager).await.unwrap();
    let by = world.by(max, account);
    let agent = ("new@example.com", "agent", &sales);
    invite(&world, &by, account, agent).await.unwrap();
    world.revoke(&op, account, manager).await.unwrap();
    let new = world.person("new@example.com").await;
    let on_sales = || Which::On(sales.clone());
    let refused = accept(&world, new, account, on_sales()).await;
    assert_eq!(code(refused), Code::FailedPrecondition);
    world.assign(&op, account, manager).await.unwrap();
    world.clock.advance(Duration::from_hours(192));
    let refused = accept(&world, new, account, on_sales()).await;
    assert_eq!(reason(refused), "INVITATION_NOT_PENDING");
    // Another invitation can follow an expired one, and be revoked.
    let next = invite(&world, &by, account, agent).await.unwrap();
    let revoke = Revoke { invitation: next.id };
    world.run(&by, account, revoke).await.unwrap();
    let refused = accept(&world, new, account, Which::Id(next.id)).await;
    assert_eq!(reason(refused), "INVITATION_NOT_PENDING");
}

async fn domains_and_seats_are_checked_at_the_invitation_and_when_it_is_accepted(world: World) {
    let account = world.account("sogolytics", None, 2).await;
    let at = Scope::Account(account);
    let boss = world.holder("boss@acme.example", account, "administrator").await;
    let by = world.by(boss, account);
    let allow = async |version: u64, domain: &str| {
        let values = [("allowed_domains".to_owned(), json!([domain]))].into();
        let told = SettingsTold {
            account,
            version: version_of(version),
            values,
        };
        world.tell_settings(told).await;
    };
    let invite = async |email: &str| invite(&world, &by, account, (email, "sub_user", &at)).await;
    let accept = async |user| accept(&world, user, account, Which::On(at.clone())).await;
    allow(1, "acme.example").await;
    assert_eq!(reason(invite("who@other.example").await), "DOMAIN_NOT_ALLOWED");
    invite("one@acme.example").await.unwrap();
    invite("two@acme.example").await.unwrap();
    let one = world.person("one@acme.example").await;
    let two = world.person("two@acme.example").await;
    allow(2, "elsewhere.example").await;
    assert_eq!(reason(accept(one).await), "DOMAIN_NOT_ALLOWED");
    // Older settings are skipped.
    allow(1, "acme.example").await;
    assert_eq!(reason(accept(one).await), "DOMAIN_NOT_ALLOWED");
    allow(3, "acme.example").await;
    accept(one).await.unwrap();
    let error = accept(two).await.unwrap_err();
    assert_eq!(
        (error.code(), error.reason().as_str()),
        (Code::ResourceExhausted, "NO_FREE_SEAT")
    );
    assert_eq!(reason(invite("three@acme.example").await), "NO_FREE_SEAT");
    assert_eq!(reason(world.join(two, account).await), "NO_FREE_SEAT");
}

async fn a_repeated_request_gets_the_same_answer(world: World) {
    let account = world.account("one-question", None, 0).await;
    let op = world.operator();
    let create = Create {
        email: "new@example.com".parse().unwrap(),
        kind: MemberKind::Agent,
        roles: vec!["agent".to_owned()],
        scope: world.instance(account).await,
        request_id: Some("1".to_owned()),
    };
    let first = world.run(&op, account, create.clone()).await.unwrap();
    let by = op.on(&Target::account(account));
    let again = operation::run(&world.ports, &by, create.clone()).await.unwrap();
    let Done::Committed(again, token) = again else {
        panic!("{again:?}")
    };
    assert_eq!(first, again);
    assert!(!token.is_empty());
    let other = Create {
        email: "other@example.com".parse().unwrap(),
        ..create
    };
    let refused = world.run(&op, account, other).await;
    assert_eq!(reason(refused), "REQUEST_ID_REUSED");
}

bailiwick_testkit::on_both_engines!(
    an_invitation_gives_membership_and_roles_once_and_to_its_address_alone,
    an_invitation_does_not_give_what_the_inviter_has_lost,
    domains_and_seats_are_checked_at_the_invitation_and_when_it_is_accepted,
    a_repeated_request_gets_the_same_answer,
);
