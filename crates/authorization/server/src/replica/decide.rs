//! Questions and their answers, on an account at one W.

use std::collections::HashMap;

use bailiwick_policy::{
    Audience, Decision, DecisionInput, Explanation, HeldPermissions, Outcome, PermissionNo, PermissionSet,
    PlaceId, Reason, Request, Resource, Target, TypeNo, ValueFault, Values, decide, explain,
    manifest::UserMode, permissions_held, scopes_held, subject_of,
};
use bailiwick_types::{AccountId, Scope, Subject, Timestamp};
use serde_json::{Map, Value as Json};
use tokio::time::Instant;

use super::{Consistency, Replica, ReplicaError, gather::Look};
use crate::cache::PartRef;

/// How many resources above a resource are looked at.
const PARENTS: usize = 16;

/// What a question is asked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetText<'a> {
    /// An account, instance or workspace.
    Place(PlaceId),
    /// A resource.
    Resource {
        /// Its type.
        of: &'a str,
        /// Its id.
        id: &'a str,
        /// Both: `TYPE:ID`.
        text: &'a str,
    },
}

impl<'a> TargetText<'a> {
    /// Reads a target.
    ///
    /// # Errors
    /// It is neither a scope of an account nor `TYPE:ID`.
    pub fn parse(text: &'a str) -> Result<Self, &'static str> {
        const RULE: &str = "must be `account:ID`, `instance:ID`, `workspace:ID` or `TYPE:ID` of a resource";
        let (of, id) = text.split_once(':').ok_or(RULE)?;
        match of {
            "account" | "instance" | "workspace" => {
                let scope: Scope = text.parse().map_err(|_| RULE)?;
                Ok(Self::Place(PlaceId::from(&scope)))
            }
            _ => {
                let word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
                let good =
                    (1..=63).contains(&of.len()) && of.bytes().all(word) && (1..=256).contains(&id.len());
                if good && !id.chars().any(char::is_control) {
                    Ok(Self::Resource { of, id, text })
                } else {
                    Err(RULE)
                }
            }
        }
    }
}

/// A question about one account.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Who wants to act.
    pub subject: &'a Subject,
    /// Who acts for the subject: both must be allowed.
    pub actor: Option<&'a Subject>,
    /// `TYPE.VERB`.
    pub permission: &'a str,
    /// What it is asked on.
    pub target: TargetText<'a>,
    /// What the caller says beside.
    pub attributes: Option<&'a Map<String, Json>>,
    /// The digest of the content that an approval may be bound to.
    pub digest: Option<&'a str>,
    /// For whom it is decided.
    pub audience: Audience,
}

/// Many questions about one account, answered at one W.
#[derive(Debug, Clone, Copy)]
pub struct BatchQuestion<'a> {
    /// The questions.
    pub items: &'a [Question<'a>],
}

/// Why a question does not fit the manifest; the number is that of the question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// The product has no such permission.
    #[error("permission `{1}` is not one of the product")]
    UnknownPermission(usize, String),
    /// Attributes are of another type than declared.
    #[error("attributes do not fit the manifest")]
    Attributes(usize, Vec<ValueFault>),
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Yes, no, or once somebody approves.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// Whether it was asked on a scope.
    pub on_scope: bool,
    /// Whether it is the actor who may not.
    pub actor: bool,
}

/// An answer with the account's revision at which it is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided<T> {
    /// The answer.
    pub answer: T,
    /// The account's revision.
    pub revision: u64,
}

/// An answer with what was looked at.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The decision with its steps, the nearest first.
    pub explanation: Explanation,
    /// Whether it was asked on a scope.
    pub on_scope: bool,
    /// The member as it is known, in words; empty for subjects that are no members.
    pub member: Option<String>,
    /// The places of the target, as they are known, in words.
    pub path: Vec<String>,
}

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
enum Found<'r> {
    Place(PlaceId),
    Chain(Vec<&'r Resource>),
    Described(Box<Resource>),
    Absent,
}

impl Found<'_> {
    fn with<T>(&self, f: impl FnOnce(Target<'_>) -> T) -> T {
        match self {
            Self::Place(place) => f(Target::Scope(*place)),
            Self::Chain(chain) => f(Target::Resource(chain)),
            Self::Described(resource) => f(Target::Resource(&[resource])),
            Self::Absent => f(Target::Absent),
        }
    }
}

