//! The store of the rule tests: tables in memory, a copy of which a unit of work changes.

mod api_keys;
mod attempts;
mod mails;
mod second_factors;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use bailiwick_types::{
    EmailKey, ScopeRoot, ServiceAccountId, SessionId, StoreError, Timestamp, Token, UserId,
};

use self::attempts::{Address, Counter};
use crate::{
    api_key::{ApiKey, KeyMac},
    change::Change,
    device::KnownDevice,
    mail::Mail,
    one_time::OneTimeSecret,
    password::PasswordHash,
    request::{self, Answered, RequestKey},
    second_factor::{Challenge, Totp},
    secret::Digest,
    service_account::{self, Secrets, ServiceAccount},
    session::{self, Consumption, RefreshToken, Session},
    signing::{self, StoredKey},
    store::{Store, Write},
    user::{self, Closing, Credentials, User, UserState},
};

#[derive(Debug, Clone, Default)]
struct Tables {
    users: BTreeMap<UserId, (User, Option<PasswordHash>)>,
    closings: BTreeMap<UserId, Closing>,
    deleted: BTreeMap<UserId, u64>,
    ended_sessions: BTreeMap<SessionId, Timestamp>,
    sessions: BTreeMap<SessionId, Session>,
    refresh_tokens: HashMap<Digest, RefreshToken>,
    revoked_tokens: BTreeMap<String, Timestamp>,
    step_ups: HashMap<(SessionId, String), StepUp>,
    totps: BTreeMap<UserId, Totp>,
    recovery_codes: BTreeMap<UserId, Vec<Digest>>,
    challenges: HashMap<Digest, Challenge>,
    service_accounts: BTreeMap<ServiceAccountId, (ServiceAccount, Secrets)>,
    /// Those that were deleted.
    service_tombstones: BTreeMap<ServiceAccountId, ServiceAccount>,
    service_closings: BTreeMap<ServiceAccountId, service_account::Closing>,
    api_keys: BTreeMap<bailiwick_types::ApiKeyId, (ApiKey, KeyMac)>,
    signing_keys: BTreeMap<String, StoredKey>,
    requests: HashMap<Digest, (Answered, Timestamp)>,
    counters: HashMap<Digest, Counter>,
    addresses: HashMap<Digest, Address>,
    devices: HashMap<Digest, KnownDevice>,
    mails: BTreeMap<uuid::Uuid, Mail>,
    one_time_secrets: HashMap<Digest, OneTimeSecret>,
    revisions: HashMap<ScopeRoot, u64>,
    changes: Vec<Change>,
}

#[derive(Debug, Clone, Default)]
struct StepUp {
    made: Option<Timestamp>,
    consumed: Option<(Timestamp, [u8; 32])>,
}

/// A store, or a unit of work on it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    tables: Arc<Mutex<Tables>>,
    /// Of a unit of work: the tables that its commit replaces, and the roots that it holds.
    unit: Option<(Arc<Mutex<Tables>>, Vec<ScopeRoot>)>,
    emitted: Vec<ScopeRoot>,
    /// Held by a unit of work: one writes at a time.
    writing: Arc<tokio::sync::Mutex<()>>,
    _held: Option<Arc<tokio::sync::OwnedMutexGuard<()>>>,
}

impl Memory {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap()
    }
    /// The changes that were committed since the last call.
    pub(crate) fn take_changes(&self) -> Vec<Change> {
        std::mem::take(&mut self.tables().changes)
    }
}

#[async_trait]
impl Store for Memory {
    async fn write(&self, roots: &[ScopeRoot]) -> Result<Box<dyn Write>, StoreError> {
        let held = Arc::clone(&self.writing).lock_owned().await;
        Ok(Box::new(Self {
            writing: Arc::clone(&self.writing),
            _held: Some(Arc::new(held)),
            tables: Arc::new(Mutex::new(self.tables().clone())),
            unit: Some((Arc::clone(&self.tables), roots.to_vec())),
            emitted: Vec::new(),
        }))
    }
}

