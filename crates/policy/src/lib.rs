//! bailiwick-policy.
