//! What a write of tenancy adds to the audit log.

use std::collections::BTreeMap;

use bailiwick_types::{Authorized, Method, Subject};
use serde::Serialize;
use serde_json::Value;

use crate::settings::Values;

/// What was done, as tenancy publishes it with the change.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Who did it; none for the suite itself.
    pub actor: Option<Subject>,
    /// The method.
    pub action: &'static str,
    /// What it was done to.
    pub target: String,
    /// Facts; never secrets.
    pub details: BTreeMap<String, String>,
    /// The fields that were changed, as they were before.
    pub before: Values,
    /// The same fields afterwards.
    pub after: Values,
}

impl Record {
    /// A record without facts.
    #[must_use]
    pub fn new(actor: Option<Subject>, action: &'static str, target: impl ToString) -> Self {
        Self {
            actor,
            action,
            target: target.to_string(),
            details: BTreeMap::new(),
            before: Values::new(),
            after: Values::new(),
        }
    }
    /// A record of a call, without facts.
    pub(crate) fn of<M: Method>(by: &Authorized<M>, target: impl ToString) -> Self {
        Self::new(by.subject().cloned(), by.action(), target)
    }
    /// Adds a fact.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.details.insert(name.to_owned(), value.to_string());
        self
    }
    /// Adds a field, where it changes.
    #[must_use]
    pub(crate) fn changed<T: Serialize + PartialEq>(mut self, field: &str, before: &T, after: &T) -> Self {
        if before != after {
            let value = |value: &T| serde_json::to_value(value).unwrap_or(Value::Null);
            self.before.insert(field.to_owned(), value(before));
            self.after.insert(field.to_owned(), value(after));
        }
        self
    }
    /// Adds values that are set; null where one was or will be the default.
    #[must_use]
    pub(crate) fn changed_values(mut self, before: &Values, set: &Values) -> Self {
        for (name, value) in set {
            let old = before.get(name).cloned().unwrap_or(Value::Null);
            self = self.changed(name, &old, value);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_changes_is_recorded() {
        let values = |json: Value| serde_json::from_value::<Values>(json).unwrap();
        let record = Record::new(None, "test", "account:1")
            .changed("title", &"a", &"a")
            .changed_values(
                &values(json!({"limit": 3, "strict": true})),
                &values(json!({"limit": 3, "strict": null, "new": 1})),
            );
        assert_eq!(record.before, values(json!({"strict": true, "new": null})));
        assert_eq!(record.after, values(json!({"strict": null, "new": 1})));
    }
}
