//! Fields of requests that no other service has.

use bailiwick_rpc::Fields;

/// An e-mail address: one `@`, something on both sides, no blanks.
pub(super) fn email(fields: &mut Fields, field: &str, text: &str) -> Option<String> {
    let text = text.trim();
    let good = text.len() <= 254
        && text.split_once('@').is_some_and(|(name, domain)| {
            !name.is_empty() && !domain.is_empty() && !domain.contains('@') && !domain.starts_with('.')
        })
        && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    if !good {
        fields.violate(field, "must be an e-mail address");
        return None;
    }
    Some(text.to_owned())
}
