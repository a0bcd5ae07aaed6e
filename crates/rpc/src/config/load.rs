//! Reads the configuration.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use bailiwick_types::did_you_mean;
use config::{Config, File, FileFormat, Map, Source, Value, ValueKind};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::schema::{Kind, Node};

/// What the names of environment variables start with.
const PREFIX: &str = "BAILIWICK__";

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key that the schema does not have.
    #[error("unknown key `{key}` in {source_name}{hint}")]
    UnknownKey {
        /// The key with all above it.
        key: String,
        /// The file, variable or flag.
        source_name: String,
        /// What may have been meant.
        hint: String,
    },
    /// A file that cannot be read, or is no TOML.
    #[error("configuration file `{file}`: {why}")]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A value that does not fit its key.
    #[error("{0}")]
    Value(String),
}

/// Puts a configuration together: a file, then the environment, then flags; what comes later wins.
#[derive(Debug, Default)]
pub struct Loader {
    file: Option<PathBuf>,
    /// A name as text, and a value that may be none.
    variables: Vec<(String, OsString)>,
    overrides: Vec<(String, String)>,
}

impl Loader {
    /// Starts with nothing but the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// Reads a TOML file.
    #[must_use]
    pub fn file(mut self, file: Option<&Path>) -> Self {
        self.file = file.map(Path::to_owned);
        self
    }
    /// Reads variables whose names start with `BAILIWICK__`, as in `BAILIWICK__SERVER__LISTEN`. Others are
    /// none of ours, and need not be text.
    #[must_use]
    pub fn environment<T: Into<OsString>>(mut self, variables: impl IntoIterator<Item = (T, T)>) -> Self {
        for (name, value) in variables {
            let name: OsString = name.into();
            if name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
                // A name that is not text becomes one that no key has, and is refused as such.
                self.variables
                    .push((name.to_string_lossy().into_owned(), value.into()));
            }
        }
        self.variables.sort();
        self
    }
    /// Sets a key, named with all above it: `server.listen`.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.overrides.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Reads it.
    ///
    /// # Errors
    /// A file that cannot be read, a key that the schema does not have, a value that does not fit.
    pub fn load<T: DeserializeOwned + JsonSchema>(self) -> Result<T, ConfigError> {
        let schema = schemars::schema_for!(T).to_value();
        let root = Node::root(&schema);
        let mut builder = Config::builder();
        if let Some(file) = &self.file {
            let refuse = |why: String| ConfigError::File {
                file: file.clone(),
                why,
            };
            let text = std::fs::read_to_string(file).map_err(|error| refuse(error.to_string()))?;
            let tree = Config::builder()
                .add_source(File::from_str(&text, FileFormat::Toml))
                .build()
                .map_err(|error| refuse(error.to_string()))?;
            let origin = format!("file `{}`", file.display());
            let tree = named(tree.cache, &origin);
            known(&root, &tree, "", &origin)?;
            builder = builder.add_source(Settings::of(tree));
        }
        for (name, value) in &self.variables {
            let text = value
                .to_str()
                .ok_or_else(|| ConfigError::Value(format!("variable `{name}` is not UTF-8")))?;
            let path: Vec<String> = name
                .trim_start_matches(PREFIX)
                .split("__")
                .map(str::to_lowercase)
                .collect();
            builder = builder.add_source(single(&root, &path, text, &format!("variable `{name}`"))?);
        }
        for (key, text) in &self.overrides {
            let path: Vec<String> = key.split('.').map(str::to_owned).collect();
            builder = builder.add_source(single(&root, &path, text, &format!("flag for `{key}`"))?);
        }
        let merged = builder
            .build()
            .map_err(|error| ConfigError::Value(error.to_string()))?;
        merged
            .try_deserialize()
            .map_err(|error| ConfigError::Value(error.to_string()))
    }
}

