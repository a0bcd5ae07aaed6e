//! Passwords and their hashes: argon2id (RFC 9106), computed in a bounded pool of threads.

mod blocklist;
mod lane;
mod pepper;
mod pool;
mod rules;

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc},
};
use bailiwick_types::{Rng, UserId, Violations, faults};
use secrecy::{ExposeSecret, SecretString};

pub use blocklist::{Blocklist, BlocklistError};
use lane::{Lanes, Turn};
pub use pepper::{Pepper, Peppers};
use pool::Pool;
pub use pool::{Share, Shares};
pub use rules::{OwnWords, Password, PasswordError, Standing};

/// A password as it is stored: a PHC string.
#[derive(Debug, Clone)]
pub struct PasswordHash(SecretString);

impl PasswordHash {
    /// A hash that was stored.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(SecretString::from(text))
    }
    /// The PHC string, for the store.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// The cost of a hash (RFC 9106 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for HashCost {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            passes: 2,
            lanes: 1,
        }
    }
}

/// Error for a cost that protects too little or that argon2 does not support.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CostError {
    /// Cheaper than every set of parameters that OWASP's password storage cheat sheet names for argon2id.
    #[error("must have at least 7168 KiB, and memory times passes must reach 35840 KiB")]
    Cheap,
    /// argon2 does not support the parameters.
    #[error("argon2 does not support these parameters")]
    Impossible,
}

impl HashCost {
    /// For tests that hash often; protects nothing.
    pub const FOR_TESTS: Self = Self {
        memory_kib: 8,
        passes: 1,
        lanes: 1,
    };
    /// Checks that it protects enough.
    ///
    /// # Errors
    /// It protects too little.
    pub fn check(self) -> Result<Self, CostError> {
        let work = u64::from(self.memory_kib) * u64::from(self.passes);
        if self.memory_kib < 7_168 || work < 35_840 {
            return Err(CostError::Cheap);
        }
        Ok(self)
    }
    fn hasher(self) -> Result<Argon2<'static>, CostError> {
        let params =
            Params::new(self.memory_kib, self.passes, self.lanes, None).map_err(|_| CostError::Impossible)?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

faults! {
    /// Why a password was neither hashed nor verified.
    PasswordsError;
    /// The queue is full.
    Overloaded "too many passwords are being verified; retry" => ResourceExhausted Overloaded, retry 1000;
    /// argon2 failed, a stored hash is malformed, or the blocklist cannot be read.
    Broken(String) "cannot hash a password: {0}" => Internal Internal;
}

faults! {
    /// Why a new password was not hashed.
    NewPasswordError: Invalid(Violations), Passwords(PasswordsError);
}

/// What new passwords are compared with.
#[derive(Clone)]
pub struct Rules {
    /// The name of the product: its words are no password.
    pub product: String,
    /// Lists of passwords that must not be set, beside the one in the binary.
    pub blocklist: Option<Arc<dyn Blocklist>>,
    /// Keys that the hashes depend on.
    pub peppers: Peppers,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            product: "Bailiwick".to_owned(),
            blocklist: None,
            peppers: Peppers::default(),
        }
    }
}

/// A password that is to be set, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct NewPassword<'a> {
    /// The password.
    pub password: &'a Password,
    /// The field of the request that it came in.
    pub field: &'static str,
    /// What stands beside it.
    pub standing: Standing,
    /// The words of its user.
    pub own: OwnWords<'a>,
}

/// Hashes and verifies passwords, a few at a time.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    rules: Arc<Rules>,
    rng: Arc<dyn Rng>,
    sign_in: Pool,
    known_device: Pool,
    signed_in: Pool,
    lanes: Lanes,
    /// Verified for unknown users, so that both answers take the same time.
    decoy: PasswordHash,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passwords")
            .field("params", self.argon2.params())
            .finish_non_exhaustive()
    }
}

