//! The shared cache in Redis, single or Cluster. Every failure is a miss: there is a short timeout, and a
//! circuit breaker that pauses requests to a Redis that does not answer. Values name the epoch and revision
//! they were read at, and carry a code without which they are a miss too.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use bailiwick_authorization_engine::{
    Epoch, Part, PartKey, SharedCache,
    parts::codec::{decode, encode, key_of, matches_key},
};
use bailiwick_rpc::{
    Dependency, MacKeys,
    metrics::{self, IntCounterVec},
};
use bailiwick_types::{AccountId, Clock};
use redis::{
    AsyncCommands, Client, ErrorKind, RedisError, RedisResult, Script, ServerErrorKind, TlsCertificates,
    aio::{ConnectionManager, ConnectionManagerConfig},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
};
use secrecy::SecretString;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::task::TaskTracker;

use crate::{
    redis_url::{RedisSetupError, connection},
    sealed,
};

/// Consecutive failures after which the circuit breaker opens.
const FAILURES: u32 = 3;
/// The greatest number of concurrent writes; further ones are skipped.
const WRITES: usize = 256;

/// Writes a value unless one of the same epoch that is as new is there. `ARGV`: value, milliseconds, length
/// of the head.
const SET_IF_NEWER: &str = r"
local new, n = ARGV[1], tonumber(ARGV[3])
local old = redis.call('GETRANGE', KEYS[1], 0, n - 1)
if #old == n and string.sub(old, 1, 2) == string.sub(new, 1, 2) and string.sub(old, 71) == string.sub(new, 71, n) then
  local newer = false
  for i = 0, 2 do
    local o = tonumber(string.sub(old, 7 + 16 * i, 22 + 16 * i))
    local v = tonumber(string.sub(new, 7 + 16 * i, 22 + 16 * i))
    if v > o then newer = true break end
    if v < o then return 0 end
  end
  if not newer then return 0 end
end
redis.call('SET', KEYS[1], new, 'PX', ARGV[2])
return 1
";

/// How to reach Redis, and its limits.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// `redis://` or `rediss://` URLs: one, or some nodes of a cluster.
    pub urls: Vec<SecretString>,
    /// PEM file of the authorities to trust instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// Whether it is a Redis Cluster.
    pub cluster: bool,
    /// The time limit of a request; a later answer is a miss.
    pub timeout: Duration,
    /// How long a value stays.
    pub ttl: Duration,
    /// How long the circuit breaker stays open.
    pub pause: Duration,
}

impl RedisSettings {
    /// A single Redis with the default settings.
    #[must_use]
    pub fn single(url: impl Into<String>) -> Self {
        Self {
            urls: vec![SecretString::from(url.into())],
            ca_file: None,
            cluster: false,
            timeout: Duration::from_millis(20),
            ttl: Duration::from_hours(1),
            pause: Duration::from_secs(1),
        }
    }
}

enum Link {
    Single(ConnectionManager),
    Cluster(Box<ClusterClient>, Mutex<Option<ClusterConnection>>),
}

struct Inner {
    link: Link,
    keys: MacKeys,
    clock: Arc<dyn Clock>,
    settings: RedisSettings,
    script: Script,
    dependency: Dependency,
    /// Values by what they were good for.
    values: IntCounterVec,
    writes: Arc<Semaphore>,
    failures: AtomicU32,
    /// Until when the circuit breaker is open: microseconds on the boot clock.
    open_until: AtomicU64,
}

/// The shared cache in Redis.
#[derive(Clone)]
pub struct RedisCache(Arc<Inner>, TaskTracker);

impl std::fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedisCache")
    }
}

