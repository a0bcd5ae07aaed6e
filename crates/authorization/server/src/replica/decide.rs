//! Questions and their answers, on an account at one W.

use bailiwick_policy::{
    Audience, Decision, DecisionInput, Outcome, PermissionNo, PermissionSet, PlaceId, Request, Resource,
    Target, TypeNo, Values, decide, explain, subject_of,
};
use bailiwick_types::{AccountId, Scope, Subject, Timestamp};
use serde_json::{Map, Value as Json};
use tokio::time::Instant;

use super::{
    Answer, BatchQuestion, Consistency, Decided, Explained, Question, QuestionError, Replica, ReplicaError,
    TargetText, batch::answer_all, gather::Look,
};
use crate::cache::PartRef;

/// How many resources above a resource are looked at.
const PARENTS: usize = 16;

/// The sets of a subject, those of its groups after its own.
pub(super) struct Sets<'r> {
    sets: Vec<&'r PermissionSet>,
    disabled: bool,
}

impl Sets<'_> {
    /// Whether identity has disabled the user.
    pub(super) fn is_disabled(&self) -> bool {
        self.disabled
    }
}

fn key_of(subject: &Subject) -> PartRef<'_> {
    if subject.kind() == "group"
        && let Ok(id) = subject.id().parse::<bailiwick_types::GroupId>()
    {
        return PartRef::Group(id.uuid().as_u128());
    }
    PartRef::Subject(subject.as_str())
}

/// Collects the sets of a subject; `None` while one is missing.
pub(super) fn sets_of<'r>(look: &mut Look<'r>, subject: &Subject, audience: Audience) -> Option<Sets<'r>> {
    let (own, disabled) = look.part(key_of(subject))?.set()?;
    let mut sets = Vec::with_capacity(4);
    sets.push(own);
    let mut complete = true;
    if !own.groups().is_empty() {
        let mut seen: Vec<u128> = own.groups().iter().map(|id| id.uuid().as_u128()).collect();
        let mut next = 0;
        while let Some(group) = seen.get(next).copied() {
            next += 1;
            let Some((set, _)) = look.part(PartRef::Group(group)).and_then(crate::cache::Part::set) else {
                complete = false;
                continue;
            };
            sets.push(set);
            for above in set.groups() {
                let above = above.uuid().as_u128();
                if !seen.contains(&above) {
                    seen.push(above);
                }
            }
        }
    }
    let content = &look.ready.content;
    if audience == Audience::Suite
        && let Some(set) = content.deployment.sets.get(subject.as_str())
    {
        sets.push(set);
    }
    if let Some(set) = content.product_bound.sets.get(subject.as_str()) {
        sets.push(set);
    }
    complete.then_some(Sets { sets, disabled })
}

/// A target that was found, or found to be absent.
pub(super) enum Found<'r> {
    Place(PlaceId),
    Chain(Vec<&'r Resource>),
    Described(Box<Resource>),
    Absent,
}

impl Found<'_> {
    pub(super) fn with<T>(&self, f: impl FnOnce(Target<'_>) -> T) -> T {
        match self {
            Self::Place(place) => f(Target::Scope(*place)),
            Self::Chain(chain) => f(Target::Resource(chain)),
            Self::Described(resource) => f(Target::Resource(&[resource])),
            Self::Absent => f(Target::Absent),
        }
    }
}

/// Finds the target of a question; `None` while a part is missing.
pub(super) fn find<'r>(look: &mut Look<'r>, question: &Question<'_>) -> Option<(Found<'r>, Option<TypeNo>)> {
    let (of, id, text) = match question.target {
        TargetText::Place(place) => return Some((Found::Place(place), None)),
        TargetText::Resource { of, id, text } => (of, id, text),
    };
    let ready = look.ready;
    let product = &ready.content.product.product;
    let Some(type_no) = product.type_no(of) else {
        return Some((Found::Absent, None));
    };
    let registered = product.type_info(type_no).is_some_and(|info| info.registered);
    if !registered {
        let described = describe(look, type_no, id, question.attributes);
        return Some((Found::Described(Box::new(described)), Some(type_no)));
    }
    let Some(resource) = look.part(PartRef::Resource(text))?.resource()? else {
        return Some((Found::Absent, Some(type_no)));
    };
    let mut chain = vec![resource];
    let mut last = resource;
    while let Some((parent_type, parent_id)) = &last.parent {
        if chain.len() > PARENTS {
            break;
        }
        let Some(info) = product.type_info(*parent_type) else {
            break;
        };
        let key = format!("{}:{parent_id}", info.name);
        let Some(parent) = look.part(PartRef::Resource(&key))?.resource()? else {
            break;
        };
        chain.push(parent);
        last = parent;
    }
    Some((Found::Chain(chain), Some(type_no)))
}

