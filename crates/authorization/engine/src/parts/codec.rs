//! How a part is encoded in the shared cache.
//!
//! A key is `bw:{ACCOUNT}:FORMAT:KIND:LENGTH:NAME`: the braces make the account the hash tag of a cluster,
//! the length keeps names apart whatever they contain.
//!
//! A value begins with a head of decimal numbers and texts:
//!
//! ```text
//! FORMAT LENGTH(4) ACCOUNT(16) PRODUCT(16) DEPLOYMENT(16) MANIFEST(16) EPOCH_LENGTH(3) EPOCH
//! { TAG(1) LENGTH(3) BYTES }
//! ```
//!
//! `LENGTH` is that of the whole head. The revisions are those at which the part was read. The part of the
//! head up to the epoch is what the script that writes compares. Fields follow; a reader skips those it does
//! not know. Tag `r` has the stamps of the three revisions (16 hexadecimal digits each, in the same order),
//! without which a value is a miss. What authenticates a value is added around it by the cache. After the
//! head comes one byte for the kind of value, then the policy crate's encoding of it, in which values are
//! raw: it is the same whatever policy the writer had.

use std::sync::Arc;

use bailiwick_policy::{PermissionSet, Resource};
use bailiwick_types::AccountId;

use super::{Origin, Part, PartKey, PartValue};
use crate::{Epoch, Stamps, Watermark};

/// The version of the format of keys and values. Values of different versions never meet: it is part of the
/// key.
const FORMAT: &str = "B3";
/// Digits of a number in the head.
const DIGITS: usize = 16;
/// Bytes of the head before the epoch.
const FIXED: usize = 2 + 4 + 4 * DIGITS + 3;

/// The tag of the field with the stamps.
const STAMPS: u8 = b'r';

const SET: u8 = 0;
const RESOURCE: u8 = 2;
const OPEN: u8 = 3;
const CLOSED: u8 = 4;

/// The key of a part in the shared cache.
#[must_use]
pub fn key_of(account: AccountId, key: &PartKey) -> String {
    let (kind, name) = key.borrowed().stored();
    format!("bw:{{{account}}}:{FORMAT}:{kind}:{}:{name}", name.len())
}

