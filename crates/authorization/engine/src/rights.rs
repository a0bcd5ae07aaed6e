//! What a caller of the suite may do: the answer to the guard.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bailiwick_policy::{
    Attributes, Audience, Numbers, Outcome, PermissionNo, PermissionSet, PlaceId, Product, Reason, Resource,
    compile, manifest::deployment, suite_holds,
};
use bailiwick_types::{
    AccountId, Held, OperatorAllowed, ProductName, Rights, RightsError, Scope, Subject, Timestamp,
};
use serde_json::{Map, Value as Json};
use tokio::time::Instant;

use crate::{
    Answer, Consistency, Question, Replica, ReplicaError, SourceError, TargetText,
    account::{AccountView, Demand},
    question::{Party, Prepared, ResolvedTarget, Sets, answer_one, effective_sets, resolve_target},
};

/// The suite's own product, whose permissions are asked without an account.
fn suite() -> Option<&'static Product> {
    static SUITE: OnceLock<Option<Product>> = OnceLock::new();
    SUITE
        .get_or_init(|| {
            compile(&deployment(), Numbers::default())
                .ok()
                .map(|(product, _)| product)
        })
        .as_ref()
}

/// A resource that is to be registered: `TYPE.create` is decided on it, as it would be.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposed {
    /// Its type.
    pub type_name: String,
    /// Its id.
    pub id: String,
    /// Who would own it.
    pub owner: Option<Subject>,
    /// Its attributes.
    pub attributes: Map<String, Json>,
}

impl Proposed {
    /// The resource in a scope; nothing where the product has no such type.
    fn at(&self, view: &AccountView<'_>, place: PlaceId) -> Option<ResolvedTarget<'static>> {
        let content = &view.ready.content;
        let product = &content.product.product;
        let type_no = product.type_no(&self.type_name)?;
        let resource = Resource {
            type_no,
            id: self.id.as_str().into(),
            place,
            owner: self.owner.clone(),
            parent: None,
            attributes: Attributes::stored(&self.attributes),
            registered: view.ready.watermark().account.saturating_add(1),
        };
        Some(ResolvedTarget::described(resource.retype(product)))
    }
}

/// What a caller claims to be allowed.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The caller.
    pub subject: &'a Subject,
    /// The permission, `TYPE.VERB`.
    pub permission: &'a str,
    /// The targets: `account:ID`, `workspace:ID`, `TYPE:ID` ...
    pub targets: &'a [String],
    /// Whether roles of the deployment count.
    pub operator: OperatorAllowed,
    /// What would be registered in the targets, which are scopes then.
    pub proposed: Option<&'a Proposed>,
    /// The place of the account outside of which nothing is allowed.
    pub within: Option<&'a Scope>,
}

/// The same answer for all targets: a role of the deployment counts on each.
fn by_deployment(targets: &[String], holds: bool) -> Held {
    Held {
        allowed: vec![holds; targets.len()],
        operator: holds,
    }
}

impl Replica {
    /// Tells which of the targets a caller is allowed on; without account, by a role of the deployment alone.
    ///
    /// # Errors
    /// See [`RightsError`]; an error is never a decision.
    pub async fn held(
        &self,
        claim: &Claim<'_>,
        account: Option<AccountId>,
        consistency: &Consistency,
        deadline: Option<Instant>,
    ) -> Result<Held, RightsError> {
        let until = self.until(deadline);
        let now = self.clock.now();
        let Some(account) = account else {
            return match claim.targets {
                [target] if target.starts_with("product:") => {
                    self.held_on_product(claim, target, now, until).await
                }
                _ => self.held_by_deployment(claim, None, now, until).await,
            };
        };
        let answer = |view: &mut AccountView<'_>| held_in(view, account, claim, now);
        // What is asked of an account by somebody who has nothing there costs the same whether it exists or
        // not. Callers whose token is for the account may know that it does.
        if claim.operator != OperatorAllowed::No {
            if *consistency == Consistency::MinimizeLatency
                && let Some((Ok(held), _)) = self.answer_now(account, &answer)
                && held.allowed.iter().all(|allowed| *allowed)
            {
                return Ok(held);
            }
            let counted = (claim.operator != OperatorAllowed::Only).then_some(account);
            if self.is_stranger(claim.subject, counted, until).await? {
                return Ok(by_deployment(claim.targets, false));
            }
        }
        let demand = Demand {
            account,
            consistency,
            depends: &[claim.subject],
            until,
        };
        match self.answer(&demand, &answer).await {
            Ok((held, _)) => held,
            // A caller with a deployment role may learn that the account does not exist.
            Err(ReplicaError::UnknownAccount) => {
                self.held_by_deployment(claim, Some(account), now, until).await
            }
            Err(error) => Err(rights_error(&error)),
        }
    }

