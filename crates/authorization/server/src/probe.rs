//! What comes from outside as bytes, read as the service reads it: for the fuzz targets in `fuzz/` and for the test that
//! runs over what they have found.

use crate::cache::value;
pub use crate::grpc::probe::request;

/// A value as the second cache might hand it back, however it came to be there. What is in it, without its head, is probed
/// where the policy crate is.
///
/// # Panics
/// What was read is not what it is written as again.
pub fn part(data: &[u8]) {
    let Some((epoch, part)) = value::decode(data) else {
        return;
    };
    let (bytes, _) = value::encode(&epoch, &part);
    let back = value::decode(&bytes);
    assert!(back.is_some(), "what was written cannot be read");
    if let Some((of, back)) = back {
        assert_eq!(
            (of, back.read_at, back.manifest),
            (epoch.clone(), part.read_at, part.manifest)
        );
        assert_eq!(value::encode(&epoch, &back).0, bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use bailiwick_policy::{
        ApprovalTarget, Member, MemberState, OpenApproval, PermissionNo, PermissionSetBuilder, PlaceId,
        Resource, RoleNo, TypeNo, Value, Values, manifest::MemberKind,
    };
    use bailiwick_proto::authorization::v1 as pb;
    use bailiwick_types::Timestamp;
    use prost::Message;

    use super::*;
    use crate::cache::{Part, PartValue};

    fn corpus(target: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../../fuzz/corpus")
            .join(target)
    }

    /// Feeds every file of a corpus to its probe.
    fn replay(target: &str, probe: fn(&[u8])) {
        let mut files = 0;
        for file in std::fs::read_dir(corpus(target)).unwrap() {
            probe(&std::fs::read(file.unwrap().path()).unwrap());
            files += 1;
        }
        assert!(files > 0, "the corpus of `{target}` is empty");
    }

    /// Writes what fuzzing starts from (`UPDATE_GOLDEN=1`), or reads it. What an earlier version wrote stays there: it must
    /// be read, or refused, for ever.
    fn seed(target: &str, name: &str, bytes: &[u8], probe: fn(&[u8])) {
        let path = corpus(target).join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() && !path.exists() {
            std::fs::write(&path, bytes).unwrap();
        }
        assert!(
            path.exists(),
            "{} is missing: UPDATE_GOLDEN=1 writes it",
            path.display()
        );
        probe(bytes);
    }

    #[test]
    fn requests_that_were_found_once_are_read_or_refused() {
        let account = "acct_01h455vb4pex5vsknk084sn02q".to_owned();
        let subject = "user:user_01h455vb4pex5vsknk084sn02q".to_owned();
        let check = pb::CheckRequest {
            account: account.clone(),
            subject: subject.clone(),
            permission: "project.view".to_owned(),
            target: "project:nps".to_owned(),
            ..pb::CheckRequest::default()
        };
        let item = pb::BatchCheckItem {
            permission: "project.view".to_owned(),
            target: "project:nps".to_owned(),
            ..pb::BatchCheckItem::default()
        };
        let batch = pb::BatchCheckRequest {
            account: account.clone(),
            subject: subject.clone(),
            items: vec![item.clone(), item],
            ..pb::BatchCheckRequest::default()
        };
        let assign = pb::AssignRoleRequest {
            account: account.clone(),
            subject: subject.clone(),
            role: "sub_user".to_owned(),
            ..pb::AssignRoleRequest::default()
        };
        let grant = pb::CreateGrantRequest {
            account: account.clone(),
            subject,
            permissions: vec!["project.view".to_owned()],
            target: Some(pb::GrantTarget {
                target: format!("account:{account}"),
                r#type: "project".to_owned(),
                applies_to: pb::AppliesTo::Future.into(),
            }),
            ..pb::CreateGrantRequest::default()
        };
        let register = pb::RegisterResourceRequest {
            account: account.clone(),
            ..pb::RegisterResourceRequest::default()
        };
        let invite = pb::CreateInvitationRequest {
            account,
            ..pb::CreateInvitationRequest::default()
        };
        let messages = [
            ("check", 0, check.encode_to_vec()),
            ("batch", 1, batch.encode_to_vec()),
            ("assign", 2, assign.encode_to_vec()),
            ("invite", 4, invite.encode_to_vec()),
            ("register", 7, register.encode_to_vec()),
            ("grant", 11, grant.encode_to_vec()),
            ("subject", 14, b"user:ann".to_vec()),
            ("scope", 15, b"workspace:ws_01h455vb4pex5vsknk084sn02q".to_vec()),
        ];
        for (name, kind, message) in messages {
            let bytes: Vec<u8> = std::iter::once(kind).chain(message).collect();
            seed("request", name, &bytes, request);
        }
        replay("request", request);
    }

    #[test]
    fn cached_values_that_were_found_once_are_read_or_missed() {
        let account = PlaceId(1);
        let mut set = PermissionSetBuilder::new("user:ann".parse().unwrap());
        set.member(Member {
            kind: MemberKind::Agent,
            state: MemberState::Active,
            expires_at: Some(Timestamp(7)),
        });
        let parameters: Values = [("domains", Value::List([Value::Text("a.example".into())].into()))]
            .into_iter()
            .collect();
        set.bind(RoleNo(3), account, Some(Timestamp(9)), Some(parameters));
        set.bind(RoleNo(0x1_0000), PlaceId(5), None, None);
        set.approval(OpenApproval {
            id: "appr_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            permission: PermissionNo(2),
            target: ApprovalTarget::Place(account),
            digest: None,
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
            attributes: [("open", Value::Bool(true))].into_iter().collect(),
            registered: 12,
        };
        let whole = Part {
            read_at: crate::replica::Vector {
                deployment: 1,
                product: 2,
                account: 3,
            },
            manifest: 4,
            value: PartValue::Set {
                set: std::sync::Arc::new(set.clone()),
                disabled: false,
            },
        };
        seed("part", "set", &value::encode(&"abc.1".into(), &whole).0, part);
        let absent = Part {
            value: PartValue::Resource(None),
            ..whole
        };
        seed("part", "absent", &value::encode(&"abc.1".into(), &absent).0, part);
        seed("cached", "set", &set.encode(), part);
        seed("cached", "resource", &resource.encode(), part);
        replay("part", part);
        replay("cached", part);
    }
}
