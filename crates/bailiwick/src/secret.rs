//! Secrets read from files.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use secrecy::SecretString;

/// The first line of a file.
pub(crate) fn first_line(path: &Path) -> Result<SecretString> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let line = text.lines().next().unwrap_or_default();
    ensure!(
        !line.is_empty(),
        "the first line of `{}` is empty",
        path.display()
    );
    Ok(line.to_owned().into())
}
