//! Answers of the suite: a table of what they contain, or their JSON form.

use std::sync::LazyLock;

use anyhow::{Context, Result};
use bailiwick_proto::{DESCRIPTORS, authorization::v1::EffectiveChange};
use prost::{Message, Name};
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage,
    SerializeOptions,
};
use serde_json::{Map, Value};

use super::changes::{self, Row};
use crate::cli::Output;

/// Fields of answers that say nothing to a person.
const UNSEEN: [&str; 4] = ["token", "next_page_token", "changes", "etag"];

static POOL: LazyLock<Option<DescriptorPool>> = LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).ok());

/// Prints an answer. As JSON and YAML it is the whole message, in the JSON form of proto3 with the field
/// names of the protos. `done` is what a person reads of an answer that contains nothing.
pub(crate) fn answer<M: Message + Name>(output: Output, answer: &M, done: &str) -> Result<()> {
    let dynamic = dynamic(answer)?;
    super::print(output, &json(&dynamic)?, |_| human(&dynamic, done))
}

/// Prints the answer to a change that was only previewed: a person reads who would gain or lose what.
pub(crate) fn preview<M: Message + Name>(output: Output, answer: &M) -> Result<()> {
    let dynamic = dynamic(answer)?;
    super::print(output, &json(&dynamic)?, |_| {
        effects(&dynamic).unwrap_or_else(|| "nobody would gain or lose anything".to_owned())
    })
}

/// Reads a message from YAML or JSON with the field names of the protos.
pub(crate) fn read_message<M: Message + Name + Default>(text: &str) -> Result<M> {
    let value: Value = serde_saphyr::from_str(text)?;
    let message = DynamicMessage::deserialize(descriptor::<M>()?, value)?;
    Ok(message.transcode_to()?)
}

fn dynamic<M: Message + Name>(answer: &M) -> Result<DynamicMessage> {
    let bytes = answer.encode_to_vec();
    Ok(DynamicMessage::decode(descriptor::<M>()?, bytes.as_slice())?)
}

fn descriptor<M: Name>() -> Result<MessageDescriptor> {
    let pool = POOL.as_ref();
    let pool = pool.context("the descriptors of the protos cannot be read")?;
    let name = M::full_name();
    let descriptor = pool.get_message_by_name(&name);
    descriptor.with_context(|| format!("the descriptors have no `{name}`"))
}

fn json(dynamic: &DynamicMessage) -> Result<Value> {
    let options = SerializeOptions::new()
        .use_proto_field_name(true)
        .stringify_64_bit_integers(false)
        .skip_default_fields(false);
    Ok(dynamic.serialize_with_options(serde_json::value::Serializer, &options)?)
}

fn human(dynamic: &DynamicMessage, done: &str) -> String {
    let Ok(Value::Object(values)) = json(dynamic) else {
        return done.to_owned();
    };
    let mut parts = Vec::new();
    let mut scalars = Vec::new();
    let mut rows_are_missing = false;
    for field in dynamic.descriptor().fields() {
        if UNSEEN.contains(&field.name()) {
            continue;
        }
        let value = values.get(field.name()).unwrap_or(&Value::Null);
        match (&field.kind(), value) {
            (Kind::Message(of), Value::Array(rows)) if field.is_list() => {
                rows_are_missing = rows.is_empty();
                parts.extend((!rows.is_empty()).then(|| table(of, rows)));
            }
            (Kind::Message(of), Value::Object(one)) if !is_plain(of) => parts.push(pairs(of, one)),
            _ => scalars.push((field, value.clone())),
        }
    }
    let scalars = scalars
        .iter()
        .map(|(field, value)| vec![field.name().to_owned(), cell(field, value)]);
    let scalars: Vec<Vec<String>> = scalars.filter(|pair| !pair[1].is_empty()).collect();
    if !scalars.is_empty() {
        parts.push(super::table(&["field", "value"], scalars).to_string());
    }
    parts.extend(effects(dynamic));
    match (parts.is_empty(), rows_are_missing) {
        (false, _) => parts.join("\n"),
        (true, true) => "none".to_owned(),
        (true, false) => done.to_owned(),
    }
}

/// Who gains and loses what, where the answer tells.
fn effects(dynamic: &DynamicMessage) -> Option<String> {
    let field = dynamic.get_field_by_name("changes")?;
    let rows: Vec<Row> = field
        .as_list()?
        .iter()
        .filter_map(|change| change.as_message()?.transcode_to::<EffectiveChange>().ok())
        .map(Row::from)
        .collect();
    (!rows.is_empty()).then(|| changes::trees(&rows, false))
}

