//! bailiwick-bench.
fn main() {}
