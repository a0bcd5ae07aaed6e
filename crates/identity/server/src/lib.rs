//! bailiwick-identity-server.
