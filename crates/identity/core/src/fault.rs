//! How errors of use cases say what they are.

/// Implements `Fault`: `Variant => Code Reason` for own variants, then the variants that hold another fault.
macro_rules! fault {
    ($error:ident { $($variant:ident => $code:ident $reason:ident,)* } $([$($inner:ident),*])?) => {
        impl bailiwick_types::Fault for $error {
            fn code(&self) -> bailiwick_types::Code {
                match self {
                    $(Self::$variant { .. } => bailiwick_types::Code::$code,)*
                    $($(Self::$inner(inner) => bailiwick_types::Fault::code(inner),)*)?
                }
            }
            fn reason(&self) -> bailiwick_types::Reason {
                match self {
                    $(Self::$variant { .. } => bailiwick_types::Reason::$reason,)*
                    $($(Self::$inner(inner) => bailiwick_types::Fault::reason(inner),)*)?
                }
            }
            fn retry_after(&self) -> Option<std::time::Duration> {
                match self {
                    $(Self::$variant { .. } => self.wait(),)*
                    $($(Self::$inner(inner) => bailiwick_types::Fault::retry_after(inner),)*)?
                }
            }
        }
    };
}
pub(crate) use fault;

/// For errors of which none says how long to wait.
macro_rules! no_wait {
    ($error:ident) => {
        impl $error {
            fn wait(&self) -> Option<std::time::Duration> {
                None
            }
        }
    };
}
pub(crate) use no_wait;
