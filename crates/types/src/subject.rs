//! Subjects: `TYPE:ID`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{ServiceAccountId, UserId, is_foreign_id};

/// Whom a decision is about, or who calls: `user:user_…`, `service:svc_…`, `group:group_…`, `anonymous:…` or
/// a type of a trusted external issuer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subject {
    text: Box<str>,
    colon: usize,
}

/// A text that is no subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be `TYPE:ID`, with a type of 1 to 63 lower-case letters, digits, `_` and `-` and an id of 1 to 256 characters without control characters"
)]
pub struct SubjectError;

impl Subject {
    /// Puts a subject together.
    ///
    /// # Errors
    /// Type or id break the rules of [`SubjectError`].
    pub fn new(kind: &str, id: &str) -> Result<Self, SubjectError> {
        format!("{kind}:{id}").parse()
    }
    /// A user of the identity service.
    #[must_use]
    pub fn user(id: UserId) -> Self {
        Self {
            text: format!("user:{id}").into(),
            colon: 4,
        }
    }
    /// A service account of the identity service.
    #[must_use]
    pub fn service(id: ServiceAccountId) -> Self {
        Self {
            text: format!("service:{id}").into(),
            colon: 7,
        }
    }
    /// A group of an account.
    #[must_use]
    pub fn group(id: crate::GroupId) -> Self {
        Self {
            text: format!("group:{id}").into(),
            colon: 5,
        }
    }
    /// The type.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.text.get(..self.colon).unwrap_or_default()
    }
    /// The id within the type.
    #[must_use]
    pub fn id(&self) -> &str {
        self.text.get(self.colon + 1..).unwrap_or_default()
    }
    /// `TYPE:ID`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// The user's id, where it is one of the identity service.
    #[must_use]
    pub fn user_id(&self) -> Option<UserId> {
        if self.kind() == "user" {
            self.id().parse().ok()
        } else {
            None
        }
    }
    /// The service account's id, where it is one of the identity service.
    #[must_use]
    pub fn service_id(&self) -> Option<ServiceAccountId> {
        if self.kind() == "service" {
            self.id().parse().ok()
        } else {
            None
        }
    }
}

impl FromStr for Subject {
    type Err = SubjectError;
    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let (kind, id) = text.split_once(':').ok_or(SubjectError)?;
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        let good = (1..=63).contains(&kind.len()) && kind.chars().all(word) && is_foreign_id(id);
        if good {
            Ok(Self {
                text: text.into(),
                colon: kind.len(),
            })
        } else {
            Err(SubjectError)
        }
    }
}

impl TryFrom<String> for Subject {
    type Error = SubjectError;
    fn try_from(text: String) -> Result<Self, SubjectError> {
        text.parse()
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.text.into()
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
