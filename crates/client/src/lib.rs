//! bailiwick-client.
