//! Plans: the conditions under which resources of a type are allowed, at one watermark.

use std::{collections::BTreeSet, sync::Arc};

use bailiwick_policy::{
    AccountColumn, Alternative, ApprovalTarget, Audience, Inexpressible, PermissionSet, PlaceId, Places,
    Plan, Product, SqlCondition, Table, Target, TypeGrantReach, TypeNo, condition_text, plan, sql_condition,
};

use super::{QuestionError, ResourceQuestion, candidates::check, prepare::effective_sets};
use crate::{
    AccountRead, Consistency, OutlineQuery, Part, PartRef, Replica, ReplicaError, account::AccountView,
};

/// The greatest number of resources that a plan names one by one.
pub(super) const NAMED: usize = 10_000;
/// Rounds after which no consistent view can be read.
pub(super) const ROUNDS: usize = 8;

/// A plan in names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Whether every resource of the type is allowed.
    pub all: bool,
    /// The alternatives.
    pub alternatives: Vec<PlannedAlternative>,
    /// The same as an SQL condition.
    pub sql: SqlCondition,
    /// The account's revision at which it is valid.
    pub revision: u64,
}

/// An alternative in names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlannedAlternative {
    /// In one of these scopes or below, where there are any.
    pub scopes: Vec<String>,
    /// In none of these scopes.
    pub except_scopes: Vec<String>,
    /// One of these resources or below, where there are any: `TYPE:ID`.
    pub resources: Vec<String>,
    /// One of exactly these resources, where given.
    pub exact: Option<Vec<String>>,
    /// The condition on the resource.
    pub condition: Option<String>,
    /// Whether an approval is needed.
    pub needs_approval: bool,
}

/// A plan as it was made at one watermark.
pub(super) struct Made {
    pub(super) plan: Plan,
    pub(super) product: Arc<Product>,
    pub(super) places: Places,
    pub(super) name: bailiwick_types::ProductName,
}

impl Replica {
    /// Plans on which resources of a type the subject is allowed. `account` is the column of the caller's
    /// table that has the id of the account.
    ///
    /// # Errors
    /// As [`Replica::decide`]; the inner errors say that the question does not fit the manifest, and that the
    /// plan cannot be expressed exactly.
    pub async fn plan(
        &self,
        read: &AccountRead,
        question: &ResourceQuestion<'_>,
        account: &AccountColumn,
    ) -> Result<Result<Result<Planned, Inexpressible>, QuestionError>, ReplicaError> {
        let now = self.clock.now();
        let answer = |view: &mut AccountView<'_>| make(view, question, now);
        let depends = [question.subject];
        let mut demand = self.demand(read, &depends);
        for _ in 0..ROUNDS {
            let (made, at) = self.answer(&demand, &answer).await?;
            let mut made = match made {
                Ok(made) => made,
                Err(error) => return Ok(Err(error)),
            };
            let under = named(&made);
            let reaches = reaches(&made.plan);
            if under.is_empty() && reaches.is_empty() {
                return Ok(Ok(named_plan(made, BTreeSet::new(), account, at.account)));
            }
            let query = OutlineQuery {
                under: &under,
                type_name: question.type_name,
                reaches: &reaches,
                limit: NAMED + 1,
            };
            let read = {
                let _permit = self.admit(demand.until).await?;
                let read = self.source.outline(demand.account, &made.name, query);
                self.within(demand.until, read).await??
            };
            if !self.observe_epoch(&read.epoch) || read.at != at {
                // The rows are of another moment than the plan: both are read again.
                demand.consistency = &Consistency::Fully;
                continue;
            }
            let most = read.value.covered.iter().map(Vec::len).max().unwrap_or_default();
            if most.max(read.value.parents.len()) > NAMED {
                return Ok(Ok(Err(Inexpressible(format!(
                    "the plan would name more than {NAMED} resources one by one"
                )))));
            }
            write_out(&mut made.plan, &reaches, &read.value.covered);
            let type_no = |(of, id): &(String, Box<str>)| Some((made.product.type_no(of)?, id.clone()));
            let parents = read.value.parents.iter().filter_map(type_no).collect();
            return Ok(Ok(named_plan(made, parents, account, at.account)));
        }
        Err(ReplicaError::Inconsistent)
    }
}

