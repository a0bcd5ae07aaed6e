//! Sends mails: by SMTP, or into a directory.

mod config;
mod directory;
mod message;
mod smtp;

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_identity_core::mail::{Letter, Mailer, SendError};

pub use config::{MailConfig, MailConfigError, MailLimits, SmtpConfig, SmtpTls};

use directory::Directory;
use message::Writer;
use smtp::Smtp;

/// The mailer of a configuration. Without a transport, mails wait in the database.
pub(crate) fn mailer(config: &MailConfig) -> Result<Arc<dyn Mailer>, MailConfigError> {
    let writer = Writer::new(config)?;
    Ok(match (&config.smtp, &config.directory) {
        (Some(smtp), _) => Arc::new(Smtp::new(smtp, writer)?),
        (None, Some(directory)) => Arc::new(Directory::new(directory.clone(), writer)),
        (None, None) => Arc::new(Nowhere),
    })
}

/// No transport is configured.
struct Nowhere;

#[async_trait]
impl Mailer for Nowhere {
    async fn send(&self, _: &Letter) -> Result<(), SendError> {
        let why = "no transport is configured: set `identity.mail.smtp` or `identity.mail.directory`";
        Err(SendError::Temporary(why.to_owned()))
    }
}
