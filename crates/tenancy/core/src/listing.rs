//! Lists: sorted, searched, paged by key, and filtered to what the caller may view.

use async_trait::async_trait;
use bailiwick_types::{PageRequest, Refused, Scope, StoreError, Timestamp, Title};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

bailiwick_types::words! {
    /// The field that a list is sorted by.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum OrderField {
        /// By title, case-insensitive.
        Title = "title",
        /// By time of creation.
        #[default]
        CreateTime = "create_time",
    }
}

/// The order of a list (AIP-132). Ties are broken by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Order {
    /// The field.
    pub field: OrderField,
    /// Whether the greatest value comes first.
    pub descending: bool,
}

/// Error for an invalid order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be `title` or `create_time`, followed by ` desc` for descending order")]
pub struct OrderError;

impl std::fmt::Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.field, if self.descending { " desc" } else { "" })
    }
}

impl std::str::FromStr for Order {
    type Err = OrderError;
    fn from_str(text: &str) -> Result<Self, OrderError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (field, descending) = match *words {
            [] => return Ok(Self::default()),
            [field] => (field, false),
            [field, "desc"] => (field, true),
            _ => return Err(OrderError),
        };
        let field = OrderField::named(field).ok_or(OrderError)?;
        Ok(Self { field, descending })
    }
}

/// The search and the order of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// Only rows whose title contains this, case-insensitive.
    pub search: Option<String>,
    /// The order.
    pub order: Order,
}

/// The position of a row in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The folded title, where the list is sorted by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The time of creation, where the list is sorted by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// The id.
    pub id: Uuid,
}

impl Key {
    /// The position of a row in a list of this order.
    #[must_use]
    pub fn of(order: Order, title: &Title, created: Timestamp, id: Uuid) -> Self {
        match order.field {
            OrderField::Title => Self {
                title: Some(title.folded()),
                created: None,
                id,
            },
            OrderField::CreateTime => Self {
                title: None,
                created: Some(created),
                id,
            },
        }
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// The key before the next page; `None` on the last page.
    pub next: Option<Key>,
}

/// Decides what the caller may view.
#[async_trait]
pub trait Viewer: Send + Sync {
    /// Why it cannot decide.
    type Error: Send;
    /// Whether the caller may view each of the scopes.
    ///
    /// # Errors
    /// It cannot decide.
    async fn may_view(&self, scopes: &[Scope]) -> Result<Vec<bool>, Self::Error>;
}

/// Why a list fails.
#[derive(Debug)]
pub enum Error<E> {
    /// The witness is not one for this list.
    Refused(Refused),
    /// The store failed.
    Store(StoreError),
    /// It is unknown what the caller may view.
    Viewer(E),
}

impl<E> From<Refused> for Error<E> {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl<E> From<StoreError> for Error<E> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The fewest rows of a read: the caller may not view all of them.
const CHUNK: u64 = 100;
/// The most rows of a read: the most scopes that authorization answers at once.
const CHUNK_MAX: u64 = 1000;

/// Reads until the page is full or the list ends: `after` reads at most so many rows after a key, `place`
/// names the key and the scope of a row. No transaction is open while the viewer is asked.
pub(crate) async fn page<T, V: Viewer, F>(
    after: impl Fn(Option<Key>, u64) -> F,
    place: impl Fn(&T) -> (Key, Scope),
    viewer: &V,
    page: &PageRequest<Key>,
) -> Result<Page<T>, Error<V::Error>>
where
    F: Future<Output = Result<Vec<T>, StoreError>>,
{
    let size = page.size.get();
    let limit = (size + 1).clamp(CHUNK, CHUNK_MAX);
    let (mut rows, mut last): (Vec<T>, _) = (Vec::new(), page.after.clone());
    loop {
        let chunk = after(last.clone(), limit).await?;
        let at_end = (chunk.len() as u64) < limit;
        let (mut keys, scopes): (Vec<Key>, Vec<Scope>) = chunk.iter().map(&place).unzip();
        let visible = if scopes.is_empty() {
            Vec::new()
        } else {
            viewer.may_view(&scopes).await.map_err(Error::Viewer)?
        };
        last = keys.pop().or(last);
        for row in chunk
            .into_iter()
            .zip(visible)
            .filter_map(|(row, visible)| visible.then_some(row))
        {
            if rows.len() as u64 == size {
                let next = rows.last().map(|row| place(row).0);
                return Ok(Page { rows, next });
            }
            rows.push(row);
        }
        if at_end {
            return Ok(Page { rows, next: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick_types::{AccountId, PageSize};

    struct EverySeventh;

    #[async_trait]
    impl Viewer for EverySeventh {
        type Error = ();
        async fn may_view(&self, scopes: &[Scope]) -> Result<Vec<bool>, ()> {
            let seventh = |scope: &Scope| scope.uuid().unwrap().as_u128().is_multiple_of(7);
            Ok(scopes.iter().map(seventh).collect())
        }
    }

    #[tokio::test]
    async fn pages_are_full_and_complete_whatever_the_caller_may_not_see() {
        for (total, size) in [(2_000_u128, 9), (700, 100), (0, 5), (7, 1), (6, 1)] {
            let rows = |after: Option<Key>, limit: u64| {
                let from = after.map_or(0, |key| key.id.as_u128());
                std::future::ready(Ok((from + 1..=total)
                    .take(usize::try_from(limit).unwrap())
                    .collect()))
            };
            let place = |row: &u128| {
                let id = Uuid::from_u128(*row);
                let key = Key {
                    title: None,
                    created: None,
                    id,
                };
                (key, Scope::Account(AccountId::from_uuid(id)))
            };
            let size = PageSize::new(size).unwrap();
            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let request = PageRequest { size, after };
                let got = page(rows, place, &EverySeventh, &request).await.unwrap();
                assert!(got.next.is_none() || got.rows.len() as u64 == size.get());
                all.extend(got.rows);
                after = got.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(all, (1..=total).filter(|n| n % 7 == 0).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_order_is_a_field_and_a_direction() {
        let order = |text: &str| text.parse::<Order>();
        assert_eq!(order("").unwrap(), Order::default());
        assert!(order("title desc").unwrap().descending);
        assert_eq!(order("title").unwrap().field, OrderField::Title);
        for bad in ["state", "title asc", "title desc desc", "desc"] {
            assert_eq!(order(bad), Err(OrderError));
        }
    }
}