    /// Tells whether nothing could give a subject a right in an account, whether that exists or not; without
    /// account, whether it has no role of the deployment.
    ///
    /// # Errors
    /// See [`RightsError`].
    pub async fn is_stranger(
        &self,
        subject: &Subject,
        account: Option<AccountId>,
        until: Instant,
    ) -> Result<bool, RightsError> {
        let _permit = self.admit(until).await.map_err(|error| rights_error(&error))?;
        let read = self.within(until, self.source.stands(subject, account)).await;
        let stands = read.and_then(|read| Ok(read?));
        Ok(!stands.map_err(|error| rights_error(&error))?)
    }

    /// Tells whether a caller is allowed on a product as a whole: by a role of the deployment, or by one of
    /// the product's own services. A product that does not exist answers like one where the caller has
    /// nothing.
    async fn held_on_product(
        &self,
        claim: &Claim<'_>,
        target: &str,
        now: Timestamp,
        until: Instant,
    ) -> Result<Held, RightsError> {
        let held = self.held_by_deployment(claim, None, now, until).await?;
        let Ok(Scope::Product(name)) = target.parse::<Scope>() else {
            return Ok(by_deployment(claim.targets, false));
        };
        if held.operator || claim.operator != OperatorAllowed::Yes {
            return Ok(held);
        }
        let allowed = self.served_by(claim, &name, now, until).await?;
        Ok(Held {
            allowed: vec![allowed],
            operator: false,
        })
    }

    /// Whether a role at the product gives the permission there.
    async fn served_by(
        &self,
        claim: &Claim<'_>,
        name: &ProductName,
        now: Timestamp,
        until: Instant,
    ) -> Result<bool, RightsError> {
        let read = async {
            let (_, closed) = self.source.deployment_of(claim.subject).await?;
            let (_, roots) = self.source.roots(false, std::slice::from_ref(name)).await?;
            Ok::<_, SourceError>((closed, roots))
        };
        let read = self.within(until, read).await;
        let (closed, roots) = read
            .and_then(|read| Ok(read?))
            .map_err(|error| rights_error(&error))?;
        let Some((product, bound)) = roots.products.first().filter(|_| !closed) else {
            return Ok(false);
        };
        let Some(no) = product.product.permission_no(claim.permission) else {
            return Ok(false);
        };
        let set = bound.sets.get(claim.subject.as_str());
        Ok(set.is_some_and(|set| suite_holds(&product.product, &[set], no, Audience::Product, now)))
    }

    async fn held_by_deployment(
        &self,
        claim: &Claim<'_>,
        account: Option<AccountId>,
        now: Timestamp,
        until: Instant,
    ) -> Result<Held, RightsError> {
        let Claim {
            permission, targets, ..
        } = *claim;
        if claim.operator == OperatorAllowed::No {
            return Ok(by_deployment(targets, false));
        }
        let Some(product) = suite() else {
            return Err(RightsError::Internal(
                "the suite's manifest does not compile".into(),
            ));
        };
        let Some(no) = product.permission_no(permission) else {
            // It may be a permission of the account's product, which is not known.
            return if account.is_some() {
                Ok(by_deployment(targets, false))
            } else {
                Err(RightsError::UnknownPermission(permission.to_owned()))
            };
        };
        let read = self.within(until, self.source.deployment_of(claim.subject)).await;
        let (set, closed) = read
            .and_then(|read| Ok(read?))
            .map_err(|error| rights_error(&error))?;
        let holds = !closed && suite_holds(product, &[&set], no, Audience::Suite, now);
        Ok(by_deployment(targets, holds))
    }
}

/// Tells which targets of an account a subject is allowed on; `None` while a part is missing.
fn held_in(
    view: &mut AccountView<'_>,
    account: AccountId,
    claim: &Claim<'_>,
    now: Timestamp,
) -> Option<Result<Held, RightsError>> {
    let Claim {
        subject,
        permission,
        targets,
        operator,
        proposed,
        within,
    } = *claim;
    let content = &view.ready.content;
    let product = Arc::clone(&content.product.product);
    let Some(no) = product.permission_no(permission) else {
        return Some(Err(RightsError::UnknownPermission(permission.to_owned())));
    };
    let sets = effective_sets(view, subject, Audience::Suite)?;
    if sets.closed {
        return Some(Ok(by_deployment(targets, false)));
    }
    // A role of the deployment counts on every target, also on one that does not exist.
    let operates = operator != OperatorAllowed::No && {
        let own: Option<&PermissionSet> = content.deployment.sets.get(subject.as_str()).map(|set| &**set);
        own.is_some_and(|set| suite_holds(&product, &[set], no, Audience::Suite, now))
    };
    if operator == OperatorAllowed::Only {
        return Some(Ok(by_deployment(targets, operates)));
    }
    let mut held = Held {
        allowed: Vec::with_capacity(targets.len()),
        operator: false,
    };
    let mut complete = true;
    for target in targets {
        if let Some(within) = within {
            match lies_within(view, target, within) {
                Some(true) => {}
                inside => {
                    complete &= inside.is_some();
                    held.allowed.push(false);
                    continue;
                }
            }
        }
        let own = match (TargetText::parse(target), proposed) {
            (Err(_), _) => false,
            (Ok(TargetText::Place(place)), Some(proposed)) => {
                // As below for a scope that does not exist.
                let answer = decide_on(view, proposed, (no, place), &sets, claim, now);
                let answer = match answer {
                    Some(answer) if answer.reason == Reason::ScopeUnknown => {
                        decide_on(view, proposed, (no, PlaceId::from(account)), &sets, claim, now)
                    }
                    answer => answer,
                };
                answer.is_some_and(|answer| answer.outcome == Outcome::Allow)
            }
            (Ok(target), _) => {
                let question = Question {
                    subject,
                    actor: None,
                    permission,
                    target,
                    attributes: None,
                    digest: None,
                    audience: Audience::Product,
                };
                let answer = answer_one(view, &question, now);
                // A caller that is allowed in the whole account may learn that the target does not exist.
                let absent = matches!(&answer, Some(Ok(answer)) if answer.reason == Reason::ResourceUnknown);
                let answer = if absent {
                    let target = TargetText::Place(PlaceId::from(account));
                    answer_one(view, &Question { target, ..question }, now)
                } else {
                    answer
                };
                match answer {
                    None => {
                        complete = false;
                        false
                    }
                    Some(answer) => answer.is_ok_and(|answer| answer.outcome == Outcome::Allow),
                }
            }
        };
        held.operator |= !own && operates;
        held.allowed.push(own || operates);
    }
    complete.then_some(Ok(held))
}

