//! bailiwick-scenario.
