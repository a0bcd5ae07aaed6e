//! A server: listeners, services, health, drain.

mod activity;
mod builder;
mod connection;
mod first;
mod health;
mod http;
mod listener;
mod peers;
mod reflection;
mod running;
mod services;
mod tls;

pub(crate) use activity::{Activity, OpenStream};
pub use builder::{Frame, FrameBuilder, FrameError, Listeners};
pub use health::{Condition, Health};
pub use running::RunningServer;
pub use services::Services;
pub(crate) use services::{Answer, Dispatcher, unknown};
pub use tls::Certificates;
