//! Resources as decisions see them.

use bailiwick_types::Subject;

use crate::{
    PlaceId, TypeNo,
    codec::{DecodeError, Reader, Writer},
    value::Values,
};

/// A resource: registered, or described by the caller where its type is not registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its type.
    pub type_no: TypeNo,
    /// Its id, unique per account and type.
    pub id: Box<str>,
    /// Where it lies.
    pub place: PlaceId,
    /// Who owns it.
    pub owner: Option<Subject>,
    /// The resource above it.
    pub parent: Option<(TypeNo, Box<str>)>,
    /// Its stored attributes.
    pub attributes: Values,
    /// The account's revision at which it was registered.
    pub registered: u64,
}

const KIND: u8 = b'r';
const VERSION: u8 = 1;

impl Resource {
    /// Encodes it for a cache outside the process.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::start(KIND, VERSION);
        to.byte(1);
        to.unsigned(self.type_no.0.into());
        to.text(&self.id);
        to.fixed(self.place.0);
        to.text(self.owner.as_ref().map_or("", Subject::as_str));
        match &self.parent {
            None => to.byte(0),
            Some((of, id)) => {
                to.byte(1);
                to.unsigned(of.0.into());
                to.text(id);
            }
        }
        self.attributes.encode(&mut to);
        to.unsigned(self.registered);
        to.finish()
    }

    /// Encodes that there is no such resource.
    #[must_use]
    pub fn encode_absent() -> Vec<u8> {
        let mut to = Writer::start(KIND, VERSION);
        to.byte(0);
        to.finish()
    }

    /// Reads either back; `None` is absent.
    ///
    /// # Errors
    /// The bytes are of another version or malformed.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
        let mut from = Reader::start(bytes, KIND, VERSION)?;
        let resource = match from.byte()? {
            0 => None,
            1 => Some(Self {
                type_no: TypeNo(from.small()?),
                id: from.text()?.into(),
                place: PlaceId(from.fixed()?),
                owner: match from.text()? {
                    "" => None,
                    text => Some(text.parse().map_err(|_| DecodeError::Malformed)?),
                },
                parent: match from.byte()? {
                    0 => None,
                    1 => Some((TypeNo(from.small()?), from.text()?.into())),
                    _ => return Err(DecodeError::Malformed),
                },
                attributes: Values::decode(&mut from)?,
                registered: from.unsigned()?,
            }),
            _ => return Err(DecodeError::Malformed),
        };
        from.finish()?;
        Ok(resource)
    }

    /// Bytes in memory.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>()
            + self.id.len()
            + self.owner.as_ref().map_or(0, |owner| owner.as_str().len())
            + self.parent.as_ref().map_or(0, |(_, id)| id.len())
            + self.attributes.weight()
    }
}
