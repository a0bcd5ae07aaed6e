//! bailiwick-authorization-server.