/// Finds the target of a question; `None` while a part is missing.
fn find<'r>(look: &mut Look<'r>, question: &Question<'_>) -> Option<(Found<'r>, Option<TypeNo>)> {
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
fn said(
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

fn input<'a>(
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

fn permission_of(look: &Look<'_>, number: usize, name: &str) -> Result<PermissionNo, QuestionError> {
    let product = &look.ready.content.product.product;
    product
        .permission_no(name)
        .ok_or_else(|| QuestionError::UnknownPermission(number, name.to_owned()))
}

fn answer_of(decision: Decision, on_scope: bool) -> Answer {
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

/// Answers many questions; `None` while a part is missing.
fn answer_all(
    look: &mut Look<'_>,
    batch: &BatchQuestion<'_>,
    now: Timestamp,
) -> Option<Result<Vec<Answer>, QuestionError>> {
    let mut subjects: HashMap<&str, Option<Sets<'_>>> = HashMap::new();
    let mut targets: HashMap<&str, Option<(Found<'_>, Option<TypeNo>)>> = HashMap::new();
    let mut complete = true;
    for question in batch.items {
        let sets = subjects
            .entry(question.subject.as_str())
            .or_insert_with(|| sets_of(look, question.subject, question.audience));
        complete &= sets.is_some();
        if let TargetText::Resource { text, .. } = question.target {
            // What a caller describes is its own thing in every question.
            let key = if question.attributes.is_some() {
                continue;
            } else {
                text
            };
            let found = targets.entry(key).or_insert_with(|| find(look, question));
            complete &= found.is_some();
        }
    }
    let mut described = Vec::new();
    for question in batch
        .items
        .iter()
        .filter(|question| question.attributes.is_some())
    {
        let found = find(look, question);
        complete &= found.is_some();
        described.push(found);
    }
    if !complete {
        return None;
    }
    let mut described = described.into_iter();
    let look = &*look;
    let none = Values::default();
    let mut known: HashMap<(&str, &str, TargetText<'_>), Answer> = HashMap::new();
    let mut answers = Vec::with_capacity(batch.items.len());
    for (number, question) in batch.items.iter().enumerate() {
        let plain = question.attributes.is_none() && question.digest.is_none();
        let key = (question.subject.as_str(), question.permission, question.target);
        if plain && let Some(answer) = known.get(&key) {
            answers.push(*answer);
            continue;
        }
        let permission = match permission_of(look, number, question.permission) {
            Ok(permission) => permission,
            Err(error) => return Some(Err(error)),
        };
        let sets = subjects.get(question.subject.as_str())?.as_ref()?;
        let decide_on = |found: &Found<'_>, type_no: Option<TypeNo>| {
            let (attributes, context) = if plain {
                Default::default()
            } else {
                said(look, number, permission, type_no, question)?
            };
            let on_scope = matches!(found, Found::Place(_));
            Ok(found.with(|target| {
                let request = Request {
                    attributes: if plain { &none } else { &attributes },
                    context: if plain { &none } else { &context },
                    digest: question.digest,
                };
                let input = input(
                    look,
                    question.subject,
                    sets,
                    target,
                    request,
                    question.audience,
                    now,
                );
                answer_of(decide(&input, permission), on_scope)
            }))
        };
        let answer = if question.attributes.is_some() {
            let (found, type_no) = described.next()??;
            decide_on(&found, type_no)
        } else {
            match question.target {
                TargetText::Place(place) => decide_on(&Found::Place(place), None),
                TargetText::Resource { text, .. } => {
                    let (found, type_no) = targets.get(text)?.as_ref()?;
                    decide_on(found, *type_no)
                }
            }
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Some(Err(error)),
        };
        if plain {
            known.insert(key, answer);
        }
        answers.push(answer);
    }
    Some(Ok(answers))
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

    /// Waits until an account is where a request asks for, and until these subjects are known as it asks for; an account
    /// that is not known is nowhere and fails later.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn arrive(
        &self,
        account: AccountId,
        consistency: &Consistency,
        depends: &[&Subject],
        deadline: Option<Instant>,
    ) -> Result<(), ReplicaError> {
        if *consistency == Consistency::MinimizeLatency {
            return Ok(());
        }
        let until = self.until(deadline);
        match Box::pin(self.answer(account, consistency, depends, until, &|_: &mut Look<'_>| Some(()))).await
        {
            Ok(_) | Err(ReplicaError::UnknownAccount) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether the users of an account's product have to be members.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn user_mode(
        &self,
        account: AccountId,
        deadline: Option<Instant>,
    ) -> Result<UserMode, ReplicaError> {
        let until = self.until(deadline);
        let answer = |look: &mut Look<'_>| Some(look.ready.content.product.product.user_mode());
        let (mode, _) =
            Box::pin(self.answer(account, &Consistency::MinimizeLatency, &[], until, &answer)).await?;
        Ok(mode)
    }

    /// Lists what a subject has on a target, by name.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn permissions(
        &self,
        account: AccountId,
        subject: &Subject,
        target: TargetText<'_>,
        consistency: &Consistency,
        deadline: Option<Instant>,
    ) -> Result<(Vec<String>, Vec<String>), ReplicaError> {
        let now = self.clock.now();
        let question = Question {
            subject,
            actor: None,
            permission: "",
            target,
            attributes: None,
            digest: None,
            audience: Audience::Product,
        };
        let answer = |look: &mut Look<'_>| {
            let found = find(look, &question);
            let sets = sets_of(look, subject, Audience::Product);
            let ((found, _), sets) = (found?, sets?);
            let look = &*look;
            let none = Values::default();
            let request = Request {
                attributes: &none,
                context: &none,
                digest: None,
            };
            let held: HeldPermissions = found.with(|target| {
                permissions_held(&input(
                    look,
                    subject,
                    &sets,
                    target,
                    request,
                    Audience::Product,
                    now,
                ))
            });
            let product = &look.ready.content.product.product;
            let names = |bits: &bailiwick_policy::PermissionBits| {
                let infos = bits.iter().filter_map(|no| product.permission(no));
                let mut names: Vec<String> = infos.map(|info| info.name.to_string()).collect();
                names.sort();
                names
            };
            Some((names(&held.allowed), names(&held.needs_approval)))
        };
        let until = self.until(deadline);
        let (lists, _) = Box::pin(self.answer(account, consistency, &[subject], until, &answer)).await?;
        Ok(lists)
    }

    /// Lists the scopes of an account in which a subject has a permission (any, by role or group, where none is named),
    /// in order of their ids. A permission that the account's product does not have is had nowhere.
    ///
    /// # Errors
    /// As [`Replica::decide`].
    pub async fn scopes(
        &self,
        account: AccountId,
        subject: &Subject,
        permission: Option<&str>,
        consistency: &Consistency,
        deadline: Option<Instant>,
    ) -> Result<Vec<Scope>, ReplicaError> {
        let now = self.clock.now();
        let answer = |look: &mut Look<'_>| {
            let sets = sets_of(look, subject, Audience::Product)?;
            let look = &*look;
            let places = &look.ready.content.places;
            let permission = match permission {
                None => None,
                Some(name) => match look.ready.content.product.product.permission_no(name) {
                    Some(no) => Some(no),
                    None => return Some(Vec::new()),
                },
            };
            let none = Values::default();
            let request = Request {
                attributes: &none,
                context: &none,
                digest: None,
            };
            let target = Target::Scope(places.account().id);
            let input = input(look, subject, &sets, target, request, Audience::Product, now);
            let held = scopes_held(&input, permission);
            Some(
                held.into_iter()
                    .filter_map(|id| id.to_scope(places.get(id)?.level))
                    .collect::<Vec<Scope>>(),
            )
        };
        let until = self.until(deadline);
        let (scopes, _) = Box::pin(self.answer(account, consistency, &[subject], until, &answer)).await?;
        Ok(scopes)
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
    let ((found, type_no), sets) = (found?, sets?);
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
        let place = match target {
            Target::Scope(place) => Some(place),
            Target::Resource(chain) => chain.first().map(|resource| resource.place),
            Target::Absent => None,
        };
        let path = place.and_then(|place| places.path(place));
        let path = path.iter().flat_map(|path| path.iter()).map(|place| {
            let scope = place
                .id
                .to_scope(place.level)
                .map(|scope| scope.to_string())
                .unwrap_or_default();
            format!("{scope} {:?}", place.state).to_lowercase()
        });
        let member = sets.sets.first().and_then(|set| set.member()).map(|member| {
            let until = member
                .expires_at
                .map(|at| format!(" until {at}"))
                .unwrap_or_default();
            format!("{} {:?}{until}", member.kind.as_str(), member.state).to_lowercase()
        });
        Explained {
            explanation: explain(&input, permission),
            on_scope: matches!(found, Found::Place(_)),
            member,
            path: path.collect(),
        }
    });
    Some(Ok(explained))
}
