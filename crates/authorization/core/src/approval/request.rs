//! Asks for an approval of what one has only with one.

use bailiwick_policy::{ApprovalRule, Outcome, bound_values, manifest::Serves};
use bailiwick_types::{ApprovalId, method::authorization::RequestApproval};
use serde_json::{Map, Value as Json};

use super::{Approval, State, keep, question::Question};
use crate::On;
use crate::prelude::*;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Request {
    /// The permission.
    pub permission: String,
    /// The target.
    pub on: On,
    /// The digest of the content; empty where none.
    pub digest: String,
    /// Attributes of the request.
    pub attributes: Map<String, Json>,
}

#[async_trait]
impl Operation for Request {
    type Method = RequestApproval;
    type Output = Approval;
    /// The rule that makes the approval necessary, and the values that it binds; empty where none.
    type Plan = (ApprovalRule, String);

    async fn permit(&self, work: &mut Work) -> Result<Self::Plan, Error> {
        let question = Question {
            permission: &self.permission,
            on: &self.on,
            digest: &self.digest,
            attributes: &self.attributes,
        };
        let requester = work.actor.subject.clone();
        let (decision, aim) = question.decide(work, &requester).await?;
        match decision.outcome {
            Outcome::Allow => Err(Error::Precondition(Precondition::AlreadyAllowed)),
            Outcome::Deny => Err(Refused::Denied.into()),
            Outcome::NeedsApproval => {
                let rule = decision.rule(&work.situation.policy).ok_or(Refused::Denied)?;
                let bound = bound_values(rule.binds.iter().map(|name| &**name), aim.resource());
                Ok((rule.clone(), bound.unwrap_or_default()))
            }
        }
    }

    async fn apply(self, (rule, bound): Self::Plan, work: &mut Work) -> Result<Approval, Error> {
        let by = work.situation.policy.product().permission(rule.by);
        let by = by.ok_or(Refused::Denied)?.name.to_string();
        let requester = work.actor.subject.clone();
        let same =
            work.unit
                .pending_approval(&requester, &self.permission, &self.on, (&*self.digest, &*bound));
        if same.await?.is_some() {
            return Err(Error::Precondition(Precondition::AlreadyRequested));
        }
        let request = Approval {
            id: ApprovalId::generate(&*work.ids),
            account: work.account(),
            requester,
            permission: self.permission,
            on: self.on,
            digest: self.digest,
            bound,
            by,
            once: rule.serves == Serves::Once,
            lasts: rule.expires.map(bailiwick_policy::manifest::Span::seconds),
            state: State::Pending,
            expires_at: None,
            created_at: work.now,
            decider: None,
            decided_at: None,
        };
        keep(work, &request).await?;
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Change,
        approval::stage::{ASKS, DECIDES, LOOKS, request, stage},
        memory::{STUDIO, subject},
    };

    #[tokio::test]
    async fn a_request_waits_for_those_whom_the_rule_names() {
        let world = stage().await;
        let made = world.run(ASKS, request()).await.unwrap();
        assert_eq!(made.requester, subject(ASKS));
        assert_eq!((made.state, made.once, made.lasts), (State::Pending, true, None));
        assert_eq!(made.by, "project.approve_distribution");
        let told = world.told();
        assert!(told.contains(&Change::Subject(subject(ASKS))), "{told:?}");
        assert!(told.contains(&Change::Approval(made)), "{told:?}");
    }

    #[tokio::test]
    async fn the_same_is_requested_once_and_another_content_by_itself() {
        let world = stage().await;
        world.run(ASKS, request()).await.unwrap();
        let refused = world.run(ASKS, request()).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::AlreadyRequested))
        ));
        let other = Request {
            digest: "other".to_owned(),
            ..request()
        };
        world.run(ASKS, other).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_allowed_or_denied_needs_no_approval() {
        let world = stage().await;
        world.member(9, "admin").await;
        let refused = world.run(9, request()).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::AlreadyAllowed))
        ));
        let refused = world.run(LOOKS, request()).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        let gone = Request {
            on: "project:none".parse().unwrap(),
            ..request()
        };
        let refused = world.run(DECIDES, gone).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }

    #[tokio::test]
    async fn a_request_is_decided_with_what_it_says_as_a_check_is() {
        let world = stage().await;
        let office = STUDIO
            .replace("settings:\n", "context: {office: {type: bool}}\nsettings:\n")
            .replace(
                "project.distribute,",
                "{permission: project.distribute, when: context.office},",
            );
        world.use_manifest(&office);
        let refused = world.run(ASKS, request()).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        let within = Request {
            attributes: [("office".to_owned(), true.into())].into_iter().collect(),
            ..request()
        };
        world.run(ASKS, within).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_not_registered_is_requested_as_the_caller_describes_it() {
        let world = stage().await;
        let described = "note:
    verbs: [view, keep]
    registered: false
    attributes: {open: {type: bool}}
    approvals: {view: {by: note.keep, serves: once, binds: [open]}}";
        let manifest = STUDIO
            .replace("note: {verbs: [view], registered: false}", described)
            .replace(
                "[folder.view, project.view]",
                "[{permission: note.view, when: resource.attr.open}]",
            );
        world.use_manifest(&manifest);
        let note = |open: bool| Request {
            permission: "note.view".to_owned(),
            on: "note:n".parse().unwrap(),
            digest: String::new(),
            attributes: [("open".to_owned(), open.into())].into_iter().collect(),
        };
        let refused = world.run(LOOKS, note(false)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        let made = world.run(LOOKS, note(true)).await.unwrap();
        let approve = crate::approval::approve::Approve { approval: made.id };
        world.run(DECIDES, approve).await.unwrap();
        let consume = crate::approval::consume::Consume {
            subject: subject(LOOKS),
            permission: made.permission,
            on: made.on,
            digest: String::new(),
            attributes: note(true).attributes,
        };
        let used = world.run(LOOKS, consume).await.unwrap();
        assert_eq!(used.map(|used| used.id), Some(made.id));
    }

    #[tokio::test]
    async fn what_the_manifest_does_not_have_is_invalid() {
        let world = stage().await;
        for (permission, on) in [("project.fly", "project:p"), ("folder.view", "project:p")] {
            let unknown = Request {
                permission: permission.to_owned(),
                on: on.parse().unwrap(),
                ..request()
            };
            let refused = world.run(ASKS, unknown).await;
            assert!(
                matches!(refused, Err(Error::Unknown(Unknown::PermissionOn(_)))),
                "{refused:?}"
            );
        }
        let boat = Request {
            on: "boat:b".parse().unwrap(),
            ..request()
        };
        let region = "on: [folder]\n    attributes: {region: {type: string, from: request}}";
        world.use_manifest(&STUDIO.replace("on: [folder]", region));
        let number = Request {
            attributes: [("region".to_owned(), 5.into())].into_iter().collect(),
            ..request()
        };
        for (wrong, field) in [(boat, "target"), (number, "attributes")] {
            let Err(Error::Invalid(faults)) = world.run(ASKS, wrong).await else {
                panic!("{field} is valid")
            };
            assert_eq!(faults.as_slice()[0].field, field);
        }
    }
}
