//! Takes granted permissions away; it needs the right to give them.

use std::sync::Arc;

use bailiwick_policy::Pattern;
use bailiwick_types::{GrantId, method::authorization::DeleteGrant};

use super::giving::{aim, changed, giver, may_give, of_subject};
use crate::grant::{About, Grant};
use crate::prelude::*;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Delete {
    /// Which grants.
    pub which: Which,
}

/// Which grants.
#[derive(Debug, Clone)]
pub enum Which {
    /// The whole grant with this id.
    Id(GrantId),
    /// These permissions in all grants of the subject on exactly that target.
    Of {
        /// The subject.
        subject: Subject,
        /// The permissions and patterns.
        permissions: Vec<String>,
        /// The target.
        about: About,
    },
}

/// What is taken away.
#[derive(Debug)]
pub struct Taken {
    /// The grants that have some of the permissions: all of one subject on one target.
    grants: Vec<Grant>,
    permissions: Vec<String>,
    target: String,
}

#[async_trait]
impl Operation for Delete {
    type Method = DeleteGrant;
    type Output = ();
    type Plan = Taken;

    async fn permit(&self, work: &mut Work) -> Result<Taken, Error> {
        let product = Arc::clone(work.situation.policy.product());
        let (about, permissions, patterns, mut grants) = match &self.which {
            Which::Id(id) => {
                let Some(grant) = work.unit.grant(*id).await? else {
                    work.require("grant.edit", &work.account_scope())?;
                    return Err(Refused::NotFound("grant").into());
                };
                let (about, permissions) = (grant.about.clone(), grant.permissions.clone());
                (about, permissions, grant.patterns(&product), vec![grant])
            }
            Which::Of {
                subject,
                permissions,
                about,
            } => {
                let grants = of_subject(work, subject, about).await?;
                // Only callers who may edit grants there learn that one names what the manifest no longer
                // has.
                let there = aim(work, about).await?;
                let may_edit = may_give(work, &work.actor, &there, &[]);
                let is_named = |text: &String| grants.iter().any(|grant| grant.permissions.contains(text));
                let mut patterns: Vec<Pattern> = Vec::new();
                for text in permissions {
                    match product.pattern(text) {
                        Some(pattern) => patterns.push(pattern),
                        // What the manifest no longer has can be taken out of a grant that names it.
                        None if may_edit && is_named(text) => {}
                        None => return Err(Unknown::Permission(text.clone()).into()),
                    }
                }
                (about.clone(), permissions.clone(), patterns, grants)
            }
        };
        let aim = aim(work, &about).await?;
        if !may_give(work, &giver(work, &work.actor, &aim).await?, &aim, &patterns) {
            return Err(Refused::Denied.into());
        }
        grants.retain(|grant| grant.permissions.iter().any(|text| permissions.contains(text)));
        Ok(Taken {
            grants,
            permissions,
            target: aim.on.to_string(),
        })
    }

    async fn points(&self, taken: &Taken, work: &mut Work, points: &mut Points) -> Result<(), StoreError> {
        let Some(grant) = taken.grants.first() else {
            return Ok(());
        };
        points
            .add(&*work.unit, &grant.subject, &[Spot::from(&grant.about)])
            .await
    }

