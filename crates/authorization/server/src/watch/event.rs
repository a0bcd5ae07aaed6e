//! Turns rows of the outbox into what followers are sent.

use std::collections::HashSet;

use bailiwick_proto::{
    authorization::v1::{self as pb, change_event::Change as Event},
    events::v1::{self as told, change::Change},
};
use bailiwick_rpc::wire::timestamp;
use bailiwick_sql::OutboxRow;
use bailiwick_types::{ScopeRoot, Timestamp};

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Member,
    Binding,
    Grant,
    Group,
    Role,
    Resource,
    Invitation,
    Approval,
    Settings,
    Place,
    Session,
    Product,
}

/// Kinds of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kinds(u16);

impl Kinds {
    pub(crate) const ALL: Self = Self(u16::MAX);
    /// All that a subject can have in an account.
    const OF_SUBJECT: [Kind; 4] = [Kind::Member, Kind::Binding, Kind::Grant, Kind::Group];

    pub(crate) fn of(kinds: &[Kind]) -> Self {
        Self(kinds.iter().fold(0, |all, kind| all | 1 << (*kind as u16)))
    }
    pub(crate) fn has(self, kind: Kind) -> bool {
        self.overlaps(Self::of(&[kind]))
    }
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Whose rights a row may have changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    /// Those of everybody who has any from the root.
    everybody: bool,
    subjects: Vec<String>,
}

impl Touched {
    pub(crate) fn touches(&self, subject: &str) -> bool {
        self.everybody || self.subjects.iter().any(|of| of == subject)
    }
}

/// A row of the outbox as followers see it; shared by all of them.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) position: u64,
    pub(crate) stamp: i64,
    pub(crate) root: ScopeRoot,
    pub(crate) touched: Touched,
    pub(crate) events: Vec<(Kinds, pb::ChangeEvent)>,
}

/// An event.
pub(crate) fn event(
    root: &ScopeRoot,
    revision: u64,
    at: Option<Timestamp>,
    change: Event,
) -> pb::ChangeEvent {
    pb::ChangeEvent {
        root: root.to_string(),
        revision,
        time: at.map(timestamp),
        change: Some(change),
    }
}

impl Row {
    /// A row that has a position.
    pub(crate) fn of(row: &OutboxRow) -> Option<Self> {
        let mut changes = Vec::with_capacity(row.changes.len());
        for bytes in &row.changes {
            match bailiwick_feed::change(bytes) {
                Ok(change) => changes.push(change),
                Err(error) => {
                    let (root, revision) = (row.root.to_string(), row.revision);
                    tracing::error!(root, revision, error = %error, "a change cannot be told to followers");
                }
            }
        }
        let events = match &row.root {
            ScopeRoot::Account(_) => in_account(&changes),
            ScopeRoot::Product(_) => in_product(&changes),
            ScopeRoot::Deployment | ScopeRoot::User(_) => Vec::new(),
        };
        let events = events.into_iter().map(|(kinds, change)| {
            (
                kinds,
                event(&row.root, row.revision, Some(row.created_at), change),
            )
        });
        Some(Self {
            position: row.position?,
            stamp: row.stamp,
            root: row.root.clone(),
            touched: touched(&changes),
            events: events.collect(),
        })
    }
}

fn touched(changes: &[Change]) -> Touched {
    let mut touched = Touched::default();
    for change in changes {
        match change {
            Change::SubjectChanged(of) => touched.subjects.push(of.subject.clone()),
            Change::FactChanged(of) => touched.subjects.push(of.subject.clone()),
            Change::GroupChanged(_)
            | Change::PolicyChanged(_)
            | Change::PlaceApplied(_)
            | Change::ProductApplied(_) => touched.everybody = true,
            _ => {}
        }
    }
    touched
}

