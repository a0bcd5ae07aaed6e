//! Lists what a caller may see of the resources of a type: by one condition in the database, over a bounded
//! number of rows.

use std::collections::BTreeSet;

use bailiwick_policy::{PlaceId, SqlCondition, Table, TypeNo, sql_condition};
use bailiwick_types::Timestamp;

use super::{
    QuestionError, ResourcePage, ResourceQuestion,
    plan::{Made, NAMED, ROUNDS, make, named},
};
use crate::{
    AccountRead, Consistency, ListedQuery, OutlineQuery, Replica, ReplicaError, Watermark,
    account::{AccountView, Demand},
};

/// The greatest number of rows that a page looks at.
const LOOKED_AT: usize = 5_000;

/// Which page of a list.
#[derive(Debug, Clone, Copy)]
pub struct VisiblePage<'a> {
    /// Only resources that lie in this scope.
    pub scope: Option<PlaceId>,
    /// The id after which the page begins.
    pub after: Option<&'a str>,
    /// The most resources on it.
    pub size: usize,
    /// Whether everything is shown, whatever the subject has.
    pub all: bool,
}

enum Condition {
    Is(SqlCondition),
    /// The database moved on since the plan was made.
    Moved,
    /// It cannot be said in SQL.
    Inexpressible,
}

impl Replica {
    /// Lists the resources of a type on which the subject is allowed, after one of them. A page looks at a
    /// bounded number of rows, so that it may be short, or empty, before the last. Where the plan cannot be
    /// said in SQL, fewer rows are read, and each is decided; resources of other scopes may be among these.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn visible(
        &self,
        read: &AccountRead,
        question: &ResourceQuestion<'_>,
        page: VisiblePage<'_>,
    ) -> Result<Result<ResourcePage, QuestionError>, ReplicaError> {
        let now = self.clock.now();
        let answer = |view: &mut AccountView<'_>| make(view, question, now);
        let depends = [question.subject];
        let mut demand = self.demand(read, &depends);
        for _ in 0..ROUNDS {
            let (made, at) = self.answer(&demand, &answer).await?;
            let made = match made {
                Ok(made) => made,
                Err(error) => return Ok(Err(error)),
            };
            let condition = if page.all {
                None
            } else if made.plan.alternatives.iter().all(|one| one.needs_approval) {
                return Ok(Ok(ResourcePage {
                    ids: Vec::new(),
                    next: None,
                    revision: at.account,
                }));
            } else {
                match self.condition(&made, at, question, &demand).await? {
                    Condition::Is(condition) => Some(condition),
                    Condition::Moved => {
                        demand.consistency = &Consistency::Fully;
                        continue;
                    }
                    Condition::Inexpressible => return self.decide_some(&demand, question, page, now).await,
                }
            };
            let query = ListedQuery {
                type_name: question.type_name,
                scope: page.scope,
                after: page.after.unwrap_or_default(),
                looked_at: LOOKED_AT,
                condition: condition.as_ref(),
                limit: page.size.saturating_add(1),
            };
            let read = {
                let _permit = self.admit(demand.until).await?;
                let read = self.source.listed(demand.account, &made.name, query);
                self.within(demand.until, read).await??
            };
            if !self.observe_epoch(&read.epoch) || read.at != at {
                demand.consistency = &Consistency::Fully;
                continue;
            }
            let (mut ids, mut next) = (read.value.ids, read.value.last);
            if ids.len() > page.size {
                ids.truncate(page.size);
                next = ids.last().cloned();
            }
            return Ok(Ok(ResourcePage {
                ids,
                next,
                revision: at.account,
            }));
        }
        Err(ReplicaError::Inconsistent)
    }

    /// The plan as a condition on the database's own rows.
    async fn condition(
        &self,
        made: &Made,
        at: Watermark,
        question: &ResourceQuestion<'_>,
        demand: &Demand<'_>,
    ) -> Result<Condition, ReplicaError> {
        let under = named(made);
        let mut parents: BTreeSet<(TypeNo, Box<str>)> = BTreeSet::new();
        if !under.is_empty() {
            let query = OutlineQuery {
                under: &under,
                type_name: question.type_name,
                reaches: &[],
                limit: NAMED + 1,
            };
            let read = {
                let _permit = self.admit(demand.until).await?;
                let read = self.source.outline(demand.account, &made.name, query);
                self.within(demand.until, read).await??
            };
            if !self.observe_epoch(&read.epoch) || read.at != at {
                return Ok(Condition::Moved);
            }
            if read.value.parents.len() > NAMED {
                return Ok(Condition::Inexpressible);
            }
            let number = |(of, id): &(String, Box<str>)| Some((made.product.type_no(of)?, id.clone()));
            parents = read.value.parents.iter().filter_map(number).collect();
        }
        let table = Table::Own(ListedQuery::VALUES);
        let written = sql_condition(&made.plan, &made.product, &made.places, &parents, table);
        Ok(written.map_or(Condition::Inexpressible, Condition::Is))
    }

    async fn decide_some(
        &self,
        demand: &Demand<'_>,
        question: &ResourceQuestion<'_>,
        page: VisiblePage<'_>,
        now: Timestamp,
    ) -> Result<Result<ResourcePage, QuestionError>, ReplicaError> {
        let batch = Box::pin(self.batch(demand, question, page.after.unwrap_or_default(), now)).await?;
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return Ok(Err(error)),
        };
        let mut shown = ResourcePage {
            ids: Vec::new(),
            next: None,
            revision: batch.at.account,
        };
        let last = batch.decided.len();
        for (n, (id, allowed)) in batch.decided.into_iter().enumerate() {
            if allowed {
                shown.ids.push(id.clone());
            }
            let is_full = shown.ids.len() >= page.size && n + 1 < last;
            if is_full || (n + 1 == last && batch.more) {
                shown.next = Some(id);
                break;
            }
        }
        Ok(Ok(shown))
    }
}
