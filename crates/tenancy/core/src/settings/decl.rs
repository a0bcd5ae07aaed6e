//! The declaration of a setting in a product.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The type of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A text.
    String,
    /// Texts.
    StringList,
    /// Domain names of e-mail addresses.
    Domains,
}

/// The declaration of a setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decl {
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Its value until the account sets one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// The greatest number, or the greatest length of a text or list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
}

impl Decl {
    /// Checks a value.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        match self.kind {
            Kind::Bool if value.is_boolean() => Ok(()),
            Kind::Bool => Err("must be true or false".to_owned()),
            Kind::Int => match value.as_i64() {
                None => Err("must be a whole number".to_owned()),
                Some(number) if self.max.is_some_and(|max| number > max) => Err(self.most("")),
                Some(_) => Ok(()),
            },
            Kind::String => match value.as_str() {
                None => Err("must be a text".to_owned()),
                Some(text) if self.is_over(text.chars().count()) => Err(self.most(" characters long")),
                Some(_) => Ok(()),
            },
            Kind::StringList | Kind::Domains => self.check_list(value),
        }
    }
    fn check_list(&self, value: &Value) -> Result<(), String> {
        let domains = self.kind == Kind::Domains;
        let texts: Option<Vec<&str>> = value
            .as_array()
            .and_then(|list| list.iter().map(Value::as_str).collect());
        let Some(texts) = texts else {
            let what = if domains { "domain names" } else { "texts" };
            return Err(format!("must be a list of {what}"));
        };
        if self.is_over(texts.len()) {
            return Err(self.most(" entries long"));
        }
        match texts.iter().find(|text| domains && !is_domain(text)) {
            Some(text) => Err(format!("must have domain names; `{text}` is not one")),
            None => Ok(()),
        }
    }
    fn is_over(&self, size: usize) -> bool {
        self.max
            .is_some_and(|max| i64::try_from(size).map_or(true, |size| size > max))
    }
    fn most(&self, what: &str) -> String {
        format!("must be at most {}{what}", self.max.unwrap_or(i64::MAX))
    }
}

/// A host name (RFC 1123) of at least two labels.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_must_be_of_the_setting_s_type_and_within_its_bound() {
        let decl = |kind, max| Decl {
            kind,
            default: None,
            max,
        };
        let cases = [
            (decl(Kind::Bool, None), json!(true), true),
            (decl(Kind::Bool, None), json!("true"), false),
            (decl(Kind::Int, Some(3)), json!(3), true),
            (decl(Kind::Int, Some(3)), json!(4), false),
            (decl(Kind::Int, None), json!(1.5), false),
            (decl(Kind::String, Some(2)), json!("ää"), true),
            (decl(Kind::String, Some(2)), json!("äää"), false),
            (decl(Kind::StringList, None), json!(["a", ""]), true),
            (decl(Kind::StringList, None), json!(["a", 1]), false),
            (decl(Kind::Domains, Some(1)), json!(["a.example"]), true),
            (
                decl(Kind::Domains, Some(1)),
                json!(["a.example", "b.example"]),
                false,
            ),
            (decl(Kind::Domains, None), json!(["localhost"]), false),
            (decl(Kind::Domains, None), json!(["-a.example"]), false),
            (decl(Kind::Domains, None), json!("a.example"), false),
        ];
        for (decl, value, good) in cases {
            assert_eq!(decl.check(&value).is_ok(), good, "{decl:?} {value}");
        }
    }
}
