//! A small authorization database in memory: what the simulation writes to and what it holds answers against.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use bailiwick_authorization_engine::{
    Bound, Event, FactKey, PartKey, PartRows, ProductState, Root, Row, Stamps, Watermark,
};
use bailiwick_policy::{
    AccountPolicy, Audience, DecisionInput, Level, Member, MemberState, Numbers, PermissionSet,
    PermissionSetBuilder, Place, PlaceId, PlaceState, Places, Product, Request, Resource, RoleNo,
    StoredBinding, StoredResource, StoredSubject, Target, Values, compile, decide,
    manifest::{self, MemberKind},
};
use bailiwick_types::{AccountId, GroupId, ProductName, Scope, Subject, Timestamp, UserId, WorkspaceId};
use uuid::Uuid;

const FIRST: &str = "
product: notes
levels: {account: {title: Account}, workspace: {title: Workspace}}
types:
  note: {verbs: [view, edit], implies: {edit: [view]}}
roles:
  editor: {levels: {account: {permissions: [note.edit]}, workspace: {permissions: [note.edit]}}}
  viewer: {levels: {account: {permissions: [note.view]}, workspace: {permissions: [note.view]}}}
";

/// SplitMix64: small, and the same everywhere.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
    pub fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % most.max(1) as u64).unwrap()
    }
}

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n)
}

pub static ACCOUNTS: std::sync::LazyLock<[AccountId; 2]> =
    std::sync::LazyLock::new(|| [1, 2].map(|n| AccountId::from_uuid(uuid(n))));

pub fn user(n: usize) -> Subject {
    Subject::user(UserId::from_uuid(uuid(0x100 + n as u128)))
}
fn group(n: usize) -> GroupId {
    GroupId::from_uuid(uuid(0x200 + n as u128))
}
fn workspace() -> WorkspaceId {
    WorkspaceId::from_uuid(uuid(0x300))
}
fn service() -> Subject {
    "service:svc".parse().unwrap()
}
fn subjects() -> Vec<Subject> {
    let users = (0..4).map(user);
    users.chain((0..2).map(|n| Subject::group(group(n)))).collect()
}
pub fn name() -> ProductName {
    "notes".to_owned().try_into().unwrap()
}

/// The two manifests that the product has in turns.
pub fn products() -> Vec<Arc<ProductState>> {
    let first = manifest::parse(FIRST).unwrap();
    let second = manifest::parse(&FIRST.replace(
        "{account: {permissions: [note.edit]}",
        "{account: {permissions: [note.view]}",
    ))
    .unwrap();
    assert_ne!(first, second);
    let (one, numbers) = compile(&first, Numbers::default()).unwrap();
    let (two, _) = compile(&second, numbers).unwrap();
    let state = |manifest, product| {
        Arc::new(ProductState {
            name: name(),
            manifest,
            product: Arc::new(product),
        })
    };
    vec![state(1, one), state(2, two)]
}

/// What is asked of an account, always together: a mixture of two moments shows.
pub fn questions(account: AccountId) -> Vec<(Subject, &'static str, String)> {
    let (all, inner) = (format!("account:{account}"), format!("workspace:{}", workspace()));
    let mut asked = Vec::new();
    for n in 0..4 {
        asked.push((user(n), "note.view", all.clone()));
        asked.push((user(n), "note.edit", inner.clone()));
        asked.push((user(n), "note.view", "note:1".to_owned()));
    }
    asked.push((user(0), "note.edit", "note:2".to_owned()));
    asked.push((service(), "decision.check", all));
    asked
}

#[derive(Debug, Clone)]
struct AccountState {
    revision: u64,
    stamp: i64,
    bindings: BTreeSet<(Subject, RoleNo, PlaceId)>,
    members: BTreeSet<Subject>,
    groups: BTreeSet<(usize, Subject)>,
    notes: BTreeMap<String, PlaceId>,
    inner: PlaceState,
    changes: BTreeMap<PartKey, u64>,
}

/// Everything that the primary holds at one moment.
#[derive(Debug, Clone)]
pub struct State {
    products: [Arc<Product>; 2],
    pub deployment: u64,
    pub product: u64,
    stamps: [i64; 2],
    /// The version of the manifest: 1 or 2.
    pub version: usize,
    serves: bool,
    /// Users whom identity has closed.
    closed: BTreeSet<FactKey>,
    fact_changes: BTreeMap<PartKey, u64>,
    accounts: [AccountState; 2],
}

fn slot(account: AccountId) -> usize {
    ACCOUNTS.iter().position(|known| *known == account).unwrap()
}

