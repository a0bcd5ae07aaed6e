//! Rules about the holders of a role.

use std::{sync::Arc, time::Duration};

use bailiwick_authorization_core::{
    binding::{recover::Recover, transfer::Transfer},
    closing::{
        operator,
        user::{self, Close, close},
    },
    follow::{PersonTold, Way},
    member::{remove::Remove, suspend::Suspend, update::Update},
    operation,
    person::{OPERATOR, PersonState, ServiceAccount},
};
use bailiwick_types::{Code, Fault, IdGen, Scope, ScopeRoot, ServiceAccountId, Target, UserId};

use crate::world::{World, by_suite, code, reason, version_of};

async fn close_user(world: &World, user: UserId) -> Result<(), user::Error> {
    let by = by_suite(&Target::none());
    let version = version_of(2);
    let closed = Close {
        user,
        version,
        deletes: None,
    };
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

async fn tell_operator(world: &World, user: UserId, version: u64) {
    let told = PersonTold {
        user,
        version: version_of(version),
        way: Way::Event,
        state: PersonState::Active,
        email: format!("{user}@example.com"),
        email_verified: true,
        operator: true,
    };
    world.tell(told).await;
}

async fn operators(world: &World) -> Vec<UserId> {
    let read = world.read_all().await;
    let holders = read.root_holders(&ScopeRoot::Deployment, OPERATOR).await.unwrap();
    let active = holders.into_iter().filter(|of| of.state == PersonState::Active);
    active.map(|of| of.user).collect()
}

/// How often each race is run.
const TRIES: u64 = 50;

async fn of_two_operators_who_take_each_others_access_exactly_one_succeeds(world: World) {
    let world = Arc::new(world);
    let ids: &dyn IdGen = &*world.ports.ids;
    let (ada, max) = (UserId::generate(ids), UserId::generate(ids));
    let service = ServiceAccount {
        id: ServiceAccountId::generate(ids),
        version: version_of(1),
        closed_version: None,
        enabled: true,
        root: ScopeRoot::Deployment,
        role: Some(OPERATOR.to_owned()),
        creator: None,
    };
    world.tell_service(service).await;
    for round in 0..TRIES {
        for user in [ada, max] {
            tell_operator(&world, user, 2 * round + 1).await;
        }
        assert_eq!(operators(&world).await.len(), 2);
        // Disabled, or robbed of the role: both are under the same rule.
        let take = |user, disable: bool| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let by = by_suite(&Target::none());
                let version = version_of(2 * round + 2);
                let closed = Close {
                    user,
                    version,
                    deletes: None,
                };
                if disable {
                    close(&world.ports, &by, closed).await
                } else {
                    operator::close(&world.ports, &by, closed).await
                }
            })
        };
        let (one, other) = tokio::join!(take(ada, round % 3 != 0), take(max, round % 2 == 0));
        let results = [one.unwrap(), other.unwrap()];
        let refused: Vec<_> = results
            .iter()
            .filter_map(|result| result.as_ref().err())
            .collect();
        let [refusal] = *refused else {
            panic!("round {round}: {results:?}")
        };
        assert_eq!(refusal.code(), Code::FailedPrecondition);
        assert!(refusal.to_string().contains("`operator`"), "{refusal}");
        assert_eq!(operators(&world).await.len(), 1, "round {round}");
    }
}

async fn the_last_operator_stays_whatever_service_accounts_there_are(world: World) {
    let user = UserId::generate(&*world.ports.ids);
    tell_operator(&world, user, 1).await;
    assert_eq!(reason(close_user(&world, user).await), "HOLDER_RULE");
    assert_eq!(operators(&world).await, [user]);
    // Users that are none may go.
    let ada = world.person("ada@example.com").await;
    close_user(&world, ada).await.unwrap();
}

bailiwick_testkit::on_both_engines!(
    of_two_operators_who_take_each_others_access_exactly_one_succeeds,
    the_last_operator_stays_whatever_service_accounts_there_are,
    the_last_admin_is_never_revoked_removed_suspended_ended_or_disabled,
    a_disabled_user_does_not_count_as_an_admin,
    an_owner_is_never_assigned_or_revoked_only_transferred_to_a_member,
);
