//! Limits how many resources of a type a member may own.

use bailiwick_policy::manifest::Quota;
use bailiwick_types::method::authorization::SetQuota;

use crate::prelude::*;

/// What is asked. The guard has asked for `quota.edit`.
#[derive(Debug, Clone)]
pub struct Set {
    /// The user.
    pub user: UserId,
    /// The type.
    pub of: String,
    /// How many it may own; none is no limit.
    pub limit: Option<u64>,
}

#[async_trait]
impl Operation for Set {
    type Method = SetQuota;
    /// How many resources the member owns.
    type Output = u64;
    type Plan = ();

    async fn permit(&self, _: &mut Work) -> Result<(), Error> {
        Ok(())
    }

    async fn apply(self, (): (), work: &mut Work) -> Result<u64, Error> {
        let product = work.situation.policy.product();
        let of = product.type_no(&self.of).and_then(|no| product.type_info(no));
        if of.is_none_or(|of| of.quota != Some(Quota::PerMember)) {
            return Err(Violations::of("type", "must be a type that is counted per member").into());
        }
        work.unit
            .member(self.user)
            .await?
            .ok_or(Refused::NotFound("member"))?;
        let subject = Subject::user(self.user);
        work.unit.put_quota(&subject, &self.of, self.limit).await?;
        let limit = self
            .limit
            .map_or_else(|| "none".to_owned(), |limit| limit.to_string());
        let entry = work.entry(&subject).with("type", &self.of).with("limit", limit);
        work.emit(entry);
        Ok(work.unit.owned(&subject, &self.of).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        memory::{World, subject, user},
        resource::Reader,
    };

    fn set(n: u128, of: &str) -> Set {
        Set {
            user: user(n),
            of: of.to_owned(),
            limit: Some(3),
        }
    }

    #[tokio::test]
    async fn a_quota_is_kept_for_a_member_and_a_type_that_is_counted() {
        let world = World::new().await;
        world.member(1, "admin").await;
        assert_eq!(world.run(1, set(1, "project")).await.unwrap(), 0);
        assert_eq!(world.read().quota(&subject(1), "project").await.unwrap(), Some(3));
        for of in ["folder", "boat"] {
            let refused = world.run(1, set(1, of)).await;
            assert!(matches!(refused, Err(Error::Invalid(_))), "{of}");
        }
        let refused = world.run(1, set(2, "project")).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("member")))
        ));
    }
}
