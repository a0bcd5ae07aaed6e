//! What a change would do: who would gain or lose what, effectively, where. There is one way for all of them: the change is
//! made in a transaction that is not committed, and what the people concerned have is looked at before and after it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bailiwick_policy::{
    AccountPolicy, HeldPermissions, PermissionBits, PermissionNo, PlaceId, Product, Resource, RoleNo, Target,
    Values, manifest::MemberKind, permissions_held,
};
use bailiwick_types::{AccountId, Code, Fault, FieldViolation, GroupId, Reason, Scope, Subject, Timestamp};

use super::{Work, create_grant::MANY};
use crate::{
    Aim, On, Read, Situation, StoreError,
    grant::{About, AppliesTo, Filter},
};

/// The most pairs of a person and a place that one preview looks at: more is an error, never a cut.
pub const MOST: usize = 10_000;

/// Members that are read at once.
const PAGE: u64 = 1_000;

/// How strongly somebody has a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Not at all.
    None,
    /// Under a condition.
    Conditional,
    /// Once somebody approves.
    NeedsApproval,
    /// Without condition or approval.
    Full,
}

/// A permission that somebody would have in another way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// The permission.
    pub permission: String,
    /// How it is had now.
    pub before: Strength,
    /// How it would be had.
    pub after: Strength,
}

/// What one person would gain or lose in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The account.
    pub account: AccountId,
    /// Who.
    pub subject: Subject,
    /// The scope of the binding, or what the grant is about.
    pub on: On,
    /// For a grant on a type in a scope: the type.
    pub of: Option<String>,
    /// What a check there would no longer deny, sorted.
    pub gains: Vec<String>,
    /// What a check there would deny from then on, sorted.
    pub loses: Vec<String>,
    /// Everything that would be had in another way, sorted: also what would come under a condition or an approval.
    pub shifts: Vec<Shift>,
}

/// Why nothing is told.
#[derive(Debug, thiserror::Error)]
pub enum Error<E: std::error::Error> {
    /// The change would be refused.
    #[error(transparent)]
    Change(E),
    /// It reaches too many people and places.
    #[error("the change reaches more than {MOST} pairs of a person and a place")]
    TooMany,
    /// The store fails.
    #[error(transparent)]
    Store(StoreError),
}

impl<E: std::error::Error> From<StoreError> for Error<E> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<E: Fault> Fault for Error<E> {
    fn code(&self) -> Code {
        match self {
            Self::Change(error) => error.code(),
            Self::TooMany => Code::ResourceExhausted,
            Self::Store(error) => error.code(),
        }
    }
    fn reason(&self) -> Reason {
        match self {
            Self::Change(error) => error.reason(),
            Self::TooMany => Reason::TooMany,
            Self::Store(error) => error.reason(),
        }
    }
    fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::Change(error) => error.violations(),
            Self::TooMany | Self::Store(_) => &[],
        }
    }
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Change(error) => error.retry_after(),
            Self::TooMany => None,
            Self::Store(error) => error.retry_after(),
        }
    }
}

/// A place where something may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spot {
    /// A scope or a resource.
    On(On),
    /// Resources of a type in a scope: one that the grant reaches stands for them.
    Type {
        of: String,
        scope: Scope,
        applies_to: AppliesTo,
    },
}

impl From<&Scope> for Spot {
    fn from(scope: &Scope) -> Self {
        Self::On(On::Scope(scope.clone()))
    }
}

impl From<&About> for Spot {
    fn from(about: &About) -> Self {
        match about {
            About::Resource(name) => Self::On(On::Resource(name.clone())),
            About::Scope(scope) => scope.into(),
            About::Type {
                of,
                scope,
                applies_to,
            } => Self::Type {
                of: of.clone(),
                scope: scope.clone(),
                applies_to: *applies_to,
            },
        }
    }
}

impl Spot {
    fn key(&self) -> String {
        match self {
            Self::On(on) => on.to_string(),
            Self::Type {
                of,
                scope,
                applies_to,
            } => format!("{scope} {of} {applies_to:?}"),
        }
    }
    fn scope(&self) -> Option<&Scope> {
        match self {
            Self::On(On::Scope(scope)) | Self::Type { scope, .. } => Some(scope),
            Self::On(On::Resource(_)) => None,
        }
    }
}

/// Who and where, each pair once.
#[derive(Debug, Default)]
pub(super) struct Points {
    all: BTreeMap<(Subject, String), Spot>,
    /// Whether some were left out.
    pub(super) too_many: bool,
}

