//! bailiwick-feed.
