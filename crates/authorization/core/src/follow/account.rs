//! An account was made or changed.

use bailiwick_policy::{PlaceState, manifest::MemberKind};
use bailiwick_types::{AccountId, IdGen, ProductName, Scope, ScopeRoot, Subject, Timestamp};

use super::{Refusal, bind};
use crate::{Change, Situation, Write, account::Account, member::Member};

/// An account as tenancy tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountTold {
    /// Its id.
    pub id: AccountId,
    /// Tenancy's version of it.
    pub version: u64,
    /// Its product.
    pub product: ProductName,
    /// Its title.
    pub title: String,
    /// Its state.
    pub state: PlaceState,
    /// At creation: its first holder.
    pub owner: Option<Subject>,
    /// Seats; 0 is no limit.
    pub seats: u32,
    /// Start of the billing cycle.
    pub billing_anchor: Option<Timestamp>,
}

/// Applies it. A new account comes with its holder.
///
/// # Errors
/// See [`Refusal`].
pub async fn account_changed(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    now: Timestamp,
    told: AccountTold,
) -> Result<(), Refusal> {
    let before = write.account().await?;
    if before
        .as_ref()
        .is_some_and(|before| before.version >= told.version)
    {
        return Ok(());
    }
    if write.product(&told.product).await?.is_none() {
        return Err(Refusal::Content(format!(
            "there is no product `{}`",
            told.product
        )));
    }
    let closed = match &before {
        Some(before) => before.closed_version.map(|version| (version, before.state)),
        None => write
            .early_closure(told.id.uuid())
            .await?
            .map(|early| (early.version, early.state)),
    };
    // An older `enabled` on its way does not open what was closed.
    let (state, closed_version) = match closed {
        Some((version, state)) if version > told.version => (state, Some(version)),
        _ => (told.state, None),
    };
    let account = Account {
        id: told.id,
        product: before
            .as_ref()
            .map_or(told.product, |before| before.product.clone()),
        title: told.title,
        state,
        version: told.version,
        closed_version,
        seats: told.seats,
        billing_anchor: told.billing_anchor.unwrap_or(now),
        settings: before
            .as_ref()
            .map(|before| before.settings.clone())
            .unwrap_or_default(),
        settings_version: before.as_ref().map_or(0, |before| before.settings_version),
        created_at: before.as_ref().map_or(now, |before| before.created_at),
    };
    write.put_account(&account).await?;
    if before
        .as_ref()
        .is_some_and(|before| before.seats != account.seats)
    {
        // The new number says what there is now.
        write.forget_endings(now).await?;
    }
    let root = ScopeRoot::Account(account.id);
    write.emit(root.clone(), Change::from(&account));
    write.emit(root, Change::Policy(Some(account.id)));
    if before.is_none() {
        write.put_early_closure(account.id.uuid(), None).await?;
        if let Some(owner) = told.owner {
            found(write, ids, now, &account, &owner).await?;
        }
    }
    Ok(())
}

/// Makes the owner the first member and holder of a new account.
async fn found(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    now: Timestamp,
    account: &Account,
    owner: &Subject,
) -> Result<(), Refusal> {
    let Some(user) = owner.user_id() else {
        return Err(Refusal::Content(
            "the holder of an account must be a user".to_owned(),
        ));
    };
    if write.member(user).await?.is_none() {
        write
            .put_member(&Member::new(account.id, user, MemberKind::Agent, now))
            .await?;
        write.emit(ScopeRoot::Account(account.id), Change::Subject(owner.clone()));
    }
    let scope = Scope::Account(account.id);
    let Some(situation) = Situation::load(write, [&scope]).await? else {
        return Ok(());
    };
    let role = situation.founder_role().map(|role| role.name.to_string());
    if let Some(role) = role
        && write.binding(owner, &role, &scope).await?.is_none()
    {
        bind(write, ids, account.id, (owner, &role, &scope), now).await?;
    }
    Ok(())
}
