//! Rejects a request.

use bailiwick_types::{ApprovalId, method::authorization::RejectRequest};

use super::{
    Approval, State,
    decide::{Decidable, decidable, decide_it},
};
use crate::prelude::*;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Reject {
    /// The request.
    pub approval: ApprovalId,
}

#[async_trait]
impl Operation for Reject {
    type Method = RejectRequest;
    type Output = Approval;
    /// The request.
    type Plan = Decidable;

    async fn permit(&self, work: &mut Work) -> Result<Decidable, Error> {
        decidable(work, self.approval).await
    }

    async fn apply(self, found: Decidable, work: &mut Work) -> Result<Approval, Error> {
        decide_it(work, found, State::Rejected).await
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_types::Refused;

    use super::*;
    use crate::{
        approval::stage::{ASKS, DECIDES, LOOKS, approved, request, staying},
        memory::subject,
    };

    #[tokio::test]
    async fn a_rejection_names_its_decider_and_opens_nothing() {
        let world = staying().await;
        let approval = world.run(ASKS, request()).await.unwrap().id;
        let refused = world.run(LOOKS, Reject { approval }).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        let made = world.run(DECIDES, Reject { approval }).await.unwrap();
        assert_eq!(
            (made.state, made.decider),
            (State::Rejected, Some(subject(DECIDES)))
        );
        assert_eq!(made.expires_at, None);
        world.run(ASKS, request()).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_approved_is_not_rejected_any_more() {
        let world = staying().await;
        let approval = approved(&world).await.id;
        let refused = world.run(DECIDES, Reject { approval }).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::AlreadyDecided))
        ));
    }
}
