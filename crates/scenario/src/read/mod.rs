//! From the text of a file to a scenario, or to everything that is wrong with it.

mod declared;
mod expect;
mod fields;
mod given;
mod role;
mod step;
mod to_come;
mod verb;

use std::path::Path;

use crate::{
    fault::{Fault, Position, Unusable},
    model::Scenario,
    parse::fields::{Context, Fields},
    yaml::{self, Value},
};

impl Scenario {
    /// Reads a file.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn read(path: &Path) -> Result<Self, Unusable> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Unusable(vec![Fault {
                file: file.clone(),
                at: Position { line: 1, column: 1 },
                message: error.to_string(),
            }])
        })?;
        Self::parse(&file, &text)
    }

    /// Reads the text of a file of that name.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn parse(file: &str, text: &str) -> Result<Self, Unusable> {
        let root = yaml::read(text).map_err(|(at, message)| {
            Unusable(vec![Fault {
                file: file.to_owned(),
                at,
                message,
            }])
        })?;
        let mut context = Context::default();
        declared::collect(&mut context, &root);

        let mut fields = Fields::of(&mut context, "a scenario", &root);
        if let Some(node) = fields.node("format")
            && !matches!(node.value, Value::Int(1))
        {
            fields.fault(node.at, format!("`format` must be 1, not `{node}`"));
        }
        let title = fields.text("scenario").unwrap_or_else(|| file.to_owned());
        let product = fields.need_text("product");
        let product_at = fields.node("product").map(|node| node.at).unwrap_or_default();
        let clock = fields.instant("clock");
        let given_node = fields.node("given");
        let steps_node = fields.need("steps");
        fields.finish();

        let given = given_node
            .map(|node| given::read(&mut context, node))
            .unwrap_or_default();
        let steps = match steps_node.map(|node| (&node.value, node)) {
            Some((Value::List(items), _)) => items
                .iter()
                .filter_map(|item| step::read(&mut context, item))
                .collect(),
            Some((_, node)) => {
                context
                    .faults
                    .add(node.at, format!("`steps` must be a list, not {}", node.kind()));
                Vec::new()
            }
            None => Vec::new(),
        };
        match context.faults.of(file) {
            Some(unusable) => Err(unusable),
            None => Ok(Self {
                file: file.to_owned(),
                title,
                product,
                product_at,
                clock,
                given,
                steps,
            }),
        }
    }
}