/// A resource of a type that is not registered, as the caller describes it: its attributes, and `owner` and `scope`
/// where the type declares no attributes of these names. It lies in the account where no scope is given.
fn describe(look: &Look<'_>, type_no: TypeNo, id: &str, given: Option<&Map<String, Json>>) -> Resource {
    let content = &look.ready.content;
    let product = &content.product.product;
    let declared = |name: &str| {
        product
            .type_info(type_no)
            .is_some_and(|info| info.attribute(name).is_some())
    };
    let text = |name: &str| given?.get(name)?.as_str().filter(|_| !declared(name));
    let own: Map<String, Json> = given
        .into_iter()
        .flatten()
        .filter(|(name, _)| declared(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let scope = text("scope").and_then(|text| text.parse::<Scope>().ok());
    Resource {
        type_no,
        id: id.into(),
        place: scope.map_or(content.places.account().id, |scope| PlaceId::from(&scope)),
        owner: text("owner").and_then(subject_of),
        parent: None,
        attributes: product.attributes(type_no, &own).unwrap_or_default(),
        registered: 0,
    }
}

/// What a caller says beside, read by the manifest.
pub(super) fn said(
    look: &Look<'_>,
    number: usize,
    permission: PermissionNo,
    target: Option<TypeNo>,
    question: &Question<'_>,
) -> Result<(Values, Values), QuestionError> {
    let Some(given) = question.attributes.filter(|given| !given.is_empty()) else {
        return Ok(Default::default());
    };
    let product = &look.ready.content.product.product;
    let attributes = product
        .request_attributes(permission, target, given)
        .map_err(|faults| QuestionError::Attributes(number, faults))?;
    let context = product
        .request_context(given)
        .map_err(|faults| QuestionError::Attributes(number, faults))?;
    Ok((attributes, context))
}

pub(super) fn input<'a>(
    look: &'a Look<'_>,
    subject: &'a Subject,
    sets: &'a Sets<'_>,
    target: Target<'a>,
    request: Request<'a>,
    audience: Audience,
    now: Timestamp,
) -> DecisionInput<'a> {
    DecisionInput {
        policy: &look.ready.content.policy,
        places: &look.ready.content.places,
        subject,
        disabled: sets.disabled,
        sets: &sets.sets,
        buckets: &[],
        target,
        request,
        audience,
        now,
    }
}

pub(super) fn permission_of(
    look: &Look<'_>,
    number: usize,
    name: &str,
) -> Result<PermissionNo, QuestionError> {
    let product = &look.ready.content.product.product;
    product.permission_no(name).ok_or_else(|| {
        QuestionError::UnknownPermission(number, name.to_owned(), product.suggest_permission(name))
    })
}

pub(super) fn answer_of(decision: Decision, on_scope: bool) -> Answer {
    Answer {
        outcome: decision.outcome,
        reason: decision.reason,
        on_scope,
        actor: false,
    }
}

/// Answers one question; `None` while a part is missing.
pub(super) fn answer_one(
    look: &mut Look<'_>,
    question: &Question<'_>,
    now: Timestamp,
) -> Option<Result<Answer, QuestionError>> {
    let permission = match permission_of(look, 0, question.permission) {
        Ok(permission) => permission,
        Err(error) => return Some(Err(error)),
    };
    // All of them are looked for before any of them is found missing: one round trip brings all.
    let found = find(look, question);
    let sets = sets_of(look, question.subject, question.audience);
    let actor = question
        .actor
        .map(|actor| sets_of(look, actor, question.audience));
    let ((found, type_no), sets) = (found?, sets?);
    let actor = match actor {
        None => None,
        Some(sets) => Some(sets?),
    };
    let (attributes, context) = match said(look, 0, permission, type_no, question) {
        Ok(said) => said,
        Err(error) => return Some(Err(error)),
    };
    let request = Request {
        attributes: &attributes,
        context: &context,
        digest: question.digest,
    };
    let look = &*look;
    let on_scope = matches!(found, Found::Place(_));
    let answer = found.with(|target| {
        let own = input(
            look,
            question.subject,
            &sets,
            target,
            request,
            question.audience,
            now,
        );
        let answer = answer_of(decide(&own, permission), on_scope);
        match (question.actor, &actor) {
            (Some(subject), Some(sets)) if answer.outcome != Outcome::Deny => {
                let input = input(look, subject, sets, target, request, question.audience, now);
                let of_actor = decide(&input, permission);
                if of_actor.is_allow() {
                    answer
                } else {
                    Answer {
                        actor: true,
                        ..answer_of(
                            Decision {
                                outcome: Outcome::Deny,
                                ..of_actor
                            },
                            on_scope,
                        )
                    }
                }
            }
            _ => answer,
        }
    });
    Some(Ok(answer))
}

