//! The limits of sign-in together: what a stranger can do, and what it does to others.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bailiwick_types::{Fault as _, Token};
use secrecy::SecretString;

use crate::{
    attempt::{Admission, AdmissionLimits, AttemptError, ClientNetwork, Rate},
    change::Change,
    fixture::{Fixture, PASSWORD},
    password::Share,
    session::sign_in::{Command, Error, SignedIn},
};

fn wrong_password() -> crate::session::reauthenticate::Command {
    use crate::session::reauthenticate::{Command, Means, tests::GRANT};
    Command {
        method: GRANT.parse().unwrap(),
        means: Means::Password("wrong password".into()),
    }
}
fn command(email: &str, password: &str) -> Command {
    Command {
        email: email.parse().unwrap(),
        password: password.into(),
        account: None,
        device: None,
        agent: crate::session::UserAgent::default(),
        token: Token::default(),
    }
}
fn network(n: u8) -> ClientNetwork {
    ClientNetwork::V4([192, 0, n])
}
async fn run(fixture: &Fixture, command: &Command) -> Result<SignedIn, Error> {
    fixture.try_sign_in(command, network(1)).await
}
/// Wrong passwords from `from`; all of them are looked at.
async fn guess_wrong(fixture: &Fixture, email: &str, from: ClientNetwork, times: u32) {
    for _ in 0..times {
        let refused = fixture.try_sign_in(&command(email, "wrong password"), from).await;
        assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
    }
}
fn throttled(refused: Result<SignedIn, Error>) -> Duration {
    let Err(Error::Attempt(AttemptError::Throttled(throttled))) = refused else {
        panic!("{refused:?}")
    };
    throttled.wait
}
/// 100 failures in succession from devices that are not known, as fast as the limits allow.
async fn lock(fixture: &Fixture, email: &str) {
    for n in 0..10 {
        guess_wrong(fixture, email, network(n), 10).await;
        if n % 3 == 2 {
            fixture.clock.advance(Duration::from_hours(1));
        }
    }
    fixture.clock.advance(Duration::from_hours(1));
}

/// All that a caller could see of a refusal, and the work that was done for it.
fn seen(error: &Error, hashes: u64) -> impl PartialEq + std::fmt::Debug + use<> {
    let text = error.to_string();
    (
        error.code(),
        error.reason(),
        error.metadata(),
        error.retry_after(),
        text,
        hashes,
    )
}

#[tokio::test]
async fn too_many_wrong_passwords_stop_the_right_one_until_the_window_ends() {
    let fixture = Fixture::new().await;
    fixture.user("ada@example.com").await;
    guess_wrong(&fixture, "ada@example.com", network(1), 10).await;
    fixture.clock.advance(Duration::from_mins(1));
    let right = command("ada@example.com", PASSWORD);
    let wait = throttled(run(&fixture, &right).await);
    assert_eq!(wait, Duration::from_mins(14));
    let wrong = throttled(run(&fixture, &command("ada@example.com", "wrong password")).await);
    assert_eq!(wait, wrong, "a caller does not learn which one is right");
    let hashes = fixture.identity.passwords.computed(Share::SignIn);
    assert_eq!(hashes, 10, "neither is looked at");
    fixture.clock.advance(wait);
    run(&fixture, &right).await.unwrap();
}