impl Passwords {
    /// Creates the pools.
    ///
    /// # Errors
    /// argon2 does not support the parameters.
    pub fn new(cost: HashCost, shares: Shares, rules: Rules, rng: Arc<dyn Rng>) -> Result<Self, CostError> {
        let argon2 = cost.hasher()?;
        let bounded = Pool::bounded;
        let decoy = hash(
            &argon2,
            &rules.peppers,
            &*rng,
            &crate::secret::random_password(&*rng),
        )
        .map_err(|_| CostError::Impossible)?;
        Ok(Self {
            argon2,
            rules: Arc::new(rules),
            rng,
            // Those that wait here were admitted, which is what bounds their number.
            sign_in: Pool::unbounded(shares.sign_in),
            known_device: bounded(shares.known_device),
            signed_in: bounded(shares.signed_in),
            lanes: Lanes::default(),
            decoy,
        })
    }

    /// Hashes a new password that keeps the rules, with a salt of its own.
    ///
    /// # Errors
    /// It breaks a rule, the queue is full, or argon2 failed.
    pub async fn hash(&self, new: NewPassword<'_>) -> Result<PasswordHash, NewPasswordError> {
        let refused = |rule: PasswordError| Violations::of(new.field, rule.to_string());
        let checked = new.password.check(new.standing, new.own, &self.rules.product);
        checked.map_err(refused)?;
        let secret = new.password.secret();
        let text = secret.clone();
        // The search takes its turn like a hash: a long password keeps a thread of its own busy.
        let search = move || Ok(blocklist::is_common(text.expose_secret()));
        let mut listed = self.pool(Share::SignedIn).run_uncounted(search).await?;
        if let Some(list) = self.rules.blocklist.as_deref().filter(|_| !listed) {
            let found = list.contains(secret).await;
            listed = found.map_err(|error| PasswordsError::Broken(error.to_string()))?;
        }
        if listed {
            return Err(refused(PasswordError::Common).into());
        }
        Ok(self.compute(Share::SignedIn, secret).await?)
    }

    /// The hash that takes the place of one that was made at another cost or with another pepper, after its
    /// password was verified. It is advice: a full queue gives none.
    pub async fn upgrade(
        &self,
        share: Share,
        password: &SecretString,
        stored: Option<&PasswordHash>,
    ) -> Option<PasswordHash> {
        if !self.is_outdated(stored?) {
            return None;
        }
        self.compute(share, &rules::normalized(password)).await.ok()
    }

    fn is_outdated(&self, stored: &PasswordHash) -> bool {
        let (now, then) = (self.argon2.params(), params(stored));
        let stored = pepper::take_apart(stored.expose());
        let same_cost = then.is_some_and(|then| {
            (then.m_cost(), then.t_cost(), then.p_cost()) == (now.m_cost(), now.t_cost(), now.p_cost())
        });
        !same_cost || stored.pepper != self.rules.peppers.current_id()
    }

    async fn compute(&self, share: Share, password: &SecretString) -> Result<PasswordHash, PasswordsError> {
        let (argon2, rng, password) = (self.argon2.clone(), Arc::clone(&self.rng), password.clone());
        let rules = Arc::clone(&self.rules);
        self.run(share, move || hash(&argon2, &rules.peppers, &*rng, &password))
            .await
    }

    /// Whether the password is the one of the hash. Without a hash, or where its pepper is not known any
    /// more, the same work is done, and the answer is no.
    ///
    /// # Errors
    /// The queue is full, or the stored hash is malformed.
    pub async fn verify(
        &self,
        share: Share,
        password: &SecretString,
        stored: Option<&PasswordHash>,
    ) -> Result<bool, PasswordsError> {
        let password = rules::normalized(password);
        let readable = |stored: &&PasswordHash| {
            let pepper = pepper::take_apart(stored.expose()).pepper;
            self.rules.peppers.apply(pepper, &password).is_some()
        };
        let stored = stored.filter(readable);
        let known = stored.is_some();
        let stored = stored.unwrap_or(&self.decoy).clone();
        let (argon2, rules) = (self.argon2.clone(), Arc::clone(&self.rules));
        let good = self
            .run(share, move || {
                let done = verify_evenly(&argon2, &rules.peppers, &password, &stored);
                done.map(|(good, _)| good)
            })
            .await?;
        Ok(good && known)
    }

    /// Waits for the turn of a user: to be taken before a password goes to a share in which few may wait.
    ///
    /// # Errors
    /// Too many of the user wait already.
    pub(crate) async fn lane(&self, user: UserId) -> Result<Turn, PasswordsError> {
        self.lanes.enter(user).await
    }

