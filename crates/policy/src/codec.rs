//! The compact binary form of what is cached outside the process.
//!
//! Numbers are LEB128, texts and lists are length-prefixed, and every value starts with a kind and a version
//! byte. Reading never panics and never allocates more than the input could hold.

use bailiwick_types::Subject;

/// Bytes that cannot be read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They are of another kind or of a version that this build does not know.
    #[error("unknown kind or version")]
    Version,
    /// They end too early.
    #[error("cut short")]
    Short,
    /// They do not follow the format.
    #[error("malformed")]
    Malformed,
}

#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn start(kind: u8, version: u8) -> Self {
        Self(vec![kind, version])
    }
    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
    pub(crate) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }
    pub(crate) fn unsigned(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.0.push(n.to_le_bytes()[0] | 0x80);
            n >>= 7;
        }
        self.0.push(n.to_le_bytes()[0]);
    }
    pub(crate) fn signed(&mut self, n: i64) {
        self.unsigned(((n << 1) ^ (n >> 63)).cast_unsigned());
    }
    pub(crate) fn length(&mut self, n: usize) {
        self.unsigned(n as u64);
    }
    pub(crate) fn fixed(&mut self, n: u128) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
    pub(crate) fn text(&mut self, text: &str) {
        self.length(text.len());
        self.bytes(text.as_bytes());
    }
    /// An optional instant: 0 for none, else 1 and its zigzag form.
    pub(crate) fn expiry(&mut self, at: i64) {
        if at == i64::MAX {
            self.byte(0);
        } else {
            self.byte(1);
            self.signed(at);
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn start(bytes: &'a [u8], kind: u8, version: u8) -> Result<Self, DecodeError> {
        match bytes {
            [k, v, rest @ ..] if *k == kind && *v == version => Ok(Self(rest)),
            _ => Err(DecodeError::Version),
        }
    }
    /// Goes on reading in the middle of what was written.
    #[inline]
    pub(crate) fn middle(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }
    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::Malformed)
        }
    }
    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8, DecodeError> {
        let (first, rest) = self.0.split_first().ok_or(DecodeError::Short)?;
        self.0 = rest;
        Ok(*first)
    }
    pub(crate) fn flag(&mut self) -> Result<bool, DecodeError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Malformed),
        }
    }
    /// A variant by its stored number.
    pub(crate) fn code<T>(&mut self, read: impl FnOnce(u8) -> Option<T>) -> Result<T, DecodeError> {
        read(self.byte()?).ok_or(DecodeError::Malformed)
    }
    #[inline]
    pub(crate) fn unsigned(&mut self) -> Result<u64, DecodeError> {
        let mut n = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                return Err(DecodeError::Malformed);
            }
            n |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(n);
            }
        }
        Err(DecodeError::Malformed)
    }
    pub(crate) fn signed(&mut self) -> Result<i64, DecodeError> {
        let n = self.unsigned()?;
        Ok((n >> 1).cast_signed() ^ -(n & 1).cast_signed())
    }
    #[inline]
    pub(crate) fn small<T: TryFrom<u64>>(&mut self) -> Result<T, DecodeError> {
        T::try_from(self.unsigned()?).map_err(|_| DecodeError::Malformed)
    }
    /// The number of items that follow; each takes at least a byte, so no length can exceed what is left.
    #[inline]
    pub(crate) fn length(&mut self) -> Result<usize, DecodeError> {
        let n: usize = self.small()?;
        if n > self.0.len() {
            Err(DecodeError::Short)
        } else {
            Ok(n)
        }
    }
    pub(crate) fn fixed(&mut self) -> Result<u128, DecodeError> {
        let (head, rest) = self.0.split_first_chunk::<16>().ok_or(DecodeError::Short)?;
        self.0 = rest;
        Ok(u128::from_le_bytes(*head))
    }
    pub(crate) fn text(&mut self) -> Result<&'a str, DecodeError> {
        str::from_utf8(self.text_bytes()?).map_err(|_| DecodeError::Malformed)
    }
    /// A text that is compared only.
    #[inline]
    pub(crate) fn text_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let n = self.length()?;
        let (head, rest) = self.0.split_at_checked(n).ok_or(DecodeError::Short)?;
        self.0 = rest;
        Ok(head)
    }
    pub(crate) fn subject(&mut self) -> Result<Subject, DecodeError> {
        self.text()?.parse().map_err(|_| DecodeError::Malformed)
    }
    #[inline]
    pub(crate) fn expiry(&mut self) -> Result<i64, DecodeError> {
        if self.flag()? { self.signed() } else { Ok(i64::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_come_back_as_they_were_written() {
        let mut to = Writer::start(1, 2);
        for n in [0, 127, 128, u64::MAX] {
            to.unsigned(n);
        }
        for n in [0, -1, i64::MIN, i64::MAX] {
            to.signed(n);
        }
        to.text("ä");
        to.expiry(i64::MAX);
        to.expiry(-7);
        let bytes = to.finish();
        let mut from = Reader::start(&bytes, 1, 2).unwrap();
        for n in [0, 127, 128, u64::MAX] {
            assert_eq!(from.unsigned(), Ok(n));
        }
        for n in [0, -1, i64::MIN, i64::MAX] {
            assert_eq!(from.signed(), Ok(n));
        }
        assert_eq!(from.text(), Ok("ä"));
        assert_eq!((from.expiry(), from.expiry()), (Ok(i64::MAX), Ok(-7)));
        assert_eq!(from.finish(), Ok(()));
        assert_eq!(Reader::start(&bytes, 1, 3).err(), Some(DecodeError::Version));
    }

    #[test]
    fn a_length_beyond_the_input_is_refused_before_anything_is_allocated() {
        let mut to = Writer::start(1, 1);
        to.unsigned(u64::MAX >> 1);
        let bytes = to.finish();
        assert!(Reader::start(&bytes, 1, 1).unwrap().length().is_err());
    }
}