/// Reads the configuration of a process: the file, then its environment (`BAILIWICK__SERVER__LISTEN`), then
/// flags (`("server.listen", "127.0.0.1:0")`).
///
/// # Errors
/// A file that cannot be read, a key that the schema does not have, a value that does not fit; the message
/// names the file, variable or flag.
pub fn load<T: DeserializeOwned + JsonSchema>(
    file: Option<&Path>,
    overrides: &[(String, String)],
) -> Result<T, ConfigError> {
    let mut loader = Loader::new().file(file).environment(std::env::vars_os());
    for (key, value) in overrides {
        loader = loader.set(key, value);
    }
    loader.load()
}

/// One source: a tree of values.
#[derive(Debug, Clone)]
struct Settings(Map<String, Value>);

impl Settings {
    fn of(value: Value) -> Self {
        match value.kind {
            ValueKind::Table(table) => Self(table),
            _ => Self(Map::new()),
        }
    }
}

impl Source for Settings {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }
    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
    // Keys are taken as they are: one with a dot in it is one key.
    fn collect_to(&self, cache: &mut Value) -> Result<(), config::ConfigError> {
        if let ValueKind::Table(into) = &mut cache.kind {
            merge(into, self.0.clone());
        }
        Ok(())
    }
}

/// Tables are put together key by key; everything else is replaced.
fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, mut value) in from {
        if let (Some(ValueKind::Table(old)), ValueKind::Table(new)) =
            (into.get_mut(&key).map(|v| &mut v.kind), &mut value.kind)
        {
            merge(old, std::mem::take(new));
        } else {
            into.insert(key, value);
        }
    }
}

/// A value at a path, from a text.
fn single(root: &Node<'_>, path: &[String], text: &str, origin: &str) -> Result<Settings, ConfigError> {
    let mut node = root.clone();
    for (n, name) in path.iter().enumerate() {
        let below = if node.is_table() { node.key(name) } else { None };
        let key = || path.get(..=n).unwrap_or_default().join(".");
        node = below.ok_or_else(|| unknown(&node, &key(), name, origin))?;
    }
    let origin = origin.to_owned();
    let kind = match node.kind() {
        Kind::List => {
            let words = text.split(',').map(str::trim).filter(|w| !w.is_empty());
            ValueKind::Array(words.map(|w| Value::new(Some(&origin), w)).collect())
        }
        Kind::Other => ValueKind::String(text.to_owned()),
    };
    let mut value = Value::new(Some(&origin), kind);
    for name in path.iter().rev() {
        let table: Map<String, Value> = std::iter::once((name.clone(), value)).collect();
        value = Value::new(Some(&origin), table);
    }
    Ok(Settings::of(value))
}

/// Gives every value of a tree its origin.
fn named(value: Value, origin: &String) -> Value {
    let kind = match value.kind {
        ValueKind::Table(table) => {
            ValueKind::Table(table.into_iter().map(|(k, v)| (k, named(v, origin))).collect())
        }
        ValueKind::Array(list) => ValueKind::Array(list.into_iter().map(|v| named(v, origin)).collect()),
        other => other,
    };
    Value::new(Some(origin), kind)
}

/// Refuses the first key that the schema does not have.
fn known(node: &Node<'_>, value: &Value, path: &str, origin: &str) -> Result<(), ConfigError> {
    match &value.kind {
        ValueKind::Table(table) if node.is_table() => {
            let mut keys: Vec<_> = table.iter().collect();
            keys.sort_by_key(|(name, _)| *name);
            for (name, value) in keys {
                let key = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                let Some(below) = node.key(name) else {
                    return Err(unknown(node, &key, name, origin));
                };
                known(&below, value, &key, origin)?;
            }
            Ok(())
        }
        ValueKind::Array(list) => {
            let Some(items) = node.items() else { return Ok(()) };
            for (n, value) in list.iter().enumerate() {
                known(&items, value, &format!("{path}[{n}]"), origin)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn unknown(node: &Node<'_>, key: &str, name: &str, origin: &str) -> ConfigError {
    ConfigError::UnknownKey {
        key: key.to_owned(),
        source_name: origin.to_owned(),
        hint: did_you_mean(name, node.names()),
    }
}
