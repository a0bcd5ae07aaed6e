//! What the client must know of each method: read from the descriptors, so that a new method needs no line here.

use std::{collections::HashMap, sync::OnceLock};

use prost::{
    Message,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};
use prost_types::{DescriptorProto, FileDescriptorSet};

/// Verbs that change nothing (AIP-131, AIP-132 and the questions): such a call can be repeated.
const READS: [&str; 10] = [
    "Get",
    "List",
    "BatchGet",
    "Check",
    "BatchCheck",
    "Explain",
    "Plan",
    "Preview",
    "Describe",
    "Introspect",
];

/// The shape of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Whether the call changes nothing.
    pub(crate) reads: bool,
    /// Whether one message goes there.
    pub(crate) one_request: bool,
    /// Number of the request's field `request_id`.
    pub(crate) request_id: Option<u32>,
    /// Number of the field `token` of the answer, where one message comes back.
    pub(crate) token: Option<u32>,
}

impl Shape {
    /// The shape of the method at a path; none for a method of others.
    pub(crate) fn of(path: &str) -> Option<&'static Self> {
        static SHAPES: OnceLock<HashMap<String, Shape>> = OnceLock::new();
        SHAPES.get_or_init(read).get(path)
    }
    /// Whether a request of this method can be sent twice with the effect of one.
    pub(crate) fn repeatable(&self, message: &[u8]) -> bool {
        self.reads
            || self
                .request_id
                .and_then(|number| text_field(message, number))
                .is_some_and(|id| !id.is_empty())
    }
}

fn read() -> HashMap<String, Shape> {
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
                let shape = Shape {
                    reads: READS.iter().any(|verb| starts_with_verb(method.name(), verb)),
                    one_request: !method.client_streaming(),
                    request_id: number(method.input_type(), "request_id"),
                    token: number(method.output_type(), "token").filter(|_| !method.server_streaming()),
                };
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                shapes.insert(path, shape);
            }
        }
    }
    shapes
}

fn starts_with_verb(method: &str, verb: &str) -> bool {
    method
        .strip_prefix(verb)
        .is_some_and(|rest| rest.chars().next().is_none_or(char::is_uppercase))
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
    fn a_read_and_a_write_with_a_request_id_can_be_repeated_and_a_bare_write_cannot() {
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
    }

    #[test]
    fn the_token_of_an_answer_is_found_by_its_name_in_the_descriptors() {
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

    #[test]
    fn a_verb_is_a_whole_word() {
        assert!(starts_with_verb("GetSeats", "Get"));
        assert!(starts_with_verb("Check", "Check"));
        assert!(!starts_with_verb("Getaway", "Get"));
    }
}
