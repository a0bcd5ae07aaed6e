//! Reading a manifest from YAML: all faults at once, each with its place.

use std::collections::BTreeMap;

use super::{
    Manifest,
    read::Read,
    yaml::{self, Position},
};

/// Something that is wrong in a manifest file, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("line {line}, column {column}: {path}{}{message}", if .path.is_empty() { "" } else { ": " })]
pub struct ManifestError {
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
    /// The path of what is wrong: `roles.admin.levels.account.permissions[0]`.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// The greatest length of a manifest in bytes.
const MAX_LENGTH: usize = 1 << 20;

/// Reads a manifest from YAML 1.2.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn parse(yaml: &str) -> Result<Manifest, Vec<ManifestError>> {
    let whole = |message: String, Position { line, column }: Position| {
        vec![ManifestError {
            line,
            column,
            path: String::new(),
            message,
        }]
    };
    if yaml.len() > MAX_LENGTH {
        return Err(whole(
            format!("the manifest is longer than {MAX_LENGTH} bytes"),
            Position::START,
        ));
    }
    let root = yaml::read(yaml).map_err(|(at, error)| whole(format!("not readable as YAML: {error}"), at))?;
    let mut read = Read::default();
    let manifest = read.manifest(&root);
    let mut errors = std::mem::take(&mut read.errors);
    // What the shape refuses already is not reported once more for what is missing then.
    let shape: Vec<String> = errors.iter().map(|error| error.path.clone()).collect();
    let refused = |path: &str| shape.iter().any(|other| path.starts_with(other.as_str()));
    errors.extend(
        manifest
            .check()
            .into_iter()
            .filter(|fault| !refused(&fault.path))
            .map(|fault| {
                let Position { line, column } = position(&read.positions, &fault.path);
                ManifestError {
                    line,
                    column,
                    path: fault.path,
                    message: fault.message,
                }
            }),
    );
    errors.sort();
    errors.dedup();
    if errors.is_empty() {
        Ok(manifest)
    } else {
        Err(errors)
    }
}

/// The place of a path, or of the nearest part around it that stands in the file.
fn position(positions: &BTreeMap<String, Position>, path: &str) -> Position {
    let mut path = path;
    loop {
        if let Some(at) = positions.get(path) {
            return *at;
        }
        match path.rfind(['.', '[']) {
            Some(end) => path = path.get(..end).unwrap_or_default(),
            None => return positions.get("").copied().unwrap_or(Position::START),
        }
    }
}
