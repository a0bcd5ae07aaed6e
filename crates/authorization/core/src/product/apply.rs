//! Applies a manifest: idempotent, versioned, atomic.

use std::sync::Arc;

use bailiwick_policy::{
    Numbers, compile,
    manifest::{self, ChangeKind, Manifest, ManifestError},
};
use bailiwick_types::{Authorized, Level, ProductName, ScopeRoot, StoreError, Timestamp, Token, Violations};

use crate::{
    Audit, Change, Ports, Read,
    product::{Product, Replacement, Usage},
};

const ACTION: &str = "bailiwick.authorization.v1.ProductService/ApplyProduct";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The manifest, YAML.
    pub source: String,
    /// What becomes of the bindings of roles that it takes away. A role without an answer here is not taken away while it
    /// is bound.
    pub replacements: Vec<Replacement>,
    /// Only check it and tell the differences.
    pub validate_only: bool,
}

/// What applying has done, or would do.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The product as it is now.
    pub product: Product,
    /// Whether anything changed.
    pub changed: bool,
    /// The differences, a line each.
    pub differences: Vec<String>,
    /// The token of the write; empty where only checked.
    pub token: Token,
}

/// Why a manifest is not applied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not fit: every fault with line and column.
    #[error("the manifest does not fit: {0}")]
    Manifest(Violations),
    /// It removes roles that are bound, and perhaps more that is in use.
    #[error("the manifest removes what is in use: {0}")]
    RoleInUse(String),
    /// It removes types or levels that are in use.
    #[error("the manifest removes what is in use: {0}")]
    InUse(String),
    /// What should become of a role's bindings does not fit.
    #[error("{}", .0.as_slice().iter().map(|v| format!("{}: {}", v.field, v.rule)).collect::<Vec<_>>().join("; "))]
    Replacement(Violations),
    /// More bindings would change than one transaction should.
    #[error("more than {0} bindings would have to change: reassign them account by account first")]
    TooMany(u64),
    /// A role that is taken away was bound somewhere while this was prepared.
    #[error("a role that is taken away was bound meanwhile, try again")]
    Meanwhile,
    /// The store fails.
    #[error(transparent)]
    Store(#[from] crate::StoreError),
}

impl bailiwick_types::Fault for Error {
    fn code(&self) -> bailiwick_types::Code {
        match self {
            Self::Manifest(_) | Self::Replacement(_) => bailiwick_types::Code::InvalidArgument,
            Self::RoleInUse(_) | Self::InUse(_) | Self::TooMany(_) => {
                bailiwick_types::Code::FailedPrecondition
            }
            Self::Meanwhile => bailiwick_types::Code::Aborted,
            Self::Store(error) => error.code(),
        }
    }
    fn reason(&self) -> bailiwick_types::Reason {
        match self {
            Self::Manifest(_) => bailiwick_types::Reason::InvalidManifest,
            Self::Replacement(_) => bailiwick_types::Reason::InvalidField,
            Self::RoleInUse(_) => bailiwick_types::Reason::RoleInUse,
            Self::InUse(_) | Self::TooMany(_) => bailiwick_types::Reason::NotEmpty,
            Self::Meanwhile => bailiwick_types::Reason::Conflict,
            Self::Store(error) => error.reason(),
        }
    }
    fn violations(&self) -> &[bailiwick_types::FieldViolation] {
        match self {
            Self::Manifest(faults) | Self::Replacement(faults) => faults.as_slice(),
            _ => &[],
        }
    }
    fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::Store(error) => error.retry_after(),
            Self::Meanwhile => Some(std::time::Duration::ZERO),
            _ => None,
        }
    }
}

/// Applies.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<Applied, Error> {
    let all = by
        .all_accounts()
        .ok_or(StoreError::internal("a manifest is applied in no account"))?;
    let manifest = read_manifest(&command.source)?;
    let root = ScopeRoot::Product(manifest.0.clone());
    let accounts =
        crate::product::replace_roles::accounts(ports, all, &manifest.0, &command.replacements).await?;
    let mut roots = vec![root.clone()];
    roots.extend(accounts.iter().copied().map(ScopeRoot::Account));
    let mut unit = ports.store.write_all(all, &roots).await?;
    let now = ports.clock.now();
    let mut plan = plan(&*unit, manifest, command.source, now, &command.replacements).await?;
    let mut moves = crate::product::replace_roles::Moves::default();
    if plan.changed {
        moves = crate::product::replace_roles::plan(&*unit, &plan, &command.replacements, Some(&accounts))
            .await?;
        plan.differences.extend(moves.lines());
    }
    let product = plan.product;
    if command.validate_only || !plan.changed {
        let token = if command.validate_only {
            Token::default()
        } else {
            unit.commit().await?
        };
        return Ok(Applied {
            product,
            changed: plan.changed,
            differences: plan.differences,
            token,
        });
    }
    unit.put_product(&product).await?;
    moves
        .apply(all, &mut *unit, &*ports.ids, by.caller().subject(), now)
        .await?;
    let canonical = serde_json::to_string(&product.manifest).unwrap_or_default();
    unit.emit(
        root.clone(),
        Change::Product {
            name: product.name.clone(),
            version: product.version,
            canonical,
        },
    );
    unit.emit(root.clone(), Change::Policy(None));
    let audit = Audit::new(by.subject().cloned(), ACTION, root.to_string());
    unit.emit(root, audit.with("version", product.version).into());
    let token = unit.commit().await?;
    Ok(Applied {
        product,
        changed: true,
        differences: plan.differences,
        token,
    })
}

