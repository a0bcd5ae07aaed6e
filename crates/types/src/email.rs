//! E-mail addresses.

/// Error for an invalid e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address of at most 254 ASCII characters")]
pub struct EmailError;

text! {
    /// An e-mail address as it was given, with the key under which it is unique.
    ///
    /// ASCII only, so that addresses that look equal are equal; internationalized domains are written in
    /// their `xn--` form.
    pub struct Email: address => EmailError;
}

impl Email {
    /// The longest address (RFC 5321, erratum 1690).
    pub const MAX: usize = 254;
    /// The key that is unique in the deployment.
    #[must_use]
    pub fn key(&self) -> EmailKey {
        EmailKey(self.0.to_ascii_lowercase())
    }
    /// The part behind the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

fn address(text: &str) -> Result<(), EmailError> {
    let (local, domain) = text.rsplit_once('@').ok_or(EmailError)?;
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-.".contains(c);
    let local_good = (1..=64).contains(&local.len())
        && local.chars().all(atom)
        && local.split('.').all(|part| !part.is_empty());
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    if text.len() <= Email::MAX && local_good && domain.split('.').all(label) {
        Ok(())
    } else {
        Err(EmailError)
    }
}

impl From<EmailKey> for String {
    fn from(key: EmailKey) -> Self {
        key.0
    }
}

/// An address in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmailKey(String);

impl std::fmt::Display for EmailKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl EmailKey {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_differ_in_case_have_one_key() {
        let a: Email = "Ada.Lovelace@Example.COM".parse().unwrap();
        let b: Email = "ada.lovelace@example.com".parse().unwrap();
        assert_eq!(a.key(), b.key());
        assert_eq!(a.as_str(), "Ada.Lovelace@Example.COM");
    }

    #[test]
    fn an_address_has_the_domain_behind_its_sign() {
        let email: Email = "ada@Example.COM".parse().unwrap();
        assert_eq!(email.domain(), "Example.COM");
    }

    #[test]
    fn invalid_addresses_are_refused() {
        let long = format!("a@{}.example", "b.".repeat(130));
        for text in [
            "",
            "a",
            "@example.com",
            "a@",
            "a b@example.com",
            "a@exa mple.com",
            "a..b@example.com",
            "a@-x.example",
            "a@x.example.",
            "a@b@x.example",
            "a,b@x.example",
            "<b>x</b>@x.example",
            "m\u{fc}ller@x.example",
            "a\n@example.com",
            "\u{430}da@example.com",
            &long,
        ] {
            assert_eq!(text.parse::<Email>(), Err(EmailError), "{text}");
        }
    }
}
