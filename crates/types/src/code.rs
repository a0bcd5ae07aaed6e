//! The numbers under which enums are stored.

/// Gives an enum the numbers under which its variants are stored in columns and encodings. Each enum has one
/// such table, next to its declaration; a number is never given to another variant.
///
/// ```
/// #[derive(Debug, Clone, Copy, PartialEq)]
/// enum State { Active, Suspended }
/// bailiwick_types::codes!(State { Active = 1, Suspended = 2 });
/// assert_eq!(State::Suspended.code(), 2);
/// assert_eq!(State::from_code(1_i64), Some(State::Active));
/// assert_eq!(State::from_code(-1_i16), None);
/// ```
#[macro_export]
macro_rules! codes {
    ($of:ty { $($variant:ident = $code:literal),+ $(,)? }) => {
        impl $of {
            /// The number under which the variant is stored.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self {
                    $(Self::$variant => $code,)+
                }
            }

            /// The variant that is stored under a number.
            #[must_use]
            pub fn from_code(code: impl TryInto<u8>) -> Option<Self> {
                match code.try_into().ok()? {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}
