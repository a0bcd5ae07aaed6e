//! `PlanResources`: the predicate with which a service filters its own tables.

use bailiwick_authorization_engine::{Planned, PlannedAlternative, ResourceQuestion};
use bailiwick_policy::Inexpressible;
use bailiwick_proto::authorization::v1 as pb;
use bailiwick_rpc::{Context, IntoStatus, status};
use bailiwick_types::{Code, Fault, Reason, Subject, Violations};
use tonic::{Request, Response, Status};

use super::{Queries, ask};

/// The plan cannot be said exactly.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotExpressible(Inexpressible);

impl Fault for NotExpressible {
    fn code(&self) -> Code {
        Code::FailedPrecondition
    }
    fn reason(&self) -> Reason {
        Reason::NotExpressible
    }
}

impl Queries {
    pub(super) async fn plan_for(
        &self,
        request: Request<pb::PlanResourcesRequest>,
    ) -> Result<Response<pb::PlanResourcesResponse>, Status> {
        let context = Context::of(&request)?;
        let asked = request.get_ref();
        let mut violations = Violations::new();
        let account = ask::account(&mut violations, &asked.account);
        let subject = violations.take("subject", asked.subject.parse::<Subject>());
        ask::names(&mut violations, &asked.permission, &asked.r#type);
        let attributes = ask::attributes(&mut violations, "attributes", asked.attributes.as_ref());
        let (Some(account), Some(subject), true) = (account, subject, violations.is_empty()) else {
            return Err(violations.into_status());
        };
        let wanted =
            ask::consistency(context, asked.consistency.as_ref()).map_err(IntoStatus::into_status)?;
        ask::known_caller(&self.replica, context, account, &wanted).await?;
        let question = ResourceQuestion {
            subject: &subject,
            permission: &asked.permission,
            type_name: &asked.r#type,
            attributes: attributes.as_ref(),
        };
        let planned = self
            .replica
            .plan(account, &question, &wanted, context.deadline)
            .await;
        let planned = ask::with_right(&self.near, context, account, planned, "").await?;
        let Planned {
            all,
            alternatives,
            sql,
            revision,
        } = planned.map_err(|error| status(&NotExpressible(error)))?;
        Ok(Response::new(pb::PlanResourcesResponse {
            all,
            alternatives: alternatives.into_iter().map(alternative).collect(),
            sql: sql.sql,
            sql_parameters: sql.parameters,
            revision,
        }))
    }
}

fn alternative(one: PlannedAlternative) -> pb::PlanAlternative {
    pb::PlanAlternative {
        scopes: one.scopes,
        resources: one.resources,
        condition: one.condition.unwrap_or_default(),
        needs_approval: one.needs_approval,
        except_scopes: one.except_scopes,
        exact: one.exact.is_some(),
        exact_resources: one.exact.unwrap_or_default(),
    }
}
