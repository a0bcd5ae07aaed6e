//! The check that the fuzz target `part` runs over cached values, and the test over what it has found.

use super::codec;

/// A value as the shared cache may return it, with any content.
///
/// # Panics
/// A decoded part does not encode to the same part again.
pub fn part(data: &[u8]) {
    let Some((epoch, part)) = codec::decode(data) else {
        return;
    };
    let (bytes, _) = codec::encode(&epoch, &part);
    let back = codec::decode(&bytes);
    assert!(back.is_some(), "an encoded part cannot be decoded");
    if let Some((of, back)) = back {
        assert_eq!(
            (of, back.read_at, back.manifest),
            (epoch.clone(), part.read_at, part.manifest)
        );
        assert_eq!(codec::encode(&epoch, &back).0, bytes);
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_policy::{
        ApprovalTarget, Attributes, Level, Member, MemberState, OpenApproval, PermissionNo,
        PermissionSetBuilder, PlaceId, Resource, RoleNo, TypeNo, manifest::MemberKind,
    };
    use bailiwick_testkit::corpus::{replay, seed};
    use bailiwick_types::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::{Origin, Part, PartValue, Stamps, Watermark};

    #[test]
    fn cached_values_that_were_found_once_are_read_or_missed() {
        let account = PlaceId(1);
        let mut set = PermissionSetBuilder::new("user:ann".parse().unwrap());
        set.member(Member {
            kind: MemberKind::Agent,
            state: MemberState::Active,
            expires_at: Some(Timestamp(7)),
        });
        let parameters = json!({"domains": ["a.example"]});
        let parameters = Some((Level::Account, parameters.as_object().unwrap()));
        set.bind(RoleNo(3), account, Some(Timestamp(9)), parameters);
        set.bind(RoleNo(0x1_0000), PlaceId(5), None, None);
        set.approval(OpenApproval {
            id: "appr_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            permission: PermissionNo(2),
            target: ApprovalTarget::Place(account),
            digest: None,
            bound: None,
            approved: true,
            expires_at: None,
        });
        let set = set.build();
        let resource = Resource {
            type_no: TypeNo(40),
            id: "nps".into(),
            place: account,
            owner: Some("user:ann".parse().unwrap()),
            parent: Some((TypeNo(41), "q1".into())),
            attributes: Attributes::stored(json!({"open": true}).as_object().unwrap()),
            registered: 12,
        };
        let whole = Part {
            origin: Origin::Shared,
            read_at: Watermark {
                deployment: 1,
                product: 2,
                account: 3,
                stamps: Stamps {
                    deployment: 5,
                    product: -6,
                    account: 7,
                },
            },
            manifest: 4,
            value: PartValue::Set(std::sync::Arc::new(set.clone())),
        };
        seed("part", "set-4", &codec::encode(&"abc.1".into(), &whole).0, part);
        let absent = Part {
            value: PartValue::Resource(None),
            ..whole
        };
        seed(
            "part",
            "absent-4",
            &codec::encode(&"abc.1".into(), &absent).0,
            part,
        );
        let closed = Part {
            value: PartValue::Closed(true),
            ..absent
        };
        seed(
            "part",
            "closed-4",
            &codec::encode(&"abc.1".into(), &closed).0,
            part,
        );
        seed("cached", "set-2", &set.encode(), part);
        seed("cached", "resource-2", &resource.encode(), part);
        replay("part", part);
        replay("cached", part);
    }
}
