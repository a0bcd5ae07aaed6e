//! The types of settings, which products declare and accounts set.

use serde::{Deserialize, Serialize};
use serde_json::Value;

words! {
    /// The type of a setting.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum SettingType {
        /// `true` or `false`.
        Bool = "bool",
        /// A whole number.
        Int = "int",
        /// A text.
        String = "string",
        /// Texts.
        StringList = "string_list",
        /// Domain names of e-mail addresses.
        Domains = "domains",
    }
}

impl SettingType {
    /// Checks a value. `max` is the greatest number, the greatest length of a text or the greatest count of a
    /// list.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn check(self, max: Option<i64>, value: &Value) -> Result<(), String> {
        let limit = |size: usize, what: &str| match max {
            Some(max) if i64::try_from(size).is_ok_and(|size| size > max) => {
                Err(format!("must have at most {max} {what}"))
            }
            _ => Ok(()),
        };
        match (self, value) {
            (Self::Bool, Value::Bool(_)) => Ok(()),
            (Self::Int, Value::Number(number)) => match (number.as_i64(), max) {
                (None, _) => Err("must be a whole number".to_owned()),
                (Some(number), Some(max)) if number > max => Err(format!("must be at most {max}")),
                _ => Ok(()),
            },
            (Self::String, Value::String(text)) => limit(text.chars().count(), "characters"),
            (Self::StringList | Self::Domains, Value::Array(items)) => {
                for item in items {
                    let Some(text) = item.as_str() else {
                        return Err("must hold texts only".to_owned());
                    };
                    if self == Self::Domains && !is_domain(text) {
                        return Err(format!("`{text}` is no domain name"));
                    }
                }
                limit(items.len(), "items")
            }
            (Self::Bool, _) => Err("must be true or false".to_owned()),
            (Self::Int, _) => Err("must be a whole number".to_owned()),
            (Self::String, _) => Err("must be a text".to_owned()),
            (Self::StringList, _) => Err("must be a list of texts".to_owned()),
            (Self::Domains, _) => Err("must be a list of domain names".to_owned()),
        }
    }
}

/// Host name syntax of RFC 1123 with at least two labels.
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
        let cases = [
            (SettingType::Bool, None, json!(true), true),
            (SettingType::Bool, None, json!("true"), false),
            (SettingType::Int, Some(3), json!(3), true),
            (SettingType::Int, Some(3), json!(4), false),
            (SettingType::Int, None, json!(1.5), false),
            (SettingType::String, Some(2), json!("ää"), true),
            (SettingType::String, Some(2), json!("äää"), false),
            (SettingType::StringList, None, json!(["a", ""]), true),
            (SettingType::StringList, None, json!(["a", 1]), false),
            (SettingType::Domains, Some(1), json!(["a.example"]), true),
            (
                SettingType::Domains,
                Some(1),
                json!(["a.example", "b.example"]),
                false,
            ),
            (SettingType::Domains, None, json!(["localhost"]), false),
            (SettingType::Domains, None, json!(["-a.example"]), false),
            (SettingType::Domains, None, json!("a.example"), false),
        ];
        for (kind, max, value, good) in cases {
            assert_eq!(kind.check(max, &value).is_ok(), good, "{kind} {max:?} {value}");
        }
    }
}
