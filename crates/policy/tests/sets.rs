//! Permission sets, buckets and resources: their binary form, weight and index; the tree of places.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may break")]

use bailiwick_policy::{
    ApprovalTarget, Attributes, DecodeError, GrantBucket, GrantTarget, Level, Member, MemberState,
    OpenApproval, Pattern, PermissionNo, PermissionSet, PermissionSetBuilder, Place, PlaceId, PlaceState,
    Places, PlacesError, Resource, RoleNo, TypeGrantReach, TypeNo, Values, bucket_of, manifest::MemberKind,
};
use bailiwick_types::{AccountId, ApprovalId, GroupId, Subject, Timestamp};
use serde_json::{Map, Value as Json, json};

fn uuid(n: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(n)
}

fn subject() -> Subject {
    "user:ann".parse().unwrap()
}

fn values() -> Map<String, Json> {
    let json = json!({
        "domains": ["a.example", "b.example"], "flag": true, "count": -5, "who": "service:x",
        "of": {"a": [null, 1.5]},
    });
    json.as_object().unwrap().clone()
}

/// One of everything.
fn builder(reverse: bool) -> PermissionSetBuilder {
    let mut set = PermissionSetBuilder::new(subject());
    set.member(Member {
        kind: MemberKind::Customer,
        state: MemberState::Active,
        expires_at: Some(Timestamp(99)),
    });
    let one = |n| Pattern::One(PermissionNo(n));
    type Step = Box<dyn Fn(&mut PermissionSetBuilder)>;
    let mut steps: Vec<Step> = vec![
        Box::new(|set| {
            set.group(GroupId::from_uuid(uuid(3)));
        }),
        Box::new(|set| {
            set.group(GroupId::from_uuid(uuid(2)));
        }),
        Box::new(|set| {
            set.bind(
                RoleNo(70_000),
                PlaceId(9),
                None,
                Some((Level::Account, &values())),
            );
        }),
        Box::new(|set| {
            set.bind(RoleNo(5), PlaceId(1 << 100), Some(Timestamp(-1)), None);
        }),
        Box::new(|set| {
            set.bind(RoleNo(2), PlaceId(9), None, None);
        }),
        Box::new(move |set| {
            set.grant_scope(PlaceId(9), [one(7), Pattern::Type(TypeNo(3))], None, None);
        }),
        Box::new(move |set| {
            set.grant_type(
                TypeNo(4),
                PlaceId(9),
                TypeGrantReach::Future(300),
                [one(7)],
                None,
                Some(&values()),
            );
        }),
        Box::new(move |set| {
            set.grant_type(
                TypeNo(4),
                PlaceId(8),
                TypeGrantReach::Existing(3),
                [one(7)],
                None,
                None,
            );
        }),
        Box::new(move |set| {
            set.grant_type(
                TypeNo(4),
                PlaceId(8),
                TypeGrantReach::All,
                [Pattern::All],
                None,
                None,
            );
        }),
        Box::new(move |set| {
            set.grant_resource(TypeNo(4), "b", [one(1)], None, None);
        }),
        Box::new(move |set| {
            set.grant_resource(TypeNo(4), "a", [one(1), one(2)], Some(Timestamp(5)), None);
        }),
        Box::new(move |set| {
            set.grant_resource(TypeNo(4), "a", [one(3)], None, Some(&values()));
        }),
        Box::new(|set| {
            set.approval(OpenApproval {
                id: ApprovalId::from_uuid(uuid(1)),
                permission: PermissionNo(300),
                target: ApprovalTarget::Resource(TypeNo(4), "a".into()),
                digest: Some("d".into()),
                bound: Some("a:1f".into()),
                approved: true,
                expires_at: Some(Timestamp(1_700_000_000_000_000)),
            });
        }),
        Box::new(|set| {
            set.approval(OpenApproval {
                id: ApprovalId::from_uuid(uuid(2)),
                permission: PermissionNo(1),
                target: ApprovalTarget::Place(PlaceId(9)),
                digest: None,
                bound: None,
                approved: false,
                expires_at: None,
            });
        }),
    ];
    if reverse {
        steps.reverse();
    }
    steps.iter().for_each(|step| step(&mut set));
    set
}

