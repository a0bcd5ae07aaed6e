//! Gives the single-holder role of a scope to a member whose holder is gone: an act of the operator, audited.

use bailiwick_types::method::authorization::RecoverOwnership;

use super::transfer::{add_holders, hand_over};
use crate::binding::Binding;
use crate::prelude::*;

/// What is asked. The guard lets the operator alone pass.
#[derive(Debug, Clone)]
pub struct Recover {
    /// The scope.
    pub scope: Scope,
    /// The new holder.
    pub to: UserId,
    /// Why.
    pub justification: String,
}

#[async_trait]
impl Operation for Recover {
    type Method = RecoverOwnership;
    type Output = Binding;
    /// The name of the role.
    type Plan = String;

    fn scopes(&self) -> Vec<Scope> {
        vec![self.scope.clone()]
    }

    async fn permit(&self, work: &mut Work) -> Result<String, Error> {
        let role = work.situation.single_holder_role(self.scope.level());
        Ok(role.ok_or(Unknown::SingleHolderRole)?.name.to_string())
    }

    async fn points(&self, role: &String, work: &mut Work, points: &mut Points) -> Result<(), StoreError> {
        add_holders(points, work, (role, &self.scope), self.to).await
    }

    async fn apply(self, role: String, work: &mut Work) -> Result<Binding, Error> {
        let (binding, entry) = hand_over(work, &role, &self.scope, self.to).await?;
        work.emit(entry.with("justification", self.justification));
        Ok(binding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Change,
        memory::{World, account, user},
    };

    fn recover(scope: Scope) -> Recover {
        Recover {
            scope,
            to: user(2),
            justification: "the owner left".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_recovery_is_audited_with_its_justification() {
        let world = World::new().await;
        world.member(1, "owner").await;
        world.member(2, "").await;
        world.operate(recover(account())).await.unwrap();
        assert_eq!(world.roles(2, &account()).await, ["owner"]);
        let why = |change: &Change| match change {
            Change::Audited(entry) => entry.details.get("justification").cloned(),
            _ => None,
        };
        assert_eq!(
            world.told().iter().find_map(why).as_deref(),
            Some("the owner left")
        );
    }

    #[tokio::test]
    async fn a_level_without_a_single_holder_has_nothing_to_recover() {
        let world = World::new().await;
        world.member(2, "").await;
        let refused = world.operate(recover(Scope::Deployment)).await;
        assert!(matches!(refused, Err(Error::Unknown(Unknown::SingleHolderRole))));
    }
}
