//! How a part is encoded in the shared cache.
//!
//! A key is `bw:{ACCOUNT}:FORMAT:KIND:LENGTH:NAME`: the braces make the account the hash tag of a cluster,
//! the length keeps names apart whatever they contain. A value begins with a head that the script which
//! writes can compare: format, the revisions of account, product and deployment at which it was read, the
//! manifest's version, and the epoch, all of fixed width but the last. One byte for the kind of value
//! follows, then the policy crate's encoding of it.

use std::sync::Arc;

use bailiwick_policy::{PermissionSet, Resource};
use bailiwick_types::AccountId;

use super::{Part, PartKey, PartValue};
use crate::{Epoch, Watermark};

/// The version of the format of keys and values. Values of different versions never meet: it is part of the
/// key.
const FORMAT: &str = "B1";
/// Digits of a number in the head.
const DIGITS: usize = 16;
/// Bytes of the head before the epoch.
const FIXED: usize = 2 + 4 * DIGITS + 3;

const ENABLED: u8 = 0;
const DISABLED: u8 = 1;
const RESOURCE: u8 = 2;

/// The key of a part in the shared cache.
#[must_use]
pub fn key_of(account: AccountId, key: &PartKey) -> String {
    let (kind, name) = key.borrowed().stored();
    format!("bw:{{{account}}}:{FORMAT}:{kind}:{}:{name}", name.len())
}

/// Encodes a part; returns the length of the head too.
#[must_use]
pub fn encode(epoch: &Epoch, part: &Part) -> (Vec<u8>, usize) {
    let Watermark {
        deployment,
        product,
        account,
    } = part.read_at;
    let head = format!(
        "{FORMAT}{account:016}{product:016}{deployment:016}{manifest:016}{length:03}{epoch}",
        manifest = part.manifest,
        length = epoch.len(),
    );
    let length = head.len();
    let mut bytes = head.into_bytes();
    match &part.value {
        PartValue::Set { set, disabled } => {
            bytes.push(if *disabled { DISABLED } else { ENABLED });
            bytes.extend(set.encode());
        }
        PartValue::Resource(resource) => {
            bytes.push(RESOURCE);
            bytes.extend(
                resource
                    .as_ref()
                    .map_or_else(Resource::encode_absent, |resource| resource.encode()),
            );
        }
    }
    (bytes, length)
}

/// Decodes a part; `None` where the bytes are not a complete part of this format.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<(Epoch, Part)> {
    let (head, rest) = bytes.split_at_checked(FIXED)?;
    let head = std::str::from_utf8(head).ok()?.strip_prefix(FORMAT)?;
    let number = |n: usize| head.get(n * DIGITS..(n + 1) * DIGITS)?.parse::<u64>().ok();
    let length: usize = head.get(4 * DIGITS..)?.parse().ok()?;
    let (epoch, rest) = rest.split_at_checked(length)?;
    let epoch: Epoch = std::str::from_utf8(epoch).ok()?.into();
    let (kind, value) = rest.split_first()?;
    let value = match *kind {
        ENABLED | DISABLED => PartValue::Set {
            set: Arc::new(PermissionSet::decode(value).ok()?),
            disabled: *kind == DISABLED,
        },
        RESOURCE => PartValue::Resource(Resource::decode(value).ok()?.map(Arc::new)),
        _ => return None,
    };
    let read_at = Watermark {
        account: number(0)?,
        product: number(1)?,
        deployment: number(2)?,
    };
    Some((
        epoch,
        Part {
            read_at,
            manifest: number(3)?,
            value,
        },
    ))
}

/// Returns whether a value belongs under a key: a cache that mixes up keys must not change an answer.
#[must_use]
pub fn matches_key(key: &PartKey, part: &Part) -> bool {
    match (key, &part.value) {
        (PartKey::Subject(text), PartValue::Set { set, .. }) => set.subject().as_str() == &**text,
        (PartKey::Group(id), PartValue::Set { set, .. }) => {
            let group = set.subject().id().parse::<bailiwick_types::GroupId>();
            group.is_ok_and(|group| group.uuid().as_u128() == *id)
        }
        (PartKey::Resource(text), PartValue::Resource(resource)) => {
            let id = text.split_once(':').map(|(_, id)| id);
            resource.as_ref().is_none_or(|resource| Some(&*resource.id) == id)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_policy::PermissionSetBuilder;

    use super::*;

    fn part() -> Part {
        let set = PermissionSetBuilder::new("user:ann".parse().unwrap()).build();
        let read_at = Watermark {
            deployment: 1,
            product: 22,
            account: 333,
        };
        Part {
            read_at,
            manifest: 4,
            value: PartValue::Set {
                set: Arc::new(set),
                disabled: true,
            },
        }
    }

    #[test]
    fn a_part_comes_back_as_it_was_written() {
        let epoch: Epoch = "abc.1".into();
        let (bytes, _) = encode(&epoch, &part());
        let (of, back) = decode(&bytes).unwrap();
        assert_eq!((of, back.read_at, back.manifest), (epoch, part().read_at, 4));
        assert!(back.set().unwrap().1);
        assert!(matches_key(&PartKey::Subject("user:ann".into()), &back));
        assert!(!matches_key(&PartKey::Subject("user:bob".into()), &back));
        let absent = Part {
            value: PartValue::Resource(None),
            ..part()
        };
        let (bytes, _) = encode(&"e".into(), &absent);
        assert!(decode(&bytes).unwrap().1.resource().unwrap().is_none());
    }

    #[test]
    fn truncated_bytes_and_those_of_another_format_are_refused() {
        let (bytes, _) = encode(&"abc".into(), &part());
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_none(), "{end}");
        }
        let mut other = bytes.clone();
        other[1] = b'2';
        assert!(decode(&other).is_none());
    }

    #[test]
    fn keys_of_different_parts_differ_whatever_names_contain() {
        let account = AccountId::from_uuid(uuid::Uuid::from_u128(1));
        let keys = [
            PartKey::Subject("a:b".into()),
            PartKey::Resource("a:b".into()),
            PartKey::Resource("a:b:c".into()),
            PartKey::Group(1),
        ];
        let texts: std::collections::HashSet<String> = keys.iter().map(|key| key_of(account, key)).collect();
        assert_eq!(texts.len(), keys.len());
        assert!(
            texts
                .iter()
                .all(|text| text.starts_with(&format!("bw:{{{account}}}:")))
        );
    }
}