    /// How many hashes a share has computed since the start.
    #[must_use]
    pub fn computed(&self, share: Share) -> u64 {
        self.pool(share).computed()
    }

    fn pool(&self, share: Share) -> &Pool {
        match share {
            Share::SignIn => &self.sign_in,
            Share::KnownDevice => &self.known_device,
            Share::SignedIn => &self.signed_in,
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        share: Share,
        work: impl FnOnce() -> Result<T, PasswordsError> + Send + 'static,
    ) -> Result<T, PasswordsError> {
        self.pool(share).run(work).await
    }
}

fn hash(
    argon2: &Argon2<'_>,
    peppers: &Peppers,
    rng: &dyn Rng,
    password: &SecretString,
) -> Result<PasswordHash, PasswordsError> {
    let mut salt = [0_u8; 16];
    rng.fill(&mut salt);
    let input = peppers.apply(peppers.current_id(), password).unwrap_or_default();
    let made: phc::PasswordHash = argon2
        .hash_password_with_salt(&input, &salt)
        .map_err(|error| PasswordsError::Broken(error.to_string()))?;
    Ok(PasswordHash::from_stored(peppers.mark(&made.to_string())))
}

/// The cost of a stored hash.
fn params(stored: &PasswordHash) -> Option<Params> {
    let hash = phc::PasswordHash::new(pepper::take_apart(stored.expose()).phc).ok()?;
    Params::try_from(&hash).ok()
}

/// Memory times passes: what the time of a hash grows with.
fn work(params: &Params) -> u64 {
    u64::from(params.m_cost()) * u64::from(params.t_cost())
}

/// Verifies a password, and adds what the work of an older, cheaper hash lacks to that of the present cost:
/// the time of an answer would tell which addresses have such a hash, and so that they exist. The work comes
/// with the answer.
fn verify_evenly(
    argon2: &Argon2<'_>,
    peppers: &Peppers,
    password: &SecretString,
    stored: &PasswordHash,
) -> Result<(bool, u64), PasswordsError> {
    let good = verify(argon2, peppers, password, stored)?;
    let (now, then) = (argon2.params(), params(stored).map_or(0, |then| work(&then)));
    let passes = now.t_cost();
    let memory = work(now).saturating_sub(then) / u64::from(passes.max(1));
    let memory = u32::try_from(memory).unwrap_or(u32::MAX).min(now.m_cost());
    // A rest that is too small for a hash takes no time.
    let Ok(rest) = Params::new(memory, passes, now.p_cost(), None) else {
        return Ok((good, then));
    };
    let done = then + work(&rest);
    let rest = Argon2::new(Algorithm::Argon2id, Version::V0x13, rest);
    let text = password.expose_secret().as_bytes();
    rest.hash_password_into(text, b"nobody's account", &mut [0; 32])
        .map_err(|error| PasswordsError::Broken(error.to_string()))?;
    Ok((good, done))
}

fn verify(
    argon2: &Argon2<'_>,
    peppers: &Peppers,
    password: &SecretString,
    stored: &PasswordHash,
) -> Result<bool, PasswordsError> {
    let stored = pepper::take_apart(stored.expose());
    let parsed = phc::PasswordHash::new(stored.phc)
        .map_err(|error| PasswordsError::Broken(format!("stored hash: {error}")))?;
    let Some(input) = peppers.apply(stored.pepper, password) else {
        return Ok(false);
    };
    match argon2.verify_password(&input, &parsed) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(PasswordsError::Broken(error.to_string())),
    }
}

