//! Which rows a write touched, as the feed carries it for those who follow a product or an account. Decisions
//! depend on the changes beside these; so nothing here adds a revision.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_authorization_core::{
    binding::Binding,
    grant::{About, Grant},
};
use bailiwick_policy::MemberState;
use bailiwick_proto::events::v1::{self as pb, change::Change};
use bailiwick_types::{GroupId, Subject, UserId};

pub(super) fn binding(of: &Binding, removed: bool) -> Change {
    Change::BindingWritten(pb::BindingWritten {
        binding: of.id.to_string(),
        subject: of.subject.to_string(),
        role: of.role.clone(),
        scope: of.scope.to_string(),
        removed,
    })
}

pub(super) fn grant(of: &Grant, removed: bool) -> Change {
    let (on, type_name) = match &of.about {
        About::Resource(name) => (name.to_string(), String::new()),
        About::Scope(scope) => (scope.to_string(), String::new()),
        About::Type { of, scope, .. } => (scope.to_string(), of.clone()),
    };
    Change::GrantWritten(pb::GrantWritten {
        grant: of.id.to_string(),
        subject: of.subject.to_string(),
        on,
        r#type: type_name,
        removed,
    })
}

pub(super) fn group(id: GroupId, removed: bool) -> Change {
    Change::GroupWritten(pb::GroupWritten {
        group: id.to_string(),
        removed,
    })
}

pub(super) fn group_member(id: GroupId, subject: &Subject, removed: bool) -> Change {
    Change::GroupMemberWritten(pb::GroupMemberWritten {
        group: id.to_string(),
        subject: subject.to_string(),
        removed,
    })
}

/// A membership; without state it is gone.
pub(super) fn member(user: UserId, state: Option<MemberState>) -> Change {
    Change::MemberWritten(pb::MemberWritten {
        user: user.to_string(),
        removed: state.is_none(),
        suspended: state == Some(MemberState::Suspended),
    })
}

pub(super) fn role(name: &str, removed: bool) -> Change {
    Change::RoleWritten(pb::RoleWritten {
        role: name.to_owned(),
        removed,
    })
}

pub(super) fn standing(subject: &Subject, closed: bool) -> Change {
    Change::StandingWritten(pb::StandingWritten {
        subject: subject.to_string(),
        closed,
    })
}

/// What is told of a write: of several standings of one subject the last, which is what it is left with.
pub(super) fn newest<A: Copy + Ord>(mut rows: Vec<(A, Change)>) -> Vec<(A, Change)> {
    let mut seen = BTreeSet::new();
    rows.reverse();
    rows.retain(|(account, row)| match row {
        Change::StandingWritten(standing) => seen.insert((*account, standing.subject.clone())),
        _ => true,
    });
    rows.reverse();
    rows
}

/// Rows that were removed together; of all subjects that the write names where none is given.
pub(super) fn rows_of(subject: Option<&Subject>) -> Change {
    Change::RowsRemoved(pb::RowsRemoved {
        subject: subject.map(ToString::to_string).unwrap_or_default(),
    })
}

/// The settings that have another value than before; none where all are as they were.
pub(super) fn settings<V: PartialEq>(
    before: &BTreeMap<String, V>,
    after: &BTreeMap<String, V>,
) -> Option<Change> {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let other = after
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(*value));
    let mut names: Vec<String> = gone.chain(other.map(|(name, _)| name)).cloned().collect();
    names.sort_unstable();
    (!names.is_empty()).then_some(Change::SettingsWritten(pb::SettingsWritten { names }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_standings_of_a_subject_the_last_is_told() {
        let of = |n: u128, closed| {
            let user = UserId::from_uuid(uuid::Uuid::from_u128(n));
            standing(&Subject::user(user), closed)
        };
        let rows = vec![
            (1, of(1, true)),
            (1, of(2, true)),
            (1, of(1, false)),
            (2, of(1, true)),
        ];
        let told = vec![(1, of(2, true)), (1, of(1, false)), (2, of(1, true))];
        assert_eq!(newest(rows), told);
    }

    #[test]
    fn settings_that_came_went_or_changed_are_named() {
        let of = |settings: &[(&str, u8)]| -> BTreeMap<String, u8> {
            settings
                .iter()
                .map(|(name, n)| ((*name).to_owned(), *n))
                .collect()
        };
        let before = of(&[("kept", 1), ("other", 1), ("gone", 1)]);
        let after = of(&[("kept", 1), ("other", 2), ("come", 1)]);
        let names = ["come", "gone", "other"].map(str::to_owned).to_vec();
        let told = Change::SettingsWritten(pb::SettingsWritten { names });
        assert_eq!(settings(&before, &after), Some(told));
        assert_eq!(settings(&after, &after), None);
    }
}
