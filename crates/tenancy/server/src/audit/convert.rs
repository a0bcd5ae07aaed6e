//! What an event of a feed brings to the audit log. Nothing in an event stops the log: what is too long is
//! cut, what is not known is passed.

use std::collections::BTreeMap;

use bailiwick_proto::events::v1::{self as pb, change::Change};
use bailiwick_rpc::wire::map_of;
use bailiwick_sql::follow::Event;
use bailiwick_tenancy_core::audit::{Outcome, Personal};
use bailiwick_types::{AuditEntryId, ScopeRoot, Service};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{NewEntry, Step};

/// The longest text of a field, in bytes.
const TEXT: usize = 512;
/// The longest value of a fact, in bytes.
const FACT: usize = 2 * 1024;
/// Facts of an entry.
const FACTS: usize = 50;
/// The greatest size of the fields before or after a change, as JSON.
const FIELDS: usize = 8 * 1024;
/// Stands for a value that must not be kept.
const REDACTED: &str = "[redacted]";
/// Names whose values are secrets, whoever wrote them into an entry.
const SECRETS: [&str; 6] = [
    "password",
    "secret",
    "token",
    "private_key",
    "api_key",
    "recovery_code",
];

/// What an event of a service brings to the audit log, in order.
#[must_use]
pub fn steps(source: Service, event: &Event) -> Vec<Step> {
    let change = |(index, bytes): (usize, &Vec<u8>)| match bailiwick_feed::change(bytes) {
        Ok(Change::Audited(audited)) => {
            let id = id(source, event, index, &audited);
            Some(Step::Entry(Box::new(entry(source, event, id, audited))))
        }
        Ok(Change::UserChanged(changed)) => deleted(&changed).map(Step::Destroy),
        Ok(_) | Err(_) => None,
    };
    event.changes.iter().enumerate().filter_map(change).collect()
}

/// The user of a change by which it is gone.
pub(super) fn deleted(changed: &pb::UserChanged) -> Option<bailiwick_types::UserId> {
    let gone = changed.state() == pb::UserState::Deleted;
    changed.user.parse().ok().filter(|_| gone)
}

/// The id of an entry: the same for an event that comes again, also in a new history of its feed. The bytes
/// of a message do not count: those of a map have no order, and fields that are not known here are lost on
/// the way.
fn id(source: Service, event: &Event, index: usize, audited: &pb::Audited) -> Uuid {
    let mut hash = Sha256::new();
    let mut part = |part: &[u8]| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    part(source.as_str().as_bytes());
    part(event.root.to_string().as_bytes());
    part(&event.revision.to_be_bytes());
    part(&event.created_at.0.to_be_bytes());
    part(&index.to_be_bytes());
    for text in [&audited.actor, &audited.action, &audited.target, &audited.account] {
        part(text.as_bytes());
    }
    for (name, value) in audited.details.iter().collect::<BTreeMap<_, _>>() {
        part(name.as_bytes());
        part(value.as_bytes());
    }
    let mut id = [0; 16];
    id.iter_mut()
        .zip(hash.finalize())
        .for_each(|(to, from)| *to = from);
    uuid::Builder::from_custom_bytes(id).into_uuid()
}

fn entry(source: Service, event: &Event, id: Uuid, audited: pb::Audited) -> NewEntry {
    let outcome = match audited.outcome() {
        pb::AuditOutcome::Unspecified => Outcome::Done,
        pb::AuditOutcome::Denied => Outcome::Denied,
        pb::AuditOutcome::Failed => Outcome::Failed,
    };
    let details = audited.details.into_iter().take(FACTS).map(|(name, value)| {
        let value = if is_secret(&name) {
            REDACTED.to_owned()
        } else {
            short(&value, FACT)
        };
        (short(&name, TEXT), value)
    });
    NewEntry {
        id: AuditEntryId::from_uuid(id),
        chain: chain(&audited.account, &event.root),
        time: event.created_at,
        service: source,
        actor: short(&audited.actor, TEXT),
        on_behalf_of: short(&audited.on_behalf_of, TEXT),
        action: short(&audited.action, TEXT),
        target: short(&audited.target, TEXT),
        outcome,
        attempts: audited.attempts,
        request_id: short(&audited.request_id, TEXT),
        trace_id: short(&audited.trace_id, TEXT),
        details: details.collect::<BTreeMap<_, _>>(),
        personal: Personal {
            network: short(&audited.network, TEXT),
            device: short(&audited.device, TEXT),
            before: fields(audited.before),
            after: fields(audited.after),
        },
    }
}

/// The chain of an entry: the account that it names, else the root of its event. What is done to users
/// outside of an account is the deployment's.
fn chain(account: &str, root: &ScopeRoot) -> ScopeRoot {
    match (account.parse(), root) {
        (Ok(account), _) => ScopeRoot::Account(account),
        (Err(_), ScopeRoot::User(_)) => ScopeRoot::Deployment,
        (Err(_), root) => root.clone(),
    }
}

