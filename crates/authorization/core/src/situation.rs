//! Where a use case stands: the account with its policy and the places that matter, and who acts there.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use async_trait::async_trait;
use bailiwick_policy::{
    AccountPolicy, Audience, Claim, DecisionInput, PermissionBits, PermissionSet, PermissionSetBuilder,
    PlaceId, PlaceState, Places, Request, Role, RoleLevel, RoleNo, StoredSubject, Target, Values, decide,
    holds,
    manifest::{Holders, UserMode},
    may_assign, may_assign_itself,
};
use bailiwick_types::{Authorized, KeyScope, Level, Method, Scope, ScopeRoot, Subject, Timestamp};
use uuid::Uuid;

use crate::{Read, StoreError, account::Account, person::RootRole};

/// What a subject has in an account, as the unit of work sees it.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Whether identity has disabled the user or service account.
    pub disabled: bool,
    /// The subject's own set, then those of the groups that it is in.
    pub sets: Vec<Arc<PermissionSet>>,
}

/// Which rows of a subject are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of them.
    Whole,
    /// Only what can be given away on scopes: no grants on resources and types, none with parameters (under a
    /// condition nothing can be given away), and no approvals.
    Scopes,
}

/// The rows of subjects and of the groups above them.
#[derive(Debug, Clone, Default)]
pub struct SubjectRows {
    /// The rows, by subject.
    pub rows: BTreeMap<Subject, StoredSubject>,
    /// The users and service accounts that identity has disabled.
    pub disabled: BTreeSet<Subject>,
}

impl SubjectRows {
    /// What a subject has under a policy. Sets that were made before are used again.
    fn standing(
        &self,
        policy: &AccountPolicy,
        subject: &Subject,
        made: &mut HashMap<Subject, Arc<PermissionSet>>,
    ) -> Standing {
        let mut seen = BTreeSet::from([subject.clone()]);
        let mut open = VecDeque::from([subject.clone()]);
        let mut sets = Vec::new();
        while let Some(next) = open.pop_front() {
            let rows = self.rows.get(&next);
            let mut above = rows.map(|rows| rows.groups.clone()).unwrap_or_default();
            // In the order of the replica: of several rules for an approval, the first one decides.
            above.sort_unstable();
            let above = above.into_iter().map(Subject::group);
            open.extend(above.filter(|group| seen.insert(group.clone())));
            if rows.is_none() && next != *subject {
                continue;
            }
            let make = || {
                let rows = rows.cloned();
                Arc::new(
                    rows.unwrap_or_else(|| StoredSubject::new(next.clone()))
                        .set(policy),
                )
            };
            sets.push(Arc::clone(made.entry(next.clone()).or_insert_with(make)));
        }
        Standing {
            disabled: self.disabled.contains(subject),
            sets,
        }
    }
}

/// Reads what subjects have.
#[async_trait]
pub trait Reader: Send + Sync {
    /// The rows of subjects and of the groups above them. What is bound at deployment and product is left
    /// out.
    async fn subject_rows(&self, subjects: &[Subject], extent: Extent) -> Result<SubjectRows, StoreError>;
}

/// An account with its policy and the places that a use case is about.
#[derive(Debug)]
pub struct Situation {
    /// The account.
    pub account: Account,
    /// What decides in it.
    pub policy: Arc<AccountPolicy>,
    /// The places on the paths that matter.
    pub places: Places,
    none: Values,
}

/// Who acts: the operator, or a subject by what it has in the account.
#[derive(Debug, Clone)]
pub struct Actor {
    /// Who it is.
    pub subject: Subject,
    /// What it has in the account; none where it acts by a role of the deployment.
    pub standing: Option<Standing>,
    /// The API key that it uses: it serves for what it names, and gives and takes nothing.
    pub key: Option<KeyScope>,
}

impl Actor {
    /// Whoever was authorized.
    ///
    /// # Errors
    /// The store fails.
    pub async fn load<M: Method>(
        read: &(impl Read + ?Sized),
        situation: &Situation,
        by: &Authorized<M>,
        subject: &Subject,
    ) -> Result<Self, StoreError> {
        let standing = if by.is_operator() {
            None
        } else {
            Some(situation.standing(read, subject).await?)
        };
        Ok(Self {
            subject: subject.clone(),
            standing,
            key: by.caller().key().cloned(),
        })
    }
    /// Whether it acts by a role of the deployment.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.standing.is_none()
    }
    /// Whether it has nothing in the account: no membership, no group, nothing on a scope.
    pub(crate) fn is_stranger(&self) -> bool {
        let has_nothing = |set: &Arc<PermissionSet>| {
            set.member().is_none() && set.groups().is_empty() && set.places().next().is_none()
        };
        let standing = self.standing.as_ref();
        standing.is_some_and(|standing| standing.sets.iter().all(has_nothing))
    }
}

