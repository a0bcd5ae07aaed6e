//! Concurrent writes: real transactions on PostgreSQL.

use std::sync::Arc;

use bailiwick_authorization_core::{
    binding::transfer::Transfer,
    invitation::{
        accept::{Accept, Which},
        create::Create,
    },
    operation,
};
use bailiwick_types::{Code, Fault, Scope, Target};

use crate::{
    products::without_agents,
    world::{ONE_QUESTION, World},
};

/// How often each race is run.
const TRIES: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_admins_who_revoke_each_other_exactly_one_succeeds() {
    let world = Arc::new(World::postgres().await);
    let account = world.account("one-question", None, 0).await;
    let at = Scope::Account(account);
    let ada = world.member("ada@example.com", account).await;
    let max = world.member("max@example.com", account).await;
    for round in 0..TRIES {
        for user in [ada, max] {
            world
                .assign(&world.operator(), account, (user, "admin", &at))
                .await
                .unwrap();
        }
        let revoke = |by, user| {
            let (world, at) = (Arc::clone(&world), at.clone());
            tokio::spawn(async move {
                let by = world.by(by, account);
                world.revoke(&by, account, (user, "admin", &at)).await
            })
        };
        let (one, other) = tokio::join!(revoke(ada, max), revoke(max, ada));
        let results = [one.unwrap(), other.unwrap()];
        let done = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(done, 1, "round {round}: {results:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_transfers_one_wins_and_there_is_one_owner() {
    let world = Arc::new(World::postgres().await);
    let olga = world.person("olga@example.com").await;
    let account = world.account("e-satisfaction", Some(olga), 0).await;
    let at = Scope::Account(account);
    let amy = world.member("amy@example.com", account).await;
    let bob = world.member("bob@example.com", account).await;
    for round in 0..TRIES {
        let transfer = |to| {
            let (world, scope) = (Arc::clone(&world), at.clone());
            tokio::spawn(async move {
                let by = world.by(olga, account);
                world.run(&by, account, Transfer { scope, to }).await
            })
        };
        let (one, other) = tokio::join!(transfer(amy), transfer(bob));
        let lost: Vec<Code> = [one, other]
            .into_iter()
            .filter_map(|result| result.unwrap().err())
            .map(|error| error.code())
            .collect();
        assert_eq!(lost, [Code::PermissionDenied], "round {round}");
        let read = world.read(account).await;
        let owners = read.holders("owner", &at).await.unwrap();
        drop(read);
        assert_eq!(owners.len(), 1);
        let by = world.by(owners[0].user, account);
        let back = Transfer {
            scope: at.clone(),
            to: olga,
        };
        world.run(&by, account, back).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_accepted_once_and_the_last_seat_is_taken_once() {
    let world = Arc::new(World::postgres().await);
    for round in 0..20 {
        let account = world.account("one-question", None, 1).await;
        let sales = world.instance(account).await;
        let invite = async |email: &str| {
            let create = Create {
                email: email.parse().unwrap(),
                kind: bailiwick_policy::manifest::MemberKind::Agent,
                roles: vec!["agent".to_owned()],
                scope: sales.clone(),
                request_id: None,
            };
            world.run(&world.maker().await, account, create).await.unwrap();
            world.person(email).await
        };
        let one = invite(&format!("one{round}@example.com")).await;
        let two = invite(&format!("two{round}@example.com")).await;
        let accept = |user| {
            let (world, which) = (Arc::clone(&world), Which::On(sales.clone()));
            tokio::spawn(async move {
                let by = world.signed_in(user).on(&Target::none());
                let accept = Accept { which, email: None };
                operation::run_in(&world.ports, &by, account, accept).await
            })
        };
        let (a, b, c, d) = tokio::join!(accept(one), accept(one), accept(two), accept(two));
        let results = [a.unwrap(), b.unwrap(), c.unwrap(), d.unwrap()];
        let done = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(done, 1, "round {round}: {results:?}");
        let read = world.read(account).await;
        assert_eq!(read.seats_taken().await.unwrap(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_is_not_bound_while_a_manifest_removes_it() {
    let world = Arc::new(World::postgres().await);
    let account = world.account("one-question", None, 0).await;
    let instance = world.instance(account).await;
    let user = world.member("a@example.com", account).await;
    for round in 0..TRIES {
        world.apply(ONE_QUESTION).await.unwrap();
        let _ = world
            .revoke(&world.operator(), account, (user, "agent", &instance))
            .await;
        let assign = {
            let (world, instance) = (Arc::clone(&world), instance.clone());
            tokio::spawn(async move {
                world
                    .assign(&world.operator(), account, (user, "agent", &instance))
                    .await
                    .is_ok()
            })
        };
        let apply = {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.apply(&without_agents()).await.is_ok() })
        };
        let (bound, removed) = tokio::join!(assign, apply);
        let (bound, removed) = (bound.unwrap(), removed.unwrap());
        assert!(
            bound != removed,
            "round {round}: bound {bound}, removed {removed}"
        );
    }
}
