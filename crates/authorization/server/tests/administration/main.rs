//! The administrative half on both engines: every test is run on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod batches;
mod counters;
mod delegation;
mod deletions;
mod events;
mod followers;
mod giving;
mod handing_over;
mod holders;
mod invitations;
mod limits;
mod makers;
mod previews;
mod previews_come_true;
mod previews_stage;
mod products;
mod races;
mod relocations;
mod resources;
mod roles;
mod sources;
mod world;
