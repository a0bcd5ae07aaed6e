//! Hashes of entries, and what they tell about a chain.
//!
//! A hash is SHA-256 over a text that names the format, then every field of the entry with its length in
//! front (8 bytes, big endian), so that no two entries have the same bytes.

use bailiwick_types::ScopeRoot;
use sha2::{Digest, Sha256};

use super::{Entry, Head};

/// Names the format of entries.
const ENTRY: &[u8] = b"bailiwick audit entry v1";
/// Names the format of the beginning of a chain.
const BEGINNING: &[u8] = b"bailiwick audit chain v1";
/// Names the format of heads.
const HEAD: &[u8] = b"bailiwick audit head v1";

/// Bytes with lengths in front.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn of(format: &[u8]) -> Self {
        Self::default().add(format)
    }
    fn add(mut self, field: &[u8]) -> Self {
        self.0.extend((field.len() as u64).to_be_bytes());
        self.0.extend(field);
        self
    }
    fn number(self, number: u64) -> Self {
        self.add(&number.to_be_bytes())
    }
    fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }
}

/// What the first entry of a chain has as the hash before it.
#[must_use]
pub fn beginning(chain: &ScopeRoot) -> [u8; 32] {
    Fields::of(BEGINNING).add(chain.to_string().as_bytes()).hash()
}

/// The hash of an entry.
#[must_use]
pub fn hash(entry: &Entry) -> [u8; 32] {
    let mut fields = Fields::of(ENTRY)
        .add(entry.chain.to_string().as_bytes())
        .number(entry.sequence)
        .add(&entry.previous)
        .add(entry.id.uuid().as_bytes())
        .add(&entry.time.0.to_be_bytes())
        .add(entry.service.as_str().as_bytes())
        .add(entry.actor.as_bytes())
        .add(entry.on_behalf_of.as_bytes())
        .add(entry.action.as_bytes())
        .add(entry.target.as_bytes())
        .add(entry.outcome.as_str().as_bytes())
        .number(entry.attempts.into())
        .add(entry.request_id.as_bytes())
        .add(entry.trace_id.as_bytes())
        .number(entry.details.len() as u64);
    for (name, value) in &entry.details {
        fields = fields.add(name.as_bytes()).add(value.as_bytes());
    }
    for sealed in [&entry.origin, &entry.content] {
        fields = fields.add(sealed.owner.as_bytes()).add(&sealed.bytes);
    }
    fields.hash()
}

/// What the code of a head is made over.
#[must_use]
pub fn head_message(head: &Head) -> Vec<u8> {
    Fields::of(HEAD)
        .add(head.chain.to_string().as_bytes())
        .number(head.sequence)
        .add(&head.hash)
        .add(head.epoch.as_bytes())
        .add(&[u8::from(head.suspect)])
        .0
}

/// What is wrong with a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An entry does not have its hash.
    #[error("entry {0} was changed")]
    Changed(u64),
    /// An entry is not at its place: one was removed, inserted or moved.
    #[error("entry {expected} is missing or not in its place: found entry {found}")]
    Misplaced {
        /// The place that comes next.
        expected: u64,
        /// The place of the entry that was found.
        found: u64,
    },
    /// An entry does not follow the one before it: one was exchanged.
    #[error("entry {0} does not follow the entry before it")]
    Unlinked(u64),
    /// An entry belongs to another chain.
    #[error("entry {0} is of another chain")]
    Foreign(u64),
    /// The chain does not end where its head says.
    #[error("the chain ends at entry {found}, its head is entry {head}")]
    Cut {
        /// The last entry.
        found: u64,
        /// What the head says.
        head: u64,
    },
    /// The last entry is not that of the head.
    #[error("the last entry is not the one of the head")]
    OtherEnd,
    /// The chain has entries and no head.
    #[error("the chain has no head")]
    NoHead,
    /// The code of the head, or of the file, is wrong.
    #[error("the signature is wrong")]
    Forged,
    /// The key of the code is not known here.
    #[error("the signature was made with a key that is not configured here")]
    UnknownKey,
    /// When an entry was added, the head or the entry before was found to be changed.
    #[error("the chain was found changed when an entry was added to it")]
    Suspect,
    /// A line of a file is not readable.
    #[error("line {0} is not an entry: {1}")]
    Line(u64, String),
}

/// Follows a chain from its beginning, or the part of it that a filter let through.
#[derive(Debug, Clone)]
pub struct Follow {
    chain: ScopeRoot,
    sequence: u64,
    hash: [u8; 32],
    whole: bool,
}

