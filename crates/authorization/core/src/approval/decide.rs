//! Who decides a request, and what is kept of the decision.

use std::time::Duration;

use bailiwick_policy::{Decision, Target, decide, is_bound_to};
use bailiwick_types::ApprovalId;

use super::{Approval, State, keep, use_up};
use crate::prelude::*;
use crate::{Aim, On, Situation, Standing, person::behind};

/// A request that the actor may decide.
#[derive(Debug)]
pub struct Decidable {
    /// The request.
    pub(super) found: Approval,
    /// The approval that the actor's own right comes from.
    by: Option<ApprovalId>,
    /// Whether the stored values that it is bound to are as they were.
    unchanged: bool,
}

/// The request, where the actor may approve or reject it. One that does not exist is denied too.
pub(super) async fn decidable(work: &mut Work, id: ApprovalId) -> Result<Decidable, Error> {
    let found = work.unit.approval(id).await?.ok_or(Refused::Denied)?;
    let aim = Aim::load(&*work.unit, &work.situation.policy, found.on.clone()).await?;
    work.look_at(&aim.scope).await?;
    let subject = &work.actor.subject;
    let standing = work.situation.whole_standing(&*work.unit, subject).await?;
    let requester = behind(&*work.unit, &found.requester).await?;
    let decider = behind(&*work.unit, subject).await?;
    let sides = (requester.as_ref(), decider.as_ref());
    let by = decides(
        &work.situation,
        (subject, &standing),
        &aim,
        (&found, sides),
        work.now,
    );
    // What a caller describes is not stored: it is held against the request when the approval is used.
    let unchanged = found.bound.is_empty()
        || aim
            .resource()
            .is_none_or(|of| is_bound_to(&found.bound, Some(of)));
    Ok(Decidable {
        by: by.ok_or(Refused::Denied)?.approval,
        found,
        unchanged,
    })
}

/// Ends the wait of a pending request.
pub(super) async fn settle(work: &mut Work, found: Approval, state: State) -> Result<Approval, Error> {
    if found.state != State::Pending {
        return Err(Error::Precondition(Precondition::AlreadyDecided));
    }
    let settled = Approval {
        state,
        expires_at: match (state, found.lasts) {
            (State::Approved, lasts) => lasts.map(|seconds| work.now.plus(Duration::from_secs(seconds))),
            _ => found.expires_at,
        },
        decider: (state != State::Withdrawn).then(|| work.actor.subject.clone()),
        decided_at: Some(work.now),
        ..found
    };
    keep(work, &settled).await?;
    Ok(settled)
}

/// Approves or rejects a request. An approval that the actor's own right needed is used up by it, where it
/// serves once.
pub(super) async fn decide_it(
    work: &mut Work,
    decidable: Decidable,
    state: State,
) -> Result<Approval, Error> {
    if state == State::Approved && decidable.found.state == State::Pending && !decidable.unchanged {
        return Err(Error::Precondition(Precondition::ValuesChanged));
    }
    let settled = settle(work, decidable.found, state).await?;
    if let Some(own) = decidable.by {
        use_up(work, own).await?;
    }
    Ok(settled)
}

/// Whether a subject could approve or reject a request now. The right is asked on the target of the request.
/// Nobody decides what they, or a key or service account of theirs, asked for: who stands behind the
/// requester and who stands behind the decider must both be known, and differ.
pub(super) fn may_decide(
    situation: &Situation,
    decider: (&Subject, &Standing),
    aim: &Aim,
    request: (&Approval, (Option<&Subject>, Option<&Subject>)),
    now: Timestamp,
) -> bool {
    decides(situation, decider, aim, request, now).is_some()
}

