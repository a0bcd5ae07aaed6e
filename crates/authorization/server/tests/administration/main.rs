//! The administrative half on both engines: every test is run on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

/// Makes a test of each engine out of a function that takes a world.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::world::World::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::world::World::postgres().await).await;
            })*
        }
    };
}

mod batches;
mod delegation;
mod events;
mod followers;
mod giving;
mod handing_over;
mod holders;
mod invitations;
mod makers;
mod previews;
mod previews_come_true;
mod previews_stage;
mod products;
mod races;
mod resources;
mod roles;
mod world;
