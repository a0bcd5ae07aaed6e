//! bailiwick-tenancy-core.
