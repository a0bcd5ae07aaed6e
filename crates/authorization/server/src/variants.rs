//! Enums whose variants have the same names.

/// Functions from an enum to another one that has variants of the same names.
macro_rules! same_variants {
    ($($visible:vis fn $name:ident($from:ty => $to:ty) { $($variant:ident),+ })+) => {$(
        $visible fn $name(value: $from) -> $to {
            match value {
                $(<$from>::$variant => <$to>::$variant,)+
            }
        }
    )+};
}

pub(crate) use same_variants;
