//! `metrics.md`: every metric that the sources register.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use syn::{
    Expr, ExprCall, Lit,
    visit::{self, Visit},
};

use super::{code, head, table};
use crate::source::{SourceFile, Workspace};

/// Where the functions stand that register metrics.
const HOME: &str = "crates/rpc/src/metrics.rs";
/// The functions of that file, with what each registers.
const FUNCTIONS: &[(&str, &str)] = &[
    ("counter", "counter"),
    ("counters", "counter"),
    ("gauge", "gauge"),
    ("gauges", "gauge"),
    ("histogram", "histogram"),
    ("histograms", "histogram"),
];
const INTRODUCTION: &str = "\
All metrics of a process, as `/metrics` on the HTTP listener and the OTLP exporter give them. A histogram also has the series \
`_bucket`, `_sum` and `_count`. [Metrics and logs](../development/metrics-and-logs.md) says how one is added.\n\n";

pub(super) fn page(workspace: &Workspace) -> Result<String> {
    let mut rows = BTreeSet::new();
    for krate in &workspace.crates {
        for file in krate.files.iter().filter(|f| f.path != HOME && !f.is_generated()) {
            for metric in registered(file)? {
                let labels: Vec<_> = metric.labels.iter().map(|label| code(label)).collect();
                rows.insert([
                    code(&metric.name),
                    metric.kind.to_owned(),
                    labels.join(", "),
                    metric.help,
                    code(&krate.package),
                ]);
            }
        }
    }
    let columns = ["Metric", "Kind", "Labels", "Meaning", "Crate"];
    Ok(head("Metrics", "the sources") + INTRODUCTION + &table(columns, rows))
}

/// A metric as the source registers it.
#[derive(Debug, PartialEq, Eq)]
struct Metric {
    name: String,
    kind: &'static str,
    help: String,
    labels: Vec<String>,
}

/// The metrics that the production code of a file registers.
fn registered(file: &SourceFile) -> Result<Vec<Metric>> {
    let mut calls = Calls {
        found: Vec::new(),
        unread: Vec::new(),
    };
    file.items.iter().for_each(|item| calls.visit_item(item));
    if let Some(function) = calls.unread.first() {
        bail!(
            "{}: the arguments of `metrics::{function}` must be literals",
            file.path
        );
    }
    Ok(calls.found)
}

/// The calls of `metrics::counter` and its like.
struct Calls {
    found: Vec<Metric>,
    /// Calls whose arguments are no literals: the list cannot name them.
    unread: Vec<String>,
}

impl<'a> Visit<'a> for Calls {
    fn visit_expr_call(&mut self, call: &'a ExprCall) {
        visit::visit_expr_call(self, call);
        let Expr::Path(function) = &*call.func else { return };
        let path: Vec<_> = function
            .path
            .segments
            .iter()
            .map(|s| s.ident.to_string())
            .collect();
        let [.., module, function] = path.as_slice() else {
            return;
        };
        let kind = FUNCTIONS.iter().find(|(name, _)| name == function);
        let Some((_, kind)) = kind.filter(|_| module == "metrics") else {
            return;
        };
        match read(kind, call) {
            Some(metric) => self.found.push(metric),
            None => self.unread.push(function.clone()),
        }
    }
}

fn read(kind: &'static str, call: &ExprCall) -> Option<Metric> {
    let mut arguments = call.args.iter();
    let (name, help) = (arguments.next().and_then(text)?, arguments.next().and_then(text)?);
    // Bounds of a histogram without labels stand where others have their labels.
    let labels = match arguments.next() {
        Some(Expr::Reference(reference)) => match &*reference.expr {
            Expr::Array(array) => array.elems.iter().filter_map(text).collect(),
            _ => return None,
        },
        _ => Vec::new(),
    };
    Some(Metric {
        name,
        kind,
        help,
        labels,
    })
}

fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<Metric>> {
        registered(&SourceFile::parse("x.rs".to_owned(), Vec::new(), text.to_owned()).unwrap())
    }

    #[test]
    fn metrics_are_found_with_their_labels_and_without_those_of_tests() {
        let text = "fn a() { metrics::counters(\"a_total\", \"As.\", &[\"kind\"]); }\n\
                    fn b() { crate::metrics::histogram(\"b_ms\", \"Bs.\", MILLISECONDS); }\n\
                    #[cfg(test)]\nmod tests { fn c() { metrics::gauge(\"c\", \"Cs.\"); } }";
        let metric = |name: &str, kind, help: &str, labels: &[&str]| Metric {
            name: name.to_owned(),
            kind,
            help: help.to_owned(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        };
        let expected = [
            metric("a_total", "counter", "As.", &["kind"]),
            metric("b_ms", "histogram", "Bs.", &[]),
        ];
        assert_eq!(of(text).unwrap(), expected);
    }

    #[test]
    fn a_metric_whose_name_is_no_literal_is_refused() {
        assert!(of("fn a(name: &str) { metrics::counter(name, \"As.\"); }").is_err());
    }
}
