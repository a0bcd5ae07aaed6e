//! An account's tree: account, instances, workspaces.

use std::sync::Arc;

use bailiwick_types::{AccountId, Level};

use crate::{PlaceId, index::mix};

/// Whether anything may be done in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PlaceState {
    /// It may.
    #[default]
    Active,
    /// It is suspended.
    Suspended,
    /// It is on its way to another account.
    Moving,
    /// It is deleted and may come back.
    Deleted,
    /// Of an account: only what the product's manifest names under `restricted`.
    Restricted,
}

impl PlaceState {
    /// Whether something may be done in it.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Active | Self::Restricted)
    }
}

bailiwick_types::codes!(PlaceState { Active = 1, Suspended = 2, Moving = 3, Deleted = 4, Restricted = 5 });

/// A place of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub id: PlaceId,
    /// The place above it; its own id for the account.
    pub parent: PlaceId,
    /// What it is.
    pub level: Level,
    /// Whether anything may be done in it.
    pub state: PlaceState,
}

/// The way from a place up to its account, the place first.
#[derive(Debug, Clone, Copy)]
pub struct Path<'p> {
    places: [&'p Place; 3],
    length: usize,
}

impl<'p> std::ops::Deref for Path<'p> {
    type Target = [&'p Place];
    #[inline]
    fn deref(&self) -> &[&'p Place] {
        self.places.get(..self.length).unwrap_or_default()
    }
}

/// Why a place cannot be put where it should go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlacesError {
    /// The place above it is not in the tree.
    #[error("the place above it is not known")]
    UnknownParent,
    /// A place of its level cannot be there.
    #[error("a place of this level cannot be there")]
    WrongLevel,
    /// It still has places below it.
    #[error("there are still places below it")]
    NotEmpty,
    /// It is not in the tree.
    #[error("the place is not known")]
    Unknown,
}

/// How many places a shard holds before there are twice as many shards.
const SHARD: usize = 128;

/// The tree of one account.
///
/// A clone is cheap and shares what does not change: a writer clones, changes and publishes the clone, while
/// readers keep theirs. A change copies one shard of about a hundred places and the list of shards.
#[derive(Debug, Clone)]
pub struct Places {
    account: Place,
    /// A power of two of them.
    shards: Box<[Arc<Shard>]>,
    count: usize,
}

impl Places {
    /// Makes the tree of an account without instances and workspaces.
    #[must_use]
    pub fn new(account: AccountId) -> Self {
        let id = PlaceId::from(account);
        let account = Place {
            id,
            parent: id,
            level: Level::Account,
            state: PlaceState::Active,
        };
        Self {
            account,
            shards: [Arc::new(Shard::default())].into(),
            count: 0,
        }
    }

    /// Makes a tree at once. Places whose parent is missing or of the wrong level are left out and returned.
    #[must_use]
    pub fn build(
        account: AccountId,
        state: PlaceState,
        places: impl IntoIterator<Item = Place>,
    ) -> (Self, Vec<Place>) {
        let mut tree = Self::new(account);
        tree.account.state = state;
        let mut places: Vec<Place> = places.into_iter().collect();
        // Instances come before the workspaces in them.
        places.sort_by_key(|place| (place.level, place.id));
        places.dedup_by_key(|place| place.id);
        let mut shards = vec![Vec::new(); places.len().div_ceil(SHARD).next_power_of_two()];
        let mut instances = std::collections::HashSet::new();
        let mut refused = Vec::new();
        for place in places {
            let under_account = place.parent == tree.account.id;
            let fits = match place.level {
                Level::Instance => under_account && instances.insert(place.id),
                Level::Workspace => under_account || instances.contains(&place.parent),
                _ => false,
            };
            let slot = shard_of(place.id, shards.len());
            match shards
                .get_mut(slot)
                .filter(|_| fits && place.id != tree.account.id)
            {
                Some(shard) => shard.push(place),
                None => refused.push(place),
            }
        }
        tree.count = shards.iter().map(Vec::len).sum();
        tree.shards = shards
            .into_iter()
            .map(|shard| Arc::new(Shard::new(shard)))
            .collect();
        (tree, refused)
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &Place {
        &self.account
    }

    /// Counts the instances and workspaces.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Tells whether the account has neither instances nor workspaces.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Looks a place up.
    #[inline]
    #[must_use]
    pub fn get(&self, id: PlaceId) -> Option<&Place> {
        if id == self.account.id {
            return Some(&self.account);
        }
        let shard = self.shards.get(shard_of(id, self.shards.len()))?;
        shard.get(id)
    }

    /// The way from a place up to the account; `None` for a place that is not in the tree.
    #[inline]
    #[must_use]
    pub fn path(&self, id: PlaceId) -> Option<Path<'_>> {
        let first = self.get(id)?;
        let account = &self.account;
        let (places, length) = match first.level {
            Level::Account => ([first; 3], 1),
            _ if first.parent == account.id => ([first, account, account], 2),
            _ => ([first, self.get(first.parent)?, account], 3),
        };
        Some(Path { places, length })
    }