/// What changed in a product itself.
fn in_product(changes: &[Change]) -> Vec<(Kinds, Event)> {
    let kinds = Kinds::of(&[Kind::Product]);
    let mut events: Vec<(Kinds, Event)> = Vec::new();
    let mut product = |version, subject| {
        events.push((kinds, Event::Product(pb::ProductEvent { version, subject })));
    };
    let mut is_told = false;
    for change in changes {
        match change {
            Change::ProductApplied(of) => product(of.version, String::new()),
            Change::SubjectChanged(of) => product(0, of.subject.clone()),
            _ => continue,
        }
        is_told = true;
    }
    if !is_told && changes.iter().any(|of| matches!(of, Change::PolicyChanged(_))) {
        product(0, String::new());
    }
    events
}

/// What a write says about its rows, beside the changes that count.
#[derive(Default)]
struct Rows<'a> {
    /// Subjects of which each row that was written is told.
    told: HashSet<&'a str>,
    /// Subjects of which rows were removed together.
    together: HashSet<&'a str>,
    /// Whether that may be so of any.
    all_together: bool,
    /// Whether what the account's policy consists of is told.
    policy: bool,
}

impl<'a> Rows<'a> {
    fn of(changes: &'a [Change]) -> Self {
        let mut rows = Self::default();
        for change in changes {
            match change {
                Change::BindingWritten(of) => rows.told(&of.subject),
                Change::GrantWritten(of) => rows.told(&of.subject),
                Change::GroupMemberWritten(of) => rows.told(&of.subject),
                Change::StandingWritten(of) => rows.told(&of.subject),
                Change::ApprovalChanged(of) => rows.told(&of.requester),
                Change::RowsRemoved(of) if of.subject.is_empty() => rows.all_together = true,
                Change::RowsRemoved(of) => {
                    rows.together.insert(&of.subject);
                }
                Change::RoleWritten(_) | Change::SettingsWritten(_) | Change::PlaceApplied(_) => {
                    rows.policy = true;
                }
                _ => {}
            }
        }
        rows
    }
    fn told(&mut self, subject: &'a str) {
        self.told.insert(subject);
    }
    /// Whether the rows of a subject have to be read again, since they are not told one by one.
    fn is_open(&self, subject: &str, is_named: bool) -> bool {
        self.all_together || self.together.contains(subject) || !(is_named || self.told.contains(subject))
    }
}

fn in_account(changes: &[Change]) -> Vec<(Kinds, Event)> {
    let rows = Rows::of(changes);
    let mut events = Vec::new();
    for change in changes {
        match change {
            Change::SubjectChanged(of) => {
                // A membership is told by the user's id.
                let is_named = changes.iter().any(|change| {
                    let user = of.subject.strip_prefix("user:");
                    matches!(change, Change::MemberWritten(row) if user == Some(&row.user))
                });
                if rows.is_open(&of.subject, is_named) {
                    events.push(of_subject(of.subject.clone()));
                }
            }
            Change::GroupChanged(of) => {
                let is_named = changes.iter().any(|change| match change {
                    Change::GroupWritten(row) => row.group == of.group,
                    Change::GroupMemberWritten(row) => row.group == of.group,
                    _ => false,
                });
                let subject = format!("group:{}", of.group);
                if rows.is_open(&subject, is_named) {
                    events.push(of_subject(subject));
                }
            }
            Change::PolicyChanged(_) if !rows.policy => {
                events.push((Kinds::of(&[Kind::Role]), Event::Role(pb::RoleEvent::default())));
                let settings = Event::Settings(pb::SettingsEvent::default());
                events.push((Kinds::of(&[Kind::Settings]), settings));
            }
            change => {
                let own = own_event(change).map(|(kind, event)| (Kinds::of(&[kind]), event));
                events.extend(own);
            }
        }
    }
    events
}

fn of_subject(subject: String) -> (Kinds, Event) {
    let event = Event::Subject(pb::SubjectEvent { subject });
    (Kinds::of(&Kinds::OF_SUBJECT), event)
}

