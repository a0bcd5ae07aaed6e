//! The configuration of mails.

use std::path::PathBuf;

use bailiwick_identity_core::{attempt::Limit, mail::Limits};
use bailiwick_rpc::{HumanDuration, Secret};
use lettre::message::Mailbox;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Mails to users.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MailConfig {
    /// The sender: `no-reply@example.com` or `Example <no-reply@example.com>`.
    pub from: String,
    /// The name of the product in mails.
    pub product: String,
    /// The URL below which users enter the secrets of mails: mails link to `URL/activate`,
    /// `URL/reset-password` and `URL/verify-email`, with the secret in the fragment. Without it mails contain
    /// the secret alone.
    pub url: String,
    /// The directory that mails are written to, a file each, where no SMTP server is set. Default: `mail` in
    /// the data directory, where identity's database is a file in it.
    pub directory: Option<PathBuf>,
    /// The SMTP server that mails are sent by.
    pub smtp: Option<SmtpConfig>,
    /// How many mails are sent.
    pub limits: MailLimits,
}

/// An SMTP server.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmtpConfig {
    /// Its host name, as its certificate has it.
    pub host: String,
    /// Its port. Default: 587, with implicit TLS 465, without TLS 25.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: SmtpTls,
    /// The user name, if the server asks for one.
    #[serde(default)]
    pub username: String,
    /// Its password.
    #[serde(default)]
    pub password: Secret,
    /// The certificate of a private authority, PEM. Default: the public authorities.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// How a connection to an SMTP server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// By STARTTLS, which must succeed.
    #[default]
    Starttls,
    /// By TLS from the first byte.
    Implicit,
    /// Not at all: only for a server on the same host. No password is sent.
    None,
}

/// How many mails are sent. Mails beyond a limit are refused, or for callers without credentials not sent.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MailLimits {
    /// Of one kind to one address.
    pub recipient: u32,
    /// The window of it, from the first mail.
    pub recipient_window: HumanDuration,
    /// Of one account, and of the operators together.
    pub account: u32,
    /// The window of it.
    pub account_window: HumanDuration,
    /// Of one client network, for callers without credentials.
    pub network: u32,
    /// The window of it.
    pub network_window: HumanDuration,
    /// The time between two mails of one kind to one address.
    pub resend: HumanDuration,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            from: "Bailiwick <no-reply@localhost>".to_owned(),
            product: "Bailiwick".to_owned(),
            url: String::new(),
            directory: None,
            smtp: None,
            limits: MailLimits::default(),
        }
    }
}

impl Default for MailLimits {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            recipient: limits.recipient.most,
            recipient_window: limits.recipient.window.into(),
            account: limits.sender.most,
            account_window: limits.sender.window.into(),
            network: limits.network.most,
            network_window: limits.network.window.into(),
            resend: limits.resend.into(),
        }
    }
}

/// Error for an invalid configuration of mails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`mail.{field}` {rule}")]
pub struct MailConfigError {
    /// The field.
    pub field: &'static str,
    /// Its rule.
    pub rule: String,
}

impl MailConfigError {
    pub(super) fn new(field: &'static str, rule: impl Into<String>) -> Self {
        let rule = rule.into();
        Self { field, rule }
    }
}

impl MailConfig {
    /// Checks the configuration.
    ///
    /// # Errors
    /// A field breaks its rule.
    pub fn check(&self) -> Result<(), MailConfigError> {
        self.sender()?;
        if self.product.trim().is_empty() || self.product.chars().any(char::is_control) {
            return Err(MailConfigError::new(
                "product",
                "must be a name without control characters",
            ));
        }
        let local = self.url.starts_with("http://localhost") || self.url.starts_with("http://127.0.0.1");
        let odd = |c: char| c.is_control() || c.is_whitespace() || "#?\"<>".contains(c);
        if !self.url.is_empty() && (!(self.url.starts_with("https://") || local) || self.url.contains(odd)) {
            let rule = "must be an `https://` URL without query and fragment (`http://` on this host alone)";
            return Err(MailConfigError::new("url", rule));
        }
        if let Some(smtp) = &self.smtp {
            if smtp.host.is_empty() {
                return Err(MailConfigError::new("smtp.host", "must not be empty"));
            }
            if smtp.tls == SmtpTls::None && !(smtp.username.is_empty() && smtp.password.is_empty()) {
                let rule =
                    "must not be `none` where a user name or a password is set: they would be sent in clear";
                return Err(MailConfigError::new("smtp.tls", rule));
            }
        }
        let limits = &self.limits;
        for (field, number) in [
            ("limits.recipient", limits.recipient),
            ("limits.account", limits.account),
            ("limits.network", limits.network),
        ] {
            if number == 0 {
                return Err(MailConfigError::new(field, "must be at least 1"));
            }
        }
        Ok(())
    }
    pub(super) fn sender(&self) -> Result<Mailbox, MailConfigError> {
        let sender = self.from.parse::<Mailbox>();
        sender.map_err(|_| MailConfigError::new("from", "must be `ADDRESS` or `NAME <ADDRESS>`"))
    }
    pub(crate) fn limits(&self) -> Limits {
        let limits = &self.limits;
        let limit = |most, window: HumanDuration| Limit {
            most,
            window: window.get(),
        };
        Limits {
            recipient: limit(limits.recipient, limits.recipient_window),
            sender: limit(limits.account, limits.account_window),
            network: limit(limits.network, limits.network_window),
            resend: limits.resend.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut MailConfig)) -> Option<&'static str> {
        let mut config = MailConfig::default();
        change(&mut config);
        config.check().err().map(|error| error.field)
    }
    fn smtp() -> SmtpConfig {
        SmtpConfig {
            host: "mail.example.com".to_owned(),
            port: None,
            tls: SmtpTls::Starttls,
            username: "suite".to_owned(),
            password: Secret::new("hunter2"),
            ca_file: None,
        }
    }

    #[test]
    fn a_field_that_breaks_its_rule_is_named() {
        assert_eq!(refused(|_| {}), None);
        assert_eq!(refused(|config| config.smtp = Some(smtp())), None);
        assert_eq!(
            refused(|config| config.url = "https://app.example.com/account".into()),
            None
        );
        assert_eq!(refused(|config| config.from = "nobody".into()), Some("from"));
        assert_eq!(
            refused(|config| config.from = "a\r\nBcc: x <a@b.example>".into()),
            Some("from")
        );
        assert_eq!(refused(|config| config.product = " ".into()), Some("product"));
        for url in [
            "http://app.example.com",
            "https://a b",
            "https://a/?x",
            "javascript:x",
        ] {
            assert_eq!(refused(|config| config.url = url.into()), Some("url"), "{url}");
        }
        assert_eq!(
            refused(|config| config.limits.account = 0),
            Some("limits.account")
        );
        let clear = SmtpConfig {
            tls: SmtpTls::None,
            ..smtp()
        };
        assert_eq!(refused(|config| config.smtp = Some(clear)), Some("smtp.tls"));
        let nowhere = SmtpConfig {
            host: String::new(),
            ..smtp()
        };
        assert_eq!(refused(|config| config.smtp = Some(nowhere)), Some("smtp.host"));
    }
}
