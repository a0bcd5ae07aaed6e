//! Consistency tokens, kept from one command to the next: each sees what those before it wrote.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use anyhow::Result;
use bailiwick_client::TokenJar;

use super::kept::{self, Kept};

const FILE: &str = "tokens.json";

/// Tokens by endpoint.
type Tokens = BTreeMap<String, Vec<String>>;

/// The jars of this process.
static JARS: Mutex<Vec<Used>> = Mutex::new(Vec::new());

struct Used {
    endpoint: String,
    /// What was there before.
    before: Vec<String>,
    jar: TokenJar,
}

/// The tokens for an endpoint. Where they cannot be read, an answer may be as old as the staleness bound.
pub(super) fn jar(endpoint: &[String]) -> TokenJar {
    let endpoint = endpoint.join(",");
    let mut jars = JARS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(used) = jars.iter().find(|used| used.endpoint == endpoint) {
        return used.jar.clone();
    }
    let mut all: Tokens = kept::read(FILE).unwrap_or_default();
    let before = all.remove(&endpoint).unwrap_or_default();
    let jar = TokenJar::default();
    for token in &before {
        jar.observe(token);
    }
    jars.push(Used {
        endpoint,
        before,
        jar: jar.clone(),
    });
    jar
}

/// Keeps the tokens of all calls of this process for the next command.
pub(crate) fn keep() -> Result<()> {
    let jars = std::mem::take(&mut *JARS.lock().unwrap_or_else(PoisonError::into_inner));
    let now = |used: &Used| -> Vec<String> { used.jar.tokens().iter().map(ToString::to_string).collect() };
    if jars.iter().all(|used| now(used) == used.before) {
        return Ok(());
    }
    let mut file: Kept<Tokens> = Kept::take(FILE)?;
    for used in &jars {
        let tokens = file.value.entry(used.endpoint.clone()).or_default();
        // What another command wrote meanwhile stays.
        tokens.retain(|token| !used.before.contains(token));
        tokens.extend(now(used));
    }
    file.write()
}
