//! Compares what is kept of tenancy and identity with what they have.

use std::{fmt::Display, sync::Arc};

use async_trait::async_trait;
use bailiwick_authorization_core::{
    follow::{AccountTold, PersonTold, PlaceTold, SettingsTold, Way},
    person::{PersonState, ServiceAccount},
};
use bailiwick_policy::PlaceState;
use bailiwick_proto::events::v1::change::Change;
use bailiwick_sql::{
    Db,
    follow::{ApplyError, Compare, Deviation, Difference, Fields, Kept, Thing},
};
use bailiwick_types::{AccountId, ScopeRoot, Subject};
use uuid::Uuid;

use super::{IdentitySink, TenancySink, content, read, read::Origin};
use crate::store::{KeptRows, Page};

/// The prefixes of the second part's keys.
const SECOND: char = '2';
const FIRST: char = '1';

fn origin(epoch: &Arc<str>) -> Origin {
    Origin {
        epoch: Arc::clone(epoch),
        way: Way::Snapshot,
    }
}

fn place_state(state: PlaceState) -> &'static str {
    match state {
        PlaceState::Active => "active",
        PlaceState::Suspended => "suspended",
        PlaceState::Moving => "moving",
        PlaceState::Deleted => "deleted",
        PlaceState::Restricted => "restricted",
    }
}

fn person_state(state: PersonState) -> &'static str {
    match state {
        PersonState::Active => "active",
        PersonState::Disabled => "disabled",
        PersonState::Deleted => "deleted",
    }
}

