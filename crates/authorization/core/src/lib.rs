//! bailiwick-authorization-core.
