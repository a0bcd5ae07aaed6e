//! A suite of separate processes on PostgreSQL: how soon what is taken away is refused, and what a pooler
//! costs.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on fails"
)]

#[path = "../../tests/revocations/fleet.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod fleet;
mod pooler;
mod revocation;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::time::Duration;

use bailiwick_client::Client;
use bailiwick_proto::authorization::v1::ApplyProductRequest;

/// Its users are opaque ids, so that a role is all they need.
const PRODUCT: &str = "
product: open
levels: {account: {title: Account}, workspace: {title: Store}}
subjects: {user: external}
types:
  note: {verbs: [create, view, edit]}
roles:
  editor:
    levels: {account: {permissions: [note.edit]}, workspace: {permissions: [note.edit]}}
";

/// Times, to be told as percentiles.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    /// In milliseconds.
    fn at(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1_000.0
    }
    fn print(&self, what: &str) {
        println!(
            "{what:<48} {:>5} times: p50 {:>7.2} ms, p99 {:>7.2} ms, max {:>7.2} ms",
            self.0.len(),
            self.at(50),
            self.at(99),
            self.at(100)
        );
    }
}

async fn apply(client: &Client) {
    let apply = ApplyProductRequest {
        manifest: PRODUCT.into(),
        ..Default::default()
    };
    client
        .authorization()
        .product()
        .apply_product(apply)
        .await
        .unwrap();
}

#[tokio::main]
async fn main() {
    revocation::run().await;
    pooler::run().await;
}
