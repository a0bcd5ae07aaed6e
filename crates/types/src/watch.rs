//! Hears how what a process depends on does.

use std::fmt::Display;

/// Is told of the calls of dependencies: databases, feeds, peers. It logs and counts; whoever tells it does
/// not.
pub trait Watch: Send + Sync + 'static {
    /// A call of a dependency failed. The reason is a word with few values.
    fn failed(&self, dependency: &str, reason: &'static str, error: &dyn Display);
    /// A call of a dependency was answered.
    fn answered(&self, dependency: &str);
}

/// Tells nobody.
impl Watch for () {
    fn failed(&self, _: &str, _: &'static str, _: &dyn Display) {}
    fn answered(&self, _: &str) {}
}
