//! Plans: under which conditions resources of a type are allowed, at one W.

use std::{collections::BTreeSet, sync::Arc};

use bailiwick_policy::{
    Alternative, Audience, Inexpressible, PlaceId, Places, Plan, Product, Request, SqlCondition, Target,
    TypeGrantReach, TypeNo, condition_text, plan, sql_condition,
};
use bailiwick_types::AccountId;
use tokio::time::Instant;

use super::{
    Question, QuestionError, ResourceQuestion, TargetText,
    candidates::check,
    decide::{effective_sets, input, request_values},
};
use crate::{Consistency, OutlineQuery, Replica, ReplicaError, account::AccountView};

/// As many resources as a plan names one by one.
const NAMED: usize = 10_000;
/// After so many reads the account is found to change faster than it can be read.
const ROUNDS: usize = 8;

/// A plan, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Whether every resource of the type is allowed.
    pub all: bool,
    /// The alternatives.
    pub alternatives: Vec<PlannedAlternative>,
    /// What is allowed, as SQL.
    pub sql: SqlCondition,
    /// The account's revision at which it is true.
    pub revision: u64,
}

/// An alternative, in words.
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
    /// What is to be true of the resource.
    pub condition: Option<String>,
    /// Whether somebody has to approve.
    pub needs_approval: bool,
}

/// A plan as it was made at one W.
struct Made {
    plan: Plan,
    product: Arc<Product>,
    places: Places,
    name: bailiwick_types::ProductName,
}

impl Replica {
    /// Plans on which resources of a type the subject is allowed.
    ///
    /// # Errors
    /// As [`Replica::decide`]; inside, what does not fit the manifest, and what cannot be said exactly.
    pub async fn plan(
        &self,
        account: AccountId,
        question: &ResourceQuestion<'_>,
        consistency: &Consistency,
        deadline: Option<Instant>,
    ) -> Result<Result<Result<Planned, Inexpressible>, QuestionError>, ReplicaError> {
        let until = self.until(deadline);
        let now = self.clock.now();
        let answer = |view: &mut AccountView<'_>| make(view, question, now);
        let mut consistency = consistency.clone();
        let depends = [question.subject];
        for _ in 0..ROUNDS {
            let made = self.answer(account, &consistency, &depends, until, &answer);
            let (made, w) = Box::pin(made).await?;
            let made = match made {
                Ok(made) => made,
                Err(error) => return Ok(Err(error)),
            };
            let under = named(&made);
            let reaches = reaches(&made.plan);
            if under.is_empty() && reaches.is_empty() {
                return Ok(Ok(told(made, BTreeSet::new(), w.account)));
            }
            let asked = OutlineQuery {
                under: &under,
                type_name: question.type_name,
                reaches: &reaches,
                limit: NAMED + 1,
            };
            let read = {
                let _permit = self.admit(until).await?;
                let read = self.source.outline(account, &made.name, asked);
                self.within(until, read).await??
            };
            if !self.observe_epoch(&read.epoch) || read.at != w {
                // The rows are of another moment than the plan: both are made anew.
                consistency = Consistency::Fully;
                continue;
            }
            let most = read.value.covered.iter().map(Vec::len).max().unwrap_or_default();
            if most.max(read.value.parents.len()) > NAMED {
                return Ok(Ok(Err(Inexpressible(format!(
                    "the plan would name more than {NAMED} resources one by one"
                )))));
            }
            let mut made = made;
            write_out(&mut made.plan, &reaches, &read.value.covered);
            let type_no = |(of, id): &(String, Box<str>)| Some((made.product.type_no(of)?, id.clone()));
            let parents = read.value.parents.iter().filter_map(type_no).collect();
            return Ok(Ok(told(made, parents, w.account)));
        }
        Err(ReplicaError::Inconsistent)
    }
}

fn make(
    view: &mut AccountView<'_>,
    question: &ResourceQuestion<'_>,
    now: bailiwick_types::Timestamp,
) -> Option<Result<Made, QuestionError>> {
    if let Err(error) = check(view, question) {
        return Some(Err(error));
    }
    let sets = effective_sets(view, question.subject, Audience::Product)?;
    let view = &*view;
    let content = &view.ready.content;
    let product = &content.product.product;
    let (permission, of) = product
        .question(question.permission, Some(question.type_name))
        .ok()?;
    let of = of?;
    let asked = Question {
        subject: question.subject,
        actor: None,
        permission: question.permission,
        target: TargetText::Place(content.places.account().id),
        attributes: question.attributes,
        digest: None,
        audience: Audience::Product,
    };
    let (attributes, context) = match request_values(view, 0, permission, Some(of), &asked) {
        Ok(values) => values,
        Err(error) => return Some(Err(error)),
    };
    let request = Request {
        attributes: &attributes,
        context: &context,
        digest: None,
    };
    let input = input(
        view,
        question.subject,
        &sets,
        Target::Absent,
        request,
        Audience::Product,
        now,
    );
    Some(Ok(Made {
        plan: plan(&input, permission, of),
        product: Arc::clone(product),
        places: content.places.clone(),
        name: content.product.name.clone(),
    }))
}

fn text_of(product: &Product, of: TypeNo, id: &str) -> Option<String> {
    Some(format!("{}:{id}", product.type_info(of)?.name))
}

/// The resources that count with everything below them.
fn named(made: &Made) -> Vec<(String, Box<str>)> {
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

/// Names one by one what grants on the type cover.
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

fn told(made: Made, parents: BTreeSet<(TypeNo, Box<str>)>, revision: u64) -> Result<Planned, Inexpressible> {
    let Made {
        plan,
        product,
        places,
        ..
    } = made;
    let sql = sql_condition(&plan, &product, &places, &parents)?;
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