/// Whether a target is a place or lies in it; not for one that is not known. `None` while a part is missing.
fn lies_within(view: &mut AccountView<'_>, target: &str, within: &Scope) -> Option<bool> {
    let Ok(target) = TargetText::parse(target) else {
        return Some(false);
    };
    let within = PlaceId::from(within);
    let place = resolve_target(view, target, None)?.place();
    let path = place.and_then(|place| view.ready.content.places.path(place));
    Some(path.is_some_and(|path| path.iter().any(|place| place.id == within)))
}

/// Decides on a resource that is to be registered in a scope.
fn decide_on(
    view: &AccountView<'_>,
    proposed: &Proposed,
    (permission, place): (PermissionNo, PlaceId),
    sets: &Sets<'_>,
    claim: &Claim<'_>,
    now: Timestamp,
) -> Option<Answer> {
    let target = proposed.at(view, place)?;
    let subject = Party {
        subject: claim.subject,
        sets,
    };
    Some(Prepared::plain(view.ready, subject, now).answer(permission, &target))
}

fn rights_error(error: &ReplicaError) -> RightsError {
    match error {
        ReplicaError::DeadlineExceeded => RightsError::DeadlineExceeded,
        ReplicaError::Source(SourceError::Corrupt(detail)) => RightsError::Internal(detail.clone()),
        error => {
            tracing::debug!(error = %error, "rights are unknown");
            RightsError::Unavailable
        }
    }
}

/// The rights that the guard asks for, answered by a replica.
#[derive(Debug, Clone)]
pub struct ReplicaRights {
    replica: Arc<Replica>,
    consistency: Consistency,
    proposed: Option<Proposed>,
}

impl ReplicaRights {
    /// For administrative calls: as the primary is after the call arrived.
    #[must_use]
    pub fn consistent(replica: Arc<Replica>) -> Self {
        Self {
            replica,
            consistency: Consistency::Fully,
            proposed: None,
        }
    }

    /// For calls that ask for decisions: as the replica is, within the staleness bound.
    #[must_use]
    pub fn near(replica: Arc<Replica>) -> Self {
        Self {
            replica,
            consistency: Consistency::MinimizeLatency,
            proposed: None,
        }
    }

    /// The same for a call that registers a resource.
    #[must_use]
    pub fn proposing(self, proposed: Proposed) -> Self {
        Self {
            proposed: Some(proposed),
            ..self
        }
    }
}

#[async_trait]
impl Rights for ReplicaRights {
    async fn held(
        &self,
        subject: &Subject,
        account: Option<AccountId>,
        permission: &str,
        targets: &[String],
        operator: OperatorAllowed,
    ) -> Result<Held, RightsError> {
        let claim = Claim {
            subject,
            permission,
            targets,
            operator,
            proposed: self.proposed.as_ref(),
            within: None,
        };
        self.replica.held(&claim, account, &self.consistency, None).await
    }

    async fn held_within(
        &self,
        subject: &Subject,
        account: AccountId,
        permission: &str,
        targets: &[String],
        within: &Scope,
    ) -> Result<Held, RightsError> {
        let claim = Claim {
            subject,
            permission,
            targets,
            operator: OperatorAllowed::No,
            proposed: self.proposed.as_ref(),
            within: Some(within),
        };
        let account = Some(account);
        self.replica.held(&claim, account, &self.consistency, None).await
    }

    async fn is_stranger(&self, subject: &Subject, account: Option<AccountId>) -> Result<bool, RightsError> {
        let until = self.replica.until(None);
        self.replica.is_stranger(subject, account, until).await
    }
}
