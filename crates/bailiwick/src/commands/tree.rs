//! Trees for a terminal.

/// A branch of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) text: String,
    pub(super) below: Vec<Node>,
}

impl Node {
    pub(super) fn leaf(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            below: Vec::new(),
        }
    }
}

/// The branches of a tree, a line each. Lines longer than `width` go on below their beginning.
pub(super) fn drawn(roots: &[Node], width: Option<usize>) -> String {
    let mut lines = Vec::new();
    draw(roots, "", width.unwrap_or(usize::MAX), &mut lines);
    lines.join("\n")
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

    #[test]
    fn a_line_that_is_too_long_goes_on_below_its_beginning() {
        let roots = [Node {
            text: "role handler on account:a".to_owned(),
            below: vec![
                Node {
                    text: "message.answer: does not match: the condition is not true".to_owned(),
                    below: vec![Node::leaf("resource.attr.tag = x")],
                },
                Node::leaf("message.view: matches"),
            ],
        }];
        assert_eq!(
            drawn(&roots, Some(40)),
            "└─ role handler on account:a
   ├─ message.answer: does not match:
   │  │ the condition is not true
   │  └─ resource.attr.tag = x
   └─ message.view: matches"
        );
    }
}
