//! The manifest that says what the facts are.

use std::collections::BTreeMap;

use super::facts::{VERBS, word};
use crate::reference::{Facts, RefRule};

pub(crate) fn yaml(facts: &Facts, has_rule: bool, switched: bool) -> String {
    let implied = |of: &str| {
        let mut by_verb: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (a, b) in facts.implies.iter().filter(|(a, _)| a.starts_with(of)) {
            by_verb
                .entry(a.split_once('.').unwrap().1)
                .or_default()
                .push(b.split_once('.').unwrap().1);
        }
        let parts: Vec<String> = by_verb
            .iter()
            .map(|(verb, to)| format!("{verb}: [{}]", to.join(", ")))
            .collect();
        format!("{{{}}}", parts.join(", "))
    };
    let verbs = VERBS.join(", ");
    let rule = if has_rule {
        "{v0: {by: doc.v3, serves: stays, when_setting: ask}}"
    } else {
        "{}"
    };
    let mut text = format!(
        "product: random
levels: {{account: {{}}, instance: {{}}, workspace: {{}}}}
restricted: [{}]
settings: {{ask: {{type: bool, default: {switched}}}}}
types:
  doc:
    verbs: [{verbs}]
    implies: {}
    approvals: {rule}
    attributes:
      {{who: {{type: subject}}, open: {{type: bool}}, asked: {{type: bool, from: request}}, size: {{type: int}},
       tag: {{type: string, from: request}}, label: {{type: string}}}}
    grants: {{v0: resource.attr.tag in grant.tags}}
  part:
    verbs: [{verbs}]
    implies: {}
    on: [doc]
    attributes: {{open: {{type: bool, from: request}}, label: {{type: string, from: request}}}}
    grants: {{v0: resource.attr.label in grant.labels}}
  folder: {{verbs: [{verbs}]}}
subjects:
  user: {}
",
        facts.restricted.join(", "),
        implied("doc"),
        implied("part"),
        if facts.members_only { "members" } else { "external" },
    );
    let role = |no: Option<usize>| no.map_or("{}".to_owned(), |no| format!("{{role: r{no}}}"));
    text += &format!(
        "  kinds: {{agent: {}, customer: {}}}\n",
        role(facts.agent),
        role(facts.customer)
    );
    text += &format!("  anonymous: {}\nroles:\n", role(facts.anonymous));
    for (no, role) in facts.roles.iter().enumerate() {
        let includes: Vec<String> = role.includes.iter().map(|other| format!("r{other}")).collect();
        text += &format!("  r{no}:\n    includes: [{}]\n    levels:\n", includes.join(", "));
        for (lvl, entries) in &role.levels {
            text += &format!("      {}:\n        permissions:\n", word(*lvl));
            if entries.is_empty() {
                text = text.trim_end().to_owned() + " []\n";
            }
            for entry in entries {
                text += &format!("          - permission: \"{}\"\n", entry.pattern);
                text += &format!("            except: [{}]\n", quoted(&entry.except));
                if let Some(when) = &entry.when {
                    text += &format!("            when: '{}'\n", when.text());
                }
                match entry.rule {
                    RefRule::OfType => {}
                    RefRule::None => text += "            approval: none\n",
                    RefRule::Own => text += "            approval: {by: doc.v3}\n",
                }
            }
        }
    }
    text
}

fn quoted(texts: &[String]) -> String {
    texts
        .iter()
        .map(|text| format!("\"{text}\""))
        .collect::<Vec<_>>()
        .join(", ")
}
