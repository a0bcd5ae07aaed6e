//! Takes an own request back.

use bailiwick_types::{ApprovalId, method::authorization::WithdrawRequest};

use super::{Approval, State, decide::settle};
use crate::prelude::*;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Withdraw {
    /// The request.
    pub approval: ApprovalId,
}

#[async_trait]
impl Operation for Withdraw {
    type Method = WithdrawRequest;
    type Output = Approval;
    /// The request.
    type Plan = Approval;

    async fn permit(&self, work: &mut Work) -> Result<Approval, Error> {
        let found = work.unit.approval(self.approval).await?;
        let own = found.filter(|found| found.requester == work.actor.subject);
        Ok(own.ok_or(Refused::Denied)?)
    }

    async fn apply(self, found: Approval, work: &mut Work) -> Result<Approval, Error> {
        settle(work, found, State::Withdrawn).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::stage::{ASKS, DECIDES, approved, request, stage};

    #[tokio::test]
    async fn a_request_is_withdrawn_by_its_requester_alone() {
        let world = stage().await;
        let approval = world.run(ASKS, request()).await.unwrap().id;
        let refused = world.run(DECIDES, Withdraw { approval }).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        let made = world.run(ASKS, Withdraw { approval }).await.unwrap();
        assert_eq!((made.state, made.decider), (State::Withdrawn, None));
        assert_eq!(made.decided_at, Some(world.now()));
    }

    #[tokio::test]
    async fn what_is_decided_is_not_withdrawn() {
        let world = stage().await;
        let approval = approved(&world).await.id;
        let refused = world.run(ASKS, Withdraw { approval }).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::AlreadyDecided))
        ));
    }
}
