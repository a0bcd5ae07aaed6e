//! `Debug` of types with fields that have none.

/// Implements `Debug` with some fields of a type, or with none of them.
///
/// ```
/// struct Clock { name: &'static str, tick: fn() }
/// bailiwick_types::debug_fields!(Clock { name });
/// let clock = Clock { name: "a", tick: || () };
/// assert_eq!(format!("{clock:?}"), r#"Clock { name: "a", .. }"#);
/// # (clock.tick)();
/// ```
#[macro_export]
macro_rules! debug_fields {
    ($type:ident { $($field:ident),* }) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type))
                    $(.field(stringify!($field), &self.$field))*
                    .finish_non_exhaustive()
            }
        }
    };
}
