//! Pages (AIP-158).

/// How many rows a page may have: 1 to 1000; 0 asks for the default of 50, more than 1000 is cut to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u32);

impl PageSize {
    /// The size where none is asked for.
    pub const DEFAULT: u32 = 50;
    /// The largest size.
    pub const MAX: u32 = 1000;
    /// Reads a requested size.
    ///
    /// # Errors
    /// It is negative.
    pub fn new(requested: i32) -> Result<Self, &'static str> {
        match u32::try_from(requested) {
            Err(_) => Err("must not be negative"),
            Ok(0) => Ok(Self(Self::DEFAULT)),
            Ok(n) => Ok(Self(n.min(Self::MAX))),
        }
    }
    /// As a number of rows.
    #[must_use]
    pub fn get(self) -> u64 {
        u64::from(self.0)
    }
    /// As a number of values in memory.
    #[must_use]
    pub fn rows(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// One page of a list: how many rows, and after which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest<K> {
    /// The number of rows.
    pub size: PageSize,
    /// The key of the last row of the page before.
    pub after: Option<K>,
}