impl Situation {
    /// Reads an account with the paths of these scopes; nothing where the account is not known.
    ///
    /// # Errors
    /// The store fails.
    pub async fn load(
        read: &(impl Read + ?Sized),
        scopes: impl IntoIterator<Item = &Scope>,
    ) -> Result<Option<Self>, StoreError> {
        let Some(account) = read.account().await? else {
            return Ok(None);
        };
        let ids: Vec<Uuid> = scopes
            .into_iter()
            .filter(|scope| scope.level() > Level::Account)
            .filter_map(Scope::uuid)
            .collect();
        let rows = if ids.is_empty() {
            Vec::new()
        } else {
            read.places(&ids).await?
        };
        let places = rows.iter().map(bailiwick_policy::Place::from);
        let (places, _) = Places::build(account.id, account.state, places);
        let policy = read.policy(&account).await?;
        Ok(Some(Self {
            account,
            policy,
            places,
            none: Values::default(),
        }))
    }

    /// What a subject has here, as far as it can be given away on scopes.
    ///
    /// # Errors
    /// The store fails.
    pub async fn standing(
        &self,
        read: &(impl Read + ?Sized),
        subject: &Subject,
    ) -> Result<Standing, StoreError> {
        let seeds = std::slice::from_ref(subject);
        let rows = read.subject_rows(seeds, Extent::Scopes).await?;
        let mut standing = rows.standing(&self.policy, subject, &mut HashMap::new());
        standing.sets.extend(self.of_product(read, subject).await?);
        Ok(standing)
    }

    /// What is bound to a subject at the account's product: service accounts alone have something there.
    async fn of_product(
        &self,
        read: &(impl Read + ?Sized),
        subject: &Subject,
    ) -> Result<Option<Arc<PermissionSet>>, StoreError> {
        if subject.kind() != "service" {
            return Ok(None);
        }
        let product = self.policy.product();
        let root = ScopeRoot::Product(self.account.product.clone());
        let bound = read.root_roles(&root, subject).await?;
        let roles = bound
            .iter()
            .filter_map(|RootRole { role, generation }| product.service_role_since(role, *generation));
        let mut set = PermissionSetBuilder::new(subject.clone());
        for role in roles {
            set.bind(role, PlaceId::PRODUCT, None, None);
        }
        Ok((!bound.is_empty()).then(|| Arc::new(set.build())))
    }

    /// The same with grants on resources and types, and open approvals.
    ///
    /// # Errors
    /// The store fails.
    pub async fn whole_standing(
        &self,
        read: &(impl Read + ?Sized),
        subject: &Subject,
    ) -> Result<Standing, StoreError> {
        let all = self.whole_standings(read, std::slice::from_ref(subject)).await?;
        all.into_iter()
            .next()
            .ok_or_else(|| StoreError::internal("one subject has one standing"))
    }