#[async_trait]
impl Write for Memory {
    fn next_revision(&self, root: &ScopeRoot) -> Result<u64, StoreError> {
        let held = self.unit.as_ref().is_some_and(|(_, roots)| roots.contains(root));
        if !held {
            return Err(StoreError::internal(format!("the unit does not hold `{root:?}`")));
        }
        Ok(self.tables().revisions.get(root).copied().unwrap_or_default() + 1)
    }
    fn emit(&mut self, root: &ScopeRoot, change: Change) -> Result<(), StoreError> {
        self.next_revision(root)?;
        self.tables().changes.push(change);
        if !self.emitted.contains(root) {
            self.emitted.push(root.clone());
        }
        Ok(())
    }
    async fn commit(self: Box<Self>) -> Result<Token, StoreError> {
        let mut tables = self.tables().clone();
        for root in &self.emitted {
            *tables.revisions.entry(root.clone()).or_default() += 1;
        }
        if let Some((store, _)) = &self.unit {
            *store.lock().unwrap() = tables;
        }
        Ok(Token::default())
    }
}

#[async_trait]
impl user::Reader for Memory {
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.tables().users.get(&id).map(|(user, _)| user.clone()))
    }
    async fn users(&self, ids: &[UserId]) -> Result<Vec<User>, StoreError> {
        let tables = self.tables();
        let found = tables.users.values().filter(|(user, _)| ids.contains(&user.id));
        Ok(found.map(|(user, _)| user.clone()).collect())
    }
    async fn user_page(
        &self,
        after: Option<UserId>,
        limit: u64,
        email: Option<&EmailKey>,
    ) -> Result<Vec<User>, StoreError> {
        let tables = self.tables();
        let users = tables.users.values().map(|(user, _)| user);
        let found = users.filter(|user| {
            after.is_none_or(|after| user.id > after) && email.is_none_or(|email| user.email.key() == *email)
        });
        Ok(found.take(usize::try_from(limit).unwrap()).cloned().collect())
    }
    async fn credentials(&self, id: UserId) -> Result<Option<Credentials>, StoreError> {
        let tables = self.tables();
        Ok(tables
            .users
            .get(&id)
            .cloned()
            .map(|(user, password)| Credentials {
                user,
                password,
                closing: tables.closings.contains_key(&id),
            }))
    }
    async fn credentials_by_email(&self, email: &EmailKey) -> Result<Option<Credentials>, StoreError> {
        let found = self.user_page(None, 1, Some(email)).await?;
        match found.first() {
            Some(user) => self.credentials(user.id).await,
            None => Ok(None),
        }
    }
    async fn has_active_operator(&self) -> Result<bool, StoreError> {
        let tables = self.tables();
        let mut users = tables.users.values();
        Ok(users.any(|(user, _)| user.operator && user.state == UserState::Active))
    }
    async fn deleted(&self, id: UserId) -> Result<Option<u64>, StoreError> {
        Ok(self.tables().deleted.get(&id).copied())
    }
    async fn closing(&self, user: UserId) -> Result<Option<Closing>, StoreError> {
        Ok(self.tables().closings.get(&user).cloned())
    }
    async fn closings(&self, before: Timestamp, limit: u64) -> Result<Vec<Closing>, StoreError> {
        let tables = self.tables();
        let old = tables
            .closings
            .values()
            .filter(|closing| closing.created < before);
        Ok(old.take(usize::try_from(limit).unwrap()).cloned().collect())
    }
}

