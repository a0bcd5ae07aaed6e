//! Whether a value fits a setting.

use serde_json::Value as Json;

use crate::manifest::{SettingDecl, SettingType};

impl SettingDecl {
    /// Checks a value that an account wants to set.
    ///
    /// # Errors
    /// A message that says what does not fit.
    pub fn check(&self, value: &Json) -> Result<(), String> {
        check(self, value)
    }
}

pub(crate) fn check(decl: &SettingDecl, value: &Json) -> Result<(), String> {
    let limit = |size: usize, what: &str| match decl.max {
        Some(max) if i64::try_from(size).is_ok_and(|size| size > max) => {
            Err(format!("must have at most {max} {what}"))
        }
        _ => Ok(()),
    };
    match (decl.kind, value) {
        (SettingType::Bool, Json::Bool(_)) => Ok(()),
        (SettingType::Int, Json::Number(number)) => match (number.as_i64(), decl.max) {
            (None, _) => Err("must be a whole number".to_owned()),
            (Some(number), Some(max)) if number > max => Err(format!("must be at most {max}")),
            _ => Ok(()),
        },
        (SettingType::String, Json::String(text)) => limit(text.chars().count(), "characters"),
        (SettingType::StringList | SettingType::Domains, Json::Array(items)) => {
            for item in items {
                let Some(text) = item.as_str() else {
                    return Err("must hold texts only".to_owned());
                };
                if decl.kind == SettingType::Domains && !is_domain(text) {
                    return Err(format!("`{text}` is no domain name"));
                }
            }
            limit(items.len(), "items")
        }
        (SettingType::Bool, _) => Err("must be true or false".to_owned()),
        (SettingType::Int, _) => Err("must be a whole number".to_owned()),
        (SettingType::String, _) => Err("must be a text".to_owned()),
        (SettingType::StringList, _) => Err("must be a list of texts".to_owned()),
        (SettingType::Domains, _) => Err("must be a list of domain names".to_owned()),
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
    fn a_value_has_to_be_of_the_declared_type_and_within_its_bound() {
        let decl = |kind, max| SettingDecl {
            kind,
            default: None,
            max,
        };
        assert!(check(&decl(SettingType::Domains, Some(1)), &json!(["a.example"])).is_ok());
        assert!(
            check(
                &decl(SettingType::Domains, Some(1)),
                &json!(["a.example", "b.example"])
            )
            .is_err()
        );
        assert!(check(&decl(SettingType::Domains, None), &json!(["-a.example"])).is_err());
        assert!(check(&decl(SettingType::Int, Some(3)), &json!(4)).is_err());
        assert!(check(&decl(SettingType::Int, Some(3)), &json!(3)).is_ok());
        assert!(check(&decl(SettingType::Bool, None), &json!("true")).is_err());
        assert!(check(&decl(SettingType::String, Some(2)), &json!("abc")).is_err());
    }
}
