//! How many resources of a type a subject may own.

pub mod set;
