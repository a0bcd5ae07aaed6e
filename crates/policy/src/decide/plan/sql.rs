//! A plan as a condition of SQL that SQLite and PostgreSQL read alike.
//!
//! The columns: one with the id of the account, which every condition but `FALSE` asks for, since ids of
//! resources are unique in an account only; its name is the caller's ([`AccountColumn`]). `scope`
//! (`account:ID`, `instance:ID` or `workspace:ID`), `id` (without the type), `parent` (`TYPE:ID`, or NULL),
//! `owner` (`TYPE:ID`, for users also the id alone, or NULL), all of them texts; `attributes`, an object of
//! JSON. Scopes are matched exactly: all that count are listed. The condition is true or not; where
//! something is missing it is not, as with every condition.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_types::{AccountId, Level, Subject};

use super::{Alternative, Field, FieldName, Inexpressible, Plan, Predicate, Term};
use crate::{
    PlaceId, Places, TypeNo,
    condition::Comparison,
    product::Product,
    set::TypeGrantReach,
    value::{Value, ValueType},
};

/// As many values as SQLite takes.
const PARAMETERS: usize = 32_000;

bailiwick_types::text! {
    /// The name of the column with the id of the account: a word of SQL, or one behind the name of its table.
    pub struct AccountColumn: account_column => AccountColumnError;
}

/// Error for the name of a column that would not be one in every statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a column `NAME` or `TABLE.NAME` of letters, digits and underscores, no digit first, at most 63 each"
)]
pub struct AccountColumnError;

impl Default for AccountColumn {
    fn default() -> Self {
        Self("account".to_owned())
    }
}

fn account_column(text: &str) -> Result<(), AccountColumnError> {
    let word = |part: &str| {
        let mut bytes = part.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        first && part.len() <= 63 && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let parts = text.split('.').count();
    if parts <= 2 && text.split('.').all(word) {
        Ok(())
    } else {
        Err(AccountColumnError)
    }
}

/// The table that a condition is for.
#[derive(Debug, Clone, Copy)]
pub enum Table<'a> {
    /// One of a service: the condition names the account, in this column.
    OfService(&'a AccountColumn),
    /// The suite's own, of one account: `scope` has the UUID of a scope in hexadecimal digits, `registered`
    /// the revision of registration. The values come after as many others.
    Own(usize),
}

/// A condition with its values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SqlCondition {
    /// The condition, with `$1`, `$2` … for the values.
    pub sql: String,
    /// The values.
    pub parameters: Vec<String>,
}

/// Writes what a plan allows (not what needs an approval) as a condition of SQL. `parents` are, for
/// each resource that the plan names with everything below it, those at it or below it that have
/// resources below them.
///
/// # Errors
/// Something cannot be said in the SQL that both engines read: instants, lists in attributes, or more values
/// than a statement takes.
pub fn sql_condition(
    plan: &Plan,
    product: &Product,
    places: &Places,
    parents: &BTreeSet<(TypeNo, Box<str>)>,
    table: Table<'_>,
) -> Result<SqlCondition, Inexpressible> {
    let mut writer = Writer {
        plan,
        product,
        places,
        parents,
        table,
        parameters: Vec::new(),
        numbers: BTreeMap::new(),
    };
    let own = match table {
        Table::OfService(account) => {
            let id = AccountId::from_uuid(uuid::Uuid::from_u128(places.account().id.0));
            format!("{account} = {}", writer.parameter(id.to_string()))
        }
        Table::Own(_) => "TRUE".to_owned(),
    };
    let mut parts = Vec::new();
    if !plan.is_all() {
        for one in plan.alternatives.iter().filter(|one| !one.needs_approval) {
            parts.push(writer.alternative(one)?);
        }
        if parts.is_empty() {
            return Ok(SqlCondition {
                sql: "FALSE".to_owned(),
                parameters: Vec::new(),
            });
        }
    }
    if writer.parameters.len() > PARAMETERS {
        return Err(Inexpressible(format!(
            "the condition has {} values, more than a statement takes",
            writer.parameters.len()
        )));
    }
    let sql = match parts.len() {
        0 => own,
        1 => format!("{own} AND {}", parts.concat()),
        _ => format!("{own} AND (({}))", parts.join(") OR (")),
    };
    Ok(SqlCondition {
        sql,
        parameters: writer.parameters,
    })
}

struct Writer<'a> {
    plan: &'a Plan,
    product: &'a Product,
    places: &'a Places,
    parents: &'a BTreeSet<(TypeNo, Box<str>)>,
    table: Table<'a>,
    parameters: Vec<String>,
    numbers: BTreeMap<String, usize>,
}