impl Points {
    /// The members of some kinds, at the account.
    pub(super) async fn add_members(
        &mut self,
        read: &(impl Read + ?Sized),
        account: AccountId,
        kinds: &[MemberKind],
    ) -> Result<(), StoreError> {
        let spots = [Spot::from(&Scope::Account(account))];
        let mut after = None;
        while !kinds.is_empty() && !self.too_many {
            let some = read.members(account, after, PAGE).await?;
            for member in some.iter().filter(|member| kinds.contains(&member.kind)) {
                self.add(read, account, &Subject::user(member.user), &spots)
                    .await?;
            }
            let Some(last) = some.last().filter(|_| some.len() as u64 == PAGE) else {
                break;
            };
            after = Some(last.user);
        }
        Ok(())
    }
    /// A subject at some places; for a group, all users in it and in the groups in it.
    pub(super) async fn add(
        &mut self,
        read: &(impl Read + ?Sized),
        account: AccountId,
        subject: &Subject,
        spots: &[Spot],
    ) -> Result<(), StoreError> {
        for user in users_of(read, account, subject).await? {
            for spot in spots {
                if self.all.len() >= MOST {
                    self.too_many = true;
                    return Ok(());
                }
                self.all.insert((user.clone(), spot.key()), spot.clone());
            }
        }
        Ok(())
    }
}

/// The kinds of members that have one of these roles by default.
pub(super) fn kinds_with(policy: &AccountPolicy, roles: &[String]) -> Vec<MemberKind> {
    let named = |no: RoleNo| {
        policy
            .role(no)
            .is_some_and(|role| roles.contains(&role.name.to_string()))
    };
    let product = policy.product();
    // Members have what is given to anonymous subjects too.
    let all = product.anonymous_role().is_some_and(named);
    let mut kinds = vec![MemberKind::Agent, MemberKind::Customer];
    kinds.retain(|kind| all || product.default_role(*kind).is_some_and(named));
    kinds
}

/// The users that a subject stands for: itself, or for a group those in it, whatever the number of steps.
pub(super) async fn users_of(
    read: &(impl Read + ?Sized),
    account: AccountId,
    subject: &Subject,
) -> Result<BTreeSet<Subject>, StoreError> {
    let mut users = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![subject.clone()];
    while let Some(next) = open.pop() {
        let group = match (next.kind(), next.id().parse::<GroupId>()) {
            ("group", Ok(group)) => group,
            _ => {
                users.insert(next);
                continue;
            }
        };
        if seen.insert(group) && users.len() <= MOST {
            let limit = MOST as u64 + 1;
            open.extend(read.group_members(account, group, None, limit).await?);
        }
    }
    Ok(users)
}

/// Where groups have something.
pub(super) async fn spots_of_groups(
    read: &(impl Read + ?Sized),
    account: AccountId,
    groups: &BTreeSet<GroupId>,
) -> Result<Vec<Spot>, StoreError> {
    let mut spots = Vec::new();
    for group in groups {
        let subject = Subject::group(*group);
        let bindings = read.bindings_of(account, &subject).await?;
        spots.extend(bindings.iter().map(|binding| Spot::from(&binding.scope)));
        let filter = Filter {
            subject: Some(subject),
            ..Filter::default()
        };
        let grants = read.grants(account, &filter, None, MANY).await?;
        spots.extend(grants.iter().map(|grant| Spot::from(&grant.about)));
    }
    Ok(spots)
}

/// What people had before a change that is under way.
#[derive(Debug)]
pub(super) struct Seen {
    points: Points,
    before: Vec<HeldPermissions>,
}

impl Seen {
    /// Looks before the change.
    pub(super) async fn before(work: &Work, points: Points) -> Result<Self, StoreError> {
        let before = if points.too_many {
            Vec::new()
        } else {
            look(&*work.unit, work.account(), None, &points, work.now).await?
        };
        Ok(Self { points, before })
    }
    /// Looks again, and tells the difference.
    pub(super) async fn after<E: std::error::Error>(self, work: &Work) -> Result<Vec<Effect>, Error<E>> {
        if self.points.too_many {
            return Err(Error::TooMany);
        }
        let after = look(&*work.unit, work.account(), None, &self.points, work.now).await?;
        let products = [&**work.situation.policy.product()];
        Ok(effects(
            work.account(),
            &self.points,
            (&self.before, &after),
            &products,
        ))
    }
}

