//! A known account: everything of it is true at one point of the primary's history, its watermark.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bailiwick_policy::{AccountPolicy, PlaceId, Places};
use bailiwick_types::{ScopeRoot, Service};

use super::{
    changes::{Changes, Verdict},
    trail::{History, Trail},
};
use crate::{
    Bound, Content, Epoch, Event, KnownStamps, ProductState, Root, Row, Watermark,
    l1::Parts,
    parts::{Part, PartKey, PartRef},
};

/// The greatest number of users and service accounts whose last change an account remembers: each account
/// keeps them for itself, and of older ones the primary is asked.
const FACTS: usize = 1_024;

/// The content of an account that has to be read again before rows can be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Outdated {
    /// What is bound at the deployment has changed.
    pub(crate) deployment: bool,
    /// The manifest, or what is bound at the product, has changed.
    pub(crate) product: bool,
    /// The account's roles, settings or state have changed.
    pub(crate) account: bool,
}

/// Why rows cannot be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Revisions between the watermark and them are missing, or one cannot be read.
    Incomplete,
    /// They do not continue the history that the watermark is of.
    OtherHistory,
}

/// Content that was read again, in the snapshot that rows lead to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fresh {
    pub(crate) deployment: Option<Arc<Bound>>,
    pub(crate) product: Option<(Arc<ProductState>, Arc<Bound>)>,
    pub(crate) account: Option<(Arc<AccountPolicy>, Places)>,
}

impl Outdated {
    pub(crate) fn any(self) -> bool {
        self.deployment || self.product || self.account
    }
}

impl Fresh {
    pub(crate) fn whole(content: Content) -> Self {
        Self {
            deployment: Some(content.deployment),
            product: Some((content.product, content.product_bound)),
            account: Some((content.policy, content.places)),
        }
    }
}

/// The state of a known account.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) epoch: Epoch,
    pub(crate) content: Content,
    pub(crate) parts: Parts,
    /// When the read began that brought it here, on the boot clock: its age does not depend on the poller
    /// alone.
    pub(crate) read_at: Duration,
    watermark: Watermark,
    changes: Changes,
    /// The changes of the facts of identity, by the deployment's revisions.
    facts: Changes,
    trail: Trail,
    deployment_trail: Trail,
    /// Values of the shared cache that were read before this revision of the account are not used: it has
    /// returned one of a lost history.
    shared_from: u64,
    /// Changes of other services that the watermark is known to include.
    arrived: HashMap<(Service, ScopeRoot), (Box<str>, u64)>,
}

impl Ready {
    /// Starts with watermark and base at the snapshot that `content` was read in.
    pub(crate) fn new(
        epoch: Epoch,
        at: Watermark,
        content: Content,
        read_at: Duration,
        limit: usize,
        capacity: usize,
    ) -> Self {
        Self {
            epoch,
            content,
            parts: Parts::new(capacity),
            read_at,
            watermark: at,
            changes: Changes::new(at.account, limit),
            facts: Changes::new(at.deployment, limit.min(FACTS)),
            trail: Trail::new(at.account, at.stamps.account),
            deployment_trail: Trail::new(at.deployment, at.stamps.deployment),
            shared_from: 0,
            arrived: HashMap::new(),
        }
    }

    /// Every change up to here has been applied, in order.
    #[inline]
    pub(crate) fn watermark(&self) -> Watermark {
        self.watermark
    }

    /// How a part stands at the watermark.
    #[inline]
    pub(crate) fn test(&self, key: PartRef<'_>, part: &Part) -> Verdict {
        if !self.watermark.covers(&part.read_at) {
            Verdict::Ahead
        } else if let PartRef::Fact(_) = key {
            self.facts
                .test(key, part.read_at.deployment, self.watermark.deployment)
        } else if part.manifest != self.content.product.manifest {
            // Its names were resolved by another manifest.
            Verdict::Stale
        } else {
            let verdict = self
                .changes
                .test(key, part.read_at.account, self.watermark.account);
            if verdict == Verdict::Valid && !part.is_typed_for(&self.content.policy) {
                return Verdict::Untyped;
            }
            verdict
        }
    }

