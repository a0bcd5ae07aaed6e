//! The numbers under which enums are stored, and their names.

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

/// Declares an enum whose variants have names: it gets `ALL`, `as_str`, `named` and `Display`.
///
/// ```
/// bailiwick_types::words! {
///     /// A door.
///     #[derive(Debug, Clone, Copy, PartialEq)]
///     pub enum Door {
///         /// It is open.
///         Open = "open",
///         /// It is locked.
///         Locked = "locked",
///     }
/// }
/// assert_eq!(Door::named("locked"), Some(Door::Locked));
/// assert_eq!(Door::ALL.map(|door| door.to_string()), ["open", "locked"]);
/// ```
#[macro_export]
macro_rules! words {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$doc:meta])* $variant:ident = $word:literal,)+
    }) => {
        $(#[$meta])*
        $vis enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// All of them.
            $vis const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];
            /// Its name, in messages and where it is written.
            #[must_use]
            $vis const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
            /// The one of that name.
            #[must_use]
            $vis fn named(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|one| one.as_str() == name)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
