//! Profiles: sessions that `bailiwick login` began, in a file that only its owner can read.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context, Result, bail};
use bailiwick_client::{Client, Error};
use bailiwick_proto::identity::v1::{RefreshRequest, TokenPair};
use bailiwick_types::{Clock as _, SystemClock};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::kept::{self, Kept};

const FILE: &str = "credentials.json";
/// The profile of whoever names none.
pub(crate) const DEFAULT: &str = "default";
/// Seconds before its end from which on an access token is renewed.
const MARGIN: i64 = 60;

/// A session and where it was begun.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct Profile {
    /// Endpoints, as in `--endpoint`.
    pub(crate) endpoint: Vec<String>,
    /// File with CA certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
    /// E-mail address of the user.
    pub(crate) email: String,
    /// Id of the account that the session is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    /// The token of this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) device_token: Option<String>,
    /// The tokens of the session; none after a sign-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tokens: Option<Tokens>,
}

/// The tokens of a session.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct Tokens {
    access: String,
    /// Unix time in seconds.
    access_expires: i64,
    refresh: String,
}

impl From<TokenPair> for Tokens {
    fn from(pair: TokenPair) -> Self {
        Self {
            access: pair.access_token,
            access_expires: pair.access_expire_time.map_or(0, |at| at.seconds),
            refresh: pair.refresh_token,
        }
    }
}

#[derive(Serialize, Deserialize, Default)]
struct Stored {
    profiles: BTreeMap<String, Profile>,
}

/// The file of profiles, held for this process alone: of two commands that renew one session at the same
/// time, the second must see the tokens of the first.
pub(crate) struct Held(Kept<Stored>);

impl Held {
    /// Waits until no other process has the file.
    pub(crate) fn take() -> Result<Self> {
        Ok(Self(Kept::take(FILE)?))
    }
    /// A profile.
    pub(crate) fn profile(&self, name: &str) -> Option<&Profile> {
        self.0.value.profiles.get(name)
    }
    /// Writes a profile to the file.
    pub(crate) fn put(&mut self, name: &str, profile: Profile) -> Result<()> {
        self.0.value.profiles.insert(name.to_owned(), profile);
        self.0.write()
    }
}

/// Reads a profile.
pub(crate) fn read(name: &str) -> Result<Option<Profile>> {
    Ok(kept::read::<Stored>(FILE)?.profiles.remove(name))
}

/// The access token of a profile, renewed if it ends soon.
pub(crate) async fn access(name: &str, client: &Client) -> Result<SecretString> {
    let again =
        || format!("the session of profile `{name}` has ended: `bailiwick login --as {name}` begins another");
    let mut held = Held::take()?;
    let mut profile = held.profile(name).cloned().with_context(again)?;
    let tokens = profile.tokens.clone().with_context(again)?;
    if tokens.access_expires - MARGIN > SystemClock.now().seconds() {
        return Ok(tokens.access.into());
    }
    let request = RefreshRequest {
        refresh_token: tokens.refresh,
    };
    let answer = client.identity().authentication().refresh(request).await;
    let pair = match answer.map_err(Error::from) {
        Ok(answer) => answer.into_inner().tokens,
        Err(error) if error.code() == tonic::Code::Unauthenticated => bail!("{} ({error})", again()),
        Err(error) => return Err(error.into()),
    };
    let tokens = Tokens::from(pair.context("the response contains no tokens")?);
    let access = tokens.access.clone();
    profile.tokens = Some(tokens);
    held.put(name, profile)?;
    Ok(access.into())
}

/// Where the profiles are.
pub(crate) fn path() -> Result<PathBuf> {
    kept::path(FILE)
}