    /// How a part of the shared cache, which the watermark covers, stands to the history of the account.
    pub(crate) fn history_of(&self, part: &Part) -> History {
        if part.read_at.account < self.shared_from {
            return History::Unknown;
        }
        let is_fact = part.closed().is_some();
        History::of_part(
            is_fact,
            &part.read_at,
            &self.watermark,
            self.known_stamps(&part.read_at),
        )
    }

    /// The stamps that the revisions of a point have in the account's history, as far as they are remembered.
    fn known_stamps(&self, at: &Watermark) -> KnownStamps {
        KnownStamps {
            deployment: self.deployment_trail.stamp(at.deployment),
            product: None,
            account: self.trail.stamp(at.account),
        }
    }

    /// Whether a point that the watermark covers is known to be one of the account's history.
    pub(crate) fn includes(&self, at: &Watermark) -> bool {
        History::of_part(false, at, &self.watermark, self.known_stamps(at)) == History::Same
    }

    /// Whether a part of the shared cache may be asked about at all.
    pub(crate) fn trusts_shared(&self, part: &Part) -> bool {
        part.read_at.account >= self.shared_from
    }

    /// Drops all parts, and uses none of the shared cache that were read before now: it has returned one of a
    /// lost history.
    pub(crate) fn distrust_shared(&mut self, capacity: usize) {
        self.parts = Parts::new(capacity);
        self.shared_from = self.watermark.account;
    }

    /// Whether a resource of a type may have changed between a revision and the watermark.
    pub(crate) fn type_changed_after(&self, type_name: &str, read_at: u64) -> bool {
        self.watermark.account > read_at && self.changes.type_changed_after(type_name, read_at)
    }

