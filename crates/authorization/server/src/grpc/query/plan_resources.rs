//! `PlanResources`: the predicate with which a service filters its own tables.

use bailiwick_authorization_engine::{Planned, PlannedAlternative, ResourceQuestion};
use bailiwick_policy::{AccountColumn, Inexpressible};
use bailiwick_types::{Subject, faults, method::authorization::PlanResources};

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
    let asked = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&asked.account);
    let subject = fields.take("subject", asked.subject.parse::<Subject>());
    ask::names(&mut fields, &asked.permission, &asked.r#type);
    let attributes = ask::attributes(&mut fields, "attributes", asked.attributes.as_ref());
    let column = match &*asked.account_column {
        "" => Some(AccountColumn::default()),
        name => fields.take("account_column", name.parse()),
    };
    let (account, subject, column) = fields.finish_with(|| Some((account?, subject?, column?)))?;
    let (replica, near) = (&queries.replica, &queries.near);
    let asking = ask::read(replica, near, &call, account, asked.consistency.as_ref()).await?;
    let question = ResourceQuestion {
        subject: &subject,
        permission: &asked.permission,
        type_name: &asked.r#type,
        attributes: attributes.as_ref(),
    };
    let planned = replica.plan(&asking.read, &question, &column).await;
    let planned = ask::with_right(near, &call, &asking, planned, ask::alone).await?;
    let Planned {
        all,
        alternatives,
        sql,
        revision,
    } = planned.map_err(|error| status(Error::NotExpressible(error)))?;
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
