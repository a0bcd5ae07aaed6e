//! bailiwick-tenancy-server.