    /// The same of several subjects at once.
    ///
    /// # Errors
    /// The store fails.
    pub async fn whole_standings(
        &self,
        read: &(impl Read + ?Sized),
        subjects: &[Subject],
    ) -> Result<Vec<Standing>, StoreError> {
        let rows = read.subject_rows(subjects, Extent::Whole).await?;
        let mut made = HashMap::new();
        let mut standings = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let mut standing = rows.standing(&self.policy, subject, &mut made);
            standing.sets.extend(self.of_product(read, subject).await?);
            standings.push(standing);
        }
        Ok(standings)
    }

    fn ask<T>(
        &self,
        subject: &Subject,
        standing: &Standing,
        scope: &Scope,
        now: Timestamp,
        ask: impl FnOnce(&DecisionInput<'_>) -> T,
    ) -> T {
        let request = self.plain_request();
        self.ask_about(
            subject,
            standing,
            Target::Scope(PlaceId::from(scope)),
            request,
            now,
            ask,
        )
    }

    /// Asks the decision engine about a subject.
    pub fn ask_about<T>(
        &self,
        subject: &Subject,
        standing: &Standing,
        target: Target<'_>,
        request: Request<'_>,
        now: Timestamp,
        ask: impl FnOnce(&DecisionInput<'_>) -> T,
    ) -> T {
        let sets: Vec<&PermissionSet> = standing.sets.iter().map(AsRef::as_ref).collect();
        ask(&DecisionInput {
            policy: &self.policy,
            places: &self.places,
            subject,
            disabled: standing.disabled,
            sets: &sets,
            buckets: &[],
            target,
            request,
            audience: Audience::Product,
            now,
        })
    }

    /// A request that says nothing beside its target.
    #[must_use]
    pub fn plain_request(&self) -> Request<'_> {
        Request {
            attributes: &self.none,
            context: &self.none,
            digest: None,
        }
    }

    /// Whether the actor may give away what is claimed on a target. The operator may give what its own role
    /// has.
    #[must_use]
    pub fn may_give(&self, actor: &Actor, claim: &Claim, target: Target<'_>, now: Timestamp) -> bool {
        let Some(standing) = &actor.standing else {
            return self.operator_has(claim);
        };
        if actor.key.is_some() {
            return false;
        }
        let request = self.plain_request();
        self.ask_about(&actor.subject, standing, target, request, now, |input| {
            holds(input, claim)
        })
    }

    fn operator_has(&self, claim: &Claim) -> bool {
        let needed = self.policy.product().matched(claim.pattern, claim.level);
        needed.is_subset(&self.operator_permissions())
    }

    fn operator_permissions(&self) -> PermissionBits {
        let role = self.policy.product().role(RoleNo::OPERATOR);
        let at = role.and_then(|role| role.level(Level::Deployment));
        at.map(RoleLevel::permissions).unwrap_or_default()
    }

    /// The same situation with another policy: what would be.
    #[must_use]
    pub fn with_policy(&self, policy: Arc<AccountPolicy>) -> Self {
        Self {
            account: self.account.clone(),
            policy,
            places: self.places.clone(),
            none: Values::default(),
        }
    }

    /// Whether the key that the actor uses, if any, serves for a permission in a scope.
    #[must_use]
    pub fn key_serves(&self, actor: &Actor, permission: &str, scope: &Scope) -> bool {
        let Some(key) = &actor.key else {
            return true;
        };
        let inside = !key.is_within() || self.path(scope).contains(&key.place);
        inside && key.permits(permission)
    }

    /// Whether the actor has a permission on a scope. The operator has it also where the scope is not known.
    #[must_use]
    pub fn allows(&self, actor: &Actor, permission: &str, scope: &Scope, now: Timestamp) -> bool {
        let Some(standing) = &actor.standing else {
            return true;
        };
        if !self.key_serves(actor, permission, scope) {
            return false;
        }
        let Some(permission) = self.policy.product().permission_no(permission) else {
            return false;
        };
        self.ask(&actor.subject, standing, scope, now, |input| {
            decide(input, permission).is_allow()
        })
    }

    /// Whether the actor may give a role on a scope, or take it away.
    #[must_use]
    pub fn may_assign(&self, actor: &Actor, role: RoleNo, scope: &Scope, now: Timestamp) -> bool {
        let Some(standing) = &actor.standing else {
            return true;
        };
        if actor.key.is_some() {
            return false;
        }
        self.ask(&actor.subject, standing, scope, now, |input| {
            may_assign(input, role)
        })
    }

    /// Whether the actor may also give the role to itself.
    #[must_use]
    pub fn may_assign_itself(&self, actor: &Actor, role: &Role, scope: &Scope, now: Timestamp) -> bool {
        let level = scope.level();
        let Some(standing) = &actor.standing else {
            let needed = role.level(level).map(RoleLevel::permissions);
            return needed.is_some_and(|needed| needed.is_subset(&self.operator_permissions()));
        };
        if actor.key.is_some() {
            return false;
        }
        self.ask(&actor.subject, standing, scope, now, |input| {
            may_assign_itself(input, role, level)
        })
    }

    /// The role of that name, where it can be bound at that level.
    #[must_use]
    pub fn role_at(&self, name: &str, level: Level) -> Option<&Role> {
        let no = self.policy.role_no(name).filter(|no| *no > RoleNo::SERVICE)?;
        self.policy.role(no).filter(|role| role.level(level).is_some())
    }

    /// The role of a level that exactly one must have.
    #[must_use]
    pub fn single_holder_role(&self, level: Level) -> Option<&Role> {
        self.policy
            .roles()
            .find(|role| matches!(role.holders, Some(Holders::Exactly(_))) && role.level(level).is_some())
    }

    /// The role that the creator of an account gets: the one with exactly one holder, or else one with at
    /// least one.
    #[must_use]
    pub fn founder_role(&self) -> Option<&Role> {
        let at_least = || {
            self.policy
                .roles()
                .find(|role| role.holders.is_some() && role.level(Level::Account).is_some())
        };
        self.single_holder_role(Level::Account).or_else(at_least)
    }

    /// Whether users have to be members.
    #[must_use]
    pub fn needs_members(&self) -> bool {
        self.policy.product().user_mode() == UserMode::Members
    }

    /// A scope with those around it, up to the account; empty where it is not known.
    #[must_use]
    pub fn path(&self, scope: &Scope) -> Vec<Scope> {
        let path = self.places.path(PlaceId::from(scope));
        path.iter()
            .flat_map(|path| path.iter())
            .filter_map(|place| place.id.to_scope(place.level))
            .collect()
    }

    /// The worst state on the way from a scope to the account; none where the scope is not known or deleted.
    #[must_use]
    pub fn state(&self, scope: &Scope) -> Option<PlaceState> {
        let path = self.places.path(PlaceId::from(scope))?;
        let worst = path
            .iter()
            .map(|place| place.state)
            .max_by_key(|state| match state {
                PlaceState::Active => 0,
                PlaceState::Restricted => 1,
                PlaceState::Suspended => 2,
                PlaceState::Moving => 3,
                PlaceState::Deleted => 4,
            })?;
        (worst != PlaceState::Deleted).then_some(worst)
    }
}