    /// All instances and workspaces, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Place> {
        self.shards.iter().flat_map(|shard| shard.places.iter())
    }

    /// The places directly below one, in no particular order. Goes through the whole tree.
    pub fn children(&self, of: PlaceId) -> impl Iterator<Item = &Place> {
        self.iter().filter(move |place| place.parent == of)
    }

    /// Sets the state of the account or of a place in it.
    ///
    /// # Errors
    /// The place is not in the tree.
    pub fn set_state(&mut self, id: PlaceId, state: PlaceState) -> Result<(), PlacesError> {
        if id == self.account.id {
            self.account.state = state;
            return Ok(());
        }
        let place = *self.get(id).ok_or(PlacesError::Unknown)?;
        self.put(Place { state, ..place });
        Ok(())
    }

    /// Puts a place in, or in place of the one with its id: also what moves a workspace within the account.
    ///
    /// # Errors
    /// The place above it is not there or cannot have it below.
    pub fn insert(&mut self, place: Place) -> Result<(), PlacesError> {
        let parent = self.get(place.parent).ok_or(PlacesError::UnknownParent)?;
        let fits = match place.level {
            Level::Instance => parent.level == Level::Account,
            Level::Workspace => matches!(parent.level, Level::Account | Level::Instance),
            _ => false,
        };
        let same_level = self.get(place.id).is_none_or(|old| old.level == place.level);
        if !fits || !same_level {
            return Err(PlacesError::WrongLevel);
        }
        self.put(place);
        Ok(())
    }

    /// Takes a place out.
    ///
    /// # Errors
    /// It is not there, is the account, or has places below it.
    pub fn remove(&mut self, id: PlaceId) -> Result<Place, PlacesError> {
        let place = *self.get(id).ok_or(PlacesError::Unknown)?;
        match place.level {
            Level::Instance if self.children(id).next().is_some() => return Err(PlacesError::NotEmpty),
            Level::Instance | Level::Workspace => {}
            _ => return Err(PlacesError::WrongLevel),
        }
        let slot = shard_of(id, self.shards.len());
        if let Some(shard) = self.shards.get_mut(slot) {
            let rest = shard
                .places
                .iter()
                .filter(|other| other.id != id)
                .copied()
                .collect();
            *shard = Arc::new(Shard::new(rest));
            self.count -= 1;
        }
        Ok(place)
    }

    fn put(&mut self, place: Place) {
        if self.count >= self.shards.len() * SHARD {
            self.grow();
        }
        let slot = shard_of(place.id, self.shards.len());
        let Some(shard) = self.shards.get_mut(slot) else {
            return;
        };
        let mut places = Vec::with_capacity(shard.places.len() + 1);
        places.extend(shard.places.iter().filter(|other| other.id != place.id));
        places.push(place);
        self.count = self.count + places.len() - shard.places.len();
        *shard = Arc::new(Shard::new(places));
    }

    fn grow(&mut self) {
        let mut shards = vec![Vec::new(); self.shards.len() * 2];
        for place in self.iter() {
            let slot = shard_of(place.id, shards.len());
            if let Some(shard) = shards.get_mut(slot) {
                shard.push(*place);
            }
        }
        self.shards = shards
            .into_iter()
            .map(|shard| Arc::new(Shard::new(shard)))
            .collect();
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn weight(&self) -> usize {
        const COUNTERS: usize = 2 * size_of::<usize>();
        let shard = |shard: &Arc<Shard>| {
            size_of::<Arc<Shard>>()
                + COUNTERS
                + size_of::<Shard>()
                + size_of_val(&*shard.places)
                + size_of_val(&*shard.slots)
        };
        size_of::<Self>() + self.shards.iter().map(shard).sum::<usize>()
    }
}

/// Ids are UUIDv7: a clock in the high half, mostly random bits in the low one.
fn shard_of(id: PlaceId, shards: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
    let mixed = mix(id.0) as usize;
    mixed & (shards - 1)
}

/// Some hundred places and where to find them.
#[derive(Debug, Default)]
struct Shard {
    places: Box<[Place]>,
    /// Indexes into the places by hash, open addressing, at most half full.
    slots: Box<[u16]>,
}

impl Shard {
    fn new(places: Vec<Place>) -> Self {
        let mut slots = vec![u16::MAX; (places.len() * 2).next_power_of_two()];
        let mask = slots.len() - 1;
        for (index, place) in places.iter().enumerate() {
            // Ids are spread evenly: no shard comes near this.
            let Ok(index) = u16::try_from(index) else { break };
            let mut slot = Self::slot(place.id, mask);
            while slots.get(slot).is_some_and(|at| *at != u16::MAX) {
                slot = (slot + 1) & mask;
            }
            if let Some(at) = slots.get_mut(slot) {
                *at = index;
            }
        }
        Self {
            places: places.into(),
            slots: slots.into(),
        }
    }

    /// Other bits than those that chose the shard.
    #[inline]
    fn slot(id: PlaceId, mask: usize) -> usize {
        let mixed = (mix(id.0) >> 40) as usize;
        mixed & mask
    }

    #[inline]
    fn get(&self, id: PlaceId) -> Option<&Place> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut slot = Self::slot(id, mask);
        loop {
            let index = *self.slots.get(slot)?;
            // The end mark is no index: an empty slot ends the search.
            let place = self.places.get(usize::from(index))?;
            if place.id == id {
                return Some(place);
            }
            slot = (slot + 1) & mask;
        }
    }
}