impl RedisCache {
    /// Sets up the cache; it connects on first use. Must be called inside a tokio runtime. `keys`
    /// authenticate its values: there is no cache that believes whoever can write Redis.
    ///
    /// # Errors
    /// A URL is missing, malformed, or has a part that is not understood, or the CA file cannot be read.
    pub fn new(
        settings: RedisSettings,
        keys: MacKeys,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, RedisSetupError> {
        let authorities = settings.ca_file.as_deref().map(authorities).transpose()?;
        let link = if settings.cluster {
            let nodes: Result<Vec<_>, _> = settings.urls.iter().map(connection).collect();
            let builder = ClusterClient::builder(nodes?)
                .connection_timeout(Duration::from_millis(500))
                .response_timeout(settings.timeout)
                .retries(1);
            let builder = match authorities {
                Some(authorities) => builder.certs(authorities),
                None => builder,
            };
            Link::Cluster(Box::new(builder.build()?), Mutex::new(None))
        } else {
            let url = settings.urls.first().ok_or(RedisSetupError::NoUrl)?;
            let config = ConnectionManagerConfig::new()
                .set_connection_timeout(Some(Duration::from_millis(500)))
                .set_response_timeout(Some(settings.timeout))
                .set_number_of_retries(1);
            let client = match authorities {
                Some(authorities) => Client::build_with_tls(connection(url)?, authorities)?,
                None => Client::open(connection(url)?)?,
            };
            Link::Single(ConnectionManager::new_lazy_with_config(client, config)?)
        };
        Ok(Self(
            Arc::new(Inner {
                link,
                keys,
                clock,
                settings,
                script: Script::new(SET_IF_NEWER),
                dependency: Dependency::new("redis"),
                values: metrics::counters(
                    "bailiwick_authorization_shared_cache_values_total",
                    "Values asked of the shared cache: `hit`, `miss`, `unauthenticated`, `undecodable`.",
                    &["outcome"],
                ),
                writes: Arc::new(Semaphore::new(WRITES)),
                failures: AtomicU32::new(0),
                open_until: AtomicU64::new(0),
            }),
            TaskTracker::new(),
        ))
    }
}

/// The authorities in a file.
fn authorities(file: &Path) -> Result<TlsCertificates, RedisSetupError> {
    let root = std::fs::read(file).map_err(|source| RedisSetupError::CaFile {
        file: file.to_owned(),
        source,
    })?;
    Ok(TlsCertificates {
        client_tls: None,
        root_cert: Some(root),
    })
}

impl RedisCache {
    /// Removes values in the background, where a permit is free: nothing depends on it, since what is read is
    /// verified and validated.
    fn unlink_later(&self, names: Vec<String>) {
        if names.is_empty() || self.0.is_open() {
            return;
        }
        let Ok(permit) = Arc::clone(&self.0.writes).try_acquire_owned() else {
            return;
        };
        let inner = Arc::clone(&self.0);
        self.1.spawn(async move {
            let _permit = permit;
            let _ = inner.run(inner.unlink(&names)).await;
        });
    }
}

/// A value of the shared cache whose code does not fit.
struct Forged;

impl Inner {
    /// What a value holds, once its code is verified.
    fn open(&self, name: &str, key: &PartKey, value: Option<&[u8]>) -> Result<Option<(Epoch, Part)>, Forged> {
        let count = |outcome: &str| self.values.with_label_values(&[outcome]).inc();
        let Some(value) = value else {
            count("miss");
            return Ok(None);
        };
        let Some(value) = sealed::open(&self.keys, name, value) else {
            count("unauthenticated");
            return Err(Forged);
        };
        let found = decode(value).filter(|(_, part)| matches_key(key, part));
        count(if found.is_some() { "hit" } else { "undecodable" });
        Ok(found)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.boottime().as_micros()).unwrap_or(u64::MAX)
    }

    fn is_open(&self) -> bool {
        self.open_until.load(Ordering::Relaxed) > self.now()
    }

    /// Runs a command within its time limit, and counts failures.
    async fn run<T>(&self, command: impl Future<Output = RedisResult<T>>) -> Option<T> {
        let result = tokio::time::timeout(self.settings.timeout, command).await;
        match result {
            Ok(Ok(value)) => {
                self.failures.store(0, Ordering::Relaxed);
                self.dependency.answered();
                return Some(value);
            }
            Ok(Err(error)) => self.dependency.failed(reason(&error), &error),
            Err(_) => self.dependency.failed("timeout", &"no answer in time"),
        };
        if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES {
            let pause = u64::try_from(self.settings.pause.as_micros()).unwrap_or(u64::MAX);
            self.open_until
                .store(self.now().saturating_add(pause), Ordering::Relaxed);
            self.failures.store(0, Ordering::Relaxed);
        }
        None
    }

