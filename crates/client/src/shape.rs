//! What the client must know of each method, read from the descriptors: a new method needs no line here.

use std::{collections::HashMap, sync::OnceLock};

use bailiwick_proto::Idempotency;
use prost::{
    Message,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};
use prost_types::{DescriptorProto, FileDescriptorSet};

/// The shape of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    idempotency: Idempotency,
    /// Whether the request is a single message.
    pub(crate) one_request: bool,
    /// Number of the request's field `request_id`.
    request_id: Option<u32>,
    /// Number of the field `token` of the response, where that is a single message.
    pub(crate) token: Option<u32>,
}

impl Shape {
    /// The shape of the method at a path; none for a method outside the suite.
    pub(crate) fn of(path: &str) -> Option<&'static Self> {
        static SHAPES: OnceLock<HashMap<&str, Shape>> = OnceLock::new();
        SHAPES.get_or_init(read).get(path)
    }
    /// Whether this request may be sent again after a server may have received it. A write that takes a
    /// `request_id` is only recognized by it.
    pub(crate) fn repeatable(&self, message: &[u8]) -> bool {
        match self.idempotency {
            Idempotency::NoSideEffects => true,
            Idempotency::Idempotent => self
                .request_id
                .is_none_or(|number| text_field(message, number).is_some_and(|id| !id.is_empty())),
            Idempotency::Unknown => false,
        }
    }
}

fn read() -> HashMap<&'static str, Shape> {
    let set = FileDescriptorSet::decode(bailiwick_proto::DESCRIPTORS).unwrap_or_default();
    let messages: HashMap<String, &DescriptorProto> = set
        .file
        .iter()
        .flat_map(|file| {
            file.message_type
                .iter()
                .map(move |m| (format!(".{}.{}", file.package(), m.name()), m))
        })
        .collect();
    let number = |message: &str, field: &str| {
        let field = messages.get(message)?.field.iter().find(|f| f.name() == field)?;
        u32::try_from(field.number()).ok()
    };
    let mut shapes = HashMap::new();
    for file in &set.file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                let Some(declared) = bailiwick_proto::method(&path) else {
                    continue;
                };
                let shape = Shape {
                    idempotency: declared.idempotency,
                    one_request: !method.client_streaming(),
                    request_id: number(method.input_type(), "request_id"),
                    token: number(method.output_type(), "token").filter(|_| !method.server_streaming()),
                };
                shapes.insert(declared.path, shape);
            }
        }
    }
    shapes
}

/// The last value of a text field at the top of an encoded message.
pub(crate) fn text_field(mut message: &[u8], number: u32) -> Option<String> {
    let mut found = None;
    while !message.is_empty() {
        let (tag, wire) = decode_key(&mut message).ok()?;
        if tag == number && wire == WireType::LengthDelimited {
            let length = usize::try_from(decode_varint(&mut message).ok()?).ok()?;
            let (value, rest) = message.split_at_checked(length)?;
            found = Some(String::from_utf8(value.to_vec()).ok()?);
            message = rest;
        } else {
            skip_field(wire, tag, &mut message, DecodeContext::default()).ok()?;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use bailiwick_proto::{authorization::v1 as authorization, tenancy::v1 as tenancy};

    use super::*;

    #[test]
    fn a_call_is_repeated_as_its_declaration_says_and_with_a_request_id_where_there_is_one() {
        let check = Shape::of("/bailiwick.authorization.v1.DecisionService/Check").expect("known");
        assert!(check.repeatable(&[]));
        let create = Shape::of("/bailiwick.tenancy.v1.WorkspaceService/CreateWorkspace").expect("known");
        let mut request = tenancy::CreateWorkspaceRequest {
            title: "Athens".into(),
            ..Default::default()
        };
        assert!(!create.repeatable(&request.encode_to_vec()));
        request.request_id = "0198a6a0-0000-7000-8000-000000000001".into();
        assert!(create.repeatable(&request.encode_to_vec()));
        let revoke = Shape::of("/bailiwick.authorization.v1.BindingService/RevokeRole").expect("known");
        assert!(!revoke.repeatable(&[]));
        let assign = Shape::of("/bailiwick.authorization.v1.BindingService/AssignRole").expect("known");
        assert!(
            assign.repeatable(&[]),
            "it has no request id and answers the same twice"
        );
    }

    #[test]
    fn the_token_of_a_response_is_found_by_its_name_in_the_descriptors() {
        let assign = Shape::of("/bailiwick.authorization.v1.BindingService/AssignRole").expect("known");
        let answer = authorization::AssignRoleResponse {
            binding: Some(authorization::Binding {
                role: "admin".into(),
                ..Default::default()
            }),
            token: "abc".into(),
            ..Default::default()
        };
        let number = assign.token.expect("a token field");
        assert_eq!(
            text_field(&answer.encode_to_vec(), number).as_deref(),
            Some("abc")
        );
        let check = Shape::of("/bailiwick.authorization.v1.DecisionService/Check").expect("known");
        assert_eq!(check.token, None);
    }

    #[test]
    fn every_method_of_the_suite_has_a_shape() {
        for method in bailiwick_proto::METHODS {
            assert!(Shape::of(method.path).is_some(), "{} has none", method.path);
        }
    }
}
