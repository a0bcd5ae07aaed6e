//! From words to a tree.

use super::{
    Comparison, ConditionError, MAX_DEPTH, MAX_LENGTH, MAX_NODES,
    lex::{Token, fault, lex},
};

/// A tree without types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tree {
    pub(super) at: usize,
    pub(super) node: Node,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Path(String),
    Int(i64),
    Text(String),
    List(Vec<Tree>),
    Compare(Box<Tree>, Comparison, Box<Tree>),
    In(Box<Tree>, Box<Tree>),
    Not(Box<Tree>),
    All(Vec<Tree>),
    Any(Vec<Tree>),
}

pub(super) fn parse(source: &str) -> Result<Tree, ConditionError> {
    if source.len() > MAX_LENGTH {
        return Err(fault(
            0,
            format!("the condition is longer than {MAX_LENGTH} bytes"),
        ));
    }
    let tokens = lex(source)?;
    let mut parser = Parser {
        tokens,
        next: 0,
        end: source.len(),
        nodes: 0,
    };
    let tree = parser.any(0)?;
    match parser.tokens.get(parser.next) {
        None => Ok(tree),
        Some((at, _)) => Err(fault(*at, "expected an operator or the end of the condition")),
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
    nodes: usize,
}

impl Parser {
    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    fn eat(&mut self, mark: &str) -> bool {
        let there = matches!(self.tokens.get(self.next), Some((_, Token::Mark(m))) if *m == mark);
        self.next += usize::from(there);
        there
    }

    fn tree(&mut self, at: usize, node: Node) -> Result<Tree, ConditionError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(fault(
                at,
                format!("the condition has more than {MAX_NODES} operators and operands"),
            ));
        }
        Ok(Tree { at, node })
    }

    fn any(&mut self, depth: usize) -> Result<Tree, ConditionError> {
        self.chain(depth, "||", Self::all, Node::Any)
    }

    fn all(&mut self, depth: usize) -> Result<Tree, ConditionError> {
        self.chain(depth, "&&", Self::not, Node::All)
    }

    fn chain(
        &mut self,
        depth: usize,
        mark: &str,
        part: fn(&mut Self, usize) -> Result<Tree, ConditionError>,
        make: fn(Vec<Tree>) -> Node,
    ) -> Result<Tree, ConditionError> {
        let at = self.at();
        let first = part(self, depth)?;
        if !self.eat(mark) {
            return Ok(first);
        }
        let mut parts = vec![first, part(self, depth)?];
        while self.eat(mark) {
            parts.push(part(self, depth)?);
        }
        self.tree(at, make(parts))
    }

    fn not(&mut self, depth: usize) -> Result<Tree, ConditionError> {
        let at = self.at();
        if depth > MAX_DEPTH {
            return Err(fault(
                at,
                format!("the condition is nested deeper than {MAX_DEPTH}"),
            ));
        }
        if self.eat("!") {
            let inner = self.not(depth + 1)?;
            return self.tree(at, Node::Not(Box::new(inner)));
        }
        let left = self.operand(depth)?;
        let comparison = match self.tokens.get(self.next) {
            Some((_, Token::Mark("=="))) => Some(Comparison::Equal),
            Some((_, Token::Mark("!="))) => Some(Comparison::NotEqual),
            Some((_, Token::Mark("<="))) => Some(Comparison::LessOrEqual),
            Some((_, Token::Mark(">="))) => Some(Comparison::GreaterOrEqual),
            Some((_, Token::Mark("<"))) => Some(Comparison::Less),
            Some((_, Token::Mark(">"))) => Some(Comparison::Greater),
            Some((_, Token::Path(word))) if word == "in" => None,
            _ => return Ok(left),
        };
        self.next += 1;
        let right = self.operand(depth)?;
        let (left, right) = (Box::new(left), Box::new(right));
        let node = match comparison {
            Some(comparison) => Node::Compare(left, comparison, right),
            None => Node::In(left, right),
        };
        self.tree(at, node)
    }

    fn operand(&mut self, depth: usize) -> Result<Tree, ConditionError> {
        let at = self.at();
        if self.eat("(") {
            let inner = self.any(depth + 1)?;
            return if self.eat(")") {
                Ok(inner)
            } else {
                Err(fault(self.at(), "expected `)`"))
            };
        }
        if self.eat("[") {
            let mut items = Vec::new();
            while !self.eat("]") {
                if !items.is_empty() && !self.eat(",") {
                    return Err(fault(self.at(), "expected `,` or `]`"));
                }
                items.push(self.literal()?);
            }
            return self.tree(at, Node::List(items));
        }
        self.literal()
    }

    fn literal(&mut self) -> Result<Tree, ConditionError> {
        let at = self.at();
        let negative = self.eat("-");
        let node = match self.tokens.get(self.next) {
            Some((_, Token::Int(n))) => Node::Int(if negative { -n } else { *n }),
            _ if negative => return Err(fault(at, "expected a number after `-`")),
            Some((_, Token::Path(word))) if word == "in" => {
                return Err(fault(at, "expected a value before `in`"));
            }
            Some((_, Token::Path(path))) => Node::Path(path.clone()),
            Some((_, Token::Text(text))) => Node::Text(text.clone()),
            _ => return Err(fault(at, "expected a value")),
        };
        self.next += 1;
        self.tree(at, node)
    }
}
