//! The commands, each with its arguments in a file of its own.

pub(crate) mod apply;
pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod database;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod keys;
pub(crate) mod matrix;
pub(crate) mod migrate;
pub(crate) mod operator;
pub(crate) mod preview;
pub(crate) mod reconcile;
pub(crate) mod restore;
pub(crate) mod roles;
pub(crate) mod serve;
pub(crate) mod test;
pub(crate) mod user;
pub(crate) mod version;
