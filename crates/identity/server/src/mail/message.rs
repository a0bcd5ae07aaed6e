//! Writes messages: templates by language, text and HTML beside each other.

use std::time::{Duration, SystemTime};

use bailiwick_identity_core::mail::{Kind, Letter};
use lettre::{
    Message,
    message::{Mailbox, MultiPart, header},
};
use minijinja::{Environment, context};
use secrecy::ExposeSecret;

use super::{MailConfig, MailConfigError};

macro_rules! built_in {
    ($($kind:literal)*) => {
        [$(
            (concat!("en/", $kind, ".subject.txt"), include_str!(concat!("templates/en/", $kind, ".subject.txt"))),
            (concat!("en/", $kind, ".txt"), include_str!(concat!("templates/en/", $kind, ".txt"))),
            (concat!("en/", $kind, ".html"), include_str!(concat!("templates/en/", $kind, ".html"))),
        )*]
    };
}

/// The templates in the binary: `LANGUAGE/KIND.subject.txt`, `LANGUAGE/KIND.txt`, `LANGUAGE/KIND.html`.
const BUILT_IN: [(&str, &str); 18] = built_in![
    "activation" "password_reset" "verification" "password_changed" "refresh_token_reused"
    "recovery_code_used"
];
/// The language of templates that are there for every kind.
const LANGUAGE: &str = "en";

/// Writes messages.
pub(super) struct Writer {
    templates: Environment<'static>,
    from: Mailbox,
    product: String,
    url: String,
}

/// Error for a message that cannot be written. It says nothing of what is in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// A template fails.
    #[error("cannot render template `{0}`: {1}")]
    Template(String, minijinja::ErrorKind),
    /// A header is invalid.
    #[error("cannot write the message: {0}")]
    Message(#[from] lettre::error::Error),
    /// The recipient's address is invalid.
    #[error("the recipient's address is invalid")]
    Address,
}

impl Writer {
    pub(super) fn new(config: &MailConfig) -> Result<Self, MailConfigError> {
        let mut templates = Environment::new();
        for (name, text) in BUILT_IN {
            let added = templates.add_template(name, text);
            added.map_err(|error| MailConfigError::new("product", format!("template `{name}`: {error}")))?;
        }
        Ok(Self {
            templates,
            from: config.sender()?,
            product: config.product.clone(),
            url: config.url.trim_end_matches('/').to_owned(),
        })
    }

    /// The message of a letter. A letter has the same `Message-ID` each time.
    pub(super) fn write(&self, letter: &Letter) -> Result<Message, WriteError> {
        let name = one_line(letter.name.as_str());
        let part = |part: &str| {
            self.render(
                &format!("{LANGUAGE}/{}.{part}", letter.kind.as_str()),
                letter,
                &name,
            )
        };
        let (subject, text, html) = (part("subject.txt")?, part("txt")?, part("html")?);
        let to = letter.to.as_str().parse().map_err(|_| WriteError::Address)?;
        let name = Some(name).filter(|name| !name.is_empty());
        let written = u64::try_from(letter.created.seconds()).unwrap_or_default();
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(name, to))
            .subject(one_line(&subject))
            .date(SystemTime::UNIX_EPOCH + Duration::from_secs(written))
            .message_id(Some(format!("<{}@{}>", letter.id, self.from.email.domain())))
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(text, html))?;
        Ok(message)
    }

    /// The domain of the sender.
    pub(super) fn domain(&self) -> &str {
        self.from.email.domain()
    }

    fn render(&self, template: &str, letter: &Letter, name: &str) -> Result<String, WriteError> {
        let failed = |error: minijinja::Error| WriteError::Template(template.to_owned(), error.kind());
        let secret = letter.secret.as_ref().map(ExposeSecret::expose_secret);
        let page = match letter.kind {
            Kind::Activation => "activate",
            Kind::PasswordReset => "reset-password",
            Kind::Verification => "verify-email",
            Kind::PasswordChanged | Kind::RefreshTokenReused | Kind::RecoveryCodeUsed => "",
        };
        // In the fragment: it reaches no log of a server, and no other site.
        let link = secret.filter(|_| !self.url.is_empty());
        let link = link.map(|secret| format!("{}/{page}#secret={secret}", self.url));
        let expires = letter.expires.map(|at| {
            let at = at.to_datetime();
            format!("{} {:02}:{:02} UTC", at.date(), at.hour(), at.minute())
        });
        let product = &self.product;
        let values = context! { product, name, link, secret, expires };
        self.templates
            .get_template(template)
            .map_err(failed)?
            .render(values)
            .map_err(failed)
    }
}

