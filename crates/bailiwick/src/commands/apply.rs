//! `bailiwick apply`.

mod preview;

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use bailiwick_client::Client;
use bailiwick_proto::authorization::v1::{ApplyProductRequest, ApplyProductResponse, RoleReplacement};
use serde::Serialize;

use crate::{
    cli::{Apply, Output},
    connect, output, products, words,
};

/// What `apply` prints.
#[derive(Serialize)]
struct Applied {
    product: String,
    version: u64,
    changed: bool,
    dry_run: bool,
    differences: Vec<String>,
}

/// Applies a manifest from a file, or a shipped one by its name.
pub(crate) async fn run(arguments: &Apply, how: Output) -> Result<()> {
    let (name, manifest) = read(&arguments.manifest)?;
    let client = connect::client(&arguments.connection)?;
    if arguments.preview {
        return preview::run(&client, (manifest, replacements(arguments)), how).await;
    }
    let request = ApplyProductRequest {
        manifest,
        file_name: name,
        validate_only: arguments.dry_run,
        role_replacements: replacements(arguments),
    };
    let came = send(&client, request).await?;
    let product = came.product.unwrap_or_default();
    let applied = Applied {
        product: product.product,
        version: product.version,
        changed: came.changed,
        dry_run: arguments.dry_run,
        differences: came.differences,
    };
    output::print(how, &applied, |a| {
        let verb = match (a.changed, a.dry_run) {
            (false, _) => "is as it was:",
            (true, true) => "would become",
            (true, false) => "is now",
        };
        let mut text = format!("{} {verb} version {}", a.product, a.version);
        for difference in &a.differences {
            text.push_str("\n  ");
            text.push_str(difference);
        }
        text
    })
}

fn replacements(arguments: &Apply) -> Vec<RoleReplacement> {
    let told = arguments.replace.iter().map(|(role, by)| RoleReplacement {
        role: role.clone(),
        replaced_by: by.clone(),
    });
    told.collect()
}

/// What a refused manifest is told as: a role that is still bound, with what can be done about it.
fn fault(status: tonic::Status) -> anyhow::Error {
    let bound = status.message().contains("is bound at level");
    let error = words::fault(status);
    if bound {
        return anyhow!(
            "{error:#}; say what takes its place: `--replace ROLE=OTHER`, or `--replace ROLE=` to end its bindings"
        );
    }
    error
}

/// Sends a manifest to a suite.
pub(crate) async fn send(client: &Client, request: ApplyProductRequest) -> Result<ApplyProductResponse> {
    Ok(client
        .authorization()
        .product()
        .apply_product(request)
        .await
        .map_err(fault)?
        .into_inner())
}

fn read(manifest: &Path) -> Result<(String, String)> {
    let name = manifest.to_string_lossy();
    if manifest.is_file() {
        let text = std::fs::read_to_string(manifest).with_context(|| format!("cannot read `{name}`"))?;
        return Ok((name.into_owned(), text));
    }
    match products::shipped(&name) {
        Some(text) => Ok((format!("{name}.yaml"), text.to_owned())),
        None => bail!(
            "`{name}` is neither a file nor a shipped product ({})",
            products::names().join(", ")
        ),
    }
}