/// What applying a manifest would do.
pub(crate) struct Plan {
    /// The product as it is; none where it is new.
    pub(crate) before: Option<Product>,
    /// The product as it would be; as it is where nothing changes.
    pub(crate) product: Product,
    /// The same, compiled.
    pub(crate) compiled: Arc<bailiwick_policy::Product>,
    /// Whether anything changes.
    pub(crate) changed: bool,
    /// The differences, a line each.
    pub(crate) differences: Vec<String>,
}

/// Reads a manifest.
pub(crate) fn read_manifest(source: &str) -> Result<(ProductName, Manifest), Error> {
    let manifest = manifest::parse(source).map_err(|faults| Error::Manifest(violations(&faults)))?;
    let name: ProductName = manifest
        .product
        .parse()
        .map_err(|error| at_top("product", &error))?;
    Ok((name, manifest))
}

/// Finds out what applying a manifest would do, and whether it can be.
pub(crate) async fn plan(
    read: &(impl Read + ?Sized),
    (name, manifest): (ProductName, Manifest),
    source: String,
    now: Timestamp,
    replacements: &[Replacement],
) -> Result<Plan, Error> {
    let before = read.product(&name).await?;
    let (numbers, version, differences) = match &before {
        None => (Numbers::default(), 0, vec![format!("+ product {name}")]),
        Some(old) => (
            old.numbers.clone(),
            old.version,
            differences(&old.manifest, &manifest),
        ),
    };
    let (compiled, numbers) = compile(&manifest, numbers).map_err(|error| at_top("manifest", &error))?;
    let compiled = Arc::new(compiled);
    if let Some(product) = before.as_ref().filter(|old| old.manifest == manifest) {
        return Ok(Plan {
            product: product.clone(),
            before,
            compiled,
            changed: false,
            differences: Vec::new(),
        });
    }
    let mut usage = read.usage(&name).await?;
    // What becomes of these is told.
    usage
        .roles
        .retain(|(role, _)| !replacements.iter().any(|told| told.role == *role));
    let roles = bound_roles(&compiled, &usage);
    let others = orphans(&compiled, &usage);
    if !roles.is_empty() {
        return Err(Error::RoleInUse([roles, others].concat().join(", ")));
    }
    if !others.is_empty() {
        return Err(Error::InUse(others.join(", ")));
    }
    Ok(Plan {
        before,
        product: Product {
            name,
            version: version + 1,
            source,
            manifest,
            numbers,
            updated_at: now,
        },
        compiled,
        changed: true,
        differences,
    })
}

fn violations(faults: &[ManifestError]) -> Violations {
    let mut all = Violations::new();
    for fault in faults {
        all.add("manifest", fault.to_string());
    }
    all
}

fn at_top(path: &str, error: &dyn std::fmt::Display) -> Error {
    Error::Manifest(Violations::of(
        "manifest",
        format!("line 1, column 1: {path}: {error}"),
    ))
}

fn differences(before: &manifest::Manifest, after: &manifest::Manifest) -> Vec<String> {
    let line = |change: manifest::Change| {
        let (old, new) = (
            change.before.unwrap_or_default(),
            change.after.unwrap_or_default(),
        );
        match change.kind {
            ChangeKind::Added => format!("+ {}: {new}", change.path),
            ChangeKind::Removed => format!("- {}: {old}", change.path),
            ChangeKind::Changed => format!("~ {}: {old} -> {new}", change.path),
        }
    };
    before.diff(after).into_iter().map(line).collect()
}

/// Roles that are bound at a level where the product no longer has them.
fn bound_roles(product: &bailiwick_policy::Product, usage: &Usage) -> Vec<String> {
    let has_role = |name: &str, level: Level| {
        let role = product.role_no(name).and_then(|no| product.role(no));
        role.is_some_and(|role| role.level(level).is_some())
    };
    let roles = usage.roles.iter().filter(|(role, level)| !has_role(role, *level));
    roles
        .map(|(role, level)| format!("role `{role}` is bound at level `{level}`"))
        .collect()
}

/// Types and levels that are in use and that the product no longer has.
fn orphans(product: &bailiwick_policy::Product, usage: &Usage) -> Vec<String> {
    let registered = |name: &str| {
        let of = product.type_no(name).and_then(|no| product.type_info(no));
        of.is_some_and(|of| of.registered && !of.suite)
    };
    let types = usage.types.iter().filter(|name| !registered(name));
    let types = types.map(|name| format!("resources of type `{name}` are registered"));
    let levels = usage.levels.iter().filter(|level| !product.has_level(**level));
    let levels = levels.map(|level| format!("there are places of level `{level}`"));
    types.chain(levels).collect()
}
