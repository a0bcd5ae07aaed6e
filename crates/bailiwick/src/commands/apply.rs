//! `bailiwick apply`.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use bailiwick_client::{Client, Error};
use bailiwick_proto::authorization::v1::{ApplyProductRequest, PreviewProductRequest, RoleReplacement};
use bailiwick_types::Reason;
use serde::Serialize;
use tonic::Status;

use crate::{
    cli::Output,
    connect::Connection,
    output::{
        self,
        changes::{self, Row},
    },
    products,
};

/// Arguments of `apply`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The manifest (YAML), or the name of a built-in product such as `one-question`.
    manifest: PathBuf,
    /// Only show how the manifest differs from the applied one.
    #[arg(long)]
    dry_run: bool,
    /// Only show who would gain or lose which permissions, in all accounts of the product.
    #[arg(long, conflicts_with = "dry_run")]
    preview: bool,
    /// What replaces a role that the manifest removes while it is bound: `ROLE=OTHER` binds another role in
    /// its place, `ROLE=` ends the bindings. May be repeated.
    #[arg(long, value_name = "ROLE=OTHER", value_parser = replacement)]
    replace: Vec<RoleReplacement>,
    #[command(flatten)]
    connection: Connection,
}

fn replacement(text: &str) -> Result<RoleReplacement, &'static str> {
    match text.split_once('=') {
        Some((role, other)) if !role.is_empty() => Ok(RoleReplacement {
            role: role.to_owned(),
            replaced_by: other.to_owned(),
        }),
        _ => Err("must be `ROLE=OTHER`, or `ROLE=` to end its bindings"),
    }
}

/// Result of `apply`.
#[derive(Serialize)]
struct Applied {
    product: String,
    version: u64,
    changed: bool,
    dry_run: bool,
    differences: Vec<String>,
    warnings: Vec<String>,
}

/// Applies a manifest, or previews it.
pub(crate) async fn run(arguments: &Args, output: Output) -> Result<()> {
    let (file_name, manifest) = read(arguments)?;
    let client = arguments.connection.client().await?;
    if arguments.preview {
        return preview(&client, manifest, arguments.replace.clone(), output).await;
    }
    let request = ApplyProductRequest {
        manifest,
        file_name,
        validate_only: arguments.dry_run,
        role_replacements: arguments.replace.clone(),
    };
    let response = client.authorization().product().apply_product(request).await;
    let response = response.map_err(refusal)?.into_inner();
    let product = response.product.unwrap_or_default();
    let applied = Applied {
        product: product.product,
        version: product.version,
        changed: response.changed,
        dry_run: arguments.dry_run,
        differences: response.differences,
        warnings: response.warnings,
    };
    output::print(output, &applied, |a| {
        let verb = match (a.changed, a.dry_run) {
            (false, _) => "is unchanged at",
            (true, true) => "would become",
            (true, false) => "is now",
        };
        let text = with_differences(
            format!("{} {verb} version {}", a.product, a.version),
            &a.differences,
        );
        let warnings: Vec<String> = a.warnings.iter().map(|line| format!("warning: {line}")).collect();
        with_differences(text, &warnings)
    })
}

fn read(arguments: &Args) -> Result<(String, String)> {
    let name = arguments.manifest.to_string_lossy();
    if arguments.manifest.is_file() {
        let text =
            std::fs::read_to_string(&arguments.manifest).with_context(|| format!("cannot read `{name}`"))?;
        return Ok((name.into_owned(), text));
    }
    match products::built_in(&name) {
        Some(text) => Ok((format!("{name}.yaml"), text.to_owned())),
        None => bail!(
            "`{name}` is neither a file nor a built-in product ({})",
            products::names().join(", ")
        ),
    }
}

fn with_differences(mut text: String, differences: &[String]) -> String {
    for difference in differences {
        text.push_str("\n  ");
        text.push_str(difference);
    }
    text
}

/// Adds how to go on where a removed role is still bound.
fn refusal(status: Status) -> anyhow::Error {
    let error = Error::from(status);
    if error.reason() == Some(Reason::RoleInUse.as_str()) {
        return anyhow!(
            "{error}; use `--replace ROLE=OTHER` to bind another role in its place, or `--replace ROLE=` to end its bindings"
        );
    }
    error.into()
}

/// Result of `apply --preview`.
#[derive(Serialize)]
struct Preview {
    version: u64,
    differences: Vec<String>,
    changes: BTreeSet<Row>,
}

async fn preview(
    client: &Client,
    manifest: String,
    role_replacements: Vec<RoleReplacement>,
    output: Output,
) -> Result<()> {
    let mut request = PreviewProductRequest {
        manifest,
        page_size: 500,
        page_token: String::new(),
        role_replacements,
    };
    let mut changes = BTreeSet::new();
    loop {
        let page = client
            .authorization()
            .product()
            .preview_product(request.clone())
            .await;
        let page = page.map_err(refusal)?.into_inner();
        changes.extend(page.changes.into_iter().map(Row::from));
        if page.next_page_token.is_empty() {
            let preview = Preview {
                version: page.version,
                differences: page.differences,
                changes,
            };
            return output::print(output, &preview, human);
        }
        request.page_token = page.next_page_token;
    }
}

fn human(preview: &Preview) -> String {
    if preview.differences.is_empty() {
        return format!("nothing would change: version {} stays", preview.version);
    }
    let text = with_differences(
        format!("would become version {}", preview.version),
        &preview.differences,
    );
    if preview.changes.is_empty() {
        return text + "\nno member would gain or lose anything";
    }
    format!("{text}\n{}", changes::trees(&preview.changes, true))
}