/// A row for each, with the columns that any of them fills.
fn table(of: &MessageDescriptor, rows: &[Value]) -> String {
    let fields = of.fields().filter(|field| !UNSEEN.contains(&field.name()));
    let fields: Vec<FieldDescriptor> = fields
        .filter(|field| {
            let mut cells = rows.iter().map(|row| cell(field, &row[field.name()]));
            // A list of one account need not say which in every row.
            field.name() != "account" && cells.any(|cell| !cell.is_empty()) || field.name() == of_what(of)
        })
        .collect();
    let header: Vec<&str> = fields.iter().map(FieldDescriptor::name).collect();
    let row = |row: &Value| {
        fields
            .iter()
            .map(|field| cell(field, &row[field.name()]))
            .collect()
    };
    super::table(&header, rows.iter().map(row)).to_string()
}

/// The field with the id of a message: `Account` has its id in `account`.
fn of_what(of: &MessageDescriptor) -> String {
    snake(of.name())
}

/// A line for each field that has a value.
fn pairs(of: &MessageDescriptor, values: &Map<String, Value>) -> String {
    let fields = of.fields().filter(|field| !UNSEEN.contains(&field.name()));
    let rows = fields.filter_map(|field| {
        let text = cell(&field, values.get(field.name())?);
        (!text.is_empty()).then(|| vec![field.name().to_owned(), text])
    });
    super::table(&["field", "value"], rows).to_string()
}

/// Whether a message is written in one cell: well-known types.
fn is_plain(of: &MessageDescriptor) -> bool {
    of.package_name() == "google.protobuf"
}

fn cell(field: &FieldDescriptor, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(all) => {
            let all: Vec<String> = all.iter().map(|one| cell(field, one)).collect();
            all.join(", ")
        }
        Value::String(text) => match field.kind() {
            Kind::Enum(of) => word(text, of.name()),
            _ => text.clone(),
        },
        Value::Object(fields) => match field.kind() {
            Kind::Message(of) if !is_plain(&of) && !field.is_map() => {
                let parts = of
                    .fields()
                    .filter_map(|part| Some(cell(&part, fields.get(part.name())?)));
                let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
                parts.join(" ")
            }
            _ if fields.is_empty() => String::new(),
            _ => value.to_string(),
        },
        other => other.to_string(),
    }
}

/// A value of an enum without its prefix, in lower case; that which stands for none is empty.
fn word(value: &str, of: &str) -> String {
    let prefix = format!("{}_", snake(of).to_uppercase());
    match value.strip_prefix(&prefix).unwrap_or(value) {
        "UNSPECIFIED" => String::new(),
        word => word.to_lowercase(),
    }
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (at, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use bailiwick_proto::authorization::v1::{
        ListMembersResponse, Member, MemberState, RevokeRoleResponse, SuspendMemberResponse,
    };

    use super::*;

    fn member(user: &str, state: MemberState) -> Member {
        Member {
            account: "acct_1".to_owned(),
            user: user.to_owned(),
            state: state.into(),
            ..Member::default()
        }
    }

    #[test]
    fn rows_become_a_table_of_the_columns_that_are_filled() {
        let members = vec![
            member("user_1", MemberState::Active),
            member("user_2", MemberState::Suspended),
        ];
        let answer = ListMembersResponse {
            members,
            next_page_token: "more".to_owned(),
        };
        let text = human(&dynamic(&answer).unwrap(), "done");
        let words: Vec<&str> = text
            .split_whitespace()
            .filter(|word| !word.contains(['─', '═']))
            .collect();
        assert_eq!(
            words,
            ["user", "state", "user_1", "active", "user_2", "suspended"]
        );
    }

    #[test]
    fn one_message_becomes_a_line_a_field_and_nothing_becomes_a_sentence() {
        let answer = SuspendMemberResponse {
            member: Some(member("user_1", MemberState::Suspended)),
            token: "t".to_owned(),
            ..SuspendMemberResponse::default()
        };
        let text = human(&dynamic(&answer).unwrap(), "done");
        assert!(text.contains("suspended") && !text.contains("token"), "{text}");
        let empty = ListMembersResponse::default();
        assert_eq!(human(&dynamic(&empty).unwrap(), "done"), "none");
        let nothing = RevokeRoleResponse::default();
        assert_eq!(human(&dynamic(&nothing).unwrap(), "revoked"), "revoked");
    }

    #[test]
    fn a_message_is_read_by_the_names_of_the_protos() {
        let read: Member = read_message("{user: user_1, state: MEMBER_STATE_ACTIVE}").unwrap();
        assert_eq!(read.state(), MemberState::Active);
        let error = read_message::<Member>("{usr: user_1}").unwrap_err().to_string();
        assert!(error.contains("usr"), "{error}");
    }

    #[test]
    fn json_has_the_names_of_the_protos() {
        let answer = ListMembersResponse {
            members: vec![member("user_1", MemberState::Active)],
            ..ListMembersResponse::default()
        };
        let value = json(&dynamic(&answer).unwrap()).unwrap();
        assert_eq!(value["members"][0]["state"], "MEMBER_STATE_ACTIVE");
        assert_eq!(value["next_page_token"], "");
    }
}