#[async_trait]
impl user::Writer for Memory {
    async fn insert_user(&mut self, user: &User, password: Option<&PasswordHash>) -> Result<(), StoreError> {
        let mut tables = self.tables();
        if tables
            .users
            .values()
            .any(|(other, _)| other.email.key() == user.email.key())
        {
            return Err(StoreError::Taken("e-mail address"));
        }
        tables.users.insert(user.id, (user.clone(), password.cloned()));
        Ok(())
    }
    async fn update_user(&mut self, user: &User) -> Result<(), StoreError> {
        if let Some((stored, _)) = self.tables().users.get_mut(&user.id) {
            (stored.state, stored.version) = (user.state, user.version);
            (stored.operator, stored.email_verified) = (user.operator, user.email_verified);
            stored.display_name.clone_from(&user.display_name);
            stored.locale.clone_from(&user.locale);
        }
        Ok(())
    }
    async fn set_password(&mut self, user: UserId, password: &PasswordHash) -> Result<(), StoreError> {
        if let Some((_, stored)) = self.tables().users.get_mut(&user) {
            *stored = Some(password.clone());
        }
        Ok(())
    }
    async fn insert_closing(&mut self, closing: &Closing) -> Result<(), StoreError> {
        self.tables().closings.insert(closing.user, closing.clone());
        Ok(())
    }
    async fn delete_closing(&mut self, user: UserId) -> Result<(), StoreError> {
        self.tables().closings.remove(&user);
        Ok(())
    }
    async fn erase_user(&mut self, user: &User, version: u64, now: Timestamp) -> Result<(), StoreError> {
        let (mut tables, id) = (self.tables(), user.id);
        let tables = &mut *tables;
        let (gone, kept): (BTreeMap<_, _>, _) = std::mem::take(&mut tables.sessions)
            .into_iter()
            .partition(|(_, of)| of.user == id);
        tables.sessions = kept;
        tables
            .refresh_tokens
            .retain(|_, token| !gone.contains_key(&token.session));
        tables
            .step_ups
            .retain(|(session, _), _| !gone.contains_key(session));
        let ended = gone.values().map(|of| (of.id, of.ended.unwrap_or(now)));
        tables.ended_sessions.extend(ended);
        tables.totps.remove(&id);
        tables.recovery_codes.remove(&id);
        tables.challenges.retain(|_, of| of.user != id);
        tables.devices.retain(|_, of| of.user != id);
        tables.one_time_secrets.retain(|_, of| of.user != id);
        tables.api_keys.retain(|_, (key, _)| key.user != id);
        tables.closings.remove(&id);
        tables.users.remove(&id);
        tables.deleted.insert(id, version);
        Ok(())
    }
}

#[async_trait]
impl session::Reader for Memory {
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        Ok(self.tables().sessions.get(&id).cloned())
    }
    async fn live_sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        let tables = self.tables();
        let live = tables
            .sessions
            .values()
            .filter(|s| s.user == user && s.is_live(now));
        Ok(live.map(|session| session.id).collect())
    }
    async fn session_page(
        &self,
        user: UserId,
        after: Option<SessionId>,
        limit: u64,
        now: Timestamp,
        idle: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        let tables = self.tables();
        let live = tables.sessions.values().rev().filter(|s| {
            s.user == user && s.is_live(now) && s.last_use() > idle && after.is_none_or(|after| s.id < after)
        });
        Ok(live.take(usize::try_from(limit).unwrap()).cloned().collect())
    }
    async fn sessions_ended_since(&self, since: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        let tables = self.tables();
        let ended = tables
            .sessions
            .values()
            .filter(|s| s.ended.is_some_and(|at| at >= since));
        let erased = tables.ended_sessions.iter().filter(|(_, at)| **at >= since);
        Ok(ended
            .map(|session| session.id)
            .chain(erased.map(|(id, _)| *id))
            .collect())
    }
    async fn refresh_token(&self, digest: &Digest) -> Result<Option<RefreshToken>, StoreError> {
        Ok(self.tables().refresh_tokens.get(digest).cloned())
    }
    async fn unused_child(&self, parent: &Digest) -> Result<Option<RefreshToken>, StoreError> {
        let tables = self.tables();
        let mut tokens = tables.refresh_tokens.values();
        Ok(tokens
            .find(|token| token.parent.as_ref() == Some(parent) && token.used.is_none())
            .cloned())
    }
    async fn revoked_tokens(&self, after: Timestamp) -> Result<Vec<String>, StoreError> {
        let tables = self.tables();
        let revoked = tables.revoked_tokens.iter();
        let live = revoked.filter(|(_, expires)| **expires > after);
        Ok(live.map(|(token, _)| token.clone()).collect())
    }
    async fn is_revoked(&self, token: &str) -> Result<bool, StoreError> {
        Ok(self.tables().revoked_tokens.contains_key(token))
    }
}

