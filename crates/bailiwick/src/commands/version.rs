//! `bailiwick version`.

use anyhow::Result;
use serde_json::json;

use crate::{cli::Output, output};

/// Prints the version.
pub(crate) fn run(output: Output) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    output::print(output, &json!({"version": version}), |_| {
        format!("bailiwick {version}")
    })
}
