//! `ListSubjectPermissions`: who may do what on one target.

use bailiwick_authorization_engine::TargetText;
use bailiwick_proto::authorization::v1 as pb;
use bailiwick_rpc::{Context, IntoStatus, Target, page, status};
use bailiwick_types::{PageSize, Refused, Scope, Subject, Violations};
use tonic::{Request, Response, Status};

use super::{Queries, ask};
use crate::store::engine::people::After;

impl Queries {
    pub(super) async fn subject_permissions(
        &self,
        request: Request<pb::ListSubjectPermissionsRequest>,
    ) -> Result<Response<pb::ListSubjectPermissionsResponse>, Status> {
        let context = Context::of(&request)?;
        let asked = request.get_ref();
        let mut violations = Violations::new();
        let account = ask::account(&mut violations, &asked.account);
        let target = violations.take("target", TargetText::parse(&asked.target));
        let size = violations.take("page_size", PageSize::new(asked.page_size));
        let (Some(account), Some(target), Some(size)) = (account, target, size) else {
            return Err(violations.into_status());
        };
        let list = ["ListSubjectPermissions", &*asked.account, &*asked.target];
        let after: Option<After> = page::decode(&list, &asked.page_token).map_err(IntoStatus::into_status)?;
        let wanted =
            ask::consistency(context, asked.consistency.as_ref()).map_err(IntoStatus::into_status)?;
        ask::known_caller(&self.replica, context, account, &wanted).await?;
        let scope = self
            .replica
            .scope_of(account, target, &wanted, context.deadline)
            .await;
        // What is not there is asked for on the account: whoever may not look there does not learn that.
        let on = scope.as_ref().ok().cloned().flatten();
        let on = on.unwrap_or(Scope::Account(account));
        self.guard
            .authorize_any(context, Target::scope(account, &on))
            .await?;
        if scope.map_err(|error| status(&error))?.is_none() {
            return Err(status(&Refused::NotFound("target")));
        }
        let room = usize::try_from(size.get()).unwrap_or(usize::MAX);
        let mut people = self
            .lists
            .people(account, &after.unwrap_or_default(), room)
            .await
            .map_err(IntoStatus::into_status)?;
        let more = people.len() > room;
        people.truncate(room);
        let next = people
            .last()
            .filter(|_| more)
            .map(|last| page::encode(&list, &last.key));
        let subjects: Vec<Subject> = people.iter().map(|person| person.subject.clone()).collect();
        let rows = self
            .replica
            .matrix(account, &subjects, target, &wanted, context.deadline)
            .await
            .map_err(|error| status(&error))?;
        let revision = rows.revision;
        let subjects = people
            .into_iter()
            .zip(rows.answer)
            .filter(|(_, (allowed, needing))| !allowed.is_empty() || !needing.is_empty())
            .map(
                |(person, (permissions, needing_approval))| pb::SubjectPermissions {
                    subject: person.subject.to_string(),
                    email: person.email.unwrap_or_default(),
                    permissions,
                    needing_approval,
                },
            );
        Ok(Response::new(pb::ListSubjectPermissionsResponse {
            subjects: subjects.collect(),
            next_page_token: next.unwrap_or_default(),
            revision,
        }))
    }
}
