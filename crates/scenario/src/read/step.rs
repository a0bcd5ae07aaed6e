//! Reads one step: a verb with its arguments, the actor, the expectation and its reason.

use bailiwick_policy::manifest::yaml::{Kind, Node};

use crate::{
    answer::{Answer, Expects},
    read::{
        expect,
        fields::{Context, did_you_mean},
        values::{FromNode, UserName},
    },
    scenario::Step,
    verbs,
};

/// The keys of a step besides its verb.
const KEYS: [&str; 3] = ["as", "expect", "because"];

impl FromNode for Step {
    fn from_node(context: &mut Context, _: &str, node: &Node) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            let message = format!("a step must be a map, not {}", node.kind.name());
            context.fault(node.at, message);
            return None;
        };
        let (keys, verbs): (Vec<_>, Vec<_>) = entries
            .iter()
            .cloned()
            .partition(|(key, _)| KEYS.contains(&key.text.as_str()));
        let keys = Node {
            at: node.at,
            kind: Kind::Map(keys),
        };
        for (key, _) in verbs.iter().skip(1) {
            let message = match verbs::entry(&key.text) {
                Some(_) => format!("a step has one verb: `{}` is a second", key.text),
                None => unknown("key", &key.text, KEYS.into_iter().chain(verbs::names())),
            };
            context.fault(key.at, message);
        }
        let Some((key, arguments)) = verbs.first() else {
            context.fault(node.at, "a step needs a verb");
            return None;
        };
        let Some(entry) = verbs::entry(&key.text) else {
            context.fault(key.at, unknown("verb", &key.text, verbs::names()));
            return None;
        };
        let verb = context.map(format!("`{}`", key.text), arguments, entry.read);
        let step = context.map("a step", &keys, |fields| {
            let actor: Option<UserName> = fields.get("as");
            let by = actor.as_deref().map(|actor| format!("as {actor}: "));
            let expected = fields.node("expect");
            if expected.is_none() && verb.expects() != Expects::Nothing {
                fields.fault(node.at, "a step needs `expect`");
            }
            let expect = expected.and_then(|node| expect::read(fields.context, verb.expects(), node));
            Self {
                line: node.at.line,
                text: format!("{}{} {}", by.unwrap_or_default(), key.text, arguments.kind),
                expect: expect.unwrap_or(Answer::Nothing),
                because: fields.get("because"),
                actor,
                verb,
            }
        });
        if let (Some(own), Some(actor)) = (step.verb.actor(), step.actor.as_deref())
            && own != actor
        {
            let message = format!("`{}` acts as `{own}`, not as `{actor}`", key.text);
            context.fault(node.at, message);
        }
        Some(step)
    }
}

fn unknown<'w>(what: &str, word: &str, known: impl Iterator<Item = &'w str>) -> String {
    let hint = did_you_mean(word, known).unwrap_or_default();
    format!("unknown {what} `{word}`{hint}")
}
