//! `PlanResources`: the predicate with which a service filters its own tables.

use bailiwick_authorization_engine::{Planned, PlannedAlternative, ResourceQuestion};
use bailiwick_policy::Inexpressible;
use bailiwick_types::{Subject, Violations, faults, method::authorization::PlanResources};

use super::{Queries, ask};
use crate::grpc::prelude::*;

faults! {
    /// Why there is no plan.
    Error;
    /// The plan cannot be expressed exactly.
    NotExpressible(Inexpressible) "{0}" => FailedPrecondition NotExpressible;
}

pub(super) async fn handle(
    queries: &Queries,
    call: Call<PlanResources, pb::PlanResourcesRequest>,
) -> Result<pb::PlanResourcesResponse, Status> {
    let (context, asked) = (&call.context, &call.message);
    let mut violations = Violations::new();
    let account = ask::account(&mut violations, &asked.account);
    let subject = violations.take("subject", asked.subject.parse::<Subject>());
    ask::names(&mut violations, &asked.permission, &asked.r#type);
    let attributes = ask::attributes(&mut violations, "attributes", asked.attributes.as_ref());
    let (Some(account), Some(subject), true) = (account, subject, violations.is_empty()) else {
        return Err(violations.into_status());
    };
    let wanted = ask::consistency(context, asked.consistency.as_ref()).map_err(IntoStatus::into_status)?;
    ask::known_caller(&queries.replica, context, account, &wanted).await?;
    let question = ResourceQuestion {
        subject: &subject,
        permission: &asked.permission,
        type_name: &asked.r#type,
        attributes: attributes.as_ref(),
    };
    let planned = queries
        .replica
        .plan(account, &question, &wanted, context.deadline)
        .await;
    let planned = ask::with_right(&queries.near, &call, account, planned, "").await?;
    let Planned {
        all,
        alternatives,
        sql,
        revision,
    } = planned.map_err(|error| Error::NotExpressible(error).into_status())?;
    Ok(pb::PlanResourcesResponse {
        all,
        alternatives: alternatives.into_iter().map(alternative).collect(),
        sql: sql.sql,
        sql_parameters: sql.parameters,
        revision,
    })
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
