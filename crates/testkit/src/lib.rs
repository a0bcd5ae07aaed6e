//! bailiwick-testkit.