fn resource() -> Resource {
    Resource {
        type_no: TypeNo(4),
        id: "n1".into(),
        place: PlaceId(9),
        owner: Some(subject()),
        parent: Some((TypeNo(5), "p1".into())),
        attributes: Attributes::stored(&values()),
        registered: 300,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that caches may hold.
const GOLDEN_SET: &str = include_str!("golden/set-v3.hex");
const GOLDEN_BUCKET: &str = include_str!("golden/bucket-v2.hex");
const GOLDEN_RESOURCE: &str = include_str!("golden/resource-v2.hex");
/// The second form of sets, whose approvals were bound to no values.
const SECOND_SET: &str = include_str!("golden/set-v2.hex");
/// The same in the first form, which had typed values.
const FIRST_SET: &str = include_str!("golden/set-v1.hex");
const FIRST_BUCKET: &str = include_str!("golden/bucket-v1.hex");
const FIRST_RESOURCE: &str = include_str!("golden/resource-v1.hex");

fn golden(name: &str, expected: &str, bytes: &[u8]) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let path = format!("{}/tests/golden/{name}.hex", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, hex(bytes) + "\n").unwrap();
    } else {
        assert_eq!(
            hex(bytes),
            expected.trim(),
            "{name}: a new form needs a new version byte"
        );
    }
}

#[test]
fn the_binary_form_is_the_one_that_caches_hold() {
    golden("set-v3", GOLDEN_SET, &builder(false).build().encode());
    golden(
        "bucket-v2",
        GOLDEN_BUCKET,
        &builder(false).build_bucket(0, 1).encode(),
    );
    golden("resource-v2", GOLDEN_RESOURCE, &resource().encode());
}

#[test]
fn values_of_an_earlier_form_are_missed() {
    let bytes = |hex: &str| -> Vec<u8> {
        let hex = hex.trim().as_bytes();
        let digits = hex.chunks(2).map(|two| std::str::from_utf8(two).unwrap());
        digits.map(|two| u8::from_str_radix(two, 16).unwrap()).collect()
    };
    let version = Some(DecodeError::Version);
    assert_eq!(PermissionSet::decode(&bytes(FIRST_SET)).err(), version);
    assert_eq!(PermissionSet::decode(&bytes(SECOND_SET)).err(), version);
    assert_eq!(GrantBucket::decode(&bytes(FIRST_BUCKET)).err(), version);
    assert_eq!(Resource::decode(&bytes(FIRST_RESOURCE)).err(), version);
}

#[test]
fn the_order_of_rows_makes_no_difference() {
    assert_eq!(builder(false).build().encode(), builder(true).build().encode());
}

#[test]
fn a_set_comes_back_as_it_was() {
    let set = builder(false).build();
    let back = PermissionSet::decode(&set.encode()).unwrap();
    assert_eq!(back.encode(), set.encode());
    assert_eq!(back.subject(), &subject());
    assert_eq!(back.member(), set.member());
    assert_eq!(back.groups(), set.groups());
    assert_eq!(back.approvals(), set.approvals());
    assert_eq!(
        back.bindings().collect::<Vec<_>>(),
        set.bindings().collect::<Vec<_>>()
    );
    assert_eq!(
        back.grants().collect::<Vec<_>>(),
        set.grants().collect::<Vec<_>>()
    );
    assert_eq!(set.grants().count(), 7);
    assert_eq!(set.bindings().count(), 3);
    let with_parameters = |row: &(RoleNo, PlaceId, _, Option<&Values>)| row.3.is_some();
    let row = set.bindings().find(with_parameters).unwrap();
    assert_eq!((row.0, row.1), (RoleNo(70_000), PlaceId(9)));
    let on_a = GrantTarget::Resource(TypeNo(4), "a");
    assert_eq!(set.grants().filter(|row| row.target == on_a).count(), 2);
}

#[test]
fn an_empty_set_comes_back_empty() {
    let set = PermissionSet::decode(&PermissionSet::empty(subject()).encode()).unwrap();
    assert_eq!(
        (set.bindings().count(), set.grants().count(), set.places().count()),
        (0, 0, 0)
    );
    assert_eq!(set.member(), None);
}

#[test]
fn a_resource_comes_back_as_it_was_also_as_absent() {
    assert_eq!(Resource::decode(&resource().encode()), Ok(Some(resource())));
    assert_eq!(Resource::decode(&Resource::encode_absent()), Ok(None));
    assert_eq!(
        Resource::decode(&builder(false).build().encode()),
        Err(DecodeError::Version)
    );
}

