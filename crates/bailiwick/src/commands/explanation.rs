//! What was looked at for a decision, as a tree.

use super::check::Step;

/// A branch of the tree.
struct Node {
    text: String,
    below: Vec<Node>,
}

impl Node {
    fn leaf(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            below: Vec::new(),
        }
    }
}

/// The steps as a tree: first where and who, then what gives the permission or would, the nearest to allowing first; below
/// each what it names, and below that what came of it. Lines longer than `width` go on below their beginning.
pub(crate) fn tree(steps: &[Step], width: Option<usize>) -> String {
    let mut roots: Vec<Node> = Vec::new();
    let mut heads: Vec<String> = Vec::new();
    for step in steps {
        let head = head(step);
        if matches!(&*step.source, "scope" | "member" | "actor") {
            roots.push(Node::leaf(format!("{head}{}", step.entry)));
            heads.push(String::new());
            continue;
        }
        if step.name.is_empty() && step.entry.is_empty() && step.scope.is_empty() {
            // The reason stands in words above the tree.
            let text = step.outcome.split(':').next().unwrap_or_default();
            roots.push(Node::leaf(format!("✗ {text}")));
            heads.push(String::new());
            continue;
        }
        if heads.last() != Some(&head) {
            let mark = mark(&step.outcome);
            roots.push(Node::leaf(format!("{mark} {head}").trim_end().to_owned()));
            heads.push(head);
        }
        if let Some(root) = roots.last_mut() {
            root.below.extend(entry(step));
        }
    }
    let mut lines = Vec::new();
    draw(&roots, "", width.unwrap_or(usize::MAX), &mut lines);
    lines.join("\n")
}

/// Whether it brings the permission: yes, once approved, no.
fn mark(outcome: &str) -> &'static str {
    match outcome {
        o if o.starts_with("matches") => "✓",
        o if o.starts_with("needs approval") => "?",
        _ => "✗",
    }
}

fn head(step: &Step) -> String {
    let place = if step.scope.is_empty() {
        String::new()
    } else {
        format!(" on {}", step.scope)
    };
    let through = if step.group.is_empty() {
        String::new()
    } else {
        format!(" through {}", step.group)
    };
    match &*step.source {
        "scope" | "member" | "actor" => format!("{} ", step.source),
        source if step.name.is_empty() => format!("{source}{place}{through}"),
        source => format!("{source} {}{place}{through}", step.name),
    }
}

/// What it names, with what came of it and the values that its condition saw, a line each.
fn entry(step: &Step) -> Option<Node> {
    let mut parts = step.outcome.splitn(2, "; when ");
    let outcome = parts.next().unwrap_or_default();
    let mut below = Vec::new();
    if let Some(condition) = parts.next() {
        let (text, seen) = condition.rsplit_once(" with ").unwrap_or((condition, ""));
        let seen = split_seen(seen).into_iter().map(Node::leaf).collect();
        below.push(Node {
            text: format!("when {text}"),
            below: seen,
        });
    }
    let text = match (step.entry.is_empty(), outcome.is_empty()) {
        (true, true) => return None,
        (true, false) => outcome.to_owned(),
        (false, true) => step.entry.clone(),
        (false, false) => format!("{}: {outcome}", step.entry),
    };
    Some(Node { text, below })
}

/// The values, one each: they are joined with commas, which lists hold too.
fn split_seen(seen: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut depth = 0_usize;
    let mut one = String::new();
    for c in seen.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                all.push(std::mem::take(&mut one).trim().to_owned());
                continue;
            }
            _ => {}
        }
        one.push(c);
    }
    all.push(one.trim().to_owned());
    all.retain(|text| !text.is_empty());
    all
}

fn draw(nodes: &[Node], before: &str, width: usize, lines: &mut Vec<String>) {
    for (n, node) in nodes.iter().enumerate() {
        let last = n + 1 == nodes.len();
        let (branch, rest) = if last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        let room = width.saturating_sub(before.chars().count() + 3).max(20);
        // What goes on belongs to the node, so that what hangs below it goes past.
        let hang = if node.below.is_empty() { "  " } else { "│ " };
        for (n, line) in folded(&node.text, room).into_iter().enumerate() {
            lines.push(match n {
                0 => format!("{before}{branch}{line}"),
                _ => format!("{before}{rest}{hang}{line}"),
            });
        }
        draw(&node.below, &format!("{before}{rest}"), width, lines);
    }
}

/// The words of a text in lines of at most so many characters, but for words that are longer; lines after the first have
/// room for the hanging indent.
fn folded(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let room = if lines.is_empty() {
            room
        } else {
            room.saturating_sub(2)
        };
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(source: &str, name: &str, scope: &str, entry: &str, outcome: &str) -> Step {
        Step {
            source: source.into(),
            name: name.into(),
            scope: scope.into(),
            group: String::new(),
            entry: entry.into(),
            outcome: outcome.into(),
        }
    }

    #[test]
    fn a_tree_has_a_branch_for_each_source_and_a_leaf_for_each_value() {
        let steps = [
            step("scope", "", "", "account:a active", ""),
            step("member", "", "", "agent active", ""),
            step(
                "role",
                "handler",
                "account:a",
                "message.answer",
                "does not match: the condition is not true; when resource.attr.tag in grant.tags with \
                 resource.attr.tag = x, grant.tags = [a, b]",
            ),
            step("role", "handler", "account:a", "message.view", "matches"),
            step("grant", "", "the target", "message.view", "matches"),
        ];
        assert_eq!(
            tree(&steps, None),
            "├─ scope account:a active
├─ member agent active
├─ ✗ role handler on account:a
│  ├─ message.answer: does not match: the condition is not true
│  │  └─ when resource.attr.tag in grant.tags
│  │     ├─ resource.attr.tag = x
│  │     └─ grant.tags = [a, b]
│  └─ message.view: matches
└─ ✓ grant on the target
   └─ message.view: matches"
        );
    }

    #[test]
    fn a_line_that_is_too_long_goes_on_below_its_beginning() {
        let steps = [step(
            "role",
            "handler",
            "account:a",
            "message.answer",
            "does not match: the condition is not true; when resource.attr.tag in grant.tags && resource.attr.open with \
             resource.attr.tag = x",
        )];
        assert_eq!(
            tree(&steps, Some(40)),
            "└─ ✗ role handler on account:a
   └─ message.answer: does not match:
      │ the condition is not true
      └─ when resource.attr.tag in
         │ grant.tags &&
         │ resource.attr.open
         └─ resource.attr.tag = x"
        );
    }
}