/// Encodes a part; returns also the length of the part of the head that is compared.
#[must_use]
pub fn encode(epoch: &Epoch, part: &Part) -> (Vec<u8>, usize) {
    let Watermark {
        deployment,
        product,
        account,
        stamps,
    } = part.read_at;
    let fields = stamps_field(&stamps);
    let length = FIXED + epoch.len();
    let head = format!(
        "{FORMAT}{head:04}{account:016}{product:016}{deployment:016}{manifest:016}{epoch_length:03}{epoch}{fields}",
        head = length + fields.len(),
        manifest = part.manifest,
        epoch_length = epoch.len(),
    );
    let mut bytes = head.into_bytes();
    match &part.value {
        PartValue::Set(set) => {
            bytes.push(SET);
            bytes.extend(set.encode());
        }
        PartValue::Closed(closed) => bytes.push(if *closed { CLOSED } else { OPEN }),
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
    let length: usize = digits(bytes.strip_prefix(FORMAT.as_bytes())?.get(..4)?)?;
    let (head, value) = bytes.split_at_checked(length)?;
    let (fixed, rest) = head.split_at_checked(FIXED)?;
    let (numbers, length) = fixed.get(6..)?.split_at_checked(4 * DIGITS)?;
    let number = |n: usize| digits(numbers.get(n * DIGITS..(n + 1) * DIGITS)?);
    let (epoch, fields) = rest.split_at_checked(digits(length)?)?;
    let epoch: Epoch = std::str::from_utf8(epoch).ok()?.into();
    let stamps = read_stamps(field(fields, STAMPS)?)?;
    let (kind, value) = value.split_first()?;
    let value = match *kind {
        SET => PartValue::Set(Arc::new(PermissionSet::decode(value).ok()?)),
        OPEN | CLOSED if value.is_empty() => PartValue::Closed(*kind == CLOSED),
        RESOURCE => PartValue::Resource(Resource::decode(value).ok()?.map(Arc::new)),
        _ => return None,
    };
    let read_at = Watermark {
        account: number(0)?,
        product: number(1)?,
        deployment: number(2)?,
        stamps,
    };
    Some((
        epoch,
        Part {
            origin: Origin::Shared,
            read_at,
            manifest: number(3)?,
            value,
        },
    ))
}

/// A number of decimal digits.
fn digits<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A field of a head, empty where it has none; `None` where the fields do not end with the head.
fn field(mut fields: &[u8], wanted: u8) -> Option<&[u8]> {
    let mut found: &[u8] = &[];
    while let Some((tag, rest)) = fields.split_first() {
        let length: usize = digits(rest.get(..3)?)?;
        let (content, rest) = rest.get(3..)?.split_at_checked(length)?;
        if *tag == wanted {
            found = content;
        }
        fields = rest;
    }
    Some(found)
}

/// The field with the stamps of a point.
fn stamps_field(stamps: &Stamps) -> String {
    let Stamps {
        deployment,
        product,
        account,
    } = stamps;
    let length = 3 * DIGITS;
    format!(
        "{}{length:03}{account:016x}{product:016x}{deployment:016x}",
        char::from(STAMPS)
    )
}

fn read_stamps(field: &[u8]) -> Option<Stamps> {
    if field.len() != 3 * DIGITS || !field.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let stamp = |n: usize| {
        let digits = std::str::from_utf8(field.get(n * DIGITS..(n + 1) * DIGITS)?).ok()?;
        Some(u64::from_str_radix(digits, 16).ok()?.cast_signed())
    };
    Some(Stamps {
        account: stamp(0)?,
        product: stamp(1)?,
        deployment: stamp(2)?,
    })
}

/// Returns whether a value belongs under a key: a cache that mixes up keys must not change an answer.
#[must_use]
pub fn matches_key(key: &PartKey, part: &Part) -> bool {
    match (key, &part.value) {
        (PartKey::Subject(text), PartValue::Set(set)) => set.subject().as_str() == &**text,
        (PartKey::Group(id), PartValue::Set(set)) => {
            let group = set.subject().id().parse::<bailiwick_types::GroupId>();
            group.is_ok_and(|group| group.uuid().as_u128() == *id)
        }
        (PartKey::Resource(text), PartValue::Resource(resource)) => {
            let id = text.split_once(':').map(|(_, id)| id);
            resource.as_ref().is_none_or(|resource| Some(&*resource.id) == id)
        }
        (PartKey::Fact(_), PartValue::Closed(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_policy::PermissionSetBuilder;

    use super::*;
    use crate::parts::FactKey;

    fn part() -> Part {
        let set = PermissionSetBuilder::new("user:ann".parse().unwrap()).build();
        let read_at = Watermark {
            deployment: 1,
            product: 22,
            account: 333,
            stamps: Stamps {
                deployment: -1,
                product: i64::MIN,
                account: 5,
            },
        };
        Part {
            origin: Origin::Shared,
            read_at,
            manifest: 4,
            value: PartValue::Set(Arc::new(set)),
        }
    }

    fn fact() -> PartKey {
        PartKey::Fact(FactKey::User(7))
    }

    #[test]
    fn a_part_comes_back_as_it_was_written() {
        let epoch: Epoch = "abc.1".into();
        let (bytes, _) = encode(&epoch, &part());
        let (of, back) = decode(&bytes).unwrap();
        assert_eq!((of, back.read_at, back.manifest), (epoch, part().read_at, 4));
        assert!(back.set().is_some());
        assert!(matches_key(&PartKey::Subject("user:ann".into()), &back));
        assert!(!matches_key(&PartKey::Subject("user:bob".into()), &back));
        let absent = Part {
            value: PartValue::Resource(None),
            ..part()
        };
        let (bytes, _) = encode(&"e".into(), &absent);
        assert!(decode(&bytes).unwrap().1.resource().unwrap().is_none());
        for closed in [false, true] {
            let state = Part {
                value: PartValue::Closed(closed),
                ..part()
            };
            let (bytes, _) = encode(&"e".into(), &state);
            let back = decode(&bytes).unwrap().1;
            assert_eq!(back.closed(), Some(closed));
            assert!(matches_key(&fact(), &back));
            assert!(!matches_key(&PartKey::Subject("user:ann".into()), &back));
            assert!(decode(&[&*bytes, b"x"].concat()).is_none(), "a longer value");
        }
        assert!(!matches_key(&fact(), &part()));
    }

    #[test]
    fn truncated_bytes_and_those_of_another_format_are_refused() {
        let (bytes, _) = encode(&"abc".into(), &part());
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_none(), "{end}");
        }
        let mut other = bytes.clone();
        other[1] = b'1';
        assert!(decode(&other).is_none());
    }

    #[test]
    fn fields_of_the_head_that_are_not_known_are_skipped() {
        let (bytes, compared) = encode(&"abc".into(), &part());
        let stamps = stamps_field(&part().read_at.stamps);
        let rest = compared + stamps.len();
        let with = |fields: &str| {
            let mut other = format!("{FORMAT}{:04}", compared + fields.len()).into_bytes();
            other.extend_from_slice(&bytes[6..compared]);
            other.extend_from_slice(fields.as_bytes());
            other.extend_from_slice(&bytes[rest..]);
            decode(&other).map(|(epoch, part)| (epoch, part.read_at))
        };
        let expected = Some(("abc".into(), part().read_at));
        assert_eq!(with(&stamps), expected);
        assert_eq!(with(&format!("x00512345{stamps}m000")), expected);
        assert_eq!(with(""), None, "no stamps");
        assert_eq!(with("r00512345"), None, "stamps that are too short");
        assert_eq!(
            with(&format!("{stamps}x00612345")),
            None,
            "a field that is cut short"
        );
        assert_eq!(
            with(&format!("{stamps}x+01x")),
            None,
            "a length that is not of digits"
        );
    }

    #[test]
    fn keys_of_different_parts_differ_whatever_names_contain() {
        let account = AccountId::from_uuid(uuid::Uuid::from_u128(1));
        let keys = [
            PartKey::Subject("a:b".into()),
            PartKey::Resource("a:b".into()),
            PartKey::Resource("a:b:c".into()),
            PartKey::Group(1),
            fact(),
            PartKey::Fact(FactKey::Service(7)),
            PartKey::Subject(FactKey::User(7).subject().as_str().into()),
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