impl Replica {
    /// When a request is over that has no deadline of its own.
    #[must_use]
    pub fn until(&self, deadline: Option<Instant>) -> Instant {
        let longest = Instant::now() + self.config.deadline;
        deadline.map_or(longest, |deadline| deadline.min(longest))
    }

    /// Decides one question.
    ///
    /// # Errors
    /// As [`ReplicaError`] says; an error is never a decision.
    pub async fn decide(
        &self,
        account: AccountId,
        question: &Question<'_>,
        consistency: &Consistency,
        deadline: Option<Instant>,
    ) -> Result<Decided<Result<Answer, QuestionError>>, ReplicaError> {
        let now = self.clock.now();
        let answer = |look: &mut Look<'_>| answer_one(look, question, now);
        if matches!(consistency, Consistency::MinimizeLatency)
            && let Some((answer, w)) = self.answer_now(account, &answer)
        {
            return Ok(Decided {
                answer,
                revision: w.account,
            });
        }
        let depends: Vec<&Subject> = [Some(question.subject), question.actor]
            .into_iter()
            .flatten()
            .collect();
        let until = self.until(deadline);
        let (answer, w) = Box::pin(self.answer(account, consistency, &depends, until, &answer)).await?;
        Ok(Decided {
            answer,
            revision: w.account,
        })
    }

    /// Decides many questions at one revision; the answers stand in their order.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn decide_all(
        &self,
        account: AccountId,
        batch: &BatchQuestion<'_>,
        consistency: &Consistency,
        deadline: Option<Instant>,
    ) -> Result<Decided<Result<Vec<Answer>, QuestionError>>, ReplicaError> {
        let now = self.clock.now();
        let answer = |look: &mut Look<'_>| answer_all(look, batch, now);
        let mut depends: Vec<&Subject> = batch.items.iter().map(|question| question.subject).collect();
        depends.sort();
        depends.dedup();
        let until = self.until(deadline);
        let (answer, w) = Box::pin(self.answer(account, consistency, &depends, until, &answer)).await?;
        Ok(Decided {
            answer,
            revision: w.account,
        })
    }
}

/// Explains one question; `None` while a part is missing.
pub(super) fn explain_one(
    look: &mut Look<'_>,
    question: &Question<'_>,
    now: Timestamp,
) -> Option<Result<Explained, QuestionError>> {
    let permission = match permission_of(look, 0, question.permission) {
        Ok(permission) => permission,
        Err(error) => return Some(Err(error)),
    };
    let found = find(look, question);
    let sets = sets_of(look, question.subject, question.audience);
    let actor = question
        .actor
        .map(|actor| (actor, sets_of(look, actor, question.audience)));
    let ((found, type_no), sets) = (found?, sets?);
    let actor = match actor {
        None => None,
        Some((actor, sets)) => Some((actor, sets?)),
    };
    let (attributes, context) = match said(look, 0, permission, type_no, question) {
        Ok(said) => said,
        Err(error) => return Some(Err(error)),
    };
    let request = Request {
        attributes: &attributes,
        context: &context,
        digest: question.digest,
    };
    let look = &*look;
    let places = &look.ready.content.places;
    let explained = found.with(|target| {
        let input = input(
            look,
            question.subject,
            &sets,
            target,
            request,
            question.audience,
            now,
        );
        let of_actor = actor.as_ref().map(|(actor, sets)| {
            let input = super::decide::input(look, actor, sets, target, request, question.audience, now);
            explain(&input, permission)
        });
        let place = match target {
            Target::Scope(place) => Some(place),
            Target::Resource(chain) => chain.first().map(|resource| resource.place),
            Target::Absent => None,
        };
        let path = place.and_then(|place| places.path(place));
        let path = path.iter().flat_map(|path| path.iter());
        let path = path.filter_map(|place| Some((place.id.to_scope(place.level)?, place.state)));
        let member = |sets: &Sets<'_>| sets.sets.first().and_then(|set| set.member()).copied();
        Explained {
            explanation: explain(&input, permission),
            actor: of_actor,
            on_scope: matches!(found, Found::Place(_)),
            member: member(&sets),
            actor_member: actor.as_ref().and_then(|(_, sets)| member(sets)),
            path: path.collect(),
        }
    });
    Some(Ok(explained))
}
