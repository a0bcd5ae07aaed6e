//! How errors of use cases are written: a table of variant, message, code and reason.

/// Declares the error of a use case. Every one of them can also fail on the shape of a request and in the store.
macro_rules! faults {
    ($(#[$doc:meta])* Error; $($(#[$vdoc:meta])* $variant:ident $(($field:ty))? $text:literal => $code:ident $reason:ident;)*) => {
        $(#[$doc])*
        #[derive(Debug, thiserror::Error)]
        pub enum Error {
            $($(#[$vdoc])* #[error($text)] $variant $(($field))?,)*
            /// Fields break rules.
            #[error(transparent)]
            Invalid(#[from] bailiwick_types::Violations),
            /// The store fails.
            #[error(transparent)]
            Store(#[from] $crate::StoreError),
        }
        impl bailiwick_types::Fault for Error {
            fn code(&self) -> bailiwick_types::Code {
                match self {
                    $(Self::$variant { .. } => bailiwick_types::Code::$code,)*
                    Self::Invalid(error) => error.code(),
                    Self::Store(error) => error.code(),
                }
            }
            fn reason(&self) -> bailiwick_types::Reason {
                match self {
                    $(Self::$variant { .. } => bailiwick_types::Reason::$reason,)*
                    Self::Invalid(error) => error.reason(),
                    Self::Store(error) => error.reason(),
                }
            }
            fn violations(&self) -> &[bailiwick_types::FieldViolation] {
                match self {
                    Self::Invalid(error) => error.violations(),
                    _ => &[],
                }
            }
            fn retry_after(&self) -> Option<std::time::Duration> {
                match self {
                    Self::Store(error) => error.retry_after(),
                    _ => None,
                }
            }
        }
    };
}
