//! One step: a verb with its arguments, who acts, what is expected and why.

use crate::{
    model::{Act, Answer, Step},
    parse::{
        expect::{self, Expects},
        fields::{Context, Fields},
        verb,
    },
    yaml::{Node, Value},
};

const ASIDE: [&str; 3] = ["as", "expect", "because"];

pub(crate) fn read(context: &mut Context, node: &Node) -> Option<Step> {
    let Value::Map(entries) = &node.value else {
        context
            .faults
            .add(node.at, format!("a step must be a map, not {}", node.kind()));
        return None;
    };
    let verbs: Vec<_> = entries
        .iter()
        .filter(|(key, _)| !ASIDE.contains(&key.text.as_str()))
        .collect();
    for (key, _) in verbs.iter().skip(1) {
        let message = match verb::expects(&key.text) {
            Some(_) => format!("a step has one verb: `{}` is a second", key.text),
            None => format!("unknown key `{}` of a step", key.text),
        };
        context.faults.add(key.at, message);
    }
    let Some((key, arguments)) = verbs.first() else {
        context.faults.add(node.at, "a step needs a verb");
        return None;
    };
    let Some(expects) = verb::expects(&key.text) else {
        context.faults.add(key.at, format!("unknown verb `{}`", key.text));
        return None;
    };

    let aside: Vec<_> = entries
        .iter()
        .filter(|(key, _)| ASIDE.contains(&key.text.as_str()))
        .cloned()
        .collect();
    let aside = Node {
        value: Value::Map(aside),
        at: node.at,
    };
    let mut fields = Fields::of(context, "a step", &aside);
    let actor = fields.user("as");
    let because = fields.text("because");
    let expected = match expects {
        Expects::Nothing => fields.node("expect"),
        _ => fields.need("expect"),
    };
    let expect = match expected {
        Some(node) => expect::read(context, expects, node),
        None => Answer::Nothing,
    };

    let act = verb::read(context, &key.text, key.at, arguments)?;
    if let (Act::Accept { user, .. }, Some(actor)) = (&act, &actor)
        && user != actor
    {
        context
            .faults
            .add(node.at, format!("`accept` acts as `{user}`, not as `{actor}`"));
    }
    let by = actor
        .as_ref()
        .map(|actor| format!("as {actor}: "))
        .unwrap_or_default();
    Some(Step {
        line: node.at.line,
        text: format!("{by}{} {arguments}", key.text),
        actor,
        act,
        expect,
        because,
    })
}
