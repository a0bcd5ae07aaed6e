//! Following the feeds of other services.