impl Follow {
    /// Follows a whole chain.
    #[must_use]
    pub fn whole(chain: &ScopeRoot) -> Self {
        Self {
            chain: chain.clone(),
            sequence: 0,
            hash: beginning(chain),
            whole: true,
        }
    }
    /// Follows entries of a chain that were filtered: those next to each other must be linked.
    #[must_use]
    pub fn filtered(chain: &ScopeRoot) -> Self {
        Self {
            whole: false,
            ..Self::whole(chain)
        }
    }
    /// The place of the last entry.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }
    /// Checks the next entry.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn next(&mut self, entry: &Entry) -> Result<(), Fault> {
        let (expected, found) = (self.sequence + 1, entry.sequence);
        if entry.chain != self.chain {
            return Err(Fault::Foreign(found));
        }
        if found < expected || self.whole && found != expected {
            return Err(Fault::Misplaced { expected, found });
        }
        if hash(entry) != entry.hash {
            return Err(Fault::Changed(found));
        }
        if found == expected && entry.previous != self.hash {
            return Err(Fault::Unlinked(found));
        }
        (self.sequence, self.hash) = (found, entry.hash);
        Ok(())
    }
    /// Checks that a whole chain ends where its head says. Who checks the head's code does so before.
    ///
    /// # Errors
    /// What is wrong with the end.
    pub fn end(&self, head: Option<&Head>) -> Result<(), Fault> {
        let Some(head) = head else {
            return if self.sequence == 0 {
                Ok(())
            } else {
                Err(Fault::NoHead)
            };
        };
        if head.sequence != self.sequence {
            let (found, head) = (self.sequence, head.sequence);
            return Err(Fault::Cut { found, head });
        }
        if head.chain != self.chain || head.hash != self.hash {
            return Err(Fault::OtherEnd);
        }
        if head.suspect { Err(Fault::Suspect) } else { Ok(()) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use bailiwick_types::{AccountId, AuditEntryId, Service, Timestamp};
    use uuid::Uuid;

    use super::*;
    use crate::audit::{Outcome, Sealed};

    pub(crate) fn chain() -> ScopeRoot {
        ScopeRoot::Account(AccountId::from_uuid(Uuid::from_u128(1)))
    }

    /// Entries of a chain.
    pub(crate) fn entries(count: u64) -> Vec<Entry> {
        let mut previous = beginning(&chain());
        let one = |sequence: u64| {
            let mut entry = Entry {
                id: AuditEntryId::from_uuid(Uuid::from_u128(sequence.into())),
                chain: chain(),
                sequence,
                time: Timestamp(i64::try_from(sequence).unwrap()),
                service: Service::Identity,
                actor: format!("user:{}", sequence % 7),
                on_behalf_of: "user:b".to_owned(),
                action: "test.act".to_owned(),
                target: format!("account:{sequence}"),
                outcome: Outcome::Done,
                attempts: 1,
                request_id: format!("r{sequence}"),
                trace_id: "t".to_owned(),
                details: [("fact".to_owned(), sequence.to_string())].into(),
                origin: Sealed {
                    owner: "user:a".to_owned(),
                    bytes: vec![1, 2, 3],
                },
                content: Sealed::default(),
                previous,
                hash: [0; 32],
            };
            entry.hash = hash(&entry);
            previous = entry.hash;
            entry
        };
        (1..=count).map(one).collect()
    }

    pub(crate) fn head(entries: &[Entry]) -> Head {
        let last = entries.last().unwrap();
        Head {
            chain: chain(),
            sequence: last.sequence,
            hash: last.hash,
            epoch: "e".to_owned(),
            suspect: false,
        }
    }

    fn verify(entries: &[Entry], head: &Head) -> Result<(), Fault> {
        let mut follow = Follow::whole(&chain());
        entries.iter().try_for_each(|entry| follow.next(entry))?;
        follow.end(Some(head))
    }

    #[test]
    fn a_chain_of_ten_thousand_verifies_and_one_without_entries_too() {
        let all = entries(10_000);
        assert_eq!(verify(&all, &head(&all)), Ok(()));
        assert_eq!(Follow::whole(&chain()).end(None), Ok(()));
    }

    #[test]
    fn an_entry_that_is_removed_inserted_exchanged_or_cut_off_is_found() {
        let all = entries(10_000);
        let end = head(&all);
        let changed = |change: fn(&mut Vec<Entry>)| {
            let mut all = all.clone();
            change(&mut all);
            verify(&all, &end)
        };
        let (expected, found) = (5_001, 5_002);
        let misplaced = Err(Fault::Misplaced { expected, found });
        assert_eq!(changed(|all| drop(all.remove(5_000))), misplaced);
        let (expected, found) = (5_001, 5_000);
        let misplaced = Err(Fault::Misplaced { expected, found });
        assert_eq!(changed(|all| all.insert(5_000, all[4_999].clone())), misplaced);
        let (expected, found) = (1, 2);
        assert_eq!(
            changed(|all| all.swap(0, 1)),
            Err(Fault::Misplaced { expected, found })
        );
        let (found, head) = (9_999, 10_000);
        assert_eq!(changed(|all| drop(all.pop())), Err(Fault::Cut { found, head }));
        // Renumbered and hashed anew, the entry does not link to the next one.
        let renumbered = changed(|all| {
            all.remove(5_000);
            for (entry, sequence) in all.iter_mut().zip(1..) {
                entry.sequence = sequence;
                entry.hash = hash(entry);
            }
        });
        assert_eq!(renumbered, Err(Fault::Unlinked(5_001)));
        // All hashes made anew: the head is signed.
        let rewritten = changed(|all| {
            let mut before = beginning(&chain());
            for entry in all.iter_mut() {
                entry.actor = "user:x".to_owned();
                entry.previous = before;
                entry.hash = hash(entry);
                before = entry.hash;
            }
        });
        assert_eq!(rewritten, Err(Fault::OtherEnd));
    }

    #[test]
    fn a_change_of_any_field_is_found() {
        let entry = entries(1).remove(0);
        let changes: [fn(&mut Entry); 20] = [
            |e| e.id = AuditEntryId::from_uuid(Uuid::from_u128(99)),
            |e| e.time.0 += 1,
            |e| e.service = Service::Tenancy,
            |e| e.actor.push('x'),
            |e| e.on_behalf_of.push('x'),
            |e| e.action.push('x'),
            |e| e.target.push('x'),
            |e| e.outcome = Outcome::Denied,
            |e| e.attempts += 1,
            |e| e.request_id.push('x'),
            |e| e.trace_id.push('x'),
            |e| drop(e.details.insert("more".to_owned(), String::new())),
            |e| drop(e.details.insert("fact".to_owned(), "2".to_owned())),
            |e| e.origin.owner.push('x'),
            |e| e.origin.bytes[0] ^= 1,
            |e| e.content.owner.push('x'),
            |e| e.content.bytes.push(0),
            |e| e.previous[31] ^= 1,
            |e| e.hash[0] ^= 1,
            // The same bytes, cut at another place.
            |e| {
                e.action = "test.ac".to_owned();
                e.target.insert(0, 't');
            },
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut changed = entry.clone();
            change(&mut changed);
            let found = Follow::whole(&chain()).next(&changed);
            assert_eq!(found, Err(Fault::Changed(1)), "change {number}");
        }
        let mut foreign = entry;
        foreign.chain = ScopeRoot::Deployment;
        assert_eq!(Follow::whole(&chain()).next(&foreign), Err(Fault::Foreign(1)));
    }

    #[test]
    fn a_head_that_is_missing_or_was_suspect_is_told() {
        let all = entries(3);
        let mut follow = Follow::whole(&chain());
        all.iter().for_each(|entry| follow.next(entry).unwrap());
        assert_eq!(follow.end(None), Err(Fault::NoHead));
        let suspect = Head {
            suspect: true,
            ..head(&all)
        };
        assert_eq!(follow.end(Some(&suspect)), Err(Fault::Suspect));
        assert_ne!(head_message(&suspect), head_message(&head(&all)));
    }

    #[test]
    fn filtered_entries_are_in_order_and_linked_where_they_are_neighbours() {
        let mut some = entries(10);
        some.retain(|entry| [2, 3, 7].contains(&entry.sequence));
        let follow = |entries: &[Entry]| {
            let mut follow = Follow::filtered(&chain());
            entries.iter().try_for_each(|entry| follow.next(entry))
        };
        assert_eq!(follow(&some), Ok(()));
        some[1].previous[0] ^= 1;
        some[1].hash = hash(&some[1]);
        assert_eq!(follow(&some), Err(Fault::Unlinked(3)));
        some.swap(0, 2);
        assert!(follow(&some).is_err());
    }
}
