//! Requests as bytes: decoded and parsed as the services do, as far as no account has to be looked at.

use bailiwick_proto::authorization::v1 as pb;
use bailiwick_rpc::{Fields, violations};
use bailiwick_types::{FieldViolation, Scope, Subject};
use prost::Message;
use tonic::{Code, Status};

use crate::grpc::{attributes, binding, convert, decision, grant, invitation, member, resource, role};

/// Reads a request; the first byte says which one.
///
/// # Panics
/// A request is refused as anything but a request of the wrong shape, or without saying what is wrong with
/// it.
pub fn request(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else {
        return;
    };
    match kind % 16 {
        0 => judge(read(bytes).map(|of| {
            let mut fields = Fields::new();
            let asked = decision::asked_one(&mut fields, &of).map(|_| ());
            fields.finish(asked)
        })),
        1 => judge(read(bytes).map(|of| decision::asked_all(&of).map(|_| ()))),
        2 => judge(read(bytes).map(binding::assign_role::read)),
        3 => judge(read(bytes).map(|of| binding::revoke_role::read(&of))),
        4 => judge(read(bytes).map(invitation::create_invitation::read)),
        5 => judge(read(bytes).map(|of| invitation::accept_invitation::read(&of))),
        6 => judge(read(bytes).map(|of| member::create_member::read(&of))),
        7 => judge(read(bytes).map(resource::register_resource::read)),
        8 => judge(read(bytes).map(resource::update_resource::read)),
        9 => judge(read(bytes).map(|of| {
            let mut fields = Fields::new();
            let change = role::change_role::read(&mut fields, of);
            fields.finish(change)
        })),
        10 => judge(read::<pb::CreateRoleRequest>(bytes).map(|of| {
            let mut fields = Fields::new();
            let role = role::definition::definition(&mut fields, of.role);
            fields.finish(role)
        })),
        11 => judge(read(bytes).map(grant::create_grant::read)),
        12 => {
            if let Some(given) = read::<prost_types::Struct>(bytes)
                && let Some(map) = attributes::map_of(&given)
            {
                assert!(map.len() <= given.fields.len());
                convert::struct_of(convert::map_of(given));
            }
        }
        13 => {
            if let Ok(token) = bailiwick_rpc::token::decode(text(bytes)) {
                let codec = bailiwick_rpc::token::TokenCodec::default();
                assert_eq!(codec.decode(&codec.encode(&token)), Ok(token));
            }
        }
        14 => {
            if let Ok(subject) = text(bytes).parse::<Subject>() {
                assert_eq!(subject.to_string(), text(bytes));
            }
        }
        _ => {
            if let Ok(scope) = text(bytes).parse::<Scope>() {
                assert_eq!(scope.to_string().parse::<Scope>().ok(), Some(scope));
            }
        }
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// The message that the bytes are, where they are one.
fn read<M: Message + Default>(bytes: &[u8]) -> Option<M> {
    M::decode(bytes).ok()
}

fn judge<T>(made: Option<Result<T, Status>>) {
    if let Some(Err(status)) = made {
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        // A parser that returns nothing without a violation would be refused as an incomplete `request`.
        let named = |one: &FieldViolation| !matches!(&*one.field, "" | "request") && !one.rule.is_empty();
        let violations = violations(&status);
        let named = !violations.is_empty() && violations.iter().all(named);
        assert!(named, "it does not say what is wrong: {status:?}");
    }
}
