//! API keys before the services: whom a process asks, what it remembers, and what it refuses by itself.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bailiwick_rpc::{ApiKeys, KeyDigest, KeyError, VerifiedKey};
use bailiwick_types::{
    ApiKeyId, CallerKind, Clock as _, KeyScope, KeyText, Rng as _, Scope, Subject, SystemRng, Timestamp,
};
use tokio::sync::Notify;
use tonic::Code;

use crate::support::{Setup, World, account, refused, user};

/// Identity, as far as it is asked about keys.
#[derive(Default)]
struct Asked {
    key: Mutex<Option<(KeyDigest, VerifiedKey)>>,
    away: Mutex<bool>,
    times: AtomicUsize,
    /// Where it holds its answer back: it was asked, and it may answer.
    held: Mutex<Option<Arc<(Notify, Notify)>>>,
}

#[async_trait]
impl ApiKeys for Asked {
    async fn verify(&self, id: ApiKeyId, digest: &KeyDigest) -> Result<Option<VerifiedKey>, KeyError> {
        self.times.fetch_add(1, Ordering::SeqCst);
        if *self.away.lock().unwrap() {
            return Err(KeyError::Unavailable);
        }
        let known = self.key.lock().unwrap().clone();
        let held = self.held.lock().unwrap().take();
        if let Some(held) = held {
            held.0.notify_one();
            held.1.notified().await;
        }
        let known = known.filter(|(of, key)| of.0 == digest.0 && key.scope.key == id);
        Ok(known.map(|(_, key)| key))
    }
}

struct Bed {
    world: World,
    asked: Arc<Asked>,
    text: String,
}

fn id(n: u128) -> ApiKeyId {
    ApiKeyId::from_uuid(uuid::Uuid::from_u128(n))
}

fn text(n: u128) -> String {
    KeyText::write(id(n), |bytes| SystemRng.fill(bytes))
}

impl Bed {
    async fn new() -> Self {
        Self::on(&[]).await
    }
    async fn on(networks: &[&str]) -> Self {
        let asked = Arc::new(Asked::default());
        let setup = Setup {
            api_keys: Some(asked.clone()),
            ..Setup::default()
        };
        let world = setup.start().await;
        let text = text(7);
        let scope = KeyScope {
            key: id(7),
            account: account(1),
            place: Scope::Account(account(1)),
            permissions: vec!["survey.view".parse().unwrap()],
            networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
        };
        let key = VerifiedKey {
            user: user(1),
            scope: Arc::new(scope),
            expires: world.clock.now().plus(Duration::from_hours(24)),
        };
        *asked.key.lock().unwrap() = Some((KeyDigest::of(&text), key));
        Self { world, asked, text }
    }
    async fn call(&self, text: &str) -> Result<(), (Code, String)> {
        let answer = self.world.introspect(Some(text)).await;
        if answer.is_ok() {
            Ok(())
        } else {
            Err(refused(answer))
        }
    }
    fn times(&self) -> usize {
        self.asked.times.load(Ordering::SeqCst)
    }
    fn ends(&self, at: Option<Timestamp>) {
        let mut key = self.asked.key.lock().unwrap();
        match (at, key.as_mut()) {
            (Some(at), Some((_, key))) => key.expires = at,
            _ => *key = None,
        }
    }
}

fn invalid() -> (Code, String) {
    (Code::Unauthenticated, "CREDENTIALS_INVALID".to_owned())
}

#[tokio::test]
async fn a_key_is_its_maker_in_its_account() {
    let bed = Bed::new().await;
    let caller = bed.world.authenticator.verify(&bed.text).await.unwrap();
    assert_eq!(caller.kind(), CallerKind::Key);
    assert_eq!(caller.subject(), Some(&Subject::user(user(1))));
    assert_eq!((caller.account(), caller.session()), (Some(account(1)), None));
    assert!(caller.key().unwrap().permits("survey.view"));
    bed.call(&bed.text).await.unwrap();
}

#[tokio::test]
async fn nobody_is_asked_for_what_is_no_key() {
    let bed = Bed::new().await;
    let good = &bed.text;
    for odd in [
        good[..79].to_owned(),
        format!("{good}0"),
        format!("{}{}", &good[..79], if good.ends_with('0') { '1' } else { '0' }),
        good.replacen("bwk_", "bwk-", 1),
        "bwk_".to_owned(),
        "bwk_".repeat(1_000),
    ] {
        assert_eq!(bed.call(&odd).await, Err(invalid()), "{odd}");
    }
    assert_eq!(bed.times(), 0);
    // What has the form is asked for, and no refusal is remembered.
    for _ in 0..2 {
        assert_eq!(bed.call(&text(7)).await, Err(invalid()));
        assert_eq!(bed.call(&text(8)).await, Err(invalid()));
    }
    assert_eq!(bed.times(), 4);
}