#[tokio::test]
async fn sign_ins_that_succeed_are_given_back() {
    let fixture = Fixture::new().await;
    fixture.user("ada@example.com").await;
    guess_wrong(&fixture, "ada@example.com", network(1), 9).await;
    for _ in 0..40 {
        run(&fixture, &command("ada@example.com", PASSWORD))
            .await
            .unwrap();
    }
    guess_wrong(&fixture, "ada@example.com", network(1), 1).await;
    throttled(run(&fixture, &command("ada@example.com", PASSWORD)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_guesses_at_once_ten_are_looked_at_and_the_right_one_cannot_be_told_apart() {
    let fixture = Arc::new(Fixture::new().await);
    fixture.user("ada@example.com").await;
    guess_wrong(&fixture, "ada@example.com", network(1), 1).await;
    let guesses = (0..1_000).map(|n| {
        let fixture = Arc::clone(&fixture);
        let password = if n == 700 { PASSWORD } else { "wrong password" };
        tokio::spawn(async move {
            while n == 700 && fixture.identity.passwords.computed(Share::SignIn) < 10 {
                tokio::task::yield_now().await;
            }
            let refused = run(&fixture, &command("ada@example.com", password)).await;
            (n, seen(&refused.unwrap_err(), 0))
        })
    });
    let mut answers = Vec::new();
    for guess in guesses.collect::<Vec<_>>() {
        answers.push(guess.await.unwrap());
    }
    assert_eq!(fixture.identity.passwords.computed(Share::SignIn), 10);
    let right = &answers[700].1;
    let alike = answers.iter().filter(|(_, answer)| answer == right).count();
    assert_eq!(alike, 991, "all but those that were looked at");
}

#[tokio::test]
async fn the_owner_signs_in_at_a_known_device_and_from_elsewhere_while_a_stranger_guesses() {
    let fixture = Fixture::new().await;
    fixture.user("ada@example.com").await;
    let first = run(&fixture, &command("ada@example.com", PASSWORD))
        .await
        .unwrap();
    guess_wrong(&fixture, "ada@example.com", network(1), 10).await;
    let mut own = command("ada@example.com", PASSWORD);
    throttled(run(&fixture, &own).await);
    fixture.try_sign_in(&own, network(2)).await.unwrap();
    own.device = Some(first.device.token);
    let again = run(&fixture, &own).await.unwrap();
    // From many networks: only the known device is left.
    guess_wrong(&fixture, "ada@example.com", network(3), 10).await;
    guess_wrong(&fixture, "ada@example.com", network(4), 10).await;
    own.device = None;
    let wait = throttled(fixture.try_sign_in(&own, network(5)).await);
    assert_eq!(wait, Duration::from_hours(1));
    own.device = Some(again.device.token);
    run(&fixture, &own).await.unwrap();
}

#[tokio::test]
async fn a_device_token_allows_ten_guesses_at_its_own_user_and_none_at_others() {
    let fixture = Fixture::new().await;
    fixture.user("ada@example.com").await;
    fixture.user("ben@example.com").await;
    let stolen = run(&fixture, &command("ada@example.com", PASSWORD))
        .await
        .unwrap();
    let mut guess = command("ada@example.com", "wrong password");
    guess.device = Some(stolen.device.token.clone());
    for _ in 0..10 {
        let refused = run(&fixture, &guess).await;
        assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
    }
    throttled(run(&fixture, &guess).await);
    assert_eq!(fixture.identity.passwords.computed(Share::KnownDevice), 10);
    guess.email = "ben@example.com".parse().unwrap();
    let refused = run(&fixture, &guess).await;
    assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
    assert_eq!(fixture.identity.passwords.computed(Share::KnownDevice), 10);
}

#[tokio::test]
async fn a_device_token_is_replaced_expires_and_ends_with_the_user() {
    let fixture = Fixture::new().await;
    let ada = fixture.user("ada@example.com").await;
    let known = |token: SecretString| {
        let mut command = command("ada@example.com", "wrong password");
        command.device = Some(token);
        let fixture = &fixture;
        async move {
            let before = fixture.identity.passwords.computed(Share::KnownDevice);
            let refused = run(fixture, &command).await;
            assert!(matches!(refused, Err(Error::Wrong)), "{refused:?}");
            fixture.identity.passwords.computed(Share::KnownDevice) > before
        }
    };
    let first = run(&fixture, &command("ada@example.com", PASSWORD))
        .await
        .unwrap()
        .device;
    let mut again = command("ada@example.com", PASSWORD);
    again.device = Some(first.token.clone());
    let second = run(&fixture, &again).await.unwrap().device;
    assert!(known(first.token.clone()).await, "its answer may have been lost");
    fixture.clock.advance(Duration::from_hours(1));
    assert!(!known(first.token).await);
    assert!(known(second.token.clone()).await);
    fixture.clock.set(second.expires);
    assert!(!known(second.token).await);
    let third = run(&fixture, &command("ada@example.com", PASSWORD))
        .await
        .unwrap()
        .device;
    crate::user::disable(&fixture.identity, &fixture.operator(), ada.id)
        .await
        .unwrap();
    assert!(!known(third.token).await);
}

#[tokio::test]
async fn after_a_hundred_failures_the_password_alone_serves_at_known_devices_only() {
    let fixture = Fixture::new().await;
    let ada = fixture.user("ada@example.com").await;
    let device = run(&fixture, &command("ada@example.com", PASSWORD))
        .await
        .unwrap()
        .device;
    fixture.store.take_changes();
    lock(&fixture, "ada@example.com").await;
    let audited = Change::by_the_suite("sign_in.lock", format!("user:{}", ada.id));
    assert_eq!(fixture.store.take_changes(), [audited], "once");
    let hashes = || fixture.identity.passwords.computed(Share::SignIn);
    let before = hashes();
    let mut right = command("ada@example.com", PASSWORD);
    let refused = fixture.try_sign_in(&right, network(200)).await.unwrap_err();
    assert!(matches!(refused, Error::Locked), "{refused:?}");
    assert_eq!(seen(&refused, hashes() - before), seen(&Error::Wrong, 1));
    assert_eq!(fixture.store.take_changes(), []);
    right.device = Some(device.token);
    let known = fixture.try_sign_in(&right, network(200)).await.unwrap();
    right.device = None;
    let refused = fixture.try_sign_in(&right, network(200)).await;
    assert!(matches!(refused, Err(Error::Locked)), "{refused:?}");
    // Nothing that is removed with time unlocks it.
    fixture.clock.advance(Duration::from_hours(24 * 60));
    crate::upkeep::purge(&fixture.identity, &bailiwick_testkit::witness::system())
        .await
        .unwrap();
    let refused = fixture.try_sign_in(&right, network(200)).await;
    assert!(matches!(refused, Err(Error::Locked)), "{refused:?}");
    let by = fixture.as_user(&ada, known.session);
    crate::session::reauthenticate(&fixture.identity, &by, &wrong_password())
        .await
        .unwrap_err();
    // An operator vouches for the user.
    crate::user::disable(&fixture.identity, &fixture.operator(), ada.id)
        .await
        .unwrap();
    crate::user::enable(&fixture.identity, &fixture.operator(), ada.id)
        .await
        .unwrap();
    fixture.try_sign_in(&right, network(200)).await.unwrap();
}

#[tokio::test]
async fn a_success_ends_the_succession_of_failures() {
    let fixture = Fixture::new().await;
    fixture.user("ada@example.com").await;
    for n in 0..12 {
        guess_wrong(&fixture, "ada@example.com", network(n), 10).await;
        let right = command("ada@example.com", PASSWORD);
        fixture.try_sign_in(&right, network(100)).await.unwrap();
        if n % 2 == 1 {
            fixture.clock.advance(Duration::from_hours(1));
        }
    }
}

#[tokio::test]
async fn sign_ins_of_one_network_leave_the_others_their_turns() {
    let fixture = Fixture::new().await;
    fixture.user("ada@example.com").await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(fixture.identity.admission.enter(network(9)).await.unwrap());
    }
    let device = run(&fixture, &command("ada@example.com", PASSWORD))
        .await
        .unwrap()
        .device;
    // At a known device also in that network.
    let mut own = command("ada@example.com", PASSWORD);
    own.device = Some(device.token);
    fixture.try_sign_in(&own, network(9)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_hundred_callers_with_unknown_addresses_keep_nobody_out() {
    let mut fixture = Fixture::new().await;
    let rate = Rate {
        per_second: 1_000,
        burst: 1_000_000,
    };
    let limits = AdmissionLimits {
        per_network: rate,
        total: rate,
        ..AdmissionLimits::default()
    };
    fixture.identity.admission = Admission::new(limits, 4, fixture.clock.clone());
    let fixture = Arc::new(fixture);
    fixture.user("ada@example.com").await;
    let stop = Arc::new(AtomicBool::new(false));
    let (began, mut all) = tokio::sync::mpsc::unbounded_channel();
    let callers: Vec<_> = (0..300)
        .map(|n| {
            let (fixture, stop, began) = (Arc::clone(&fixture), Arc::clone(&stop), began.clone());
            tokio::spawn(async move {
                let unknown = command(&format!("unknown{n}@example.com"), "wrong password");
                while !stop.load(Ordering::Relaxed) {
                    run(&fixture, &unknown).await.unwrap_err();
                    let _ = began.send(n);
                }
            })
        })
        .collect();
    all.recv().await.unwrap();
    for _ in 0..3 {
        run(&fixture, &command("ada@example.com", PASSWORD))
            .await
            .unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
}