/// What everybody has at their places, in the order of the points.
pub(super) async fn look(
    read: &(impl Read + ?Sized),
    account: AccountId,
    policy: Option<&Arc<AccountPolicy>>,
    points: &Points,
    now: Timestamp,
) -> Result<Vec<HeldPermissions>, StoreError> {
    let Some(bare) = Situation::load(read, account, []).await? else {
        return Ok(vec![HeldPermissions::default(); points.all.len()]);
    };
    let mut aims: BTreeMap<&str, Aim> = BTreeMap::new();
    for ((_, key), spot) in &points.all {
        if let (Spot::On(on), false) = (spot, aims.contains_key(key.as_str())) {
            let aim = Aim::load(read, account, &bare.policy, on.clone()).await?;
            aims.insert(key, aim);
        }
    }
    let scopes: Vec<Scope> = points
        .all
        .iter()
        .filter_map(|((_, key), spot)| match aims.get(key.as_str()) {
            Some(aim) => aim.scope.clone(),
            None => spot.scope().cloned(),
        })
        .collect();
    let mut here = Situation::load(read, account, &scopes).await?.unwrap_or(bare);
    if let Some(policy) = policy {
        here = here.with_policy(Arc::clone(policy));
    }
    let mut all = Vec::with_capacity(points.all.len());
    let mut last = None;
    for ((subject, key), spot) in &points.all {
        let standing = match last.take() {
            Some((of, standing)) if of == subject => standing,
            _ => here.whole_standing(read, subject).await?,
        };
        let ask = |target: Target<'_>| {
            let request = here.plain_request();
            here.ask_about(subject, &standing, target, request, now, permissions_held)
        };
        all.push(match (spot, aims.get(key.as_str())) {
            (Spot::On(_), Some(aim)) => aim.target(ask),
            (Spot::On(_), None) => HeldPermissions::default(),
            (
                Spot::Type {
                    of,
                    scope,
                    applies_to,
                },
                _,
            ) => standing_for(here.policy.product(), of, scope, *applies_to)
                .map_or_else(HeldPermissions::default, |one| ask(Target::Resource(&[&one]))),
        });
        last = Some((subject, standing));
    }
    Ok(all)
}

/// A resource that stands for those of a type which a grant reaches.
fn standing_for(product: &Product, of: &str, scope: &Scope, applies_to: AppliesTo) -> Option<Resource> {
    Some(Resource {
        type_no: product.type_no(of)?,
        id: "".into(),
        place: PlaceId::from(scope),
        owner: None,
        parent: None,
        attributes: Values::default(),
        registered: match applies_to {
            AppliesTo::Existing => 0,
            AppliesTo::Future | AppliesTo::All => u64::MAX,
        },
    })
}

fn strength(held: &HeldPermissions, no: PermissionNo) -> Strength {
    if held.held.contains(no) {
        Strength::Full
    } else if held.needs_approval.contains(no) {
        Strength::NeedsApproval
    } else if held.allowed.contains(no) || held.undecided.contains(no) {
        Strength::Conditional
    } else {
        Strength::None
    }
}

/// What a check does not deny.
fn effective(held: &HeldPermissions) -> PermissionBits {
    let mut all = held.allowed.clone();
    all.union(&held.needs_approval);
    all
}

/// The differences, in the order of the points. A permission has the same number in all versions of a product.
pub(super) fn effects(
    account: AccountId,
    points: &Points,
    (before, after): (&[HeldPermissions], &[HeldPermissions]),
    products: &[&Product],
) -> Vec<Effect> {
    let known: BTreeMap<&str, PermissionNo> = products
        .iter()
        .flat_map(|product| product.permissions())
        .map(|info| (&*info.name, info.no))
        .collect();
    let names = |more: &PermissionBits, less: &PermissionBits| -> Vec<String> {
        let only = known
            .iter()
            .filter(|(_, no)| more.contains(**no) && !less.contains(**no));
        only.map(|(name, _)| (*name).to_owned()).collect()
    };
    let effect = |subject: &Subject, spot: &Spot, before: &HeldPermissions, after: &HeldPermissions| {
        let shift = |(name, no): (&&str, &PermissionNo)| {
            let (before, after) = (strength(before, *no), strength(after, *no));
            (before != after).then(|| Shift {
                permission: (*name).to_owned(),
                before,
                after,
            })
        };
        let shifts: Vec<Shift> = known.iter().filter_map(shift).collect();
        let (on, of) = match spot {
            Spot::On(on) => (on.clone(), None),
            Spot::Type { of, scope, .. } => (On::Scope(scope.clone()), Some(of.clone())),
        };
        (!shifts.is_empty()).then(|| Effect {
            account,
            subject: subject.clone(),
            on,
            of,
            gains: names(&effective(after), &effective(before)),
            loses: names(&effective(before), &effective(after)),
            shifts,
        })
    };
    let pairs = points.all.iter().zip(before.iter().zip(after));
    pairs
        .filter_map(|(((subject, _), spot), (before, after))| effect(subject, spot, before, after))
        .collect()
}