#[test]
fn garbage_is_refused_and_never_breaks_the_reader() {
    let forms = [
        builder(false).build().encode(),
        builder(false).build_bucket(0, 1).encode(),
        resource().encode(),
    ];
    let read = |bytes: &[u8]| {
        let set = PermissionSet::decode(bytes).is_ok();
        let bucket = GrantBucket::decode(bytes).is_ok();
        set || bucket || Resource::decode(bytes).is_ok()
    };
    for bytes in &forms {
        assert!(read(bytes));
        for end in 0..bytes.len() {
            assert!(!read(&bytes[..end]), "cut at {end}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(!read(&longer), "with a byte too many");
        for i in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut other = bytes.clone();
                other[i] = value;
                // Whatever comes out, nothing breaks: a set that can be read can be used.
                if let Ok(set) = PermissionSet::decode(&other) {
                    let _ = (
                        set.encode(),
                        set.weight(),
                        set.bindings().count(),
                        set.grants().count(),
                    );
                }
                if let Ok(bucket) = GrantBucket::decode(&other) {
                    let _ = (bucket.encode(), bucket.rows().count());
                }
                let _ = Resource::decode(&other);
            }
        }
        let mut other = bytes.clone();
        other[1] = 9;
        assert!(!read(&other), "another version");
    }
}

#[test]
fn a_split_set_has_its_resource_grants_in_the_buckets_that_callers_ask_for() {
    let mut set = PermissionSetBuilder::new(subject());
    for i in 0..1_000 {
        set.grant_resource(
            TypeNo(4),
            format!("r{i}"),
            [Pattern::One(PermissionNo(1))],
            None,
            None,
        );
    }
    assert_eq!(set.resource_grants(), 1_000);
    let (header, buckets) = set.clone().build_split(8);
    assert_eq!(
        (header.buckets(), header.grants().count(), buckets.len()),
        (8, 0, 8)
    );
    let mut count = 0;
    for bucket in &buckets {
        let (number, of) = bucket.number();
        for row in bucket.rows() {
            let GrantTarget::Resource(type_no, id) = row.target else {
                panic!("{row:?}")
            };
            assert_eq!(bucket_of(type_no, id, of), number);
            count += 1;
        }
        let alone = set.clone().build_bucket(number, of);
        assert_eq!(alone.encode(), bucket.encode(), "a bucket made alone is the same");
        assert_eq!(
            GrantBucket::decode(&bucket.encode()).unwrap().encode(),
            bucket.encode()
        );
        assert!(bucket.rows().count() > 60, "buckets are about equally full");
    }
    assert_eq!(count, 1_000);
}

#[test]
fn the_bucket_of_a_resource_never_changes() {
    assert_eq!(bucket_of(TypeNo(4), "n1", 64), 2);
    assert_eq!(bucket_of(TypeNo(4), "n1", 1), 0);
    assert_eq!(bucket_of(TypeNo(4), "n1", 0), 0);
}

#[test]
fn weights_follow_what_is_held() {
    let small = PermissionSet::empty(subject()).weight();
    let mut set = PermissionSetBuilder::new(subject());
    for i in 0..100 {
        set.bind(RoleNo(3), PlaceId(1_000 + i), None, None);
    }
    let hundred = set.build().weight();
    assert!(
        hundred > small + 100 * 40 && hundred < small + 100 * 80,
        "{hundred}"
    );
    let mut set = PermissionSetBuilder::new(subject());
    for i in 0..100_000 {
        set.grant_resource(
            TypeNo(4),
            format!("01234567-89ab-cdef-0123-{i:012}"),
            [Pattern::One(PermissionNo(1))],
            None,
            None,
        );
    }
    let grants = set.build().weight() / 100_000;
    assert!((45..65).contains(&grants), "{grants} bytes a grant");
}

fn account() -> AccountId {
    AccountId::from_uuid(uuid(1 << 64))
}

fn place(id: u128, parent: PlaceId, level: Level) -> Place {
    Place {
        id: PlaceId(id),
        parent,
        level,
        state: PlaceState::Active,
    }
}

#[test]
fn a_path_leads_from_a_place_to_its_account() {
    let mut places = Places::new(account());
    let root = places.account().id;
    places.insert(place(10, root, Level::Instance)).unwrap();
    places.insert(place(20, PlaceId(10), Level::Workspace)).unwrap();
    places.insert(place(21, root, Level::Workspace)).unwrap();
    let path = |places: &Places, id| {
        places
            .path(PlaceId(id))
            .map(|path| path.iter().map(|p| p.id.0).collect::<Vec<_>>())
    };
    assert_eq!(path(&places, 20), Some(vec![20, 10, root.0]));
    assert_eq!(path(&places, 21), Some(vec![21, root.0]));
    assert_eq!(path(&places, root.0), Some(vec![root.0]));
    assert_eq!(path(&places, 99), None);
    places.insert(place(20, root, Level::Workspace)).unwrap();
    assert_eq!(path(&places, 20), Some(vec![20, root.0]), "moved");
    assert_eq!(places.len(), 3);
}

