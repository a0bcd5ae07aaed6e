//! Gives a subject permissions on a resource, a scope or a type in a scope.

use bailiwick_policy::Pattern;
use bailiwick_types::{GrantId, method::authorization::CreateGrant};
use serde_json::{Map, Value as Json};

use super::giving::{aim, giver, may_give, of_subject, put};
use crate::prelude::*;
use crate::{
    Aim,
    grant::{About, AppliesTo, Grant},
    request::Repeatable,
};

/// What is asked. An identical grant is left as it is; one on existing resources is renewed, so that it also
/// covers resources that were registered since.
#[derive(Debug, Clone)]
pub struct Create {
    /// Who gets the permissions.
    pub subject: Subject,
    /// The permissions and patterns, at least one.
    pub permissions: Vec<String>,
    /// What the grant is about.
    pub about: About,
    /// Parameters of conditions.
    pub parameters: Map<String, Json>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The id that the client gave the request.
    pub request_id: Option<String>,
}

#[async_trait]
impl Operation for Create {
    type Method = CreateGrant;
    type Output = Grant;
    type Plan = Aim;

    async fn permit(&self, work: &mut Work) -> Result<Aim, Error> {
        let patterns = self.fit(work)?;
        let aim = aim(work, &self.about).await?;
        if !may_give(work, &giver(work, &work.actor, &aim).await?, &aim, &patterns) {
            return Err(Refused::Denied.into());
        }
        Ok(aim)
    }

    async fn points(&self, _: &Aim, work: &mut Work, points: &mut Points) -> Result<(), StoreError> {
        points
            .add(&*work.unit, &self.subject, &[Spot::from(&self.about)])
            .await
    }

    async fn apply(mut self, aim: Aim, work: &mut Work) -> Result<Grant, Error> {
        self.permissions.sort();
        self.permissions.dedup();
        let request_id = self.request_id.take();
        let request = Repeatable {
            id: request_id.as_deref(),
            digest: self.digest(&aim),
        };
        if let Some(made) = request.made(work).await? {
            let grant = work.unit.grant(made).await?;
            return Ok(grant.ok_or(Refused::NotFound("grant"))?);
        }
        let grant = self.put(aim, work).await?;
        request.keep(work, grant.id).await?;
        Ok(grant)
    }
}

impl Create {
    fn digest(&self, aim: &Aim) -> String {
        let reach = match &self.about {
            About::Type { of, applies_to, .. } => format!("{of} {applies_to:?}"),
            About::Resource(_) | About::Scope(_) => String::new(),
        };
        let ends = self.expires_at.map(|at| at.0).unwrap_or_default();
        format!(
            "{}\n{}\n{}\n{reach}\n{ends}\n{}",
            self.subject,
            self.permissions.join(","),
            aim.on,
            Json::Object(self.parameters.clone())
        )
    }

    async fn put(self, aim: Aim, work: &mut Work) -> Result<Grant, Error> {
        let scope = aim.scope.as_ref().ok_or(Refused::NotFound("resource"))?;
        work.ensure_active(scope)?;
        work.ensure_subject(&self.subject).await?;
        let present = of_subject(work, &self.subject, &self.about).await?;
        let product = work.situation.policy.product();
        let generation = product.generation();
        let same = present.into_iter().find(|grant| {
            grant.stands(product)
                && grant.permissions == self.permissions
                && grant.parameters == self.parameters
                && grant.expires_at == self.expires_at
        });
        let revision = work.revision()?;
        let grant = match same {
            Some(grant) if !is_on_existing(&grant.about) => return Ok(grant),
            Some(grant) => Grant { revision, ..grant },
            None => Grant {
                id: GrantId::generate(&*work.ids),
                account: work.account(),
                subject: self.subject,
                permissions: self.permissions,
                generation,
                about: self.about,
                parameters: self.parameters,
                expires_at: self.expires_at,
                revision,
                created_at: work.now,
                creator: Some(work.actor.subject.clone()),
            },
        };
        put(work, &grant, aim.on.to_string()).await?;
        Ok(grant)
    }

