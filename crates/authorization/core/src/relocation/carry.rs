//! A move on the units of work that it needs: one for both accounts, or a draft of each for a preview.

use bailiwick_policy::PlaceState;
use bailiwick_types::{AccountAccess, IdGen, ScopeRoot};

use super::{
    FEED, MOST, Relocation,
    arriving::{Along, Arriving, listed},
    leaving::{Leaving, Progress, progress},
    own::Own,
    within::Grants,
};
use crate::prelude::*;
use crate::{
    Audit, Limits, On, Read, Write,
    account::Place,
    grant::About,
    invitation,
    resource::{Name, Resource},
};

type AnyUnit<'u> = dyn Write + Send + Sync + 'u;

/// The source and the target of a move.
pub(super) struct Sides<'u> {
    pub(super) source: &'u mut AnyUnit<'u>,
    /// None where the unit of the source has the target too.
    pub(super) target: Option<&'u mut AnyUnit<'u>>,
    pub(super) from: AccountAccess,
    pub(super) to: AccountAccess,
}

impl<'u> Sides<'u> {
    pub(super) fn source(&mut self) -> &mut AnyUnit<'u> {
        self.source.select(self.from);
        self.source
    }
    pub(super) fn target(&mut self) -> &mut AnyUnit<'u> {
        match &mut self.target {
            Some(target) => *target,
            None => {
                self.source.select(self.to);
                self.source
            }
        }
    }
}

/// What a move needs from outside.
#[derive(Clone, Copy)]
pub(super) struct Tools<'t> {
    pub(super) now: Timestamp,
    pub(super) ids: &'t dyn IdGen,
    pub(super) limits: &'t Limits,
}

/// What was moved.
pub(super) struct Moved {
    pub(super) place: Place,
}

/// Moves everything, unless the move is done already. The workspace is active at its target afterwards, and
/// nothing is committed.
pub(super) async fn carry(
    sides: &mut Sides<'_>,
    of: &Relocation,
    tools: Tools<'_>,
) -> Result<Option<Moved>, Error> {
    let now = tools.now;
    let place = match progress(sides.source(), of).await? {
        Progress::Done => return Ok(None),
        Progress::Open(place) => *place,
    };
    let leaving = Leaving::look(sides.source(), of, place, now).await?;
    let revision = sides.target().next_revision(&ScopeRoot::Account(of.target))?;
    let own = Own::find(sides.source(), of, &leaving).await?;
    let before = own.held(sides.source(), &leaving.resources, now).await?;
    let place = if of.is_within() {
        let grants = Grants::look(sides.source(), of, &leaving, (revision, tools.ids, now)).await?;
        if leaving.place.parent == of.parent {
            return Ok(None);
        }
        let place = grants
            .apply(sides.source(), of, &leaving, (revision, now))
            .await?;
        grants.check_limits(sides.source(), tools.limits).await?;
        place
    } else {
        let arriving = Arriving::look(sides.target(), of, &leaving, now).await?;
        let links = sides.source().linked_across(&of.scope, MOST as u64).await?;
        if !links.is_empty() {
            let resources = listed(&links);
            return Err(Precondition::ResourcesLinked { resources }.into());
        }
        let tool = (revision, tools.ids, now);
        let along = arriving.along(sides.target(), of, &leaving, tool).await?;
        leave(sides.source(), of, &leaving, now).await?;
        let place = arriving
            .arrive(sides.target(), of, (&leaving, &along), tool)
            .await?;
        Arriving::check_limits(sides.target(), tools.limits, (&leaving, &along)).await?;
        place
    };
    let moved: Vec<Resource> = leaving.resources.iter().map(|one| one.moved(revision)).collect();
    let after = own.held(sides.target(), &moved, now).await?;
    if own.grows(&leaving, &before, &after) {
        return Err(Refused::Denied.into());
    }
    Ok(Some(Moved { place }))
}

/// Takes everything away from the source of a move to another account.
pub(super) async fn leave(
    write: &mut (impl Write + ?Sized),
    of: &Relocation,
    leaving: &Leaving,
    now: Timestamp,
) -> Result<(), StoreError> {
    let root = ScopeRoot::Account(of.account);
    for invitation in &leaving.invitations {
        let mut invitation = invitation.clone();
        if invitation.state_at(now) == invitation::State::Pending {
            invitation.end(invitation::State::Revoked);
            write.put_invitation(&invitation).await?;
            write.emit(root.clone(), Change::Invitation(invitation));
        }
    }
    write.remove_contents(&of.scope).await?;
    for subject in leaving.subjects() {
        write.emit(root.clone(), Change::of_subject(&subject));
    }
    for resource in &leaving.resources {
        write.emit(root.clone(), Change::of_resource(&resource.name));
    }
    let place = Place {
        parent: Scope::Account(of.account),
        state: PlaceState::Deleted,
        closed_version: Some(of.version.clone()),
        ..leaving.place.clone()
    };
    write.put_place(&place).await?;
    write.emit(root.clone(), Change::from(&place));
    write.emit(root, Change::Policy(Some(of.account)));
    Ok(())
}