/// The decision by which a subject may.
fn decides(
    situation: &Situation,
    (subject, standing): (&Subject, &Standing),
    aim: &Aim,
    (found, sides): (&Approval, (Option<&Subject>, Option<&Subject>)),
    now: Timestamp,
) -> Option<Decision> {
    let (Some(requester), Some(decider)) = sides else {
        return None;
    };
    let product = situation.policy.product();
    let permission = product
        .permission_no(&found.by)
        .filter(|_| requester != decider)?;
    let decided = |target: Target<'_>| {
        let request = situation.plain_request();
        situation.ask_about(subject, standing, target, request, now, |input| {
            decide(input, permission)
        })
    };
    // A type that is not registered has nothing stored that could be asked about.
    let is_described = |name: &crate::resource::Name| {
        let of = product.type_no(&name.of).and_then(|of| product.type_info(of));
        of.is_some_and(|of| !of.registered)
    };
    if let On::Resource(name) = &found.on
        && is_described(name)
    {
        let account = Scope::Account(situation.account.id);
        return Some(decided(Target::Scope((&account).into()))).filter(Decision::is_allow);
    }
    // A permission of another type than the target's is asked where the target lies.
    let elsewhere = match &found.on {
        On::Scope(_) => false,
        On::Resource(name) => {
            let of = product.type_no(&name.of);
            of.is_some_and(|of| !product.may_be_asked_on(permission, of))
        }
    };
    let decision = match &aim.scope {
        Some(scope) if elsewhere => decided(Target::Scope(scope.into())),
        _ => aim.target(decided),
    };
    Some(decision).filter(Decision::is_allow)
}

#[cfg(test)]
mod tests {
    use bailiwick_types::ServiceAccountId;
    use uuid::Uuid;

    use super::*;
    use crate::{
        approval::{
            approve::Approve,
            stage::{DECIDES, request, stage},
        },
        memory::{World, account, account_id, subject, user},
        person::{ServiceAccount, Writer as _},
    };

    const KEY: u128 = 77;

    /// A service account that may request approvals, made by somebody.
    async fn key_of(world: &World, creator: Option<Subject>) -> Subject {
        let key = ServiceAccount {
            id: ServiceAccountId::from_uuid(Uuid::from_u128(KEY)),
            version: crate::memory::version(1),
            closed_version: None,
            enabled: true,
            root: bailiwick_types::ScopeRoot::Account(account_id()),
            role: None,
            creator,
        };
        world
            .put(async |write| write.put_service_account(&key).await)
            .await;
        let subject = Subject::service(key.id);
        world.bind(&subject, "editor", &account()).await;
        subject
    }

    async fn requested_by(world: &World, requester: Subject) -> ApprovalId {
        let request = request();
        let approval = Approval {
            id: ApprovalId::generate(&*world.ports.ids),
            account: account_id(),
            requester,
            permission: request.permission,
            on: request.on,
            digest: String::new(),
            bound: String::new(),
            by: "project.approve_distribution".to_owned(),
            once: true,
            lasts: None,
            state: State::Pending,
            expires_at: None,
            created_at: world.now(),
            decider: None,
            decided_at: None,
        };
        world
            .put(async |write| crate::approval::Writer::put_approval(write, &approval).await)
            .await;
        approval.id
    }

    #[tokio::test]
    async fn nobody_decides_what_they_or_a_key_of_theirs_requested() {
        let world = stage().await;
        let own = requested_by(&world, subject(DECIDES)).await;
        let key = key_of(&world, Some(subject(DECIDES))).await;
        let by_key = requested_by(&world, key).await;
        for approval in [own, by_key] {
            let refused = world.run(DECIDES, Approve { approval }).await;
            assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        }
        world.member(9, "owner").await;
        world.run(9, Approve { approval: by_key }).await.unwrap();
    }

    #[tokio::test]
    async fn a_request_of_unknown_origin_is_decided_by_nobody() {
        let world = stage().await;
        let stranger = Subject::service(ServiceAccountId::from_uuid(Uuid::from_u128(KEY)));
        let approval = requested_by(&world, stranger).await;
        let refused = world.run(DECIDES, Approve { approval }).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        // A key whose maker was not told stands for itself.
        key_of(&world, None).await;
        world.run(DECIDES, Approve { approval }).await.unwrap();
    }

    #[tokio::test]
    async fn a_right_of_another_type_is_asked_where_the_target_lies() {
        let world = stage().await;
        let approval = requested_by(&world, subject(9)).await;
        let mut found = crate::approval::Reader::approval(&*world.read(), approval)
            .await
            .unwrap()
            .unwrap();
        found.by = "folder.delete".to_owned();
        world
            .put(async |write| crate::approval::Writer::put_approval(write, &found).await)
            .await;
        world.member(8, "viewer").await;
        let refused = world.run(8, Approve { approval }).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        let on = crate::grant::About::Scope(account());
        world.grant(&Subject::user(user(8)), &["folder.delete"], on).await;
        world.run(8, Approve { approval }).await.unwrap();
    }
}