impl Memory {
    /// Changes a session where it is live and the change applies.
    fn on_live(&self, id: SessionId, now: Timestamp, change: impl FnOnce(&mut Session) -> bool) -> bool {
        let mut tables = self.tables();
        let session = tables
            .sessions
            .get_mut(&id)
            .filter(|session| session.is_live(now));
        session.is_some_and(change)
    }
}

#[async_trait]
impl session::Writer for Memory {
    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        self.tables().sessions.insert(session.id, session.clone());
        Ok(())
    }
    async fn end_session(&mut self, id: SessionId, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.on_live(id, now, |session| {
            session.ended = Some(now);
            true
        }))
    }
    async fn insert_refresh_token(&mut self, token: &RefreshToken) -> Result<(), StoreError> {
        self.tables().refresh_tokens.insert(token.digest, token.clone());
        Ok(())
    }
    async fn use_refresh_token(&mut self, digest: &Digest, now: Timestamp) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let token = tables.refresh_tokens.get_mut(digest);
        let token = token.filter(|token| token.used.is_none() && now < token.expires);
        Ok(token.map(|token| token.used = Some(now)).is_some())
    }
    async fn refreshed(&mut self, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
        self.on_live(id, now, |session| {
            session.refreshed = Some(now);
            true
        });
        Ok(())
    }
    async fn revoke_token(&mut self, token: &str, expires: Timestamp) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let new = !tables.revoked_tokens.contains_key(token);
        tables.revoked_tokens.entry(token.to_owned()).or_insert(expires);
        Ok(new)
    }
    async fn step_up(&mut self, id: SessionId, method: &str, now: Timestamp) -> Result<bool, StoreError> {
        let live = self.on_live(id, now, |_| true);
        if live {
            let mut tables = self.tables();
            let step_up = tables.step_ups.entry((id, method.to_owned())).or_default();
            step_up.made = Some(now);
        }
        Ok(live)
    }
    async fn forget_step_ups(&mut self, id: SessionId) -> Result<(), StoreError> {
        self.tables().step_ups.retain(|(session, _), _| *session != id);
        Ok(())
    }
    async fn consume_step_up(&mut self, of: &Consumption<'_>) -> Result<bool, StoreError> {
        if !self.on_live(of.session, of.now, |_| true) {
            return Ok(false);
        }
        let mut tables = self.tables();
        let Some(step_up) = tables.step_ups.get_mut(&(of.session, of.method.to_owned())) else {
            return Ok(false);
        };
        let repeated =
            |(at, request): (Timestamp, [u8; 32])| at >= of.repeated_since && request == of.request.0;
        if step_up.consumed.is_some_and(repeated) {
            return Ok(true);
        }
        let fresh = step_up.made.is_some_and(|at| at >= of.not_before);
        if fresh {
            step_up.made = None;
            step_up.consumed = Some((of.now, of.request.0));
        }
        Ok(fresh)
    }
    async fn purge_sessions(&mut self, before: Timestamp, _: u64) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let all = tables.sessions.len();
        tables.sessions.retain(|_, session| session.expires >= before);
        tables.ended_sessions.retain(|_, ended| *ended >= before);
        Ok((all - tables.sessions.len()) as u64)
    }
    async fn purge_tokens(&mut self, before: Timestamp, _: u64) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let all = tables.refresh_tokens.len();
        tables.refresh_tokens.retain(|_, token| token.expires >= before);
        tables.revoked_tokens.retain(|_, expires| *expires >= before);
        Ok((all - tables.refresh_tokens.len()) as u64)
    }
}

