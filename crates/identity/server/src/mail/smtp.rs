//! Sends mails by SMTP (RFC 5321).

use std::time::Duration;

use async_trait::async_trait;
use bailiwick_identity_core::mail::{Letter, Mailer, SendError};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor,
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
        extension::ClientId,
    },
};

use super::{MailConfigError, SmtpConfig, SmtpTls, message::Writer};

/// How long one command may take, and a message as a whole.
const COMMAND: Duration = Duration::from_secs(20);
const MESSAGE: Duration = Duration::from_secs(50);
/// Replies by which a server refuses a recipient, or now and then a sender, for good. Others, such as a
/// refused login, are faults of the configuration, which somebody may mend.
const REFUSED: [u16; 4] = [501, 550, 551, 553];

/// The mailer. Each mail has a connection of its own: a pool would have to outlive restarts of the server.
pub(super) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    writer: Writer,
}

impl Smtp {
    pub(super) fn new(config: &SmtpConfig, writer: Writer) -> Result<Self, MailConfigError> {
        let (tls, port) = match config.tls {
            SmtpTls::Starttls => (Tls::Required(parameters(config)?), 587),
            SmtpTls::Implicit => (Tls::Wrapper(parameters(config)?), 465),
            SmtpTls::None => (Tls::None, 25),
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.port.unwrap_or(port))
            .tls(tls)
            .hello_name(ClientId::Domain(writer.domain().to_owned()))
            .timeout(Some(COMMAND));
        if !config.username.is_empty() {
            let credentials = Credentials::new(config.username.clone(), config.password.expose().to_owned());
            transport = transport.credentials(credentials);
        }
        let transport = transport.build();
        Ok(Self { transport, writer })
    }
}

fn parameters(config: &SmtpConfig) -> Result<TlsParameters, MailConfigError> {
    let mut parameters = TlsParameters::builder(config.host.clone());
    if let Some(file) = &config.ca_file {
        let refused = |rule: String| MailConfigError::new("smtp.ca_file", rule);
        let pem = std::fs::read(file);
        let pem = pem.map_err(|error| refused(format!("cannot be read: {error}")))?;
        let certificate = Certificate::from_pem(&pem);
        let certificate = certificate.map_err(|error| refused(format!("is not a certificate: {error}")))?;
        parameters = parameters.add_root_certificate(certificate);
    }
    let built = parameters.build();
    built.map_err(|error| MailConfigError::new("smtp.host", format!("cannot be used with TLS: {error}")))
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let message = self.writer.write(letter);
        let message = message.map_err(|error| SendError::Permanent(error.to_string()))?;
        let sent = tokio::time::timeout(MESSAGE, self.transport.send(message)).await;
        match sent {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(SendError::Temporary(
                "the SMTP server does not answer in time".to_owned(),
            )),
        }
    }
}

/// The reply of a server may repeat the recipient: of it the code alone is kept.
fn failure(error: &lettre::transport::smtp::Error) -> SendError {
    let Some(code) = error.status().map(u16::from) else {
        let kind = match () {
            () if error.is_tls() => "TLS with the SMTP server failed",
            () if error.is_timeout() => "the SMTP server does not answer in time",
            () if error.is_client() => "the SMTP server lacks what the configuration asks for",
            () => "no connection to the SMTP server",
        };
        return SendError::Temporary(kind.to_owned());
    };
    let text = format!("the SMTP server answered {code}");
    if REFUSED.contains(&code) {
        SendError::Permanent(text)
    } else {
        SendError::Temporary(text)
    }
}