    /// Bytes, without the product that accounts share.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>()
            + self.content.places.weight()
            + self.content.policy.weight()
            + self.changes.weight()
            + self.facts.weight()
            + self.trail.weight()
            + self.deployment_trail.weight()
            + self.parts.weight()
    }

    /// The rows after the watermark, and the watermark after them; old rows and those of other roots are
    /// skipped.
    fn news<'a>(&self, rows: impl IntoIterator<Item = &'a Row>) -> Result<(Vec<&'a Row>, Watermark), Broken> {
        let content = &self.content;
        let own = content.places.account().id;
        let (mut news, mut next) = (Vec::new(), self.watermark);
        for row in rows {
            let stamps = &mut next.stamps;
            let (at, stamp) = match &row.root {
                Root::Deployment => (&mut next.deployment, &mut stamps.deployment),
                Root::Product(name) if *name == content.product.name => {
                    (&mut next.product, &mut stamps.product)
                }
                Root::Account(id) if PlaceId::from(*id) == own => (&mut next.account, &mut stamps.account),
                Root::Product(_) | Root::Account(_) => continue,
            };
            if row.revision < *at {
                continue;
            }
            let known = if row.revision == *at {
                row.stamp
            } else {
                row.stamp_before
            };
            if row.revision <= *at + 1 && known != *stamp {
                return Err(Broken::OtherHistory);
            }
            if row.revision == *at {
                continue;
            }
            if row.revision != *at + 1 || row.events.contains(&Event::Unreadable) {
                return Err(Broken::Incomplete);
            }
            (*at, *stamp) = (row.revision, row.stamp);
            news.push(row);
        }
        Ok((news, next))
    }

    /// Tells what has to be read again before rows can be applied; skips old rows and those of other roots.
    ///
    /// # Errors
    /// A revision is missing, a row cannot be read or does not continue the history.
    pub(crate) fn outdated_by<'a>(
        &self,
        rows: impl IntoIterator<Item = &'a Row>,
    ) -> Result<Outdated, Broken> {
        let mut outdated = Outdated::default();
        let (news, _) = self.news(rows)?;
        for row in news.into_iter().filter(|row| row.has_content()) {
            match row.root {
                Root::Deployment => outdated.deployment = true,
                Root::Product(_) => outdated.product = true,
                Root::Account(_) => outdated.account = true,
            }
        }
        Ok(outdated)
    }

    /// Applies rows in order, together with the content that was read in the snapshot that they lead to. All
    /// of it becomes visible at once: the caller holds the account exclusively.
    ///
    /// # Errors
    /// As [`Ready::outdated_by`], or a place does not fit into the tree: the account has to be dropped.
    pub(crate) fn apply<'a>(
        &mut self,
        rows: impl IntoIterator<Item = &'a Row>,
        fresh: Fresh,
    ) -> Result<(), Broken> {
        let mut places: Option<Places> = None;
        let (news, next) = self.news(rows)?;
        for row in news {
            match row.root {
                Root::Account(_) => self.account_row(row, &mut places)?,
                Root::Deployment => self.deployment_row(row),
                Root::Product(_) => {}
            }
        }
        self.watermark = next;
        if let Some(places) = places {
            self.content.places = places;
        }
        self.refresh(fresh);
        Ok(())
    }

    fn deployment_row(&mut self, row: &Row) {
        self.deployment_trail.push(row.revision, row.stamp);
        for event in &row.events {
            if let Event::Part(key @ PartKey::Fact(_)) = event {
                self.parts.remove(key.borrowed());
                self.facts.note(key.clone(), row.revision);
            }
        }
    }

    fn account_row(&mut self, row: &Row, places: &mut Option<Places>) -> Result<(), Broken> {
        self.trail.push(row.revision, row.stamp);
        for event in &row.events {
            match event {
                Event::Part(key) => {
                    self.parts.remove(key.borrowed());
                    self.changes.note(key.clone(), row.revision);
                }
                Event::Place(place) => {
                    let places = places.get_or_insert_with(|| self.content.places.clone());
                    places.insert(*place).map_err(|_| Broken::Incomplete)?;
                }
                Event::AccountState(state) => {
                    let places = places.get_or_insert_with(|| self.content.places.clone());
                    let account = places.account().id;
                    places
                        .set_state(account, *state)
                        .map_err(|_| Broken::Incomplete)?;
                }
                Event::Content | Event::Unreadable => {}
            }
        }
        Ok(())
    }

    fn refresh(&mut self, fresh: Fresh) {
        if let Some(deployment) = fresh.deployment {
            self.content.deployment = deployment;
        }
        let manifest = self.content.product.manifest;
        if let Some((product, bound)) = fresh.product {
            self.content.product = product;
            self.content.product_bound = bound;
        }
        if let Some((policy, places)) = fresh.account {
            self.content.policy = policy;
            self.content.places = places;
        } else if self.content.product.manifest != manifest {
            let product = Arc::clone(&self.content.product.product);
            self.content.policy = Arc::new(self.content.policy.under(product));
        }
    }

    /// Whether the watermark includes another service's changes up to a revision.
    pub(crate) fn has_arrived(&self, service: Service, root: &ScopeRoot, epoch: &str, revision: u64) -> bool {
        let known = self.arrived.get(&(service, root.clone()));
        known.is_some_and(|(of, upto)| **of == *epoch && *upto >= revision)
    }

    /// Notes that the watermark includes another service's changes up to a revision.
    pub(crate) fn arrived(&mut self, service: Service, root: ScopeRoot, epoch: &str, revision: u64) {
        if self.arrived.len() >= 4_096 {
            self.arrived.clear();
        }
        self.arrived.insert((service, root), (epoch.into(), revision));
    }

    /// Notes when a read began that confirmed the account's state.
    pub(crate) fn read_began(&mut self, at: Duration) {
        self.read_at = self.read_at.max(at);
    }
}