#[cfg(test)]
impl Passwords {
    /// Keeps the threads of a share busy.
    pub(crate) async fn busy(&self, share: Share) -> tokio::sync::OwnedSemaphorePermit {
        let all = u32::try_from(self.pool(share).working.available_permits()).unwrap();
        Arc::clone(&self.pool(share).working)
            .acquire_many_owned(all)
            .await
            .unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick_types::{Code, Fault, SystemRng};

    fn passwords() -> Passwords {
        with(HashCost::FOR_TESTS, Rules::default())
    }
    fn with(cost: HashCost, rules: Rules) -> Passwords {
        Passwords::new(cost, Shares::default(), rules, Arc::new(SystemRng)).unwrap()
    }
    async fn hashed(pool: &Passwords, text: &str) -> Result<PasswordHash, NewPasswordError> {
        let (email, name) = ("ada@example.com".parse().unwrap(), Default::default());
        let own = OwnWords {
            email: &email,
            name: &name,
        };
        let new = NewPassword {
            password: &password(text),
            field: "password",
            standing: Standing::Alone,
            own,
        };
        pool.hash(new).await
    }
    fn peppers(current: &str, previous: Option<&str>) -> Rules {
        let pepper = |id: &str| Pepper::new(id, &SecretString::from(format!("the pepper {id}")));
        Rules {
            peppers: Peppers {
                current: Some(pepper(current)),
                previous: previous.map(pepper),
            },
            ..Rules::default()
        }
    }

    fn password(text: &str) -> Password {
        Password::parse(SecretString::from(text)).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_verified_against_its_own_hash_alone() {
        let pool = passwords();
        let stored = hashed(&pool, "correct horse battery").await.unwrap();
        assert!(stored.expose().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        let right = SecretString::from("correct horse battery");
        assert!(pool.verify(Share::SignIn, &right, Some(&stored)).await.unwrap());
        let wrong = SecretString::from("correct horse batterie");
        assert!(!pool.verify(Share::SignIn, &wrong, Some(&stored)).await.unwrap());
    }

    #[tokio::test]
    async fn no_password_is_right_without_a_hash() {
        assert!(
            !passwords()
                .verify(Share::SignIn, &SecretString::from("anything at all"), None)
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn more_than_can_wait_is_refused_at_once_in_its_own_share() {
        let pool = passwords();
        let _all = pool.known_device.waiting.acquire_many(64).await.unwrap();
        let any = SecretString::from("x");
        let error = pool.verify(Share::KnownDevice, &any, None).await.unwrap_err();
        assert_eq!(error.code(), Code::ResourceExhausted);
        for share in [Share::SignIn, Share::SignedIn] {
            pool.verify(share, &any, None).await.unwrap();
            assert_eq!(pool.computed(share), 1);
        }
        assert_eq!(pool.computed(Share::KnownDevice), 0);
    }

    #[tokio::test]
    async fn a_share_whose_threads_are_busy_holds_up_no_other() {
        let pool = passwords();
        let _busy = pool.sign_in.working.acquire_many(2).await.unwrap();
        let any = SecretString::from("x");
        pool.verify(Share::KnownDevice, &any, None).await.unwrap();
        pool.verify(Share::SignedIn, &any, None).await.unwrap();
    }

    #[tokio::test]
    async fn a_password_is_the_same_from_every_keyboard() {
        let pool = passwords();
        let stored = hashed(&pool, "zwo\u{308}lf kleine Fische").await.unwrap();
        let composed = SecretString::from("zw\u{f6}lf kleine Fische");
        assert!(
            pool.verify(Share::SignIn, &composed, Some(&stored))
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn a_password_that_breaks_a_rule_is_not_hashed_and_its_field_is_named() {
        struct Listed;
        #[async_trait::async_trait]
        impl Blocklist for Listed {
            async fn contains(&self, password: &SecretString) -> Result<bool, BlocklistError> {
                match password.expose_secret() {
                    "a list that cannot be read" => Err(BlocklistError("gone".to_owned())),
                    text => Ok(text == "leaked last summer"),
                }
            }
        }
        let rules = Rules {
            blocklist: Some(Arc::new(Listed)),
            ..Rules::default()
        };
        let pool = with(HashCost::FOR_TESTS, rules);
        for (text, rule) in [
            ("fourteen chars", "at least 15"),
            ("passwordpassword", "widely used"),
            ("leaked last summer", "widely used"),
            ("ada@example.com", "e-mail address"),
        ] {
            let refused = hashed(&pool, text).await.unwrap_err();
            let violation = &refused.violations()[0];
            assert_eq!(violation.field, "password");
            assert!(violation.rule.contains(rule), "{violation:?}");
        }
        let unread = hashed(&pool, "a list that cannot be read").await.unwrap_err();
        assert_eq!(unread.code(), Code::Internal);
        assert_eq!(pool.computed(Share::SignedIn), 0);
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_upgraded_and_the_present_one_stays() {
        let before = hashed(&passwords(), "correct horse battery").await.unwrap();
        let dearer = HashCost {
            passes: 2,
            ..HashCost::FOR_TESTS
        };
        let pool = with(dearer, Rules::default());
        let right = SecretString::from("correct horse battery");
        assert!(pool.verify(Share::SignIn, &right, Some(&before)).await.unwrap());
        let after = pool.upgrade(Share::SignIn, &right, Some(&before)).await.unwrap();
        assert!(after.expose().starts_with("$argon2id$v=19$m=8,t=2,p=1$"));
        assert!(pool.verify(Share::SignIn, &right, Some(&after)).await.unwrap());
        assert!(pool.upgrade(Share::SignIn, &right, Some(&after)).await.is_none());
        assert!(pool.upgrade(Share::SignIn, &right, None).await.is_none());
    }

    #[tokio::test]
    async fn a_hash_of_a_lower_cost_takes_the_work_of_the_present_one() {
        let cost = |memory_kib, passes| HashCost {
            memory_kib,
            passes,
            lanes: 1,
        };
        let present = with(cost(256, 3), Rules::default());
        let peppers = Peppers::default();
        for (cost, expected) in [
            (cost(256, 3), 768),
            (cost(64, 1), 766),
            (cost(128, 3), 768),
            (cost(254, 3), 762),
            // Nothing can be taken away from a dearer one.
            (cost(512, 3), 1_536),
        ] {
            let stored = hashed(&with(cost, Rules::default()), "correct horse battery").await;
            let stored = stored.unwrap();
            for (text, right) in [("correct horse battery", true), ("wrong password", false)] {
                let done = verify_evenly(&present.argon2, &peppers, &text.into(), &stored);
                assert_eq!(done.unwrap(), (right, expected), "{cost:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_hash_depends_on_its_pepper_and_follows_a_rotation() {
        let right = SecretString::from("correct horse battery");
        let plain = hashed(&passwords(), "correct horse battery").await.unwrap();
        let one = with(HashCost::FOR_TESTS, peppers("one", None));
        let verified = |pool: &Passwords, stored: &PasswordHash| {
            let (pool, stored, right) = (pool.clone(), stored.clone(), right.clone());
            async move { pool.verify(Share::SignIn, &right, Some(&stored)).await.unwrap() }
        };
        assert!(verified(&one, &plain).await, "a hash of before has none");
        let peppered = one.upgrade(Share::SignIn, &right, Some(&plain)).await.unwrap();
        assert!(peppered.expose().starts_with("pepper:one$argon2id$"));
        assert!(verified(&one, &peppered).await);
        let two = with(HashCost::FOR_TESTS, peppers("two", Some("one")));
        assert!(verified(&two, &peppered).await);
        assert!(
            two.upgrade(Share::SignIn, &right, Some(&peppered))
                .await
                .is_some()
        );
        for without in [passwords(), with(HashCost::FOR_TESTS, peppers("three", None))] {
            assert!(!verified(&without, &peppered).await);
            assert_eq!(without.computed(Share::SignIn), 1, "the same work");
        }
        let stolen = PasswordHash::from_stored(peppered.expose().replace("pepper:one", ""));
        assert!(!verified(&one, &stolen).await);
    }

    #[test]
    fn a_cheap_cost_is_refused() {
        assert!(HashCost::default().check().is_ok());
        assert_eq!(HashCost::FOR_TESTS.check(), Err(CostError::Cheap));
        let one_pass = HashCost {
            memory_kib: 19_456,
            passes: 1,
            lanes: 1,
        };
        assert_eq!(one_pass.check(), Err(CostError::Cheap));
    }

    #[test]
    fn debug_output_shows_no_password() {
        let shown = format!(
            "{:?} {:?}",
            password("correct horse battery"),
            PasswordHash::from_stored("$argon2".into())
        );
        assert!(!shown.contains("horse") && !shown.contains("argon2"), "{shown}");
    }
}
