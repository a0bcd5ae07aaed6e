//! The source of a move: whether it may begin, and what is in the workspace.

use std::collections::BTreeSet;

use bailiwick_policy::PlaceState;
use bailiwick_types::IdGen;

use super::{MOST, Relocation};
use crate::prelude::*;
use crate::{
    Actor, Read, Situation,
    account::Place,
    approval::Approval,
    binding::{self, Binding},
    grant::{
        About, AppliesTo, Filter, Grant,
        anew::{Anew, Kept},
        giving,
    },
    invitation::Invitation,
    resource::Resource,
};

/// One more than may move: enough to see that it is too much.
const ENOUGH: u64 = MOST as u64 + 1;

/// Where a workspace leaves from.
pub(super) struct Leaving {
    pub(super) situation: Situation,
    /// None where nobody asks.
    actor: Option<Actor>,
    pub(super) place: Place,
    pub(super) resources: Vec<Resource>,
    pub(super) bindings: Vec<Binding>,
    /// On the workspace, and on types in it.
    pub(super) grants: Vec<Grant>,
    /// On resources in it.
    pub(super) resource_grants: Vec<Grant>,
    pub(super) invitations: Vec<Invitation>,
    pub(super) approvals: Vec<Approval>,
}

/// How far a move has come.
pub(super) enum Progress {
    /// It can begin.
    Open(Box<Place>),
    /// It is done.
    Done,
}

/// Whether a move is done, can begin, or never will.
pub(super) async fn progress(read: &(impl Read + ?Sized), of: &Relocation) -> Result<Progress, Error> {
    let id = of.scope.uuid().unwrap_or_default();
    let found = read.places(&[id]).await?;
    let place = found.into_iter().find(|place| place.scope == of.scope);
    let Some(place) = place else {
        return Err(Precondition::MoveNotVisible.into());
    };
    let version = &of.version;
    if place
        .closed_version
        .as_ref()
        .is_some_and(|closed| closed.covers(version))
    {
        return Ok(Progress::Done);
    }
    if place.version.covers(version) {
        let has_moved = if of.is_within() {
            place.parent == of.parent
        } else {
            place.state == PlaceState::Deleted
        };
        return if has_moved {
            Ok(Progress::Done)
        } else {
            Err(Precondition::MoveSuperseded.into())
        };
    }
    let is_next = place.version.shares_history(version) && place.version.number() + 1 == version.number();
    if is_next {
        Ok(Progress::Open(Box::new(place)))
    } else {
        Err(Precondition::MoveNotVisible.into())
    }
}

/// The mover, by what it has in an account or by a role of the deployment.
pub(super) async fn actor(
    read: &(impl Read + ?Sized),
    situation: &Situation,
    subject: &Subject,
    is_operator: bool,
) -> Result<Actor, StoreError> {
    let standing = if is_operator {
        None
    } else {
        Some(situation.standing(read, subject).await?)
    };
    Ok(Actor {
        key: None,
        subject: subject.clone(),
        standing,
    })
}

impl Leaving {
    /// Asks for the right, and reads what is in the workspace.
    pub(super) async fn look(
        read: &(impl Read + ?Sized),
        of: &Relocation,
        place: Place,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let mut scopes = vec![&of.scope];
        scopes.extend(of.is_within().then_some(&of.parent));
        let situation = Situation::load(read, scopes).await?;
        let situation = situation.ok_or(Refused::Denied)?;
        let mover = of.mover()?;
        let actor = actor(read, &situation, &mover.subject, mover.operator).await?;
        if !situation.allows(&actor, "workspace.move", &of.scope, now) {
            return Err(Refused::Denied.into());
        }
        match situation.state(&of.scope) {
            Some(state) if state.is_open() => {}
            Some(_) => {
                let scope = of.scope.clone();
                return Err(Precondition::NotActive { scope }.into());
            }
            None => return Err(Refused::NotFound("workspace").into()),
        }
        let leaving = Self {
            bindings: bindings(read, &of.scope, ENOUGH).await?,
            grants: giving::up_to(read, &in_scope(&of.scope), MOST + 1).await?,
            resources: read.resources_in(&of.scope, ENOUGH).await?,
            resource_grants: read.grants_in(&of.scope, ENOUGH).await?,
            invitations: read.invitations_to(&of.scope, ENOUGH).await?,
            approvals: read.approvals_in(&of.scope, ENOUGH).await?,
            situation,
            actor: Some(actor),
            place,
        };
        let sizes = [
            leaving.bindings.len(),
            leaving.grants.len(),
            leaving.resources.len(),
            leaving.resource_grants.len(),
            leaving.invitations.len(),
            leaving.approvals.len(),
        ];
        if sizes.into_iter().any(|size| size > MOST) {
            return Err(Precondition::WorkspaceTooLarge(MOST).into());
        }
        Ok(leaving)
    }