#[tokio::test]
async fn a_key_is_remembered_for_five_minutes_and_never_beyond_its_end() {
    let bed = Bed::new().await;
    for _ in 0..3 {
        bed.call(&bed.text).await.unwrap();
    }
    assert_eq!(bed.times(), 1);
    bed.world.clock.advance(Duration::from_mins(5));
    bed.call(&bed.text).await.unwrap();
    assert_eq!(bed.times(), 2);
    bed.ends(Some(bed.world.clock.now().plus(Duration::from_mins(6))));
    bed.world.clock.advance(Duration::from_mins(5));
    bed.call(&bed.text).await.unwrap();
    bed.world.clock.advance(Duration::from_mins(1));
    assert_eq!(bed.call(&bed.text).await, Err(invalid()));
}

#[tokio::test]
async fn a_key_that_ended_is_asked_for_again_and_its_maker_ends_it_too() {
    let bed = Bed::new().await;
    bed.call(&bed.text).await.unwrap();
    // It ends later than now: it goes on.
    bed.world.authenticator.forget_key(id(7));
    bed.call(&bed.text).await.unwrap();
    assert_eq!(bed.times(), 2);
    bed.world.authenticator.forget_key(id(8));
    bed.call(&bed.text).await.unwrap();
    assert_eq!(bed.times(), 2, "another key");
    bed.ends(None);
    bed.world.authenticator.forget_key(id(7));
    assert_eq!(bed.call(&bed.text).await, Err(invalid()));

    let bed = Bed::new().await;
    bed.call(&bed.text).await.unwrap();
    bed.ends(None);
    bed.world.authenticator.forget_subject(&Subject::user(user(1)));
    assert_eq!(bed.call(&bed.text).await, Err(invalid()));
}

#[tokio::test]
async fn an_answer_of_before_the_end_of_a_key_is_not_remembered() {
    let bed = Bed::new().await;
    let held = Arc::new((Notify::new(), Notify::new()));
    *bed.asked.held.lock().unwrap() = Some(held.clone());
    let calls = async {
        held.0.notified().await;
        // Identity has read the key and not answered yet when it is revoked.
        bed.ends(None);
        bed.world.authenticator.forget_key(id(7));
        held.1.notify_one();
    };
    let (answer, ()) = tokio::join!(bed.call(&bed.text), calls);
    assert_eq!(answer, Err(invalid()));
    assert_eq!(bed.times(), 2, "it was asked again");
}

#[tokio::test]
async fn while_identity_is_away_a_remembered_key_serves_and_another_is_unknown() {
    let bed = Bed::new().await;
    bed.call(&bed.text).await.unwrap();
    *bed.asked.away.lock().unwrap() = true;
    bed.call(&bed.text).await.unwrap();
    let unknown = (Code::Unavailable, "DEPENDENCY_UNAVAILABLE".to_owned());
    assert_eq!(bed.call(&text(8)).await, Err(unknown));
}

#[tokio::test]
async fn a_key_serves_from_its_networks_alone_also_when_it_is_remembered() {
    let local: IpAddr = "127.0.0.1".parse().unwrap();
    for (networks, serves) in [
        (&["10.0.0.0/8"][..], false),
        (&["10.0.0.0/8", "127.0.0.0/8"][..], true),
    ] {
        let bed = Bed::on(networks).await;
        let caller = bed.world.authenticator.verify(&bed.text).await.unwrap();
        assert_eq!(caller.key().unwrap().admits(Some(local)), serves);
        for _ in 0..2 {
            let answer = bed.call(&bed.text).await;
            assert_eq!(answer, if serves { Ok(()) } else { Err(invalid()) });
        }
    }
}

#[tokio::test]
async fn a_key_is_no_credential_where_anybody_may_call() {
    let bed = Bed::new().await;
    bed.world.anybody_with(&bed.text).await.unwrap();
    assert_eq!(bed.times(), 0, "nobody is asked");
}

#[tokio::test]
async fn without_a_source_no_key_serves() {
    let world = Setup::default().start().await;
    assert_eq!(refused(world.introspect(Some(&text(7))).await), invalid());
}
