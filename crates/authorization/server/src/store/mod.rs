//! The store: rows of the database and the ports of `core` over them.

pub(crate) mod entity;
