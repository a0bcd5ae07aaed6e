//! `bailiwick keys`.

use std::{
    fs::{DirBuilder, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use bailiwick_rpc::ServiceKeyPair;
use bailiwick_types::Service;
use serde::Serialize;

use crate::{cli::Output, config, output};

/// Commands about the keys by which the services know each other.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Generate an Ed25519 key pair for each service: `SERVICE.key` for `internal.SERVICE.key_file`, and
    /// `SERVICE.pub` for `internal.SERVICE.public_keys_file` of the other services.
    Generate(Generate),
}

/// Arguments of `keys generate`.
#[derive(clap::Args, Debug)]
pub(crate) struct Generate {
    /// Services to generate keys for; all three if none is given.
    #[arg(value_name = "SERVICE", value_parser = config::service())]
    services: Vec<Service>,
    /// Directory of the files, which must not exist; it is created if it does not.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

/// A key pair that was generated.
#[derive(Serialize)]
struct Generated {
    service: &'static str,
    id: String,
    key_file: String,
    public_keys_file: String,
}

/// Generates key pairs.
pub(crate) fn run(Command::Generate(arguments): &Command, output: Output) -> Result<()> {
    let services = config::services(&arguments.services);
    let at = |service: Service, suffix: &str| arguments.to.join(format!("{service}.{suffix}"));
    for service in &services {
        for file in [at(*service, "key"), at(*service, "pub")] {
            ensure!(!file.exists(), "`{}` exists already", file.display());
        }
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&arguments.to)
        .with_context(|| format!("cannot create `{}`", arguments.to.display()))?;
    let mut generated = Vec::new();
    for service in services {
        let pair = ServiceKeyPair::generate()?;
        let (private, public) = (at(service, "key"), at(service, "pub"));
        write(&private, 0o600, pair.private_pem().expose())?;
        write(&public, 0o644, &pair.public_pem())?;
        generated.push(Generated {
            service: service.as_str(),
            id: pair.id(),
            key_file: private.display().to_string(),
            public_keys_file: public.display().to_string(),
        });
    }
    output::print(output, &generated, |generated| {
        let line = |one: &Generated| {
            format!(
                "{}: {} and {} ({})",
                one.service, one.key_file, one.public_keys_file, one.id
            )
        };
        generated.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}

/// Writes a new file.
fn write(path: &Path, mode: u32, text: &str) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .with_context(|| format!("cannot create `{}`", path.display()))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write `{}`", path.display()))
}
