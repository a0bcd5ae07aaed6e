//! An instance or workspace was made or changed.

use bailiwick_policy::PlaceState;
use bailiwick_types::{AccountId, IdGen, Level, Scope, ScopeRoot, Subject, Timestamp};

use super::{Refusal, bind};
use crate::{Change, Situation, Write, account::Place, holders};

/// A place as tenancy tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceTold {
    /// The account that it lies in.
    pub account: AccountId,
    /// What it is.
    pub scope: Scope,
    /// Tenancy's version of it.
    pub version: u64,
    /// The account or instance above it.
    pub parent: Scope,
    /// Its title.
    pub title: String,
    /// Its edition, where it has one.
    pub edition: Option<String>,
    /// Its state.
    pub state: PlaceState,
    /// At creation: its first holder; none gives it to the account's.
    pub owner: Option<Subject>,
}

/// Applies it. A new place comes with its holder, where its level has a single-holder role.
///
/// # Errors
/// See [`Refusal`].
pub async fn place_changed(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    now: Timestamp,
    told: PlaceTold,
) -> Result<(), Refusal> {
    let refuse = |text: &str| Err(Refusal::Content(text.to_owned()));
    let Some(id) = told.scope.uuid().filter(|_| told.scope.level() > Level::Account) else {
        return refuse("a place is an instance or a workspace");
    };
    if write.account().await?.is_none() {
        return refuse("the account of the place is not known");
    }
    let before = write
        .places(&[id])
        .await?
        .into_iter()
        .find(|place| place.scope == told.scope);
    if before
        .as_ref()
        .is_some_and(|before| before.version >= told.version)
    {
        return Ok(());
    }
    match &told.parent {
        Scope::Account(account) if *account == told.account => {}
        Scope::Instance(instance) if told.scope.level() == Level::Workspace => {
            let above = write.places(&[instance.uuid()]).await?;
            if !above.iter().any(|place| place.scope == told.parent) {
                return refuse("the place above it is not known");
            }
        }
        _ => return refuse("a place of this level cannot be there"),
    }
    let closed = match &before {
        Some(before) => before.closed_version.map(|version| (version, before.state)),
        None => write
            .early_closure(id)
            .await?
            .map(|early| (early.version, early.state)),
    };
    let (state, closed_version) = match closed {
        Some((version, state)) if version > told.version => (state, Some(version)),
        _ => (told.state, None),
    };
    let place = Place {
        account: told.account,
        scope: told.scope,
        parent: told.parent,
        title: told.title,
        edition: told.edition.filter(|edition| !edition.is_empty()),
        state,
        version: told.version,
        closed_version,
        created_at: before.as_ref().map_or(now, |before| before.created_at),
    };
    write.put_place(&place).await?;
    write.emit(ScopeRoot::Account(place.account), Change::from(&place));
    if before.is_none() {
        write.put_early_closure(id, None).await?;
        give(write, ids, now, &place, told.owner).await?;
    }
    Ok(())
}

/// Gives the single-holder role of the place to the owner that the event names, else to the account's holder.
async fn give(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    now: Timestamp,
    place: &Place,
    named: Option<Subject>,
) -> Result<(), Refusal> {
    let Some(situation) = Situation::load(write, [&place.scope]).await? else {
        return Ok(());
    };
    let role = situation
        .single_holder_role(place.scope.level())
        .map(|role| role.name.to_string());
    let Some(role) = role else { return Ok(()) };
    if !write.holders(&role, &place.scope).await?.is_empty() {
        return Ok(());
    }
    let mut to = None;
    if let Some(user) = named.as_ref().and_then(Subject::user_id) {
        let member = write.member(user).await?;
        to = member
            .filter(|member| member.is_active(now) && member.expires_at.is_none())
            .and(named);
    }
    if to.is_none()
        && let Some(above) = situation
            .single_holder_role(Level::Account)
            .map(|role| role.name.to_string())
    {
        let account = Scope::Account(place.account);
        let all = write.holders(&above, &account).await?;
        let needs_members = situation.needs_members();
        let best = all
            .iter()
            .find(|holder| holders::counts(holder, needs_members, now))
            .or(all.first());
        to = best.map(|holder| Subject::user(holder.user));
    }
    if let Some(to) = to {
        bind(write, ids, place.account, (&to, &role, &place.scope), now).await?;
    }
    Ok(())
}
