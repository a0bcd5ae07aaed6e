//! The engine against a naive model of the same rules, over random worlds.
//!
//! `PROPTEST_CASES` sets the number of worlds (10,000); each is asked 24 questions.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may break")]

mod plans;
mod reference;
mod world;

use std::collections::BTreeMap;

use bailiwick_policy::{Claim, Outcome, Reason, decide, explain, holds, permissions_held, scopes_held};
use proptest::{collection::vec, prelude::*, test_runner::Config};
use reference::{Answer, Asked, Question};
use world::{Tape, World, level, place_id};

fn config() -> Config {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(10_000);
    Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    }
}

fn answer(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Deny => Answer::Deny,
        Outcome::Allow => Answer::Allow,
        Outcome::NeedsApproval => Answer::NeedsApproval,
    }
}

fn agree(world: &World, question: &Question) -> Result<(), TestCaseError> {
    let product = world.policy.product();
    let no = product.permission_no(&question.permission).unwrap();
    let expected = world.facts.answer(question);
    let decision = world.ask(question, |input| decide(input, no));
    prop_assert_eq!(
        answer(decision.outcome),
        expected,
        "{:?}\n{:?}\n{:#?}\n{}",
        question,
        decision,
        world.facts,
        world.yaml
    );
    let explanation = world.ask(question, |input| explain(input, no));
    prop_assert_eq!(explanation.decision, decision);
    let held = world.ask(question, |input| holds(input, &Claim::permission(no)));
    prop_assert_eq!(
        held,
        world.facts.may_be_given(question),
        "held: {:?}\n{:#?}\n{}",
        question,
        world.facts,
        world.yaml
    );
    Ok(())
}

fn listings_agree(world: &World, question: &Question) -> Result<(), TestCaseError> {
    let product = world.policy.product();
    let listed = world.ask(question, permissions_held);
    for of in ["doc.v0", "doc.v1", "part.v0", "user.invite"] {
        let asked = Question {
            permission: of.to_owned(),
            ..question.clone()
        };
        let no = product.permission_no(of).unwrap();
        prop_assert_eq!(
            listed.allowed.contains(no),
            world.facts.answer(&asked) == Answer::Allow
        );
        prop_assert_eq!(
            listed.needs_approval.contains(no),
            world.facts.answer(&asked) == Answer::NeedsApproval
        );
        let approved_only = listed.allowed.contains(no) && !world.facts.held(&asked);
        prop_assert!(listed.held.contains(no) != approved_only || !listed.allowed.contains(no));
    }
    let no = product.permission_no(&question.permission).unwrap();
    let found = world.ask(question, |input| scopes_held(input, Some(no)));
    for place in 0..world.facts.places.len() {
        let asked = Question {
            on: Asked::Place(place),
            ..question.clone()
        };
        let there = found.contains(&place_id(place));
        prop_assert_eq!(
            there,
            world.facts.answer(&asked) == Answer::Allow,
            "scope {}: {:?}",
            place,
            asked
        );
    }
    Ok(())
}

/// Who holds a pattern holds every permission that it names: else giving it away would give more
/// than one has.
fn patterns_are_sound(world: &World, question: &Question) -> Result<(), TestCaseError> {
    let product = world.policy.product();
    for place in 0..world.facts.places.len() {
        let on = Asked::Place(place);
        let level = level(world.facts.places[place].level);
        for text in ["*", "doc.*", "part.*", "folder.*", "user.*", "instance.*"] {
            let claim = Claim::pattern(product.pattern(text).unwrap(), level);
            let asked = Question {
                on,
                ..question.clone()
            };
            if !world.ask(&asked, |input| holds(input, &claim)) {
                continue;
            }
            for info in product.permissions() {
                let named = product.matched(claim.pattern, level).contains(info.no);
                // The model knows a part of the suite's permissions.
                let known = world.facts.verbs.iter().any(|(of, verbs)| {
                    info.name
                        .split_once('.')
                        .is_some_and(|(t, verb)| t == *of && verbs.contains(&verb))
                });
                let asked = Question {
                    permission: info.name.to_string(),
                    ..asked.clone()
                };
                prop_assert!(
                    !named || !known || world.facts.held(&asked),
                    "{} of {} at {}\n{}",
                    info.name,
                    text,
                    place,
                    world.yaml
                );
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_engine_answers_as_the_rules_are_told(bytes in vec(any::<u8>(), 0..900)) {
        let mut tape = Tape::new(&bytes);
        let world = World::make(&mut tape);
        for _ in 0..24 {
            let question = world.question(&mut tape);
            agree(&world, &question)?;
        }
        let question = world.question(&mut tape);
        listings_agree(&world, &question)?;
        patterns_are_sound(&world, &question)?;
        for _ in 0..4 {
            let question = world.question(&mut tape);
            plans::agree(&world, question)?;
        }
    }
}

/// Random worlds that only ever deny would prove nothing: every reason has to come up.
#[test]
fn the_worlds_bring_every_reason_up() {
    let mut seen: BTreeMap<Reason, usize> = BTreeMap::new();
    let mut state = 7_u64;
    for _ in 0..400 {
        let bytes: Vec<u8> = (0..900)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                state.to_le_bytes()[7]
            })
            .collect();
        let mut tape = Tape::new(&bytes);
        let world = World::make(&mut tape);
        for _ in 0..24 {
            let question = world.question(&mut tape);
            let no = world
                .policy
                .product()
                .permission_no(&question.permission)
                .unwrap();
            *seen
                .entry(world.ask(&question, |input| decide(input, no)).reason)
                .or_default() += 1;
        }
    }
    // The scope of a resource is always known, and every permission that is asked is one of the manifest.
    let never = [Reason::ScopeUnknown, Reason::PermissionUnknown];
    let missing: Vec<_> = Reason::ALL
        .into_iter()
        .filter(|r| !never.contains(r) && !seen.contains_key(r))
        .collect();
    assert!(missing.is_empty(), "never came up: {missing:?}; seen: {seen:?}");
}
