//! Requests made from the descriptors of the protos: every method gets one, also those that come later.

use std::collections::BTreeMap;

use prost::{
    Message,
    encoding::{WireType, encode_key, encode_varint},
};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

/// Deeper messages are left out.
const DEPTH: usize = 4;

/// The messages of all protos, and the requests of all methods.
pub(crate) struct Messages {
    messages: BTreeMap<String, DescriptorProto>,
    requests: BTreeMap<String, String>,
}

impl Messages {
    pub(crate) fn new() -> Self {
        let set = FileDescriptorSet::decode(bailiwick_proto::DESCRIPTORS).unwrap();
        let (mut messages, mut requests) = (BTreeMap::new(), BTreeMap::new());
        for file in &set.file {
            let package = file.package();
            for message in &file.message_type {
                messages.insert(format!(".{package}.{}", message.name()), message.clone());
            }
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{package}.{}/{}", service.name(), method.name());
                    requests.insert(path, method.input_type().to_owned());
                }
            }
        }
        Self { messages, requests }
    }
    /// A request of the method with `values` in its fields. Of each `oneof` the alternative that `turn`
    /// counts off is set.
    pub(crate) fn request(&self, path: &str, turn: usize, values: &dyn Fn(&str) -> Vec<String>) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.fill(&self.requests[path], turn, values, DEPTH, &mut bytes);
        bytes
    }
    fn fill(
        &self,
        name: &str,
        turn: usize,
        values: &dyn Fn(&str) -> Vec<String>,
        depth: usize,
        bytes: &mut Vec<u8>,
    ) {
        match name {
            ".google.protobuf.Timestamp" => return put_number(1, 4_102_444_800, bytes),
            ".google.protobuf.Duration" => return put_number(1, 3_600, bytes),
            ".google.protobuf.Struct" | ".bailiwick.common.v1.Consistency" => return,
            ".google.protobuf.FieldMask" => return put_bytes(1, b"title", bytes),
            _ => {}
        }
        let Some(message) = self.messages.get(name).filter(|_| depth > 0) else {
            return;
        };
        for field in &message.field {
            if field.oneof_index.is_some() && !field.proto3_optional() {
                let of_one: Vec<&FieldDescriptorProto> = message
                    .field
                    .iter()
                    .filter(|other| other.oneof_index == field.oneof_index)
                    .collect();
                if of_one[turn % of_one.len()].name() != field.name() {
                    continue;
                }
            }
            let number = u32::try_from(field.number()).unwrap();
            match field.r#type() {
                Type::String => {
                    let values = values(field.name());
                    let one = usize::from(field.label() != Label::Repeated);
                    let most = if one == 1 { 1 } else { values.len() };
                    for value in values.iter().take(most) {
                        put_bytes(number, value.as_bytes(), bytes);
                    }
                }
                Type::Message => {
                    let mut inner = Vec::new();
                    self.fill(field.type_name(), turn, values, depth - 1, &mut inner);
                    put_bytes(number, &inner, bytes);
                }
                Type::Enum | Type::Int32 | Type::Int64 | Type::Uint32 | Type::Uint64 => {
                    put_number(number, 1, bytes);
                }
                _ => {}
            }
        }
    }
}

fn put_number(field: u32, value: u64, bytes: &mut Vec<u8>) {
    encode_key(field, WireType::Varint, bytes);
    encode_varint(value, bytes);
}

fn put_bytes(field: u32, value: &[u8], bytes: &mut Vec<u8>) {
    encode_key(field, WireType::LengthDelimited, bytes);
    encode_varint(value.len() as u64, bytes);
    bytes.extend_from_slice(value);
}
