//! The Ed25519 keys by which the suite's own services know each other: each has the private key of its own
//! and the public keys of the others.
//!
//! Public keys are found by their id, which is derived from the key (RFC 7638), so that a rotation configures
//! keys alone: a file may hold several.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use bailiwick_types::Service;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{DecodingKey, EncodingKey};
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer, pem::PemObject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Secret, metrics, reload::Reload};

/// What stands before the 32 bytes of an Ed25519 key in its `SubjectPublicKeyInfo` (RFC 8410 section 4).
const SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
/// Length of a public key, in bytes.
const PUBLIC: usize = 32;

/// The keys that the services sign and verify each other's calls with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InternalConfig {
    /// Identity's.
    pub identity: ServiceKeyFiles,
    /// Tenancy's.
    pub tenancy: ServiceKeyFiles,
    /// Authorization's.
    pub authorization: ServiceKeyFiles,
}

/// The keys of a service. `bailiwick keys generate` makes such files; those in use are read again when they
/// change, and on SIGHUP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceKeyFiles {
    /// PEM file of the Ed25519 private key (PKCS #8), where the service runs in this process. A process with
    /// all three services makes keys of its own if no key is configured.
    pub key_file: Option<PathBuf>,
    /// PEM file of the public keys, where the service runs in another process: the present key, and during a
    /// rotation the one before or after it too.
    pub public_keys_file: Option<PathBuf>,
}

impl InternalConfig {
    fn of(&self, service: Service) -> &ServiceKeyFiles {
        match service {
            Service::Identity => &self.identity,
            Service::Tenancy => &self.tenancy,
            Service::Authorization => &self.authorization,
        }
    }

    /// Reads every file that is named and checks that it holds keys.
    ///
    /// # Errors
    /// A file cannot be read, or holds no such key.
    pub fn check(&self) -> Result<(), ServiceKeyError> {
        let seen = contents(self, &Service::ALL)?;
        State::new(self, &seen, 0).map(drop)
    }
}

/// Error for keys that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ServiceKeyError {
    /// A setting is absent.
    #[error("`internal.{service}.{setting}` is required: {why}")]
    Missing {
        /// Whose key it is.
        service: Service,
        /// The setting.
        setting: &'static str,
        /// Why.
        why: &'static str,
    },
    /// A file cannot be used.
    #[error("`internal.{service}.{setting}`: file `{}`: {why}", file.display())]
    File {
        /// Whose key it is.
        service: Service,
        /// The setting.
        setting: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// One key is two services'.
    #[error("`internal.{0}` and `internal.{1}` have the same key: each service needs a key of its own")]
    Shared(Service, Service),
    /// The cryptographic library fails.
    #[error("cannot make a key pair")]
    Generate,
}

/// A private key and its public key.
pub struct ServiceKeyPair {
    pkcs8: Secret,
    public: [u8; PUBLIC],
    sign: EncodingKey,
}

impl std::fmt::Debug for ServiceKeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServiceKeyPair({})", self.id())
    }
}

impl ServiceKeyPair {
    /// Makes a key pair.
    ///
    /// # Errors
    /// The cryptographic library fails.
    pub fn generate() -> Result<Self, ServiceKeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| ServiceKeyError::Generate)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| ServiceKeyError::Generate)?;
        Self::from_pkcs8(pkcs8.as_ref()).ok_or(ServiceKeyError::Generate)
    }
    /// Reads a PEM file of a private key.
    fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem)
            .map_err(|_| "it has no private key (PKCS #8, PEM)".to_owned())?;
        Self::from_pkcs8(key.secret_pkcs8_der()).ok_or_else(|| "its private key is not Ed25519".to_owned())
    }
    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_pkcs8(der).ok()?;
        Some(Self {
            public: pair.public_key().as_ref().try_into().ok()?,
            pkcs8: Secret::new(pem("PRIVATE KEY", der)),
            sign: EncodingKey::from_ed_der(der),
        })
    }
    /// The id of the key.
    #[must_use]
    pub fn id(&self) -> String {
        thumbprint(&self.public)
    }
    /// The private key as PEM.
    #[must_use]
    pub fn private_pem(&self) -> &Secret {
        &self.pkcs8
    }
    /// The public key as PEM.
    #[must_use]
    pub fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &[&SPKI[..], &self.public].concat())
    }
    /// For signing tokens.
    pub(super) fn signing_key(&self) -> &EncodingKey {
        &self.sign
    }
}

