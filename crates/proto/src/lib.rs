//! bailiwick-proto.