/// The event of a change that tells all by itself.
pub(crate) fn own_event(change: &Change) -> Option<(Kind, Event)> {
    Some(match change {
        Change::MemberWritten(of) => {
            let member = pb::MemberEvent {
                user: of.user.clone(),
                removed: of.removed,
                suspended: of.suspended,
            };
            (Kind::Member, Event::Member(member))
        }
        Change::BindingWritten(of) => {
            let binding = pb::BindingEvent {
                binding: of.binding.clone(),
                subject: of.subject.clone(),
                role: of.role.clone(),
                scope: of.scope.clone(),
                removed: of.removed,
            };
            (Kind::Binding, Event::Binding(binding))
        }
        Change::GrantWritten(of) => {
            let grant = pb::GrantEvent {
                grant: of.grant.clone(),
                subject: of.subject.clone(),
                on: of.on.clone(),
                r#type: of.r#type.clone(),
                removed: of.removed,
            };
            (Kind::Grant, Event::Grant(grant))
        }
        Change::GroupWritten(of) => {
            let group = pb::GroupEvent {
                group: of.group.clone(),
                removed: of.removed,
            };
            (Kind::Group, Event::Group(group))
        }
        Change::GroupMemberWritten(of) => {
            let member = pb::GroupMemberEvent {
                group: of.group.clone(),
                subject: of.subject.clone(),
                removed: of.removed,
            };
            (Kind::Group, Event::GroupMember(member))
        }
        Change::RoleWritten(of) => {
            let role = pb::RoleEvent {
                role: of.role.clone(),
                removed: of.removed,
            };
            (Kind::Role, Event::Role(role))
        }
        Change::ResourceChanged(of) => {
            let resource = format!("{}:{}", of.r#type, of.id);
            (Kind::Resource, Event::Resource(pb::ResourceEvent { resource }))
        }
        Change::InvitationChanged(of) => {
            let invitation = pb::InvitationEvent {
                invitation: of.invitation.clone(),
                state: invitation_state(of.state()).into(),
                scope: of.scope.clone(),
                roles: of.roles.clone(),
            };
            (Kind::Invitation, Event::Invitation(invitation))
        }
        Change::ApprovalChanged(of) => {
            let approval = pb::ApprovalEvent {
                approval: of.approval.clone(),
                state: approval_state(of.state()).into(),
                requester: of.requester.clone(),
                permission: of.permission.clone(),
                target: of.target.clone(),
            };
            (Kind::Approval, Event::Approval(approval))
        }
        Change::SettingsWritten(of) => {
            let names = of.names.clone();
            (Kind::Settings, Event::Settings(pb::SettingsEvent { names }))
        }
        Change::PlaceApplied(of) => {
            let place = pb::PlaceEvent {
                scope: of.scope.clone(),
                parent: of.parent.clone(),
                state: place_state(of.state()).into(),
            };
            (Kind::Place, Event::Place(place))
        }
        Change::StandingWritten(of) => {
            let session = pb::SessionEvent {
                subject: of.subject.clone(),
                closed: of.closed,
            };
            (Kind::Session, Event::Session(session))
        }
        _ => return None,
    })
}

crate::variants::same_variants! {
    fn invitation_state(told::InvitationState => pb::InvitationEventState) {
        Unspecified, Pending, Accepted, Revoked, Expired
    }
    fn approval_state(told::ApprovalState => pb::ApprovalEventState) {
        Unspecified, Pending, Approved, Rejected, Withdrawn, Consumed
    }
    fn place_state(told::PlaceState => pb::PlaceEventState) {
        Unspecified, Active, Suspended, Moving, Deleted, Restricted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(of: &str) -> Change {
        Change::SubjectChanged(told::SubjectChanged { subject: of.into() })
    }

    fn bound(subject: &str) -> Change {
        Change::BindingWritten(told::BindingWritten {
            subject: subject.into(),
            ..Default::default()
        })
    }

    fn together(subject: &str) -> Change {
        Change::RowsRemoved(told::RowsRemoved {
            subject: subject.into(),
        })
    }

    /// The subjects that are to be read again, and how many other events there are.
    fn open(changes: &[Change]) -> (Vec<String>, usize) {
        let events = in_account(changes);
        let all = events.len();
        let subjects: Vec<String> = events
            .into_iter()
            .filter_map(|(_, event)| match event {
                Event::Subject(of) => Some(of.subject),
                _ => None,
            })
            .collect();
        let others = all - subjects.len();
        (subjects, others)
    }

    #[test]
    fn a_subject_is_told_as_a_whole_where_its_rows_are_not_told_one_by_one() {
        let none: Vec<String> = Vec::new();
        assert_eq!(open(&[subject("user:a")]), (vec!["user:a".to_owned()], 0));
        assert_eq!(open(&[subject("user:a"), bound("user:a")]), (none.clone(), 1));
        let two = [subject("user:a"), subject("user:b"), bound("user:b")];
        assert_eq!(open(&two), (vec!["user:a".to_owned()], 1));
        let removed = [subject("user:a"), bound("user:a"), together("user:a")];
        assert_eq!(open(&removed), (vec!["user:a".to_owned()], 1));
        let moved = [
            subject("user:a"),
            bound("user:a"),
            subject("user:b"),
            together(""),
        ];
        assert_eq!(open(&moved).0, ["user:a", "user:b"]);
        let member = Change::MemberWritten(told::MemberWritten {
            user: "a".into(),
            ..Default::default()
        });
        assert_eq!(open(&[subject("user:a"), member.clone()]), (none, 1));
        assert_eq!(open(&[subject("service:a"), member]).0, ["service:a"]);
    }

    #[test]
    fn a_policy_that_changed_without_a_row_may_be_any_role_or_setting() {
        let policy = Change::PolicyChanged(told::PolicyChanged::default());
        let kinds = |changes: &[Change]| -> Vec<Kinds> {
            in_account(changes).into_iter().map(|(kinds, _)| kinds).collect()
        };
        let any = [Kinds::of(&[Kind::Role]), Kinds::of(&[Kind::Settings])];
        assert_eq!(kinds(std::slice::from_ref(&policy)), any);
        let role = Change::RoleWritten(told::RoleWritten::default());
        assert_eq!(kinds(&[policy, role]), [Kinds::of(&[Kind::Role])]);
    }

    #[test]
    fn events_of_a_subject_as_a_whole_pass_each_filter_that_could_miss_them() {
        let events = in_account(&[subject("user:a")]);
        let [(kinds, _)] = &events[..] else {
            panic!("{events:?}")
        };
        for (kind, expected) in [
            (Kind::Member, true),
            (Kind::Binding, true),
            (Kind::Grant, true),
            (Kind::Group, true),
            (Kind::Role, false),
            (Kind::Resource, false),
        ] {
            assert_eq!(kinds.has(kind), expected, "{kind:?}");
        }
    }

    #[test]
    fn what_may_have_changed_a_right_touches_whose_it_is() {
        let of = touched(&[subject("user:a"), bound("user:b")]);
        assert!(of.touches("user:a") && !of.touches("user:b"));
        for all in [
            Change::GroupChanged(told::GroupChanged::default()),
            Change::PolicyChanged(told::PolicyChanged::default()),
            Change::PlaceApplied(told::PlaceApplied::default()),
        ] {
            assert!(touched(&[all]).touches("user:b"));
        }
    }

    #[test]
    fn a_product_tells_of_its_manifest_and_of_its_services() {
        let applied = Change::ProductApplied(told::ProductApplied {
            version: 7,
            ..Default::default()
        });
        let policy = Change::PolicyChanged(told::PolicyChanged::default());
        let versions = |changes: &[Change]| -> Vec<(u64, String)> {
            let events = in_product(changes).into_iter().map(|(_, event)| match event {
                Event::Product(of) => (of.version, of.subject),
                other => panic!("{other:?}"),
            });
            events.collect()
        };
        let applied = [applied, policy.clone()];
        assert_eq!(versions(&applied), [(7, String::new())]);
        assert_eq!(versions(&[policy]), [(0, String::new())]);
        assert_eq!(versions(&[subject("service:a")]), [(0, "service:a".to_owned())]);
    }
}