fn key_of(subject: &Subject) -> PartKey {
    match subject.id().parse::<GroupId>() {
        Ok(group) if subject.kind() == "group" => PartKey::Group(group.uuid().as_u128()),
        _ => PartKey::Subject(subject.as_str().into()),
    }
}

impl State {
    pub fn new(one: Arc<Product>, two: Arc<Product>) -> Self {
        let empty = || AccountState {
            revision: 1,
            stamp: 0,
            bindings: BTreeSet::new(),
            members: (0..4).map(user).collect(),
            groups: BTreeSet::new(),
            notes: BTreeMap::new(),
            inner: PlaceState::Active,
            changes: BTreeMap::new(),
        };
        Self {
            products: [one, two],
            deployment: 0,
            product: 1,
            stamps: [0; 2],
            version: 1,
            serves: true,
            closed: BTreeSet::new(),
            fact_changes: BTreeMap::new(),
            accounts: [empty(), empty()],
        }
    }
    fn now(&self) -> &Arc<Product> {
        &self.products[self.version - 1]
    }
    pub fn revision_of(&self, root: &Root) -> u64 {
        match root {
            Root::Deployment => self.deployment,
            Root::Product(_) => self.product,
            Root::Account(id) => self.accounts[slot(*id)].revision,
        }
    }
    pub fn watermark(&self, account: AccountId) -> Watermark {
        let of = &self.accounts[slot(account)];
        Watermark {
            deployment: self.deployment,
            product: self.product,
            account: of.revision,
            stamps: Stamps {
                deployment: self.stamps[0],
                product: self.stamps[1],
                account: of.stamp,
            },
        }
    }
    pub fn policy(&self, product: &Arc<Product>) -> AccountPolicy {
        AccountPolicy::compile(Arc::clone(product), Vec::new(), Vec::new(), BTreeMap::new())
    }
    pub fn bound(&self) -> Bound {
        let mut sets = HashMap::new();
        if self.serves {
            let mut set = PermissionSetBuilder::new(service());
            set.bind(RoleNo::SERVICE, PlaceId::PRODUCT, None, None);
            sets.insert(service().as_str().into(), Arc::new(set.build()));
        }
        Bound {
            revision: self.product,
            sets,
        }
    }
    pub fn places(&self, account: AccountId) -> Places {
        let mut places = Places::new(account);
        places.insert(self.inner_of(account)).unwrap();
        places
    }
    fn inner_of(&self, account: AccountId) -> Place {
        Place {
            id: PlaceId::from(workspace()),
            parent: PlaceId::from(account),
            level: Level::Workspace,
            state: self.accounts[slot(account)].inner,
        }
    }

    fn rows(&self, account: AccountId, subject: &Subject) -> StoredSubject {
        let state = &self.accounts[slot(account)];
        let mut rows = StoredSubject::new(subject.clone());
        if state.members.contains(subject) {
            rows.member = Some(Member {
                kind: MemberKind::Agent,
                state: MemberState::Active,
                expires_at: None,
            });
        }
        let groups = state.groups.iter().filter(|(_, member)| member == subject);
        rows.groups = groups.map(|(n, _)| group(*n)).collect();
        for (of, role, place) in &state.bindings {
            if of == subject {
                rows.bindings.push(StoredBinding {
                    role: self
                        .now()
                        .role(*role)
                        .map_or("gone", |role| &role.name)
                        .to_owned(),
                    number: None,
                    level: Level::Account,
                    place: *place,
                    expires_at: None,
                    parameters: serde_json::Map::new(),
                });
            }
        }
        rows
    }
    fn note(&self, account: AccountId, id: &str) -> Option<StoredResource> {
        let place = *self.accounts[slot(account)].notes.get(id)?;
        Some(StoredResource {
            type_name: "note".to_owned(),
            id: id.to_owned(),
            place,
            owner: None,
            parent: None,
            attributes: serde_json::Map::new(),
            registered: 1,
        })
    }
    pub fn notes_after(&self, account: AccountId, after: &str, limit: usize) -> Vec<Box<str>> {
        let notes = self.accounts[slot(account)].notes.keys();
        let ids = notes.filter(|id| id.as_str() > after).take(limit);
        ids.map(|id| id.as_str().into()).collect()
    }
    /// The rows of a subject and of all groups above it.
    fn closure(&self, account: AccountId, subject: &Subject) -> Vec<StoredSubject> {
        let mut all = vec![self.rows(account, subject)];
        let mut next = 0;
        while next < all.len() {
            for id in all[next].groups.clone() {
                let above = Subject::group(id);
                if !all.iter().any(|rows| rows.subject == above) {
                    all.push(self.rows(account, &above));
                }
            }
            next += 1;
        }
        all
    }

