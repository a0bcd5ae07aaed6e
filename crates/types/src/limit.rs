//! What one account may have: named limits, each a number that the configuration sets.

faults! {
    /// Why an account gets no more of something.
    Exhausted;
    /// The account has as many as it may have.
    Limit { limit: &'static str, value: u64 }
        "the account would exceed its limit `{limit}` of {value}: remove what is no longer needed, or raise \
         `limits.{limit}` in the configuration"
        => ResourceExhausted LimitReached [limit, value];
}

/// A limit of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Its name, which is also its key in the configuration.
    pub name: &'static str,
    /// The greatest number that the account may have.
    pub value: u64,
}

impl Limit {
    /// Refuses a number above the limit.
    ///
    /// # Errors
    /// It is above it.
    pub fn check(self, used: u64) -> Result<(), Exhausted> {
        if used <= self.value {
            return Ok(());
        }
        Err(Exhausted::Limit {
            limit: self.name,
            value: self.value,
        })
    }
    /// How many rows have to be counted to tell whether it is exceeded.
    #[must_use]
    pub fn enough(self) -> u64 {
        // Databases take no number above half of a `u64`.
        self.value.saturating_add(1).min(i64::MAX as u64)
    }
}

/// Declares the limits of a service as a section of its configuration: a struct with a number for each, its
/// default, and a method of the same name for the [`Limit`]. The crate that declares them depends on `serde`
/// and `schemars`.
///
/// ```ignore
/// bailiwick_types::limits! {
///     /// What an account may have.
///     Limits {
///         /// Doors.
///         doors = 4,
///     }
/// }
/// assert_eq!(Limits::default().doors().name, "doors");
/// ```
#[macro_export]
macro_rules! limits {
    ($(#[$doc:meta])* $name:ident { $($(#[$ldoc:meta])* $limit:ident = $default:literal),+ $(,)? }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        $(#[$doc])*
        pub struct $name { $($(#[$ldoc])* pub $limit: u64,)+ }
        impl Default for $name {
            fn default() -> Self {
                Self { $($limit: $default,)+ }
            }
        }
        impl $name {
            $(
                $(#[$ldoc])*
                #[must_use]
                pub const fn $limit(&self) -> $crate::Limit {
                    $crate::Limit { name: stringify!($limit), value: self.$limit }
                }
            )+
            /// All limits, by their declaration.
            #[must_use]
            pub fn all(&self) -> Vec<$crate::Limit> {
                vec![$(self.$limit(),)+]
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, Fault, Reason};

    #[test]
    fn a_number_above_the_limit_is_refused_with_its_name_and_value() {
        let doors = Limit {
            name: "doors",
            value: 4,
        };
        assert!(doors.check(4).is_ok());
        let refused = doors.check(5).unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert_eq!(refused.reason(), Reason::LimitReached);
        let metadata = [("limit", "doors".to_owned()), ("value", "4".to_owned())];
        assert_eq!(refused.metadata(), metadata);
        let text = refused.to_string();
        assert!(text.contains("`doors` of 4"), "{text}");
    }

    #[test]
    fn a_limit_that_nothing_reaches_can_be_counted_up_to() {
        let endless = Limit {
            name: "doors",
            value: u64::MAX,
        };
        assert_eq!(endless.enough(), i64::MAX as u64);
        assert!(endless.check(u64::MAX).is_ok());
    }
}
