//! Approves a request.

use bailiwick_types::{ApprovalId, method::authorization::ApproveRequest};

use super::{
    Approval, State,
    decide::{decidable, settle},
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
    type Plan = Approval;

    async fn permit(&self, work: &mut Work) -> Result<Approval, Error> {
        decidable(work, self.approval).await
    }

    async fn apply(self, found: Approval, work: &mut Work) -> Result<Approval, Error> {
        settle(work, found, State::Approved).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bailiwick_types::Refused;
    use uuid::Uuid;

    use super::*;
    use crate::{
        approval::stage::{ASKS, DECIDES, LOOKS, request, stage, staying},
        memory::subject,
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