impl Writer<'_> {
    fn alternative(&mut self, one: &Alternative) -> Result<String, Inexpressible> {
        let mut parts = Vec::new();
        match (self.table, one.reach) {
            (_, TypeGrantReach::All) => {}
            (Table::Own(_), TypeGrantReach::Existing(at)) => parts.push(format!("registered <= {at}")),
            (Table::Own(_), TypeGrantReach::Future(at)) => parts.push(format!("registered > {at}")),
            (Table::OfService(_), _) if one.only.is_some() => {}
            (Table::OfService(_), _) => {
                return Err(Inexpressible(
                    "a grant on existing or future resources has to be written out first".to_owned(),
                ));
            }
        }
        if !one.places.is_empty() {
            let all = self.spread(&one.places);
            parts.push(self.list("scope", all, true));
        } else if !one.everywhere && !self.plan.closed.is_empty() {
            let closed = self.scopes(&self.plan.closed);
            parts.push(self.list("scope", closed, false));
        }
        if !one.under.is_empty() {
            parts.push(self.under(&one.under));
        }
        if let Some(only) = &one.only {
            let ids = only.iter().map(ToString::to_string).collect();
            parts.push(self.list("id", ids, true));
        }
        if let Some(condition) = &one.condition {
            let text = self.predicate(condition, true)?;
            parts.push(text);
        }
        Ok(if parts.is_empty() {
            "TRUE".to_owned()
        } else {
            parts.join(" AND ")
        })
    }

    /// The scopes of places and of all that lies in them and is not closed.
    fn spread(&self, places: &[PlaceId]) -> Vec<String> {
        let wanted: BTreeSet<PlaceId> = places.iter().copied().collect();
        let mut all: Vec<PlaceId> = self
            .places
            .iter()
            .filter(|place| wanted.contains(&place.id) || wanted.contains(&place.parent))
            .map(|place| place.id)
            .filter(|id| self.plan.closed.binary_search(id).is_err())
            .collect();
        all.sort();
        self.scopes(&all)
    }

    fn scopes(&self, places: &[PlaceId]) -> Vec<String> {
        let text = |id: &PlaceId| match self.table {
            Table::Own(_) => Some(hexadecimal(*id)),
            Table::OfService(_) => {
                let level = self.places.get(*id)?.level;
                id.to_scope(level).map(|scope| scope.to_string())
            }
        };
        places.iter().filter_map(text).collect()
    }

    fn under(&mut self, under: &[(TypeNo, Box<str>)]) -> String {
        let own = under.iter().filter(|(of, _)| *of == self.plan.of);
        let own: Vec<String> = own.map(|(_, id)| id.to_string()).collect();
        let all: BTreeSet<&(TypeNo, Box<str>)> = under.iter().chain(self.parents).collect();
        let text = |(of, id): &(TypeNo, Box<str>)| {
            let info = self.product.type_info(*of)?;
            Some(format!("{}:{id}", info.name))
        };
        let all: Vec<String> = all.into_iter().filter_map(text).collect();
        let below = self.list("parent", all, true);
        if own.is_empty() {
            return below;
        }
        let own = self.list("id", own, true);
        format!("({own} OR {below})")
    }

    fn list(&mut self, column: &str, texts: Vec<String>, wanted: bool) -> String {
        if texts.is_empty() {
            return if wanted {
                "FALSE".to_owned()
            } else {
                "TRUE".to_owned()
            };
        }
        let places: Vec<String> = texts.into_iter().map(|text| self.parameter(text)).collect();
        let not = if wanted { "" } else { "NOT " };
        format!("{column} {not}IN ({})", places.join(", "))
    }

    fn parameter(&mut self, text: String) -> String {
        let before = match self.table {
            Table::OfService(_) => 0,
            Table::Own(before) => before,
        };
        let next = before + self.parameters.len() + 1;
        let number = *self.numbers.entry(text.clone()).or_insert(next);
        if number == next {
            self.parameters.push(text);
        }
        format!("${number}")
    }

    fn predicate(&mut self, predicate: &Predicate, inner: bool) -> Result<String, Inexpressible> {
        match predicate {
            Predicate::Is(field, wanted) => {
                let column = self.column(field)?;
                Ok(format!("{column} = '{wanted}'"))
            }
            Predicate::Compare(field, comparison, Term::Field(other)) => {
                self.fields(field, *comparison, other)
            }
            Predicate::Compare(field, comparison, Term::Value(value)) => {
                self.compare(field, *comparison, value)
            }
            Predicate::In(field, items, wanted) => self.member(field, items, *wanted),
            Predicate::Contains(..) => Err(Inexpressible(
                "what a list in an attribute holds cannot be asked in SQL that all engines read".to_owned(),
            )),
            Predicate::All(parts) => self.joined(parts, " AND ", inner),
            Predicate::Any(parts) => self.joined(parts, " OR ", inner),
        }
    }

    fn joined(&mut self, parts: &[Predicate], with: &str, inner: bool) -> Result<String, Inexpressible> {
        let texts: Result<Vec<String>, _> = parts.iter().map(|part| self.predicate(part, true)).collect();
        let text = texts?.join(with);
        Ok(if inner { format!("({text})") } else { text })
    }

    fn compare(
        &mut self,
        field: &Field,
        comparison: Comparison,
        value: &Value,
    ) -> Result<String, Inexpressible> {
        let column = self.column(field)?;
        let sign = sign(comparison);
        match value {
            Value::Bool(truth) => Ok(format!("{column} {sign} '{truth}'")),
            Value::Int(number) => Ok(format!("{column} {sign} {number}")),
            Value::Text(text) => {
                let text = self.parameter(text.to_string());
                Ok(format!("{column} {sign} {text}"))
            }
            Value::Subject(_) | Value::Place(_) => {
                let all = self.texts_of(field, value).unwrap_or_default();
                Ok(self.list(&column, all, comparison == Comparison::Equal))
            }
            Value::Time(_) | Value::List(_) => Err(instants()),
        }
    }

    /// All ways in which a value may stand in the column of a field.
    fn texts_of(&self, field: &Field, value: &Value) -> Option<Vec<String>> {
        match (self.table, &field.name, value) {
            (Table::Own(_), FieldName::Scope, Value::Place(place)) => Some(vec![hexadecimal(*place)]),
            _ => texts_of(value),
        }
    }

    fn member(&mut self, field: &Field, items: &[Value], wanted: bool) -> Result<String, Inexpressible> {
        let column = self.column(field)?;
        if items.is_empty() {
            // What is missing is neither in a list nor not in it.
            return Ok(if wanted {
                "FALSE".to_owned()
            } else {
                format!("{column} IS NOT NULL")
            });
        }
        let not = if wanted { "" } else { "NOT " };
        let mut places = Vec::new();
        for item in items {
            match item {
                Value::Int(number) => places.push(number.to_string()),
                Value::Bool(truth) => places.push(format!("'{truth}'")),
                other => {
                    let texts = self.texts_of(field, other).ok_or_else(instants)?;
                    places.extend(texts.into_iter().map(|text| self.parameter(text)));
                }
            }
        }
        Ok(format!("{column} {not}IN ({})", places.join(", ")))
    }

    fn fields(&mut self, a: &Field, comparison: Comparison, b: &Field) -> Result<String, Inexpressible> {
        let (left, right) = (self.column(a)?, self.column(b)?);
        match a.kind {
            ValueType::String | ValueType::Int | ValueType::Bool => {
                Ok(format!("{left} {} {right}", sign(comparison)))
            }
            // The same subject or place may be written in two ways.
            _ => Err(Inexpressible(format!(
                "two values of type `{}` of one resource cannot be compared in SQL",
                a.kind.as_str()
            ))),
        }
    }

    /// What the columns hold of a field: NULL where it is missing.
    fn column(&mut self, field: &Field) -> Result<String, Inexpressible> {
        let stored = match &field.name {
            FieldName::Id => "id".to_owned(),
            FieldName::Owner => "owner".to_owned(),
            FieldName::Scope => "scope".to_owned(),
            FieldName::Attribute(name) => {
                let name = name.replace('\'', "''");
                match field.kind {
                    // As JSON writes it: the engines disagree on what they make of it.
                    ValueType::Bool => format!("NULLIF(CAST(attributes -> '{name}' AS text), 'null')"),
                    ValueType::Int => format!("CAST(attributes ->> '{name}' AS numeric)"),
                    ValueType::String | ValueType::Subject | ValueType::Scope => {
                        format!("(attributes ->> '{name}')")
                    }
                    _ => return Err(instants()),
                }
            }
        };
        let said = match &field.otherwise {
            None => return Ok(stored),
            Some(Value::Int(number)) => number.to_string(),
            Some(Value::Bool(truth)) => format!("'{truth}'"),
            Some(value) => {
                let text = texts_of(value).and_then(|texts| texts.into_iter().next());
                let text = text.ok_or_else(instants)?;
                self.parameter(text)
            }
        };
        Ok(format!("COALESCE({stored}, {said})"))
    }
}

fn hexadecimal(place: PlaceId) -> String {
    format!("{:032x}", place.0)
}

fn instants() -> Inexpressible {
    Inexpressible(
        "instants and lists in attributes cannot be compared in SQL that all engines read".to_owned(),
    )
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        other => other.as_str(),
    }
}

/// All ways in which a value may stand in a column of texts; the first is the usual one.
fn texts_of(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Text(text) => Some(vec![text.to_string()]),
        Value::Subject(subject) => Some(ways_of(subject)),
        Value::Place(place) => {
            let levels = [Level::Account, Level::Instance, Level::Workspace];
            let scopes = levels.into_iter().filter_map(|level| place.to_scope(level));
            Some(scopes.map(|scope| scope.to_string()).collect())
        }
        Value::Bool(_) | Value::Int(_) | Value::Time(_) | Value::List(_) => None,
    }
}

fn ways_of(subject: &Subject) -> Vec<String> {
    let mut ways = vec![subject.to_string()];
    let bare = subject.id();
    if crate::subject_of(bare).as_ref() == Some(subject) {
        ways.push(bare.to_owned());
    }
    ways
}
