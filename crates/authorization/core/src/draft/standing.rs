//! The rows of subjects: those of the snapshot, except where a change touched them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bailiwick_policy::{AccountPolicy, Member, StoredSubject};
use bailiwick_types::{StoreError, Subject};

use super::{ALL, Draft, base};
use crate::{
    account::Reader as _,
    approval::{self, Reader as _},
    binding::Reader as _,
    grant::{self, Reader as _},
    group::Reader as _,
    member::Reader as _,
    person::Reader as _,
    situation::{Extent, SubjectRows},
};

/// Whose rows were changed, kind by kind.
struct Touched {
    people: BTreeSet<Subject>,
    groups: BTreeSet<Subject>,
    bindings: BTreeSet<Subject>,
    grants: BTreeSet<Subject>,
    approvals: BTreeSet<Subject>,
}

#[async_trait]
impl crate::situation::Reader for Draft {
    async fn subject_rows(&self, subjects: &[Subject], extent: Extent) -> Result<SubjectRows, StoreError> {
        let mut all: SubjectRows = base!(self.subject_rows(subjects, extent));
        let touched = self.touched();
        let policy = match self.account().await? {
            Some(account) if self.is_of(&touched.bindings) => Some(self.policy(&account).await?),
            _ => None,
        };
        let mut open: Vec<Subject> = subjects.to_vec();
        let mut seen = BTreeSet::new();
        while let Some(subject) = open.pop() {
            if !seen.insert(subject.clone()) {
                continue;
            }
            if !all.rows.contains_key(&subject) {
                // A group that a change has put above somebody.
                let more: SubjectRows = base!(self.subject_rows(std::slice::from_ref(&subject), extent));
                for (subject, rows) in more.rows {
                    all.rows.entry(subject).or_insert(rows);
                }
            }
            let rows = all.rows.remove(&subject);
            let mut rows = rows.unwrap_or_else(|| StoredSubject::new(subject.clone()));
            if self.has(&touched.people, &subject) {
                self.lay_person_over(&mut rows, &mut all.disabled).await?;
            }
            if self.has(&touched.groups, &subject) {
                rows.groups = self.groups_of(&subject).await?;
            }
            if self.has(&touched.bindings, &subject) {
                self.lay_bindings_over(&mut rows, policy.as_deref()).await?;
            }
            if self.has(&touched.grants, &subject) {
                self.lay_grants_over(&mut rows, extent).await?;
            }
            if extent == Extent::Whole && self.has(&touched.approvals, &subject) {
                self.lay_approvals_over(&mut rows).await?;
            }
            open.extend(rows.groups.iter().copied().map(Subject::group));
            all.rows.insert(subject, rows);
        }
        Ok(all)
    }
}

impl Draft {
    fn touched(&self) -> Touched {
        let rows = &self.rows;
        let members = rows.members.changed().map(|member| Subject::user(member.user));
        let people = rows.people.changed().map(|person| Subject::user(person.user));
        let services = rows
            .services
            .changed()
            .map(|service| Subject::service(service.id));
        let groups = rows.memberships.changed().map(|(_, member)| member.clone());
        let bindings = rows.bindings.changed().map(|binding| binding.subject.clone());
        let grants = rows.grants.changed().map(|grant| grant.subject.clone());
        let approvals = rows.approvals.changed().map(|one| one.requester.clone());
        Touched {
            people: members.chain(people).chain(services).collect(),
            groups: groups.collect(),
            bindings: bindings.collect(),
            grants: grants.collect(),
            approvals: approvals.collect(),
        }
    }
    /// Whether anybody is among those whose rows were changed. Over nothing, everybody is.
    fn is_of(&self, touched: &BTreeSet<Subject>) -> bool {
        self.base.is_none() || !touched.is_empty()
    }
    fn has(&self, touched: &BTreeSet<Subject>, subject: &Subject) -> bool {
        self.base.is_none() || touched.contains(subject)
    }
    async fn lay_person_over(
        &self,
        rows: &mut StoredSubject,
        disabled: &mut BTreeSet<Subject>,
    ) -> Result<(), StoreError> {
        if let Some(id) = rows.subject.service_id() {
            let service = self.service_account(id).await?;
            if service.is_some_and(|service| !service.enabled) {
                disabled.insert(rows.subject.clone());
            } else {
                disabled.remove(&rows.subject);
            }
            return Ok(());
        }
        let Some(user) = rows.subject.user_id() else {
            return Ok(());
        };
        let person = self.person(user).await?;
        if person.is_some_and(|person| person.state.is_closed()) {
            disabled.insert(rows.subject.clone());
        } else {
            disabled.remove(&rows.subject);
        }
        rows.member = self.member(user).await?.map(|member| Member {
            kind: member.kind,
            state: member.state,
            expires_at: member.expires_at,
        });
        Ok(())
    }
    async fn lay_bindings_over(
        &self,
        rows: &mut StoredSubject,
        policy: Option<&AccountPolicy>,
    ) -> Result<(), StoreError> {
        let Some(policy) = policy else { return Ok(()) };
        let bindings = self.bindings_of(&rows.subject).await?;
        rows.bindings = bindings.iter().map(|binding| binding.stored(policy)).collect();
        Ok(())
    }
    async fn lay_grants_over(&self, rows: &mut StoredSubject, extent: Extent) -> Result<(), StoreError> {
        let grants = self.grants(&grant::Filter::of(&rows.subject), None, ALL).await?;
        let wanted = |grant: &&grant::Grant| extent == Extent::Whole || grant.is_plain_on_scope();
        rows.grants = grants.iter().filter(wanted).map(grant::Grant::stored).collect();
        Ok(())
    }
    async fn lay_approvals_over(&self, rows: &mut StoredSubject) -> Result<(), StoreError> {
        rows.approvals.clear();
        for state in [approval::State::Pending, approval::State::Approved] {
            let filter = approval::Filter {
                requester: Some(rows.subject.clone()),
                state: Some(state),
                on: None,
            };
            let open = self.approvals(&filter, None, ALL).await?;
            rows.approvals.extend(open.iter().map(approval::Approval::stored));
        }
        Ok(())
    }
}
