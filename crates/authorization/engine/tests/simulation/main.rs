//! Histories of writes against several replicas with slow reads, failing polls, and a shared cache that
//! forgets, goes back in time, mixes epochs and lies about the future, all in an order that a seed decides.
//! Every answer must have been true at one single moment, not before what a token names, and not longer ago
//! than the staleness bound.
//!
//! A failure prints its seed; `SEED=n` replays that one alone, `SEEDS=n` runs so many.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    clippy::type_complexity,
    reason = "a test fails by panicking"
)]

mod chaos;
mod model;
mod said;
mod wire;
mod world;

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Waker},
};

use bailiwick_authorization_engine::{
    AccountRead, Consistency, Epoch, NoArrivals, Replica, ReplicaConfig, SharedCache,
};
use bailiwick_testkit::ManualClock;
use bailiwick_types::{ScopeRoot, Service, Token};
use chaos::Chaos;
use model::{ACCOUNTS, Dice, State};
use said::{Said, decided, listed, planned};
use wire::Wire;
use world::{BOUND, Moment, STEP, STEPS, Shared, World, turns};

#[derive(Default)]
struct Tally {
    answers: usize,
    errors: usize,
    tokens: usize,
    changed: usize,
    /// Lists and plans that are not empty.
    listed: usize,
    planned: usize,
    /// Restores without a new epoch.
    unnoticed: usize,
}

/// Asks a replica again and again, and checks every answer against the history.
async fn asker(world: Shared, replica: Arc<Replica>, tally: Arc<Mutex<Tally>>) {
    let mut last: Option<Vec<bool>> = None;
    loop {
        turns(&world, 10).await;
        let (account, kind, begun, started) = {
            let mut world = world.lock().unwrap();
            let account = ACCOUNTS[world.dice.below(ACCOUNTS.len())];
            (account, world.dice.below(8), world.index(), world.step)
        };
        let mut of: Option<Epoch> = None;
        let (consistency, floor) = match kind {
            0 => (Consistency::Fully, begun),
            1 | 2 => {
                let mut world = world.lock().unwrap();
                let back = world.dice.below(8).min(begun);
                let moment = &world.history[begun - back];
                let (epoch, at) = (Arc::clone(&moment.epoch), moment.state.watermark(account));
                let mut token = Token::default();
                for (root, revision) in [
                    (ScopeRoot::Deployment, at.deployment),
                    (ScopeRoot::Product(model::name()), at.product),
                    (ScopeRoot::Account(account), at.account),
                ] {
                    token.raise(Service::Authorization, &epoch, root, revision);
                }
                // As fresh as the token in the history that it is of. In another one it is answered from the
                // primary.
                let there = |m: &Moment| m.epoch == epoch && m.state.watermark(account).covers(&at);
                let floor = world.history.iter().position(there).unwrap();
                of = Some(epoch);
                (Consistency::AtLeast(token), floor)
            }
            _ => (Consistency::MinimizeLatency, 0),
        };
        let (way, user) = {
            let dice = &mut world.lock().unwrap().dice;
            (dice.below(6), model::user(dice.below(4)))
        };
        let read = AccountRead {
            account,
            consistency,
            deadline: None,
        };
        let made = match way {
            0 => listed(&replica, &read, user).await,
            1 => planned(&replica, &read, user).await,
            _ => decided(&replica, &read).await,
        };
        let consistency = &read.consistency;
        let world = world.lock().unwrap();
        let mut tally = tally.lock().unwrap();
        let Ok((got, revision)) = made else {
            tally.errors += 1;
            continue;
        };
        let oldest = started.saturating_sub(BOUND.as_millis() as usize / STEP.as_millis() as usize);
        let true_at = |i: usize| {
            let moment = &world.history[i];
            moment.state.watermark(account).account == revision && got.is_true(&moment.state, account)
        };
        let fresh = |i: usize| world.history[i].until.is_none_or(|until| until >= oldest);
        let old = |i: usize| i < begun && of.as_ref().is_some_and(|of| world.history[i].epoch != *of);
        let found = (floor..world.history.len()).any(|i| !old(i) && fresh(i) && true_at(i));
        if !found {
            let ever: Vec<usize> = (0..world.history.len()).filter(|i| true_at(*i)).collect();
            panic!(
                "{got:?} at revision {} of {account} under {consistency:?}: true at moments {ever:?} ({:?}), wanted \
                 {floor}.. and not before step {oldest} (begun at moment {begun} and step {started}, now {} and {})",
                revision,
                ever.iter()
                    .map(|i| {
                        let moment = &world.history[*i];
                        (
                            &*moment.epoch,
                            moment.from,
                            moment.until,
                            moment.state.watermark(account),
                        )
                    })
                    .collect::<Vec<_>>(),
                world.history.len() - 1,
                world.step,
            );
        }
        tally.answers += 1;
        tally.tokens += usize::from(!matches!(consistency, Consistency::MinimizeLatency));
        match got {
            Said::Decisions(got) => {
                tally.changed += usize::from(last.as_ref().is_some_and(|last| *last != got));
                last = Some(got);
            }
            Said::Listed(_, ids) => tally.listed += usize::from(!ids.is_empty()),
            Said::Planned(_, plan) => tally.planned += usize::from(plan.all || !plan.alternatives.is_empty()),
        }
    }
}

