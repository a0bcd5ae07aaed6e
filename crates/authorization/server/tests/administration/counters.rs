//! The counters of an account equal its rows, whatever changes them.

use std::{collections::BTreeMap, time::Duration};

use bailiwick_authorization_core::{
    Limits,
    binding::{assign::Assign, copy::Copy},
    grant::About,
    group,
    limit::Counted,
    member,
    resource::unregister::Unregister,
};
use bailiwick_authorization_server::COUNTED;
use bailiwick_sql::{execute, query, usage::recount_restored};
use bailiwick_types::{GroupId, Scope, Subject, UserId};
use uuid::Uuid;

use crate::{
    limits::{Limited, create_group, join, own_role, remove_role},
    products::without_agents,
    world::{World, assign, grant, name, register, texts},
};

/// What the counters say, and what there is, by account and kind. What is none is left out.
async fn counters(world: &World) -> [BTreeMap<(Uuid, i16), i64>; 2] {
    let conn = world.db.load();
    let read = async |sql: String| {
        let mut all = BTreeMap::new();
        for row in query(conn, &sql, vec![]).await.unwrap() {
            let key = (
                row.try_get("", "account_id").unwrap(),
                row.try_get("", "kind").unwrap(),
            );
            let count: i64 = row.try_get("", "n").unwrap();
            if count != 0 {
                all.insert(key, count);
            }
        }
        all
    };
    let mut real = BTreeMap::new();
    for (table, kind) in [
        ("member", Counted::Members),
        ("subject_group", Counted::Groups),
        ("group_member", Counted::GroupMembers),
        ("binding", Counted::Bindings),
        ("entitlement", Counted::Grants),
        ("resource", Counted::Resources),
    ] {
        let kind = kind.code();
        let sql = format!(
            "SELECT account_id, CAST({kind} AS smallint) AS kind, COUNT(*) AS n FROM {table} GROUP BY account_id"
        );
        real.extend(read(sql).await);
    }
    let counted = read("SELECT account_id, kind, used AS n FROM account_usage".to_owned()).await;
    [counted, real]
}

/// Random numbers that a seed repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

const ROLES: [&str; 4] = ["manager", "supervisor", "agent", "night"];

/// A random change. Whether it is allowed does not matter here.
async fn step(of: &Limited, people: &[UserId], groups: &mut Vec<GroupId>, places: &[Scope], dice: &mut Dice) {
    let user = people[dice.roll(people.len())];
    let at = places[dice.roll(places.len())].clone();
    let role = ROLES[dice.roll(ROLES.len())];
    let group = groups.get(dice.roll(8)).copied();
    let subject = match group {
        Some(group) if dice.roll(2) == 0 => Subject::group(group),
        _ => Subject::user(user),
    };
    let (world, op, account) = (&of.world, &of.op, of.account);
    match dice.roll(12) {
        0 | 1 => drop(of.run(join(user)).await),
        2 => {
            let seat_ends = false;
            drop(of.run(member::delete::Delete { user, seat_ends }).await);
        }
        3 | 4 => {
            let assign = Assign {
                key: (dice.roll(2) == 0).then(|| format!("k{}", dice.roll(3))),
                expires_at: (dice.roll(3) == 0).then(|| world.now().plus(Duration::from_hours(2))),
                replace: dice.roll(2) == 0,
                ..assign(subject, role, &at)
            };
            drop(of.run(assign).await);
        }
        5 => drop(world.revoke(op, account, (user, role, &at)).await),
        6 => {
            let about = match dice.roll(3) {
                0 => About::Scope(at),
                _ => About::Resource(name(&format!("survey:{}", dice.roll(6)))),
            };
            drop(of.run(grant(subject, &["survey.view"], about)).await);
        }
        7 => {
            if groups.len() < 6 {
                groups.extend(of.run(create_group()).await.ok().map(|group| group.id));
            } else if let Some(group) = group {
                groups.retain(|one| *one != group);
                of.run(group::delete::Delete { group }).await.unwrap();
            }
        }
        8 => {
            let Some(group) = group else { return };
            let member = Subject::user(user);
            if dice.roll(3) == 0 {
                drop(of.run(group::remove_member::RemoveMember { group, member }).await);
            } else {
                drop(of.run(group::add_member::AddMember { group, member }).await);
            }
        }
        9 => {
            let what = format!("survey:{}", dice.roll(6));
            if dice.roll(2) == 0 {
                drop(of.run(register(&what, &at)).await);
            } else {
                drop(of.run(Unregister { name: name(&what) }).await);
            }
        }
        10 => {
            let (scope, kinds) = (Some(at), texts(&["survey"]));
            if dice.roll(2) == 0 {
                drop(of.run(member::remove::Remove { user, scope }).await);
            } else {
                let to = people[dice.roll(people.len())];
                drop(
                    of.run(Copy {
                        from: user,
                        to,
                        kinds,
                    })
                    .await,
                );
            }
        }
        _ => {
            let (name, at) = ("night", own_role("night", &["survey.view"], None));
            if dice.roll(3) == 0 {
                drop(of.run(remove_role(name)).await);
            } else {
                drop(of.run(at).await);
            }
            world.clock.advance(Duration::from_mins(20));
        }
    }
}

async fn counters_equal_the_rows_after_any_history(world: World) {
    let of = Limited::of(world, "one-question", Limits::default()).await;
    let other = of.world.account("one-question", None, 0).await;
    of.world.holder("other@x.example", other, "admin").await;
    let mut places = vec![of.at.clone()];
    let mut people = Vec::new();
    for n in 0..6 {
        people.push(of.world.person(&format!("p{n}@x.example")).await);
        if n < 2 {
            places.push(of.world.instance(of.account).await);
        }
    }
    let seed = 20_261_130;
    let (mut dice, mut groups) = (Dice(seed), Vec::new());
    for round in 0..10 {
        for _ in 0..40 {
            step(&of, &people, &mut groups, &places, &mut dice).await;
        }
        let [counted, real] = counters(&of.world).await;
        assert_eq!(counted, real, "seed {seed}, round {round}");
        let kinds = real.keys().filter(|(account, _)| *account == of.account.uuid());
        assert!(round == 0 || kinds.count() >= 4, "{real:?}");
    }
    // A manifest that takes a role away takes the bindings of all accounts along, or replaces them.
    of.world
        .apply_replacing(&without_agents(), &[("agent", Some("supervisor"))])
        .await
        .unwrap();
    let [counted, real] = counters(&of.world).await;
    assert_eq!(counted, real, "after the manifest");
}

async fn a_restored_database_is_counted_anew(world: World) {
    let account = world.account("one-question", None, 0).await;
    world.holder("ann@x.example", account, "admin").await;
    // The first look at a database counts too.
    assert!(recount_restored(&world.db, COUNTED).await.unwrap());
    assert!(!recount_restored(&world.db, COUNTED).await.unwrap());
    // Data that is restored row by row is counted on top of the restored counters.
    let tx = world.db.begin_write_across(&[]).await.unwrap();
    let sql = "UPDATE account_usage SET used = used + used";
    execute(tx.conn(), sql, vec![]).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!recount_restored(&world.db, COUNTED).await.unwrap());
    let [counted, real] = counters(&world).await;
    assert_ne!(counted, real);
    world.db.rotate_epoch().await.unwrap();
    assert!(recount_restored(&world.db, COUNTED).await.unwrap());
    let [counted, real] = counters(&world).await;
    assert_eq!(counted, real);
    assert!(!real.is_empty());
}

bailiwick_testkit::on_both_engines!(
    counters_equal_the_rows_after_any_history,
    a_restored_database_is_counted_anew,
);