/// A text without what ends a line or turns its direction.
fn one_line(text: &str) -> String {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let blank: String = text.chars().map(|c| if odd(c) { ' ' } else { c }).collect();
    blank.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// RFC 3834: no program answers.
#[derive(Clone)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }
    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }
    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use bailiwick_types::Timestamp;
    use uuid::Uuid;

    use super::*;

    pub(in crate::mail) fn writer(url: &str) -> Writer {
        let config = MailConfig {
            from: "Example <no-reply@example.com>".to_owned(),
            url: url.to_owned(),
            ..MailConfig::default()
        };
        Writer::new(&config).unwrap()
    }
    pub(in crate::mail) fn letter(kind: Kind, name: &str) -> Letter {
        Letter {
            id: Uuid::from_u128(7),
            kind,
            to: "ada@example.org".parse().unwrap(),
            name: name.parse().unwrap(),
            secret: kind.purpose().map(|_| "bwm_secret-of-the-mail".into()),
            expires: kind.purpose().map(|_| Timestamp(1_767_607_200_000_000)),
            created: Timestamp(1_767_603_600_000_000),
        }
    }
    fn text(message: &Message) -> String {
        String::from_utf8(message.formatted()).unwrap()
    }

    #[test]
    fn every_kind_has_headers_a_text_and_html() {
        for kind in Kind::ALL {
            let writer = writer("https://app.example.com/account/");
            let message = text(&writer.write(&letter(kind, "Ada Lovelace")).unwrap());
            for part in [
                "From: Example <no-reply@example.com>\r\n",
                "To: \"Ada Lovelace\" <ada@example.org>\r\n",
                "Message-ID: <00000000-0000-0000-0000-000000000007@example.com>\r\n",
                "Date: Mon, 05 Jan 2026 09:00:00 +0000\r\n",
                "Auto-Submitted: auto-generated\r\n",
                "Content-Type: text/plain",
                "Content-Type: text/html",
                "Hello Ada Lovelace",
            ] {
                assert!(message.contains(part), "{part}: {message}");
            }
            assert_eq!(
                message.contains("#secret="),
                kind.purpose().is_some(),
                "{message}"
            );
            assert_eq!(message.contains("2026-01-05 10:00 UTC"), kind.purpose().is_some());
        }
        let message = text(
            &writer("https://app.example.com/account/")
                .write(&letter(Kind::PasswordReset, ""))
                .unwrap(),
        );
        let link = "https://app.example.com/account/reset-password#secret=bwm_secret-of-the-mail";
        assert!(
            message.replace("=\r\n", "").replace("=3D", "=").contains(link),
            "{message}"
        );
    }

    #[test]
    fn without_a_page_the_mail_has_the_secret_alone() {
        let message = text(&writer("").write(&letter(Kind::Activation, "")).unwrap());
        assert!(message.contains("Your code: bwm_secret-of-the-mail"), "{message}");
        assert!(!message.contains("#secret"), "{message}");
    }

    #[test]
    fn a_name_with_markup_and_line_ends_is_harmless_everywhere() {
        let writer = writer("https://app.example.com");
        let name = "<script>alert(1)</script>\" <eve@example.net>";
        let message = text(&writer.write(&letter(Kind::PasswordReset, name)).unwrap());
        let (head, body) = message.split_once("\r\n\r\n").unwrap();
        assert_eq!(head.matches("To: ").count(), 1, "{head}");
        let html = body.split_once("text/html").unwrap().1;
        assert!(
            !html.contains("<script>") && html.contains("&lt;script&gt;"),
            "{html}"
        );
        // A row of a release with other rules could hold what no name may have now.
        let name = one_line("Ada\r\nBcc: eve@example.net\u{2028}\r\n\r\nhttp://evil.example\u{202e}");
        assert_eq!(name, "Ada Bcc: eve@example.net http://evil.example");
    }

    #[test]
    fn a_name_of_any_script_is_encoded() {
        let message = text(
            &writer("")
                .write(&letter(Kind::PasswordChanged, "Ångström \u{1f600}"))
                .unwrap(),
        );
        let to = message.lines().find(|line| line.starts_with("To: ")).unwrap();
        assert!(to.is_ascii() && to.contains("=?utf-8?"), "{to}");
    }
}