fn run(seed: u64) -> Tally {
    let products = model::products();
    let first = State::new(Arc::clone(&products[0].product), Arc::clone(&products[1].product));
    let mut world = World {
        dice: Dice::new(seed),
        step: 0,
        history: Vec::new(),
        log: Vec::new(),
        epochs: 0,
        line: 0,
        unnoticed: 0,
    };
    world.push("epoch-0".into(), first);
    let with_shared = world.dice.below(4) != 0;
    let changes = [4, 64, 1_000][world.dice.below(3)];
    let world: Shared = Arc::new(Mutex::new(world));
    let clock = Arc::new(ManualClock::default());
    let chaos = Arc::new(Chaos {
        world: Arc::clone(&world),
        written: Mutex::default(),
    });
    let tally = Arc::new(Mutex::new(Tally::default()));
    let mut tasks: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
    for _ in 0..3 {
        let source = Arc::new(Wire {
            world: Arc::clone(&world),
            cursor: Mutex::default(),
            returned: Mutex::default(),
            down_until: Mutex::default(),
            products: products.clone(),
        });
        let config = ReplicaConfig {
            staleness: BOUND,
            changes,
            ..ReplicaConfig::default()
        };
        let shared = with_shared.then(|| Arc::clone(&chaos) as Arc<dyn SharedCache>);
        let replica = Replica::new(source, shared, Arc::new(NoArrivals), clock.clone(), config);
        let (poller, its_world) = (Arc::clone(&replica), Arc::clone(&world));
        tasks.push(Box::pin(async move {
            loop {
                let _ = poller.poll().await;
                turns(&its_world, 60).await;
            }
        }));
        for _ in 0..3 {
            tasks.push(Box::pin(asker(
                Arc::clone(&world),
                Arc::clone(&replica),
                Arc::clone(&tally),
            )));
        }
        // Hints of own commits come for some of the writes, late or early.
        let (hinted, its_world) = (replica, Arc::clone(&world));
        tasks.push(Box::pin(async move {
            loop {
                turns(&its_world, 80).await;
                let (root, revision) = {
                    let world = its_world.lock().unwrap();
                    (
                        ScopeRoot::Account(ACCOUNTS[0]),
                        world.now().state.watermark(ACCOUNTS[0]).account,
                    )
                };
                hinted.applied(&root, revision).await;
            }
        }));
    }
    let its_world = Arc::clone(&world);
    tasks.push(Box::pin(async move {
        loop {
            turns(&its_world, 12).await;
            let mut world = its_world.lock().unwrap();
            if world.dice.below(120) == 0 {
                world.restore();
            } else {
                world.commit();
            }
        }
    }));
    let mut order = Dice::new(seed ^ 0x5eed);
    let mut context = Context::from_waker(Waker::noop());
    for step in 0..STEPS {
        world.lock().unwrap().step = step;
        clock.advance(STEP);
        for _ in 0..tasks.len() {
            let n = order.below(tasks.len());
            let _ = tasks[n].as_mut().poll(&mut context);
        }
    }
    drop(tasks);
    tally.lock().unwrap().unnoticed = world.lock().unwrap().unnoticed;
    Arc::into_inner(tally).unwrap().into_inner().unwrap()
}

#[test]
fn no_history_makes_an_answer_that_was_not_true() {
    // Timers are made but never fire: the order of events is the seed's alone.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds: Vec<u64> = match number("SEED") {
        Some(seed) => vec![seed],
        None => (0..number("SEEDS").unwrap_or(12)).collect(),
    };
    let mut all = Tally::default();
    for seed in seeds {
        let ran = std::panic::catch_unwind(|| run(seed));
        match ran {
            Ok(tally) => {
                all.answers += tally.answers;
                all.errors += tally.errors;
                all.tokens += tally.tokens;
                all.changed += tally.changed;
                all.listed += tally.listed;
                all.planned += tally.planned;
                all.unnoticed += tally.unnoticed;
            }
            Err(panic) => {
                println!("SEED={seed} fails");
                std::panic::resume_unwind(panic);
            }
        }
    }
    println!(
        "{} answers ({} changed, {} with tokens, {} lists, {} plans), {} errors",
        all.answers, all.changed, all.tokens, all.listed, all.planned, all.errors
    );
    // A run in which nothing is answered, nothing changes or nothing fails would prove nothing.
    assert!(all.answers > 500 && all.tokens > 50 && all.changed > 50 && all.errors > 0);
    assert!(all.listed > 20 && all.planned > 20 && all.unnoticed > 0);
}
