//! bailiwick-sql.