fn fields(values: Option<prost_types::Struct>) -> Map<String, Value> {
    let values = values.map(map_of).unwrap_or_default();
    let kept: Map<String, Value> = values
        .into_iter()
        .map(|(name, value)| redacted(name, value))
        .collect();
    let size = serde_json::to_vec(&kept).map_or(0, |bytes| bytes.len());
    if size <= FIELDS {
        return kept;
    }
    // The names at least.
    let names: Vec<&String> = kept.keys().take(FACTS).collect();
    let cut = json!({ "too_large": size, "fields": names });
    cut.as_object().cloned().unwrap_or_default()
}

fn redacted(name: String, value: Value) -> (String, Value) {
    if is_secret(&name) {
        return (name, Value::String(REDACTED.to_owned()));
    }
    let value = match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(name, value)| redacted(name, value))
                .collect(),
        ),
        other => other,
    };
    (name, value)
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETS.iter().any(|secret| name.contains(secret))
}

/// A text without zero bytes, which PostgreSQL does not store, of at most so many bytes.
fn short(text: &str, most: usize) -> String {
    let text = text.replace('\0', "\u{fffd}");
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use bailiwick_rpc::wire::struct_of;
    use bailiwick_types::Timestamp;

    use super::*;

    fn event(root: &str, changes: Vec<Change>) -> Event {
        Event {
            root: root.parse().unwrap(),
            revision: 7,
            position: 1,
            created_at: Timestamp(5),
            changes: changes.into_iter().map(bailiwick_feed::encode).collect(),
        }
    }

    fn one(root: &str, audited: pb::Audited) -> NewEntry {
        match steps(Service::Identity, &event(root, vec![Change::Audited(audited)])).pop() {
            Some(Step::Entry(entry)) => *entry,
            other => panic!("an entry, not {other:?}"),
        }
    }

    #[test]
    fn an_entry_is_of_the_account_that_it_names_else_of_the_root() {
        let account = bailiwick_types::AccountId::from_uuid(Uuid::from_u128(3)).to_string();
        let user = bailiwick_types::UserId::from_uuid(Uuid::from_u128(4));
        let named = pb::Audited {
            account: account.clone(),
            ..pb::Audited::default()
        };
        let user = format!("user:{user}");
        assert_eq!(one(&user, named).chain.to_string(), format!("account:{account}"));
        let none = pb::Audited::default;
        assert_eq!(one(&user, none()).chain, ScopeRoot::Deployment);
        assert_eq!(one("product:shop", none()).chain.to_string(), "product:shop");
    }

    #[test]
    fn the_order_in_which_facts_are_sent_gives_no_other_id() {
        // Each map of the standard library has an order of its own.
        let sent = || pb::Audited {
            details: (0..20).map(|n| (format!("fact {n}"), n.to_string())).collect(),
            ..pb::Audited::default()
        };
        let first = one("deployment", sent()).id;
        assert!((0..20).all(|_| one("deployment", sent()).id == first));
        let mut other = sent();
        other.details.insert("fact 3".to_owned(), "another".to_owned());
        assert_ne!(one("deployment", other).id, first);
    }

    #[test]
    fn an_event_that_comes_again_has_the_ids_that_it_had_and_another_has_others() {
        let audited = || Change::Audited(pb::Audited::default());
        let ids = |event: &Event, source| -> Vec<AuditEntryId> {
            let steps = steps(source, event);
            steps
                .into_iter()
                .map(|step| match step {
                    Step::Entry(entry) => entry.id,
                    Step::Destroy(user) => panic!("{user}"),
                })
                .collect()
        };
        let first = event("deployment", vec![audited(), audited()]);
        let again = Event {
            position: 99,
            ..first.clone()
        };
        let made = ids(&first, Service::Identity);
        assert_eq!(made, ids(&again, Service::Identity));
        assert_ne!(made[0], made[1]);
        assert_ne!(made, ids(&first, Service::Tenancy));
        let later = Event {
            created_at: Timestamp(6),
            ..first
        };
        assert_ne!(made, ids(&later, Service::Identity));
    }

    #[test]
    fn secrets_are_redacted_and_what_is_too_long_is_cut() {
        let values = |json: Value| Some(struct_of(json.as_object().cloned().unwrap()));
        let entry = one(
            "deployment",
            pb::Audited {
                actor: "x".repeat(10_000),
                target: "a\0b".to_owned(),
                details: [("client_secret".to_owned(), "hunter2".to_owned())].into(),
                before: values(json!({"password": "hunter2", "in": {"refresh_token": "hunter2", "ok": 1}})),
                after: values(json!({"title": "x".repeat(100_000)})),
                ..pb::Audited::default()
            },
        );
        assert_eq!(entry.actor.len(), TEXT);
        assert_eq!(entry.target, "a\u{fffd}b");
        assert_eq!(entry.details["client_secret"], REDACTED);
        let text = format!("{entry:?}");
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(entry.personal.before["in"]["ok"], json!(1));
        assert_eq!(entry.personal.after["fields"], json!(["title"]));
    }

    #[test]
    fn what_is_not_for_the_log_is_passed() {
        let other = Change::SessionRevoked(pb::SessionRevoked::default());
        let mut event = event("deployment", vec![other]);
        event.changes.push(b"\xff\xff".to_vec());
        assert_eq!(steps(Service::Identity, &event), []);
    }
}
