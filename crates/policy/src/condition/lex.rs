//! The words of an expression.

use super::ConditionError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// `subject`, `resource.attr.public`, `true`, `in`
    Path(String),
    Int(i64),
    Text(String),
    /// An operator or bracket.
    Mark(&'static str),
}

const MARKS: [&str; 15] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", "[", "]", ",", "-",
];

pub(super) fn fault(at: usize, message: impl Into<String>) -> ConditionError {
    ConditionError {
        at,
        message: message.into(),
    }
}

pub(super) fn lex(source: &str) -> Result<Vec<(usize, Token)>, ConditionError> {
    let mut tokens = Vec::new();
    let mut rest = source;
    loop {
        rest = rest.trim_start();
        let at = source.len() - rest.len();
        let Some(first) = rest.chars().next() else {
            return Ok(tokens);
        };
        let (token, length) = if first == '"' || first == '\'' {
            text(rest, first, at)?
        } else if first.is_ascii_digit() {
            let length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let number = rest.get(..length).and_then(|digits| digits.parse().ok());
            (
                Token::Int(number.ok_or_else(|| fault(at, "the number is too large"))?),
                length,
            )
        } else if first.is_ascii_alphabetic() || first == '_' {
            let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
            let length = rest.find(|c| !part(c)).unwrap_or(rest.len());
            (
                Token::Path(rest.get(..length).unwrap_or_default().to_owned()),
                length,
            )
        } else if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            (Token::Mark(mark), mark.len())
        } else {
            return Err(fault(at, format!("`{first}` has no meaning here")));
        };
        tokens.push((at, token));
        rest = rest.get(length..).unwrap_or_default();
    }
}

fn text(rest: &str, quote: char, at: usize) -> Result<(Token, usize), ConditionError> {
    let inner = rest.get(1..).unwrap_or_default();
    let end = inner
        .find(quote)
        .ok_or_else(|| fault(at, "the text is not closed"))?;
    let text = inner.get(..end).unwrap_or_default();
    if text.contains('\\') {
        return Err(fault(
            at,
            "escapes are not known in texts; use the other kind of quotes",
        ));
    }
    Ok((Token::Text(text.to_owned()), end + 2))
}
