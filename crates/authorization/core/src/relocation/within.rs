//! A move inside of an account: what is on the workspace stays, what is inherited changes.

use bailiwick_policy::PlaceState;
use bailiwick_types::{GrantId, IdGen, ScopeRoot};

use super::{
    MOST, Relocation,
    arriving::{self, write_out},
    leaving::{self, Leaving},
};
use crate::prelude::*;
use crate::{
    Limits, Read, Write,
    account::Place,
    grant::{About, AppliesTo, Grant},
    limit::{self, Counted},
};

/// The grants that a move inside of an account changes.
pub(super) struct Grants {
    /// New ones, on resources.
    written: Vec<Grant>,
    /// Those on the workspace that go on.
    continued: Vec<Grant>,
    /// Those on the workspace that cover nothing any more.
    ended: Vec<Grant>,
}

impl Grants {
    /// Asks whether the mover could give what comes to reach the workspace, and works the grants out.
    pub(super) async fn look(
        read: &(impl Read + ?Sized),
        of: &Relocation,
        leaving: &Leaving,
        (revision, ids, now): (u64, &dyn IdGen, Timestamp),
    ) -> Result<Self, Error> {
        arriving::permit(read, of, now).await?;
        let types = leaving.types();
        let from = leaving.situation.path(&leaving.place.parent);
        let mut grants = Self {
            written: Vec::new(),
            continued: Vec::new(),
            ended: Vec::new(),
        };
        for scope in leaving.situation.path(&of.parent) {
            let is_around_both = from.contains(&scope);
            for grant in leaving::grants(read, &scope).await? {
                let is_new = leaving::reaches(&grant, &types, now)
                    && (!is_around_both || reaches_more(leaving, &grant));
                if is_new && !leaving.may_give(of, &grant, now) {
                    return Err(Refused::Denied.into());
                }
                if is_around_both {
                    grants.keep(leaving, &grant, ids, now)?;
                }
            }
        }
        let lasts = |grant: &&Grant| grant.expires_at.is_none_or(|at| at > now);
        for grant in leaving.grants.iter().filter(lasts) {
            let About::Type { applies_to, .. } = &grant.about else {
                continue;
            };
            let (written, goes_on) = write_out(leaving, grant, revision, ids);
            grants.written.extend(written);
            match goes_on {
                Some(goes_on) if *applies_to == AppliesTo::Future => grants.continued.push(goes_on),
                Some(_) => {}
                None => grants.ended.push(grant.clone()),
            }
        }
        if grants.written.len() > MOST {
            return Err(Precondition::WorkspaceTooLarge(MOST).into());
        }
        Ok(grants)
    }

    /// Writes out what a grant around both scopes covers of the resources that exist.
    fn keep(
        &mut self,
        leaving: &Leaving,
        grant: &Grant,
        ids: &dyn IdGen,
        now: Timestamp,
    ) -> Result<(), Error> {
        let About::Type {
            of,
            applies_to: AppliesTo::Existing,
            ..
        } = &grant.about
        else {
            return Ok(());
        };
        if grant.expires_at.is_some_and(|at| at <= now) {
            return Ok(());
        }
        for resource in &leaving.resources {
            if resource.name.of == *of && resource.revision <= grant.revision {
                self.written.push(Grant {
                    id: GrantId::generate(ids),
                    about: About::Resource(resource.name.clone()),
                    ..grant.clone()
                });
            }
        }
        if self.written.len() > MOST {
            return Err(Precondition::WorkspaceTooLarge(MOST).into());
        }
        Ok(())
    }

    /// Writes the move. The workspace is left active: who closes it is the driver.
    pub(super) async fn apply(
        &self,
        write: &mut (impl Write + ?Sized),
        of: &Relocation,
        leaving: &Leaving,
        (revision, now): (u64, Timestamp),
    ) -> Result<Place, Error> {
        let root = ScopeRoot::Account(of.account);
        let place = Place {
            parent: of.parent.clone(),
            state: PlaceState::Active,
            ..leaving.place.clone()
        };
        write.put_place(&place).await?;
        for grant in &self.ended {
            write.remove_grant(grant).await?;
            write.emit(root.clone(), Change::of_subject(&grant.subject));
        }
        for grant in self.written.iter().chain(&self.continued) {
            write.put_grant(grant).await?;
            write.emit(root.clone(), Change::of_subject(&grant.subject));
        }
        write.register_anew(&of.scope, revision, now).await?;
        for resource in &leaving.resources {
            write.emit(root.clone(), Change::of_resource(&resource.name));
        }
        Ok(place)
    }

    /// Refuses more grants than the account may have.
    pub(super) async fn check_limits(
        &self,
        read: &(impl Read + ?Sized),
        limits: &Limits,
    ) -> Result<(), Error> {
        if self.written.len() <= self.ended.len() {
            return Ok(());
        }
        limit::check_counted(read, limits, &[Counted::Grants]).await
    }
}

/// Whether a grant on future resources, around both scopes, comes to reach one that it did not reach.
fn reaches_more(leaving: &Leaving, grant: &Grant) -> bool {
    let About::Type {
        of,
        applies_to: AppliesTo::Future,
        ..
    } = &grant.about
    else {
        return false;
    };
    let mut resources = leaving.resources.iter();
    resources.any(|one| one.name.of == *of && one.revision <= grant.revision)
}