pub(super) fn make(
    view: &mut AccountView<'_>,
    question: &ResourceQuestion<'_>,
    now: bailiwick_types::Timestamp,
) -> Option<Result<Made, QuestionError>> {
    let fitting = match check(view, question) {
        Ok(fitting) => fitting,
        Err(error) => return Some(Err(error)),
    };
    let sets = effective_sets(view, question.subject, Audience::Product)?;
    let (permission, type_no) = (fitting.permission, fitting.type_no);
    // What approvals bind is held against what is stored now.
    let approvals = sets.own().map(PermissionSet::approvals).unwrap_or_default();
    let product = &view.ready.content.product.product;
    let names: Vec<String> = approvals
        .iter()
        .filter(|approval| approval.approved && approval.bound.is_some())
        .filter_map(|approval| match &approval.target {
            ApprovalTarget::Resource(of, id) if *of == type_no => text_of(product, *of, id),
            _ => None,
        })
        .collect();
    let read: Vec<Option<&Part>> = names
        .iter()
        .map(|name| view.part(PartRef::Resource(name)))
        .collect();
    let mut bound = Vec::with_capacity(read.len());
    for part in read {
        bound.extend(part?.resource()?);
    }
    let prepared = fitting.prepare(view, question.subject, &sets, now);
    let input = prepared.input(prepared.subject, Target::Absent);
    let content = &view.ready.content;
    Some(Ok(Made {
        plan: plan(&input, permission, type_no, &bound),
        product: Arc::clone(&content.product.product),
        places: content.places.clone(),
        name: content.product.name.clone(),
    }))
}

fn text_of(product: &Product, of: TypeNo, id: &str) -> Option<String> {
    Some(format!("{}:{id}", product.type_info(of)?.name))
}

/// The resources that count with all resources below them.
pub(super) fn named(made: &Made) -> Vec<(String, Box<str>)> {
    let all: BTreeSet<&(TypeNo, Box<str>)> =
        made.plan.alternatives.iter().flat_map(|one| &one.under).collect();
    let name = |of: TypeNo| made.product.type_info(of).map(|info| info.name.to_string());
    all.into_iter()
        .filter_map(|(of, id)| Some((name(*of)?, id.clone())))
        .collect()
}

fn reaches(plan: &Plan) -> Vec<TypeGrantReach> {
    let mut all: Vec<TypeGrantReach> = Vec::new();
    for one in &plan.alternatives {
        if one.reach != TypeGrantReach::All && !all.contains(&one.reach) {
            all.push(one.reach);
        }
    }
    all
}

/// Names the resources that grants on the type cover.
fn write_out(plan: &mut Plan, reaches: &[TypeGrantReach], covered: &[Vec<Box<str>>]) {
    for one in &mut plan.alternatives {
        let Some(ids) = reaches
            .iter()
            .position(|reach| *reach == one.reach)
            .and_then(|n| covered.get(n))
        else {
            continue;
        };
        one.only = Some(match one.only.take() {
            None => ids.clone(),
            Some(only) => only.into_iter().filter(|id| ids.contains(id)).collect(),
        });
    }
}

fn named_plan(
    made: Made,
    parents: BTreeSet<(TypeNo, Box<str>)>,
    account: &AccountColumn,
    revision: u64,
) -> Result<Planned, Inexpressible> {
    let Made {
        plan,
        product,
        places,
        ..
    } = made;
    let sql = sql_condition(&plan, &product, &places, &parents, Table::OfService(account))?;
    let all = plan.is_all();
    let in_words = |one: &Alternative| words(one, &plan, &product, &places);
    let alternatives = if all {
        Vec::new()
    } else {
        plan.alternatives.iter().map(in_words).collect::<Result<_, _>>()?
    };
    Ok(Planned {
        all,
        alternatives,
        sql,
        revision,
    })
}

fn words(
    one: &Alternative,
    plan: &Plan,
    product: &Product,
    places: &Places,
) -> Result<PlannedAlternative, Inexpressible> {
    let scope = |id: &PlaceId| {
        let level = places.get(*id)?.level;
        id.to_scope(level).map(|scope| scope.to_string())
    };
    let exact = |ids: &Vec<Box<str>>| {
        ids.iter()
            .filter_map(|id| text_of(product, plan.of, id))
            .collect()
    };
    let resources = one.under.iter().filter_map(|(of, id)| text_of(product, *of, id));
    let except: &[PlaceId] = if one.everywhere { &[] } else { &plan.closed };
    Ok(PlannedAlternative {
        scopes: one.places.iter().filter_map(scope).collect(),
        except_scopes: except.iter().filter_map(scope).collect(),
        resources: resources.collect(),
        exact: one.only.as_ref().map(exact),
        condition: one.condition.as_ref().map(condition_text).transpose()?,
        needs_approval: one.needs_approval,
    })
}