    /// Checks the request against the product: the type, the permissions, the end and the parameters.
    fn fit(&self, work: &Work) -> Result<Vec<Pattern>, Error> {
        let product = work.situation.policy.product();
        let of = match &self.about {
            About::Scope(_) => None,
            About::Resource(name) => Some(("target.target", &name.of)),
            About::Type { of, .. } => Some(("target.type", of)),
        };
        let registered = |(field, name): (&str, &String)| {
            let info = product.type_no(name).and_then(|no| product.type_info(no));
            let info = info.filter(|info| !info.suite && info.registered);
            let no = info.map(|info| info.no);
            no.ok_or_else(|| Violations::of(field, "must be a registered type of the product"))
        };
        let type_no = of.map(registered).transpose()?;
        let fits = |pattern: &Pattern| match (type_no, *pattern) {
            (None, _) => true,
            (Some(of), Pattern::One(no)) => product.may_be_asked_on(no, of),
            (Some(of), Pattern::Type(named)) => named == of,
            (Some(_), Pattern::All) => false,
        };
        let pattern = |text: &String| {
            let pattern = product.pattern(text).filter(fits);
            pattern.ok_or_else(|| Error::Unknown(Unknown::Grantable(text.clone())))
        };
        let patterns: Vec<Pattern> = self.permissions.iter().map(pattern).collect::<Result<_, _>>()?;
        let mut faults = Violations::new();
        if self.expires_at.is_some_and(|at| at <= work.now) {
            faults.add("expire_time", "must be in the future");
        }
        let read = product.grant_parameters(&patterns, &self.parameters);
        let fits = read.is_ok();
        for fault in read.err().into_iter().flatten() {
            faults.add("parameters", fault.to_string());
        }
        // With parameters that are not for it, a permission would be given to nobody.
        let without = patterns
            .iter()
            .position(|pattern| !product.is_conditional(*pattern));
        if let Some(text) = without.and_then(|at| self.permissions.get(at))
            && fits
            && !self.parameters.is_empty()
        {
            let rule = format!("no condition on `{text}` looks at them: grant it apart");
            faults.add("parameters", rule);
        }
        faults.check()?;
        Ok(patterns)
    }
}

fn is_on_existing(about: &About) -> bool {
    matches!(
        about,
        About::Type {
            applies_to: AppliesTo::Existing,
            ..
        }
    )
}

#[cfg(test)]
mod tests {
    use bailiwick_policy::PlaceState;
    use bailiwick_types::{GroupId, Scope, WorkspaceId};
    use uuid::Uuid;

    use super::*;
    use crate::{
        Change,
        grant::Reader,
        memory::{World, account, name, subject, workspace},
    };

    fn create(permission: &str, about: About) -> Create {
        Create {
            subject: subject(3),
            permissions: vec![permission.to_owned()],
            about,
            parameters: Map::new(),
            expires_at: None,
            request_id: None,
        }
    }

    fn on_project() -> About {
        About::Resource(name("project:p"))
    }

