//! A server: listeners, services, health, drain.

mod builder;
mod connection;
mod health;
mod http;
mod listener;
mod running;
mod services;
mod tls;

pub use builder::{Frame, FrameBuilder, FrameError};
pub use health::Health;
pub use running::RunningServer;
pub use services::Services;
pub(crate) use services::{Answer, Dispatcher};