    async fn read(&self, keys: &[String]) -> RedisResult<Vec<Option<Vec<u8>>>> {
        match &self.link {
            Link::Single(manager) => manager.clone().mget(keys).await,
            Link::Cluster(client, known) => cluster(client, known).await?.mget(keys).await,
        }
    }

    async fn unlink(&self, keys: &[String]) -> RedisResult<()> {
        match &self.link {
            Link::Single(manager) => manager.clone().unlink(keys).await,
            Link::Cluster(client, known) => cluster(client, known).await?.unlink(keys).await,
        }
    }

    async fn write(&self, key: &str, value: &[u8], head: usize) -> RedisResult<()> {
        let ttl = u64::try_from(self.settings.ttl.as_millis()).unwrap_or(u64::MAX);
        let mut call = self.script.prepare_invoke();
        call.key(key).arg(value).arg(ttl).arg(head);
        match &self.link {
            Link::Single(manager) => call.invoke_async(&mut manager.clone()).await,
            Link::Cluster(client, known) => call.invoke_async(&mut cluster(client, known).await?).await,
        }
    }
}

/// Why Redis failed, in few words: the label of a metric.
fn reason(error: &RedisError) -> &'static str {
    match error.kind() {
        ErrorKind::AuthenticationFailed => "authentication",
        ErrorKind::Server(ServerErrorKind::NoPerm) => "permission",
        ErrorKind::Server(ServerErrorKind::ReadOnly) => "read_only",
        ErrorKind::Server(ServerErrorKind::BusyLoading | ServerErrorKind::ClusterDown) => "not_ready",
        _ if error.code() == Some("NOAUTH") => "authentication",
        _ if error.code() == Some("OOM") => "out_of_memory",
        _ if error.is_timeout() => "timeout",
        _ if error.is_io_error() => "unreachable",
        _ => "error",
    }
}

/// The connection to a cluster; connects on first use.
async fn cluster(
    client: &ClusterClient,
    known: &Mutex<Option<ClusterConnection>>,
) -> RedisResult<ClusterConnection> {
    let mut known = known.lock().await;
    if let Some(connection) = &*known {
        return Ok(connection.clone());
    }
    let connection = client.get_async_connection().await?;
    *known = Some(connection.clone());
    Ok(connection)
}

#[async_trait::async_trait]
impl SharedCache for RedisCache {
    async fn get(&self, account: AccountId, keys: &[PartKey]) -> Vec<Option<(Epoch, Part)>> {
        let nothing = || vec![None; keys.len()];
        if self.0.is_open() || keys.is_empty() {
            return nothing();
        }
        let names: Vec<String> = keys.iter().map(|key| key_of(account, key)).collect();
        let Some(values) = self.0.run(self.0.read(&names)).await else {
            return nothing();
        };
        let (mut found, mut forged) = (Vec::with_capacity(keys.len()), Vec::new());
        for ((value, name), key) in values.iter().zip(names).zip(keys) {
            let value = self.0.open(&name, key, value.as_deref());
            if value.is_err() {
                forged.push(name);
            }
            found.push(value.unwrap_or_default());
        }
        found.resize_with(keys.len(), || None);
        self.unlink_later(forged);
        found
    }

    fn put(&self, account: AccountId, epoch: &Epoch, parts: Vec<(PartKey, Part)>) {
        if self.0.is_open() || parts.is_empty() {
            return;
        }
        // A write is worth a permit, not a wait for one.
        let Ok(permit) = Arc::clone(&self.0.writes).try_acquire_owned() else {
            return;
        };
        let (inner, epoch) = (Arc::clone(&self.0), Arc::clone(epoch));
        self.1.spawn(async move {
            let _permit = permit;
            for (key, part) in &parts {
                let (value, head) = encode(&epoch, part);
                let key = key_of(account, key);
                let Some(value) = sealed::seal(&inner.keys, &key, value) else {
                    return;
                };
                if inner.is_open() || inner.run(inner.write(&key, &value, head)).await.is_none() {
                    return;
                }
            }
        });
    }

    fn remove(&self, account: AccountId, keys: Vec<PartKey>) {
        self.unlink_later(keys.iter().map(|key| key_of(account, key)).collect());
    }
}