    pub fn parts(&self, account: AccountId, keys: &[PartKey]) -> Vec<(PartKey, PartRows)> {
        let mut parts = BTreeMap::new();
        for key in keys {
            let subject: Subject = match key {
                PartKey::Resource(text) => {
                    let note = text.strip_prefix("note:").and_then(|id| self.note(account, id));
                    parts.insert(key.clone(), PartRows::Resource(note.map(Box::new)));
                    continue;
                }
                PartKey::Fact(of) => {
                    parts.insert(key.clone(), PartRows::Closed(self.closed.contains(of)));
                    continue;
                }
                PartKey::Subject(text) => text.parse().unwrap(),
                PartKey::Group(id) => Subject::group(GroupId::from_uuid(Uuid::from_u128(*id))),
            };
            if let Some(of) = FactKey::of(&subject) {
                let closed = self.closed.contains(&of);
                parts.insert(PartKey::Fact(of), PartRows::Closed(closed));
            }
            for rows in self.closure(account, &subject) {
                let key = key_of(&rows.subject);
                parts.insert(key, PartRows::Subject(Box::new(rows)));
            }
        }
        parts.into_iter().collect()
    }
    pub fn last_changes(&self, account: AccountId, keys: &[PartKey]) -> Vec<u64> {
        let state = &self.accounts[slot(account)];
        let changes = |key: &PartKey| match key {
            PartKey::Fact(_) => self.fact_changes.get(key).copied(),
            _ => state.changes.get(key).copied(),
        };
        keys.iter().map(|key| changes(key).unwrap_or(0)).collect()
    }

    /// What the questions are answered with at this moment, made from everything at once.
    pub fn answers(&self, account: AccountId) -> Vec<bool> {
        let (policy, places) = (self.policy(self.now()), self.places(account));
        let all = questions(account);
        let one = |(subject, permission, target): &(Subject, &str, String)| {
            self.answer(account, (&policy, &places), subject, permission, target)
        };
        all.iter().map(one).collect()
    }
    fn answer(
        &self,
        account: AccountId,
        (policy, places): (&AccountPolicy, &Places),
        subject: &Subject,
        permission: &str,
        target: &str,
    ) -> bool {
        let (none, bound) = (Values::default(), self.bound());
        let own = self.closure(account, subject).into_iter();
        let own: Vec<PermissionSet> = own.map(|rows| rows.set(policy)).collect();
        let mut sets: Vec<&PermissionSet> = own.iter().collect();
        sets.extend(bound.sets.get(subject.as_str()).map(|set| &**set));
        let note = target.strip_prefix("note:").map(|id| self.note(account, id));
        let note = note.map(|row| row.and_then(|row| row.resource(policy.product())));
        let chain: Vec<&Resource> = note.iter().flatten().collect();
        let target = match (&note, target.parse::<Scope>()) {
            (Some(None), _) => Target::Absent,
            (Some(Some(_)), _) => Target::Resource(&chain),
            (None, Ok(scope)) => Target::Scope(PlaceId::from(&scope)),
            (None, Err(_)) => unreachable!(),
        };
        let input = DecisionInput {
            policy,
            places,
            subject,
            disabled: FactKey::of(subject).is_some_and(|of| self.closed.contains(&of)),
            sets: &sets,
            buckets: &[],
            target,
            request: Request {
                attributes: &none,
                context: &none,
                digest: None,
            },
            audience: Audience::Product,
            now: Timestamp(0),
        };
        decide(&input, policy.product().permission_no(permission).unwrap()).is_allow()
    }
    /// The notes that a user sees at this moment.
    pub fn seen(&self, account: AccountId, user: &Subject) -> Vec<String> {
        let (policy, places) = (self.policy(self.now()), self.places(account));
        let sees = |id: &&String| {
            let target = format!("note:{id}");
            self.answer(account, (&policy, &places), user, "note.view", &target)
        };
        self.accounts[slot(account)]
            .notes
            .keys()
            .filter(sees)
            .cloned()
            .collect()
    }
    /// The scopes around a note.
    pub fn around(&self, account: AccountId, note: &str) -> Vec<String> {
        let place = self.accounts[slot(account)].notes[note];
        let inner = (place == PlaceId::from(workspace())).then(|| format!("workspace:{}", workspace()));
        inner.into_iter().chain([format!("account:{account}")]).collect()
    }