    /// Reads what is in a workspace that has left already, whoever asks; nothing where the account is gone.
    pub(super) async fn unasked(
        read: &(impl Read + ?Sized),
        of: &Relocation,
        place: Place,
    ) -> Result<Option<Self>, StoreError> {
        let mut scopes = vec![&of.scope];
        scopes.extend(of.is_within().then_some(&of.parent));
        let Some(situation) = Situation::load(read, scopes).await? else {
            return Ok(None);
        };
        let all = u64::from(u32::MAX);
        Ok(Some(Self {
            bindings: bindings(read, &of.scope, all).await?,
            grants: grants(read, &of.scope).await?,
            resources: read.resources_in(&of.scope, all).await?,
            resource_grants: read.grants_in(&of.scope, all).await?,
            invitations: read.invitations_to(&of.scope, all).await?,
            approvals: read.approvals_in(&of.scope, all).await?,
            situation,
            actor: None,
            place,
        }))
    }

    /// Whether a caller requested the move; only then can it be refused.
    pub(super) fn is_asked(&self) -> bool {
        self.actor.is_some()
    }

    /// The resources, which come to count as registered at the move. `is_closed` tells that no others lie
    /// below them.
    pub(super) fn anew(&self, is_closed: bool) -> Anew<'_> {
        Anew {
            product: self.situation.policy.product(),
            resources: self.resources.iter().collect(),
            others: is_closed.then(Vec::new),
        }
    }

    /// What takes the place of a grant on a type, in the workspace or around it.
    pub(super) fn keep(
        &self,
        anew: &Anew<'_>,
        grant: &Grant,
        (revision, ids): (u64, &dyn IdGen),
    ) -> Result<Vec<Grant>, Precondition> {
        let Kept { grants, loses } = anew.all_in(&self.place.scope, grant, revision, ids);
        if loses && self.is_asked() {
            return Err(grant.refused_in_part());
        }
        Ok(grants)
    }

    /// The types of the resources.
    pub(super) fn types(&self) -> BTreeSet<&str> {
        self.resources.iter().map(|one| one.name.of.as_str()).collect()
    }

    /// Everybody who has something in the workspace, or asked for it.
    pub(super) fn subjects(&self) -> BTreeSet<Subject> {
        let bound = self.bindings.iter().map(|binding| &binding.subject);
        let granted = self.grants.iter().chain(&self.resource_grants);
        let granted = granted.map(|grant| &grant.subject);
        let asked = self.approvals.iter().map(|one| &one.requester);
        bound.chain(granted).chain(asked).cloned().collect()
    }

    /// Whether the mover may let a grant reach the workspace: it could give it there.
    pub(super) fn may_give(&self, of: &Relocation, grant: &Grant, now: Timestamp) -> bool {
        use bailiwick_policy::{Claim, PlaceId, Target};
        let Some(actor) = &self.actor else {
            return false;
        };
        if actor.standing.is_none() {
            // An operator may give anything to others; what it would come to hold itself refuses the move.
            return true;
        }
        let product = self.situation.policy.product();
        grant.patterns(product).into_iter().all(|pattern| {
            let claim = Claim::pattern(pattern, of.scope.level());
            let target = Target::Scope(PlaceId::from(&of.scope));
            self.situation.may_give(actor, &claim, target, now)
        })
    }
}

/// Whether a grant on a scope around the target comes to reach resources that count as registered anew.
pub(super) fn reaches(grant: &Grant, types: &BTreeSet<&str>, now: Timestamp) -> bool {
    grant.lasts(now)
        && match &grant.about {
            About::Scope(_) => true,
            About::Type { of, applies_to, .. } => {
                *applies_to != AppliesTo::Existing && types.contains(of.as_str())
            }
            About::Resource(_) => false,
        }
}

/// The bindings on a scope.
async fn bindings(
    read: &(impl Read + ?Sized),
    scope: &Scope,
    limit: u64,
) -> Result<Vec<Binding>, StoreError> {
    let filter = binding::Filter {
        scope: Some(scope.clone()),
        subject: None,
    };
    read.bindings(&filter, None, limit).await
}

fn in_scope(scope: &Scope) -> Filter {
    Filter {
        scope: Some(scope.clone()),
        ..Filter::default()
    }
}

/// All grants on a scope and on types in it.
pub(super) async fn grants(read: &(impl Read + ?Sized), scope: &Scope) -> Result<Vec<Grant>, StoreError> {
    giving::all(read, &in_scope(scope)).await
}