/// Closes the workspace at its target until tenancy's version arrives, and writes the audit log.
pub(super) async fn close(
    sides: &mut Sides<'_>,
    of: &Relocation,
    mut place: Place,
    (actor, action): (Option<Subject>, &'static str),
) -> Result<(), StoreError> {
    place.state = PlaceState::Moving;
    place.closed_version = Some(of.version.clone());
    let entry = |target: &Scope| {
        Audit::new(actor.clone(), action, target.to_string())
            .with("from", of.account)
            .with("to", &of.parent)
            .with("version", &of.version)
    };
    if !of.is_within() {
        let root = ScopeRoot::Account(of.account);
        sides.source().emit(root, entry(&of.scope).into());
    }
    let target = sides.target();
    target.put_place(&place).await?;
    let root = ScopeRoot::Account(of.target);
    target.emit(root.clone(), Change::from(&place));
    target.emit(root.clone(), Change::Policy(Some(of.target)));
    target.emit(root, entry(&of.scope).into());
    Ok(())
}

/// Who could gain or lose something at the source of a move, and where.
pub(super) async fn points_at(
    read: &(impl Read + ?Sized),
    (policy, path): (&bailiwick_policy::AccountPolicy, &[Scope]),
    of: &Relocation,
    points: &mut Points,
) -> Result<(), StoreError> {
    let on = Spot::On(On::Scope(of.scope.clone()));
    points
        .add_around(read, policy, path, std::slice::from_ref(&on))
        .await?;
    for scope in path {
        for grant in super::leaving::grants(read, scope).await? {
            if let About::Type {
                of: name, applies_to, ..
            } = &grant.about
            {
                let spot = Spot::Type {
                    of: name.clone(),
                    scope: of.scope.clone(),
                    applies_to: *applies_to,
                };
                points.add(read, &grant.subject, &[spot]).await?;
            }
        }
    }
    for grant in read.grants_in(&of.scope, MOST as u64).await? {
        points
            .add(read, &grant.subject, &[Spot::from(&grant.about)])
            .await?;
    }
    Ok(())
}

/// Takes its parent from each resource outside of the workspace that lies below one in it.
async fn cut(write: &mut (impl Write + ?Sized), of: &Relocation, links: &[Name]) -> Result<(), StoreError> {
    for name in links {
        let child = write.resource(name).await?;
        if let Some(child) = child.filter(|child| child.scope != of.scope) {
            let alone = Resource {
                parent: None,
                ..child
            };
            write.put_resource(&alone).await?;
            write.emit(ScopeRoot::Account(of.account), Change::of_resource(name));
        }
    }
    Ok(())
}

/// What goes along where nobody may refuse it any more: tenancy has moved the workspace already.
pub(super) async fn force(
    sides: &mut Sides<'_>,
    of: &Relocation,
    mut leaving: Leaving,
    (ids, now): (&dyn IdGen, Timestamp),
) -> Result<Place, Error> {
    let situation = crate::Situation::load(sides.target(), [&of.parent, &of.scope]).await?;
    let situation = situation.ok_or(Refused::NotFound("account"))?;
    let arriving = Arriving { situation };
    let taken = super::arriving::taken(sides.target(), of, &leaving).await?;
    let links = sides
        .source()
        .linked_across(&of.scope, u64::from(u32::MAX))
        .await?;
    cut(sides.source(), of, &links).await?;
    leave(sides.source(), of, &leaving, now).await?;
    if !taken.is_empty() {
        let lost = Audit::new(None, FEED, of.scope.to_string()).with("lost", listed(&taken));
        let root = ScopeRoot::Account(of.account);
        sides.source().emit(root, lost.into());
    }
    leaving.resources.retain(|one| !taken.contains(&one.name));
    leaving
        .resource_grants
        .retain(|grant| !matches!(&grant.about, About::Resource(name) if taken.contains(name)));
    for resource in &mut leaving.resources {
        let stays_behind = resource
            .parent
            .as_ref()
            .is_some_and(|parent| taken.contains(parent));
        if stays_behind || links.contains(&resource.name) {
            resource.parent = None;
        }
    }
    let revision = sides.target().next_revision(&ScopeRoot::Account(of.target))?;
    let tool = (revision, ids, now);
    let along: Along = arriving.along(sides.target(), of, &leaving, tool).await?;
    arriving
        .arrive(sides.target(), of, (&leaving, &along), tool)
        .await
}