    async fn apply(self, taken: Taken, work: &mut Work) -> Result<(), Error> {
        let Taken {
            grants,
            permissions,
            target,
        } = taken;
        if grants.is_empty() {
            return Err(Refused::NotFound("grant").into());
        }
        for mut grant in grants {
            grant.permissions.retain(|text| !permissions.contains(text));
            if grant.permissions.is_empty() {
                work.unit.remove_grant(&grant).await?;
            } else {
                work.unit.rewrite_grant(&grant).await?;
            }
            changed(work, &grant.subject, &permissions, target.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        grant::{Filter, Reader},
        memory::{World, account, name, subject},
    };

    fn of(permissions: &[&str], about: About) -> Delete {
        Delete {
            which: Which::Of {
                subject: subject(3),
                permissions: permissions.iter().map(|text| (*text).to_owned()).collect(),
                about,
            },
        }
    }

    fn id(id: GrantId) -> Delete {
        Delete { which: Which::Id(id) }
    }

    fn on_project() -> About {
        About::Resource(name("project:p"))
    }

    async fn world() -> World {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "editor").await;
        world.member(3, "").await;
        world.member(4, "admin").await;
        world.resource("project:p", &account(), None).await;
        world
    }

    async fn left(world: &World) -> Vec<Vec<String>> {
        let grants = world.read().grants(&Filter::of(&subject(3)), None, 9).await;
        grants
            .unwrap()
            .into_iter()
            .map(|grant| grant.permissions)
            .collect()
    }

    #[tokio::test]
    async fn a_grant_is_taken_away_by_callers_that_could_give_it_and_by_nobody_else() {
        let world = world().await;
        let weak = world.grant(&subject(3), &["project.view"], on_project()).await;
        let strong = world.grant(&subject(3), &["project.edit"], on_project()).await;
        let (view, edit) = (["project.view"], ["project.edit"]);
        for (by, delete) in [
            (1, id(strong.id)),
            (1, of(&edit, on_project())),
            (2, id(weak.id)),
            (2, of(&view, on_project())),
            (3, id(weak.id)),
        ] {
            let refused = world.run(by, delete.clone()).await;
            assert!(
                matches!(refused, Err(Error::Refused(Refused::Denied))),
                "{by} {delete:?}"
            );
        }
        world.run(1, id(weak.id)).await.unwrap();
        assert_eq!(left(&world).await, [edit]);
        world.run(4, of(&edit, on_project())).await.unwrap();
        assert!(left(&world).await.is_empty());
    }

    #[tokio::test]
    async fn permissions_are_taken_out_of_all_grants_on_exactly_that_target() {
        let world = world().await;
        let all = ["project.edit", "project.view"];
        world.grant(&subject(3), &all, on_project()).await;
        world.grant(&subject(3), &["project.view"], on_project()).await;
        world
            .grant(&subject(3), &["project.view"], About::Scope(account()))
            .await;
        let other = world.grant(&subject(2), &["project.view"], on_project()).await;
        world.run(1, of(&["project.view"], on_project())).await.unwrap();
        assert_eq!(left(&world).await, [["project.edit"], ["project.view"]]);
        assert_eq!(world.read().grant(other.id).await.unwrap(), Some(other));
    }

    #[tokio::test]
    async fn a_preview_tells_what_would_be_lost_and_writes_nothing() {
        let world = world().await;
        let grant = world.grant(&subject(3), &["project.view"], on_project()).await;
        for delete in [id(grant.id), of(&["project.view"], on_project())] {
            let effects = world.preview(1, delete).await.unwrap();
            let [effect] = &effects[..] else {
                panic!("{effects:?}")
            };
            assert_eq!(
                (&effect.subject, &*effect.loses),
                (&subject(3), &grant.permissions[..])
            );
        }
        assert_eq!(left(&world).await, [["project.view"]]);
        let refused = world.preview(2, id(grant.id)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }

    #[tokio::test]
    async fn only_callers_with_the_right_in_the_account_learn_that_a_grant_does_not_exist() {
        let world = world().await;
        let none = GrantId::from_uuid(Uuid::from_u128(9));
        for delete in [id(none), of(&["project.view"], on_project())] {
            let refused = world.run(1, delete.clone()).await;
            assert!(matches!(refused, Err(Error::Refused(Refused::NotFound("grant")))));
            assert!(matches!(
                world.preview(1, delete.clone()).await,
                Err(Error::Refused(Refused::NotFound("grant")))
            ));
            let refused = world.run(2, delete).await;
            assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        }
    }

    #[tokio::test]
    async fn a_permission_that_the_product_no_longer_has_is_taken_out_by_its_name_and_with_its_grant() {
        let world = world().await;
        let about = || About::Scope(account());
        let texts = ["boat.sail", "project.view"];
        world.grant(&subject(3), &texts, about()).await;
        for (by, text) in [(2, "boat.sail"), (1, "boat.row")] {
            let refused = world.run(by, of(&[text], about())).await;
            assert!(
                matches!(refused, Err(Error::Unknown(Unknown::Permission(_)))),
                "{text}"
            );
        }
        world.run(1, of(&["boat.sail"], about())).await.unwrap();
        assert_eq!(left(&world).await, [["project.view"]]);
        let grant = world.grant(&subject(3), &["boat.sail"], about()).await;
        world.run(1, id(grant.id)).await.unwrap();
        assert_eq!(left(&world).await, [["project.view"]]);
    }
}
