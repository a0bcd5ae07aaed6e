//! From the text of a file to a scenario, or to all faults of the file.

mod declared;
mod expect;
pub(crate) mod fields;
mod given;
pub(crate) mod role;
mod step;
pub(crate) mod values;

use std::{collections::HashMap, path::Path};

use bailiwick_policy::manifest::yaml::{self, Kind, Node, Position};

use crate::{fault::Unusable, read::fields::Context, scenario::Scenario};

impl Scenario {
    /// Reads a file.
    ///
    /// # Errors
    /// All faults of the file, each with its position.
    pub fn read(path: &Path) -> Result<Self, Unusable> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Unusable::one(&file, Position::START, format!("cannot read the file: {error}"))
        })?;
        Self::parse(&file, &text)
    }

    /// Reads the text of a file of that name.
    ///
    /// # Errors
    /// All faults of the text, each with its position.
    pub fn parse(file: &str, text: &str) -> Result<Self, Unusable> {
        let root = yaml::read(text).map_err(|(at, message)| Unusable::one(file, at, message))?;
        let mut context = Context::default();
        duplicated_keys(&mut context, &root);
        declared::collect(&mut context, &root);
        let scenario = context.map("a scenario", &root, |fields| {
            if let Some(format) = fields.node("format")
                && !matches!(format.kind, Kind::Int(1))
            {
                fields.fault(format.at, format!("`format` must be 1, not `{}`", format.kind));
            }
            Self {
                file: file.to_owned(),
                title: fields.get("scenario").unwrap_or_else(|| file.to_owned()),
                product: fields.need("product"),
                product_at: fields.at_key("product"),
                clock: fields.get("clock"),
                given: fields.get("given").unwrap_or_default(),
                steps: fields.need("steps"),
            }
        });
        context.finish(file).map(|()| scenario)
    }
}

fn duplicated_keys(context: &mut Context, node: &Node) {
    let mut first = HashMap::new();
    for (key, value) in node.kind.entries() {
        if let Some(line) = first.insert(key.text.as_str(), key.at.line) {
            let message = format!("key `{}` is already set in line {line}", key.text);
            context.fault(key.at, message);
        }
        duplicated_keys(context, value);
    }
    if let Kind::List(items) = &node.kind {
        items.iter().for_each(|item| duplicated_keys(context, item));
    }
}
