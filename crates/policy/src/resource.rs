//! Resources as decisions see them.

use bailiwick_types::{Scope, Subject};
use serde_json::{Map, Value as JsonValue};
use sha2::{Digest, Sha256};

use crate::{
    PlaceId, Product, TypeNo,
    codec::{DecodeError, Reader, Writer},
    ids::subject_of,
    schema::Schema,
    stored::Json,
    value::{Value, Values},
};

/// The greatest number of resources above a resource. Writes refuse what would have more, so that everything
/// that goes up or down the tree of resources sees all of it.
pub const MAX_PARENTS: usize = 64;

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
    pub attributes: Attributes,
    /// The account's revision at which it was registered.
    pub registered: u64,
}

/// The attributes of a resource: as they are stored, and as the schema of a product types them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    stored: Json,
    typed: Values,
    /// Names of stored values that are not among the typed ones.
    unfit: Box<[Box<str>]>,
    schema: Schema,
}

impl Attributes {
    /// Attributes as they are stored; [`Resource::retype`] types them.
    #[must_use]
    pub fn stored(values: &Map<String, JsonValue>) -> Self {
        Self::new(Json::new(values), Values::default(), Schema::UNTYPED)
    }

    fn new(stored: Json, typed: Values, schema: Schema) -> Self {
        if stored.is_empty() {
            return Self::default();
        }
        let names = stored.values().into_iter().map(|(name, _)| name);
        let unfit = names.filter(|name| typed.get(name).is_none());
        Self {
            unfit: unfit.map(Into::into).collect(),
            stored,
            typed,
            schema,
        }
    }

    /// The typed value of an attribute.
    #[inline]
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.typed.get(name)
    }

    /// The value of an attribute as it tells one from another: typed where it is, else as it is stored.
    fn text(&self, name: &str) -> Option<String> {
        let typed = self.typed.get(name).map(|value| format!("={value}"));
        typed.or_else(|| Some(format!("~{}", self.stored.values().get(name)?)))
    }

    /// Tells whether a value is stored that does not fit its declared type, or that no type is declared for.
    pub(crate) fn is_unfit(&self, name: &str) -> bool {
        self.unfit.iter().any(|other| **other == *name)
    }
}

/// The stored values of these attributes in a few bytes: the names, and a digest of the values. An approval
/// that is bound to them has it; where it is another, the values have changed since. `None` for no names.
#[must_use]
pub fn bound_values<'n>(names: impl Iterator<Item = &'n str>, resource: Option<&Resource>) -> Option<String> {
    let mut digest = Sha256::new();
    let mut all: Vec<&str> = Vec::new();
    for name in names {
        all.push(name);
        let value = resource.and_then(|resource| resource.attributes.text(name));
        for part in [Some(name.to_owned()), value] {
            match part {
                None => digest.update(u64::MAX.to_le_bytes()),
                Some(text) => {
                    digest.update((text.len() as u64).to_le_bytes());
                    digest.update(text);
                }
            }
        }
    }
    if all.is_empty() {
        return None;
    }
    let mut text = format!("{}:", all.join(","));
    for byte in digest.finalize() {
        text.push_str(&format!("{byte:02x}"));
    }
    Some(text)
}

/// Tells whether the values that something is bound to are as they were.
#[must_use]
pub fn is_bound_to(bound: &str, resource: Option<&Resource>) -> bool {
    let names = bound.split_once(':').map_or("", |(names, _)| names);
    bound_values(names.split(','), resource).as_deref() == Some(bound)
}

const KIND: u8 = b'r';
const VERSION: u8 = 2;

impl Resource {
    /// A resource of a type that is not registered, as the caller describes it: its attributes, and `owner`
    /// and `scope` where the type declares no attributes of these names. It lies in the account where no
    /// scope is given.
    #[must_use]
    pub fn described(
        product: &Product,
        account: PlaceId,
        (type_no, id): (TypeNo, &str),
        given: Option<&Map<String, JsonValue>>,
    ) -> Self {
        let of = product.type_info(type_no);
        let is_declared = |name: &str| of.is_some_and(|of| of.attribute(name).is_some());
        let text = |name: &str| given?.get(name)?.as_str().filter(|_| !is_declared(name));
        let scope = text("scope").and_then(|text| text.parse::<Scope>().ok());
        Self {
            type_no,
            id: id.into(),
            place: scope.map_or(account, |scope| PlaceId::from(&scope)),
            owner: text("owner").and_then(subject_of),
            parent: None,
            attributes: given.map(Attributes::stored).unwrap_or_default(),
            registered: 0,
        }
        .retype(product)
    }

    /// Tells whether its attributes are typed by the schema of a product.
    #[inline]
    #[must_use]
    pub fn is_typed_for(&self, product: &Product) -> bool {
        self.attributes.schema.fits(product.schema())
    }

    /// The same resource with its attributes typed for a product, value by value. One that does not fit its
    /// declared type is as good as missing; one that the type does not declare is kept for a later schema.
    #[must_use]
    pub fn retype(self, product: &Product) -> Self {
        let stored = self.attributes.stored;
        let of = product.type_info(self.type_no);
        let typed = stored.typed(|name| Some(of?.attribute(name)?.kind));
        Self {
            attributes: Attributes::new(stored, typed, product.schema()),
            ..self
        }
    }

    /// Encodes it for a cache outside the process, with its attributes as they are stored.
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
        self.attributes.stored.encode(&mut to);
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

    /// Reads either back; `None` is absent. A resource with attributes is to be typed by
    /// [`Resource::retype`].
    ///
    /// # Errors
    /// The bytes are of another version or malformed.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
        let mut from = Reader::start(bytes, KIND, VERSION)?;
        if !from.flag()? {
            return from.finish().map(|()| None);
        }
        let resource = Self {
            type_no: TypeNo(from.small()?),
            id: from.text()?.into(),
            place: PlaceId(from.fixed()?),
            owner: match from.text()? {
                "" => None,
                text => Some(text.parse().map_err(|_| DecodeError::Malformed)?),
            },
            parent: if from.flag()? {
                Some((TypeNo(from.small()?), from.text()?.into()))
            } else {
                None
            },
            attributes: Attributes::new(Json::decode(&mut from)?, Values::default(), Schema::UNTYPED),
            registered: from.unsigned()?,
        };
        from.finish()?;
        Ok(Some(resource))
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

impl Attributes {
    fn weight(&self) -> usize {
        let unfit = self.unfit.iter().map(|name| size_of_val(name) + name.len());
        self.stored.weight() + self.typed.weight() + unfit.sum::<usize>()
    }
}
