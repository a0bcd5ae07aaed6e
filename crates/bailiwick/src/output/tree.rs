//! Trees for a terminal.

use termtree::GlyphPalette;

/// A node and the nodes below it.
pub(crate) type Tree = termtree::Tree<String>;

const GLYPHS: GlyphPalette = GlyphPalette {
    item_indent: "─ ",
    skip_indent: "  ",
    ..GlyphPalette::new()
};
/// Columns that each level is indented by.
const INDENT: usize = 3;
/// Columns of text that remain at any depth.
const MIN_WIDTH: usize = 20;

/// Draws a tree below a first line, which is its root. A node that is longer than `width` continues below its
/// first line.
pub(crate) fn draw(mut tree: Tree, width: Option<usize>) -> String {
    if let Some(width) = width {
        wrap_all(&mut tree.leaves, width.saturating_sub(INDENT));
    }
    tree.with_glyphs(GLYPHS).to_string().trim_end().to_owned()
}

fn wrap_all(nodes: &mut [Tree], width: usize) {
    for node in nodes {
        // The branch to what is below the node passes beside its continued lines.
        let hang = if node.leaves.is_empty() { "  " } else { "│ " };
        node.root = wrap(&node.root, width.max(MIN_WIDTH), hang);
        node.set_multiline(true);
        wrap_all(&mut node.leaves, width.saturating_sub(INDENT));
    }
}

/// Breaks a text between words where it exceeds `width`; `hang`, two columns wide, precedes each continued
/// line.
fn wrap(text: &str, width: usize, hang: &str) -> String {
    let mut wrapped = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            wrapped.push('\n');
            wrapped.push_str(hang);
            column = 2;
        } else if column > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += length;
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_is_too_long_continues_below_its_first_line() {
        let condition = Tree::new("message.answer: does not match: the condition is not true".to_owned())
            .with_leaves(["resource.attr.tag = x".to_owned()]);
        let role = Tree::new("role handler on account:a".to_owned())
            .with_leaves([condition, Tree::new("message.view: matches".to_owned())]);
        assert_eq!(
            draw(Tree::new("user:u".to_owned()).with_leaves([role]), Some(40)),
            "user:u
└─ role handler on account:a
   ├─ message.answer: does not match:
   │  │ the condition is not true
   │  └─ resource.attr.tag = x
   └─ message.view: matches"
        );
    }
}
