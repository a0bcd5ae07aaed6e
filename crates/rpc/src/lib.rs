//! bailiwick-rpc.
