//! What changes from one manifest to the next.

use serde_json::Value as Json;

use super::Manifest;

/// What happened to a part of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
}

/// One difference between two manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path of what differs: `roles.admin.levels.account.permissions`.
    pub path: String,
    /// What happened to it.
    pub kind: ChangeKind,
    /// Its JSON text before, where it was there.
    pub before: Option<String>,
    /// Its JSON text after, where it is there.
    pub after: Option<String>,
}

impl Manifest {
    /// Lists what differs from this manifest to the next one, in the order of the paths.
    ///
    /// Maps are compared key by key, lists as a whole. Equal manifests have no differences.
    #[must_use]
    pub fn diff(&self, next: &Self) -> Vec<Change> {
        let json = |manifest: &Self| serde_json::to_value(manifest).unwrap_or_default();
        let mut changes = Vec::new();
        compare("", &json(self), &json(next), &mut changes);
        changes
    }
}

fn compare(path: &str, before: &Json, after: &Json, changes: &mut Vec<Change>) {
    if before == after {
        return;
    }
    if let (Json::Object(before), Json::Object(after)) = (before, after) {
        let keys: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for key in keys {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            match (before.get(key), after.get(key)) {
                (Some(before), Some(after)) => compare(&path, before, after, changes),
                (Some(before), None) => changes.push(Change {
                    path,
                    kind: ChangeKind::Removed,
                    before: Some(before.to_string()),
                    after: None,
                }),
                (None, Some(after)) => changes.push(Change {
                    path,
                    kind: ChangeKind::Added,
                    before: None,
                    after: Some(after.to_string()),
                }),
                (None, None) => {}
            }
        }
        return;
    }
    changes.push(Change {
        path: path.to_owned(),
        kind: ChangeKind::Changed,
        before: Some(before.to_string()),
        after: Some(after.to_string()),
    });
}