#[async_trait]
impl service_account::Reader for Memory {
    async fn service_account(&self, id: ServiceAccountId) -> Result<Option<ServiceAccount>, StoreError> {
        Ok(self
            .tables()
            .service_accounts
            .get(&id)
            .map(|(account, _)| account.clone()))
    }
    async fn service_account_secret(
        &self,
        id: ServiceAccountId,
    ) -> Result<Option<(ServiceAccount, Secrets)>, StoreError> {
        Ok(self.tables().service_accounts.get(&id).cloned())
    }
    async fn disabled_service_accounts(&self) -> Result<Vec<ServiceAccountId>, StoreError> {
        let tables = self.tables();
        let accounts = tables.service_accounts.values().map(|(account, _)| account);
        Ok(accounts
            .filter(|account| !account.enabled)
            .map(|account| account.id)
            .chain(tables.service_tombstones.keys().copied())
            .collect())
    }
    async fn service_closing(
        &self,
        id: ServiceAccountId,
    ) -> Result<Option<service_account::Closing>, StoreError> {
        Ok(self.tables().service_closings.get(&id).cloned())
    }
    async fn service_closings(
        &self,
        before: Timestamp,
        limit: u64,
    ) -> Result<Vec<service_account::Closing>, StoreError> {
        let tables = self.tables();
        let old = tables
            .service_closings
            .values()
            .filter(|closing| closing.created < before);
        Ok(old.take(usize::try_from(limit).unwrap()).cloned().collect())
    }
    async fn service_account_page(
        &self,
        after: Option<ServiceAccountId>,
        limit: u64,
    ) -> Result<Vec<ServiceAccount>, StoreError> {
        let tables = self.tables();
        let accounts = tables.service_accounts.values().map(|(account, _)| account);
        let found = accounts.filter(|account| after.is_none_or(|after| account.id > after));
        Ok(found.take(usize::try_from(limit).unwrap()).cloned().collect())
    }
}

#[async_trait]
impl service_account::Writer for Memory {
    async fn insert_service_account(
        &mut self,
        account: &ServiceAccount,
        secret: &Digest,
    ) -> Result<(), StoreError> {
        let row = (account.clone(), Secrets::one(*secret));
        self.tables().service_accounts.insert(account.id, row);
        Ok(())
    }
    async fn update_service_account(&mut self, account: &ServiceAccount) -> Result<(), StoreError> {
        if let Some((stored, _)) = self.tables().service_accounts.get_mut(&account.id) {
            (stored.enabled, stored.version) = (account.enabled, account.version);
            stored.role.clone_from(&account.role);
        }
        Ok(())
    }
    async fn set_service_secrets(
        &mut self,
        id: ServiceAccountId,
        secrets: &Secrets,
    ) -> Result<(), StoreError> {
        if let Some((_, stored)) = self.tables().service_accounts.get_mut(&id) {
            *stored = *secrets;
        }
        Ok(())
    }
    async fn bury_service_account(
        &mut self,
        account: &ServiceAccount,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tables = self.tables();
        tables.service_accounts.remove(&account.id);
        tables.service_tombstones.insert(account.id, account.clone());
        Ok(())
    }
    async fn insert_service_closing(&mut self, closing: &service_account::Closing) -> Result<(), StoreError> {
        self.tables().service_closings.insert(closing.id, closing.clone());
        Ok(())
    }
    async fn delete_service_closing(&mut self, id: ServiceAccountId) -> Result<(), StoreError> {
        self.tables().service_closings.remove(&id);
        Ok(())
    }
}

#[async_trait]
impl signing::Reader for Memory {
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        Ok(self.tables().signing_keys.values().cloned().collect())
    }
}

#[async_trait]
impl signing::Writer for Memory {
    async fn put_signing_key(&mut self, key: &StoredKey) -> Result<(), StoreError> {
        self.tables().signing_keys.insert(key.kid.clone(), key.clone());
        Ok(())
    }
    async fn delete_signing_key(&mut self, kid: &str) -> Result<(), StoreError> {
        self.tables().signing_keys.remove(kid);
        Ok(())
    }
}

#[async_trait]
impl request::Reader for Memory {
    async fn answered(&self, request: &RequestKey) -> Result<Option<Answered>, StoreError> {
        Ok(self
            .tables()
            .requests
            .get(&request.key)
            .map(|(answered, _)| answered.clone()))
    }
}

#[async_trait]
impl request::Writer for Memory {
    async fn record_request(
        &mut self,
        request: &RequestKey,
        made: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let answered = Answered {
            content: request.content,
            made: made.to_owned(),
        };
        let mut tables = self.tables();
        let new = !tables.requests.contains_key(&request.key);
        tables.requests.entry(request.key).or_insert((answered, now));
        Ok(new)
    }
    async fn purge_requests(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let all = tables.requests.len();
        tables.requests.retain(|_, (_, recorded)| *recorded >= before);
        Ok((all - tables.requests.len()) as u64)
    }
}
