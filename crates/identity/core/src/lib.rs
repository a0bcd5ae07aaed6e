//! bailiwick-identity-core.
