//! `methods.md`: every method with what it asks of its caller.

use std::{collections::BTreeMap, fmt::Write as _};

use anyhow::{Context, Result};

use super::{code, head, table};
use crate::codegen::access::{Idempotency, Kind, Row};

const INTRODUCTION: &str = "\
What each method declares in its proto, and what the guard enforces before the use case runs. \
*On* is the request field that names the scope or resource; empty means the account of the request, or the deployment. \
`TYPE.verb` stands for the verb of the type that the request names. \
*Repeat* is the proto's `idempotency_level`: `reads` has no side effects, `idempotent` may be repeated, and an empty cell \
means that a repeated call may act twice.\n";

pub(super) fn page(rows: &[Row]) -> Result<String> {
    let mut services: BTreeMap<&str, Vec<[String; 6]>> = BTreeMap::new();
    for row in rows {
        let (service, method) = row
            .path
            .trim_start_matches('/')
            .split_once('/')
            .with_context(|| format!("`{}` is not the path of a method", row.path))?;
        services.entry(service).or_default().push([
            code(method),
            code(access(row.kind)),
            code(&row.permission),
            code(&row.on),
            if row.step_up { "yes" } else { "" }.to_owned(),
            repeat(row.idempotency).to_owned(),
        ]);
    }
    let mut text = head("Methods", "the protos") + INTRODUCTION;
    for (service, rows) in services {
        let columns = ["Method", "Access", "Permission", "On", "Step-up", "Repeat"];
        write!(text, "\n## {service}\n\n{}", table(columns, rows))?;
    }
    Ok(text)
}

/// The kind as the protos write it, without the prefix.
fn access(kind: Kind) -> &'static str {
    match kind {
        Kind::Undeclared => "UNSPECIFIED",
        Kind::Public => "PUBLIC",
        Kind::Caller => "SELF",
        Kind::Permission => "PERMISSION",
        Kind::Filtered => "FILTERED",
        Kind::Delegation => "DELEGATION",
        Kind::Operator => "OPERATOR",
        Kind::Internal => "INTERNAL",
        Kind::CallerOrPermission => "SELF_OR_PERMISSION",
    }
}

fn repeat(level: Idempotency) -> &'static str {
    match level {
        Idempotency::Unknown => "",
        Idempotency::NoSideEffects => "reads",
        Idempotency::Idempotent => "idempotent",
    }
}
