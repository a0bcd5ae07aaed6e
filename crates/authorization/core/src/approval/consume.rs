//! Uses an approval up: the gate before the act.

use bailiwick_policy::{Decision, Outcome, Reason};
use bailiwick_types::method::authorization::ConsumeApproval;
use serde_json::{Map, Value as Json};

use super::{Approval, question::Question, use_up};
use crate::On;
use crate::prelude::*;

/// What is asked. The guard has asked for `decision.check` where the subject is not the caller.
#[derive(Debug, Clone)]
pub struct Consume {
    /// The requester.
    pub subject: Subject,
    /// The permission.
    pub permission: String,
    /// The target.
    pub on: On,
    /// The digest of the content; empty where none.
    pub digest: String,
    /// Attributes of the request, as in a check.
    pub attributes: Map<String, Json>,
}

/// The requester's rights are decided again: an approval never outlives the role.
#[async_trait]
impl Operation for Consume {
    type Method = ConsumeApproval;
    /// The approval that was used; none where none was needed, or where approvals of the rule stay.
    type Output = Option<Approval>;
    type Plan = Decision;

    async fn permit(&self, work: &mut Work) -> Result<Decision, Error> {
        let question = Question {
            permission: &self.permission,
            on: &self.on,
            digest: &self.digest,
            attributes: &self.attributes,
        };
        let (decision, _) = question.decide(work, &self.subject).await?;
        match decision.outcome {
            Outcome::Allow => Ok(decision),
            Outcome::Deny => Err(Refused::Denied.into()),
            Outcome::NeedsApproval => Err(Error::Precondition(Precondition::NoApproval)),
        }
    }

    async fn apply(self, decision: Decision, work: &mut Work) -> Result<Option<Approval>, Error> {
        if decision.reason != Reason::Approved {
            return Ok(None);
        }
        let id = decision
            .approval
            .ok_or(Error::Precondition(Precondition::NoApproval))?;
        Ok(use_up(work, id).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        approval::{
            Reader, State,
            stage::{ASKS, DECIDES, LOOKS, approved, request, stage, staying},
        },
        memory::{World, account, subject},
    };

    fn consume(n: u128) -> Consume {
        let request = request();
        Consume {
            subject: subject(n),
            permission: request.permission,
            on: request.on,
            digest: request.digest,
            attributes: Map::new(),
        }
    }

    async fn state(world: &World, of: &Approval) -> State {
        world.read().approval(of.id).await.unwrap().unwrap().state
    }

    #[tokio::test]
    async fn an_approval_serves_once() {
        let world = stage().await;
        let approval = approved(&world).await;
        let used = world.run(ASKS, consume(ASKS)).await.unwrap().unwrap();
        assert_eq!((used.id, used.state), (approval.id, State::Consumed));
        let refused = world.run(ASKS, consume(ASKS)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NoApproval))
        ));
    }

    #[tokio::test]
    async fn an_approval_that_stays_is_not_used_up() {
        let world = staying().await;
        let approval = approved(&world).await;
        assert_eq!(world.run(ASKS, consume(ASKS)).await.unwrap(), None);
        assert_eq!(state(&world, &approval).await, State::Approved);
    }

    #[tokio::test]
    async fn nothing_is_used_where_no_approval_is_needed() {
        let world = stage().await;
        world.member(9, "admin").await;
        assert_eq!(world.run(9, consume(9)).await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_approval_is_needed_for_this_content() {
        let world = stage().await;
        world.run(ASKS, request()).await.unwrap();
        let refused = world.run(ASKS, consume(ASKS)).await;
        assert!(
            matches!(refused, Err(Error::Precondition(Precondition::NoApproval))),
            "it is pending"
        );
        let world = stage().await;
        approved(&world).await;
        let other = Consume {
            digest: "other".to_owned(),
            ..consume(ASKS)
        };
        let refused = world.run(ASKS, other).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NoApproval))
        ));
        let refused = world.run(DECIDES, consume(DECIDES)).await;
        assert!(
            matches!(refused, Err(Error::Precondition(Precondition::NoApproval))),
            "it is of another"
        );
    }

    #[tokio::test]
    async fn an_approval_never_outlives_the_role() {
        let world = stage().await;
        let approval = approved(&world).await;
        let revoke = crate::binding::revoke::Revoke {
            subject: subject(ASKS),
            role: "editor".to_owned(),
            scope: account(),
            key: None,
        };
        world.run(DECIDES, revoke).await.unwrap();
        let refused = world.run(ASKS, consume(ASKS)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        assert_eq!(state(&world, &approval).await, State::Approved);
        let refused = world.run(LOOKS, consume(LOOKS)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }

    #[tokio::test]
    async fn what_the_manifest_does_not_have_is_invalid() {
        let world = stage().await;
        let unknown = Consume {
            permission: "project.fly".to_owned(),
            ..consume(ASKS)
        };
        let refused = world.run(ASKS, unknown).await;
        assert!(matches!(refused, Err(Error::Unknown(Unknown::PermissionOn(_)))));
        let boat = Consume {
            on: "boat:b".parse().unwrap(),
            ..consume(ASKS)
        };
        let refused = world.run(ASKS, boat).await;
        assert!(matches!(refused, Err(Error::Invalid(_))));
    }
}
