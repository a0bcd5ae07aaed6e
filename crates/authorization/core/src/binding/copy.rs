//! Copies what one member was granted of some types to another. A copy keeps the revision of its original.

use bailiwick_policy::Product;
use bailiwick_types::{GrantId, method::authorization::CopyPermissions};

use crate::grant::{
    Filter, Grant,
    giving::{self, aim, may_give, of_subject, put},
};
use crate::prelude::*;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Copy {
    /// Whose grants.
    pub from: UserId,
    /// Who gets them too.
    pub to: UserId,
    /// The types.
    pub kinds: Vec<String>,
}

#[async_trait]
impl Operation for Copy {
    type Method = CopyPermissions;
    /// How many grants are copied.
    type Output = u64;
    /// The grants, each with the text of its target.
    type Plan = Vec<(Grant, String)>;

    async fn permit(&self, work: &mut Work) -> Result<Self::Plan, Error> {
        let product = work.situation.policy.product();
        let mut faults = Violations::new();
        for (n, kind) in self.kinds.iter().enumerate() {
            if product.type_no(kind).is_none() {
                faults.add(format!("kinds[{n}]"), "must be a type of the product");
            }
        }
        faults.check()?;
        work.require("grant.edit", &work.account_scope())?;
        let mut copies = Vec::new();
        for grant in self.chosen(work).await? {
            let aim = aim(work, &grant.about).await?;
            let patterns = grant.patterns(work.situation.policy.product());
            if !may_give(
                work,
                &giving::giver(work, &work.actor, &aim).await?,
                &aim,
                &patterns,
            ) {
                return Err(Refused::Denied.into());
            }
            copies.push((grant, aim.on.to_string()));
        }
        Ok(copies)
    }

    async fn points(
        &self,
        copies: &Self::Plan,
        work: &mut Work,
        points: &mut Points,
    ) -> Result<(), StoreError> {
        let spots: Vec<Spot> = copies.iter().map(|(grant, _)| Spot::from(&grant.about)).collect();
        points.add(&*work.unit, &Subject::user(self.to), &spots).await
    }

    async fn apply(self, copies: Self::Plan, work: &mut Work) -> Result<u64, Error> {
        for user in [self.from, self.to] {
            let member = work.active_member(user).await?;
            member.ok_or(Precondition::NotAMember { user })?;
        }
        let to = Subject::user(self.to);
        let mut copied = 0;
        for (grant, target) in copies {
            let same = |other: &Grant| {
                other.permissions == grant.permissions
                    && other.parameters == grant.parameters
                    && other.expires_at == grant.expires_at
                    && other.revision == grant.revision
            };
            if of_subject(work, &to, &grant.about).await?.iter().any(same) {
                continue;
            }
            copied += 1;
            let copy = Grant {
                id: GrantId::generate(&*work.ids),
                subject: to.clone(),
                created_at: work.now,
                creator: Some(work.actor.subject.clone()),
                ..grant
            };
            put(work, &copy, target).await?;
        }
        Ok(copied)
    }
}

impl Copy {
    /// What is copied: of the grants, what they give of these types.
    async fn chosen(&self, work: &Work) -> Result<Vec<Grant>, StoreError> {
        let filter = Filter::of(&Subject::user(self.from));
        let all = giving::all(&*work.unit, &filter).await?;
        let product = work.situation.policy.product();
        Ok(all
            .into_iter()
            .filter_map(|grant| narrowed(grant, product, &self.kinds))
            .collect())
    }
}

/// What a grant gives of these types, whatever it is about: what was granted on a folder for the projects in
/// it is about projects. Of everything, it is everything of each of them. What the manifest does not
/// have gives nothing, and is not copied.
fn narrowed(mut grant: Grant, product: &Product, kinds: &[String]) -> Option<Grant> {
    let of_kinds = |text: &String| match text.split_once('.') {
        Some((of, _)) if kinds.iter().any(|kind| kind == of) => vec![text.clone()],
        Some(_) => Vec::new(),
        None => kinds.iter().map(|kind| format!("{kind}.*")).collect(),
    };
    let generation = grant.generation;
    let stands = |text: &&String| product.pattern_since(text, generation).is_some();
    grant.permissions = grant
        .permissions
        .iter()
        .filter(stands)
        .flat_map(of_kinds)
        .collect();
    grant.permissions.sort_unstable();
    grant.permissions.dedup();
    (!grant.permissions.is_empty()).then_some(grant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        grant::{About, Reader},
        memory::{World, account, name, subject, user},
    };

    fn copy(kinds: &[&str]) -> Copy {
        Copy {
            from: user(2),
            to: user(3),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        }
    }

    async fn world() -> World {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "").await;
        world.member(3, "").await;
        world.resource("project:p", &account(), None).await;
        let about = About::Resource(name("project:p"));
        world.grant(&subject(2), &["project.view"], about).await;
        world
    }

    #[tokio::test]
    async fn grants_of_the_named_types_are_copied_once() {
        let world = world().await;
        let effects = world.preview(1, copy(&["project"])).await.unwrap();
        assert!(
            effects
                .iter()
                .any(|effect| effect.gains.contains(&"project.view".to_owned()))
        );
        assert_eq!(world.run(1, copy(&["folder"])).await.unwrap(), 0);
        assert_eq!(world.run(1, copy(&["project"])).await.unwrap(), 1);
        assert_eq!(world.run(1, copy(&["project"])).await.unwrap(), 0);
        assert_eq!(world.read().count_grants(&subject(3)).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn whoever_could_not_give_all_of_it_copies_nothing() {
        let world = world().await;
        world
            .grant(&subject(2), &["project.edit"], About::Resource(name("project:p")))
            .await;
        for by in [1, 2] {
            let refused = world.run(by, copy(&["project"])).await;
            assert!(matches!(refused, Err(Error::Refused(Refused::Denied))), "{by}");
        }
    }

    #[tokio::test]
    async fn what_the_manifest_does_not_have_is_not_copied() {
        let world = world().await;
        let about = || About::Resource(name("project:p"));
        world
            .grant(&subject(2), &["project.fly", "project.view"], about())
            .await;
        world.grant(&subject(2), &["project.fly"], about()).await;
        assert_eq!(world.run(1, copy(&["project"])).await.unwrap(), 2);
        let filter = Filter::of(&subject(3));
        let copied = world.read().grants(&filter, None, 9).await.unwrap();
        assert!(copied.iter().all(|grant| grant.permissions == ["project.view"]));
    }

    #[tokio::test]
    async fn types_are_known_and_both_users_are_members() {
        let world = world().await;
        let refused = world.run(1, copy(&["project", "boat"])).await;
        let Err(Error::Invalid(faults)) = refused else {
            panic!("it was copied")
        };
        assert_eq!(faults.as_slice()[0].field, "kinds[1]");
        let to_nobody = Copy {
            to: user(9),
            ..copy(&["project"])
        };
        let refused = world.run(1, to_nobody).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotAMember { .. }))
        ));
    }
}
