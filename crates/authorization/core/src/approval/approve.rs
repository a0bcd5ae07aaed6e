//! Approves a request.

use bailiwick_types::{ApprovalId, method::authorization::ApproveRequest};

use super::{
    Approval, State,
    decide::{Decidable, decidable, decide_it},
};
use crate::prelude::*;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Approve {
    /// The request.
    pub approval: ApprovalId,
}

#[async_trait]
impl Operation for Approve {
    type Method = ApproveRequest;
    type Output = Approval;
    /// The request.
    type Plan = Decidable;

    async fn permit(&self, work: &mut Work) -> Result<Decidable, Error> {
        decidable(work, self.approval).await
    }

    async fn apply(self, found: Decidable, work: &mut Work) -> Result<Approval, Error> {
        decide_it(work, found, State::Approved).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bailiwick_types::Refused;
    use serde_json::Value as Json;
    use uuid::Uuid;

    use super::*;
    use crate::{
        approval::{
            Reader,
            reject::Reject,
            request::Request,
            stage::{ASKS, DECIDES, LOOKS, request, stage, staying},
        },
        memory::{STUDIO, subject},
    };

    #[tokio::test]
    async fn an_approval_names_its_decider_and_ends_as_the_rule_says() {
        for (world, lasts) in [(stage().await, None), (staying().await, Some(7 * 86_400))] {
            let asked = world.run(ASKS, request()).await.unwrap();
            let made = world.run(DECIDES, Approve { approval: asked.id }).await.unwrap();
            assert_eq!(
                (made.state, made.decider),
                (State::Approved, Some(subject(DECIDES)))
            );
            assert_eq!(made.decided_at, Some(world.now()));
            let end = lasts.map(|seconds| world.now().plus(Duration::from_secs(seconds)));
            assert_eq!(made.expires_at, end);
        }
    }

    #[tokio::test]
    async fn a_request_is_approved_by_those_whom_the_rule_names_and_by_nobody_else() {
        let world = stage().await;
        let approval = world.run(ASKS, request()).await.unwrap().id;
        for n in [ASKS, LOOKS] {
            let refused = world.run(n, Approve { approval }).await;
            assert!(matches!(refused, Err(Error::Refused(Refused::Denied))), "{n}");
        }
        let gone = ApprovalId::from_uuid(Uuid::from_u128(5));
        let refused = world.run(DECIDES, Approve { approval: gone }).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }

    #[tokio::test]
    async fn an_approval_that_the_deciders_own_right_needs_is_used_up_by_it() {
        let world = stage().await;
        world.member(9, "admin").await;
        let both = "distribute: {by: project.approve_distribution, serves: once}
      approve_distribution: {by: project.delete, serves: once}";
        world.use_manifest(&STUDIO.replace(
            "distribute: {by: project.approve_distribution, serves: once}",
            both,
        ));
        let first = world.run(ASKS, request()).await.unwrap().id;
        let refused = world.run(DECIDES, Approve { approval: first }).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        let own = Request {
            permission: "project.approve_distribution".to_owned(),
            digest: String::new(),
            ..request()
        };
        let own = world.run(DECIDES, own).await.unwrap().id;
        world.run(9, Approve { approval: own }).await.unwrap();
        world.run(DECIDES, Approve { approval: first }).await.unwrap();
        let used = world.read().approval(own).await.unwrap().unwrap();
        assert_eq!(used.state, State::Consumed);
        let other = Request {
            digest: "other".to_owned(),
            ..request()
        };
        let second = world.run(ASKS, other).await.unwrap().id;
        for refused in [
            world.run(DECIDES, Approve { approval: second }).await,
            world.run(DECIDES, Reject { approval: second }).await,
        ] {
            assert!(
                matches!(refused, Err(Error::Refused(Refused::Denied))),
                "{refused:?}"
            );
        }
    }

    #[tokio::test]
    async fn an_approval_does_not_outlive_the_values_that_it_binds() {
        let world = stage().await;
        let bound = "attributes: {amount: {type: int}, note: {type: string}}
    approvals:
      distribute: {by: project.approve_distribution, serves: stays, binds: [amount]}";
        let rule = "approvals:
      distribute: {by: project.approve_distribution, serves: once}";
        world.use_manifest(&STUDIO.replace(rule, bound));
        let set = async |name: &str, value: Json| {
            let update = crate::resource::update::Update {
                name: "project:p".parse().unwrap(),
                title: None,
                parent: None,
                attributes: [(name.to_owned(), value)].into_iter().collect(),
            };
            world.run(ASKS, update).await.unwrap();
        };
        let consume = || crate::approval::consume::Consume {
            subject: subject(ASKS),
            permission: request().permission,
            on: request().on,
            digest: request().digest,
            attributes: serde_json::Map::new(),
        };
        set("amount", 100.into()).await;
        let first = world.run(ASKS, request()).await.unwrap();
        assert!(first.bound.starts_with("amount:"), "{}", first.bound);
        set("amount", 200.into()).await;
        let refused = world.run(DECIDES, Approve { approval: first.id }).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::ValuesChanged))
        ));
        // It is another request now.
        let second = world.run(ASKS, request()).await.unwrap();
        world.run(DECIDES, Approve { approval: second.id }).await.unwrap();
        world.run(ASKS, consume()).await.unwrap();
        set("note", "more".into()).await;
        world.run(ASKS, consume()).await.unwrap();
        set("amount", 300.into()).await;
        let refused = world.run(ASKS, consume()).await;
        assert!(
            matches!(refused, Err(Error::Precondition(Precondition::NoApproval))),
            "{refused:?}"
        );
        set("amount", 200.into()).await;
        world.run(ASKS, consume()).await.unwrap();
    }

    #[tokio::test]
    async fn a_request_is_decided_once() {
        let world = stage().await;
        let approval = world.run(ASKS, request()).await.unwrap().id;
        world.run(DECIDES, Approve { approval }).await.unwrap();
        let refused = world.run(DECIDES, Approve { approval }).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::AlreadyDecided))
        ));
        let refused = world.run(LOOKS, Approve { approval }).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }
}
