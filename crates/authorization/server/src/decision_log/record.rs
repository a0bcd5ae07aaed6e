//! What is recorded of a decision.

use bailiwick_types::Timestamp;
use serde::Serialize;

/// A decision that was given to a caller.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Record {
    /// When it was made.
    #[serde(serialize_with = "rfc3339")]
    pub(crate) time: Timestamp,
    /// Id of the account.
    #[serde(rename = "account.id")]
    pub(crate) account: String,
    /// Who was asked about, `TYPE:ID`.
    pub(crate) subject: String,
    /// Who acted for the subject, where somebody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) actor: Option<String>,
    /// The permission, `TYPE.VERB`.
    pub(crate) permission: String,
    /// On what.
    pub(crate) target: String,
    /// `ALLOW`, `DENY` or `NEEDS_APPROVAL`.
    pub(crate) decision: &'static str,
    /// Why, as the API names it: `ROLE`, `GRANT`, `NO_ENTRY` ...
    pub(crate) reason: &'static str,
    /// The account's revision at which it is true.
    pub(crate) revision: u64,
    /// Who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) caller: Option<String>,
    /// The id of the request.
    #[serde(rename = "request.id")]
    pub(crate) request_id: String,
    /// The part of decisions like this that is recorded: what to divide by to count all.
    #[serde(rename = "sample.ratio")]
    pub(crate) ratio: f64,
}

/// Stands in the log where records are missing.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Gap {
    /// When the gap was found.
    #[serde(serialize_with = "rfc3339")]
    pub(crate) time: Timestamp,
    /// How many records are missing.
    #[serde(rename = "records.dropped")]
    pub(crate) dropped: u64,
}

fn rfc3339<S: serde::Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}