#[test]
fn a_place_goes_only_where_it_can_be() {
    let mut places = Places::new(account());
    let root = places.account().id;
    places.insert(place(10, root, Level::Instance)).unwrap();
    places.insert(place(20, PlaceId(10), Level::Workspace)).unwrap();
    assert_eq!(
        places.insert(place(11, PlaceId(10), Level::Instance)),
        Err(PlacesError::WrongLevel)
    );
    assert_eq!(
        places.insert(place(21, PlaceId(20), Level::Workspace)),
        Err(PlacesError::WrongLevel)
    );
    assert_eq!(
        places.insert(place(21, PlaceId(99), Level::Workspace)),
        Err(PlacesError::UnknownParent)
    );
    assert_eq!(
        places.insert(place(10, root, Level::Workspace)),
        Err(PlacesError::WrongLevel),
        "an instance stays one"
    );
    assert_eq!(
        places.insert(place(21, root, Level::Account)),
        Err(PlacesError::WrongLevel)
    );
    assert_eq!(places.remove(PlaceId(10)), Err(PlacesError::NotEmpty));
    assert_eq!(places.remove(root), Err(PlacesError::WrongLevel));
    assert_eq!(places.remove(PlaceId(20)).map(|p| p.id), Ok(PlaceId(20)));
    assert_eq!(places.remove(PlaceId(20)), Err(PlacesError::Unknown));
    assert_eq!(places.remove(PlaceId(10)).map(|p| p.id), Ok(PlaceId(10)));
    assert!(places.is_empty());
}

#[test]
fn a_reader_keeps_its_tree_while_a_writer_changes_a_clone() {
    let mut places = Places::new(account());
    let root = places.account().id;
    places.insert(place(10, root, Level::Workspace)).unwrap();
    let before = places.clone();
    places.set_state(PlaceId(10), PlaceState::Suspended).unwrap();
    places.set_state(root, PlaceState::Deleted).unwrap();
    assert_eq!(before.get(PlaceId(10)).unwrap().state, PlaceState::Active);
    assert_eq!(before.account().state, PlaceState::Active);
    assert_eq!(places.get(PlaceId(10)).unwrap().state, PlaceState::Suspended);
    assert_eq!(
        places.set_state(PlaceId(99), PlaceState::Active),
        Err(PlacesError::Unknown)
    );
}

#[test]
fn a_large_tree_built_at_once_is_the_one_built_step_by_step() {
    let root = Places::new(account()).account().id;
    let rows: Vec<Place> = (0..5_000_u128)
        .map(|i| {
            let id = 1_000_000 + i * 7_919;
            let level = if i % 10 == 0 {
                Level::Instance
            } else {
                Level::Workspace
            };
            let parent = if i % 10 == 0 || i % 3 == 0 {
                root
            } else {
                PlaceId(1_000_000 + (i - i % 10) * 7_919)
            };
            place(id, parent, level)
        })
        .collect();
    let mut steps = Places::new(account());
    rows.iter().for_each(|row| steps.insert(*row).unwrap());
    let (whole, refused) = Places::build(account(), PlaceState::Active, rows.iter().rev().copied());
    assert_eq!(refused, []);
    assert_eq!((steps.len(), whole.len()), (5_000, 5_000));
    for row in &rows {
        assert_eq!(steps.get(row.id), Some(row));
        assert_eq!(whole.get(row.id), Some(row));
    }
    let all = |places: &Places| {
        let mut all: Vec<u128> = places.iter().map(|place| place.id.0).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(all(&steps), all(&whole));
    let bytes = whole.weight() / whole.len();
    assert!((48..60).contains(&bytes), "{bytes} bytes a place");
}

#[test]
fn a_tree_is_built_without_what_does_not_fit() {
    let root = Places::new(account()).account().id;
    let orphan = place(5, PlaceId(99), Level::Workspace);
    let (places, refused) = Places::build(
        account(),
        PlaceState::Suspended,
        [orphan, place(6, root, Level::Workspace)],
    );
    assert_eq!((places.len(), refused), (1, vec![orphan]));
    assert_eq!(places.account().state, PlaceState::Suspended);
}