fn text(value: Option<&impl Display>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

fn missing(thing: Thing, because: Option<String>) -> Difference {
    let deviation = Deviation::Missing(because);
    Difference { thing, deviation }
}

/// The page after a key of the form `PREFIX KEY`; `then` is the first key of the next kind.
fn part<K: Display>((things, last): Page<K>, prefix: char, then: Option<char>) -> Kept {
    let more = last.map(|key| format!("{prefix}{key}"));
    Kept {
        things,
        next: more.or_else(|| then.map(String::from)),
    }
}

fn key(from: &str) -> Result<Option<Uuid>, ApplyError> {
    let key = from.get(1..).filter(|key| !key.is_empty());
    key.map(|key| key.parse().map_err(|error| content("part", error)))
        .transpose()
}

#[async_trait]
impl Compare for TenancySink {
    async fn compare(
        &self,
        db: &Db,
        epoch: &Arc<str>,
        items: &[Vec<u8>],
    ) -> Result<Vec<Difference>, ApplyError> {
        let from = origin(epoch);
        let (mut accounts, mut settings, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for item in items {
            match read::change(item)? {
                Some(Change::AccountChanged(of)) => accounts.push(read::account(of, &from)?),
                Some(Change::SettingsChanged(of)) => settings.push(read::settings(of, &from)?),
                Some(Change::PlaceChanged(of)) => places.push(read::place(of, &from)?),
                _ => {}
            }
        }
        let rows = KeptRows(db);
        let mut named: Vec<AccountId> = accounts.iter().map(|of| of.id).collect();
        named.extend(settings.iter().map(|of| of.account));
        named.extend(places.iter().map(|of| of.account));
        named.sort_unstable();
        named.dedup();
        let known = rows.accounts(&named).await?;
        let products = rows.products().await?;
        let mut found = Vec::new();
        for told in accounts {
            found.extend(match known.get(&told.id) {
                Some(kept) => account(&told, kept),
                None if told.state == PlaceState::Deleted => None,
                None => {
                    let unknown = !products.contains(told.product.as_str());
                    let because = unknown.then(|| {
                        format!(
                            "authorization has no product `{}`: apply its manifest, then reconcile again",
                            told.product
                        )
                    });
                    Some(missing(Thing::Account(told.id), because))
                }
            });
        }
        for told in settings {
            let kept = known.get(&told.account);
            found.extend(kept.and_then(|kept| self::settings(&told, kept)));
        }
        let ids = places
            .iter()
            .map(|of| (of.account, of.scope.uuid().unwrap_or_default()));
        let kept = rows.places(&ids.collect::<Vec<_>>()).await?;
        for told in places {
            let id = told.scope.uuid().unwrap_or_default();
            found.extend(match kept.get(&(told.account, id)) {
                Some(kept) => place(&told, kept),
                None if told.state == PlaceState::Deleted => None,
                None => {
                    let unknown = !known.contains_key(&told.account);
                    let because = unknown.then(|| "authorization does not have its account".to_owned());
                    Some(missing(Thing::Place(told.account, told.scope), because))
                }
            });
        }
        Ok(found)
    }
    async fn kept(&self, db: &Db, from: Option<&str>) -> Result<Kept, ApplyError> {
        let rows = KeptRows(db);
        let from = from.unwrap_or_default();
        if !from.starts_with(SECOND) {
            return Ok(part(rows.accounts_after(key(from)?).await?, FIRST, Some(SECOND)));
        }
        let after = match from.split_once('/') {
            Some((account, id)) => {
                let id = id.parse().map_err(|error| content("part", error))?;
                key(account)?.map(|account| (account, id))
            }
            None => None,
        };
        let (things, last) = rows.places_after(after).await?;
        let last = last.map(|(account, id)| format!("{account}/{id}"));
        Ok(part((things, last), SECOND, None))
    }
}

fn account(told: &AccountTold, kept: &bailiwick_authorization_core::account::Account) -> Option<Difference> {
    let anchor = told.billing_anchor.unwrap_or(kept.billing_anchor);
    Fields::default()
        .version(&told.version, &kept.version)
        .field("product", &told.product, &kept.product)
        .field("title", &told.title, &kept.title)
        .field("state", &place_state(told.state), &place_state(kept.state))
        .field("seats", &told.seats, &kept.seats)
        .field("billing_anchor", &anchor.0, &kept.billing_anchor.0)
        .of(Thing::Account(told.id))
}

fn settings(
    told: &SettingsTold,
    kept: &bailiwick_authorization_core::account::Account,
) -> Option<Difference> {
    let values = |of| serde_json::to_string(of).unwrap_or_default();
    Fields::default()
        .version(&told.version, &kept.settings_version)
        .field("values", &values(&told.values), &values(&kept.settings))
        .of(Thing::Settings(told.account))
}

fn place(told: &PlaceTold, kept: &bailiwick_authorization_core::account::Place) -> Option<Difference> {
    let edition = |of: Option<&String>| text(of);
    Fields::default()
        .version(&told.version, &kept.version)
        .field("parent", &told.parent, &kept.parent)
        .field("title", &told.title, &kept.title)
        .field(
            "edition",
            &edition(told.edition.as_ref()),
            &edition(kept.edition.as_ref()),
        )
        .field("state", &place_state(told.state), &place_state(kept.state))
        .of(Thing::Place(told.account, told.scope.clone()))
}

#[async_trait]
impl Compare for IdentitySink {
    async fn compare(
        &self,
        db: &Db,
        epoch: &Arc<str>,
        items: &[Vec<u8>],
    ) -> Result<Vec<Difference>, ApplyError> {
        let from = origin(epoch);
        let (mut people, mut services) = (Vec::new(), Vec::new());
        for item in items {
            match read::change(item)? {
                Some(Change::UserChanged(of)) => people.push(read::person(of, &from)?),
                Some(Change::ServiceAccountChanged(of)) => services.push(read::service_account(of, &from)?),
                _ => {}
            }
        }
        let rows = KeptRows(db);
        let ids: Vec<_> = people.iter().map(|of| of.user).collect();
        let known = rows.people(&ids).await?;
        let mut subjects: Vec<Subject> = ids.iter().map(|id| Subject::user(*id)).collect();
        subjects.extend(services.iter().map(|of| Subject::service(of.id)));
        let roles = rows.root_roles(&subjects).await?;
        let has = |subject: Subject, root: &ScopeRoot, role: &str| {
            roles.contains(&(subject, root.clone(), role.to_owned()))
        };
        let mut found = Vec::new();
        for told in people {
            let thing = Thing::User(told.user);
            let Some(kept) = known.get(&told.user) else {
                found.push(missing(thing, None));
                continue;
            };
            let operates = has(Subject::user(told.user), &ScopeRoot::Deployment, "operator");
            found.extend(person(&told, kept, operates));
        }
        let ids: Vec<_> = services.iter().map(|of| of.id).collect();
        let known = rows.service_accounts(&ids).await?;
        let accounts = services.iter().filter_map(|of| account_of(&of.root));
        let accounts = rows.accounts(&accounts.collect::<Vec<_>>()).await?;
        for told in services {
            let Some(kept) = known.get(&told.id) else {
                let unknown = account_of(&told.root).filter(|account| !accounts.contains_key(account));
                let because = unknown.map(|_| "authorization does not have its account".to_owned());
                found.push(missing(Thing::ServiceAccount(told.id), because));
                continue;
            };
            let role = told.role.as_deref().unwrap_or_default();
            let is_bound = has(Subject::service(told.id), &told.root, role);
            found.extend(service_account(&told, kept, is_bound));
        }
        Ok(found)
    }
    async fn kept(&self, db: &Db, from: Option<&str>) -> Result<Kept, ApplyError> {
        let rows = KeptRows(db);
        let from = from.unwrap_or_default();
        let after = key(from)?;
        Ok(if from.starts_with(SECOND) {
            part(rows.service_accounts_after(after).await?, SECOND, None)
        } else {
            part(rows.people_after(after).await?, FIRST, Some(SECOND))
        })
    }
}

fn account_of(root: &ScopeRoot) -> Option<AccountId> {
    match root {
        ScopeRoot::Account(account) => Some(*account),
        _ => None,
    }
}

fn person(
    told: &PersonTold,
    kept: &bailiwick_authorization_core::person::Person,
    operates: bool,
) -> Option<Difference> {
    let should = told.operator && told.state == PersonState::Active;
    Fields::default()
        .version(&told.version, &kept.version)
        .field("state", &person_state(told.state), &person_state(kept.state))
        .field("email", &told.email, &kept.email)
        .field("email_verified", &told.email_verified, &kept.email_verified)
        .field("operator", &told.operator, &kept.operator)
        .field("role_operator", &should, &operates)
        .of(Thing::User(told.user))
}

/// A role in an account is left out: it may be revoked there.
fn service_account(told: &ServiceAccount, kept: &ServiceAccount, is_bound: bool) -> Option<Difference> {
    let at_root = account_of(&told.root).is_none() && told.role.is_some();
    let should = told.enabled && at_root;
    // One that was kept of an older program names no creator.
    let creator = told.creator.as_ref().or(kept.creator.as_ref());
    Fields::default()
        .version(&told.version, &kept.version)
        .field("enabled", &told.enabled, &kept.enabled)
        .field("scope", &told.root, &kept.root)
        .field("role", &text(told.role.as_ref()), &text(kept.role.as_ref()))
        .field("role_bound", &should, &(is_bound && at_root))
        .field("creator", &text(creator), &text(kept.creator.as_ref()))
        .of(Thing::ServiceAccount(told.id))
}
