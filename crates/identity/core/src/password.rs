//! Passwords and their hashes: argon2id (RFC 9106), computed in a bounded pool of threads.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc},
};
use bailiwick_types::{Rng, faults};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

/// A password that may be set: 12 to 256 characters.
#[derive(Debug, Clone)]
pub struct Password(SecretString);

/// Error for an invalid password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 12 to 256 characters")]
pub struct PasswordError;

impl Password {
    /// Parses a password that is to be set.
    ///
    /// # Errors
    /// Its length is outside of 12 to 256 characters.
    pub fn parse(text: SecretString) -> Result<Self, PasswordError> {
        if (12..=256).contains(&text.expose_secret().chars().count()) {
            Ok(Self(text))
        } else {
            Err(PasswordError)
        }
    }
    /// The secret in it.
    #[must_use]
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

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
    /// argon2 failed, or a stored hash is malformed.
    Broken(String) "cannot hash a password: {0}" => Internal Internal;
}

/// For whom a password is hashed. Each has threads of its own: who fills one keeps nobody out of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Sign-ins from devices that are not known.
    SignIn,
    /// Sign-ins from known devices.
    KnownDevice,
    /// Callers that are signed in: Reauthenticate, and passwords that are set.
    SignedIn,
}

/// How many hashes each share computes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Sign-ins from devices that are not known.
    pub sign_in: usize,
    /// Sign-ins from known devices.
    pub known_device: usize,
    /// Callers that are signed in.
    pub signed_in: usize,
}

impl Default for Shares {
    fn default() -> Self {
        Self {
            sign_in: 2,
            known_device: 1,
            signed_in: 1,
        }
    }
}

/// Hashes and verifies passwords, a few at a time.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    rng: Arc<dyn Rng>,
    sign_in: Pool,
    known_device: Pool,
    signed_in: Pool,
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

/// How many may wait for each hash that is being computed.
const WAITING: usize = 64;

/// The threads of a share.
#[derive(Debug, Clone)]
struct Pool {
    working: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    computed: Arc<AtomicU64>,
}

impl Pool {
    fn new(threads: usize, waiting: usize) -> Self {
        Self {
            working: Arc::new(Semaphore::new(threads.max(1))),
            waiting: Arc::new(Semaphore::new(waiting)),
            computed: Arc::default(),
        }
    }
}

impl Passwords {
    /// Creates the pools.
    ///
    /// # Errors
    /// argon2 does not support the parameters.
    pub fn new(cost: HashCost, shares: Shares, rng: Arc<dyn Rng>) -> Result<Self, CostError> {
        let argon2 = cost.hasher()?;
        let bounded = |threads: usize| Pool::new(threads, threads.max(1) * WAITING);
        let decoy = hash(&argon2, &*rng, &crate::secret::random_password(&*rng))
            .map_err(|_| CostError::Impossible)?;
        Ok(Self {
            argon2,
            rng,
            // Those that wait here were admitted, which is what bounds their number.
            sign_in: Pool::new(shares.sign_in, Semaphore::MAX_PERMITS),
            known_device: bounded(shares.known_device),
            signed_in: bounded(shares.signed_in),
            decoy,
        })
    }

    /// Hashes a password with a salt of its own.
    ///
    /// # Errors
    /// The queue is full, or argon2 failed.
    pub async fn hash(&self, password: &Password) -> Result<PasswordHash, PasswordsError> {
        let (argon2, rng, password) = (self.argon2.clone(), Arc::clone(&self.rng), password.0.clone());
        self.run(Share::SignedIn, move || hash(&argon2, &*rng, &password))
            .await
    }

    /// Whether the password is the one of the hash. Without a hash the same work is done, and the answer is
    /// no.
    ///
    /// # Errors
    /// The queue is full, or the stored hash is malformed.
    pub async fn verify(
        &self,
        share: Share,
        password: &SecretString,
        stored: Option<&PasswordHash>,
    ) -> Result<bool, PasswordsError> {
        let known = stored.is_some();
        let stored = stored.unwrap_or(&self.decoy).clone();
        let (argon2, password) = (self.argon2.clone(), password.clone());
        let good = self
            .run(share, move || verify(&argon2, &password, &stored))
            .await?;
        Ok(good && known)
    }

    /// How many hashes a share has computed since the start.
    #[must_use]
    pub fn computed(&self, share: Share) -> u64 {
        self.pool(share).computed.load(Ordering::Relaxed)
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
        let pool = self.pool(share);
        let _slot = pool
            .waiting
            .try_acquire()
            .map_err(|_| PasswordsError::Overloaded)?;
        let permit = Arc::clone(&pool.working)
            .acquire_owned()
            .await
            .map_err(|error| PasswordsError::Broken(error.to_string()))?;
        // The permit moves into the thread: a caller that goes away does not free a slot that is still in
        // use.
        let computed = Arc::clone(&pool.computed);
        tokio::task::spawn_blocking(move || {
            computed.fetch_add(1, Ordering::Relaxed);
            let done = work();
            drop(permit);
            done
        })
        .await
        .map_err(|error| PasswordsError::Broken(error.to_string()))?
    }
}

fn hash(argon2: &Argon2<'_>, rng: &dyn Rng, password: &SecretString) -> Result<PasswordHash, PasswordsError> {
    let mut salt = [0_u8; 16];
    rng.fill(&mut salt);
    let made: phc::PasswordHash = argon2
        .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
        .map_err(|error| PasswordsError::Broken(error.to_string()))?;
    Ok(PasswordHash::from_stored(made.to_string()))
}

fn verify(
    argon2: &Argon2<'_>,
    password: &SecretString,
    stored: &PasswordHash,
) -> Result<bool, PasswordsError> {
    let parsed = phc::PasswordHash::new(stored.expose())
        .map_err(|error| PasswordsError::Broken(format!("stored hash: {error}")))?;
    match argon2.verify_password(password.expose_secret().as_bytes(), &parsed) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(PasswordsError::Broken(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick_types::{Code, Fault, SystemRng};

    fn passwords() -> Passwords {
        Passwords::new(HashCost::FOR_TESTS, Shares::default(), Arc::new(SystemRng)).unwrap()
    }

    fn password(text: &str) -> Password {
        Password::parse(SecretString::from(text)).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_verified_against_its_own_hash_alone() {
        let pool = passwords();
        let stored = pool.hash(&password("correct horse battery")).await.unwrap();
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

    #[test]
    fn a_password_has_12_to_256_characters() {
        let of = |n: usize| Password::parse(SecretString::from("ü".repeat(n))).map(|_| ());
        assert_eq!(of(11), Err(PasswordError));
        assert_eq!(of(12), Ok(()));
        assert_eq!(of(256), Ok(()));
        assert_eq!(of(257), Err(PasswordError));
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
