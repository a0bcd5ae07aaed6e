//! What the row of a mail holds: AES-256-GCM under a key derived (HKDF-SHA-256, RFC 5869) from a secret of
//! the deployment that is not in the database, with id and kind of the mail as associated data.

use std::sync::Arc;

use bailiwick_seal::SealKey;
use bailiwick_types::{Email, Rng, UserId};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Kind, Mail};

/// What is sealed.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    /// The recipient.
    pub(crate) to: Email,
    /// Its user, where it is known.
    pub(crate) user: Option<UserId>,
    /// The secret.
    pub(crate) secret: Option<SecretString>,
}

/// Its form before it is sealed.
#[derive(Serialize, Deserialize)]
struct Plain {
    to: Email,
    user: Option<String>,
    secret: Option<String>,
}

/// Seals and opens mails. The first key seals, all open.
#[derive(Clone)]
pub struct MailSeal {
    keys: Arc<Vec<SealKey>>,
}

impl std::fmt::Debug for MailSeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailSeal").finish_non_exhaustive()
    }
}

impl MailSeal {
    /// Derives the keys: nothing where the cryptographic library fails. The first secret seals; the others
    /// are those from before a rotation.
    #[must_use]
    pub fn new(secrets: &[SecretString]) -> Option<Self> {
        let keys = secrets.iter().map(|secret| {
            let secret = secret.expose_secret().as_bytes();
            SealKey::derive(secret, b"bailiwick identity mail v1", b"aes-256-gcm")
        });
        Some(Self {
            keys: Arc::new(keys.collect::<Option<_>>()?),
        })
    }

    pub(super) fn seal(&self, id: Uuid, kind: Kind, content: &Sealed, rng: &dyn Rng) -> Option<SecretString> {
        let plain = Plain {
            to: content.to.clone(),
            user: content.user.map(|user| user.to_string()),
            secret: content
                .secret
                .as_ref()
                .map(|text| text.expose_secret().to_owned()),
        };
        let plain = serde_json::to_vec(&plain).ok()?;
        let all = self.keys.first()?.seal(&data(id, kind), &plain, rng)?;
        Some(SecretString::from(STANDARD_NO_PAD.encode(all)))
    }

    pub(super) fn open(&self, mail: &Mail) -> Option<Sealed> {
        let all = STANDARD_NO_PAD.decode(mail.sealed.expose_secret()).ok()?;
        let plain: Plain = self.keys.iter().find_map(|key| {
            let plain = key.open(&data(mail.id, mail.kind), &all)?;
            serde_json::from_slice(&plain).ok()
        })?;
        let user = plain.user.map(|user| user.parse()).transpose().ok()?;
        Some(Sealed {
            to: plain.to,
            user,
            secret: plain.secret.map(SecretString::from),
        })
    }
}

fn data(id: Uuid, kind: Kind) -> Vec<u8> {
    [id.as_bytes() as &[u8], &[kind.code()]].concat()
}

#[cfg(test)]
mod tests {
    use bailiwick_types::{SystemRng, Timestamp};

    use super::*;

    fn mail(id: u128, kind: Kind, sealed: SecretString) -> Mail {
        Mail {
            id: Uuid::from_u128(id),
            kind,
            sealed,
            recipient: None,
            ready: true,
            created: Timestamp(0),
            due: Timestamp(0),
            last_try: Timestamp(0),
            attempts: 0,
        }
    }
    fn seal(secrets: &[&str]) -> MailSeal {
        let secrets: Vec<_> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        MailSeal::new(&secrets).unwrap()
    }

    #[test]
    fn a_mail_opens_only_in_its_own_row_with_a_secret_of_the_deployment() {
        let content = Sealed {
            to: "ada@example.com".parse().unwrap(),
            user: None,
            secret: Some(SecretString::from("the secret")),
        };
        let sealed = seal(&["one"])
            .seal(Uuid::from_u128(1), Kind::Activation, &content, &SystemRng)
            .unwrap();
        let own = mail(1, Kind::Activation, sealed.clone());
        assert_eq!(seal(&["one"]).open(&own).unwrap().to, content.to);
        let opened = seal(&["two", "one"]).open(&own).unwrap();
        assert_eq!(opened.secret.unwrap().expose_secret(), "the secret");
        assert!(seal(&["two"]).open(&own).is_none());
        for other in [
            mail(2, Kind::Activation, sealed.clone()),
            mail(1, Kind::PasswordReset, sealed),
            mail(1, Kind::Activation, SecretString::from("AAAA")),
        ] {
            assert!(seal(&["one"]).open(&other).is_none(), "{other:?}");
        }
    }
}