/// A public key and whose it is.
#[derive(Clone)]
pub(super) struct ServiceKey {
    pub(super) service: Service,
    pub(super) verify: DecodingKey,
}

/// The keys of a process, replaced while it runs.
pub struct ServiceKeys {
    /// Where they are read from, and which services are here; none of keys that this process made.
    files: Option<(InternalConfig, Vec<Service>)>,
    state: ArcSwap<State>,
    /// The contents of the files at the last look.
    seen: Mutex<Contents>,
    reload: Reload,
}

#[derive(Default)]
struct State {
    /// Goes up with each replacement.
    generation: u64,
    own: BTreeMap<Service, Arc<ServiceKeyPair>>,
    public: HashMap<String, ServiceKey>,
}

/// What a file contains.
type Contents = BTreeMap<(Service, &'static str), Vec<u8>>;

const KEY: &str = "key_file";
const PUBLIC_KEYS: &str = "public_keys_file";

bailiwick_types::debug_fields!(ServiceKeys { files });

impl ServiceKeys {
    /// The keys of a process that runs these services: from files, or made by the process where all services
    /// are here and no key is configured.
    ///
    /// # Errors
    /// A file is not named, cannot be read, or holds no such key.
    pub fn new(config: &InternalConfig, here: &[Service]) -> Result<Arc<Self>, ServiceKeyError> {
        let all = Service::ALL.iter().all(|service| here.contains(service));
        if all && *config == InternalConfig::default() {
            return Self::ephemeral();
        }
        for service in Service::ALL {
            let files = config.of(service);
            let missing = |setting, why| ServiceKeyError::Missing {
                service,
                setting,
                why,
            };
            if here.contains(&service) && files.key_file.is_none() {
                let why = "the service signs its calls of the others with it (`bailiwick keys generate`)";
                return Err(missing(KEY, why));
            }
            if !here.contains(&service) && files.public_keys_file.is_none() {
                let why = "calls of that service, which runs in another process, are verified with it";
                return Err(missing(PUBLIC_KEYS, why));
            }
        }
        let seen = contents(config, here)?;
        let state = State::new(config, &seen, 0)?;
        Ok(Arc::new(Self {
            files: Some((config.clone(), here.to_vec())),
            state: ArcSwap::from_pointee(state),
            seen: Mutex::new(seen),
            reload: Reload::default(),
        }))
    }

    /// Keys for all services that no other process has.
    ///
    /// # Errors
    /// The cryptographic library fails.
    pub fn ephemeral() -> Result<Arc<Self>, ServiceKeyError> {
        let mut state = State::default();
        for service in Service::ALL {
            state.add_own(service, ServiceKeyPair::generate()?)?;
        }
        Ok(Arc::new(Self {
            files: None,
            state: ArcSwap::from_pointee(state),
            seen: Mutex::default(),
            reload: Reload::default(),
        }))
    }

    /// Reads the files again soon, also where they have not changed.
    pub fn reload(&self) {
        self.reload.ask();
    }

    /// Looks at the files now and then; never ends.
    pub async fn follow(&self) {
        let reloads = metrics::counters(
            "bailiwick_service_key_reloads_total",
            "Keys of services that were read again, by result.",
            &["result"],
        );
        self.reload
            .follow("the keys of services", reloads, |asked| self.refresh(asked))
            .await;
    }

    /// Takes the files into use where they have changed or it is asked for; tells whether it did.
    fn refresh(&self, asked: bool) -> Result<bool, ServiceKeyError> {
        let Some((config, here)) = &self.files else {
            return Ok(false);
        };
        let now = contents(config, here)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now && !asked {
            return Ok(false);
        }
        seen.clone_from(&now);
        let generation = self.state.load().generation + 1;
        let next = State::new(config, &now, generation)?;
        self.state.store(Arc::new(next));
        Ok(true)
    }

    /// Tells one state of the keys from another.
    pub(super) fn generation(&self) -> u64 {
        self.state.load().generation
    }

    /// The key that a service in this process signs with, and the generation that it is of.
    pub(super) fn own(&self, service: Service) -> Option<(u64, Arc<ServiceKeyPair>)> {
        let state = self.state.load();
        Some((state.generation, Arc::clone(state.own.get(&service)?)))
    }

    /// The public key with an id, and the generation that it is of.
    pub(super) fn public(&self, id: &str) -> Option<(u64, ServiceKey)> {
        let state = self.state.load();
        Some((state.generation, state.public.get(id)?.clone()))
    }
}

impl State {
    fn new(config: &InternalConfig, contents: &Contents, generation: u64) -> Result<Self, ServiceKeyError> {
        let mut state = Self {
            generation,
            ..Self::default()
        };
        for ((service, setting), pem) in contents {
            let file = config.of(*service);
            let refuse = |why: String| ServiceKeyError::File {
                service: *service,
                setting,
                file: match *setting {
                    KEY => file.key_file.clone(),
                    _ => file.public_keys_file.clone(),
                }
                .unwrap_or_default(),
                why,
            };
            if *setting == KEY {
                let pair = ServiceKeyPair::from_pem(pem).map_err(refuse)?;
                state.add_own(*service, pair)?;
            } else {
                for public in public_keys(pem).map_err(refuse)? {
                    state.add(*service, &public)?;
                }
            }
        }
        Ok(state)
    }

    fn add_own(&mut self, service: Service, pair: ServiceKeyPair) -> Result<(), ServiceKeyError> {
        self.add(service, &pair.public)?;
        self.own.insert(service, Arc::new(pair));
        Ok(())
    }

    fn add(&mut self, service: Service, public: &[u8; PUBLIC]) -> Result<(), ServiceKeyError> {
        let key = ServiceKey {
            service,
            verify: DecodingKey::from_ed_der(public),
        };
        match self.public.insert(thumbprint(public), key) {
            Some(known) if known.service != service => Err(ServiceKeyError::Shared(known.service, service)),
            _ => Ok(()),
        }
    }
}

/// Reads the files that a process with these services needs: private keys of its own services, and public
/// keys of all.
fn contents(config: &InternalConfig, here: &[Service]) -> Result<Contents, ServiceKeyError> {
    let mut contents = Contents::new();
    for service in Service::ALL {
        let files = config.of(service);
        let own = files.key_file.as_deref().filter(|_| here.contains(&service));
        let named = [(KEY, own), (PUBLIC_KEYS, files.public_keys_file.as_deref())];
        for (setting, file) in named {
            let Some(file) = file else { continue };
            contents.insert((service, setting), read(service, setting, file)?);
        }
    }
    Ok(contents)
}

fn read(service: Service, setting: &'static str, file: &Path) -> Result<Vec<u8>, ServiceKeyError> {
    std::fs::read(file).map_err(|error| ServiceKeyError::File {
        service,
        setting,
        file: file.to_owned(),
        why: error.to_string(),
    })
}

/// The Ed25519 keys in a PEM file.
fn public_keys(pem: &[u8]) -> Result<Vec<[u8; PUBLIC]>, String> {
    let mut keys = Vec::new();
    for key in SubjectPublicKeyInfoDer::pem_slice_iter(pem) {
        let key = key.map_err(|_| "it is no PEM file of public keys".to_owned())?;
        let raw = key.as_ref().strip_prefix(&SPKI[..]);
        let raw = raw.and_then(|raw| raw.try_into().ok());
        keys.push(raw.ok_or_else(|| "a public key in it is not Ed25519".to_owned())?);
    }
    if keys.is_empty() {
        return Err("it has no public key (PEM)".to_owned());
    }
    Ok(keys)
}

/// The id of a key (RFC 7638, RFC 8037 appendix A.3).
fn thumbprint(public: &[u8; PUBLIC]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public);
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

/// PEM (RFC 7468).
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|byte| char::from(*byte)));
        pem.push('\n');
    }
    pem + "-----END " + label + "-----\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of three services in a folder.
    struct Files {
        folder: tempfile::TempDir,
        config: InternalConfig,
    }

    impl Files {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let of = |service: &str| ServiceKeyFiles {
                key_file: Some(folder.path().join(format!("{service}.key"))),
                public_keys_file: Some(folder.path().join(format!("{service}.pub"))),
            };
            let config = InternalConfig {
                identity: of("identity"),
                tenancy: of("tenancy"),
                authorization: of("authorization"),
            };
            let files = Self { folder, config };
            for service in Service::ALL {
                files.make(service);
            }
            files
        }
        fn make(&self, service: Service) -> ServiceKeyPair {
            let pair = ServiceKeyPair::generate().unwrap();
            self.write(&format!("{service}.key"), pair.private_pem().expose());
            self.write(&format!("{service}.pub"), &pair.public_pem());
            pair
        }
        fn write(&self, name: &str, text: &str) {
            std::fs::write(self.folder.path().join(name), text).unwrap();
        }
        fn keys(&self, here: &[Service]) -> Result<Arc<ServiceKeys>, String> {
            ServiceKeys::new(&self.config, here).map_err(|error| error.to_string())
        }
    }

    #[test]
    fn the_id_of_a_key_is_its_thumbprint() {
        // RFC 8037 appendix A.
        let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        let public = x.unwrap().try_into().unwrap();
        assert_eq!(thumbprint(&public), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_process_has_the_private_keys_of_its_own_services_alone() {
        let files = Files::new();
        let keys = files.keys(&[Service::Tenancy]).unwrap();
        assert!(keys.own(Service::Tenancy).is_some());
        assert!(keys.own(Service::Identity).is_none());
        for service in Service::ALL {
            let of = files.keys(&[service]).unwrap().own(service).unwrap().1;
            let (_, known) = keys.public(&of.id()).unwrap();
            assert_eq!(known.service, service);
        }
        assert!(keys.public("another").is_none());
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_by_its_setting_and_no_key_is_repeated() {
        let files = Files::new();
        let refused = |config: &InternalConfig, here: &[Service]| {
            ServiceKeys::new(config, here).map(drop).unwrap_err().to_string()
        };
        let nothing = InternalConfig::default();
        let text = refused(&nothing, &[Service::Tenancy]);
        assert!(
            text.contains("`internal.identity.public_keys_file` is required"),
            "{text}"
        );
        let text = refused(&nothing, &[Service::Identity]);
        assert!(
            text.contains("`internal.identity.key_file` is required"),
            "{text}"
        );
        assert!(ServiceKeys::new(&nothing, &Service::ALL).is_ok());

        // Halves of the key must not be in an error.
        let pair = ServiceKeyPair::generate().unwrap();
        for (name, content, why) in [
            ("tenancy.key", "nonsense", "no private key"),
            ("tenancy.key", &*pair.public_pem(), "no private key"),
            ("identity.pub", pair.private_pem().expose(), "no public key"),
            ("identity.pub", "", "no public key"),
        ] {
            let files = Files::new();
            files.write(name, content);
            let text = files.keys(&[Service::Tenancy]).map(drop).unwrap_err();
            assert!(text.contains(why) && text.contains(name), "{text}");
            let secret = pair.private_pem().expose();
            assert!(!secret.lines().any(|line| text.contains(line)), "{text}");
        }
        files.write("authorization.pub", &files.make(Service::Identity).public_pem());
        let text = files.keys(&[Service::Tenancy]).map(drop).unwrap_err();
        assert!(text.contains("have the same key"), "{text}");
    }

    #[test]
    fn several_public_keys_are_known_and_replaced_files_are_taken_into_use() {
        let files = Files::new();
        let keys = files.keys(&[Service::Tenancy]).unwrap();
        let old = files.keys(&[Service::Identity]).unwrap();
        let old = old.own(Service::Identity).unwrap().1;
        assert!(!keys.refresh(false).unwrap(), "nothing has changed");
        let new = ServiceKeyPair::generate().unwrap();
        files.write("identity.pub", &(old.public_pem() + &new.public_pem()));
        assert!(keys.refresh(false).unwrap());
        assert!(keys.public(&old.id()).is_some() && keys.public(&new.id()).is_some());
        let before = keys.generation();
        files.write("identity.pub", "half of a key");
        assert!(keys.refresh(false).is_err());
        assert!(keys.public(&new.id()).is_some(), "the keys before stay");
        assert_eq!(keys.generation(), before);
        files.write("identity.pub", &new.public_pem());
        assert!(keys.refresh(false).unwrap());
        assert!(keys.public(&old.id()).is_none() && keys.public(&new.id()).is_some());
    }
}
