//! The rows of subjects: those of the snapshot, except where a change touched them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bailiwick_policy::{Member, StoredSubject};
use bailiwick_types::{StoreError, Subject};

use super::{Draft, base};
use crate::{
    account::Reader as _,
    approval::{self, Reader as _},
    binding::Reader as _,
    grant::{self, Reader as _},
    group::Reader as _,
    member::Reader as _,
    person::{PersonState, Reader as _},
    situation::{Extent, SubjectRows},
};

/// The most rows of one subject that are looked at.
const MANY: u64 = 100_000;

#[async_trait]
impl crate::situation::Reader for Draft {
    async fn subject_rows(&self, subjects: &[Subject], extent: Extent) -> Result<SubjectRows, StoreError> {
        let mut all: SubjectRows = base!(self.subject_rows(subjects, extent));
        let changed = self.changed_subjects();
        let mut open: Vec<Subject> = subjects.to_vec();
        let mut seen = BTreeSet::new();
        while let Some(subject) = open.pop() {
            if !seen.insert(subject.clone()) {
                continue;
            }
            if self.base.is_none() || changed.contains(&subject) {
                self.reread(&subject, extent, &mut all).await?;
            } else if !all.rows.contains_key(&subject) {
                // A group that a change has put above somebody.
                let more: SubjectRows = base!(self.subject_rows(std::slice::from_ref(&subject), extent));
                for (subject, rows) in more.rows {
                    all.rows.entry(subject).or_insert(rows);
                }
            }
            let groups = all.rows.get(&subject).map(|rows| rows.groups.clone());
            open.extend(groups.into_iter().flatten().map(Subject::group));
        }
        Ok(all)
    }
}

impl Draft {
    /// Whose rows were changed.
    fn changed_subjects(&self) -> BTreeSet<Subject> {
        let rows = &self.rows;
        let members = rows.members.changed().map(|member| Subject::user(member.user));
        let people = rows.people.changed().map(|person| Subject::user(person.user));
        let bindings = rows.bindings.changed().map(|binding| binding.subject.clone());
        let grants = rows.grants.changed().map(|grant| grant.subject.clone());
        let memberships = rows.memberships.changed().map(|(_, subject)| subject.clone());
        let approvals = rows
            .approvals
            .changed()
            .map(|approval| approval.requester.clone());
        let own = members.chain(people).chain(bindings).chain(grants);
        own.chain(memberships).chain(approvals).collect()
    }
    /// Puts the rows of a subject together from what is there now.
    async fn reread(
        &self,
        subject: &Subject,
        extent: Extent,
        all: &mut SubjectRows,
    ) -> Result<(), StoreError> {
        let Some(account) = self.account().await? else {
            return Ok(());
        };
        let policy = self.policy(&account).await?;
        let mut rows = StoredSubject::new(subject.clone());
        if let Some(user) = subject.user_id() {
            let person = self.person(user).await?;
            if person.is_some_and(|person| person.state != PersonState::Active) {
                all.disabled.insert(subject.clone());
            } else {
                all.disabled.remove(subject);
            }
            rows.member = self.member(user).await?.map(|member| Member {
                kind: member.kind,
                state: member.state,
                expires_at: member.expires_at,
            });
        }
        rows.groups = self.groups_of(subject).await?;
        let bindings = self.bindings_of(subject).await?;
        rows.bindings = bindings.iter().map(|binding| binding.stored(&policy)).collect();
        let own = grant::Filter {
            subject: Some(subject.clone()),
            ..grant::Filter::default()
        };
        let grants = self.grants(&own, None, MANY).await?;
        let wanted = |grant: &&grant::Grant| extent == Extent::Whole || grant.is_plain_on_scope();
        rows.grants = grants.iter().filter(wanted).map(grant::Grant::stored).collect();
        if extent == Extent::Whole {
            for state in [approval::State::Pending, approval::State::Approved] {
                let filter = approval::Filter {
                    requester: Some(subject.clone()),
                    state: Some(state),
                    on: None,
                };
                let open = self.approvals(&filter, None, MANY).await?;
                rows.approvals.extend(open.iter().map(approval::Approval::stored));
            }
        }
        all.rows.insert(subject.clone(), rows);
        Ok(())
    }
}