    fn on_projects(applies_to: AppliesTo) -> About {
        About::Type {
            of: "project".to_owned(),
            scope: account(),
            applies_to,
        }
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

    async fn grants(world: &World) -> u64 {
        world.read().count_grants(&subject(3)).await.unwrap()
    }

    fn is_denied(refused: &Result<Grant, Error>) -> bool {
        matches!(refused, Err(Error::Refused(Refused::Denied)))
    }

    #[tokio::test]
    async fn a_repeated_request_gives_nothing_again() {
        let world = world().await;
        let first = Create {
            request_id: Some("a".to_owned()),
            ..create("project.view", on_project())
        };
        let made = world.run(1, first.clone()).await.unwrap();
        assert_eq!(world.run(1, first.clone()).await.unwrap(), made);
        let ending = Create {
            expires_at: Some(world.now().plus(std::time::Duration::from_mins(1))),
            ..first.clone()
        };
        let refused = world.run(1, ending).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::RequestIdReused))
        ));
        world
            .put(async |write| crate::grant::Writer::remove_grant(write, &made).await)
            .await;
        // The repetition comes late: the grant was deleted meanwhile.
        let late = world.run(1, first).await;
        assert!(matches!(late, Err(Error::Refused(Refused::NotFound("grant")))));
        assert_eq!(grants(&world).await, 0);
    }

    #[tokio::test]
    async fn permissions_are_granted_by_callers_that_hold_them_and_by_nobody_else() {
        let world = world().await;
        let abouts = [on_project(), About::Scope(account()), on_projects(AppliesTo::All)];
        for about in abouts {
            for (by, permission) in [
                (1, "project.edit"),
                (1, "project.*"),
                (2, "project.view"),
                (3, "project.view"),
            ] {
                let refused = world.run(by, create(permission, about.clone())).await;
                assert!(is_denied(&refused), "{by} {permission} {about:?}");
            }
            world.run(1, create("project.view", about)).await.unwrap();
        }
        assert_eq!(grants(&world).await, 3);
        let told = world.told();
        let Some(Change::Audited(audit)) = told.last() else {
            panic!("{told:?}")
        };
        assert_eq!(
            audit.action,
            "bailiwick.authorization.v1.GrantService/CreateGrant"
        );
        assert_eq!(audit.target, account().to_string());
        assert_eq!(audit.details["permissions"], "project.view");
    }

    #[tokio::test]
    async fn what_is_held_by_a_grant_on_the_resource_can_be_granted_on_it() {
        let world = world().await;
        world
            .grant(&subject(2), &["grant.edit"], About::Scope(account()))
            .await;
        let given = || create("project.approve_distribution", on_project());
        assert!(is_denied(&world.run(2, given()).await));
        world
            .grant(&subject(2), &["project.approve_distribution"], on_project())
            .await;
        world.run(2, given()).await.unwrap();
        // Elsewhere it holds nothing.
        world.resource("project:q", &account(), None).await;
        for about in [
            About::Resource(name("project:q")),
            About::Scope(account()),
            on_projects(AppliesTo::All),
        ] {
            let refused = world.run(2, create("project.approve_distribution", about)).await;
            assert!(is_denied(&refused));
        }
        let taken = super::super::delete::Delete {
            which: super::super::delete::Which::Of {
                subject: subject(3),
                permissions: vec!["project.approve_distribution".to_owned()],
                about: on_project(),
            },
        };
        world.run(2, taken).await.unwrap();
    }

    #[tokio::test]
    async fn a_preview_tells_what_would_be_gained_and_writes_nothing() {
        let world = world().await;
        let effects = world.preview(1, create("project.view", on_project())).await;
        let [effect] = &effects.unwrap()[..] else {
            panic!("one user at one place")
        };
        assert_eq!(effect.gains, ["project.view"]);
        assert_eq!(grants(&world).await, 0);
        let refused = world.preview(1, create("project.edit", on_project())).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }

    #[tokio::test]
    async fn an_identical_grant_is_kept_and_one_on_existing_resources_is_renewed() {
        let world = world().await;
        for (about, renews) in [
            (on_project(), false),
            (on_projects(AppliesTo::Future), false),
            (on_projects(AppliesTo::Existing), true),
        ] {
            let first = world.run(1, create("project.view", about.clone())).await.unwrap();
            let twice = Create {
                permissions: vec!["project.view".to_owned(); 2],
                ..create("", about)
            };
            let second = world.run(1, twice).await.unwrap();
            assert_eq!(first.id, second.id);
            assert_eq!(first.revision < second.revision, renews);
        }
        assert_eq!(grants(&world).await, 3);
    }

    #[tokio::test]
    async fn a_permission_must_fit_the_target() {
        let world = world().await;
        for permission in ["project.sail", "boat.*", "folder.view", "folder.*", "*"] {
            let refused = world.run(3, create(permission, on_project())).await;
            assert!(matches!(refused, Err(Error::Unknown(Unknown::Grantable(of))) if of == permission));
        }
        for (about, field) in [
            (About::Resource(name("boat:b")), "target.target"),
            (About::Resource(name("user:u")), "target.target"),
            (
                About::Type {
                    of: "boat".to_owned(),
                    scope: account(),
                    applies_to: AppliesTo::All,
                },
                "target.type",
            ),
        ] {
            let Err(Error::Invalid(faults)) = world.run(3, create("project.view", about)).await else {
                panic!("it was granted")
            };
            assert_eq!(faults.as_slice()[0].field, field);
        }
    }

    #[tokio::test]
    async fn an_end_in_the_past_and_undeclared_parameters_are_refused() {
        let world = world().await;
        let wrong = Create {
            expires_at: Some(world.now()),
            parameters: [("region".to_owned(), "eu".into())].into_iter().collect(),
            ..create("project.view", on_project())
        };
        let Err(Error::Invalid(faults)) = world.run(1, wrong).await else {
            panic!("it was granted")
        };
        let fields: Vec<&str> = faults.as_slice().iter().map(|fault| &*fault.field).collect();
        assert_eq!(fields, ["expire_time", "parameters"]);
    }

    #[tokio::test]
    async fn the_target_must_exist_and_be_in_use() {
        let world = world().await;
        let missing = || create("project.view", About::Resource(name("project:none")));
        let refused = world.run(1, missing()).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("resource")))
        ));
        assert!(is_denied(&world.run(2, missing()).await));
        let elsewhere = Scope::Workspace(WorkspaceId::from_uuid(Uuid::from_u128(9)));
        let elsewhere = create("grant.view", About::Scope(elsewhere));
        let refused = world.operate(elsewhere).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::NotFound("scope")))));
        world.workspace_is(PlaceState::Suspended).await;
        let suspended = create("grant.view", About::Scope(workspace()));
        let refused = world.operate(suspended).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotActive { .. }))
        ));
    }

    #[tokio::test]
    async fn only_active_members_and_known_groups_get_permissions() {
        let world = world().await;
        world.person(5).await;
        let to = |subject: Subject| Create {
            subject,
            ..create("project.view", on_project())
        };
        let refused = world.run(1, to(subject(5))).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotAMember { .. }))
        ));
        let refused = world.run(1, to("user:nobody".parse().unwrap())).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotAUser { .. }))
        ));
        let group = Subject::group(GroupId::from_uuid(Uuid::from_u128(7)));
        let refused = world.run(1, to(group)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::NotFound("group")))));
        let group = world.group(&[]).await;
        world.run(1, to(Subject::group(group))).await.unwrap();
        world.run(1, to("device:d".parse().unwrap())).await.unwrap();
    }
}