    /// One write: it may change several things, and more than one root.
    pub fn change(&mut self, dice: &mut Dice) -> Vec<Row> {
        match dice.below(20) {
            0 => {
                self.version = 3 - self.version;
                self.product += 1;
                vec![self.row(Root::Product(name()), vec![Event::Content], dice)]
            }
            1 => {
                self.serves = !self.serves;
                self.product += 1;
                vec![self.row(Root::Product(name()), vec![Event::Content], dice)]
            }
            2 => {
                self.deployment += 1;
                vec![self.row(Root::Deployment, Vec::new(), dice)]
            }
            // What identity says of a user counts in both accounts, whose revisions stay.
            4 | 5 => {
                self.deployment += 1;
                let of = FactKey::of(&user(dice.below(4))).unwrap();
                if !self.closed.remove(&of) {
                    self.closed.insert(of);
                }
                let key = PartKey::Fact(of);
                self.fact_changes.insert(key.clone(), self.deployment);
                vec![self.row(Root::Deployment, vec![Event::Part(key)], dice)]
            }
            3 => {
                // One write in both accounts: seen in both or in none.
                let mut rows = Vec::new();
                for n in 0..2 {
                    let events = self.change_account(n, dice);
                    rows.push(self.row(Root::Account(ACCOUNTS[n]), events, dice));
                }
                rows
            }
            _ => {
                let n = dice.below(2);
                let mut events = self.change_account(n, dice);
                if dice.below(3) == 0 {
                    self.accounts[n].revision -= 1;
                    events.extend(self.change_account(n, dice));
                }
                vec![self.row(Root::Account(ACCOUNTS[n]), events, dice)]
            }
        }
    }
    /// The row of the revision that a root has now, which gets a stamp.
    fn row(&mut self, root: Root, events: Vec<Event>, dice: &mut Dice) -> Row {
        let stamp = i64::try_from(dice.below(usize::MAX >> 1)).unwrap();
        let of = match &root {
            Root::Deployment => &mut self.stamps[0],
            Root::Product(_) => &mut self.stamps[1],
            Root::Account(id) => &mut self.accounts[slot(*id)].stamp,
        };
        let stamp_before = std::mem::replace(of, stamp);
        Row {
            revision: self.revision_of(&root),
            root,
            stamp,
            stamp_before,
            events,
        }
    }
    fn change_account(&mut self, n: usize, dice: &mut Dice) -> Vec<Event> {
        let account = ACCOUNTS[n];
        let roles = ["editor", "viewer"].map(|role| self.now().role_no(role).unwrap());
        let all = subjects();
        let state = &mut self.accounts[n];
        state.revision += 1;
        let mut events = Vec::new();
        match dice.below(12) {
            0 => {
                state.inner = if state.inner == PlaceState::Active {
                    PlaceState::Suspended
                } else {
                    PlaceState::Active
                };
                events.push(Event::Place(self.inner_of(account)));
            }
            1 => events.push(Event::Content),
            2 | 3 => {
                let id = (1 + dice.below(2)).to_string();
                if state.notes.remove(&id).is_none() {
                    let places = [PlaceId::from(account), PlaceId::from(workspace())];
                    state.notes.insert(id.clone(), places[dice.below(2)]);
                }
                events.push(Event::Part(PartKey::Resource(format!("note:{id}").into())));
            }
            4 | 5 => {
                let pair = (dice.below(2), all[dice.below(all.len())].clone());
                events.push(Event::Part(key_of(&pair.1)));
                if !state.groups.remove(&pair) {
                    state.groups.insert(pair);
                }
            }
            6 => {
                let who = user(dice.below(4));
                events.push(Event::Part(key_of(&who)));
                if !state.members.remove(&who) {
                    state.members.insert(who);
                }
            }
            7 | 8 => {
                // What one has the other loses.
                let (a, b) = (user(dice.below(2)), user(2 + dice.below(2)));
                let place = PlaceId::from(account);
                let had = state.bindings.remove(&(a.clone(), roles[0], place));
                state.bindings.remove(&(b.clone(), roles[0], place));
                state
                    .bindings
                    .insert((if had { b.clone() } else { a.clone() }, roles[0], place));
                events.extend([a, b].iter().map(|who| Event::Part(key_of(who))));
            }
            _ => {
                let places = [PlaceId::from(account), PlaceId::from(workspace())];
                let who = all[dice.below(all.len())].clone();
                let binding = (who, roles[dice.below(2)], places[dice.below(2)]);
                events.push(Event::Part(key_of(&binding.0)));
                if !state.bindings.remove(&binding) {
                    state.bindings.insert(binding);
                }
            }
        }
        let state = &mut self.accounts[n];
        for event in &events {
            if let Event::Part(key) = event {
                state.changes.insert(key.clone(), state.revision);
            }
        }
        events
    }
}
