//! Reads the fields of one map and collects what is wrong with it.

use std::collections::HashSet;

use bailiwick_policy::manifest::yaml::{Key, Kind, Node, Position};

use crate::{
    fault::{Fault, Unusable},
    read::values::{Declared, FromNode, Json, Named, users_in},
};

/// What the file declares, and the faults found so far.
#[derive(Debug, Default)]
pub(crate) struct Context {
    declared: HashSet<(Named, String)>,
    faults: Vec<(Position, String)>,
}

impl Context {
    pub(crate) fn fault(&mut self, at: Position, message: impl Into<String>) {
        self.faults.push((at, message.into()));
    }
    /// Adds the fault that a value is not of the type that its key takes.
    pub(crate) fn expected(&mut self, node: &Node, key: &str, what: &str) {
        self.fault(
            node.at,
            format!("`{key}` must be {what}, not {}", node.kind.name()),
        );
    }
    pub(crate) fn declare(&mut self, named: Named, name: &str) {
        self.declared.insert((named, name.to_owned()));
    }
    /// Passes on what a value was read to, or adds the fault that it is not what its key takes.
    pub(crate) fn some<T>(&mut self, read: Option<T>, node: &Node, key: &str, what: &str) -> Option<T> {
        if read.is_none() {
            self.fault(node.at, format!("`{key}` must be {what}, not `{}`", node.kind));
        }
        read
    }
    /// Adds a fault unless the file declares the name.
    pub(crate) fn must_be_declared(&mut self, at: Position, name: &impl Declared) {
        let (named, name) = name.declared();
        if !self.declared.contains(&(named, name.to_owned())) {
            let same_kind = self.declared.iter().filter(|(other, _)| *other == named);
            let hint = did_you_mean(name, same_kind.map(|(_, name)| name.as_str()));
            let message = format!("{} is not declared in this file", named.text(name));
            self.fault(at, message + &hint.unwrap_or_default());
        }
    }
    /// Reads a node that must be a map and is called `what` in messages. An empty node is an empty map.
    pub(crate) fn map<T>(
        &mut self,
        what: impl Into<String>,
        node: &Node,
        read: impl FnOnce(&mut Fields<'_, '_>) -> T,
    ) -> T {
        let mut fields = Fields {
            context: self,
            what: what.into(),
            node,
            asked: Vec::new(),
            any_key: false,
            any_value: false,
        };
        let value = read(&mut fields);
        fields.finish();
        value
    }
    /// The faults of a file in its order; none where it can be used.
    pub(crate) fn finish(mut self, file: &str) -> Result<(), Unusable> {
        self.faults.sort();
        let fault = |(at, message)| Fault {
            file: file.to_owned(),
            at,
            message,
        };
        let faults: Vec<_> = self.faults.into_iter().map(fault).collect();
        let usable = faults.is_empty();
        usable.then_some(()).ok_or(Unusable(faults))
    }
}

/// The fields of a map. A key that was not asked for when all are read is unknown.
pub(crate) struct Fields<'n, 'c> {
    pub(crate) context: &'c mut Context,
    what: String,
    node: &'n Node,
    asked: Vec<&'static str>,
    any_key: bool,
    any_value: bool,
}

impl<'n> Fields<'n, '_> {
    fn is_map(&self) -> bool {
        matches!(self.node.kind, Kind::Map(_) | Kind::Null)
    }
    /// Where the map begins.
    pub(crate) fn at(&self) -> Position {
        self.node.at
    }
    pub(crate) fn fault(&mut self, at: Position, message: impl Into<String>) {
        self.context.fault(at, message);
    }
    /// The value in place of a map, where it is none.
    pub(crate) fn whole<T: FromNode>(&mut self) -> Option<T> {
        self.any_value = true;
        let key = self.what.trim_matches('`').to_owned();
        T::from_node(self.context, &key, self.node)
    }
    /// The fields that were not asked for, with any keys.
    pub(crate) fn rest(&mut self) -> Json {
        self.any_key = true;
        let mut rest = Json::new();
        for (key, node) in self.node.kind.entries() {
            if !self.asked.contains(&key.text.as_str()) {
                users_in(self.context, node);
                rest.insert(key.text.clone(), node.kind.to_json());
            }
        }
        rest
    }
    /// The node of a field; an empty one counts as absent.
    pub(crate) fn node(&mut self, key: &'static str) -> Option<&'n Node> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        let found = self.node.kind.get(key);
        found.filter(|node| !matches!(node.kind, Kind::Null))
    }
    /// Where the value of a field is, or the map without it.
    pub(crate) fn at_key(&mut self, key: &'static str) -> Position {
        self.node(key).map_or(self.node.at, |node| node.at)
    }
    /// The node of a required field; a fault where it is absent.
    pub(crate) fn need_node(&mut self, key: &'static str) -> Option<&'n Node> {
        let node = self.node(key);
        if node.is_none() && self.is_map() {
            let message = format!("{} needs `{key}`", self.what);
            self.fault(self.node.at, message);
        }
        node
    }
    /// An optional field.
    pub(crate) fn get<T: FromNode>(&mut self, key: &'static str) -> Option<T> {
        let node = self.node(key)?;
        T::from_node(self.context, key, node)
    }
    /// A required field; the default of its type, and a fault, where it is absent or wrong.
    pub(crate) fn need<T: FromNode + Default>(&mut self, key: &'static str) -> T {
        let node = self.need_node(key);
        node.and_then(|node| T::from_node(self.context, key, node))
            .unwrap_or_default()
    }
    /// An optional field that holds one of several words.
    pub(crate) fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let node = self.node(key)?;
        let text = String::from_node(self.context, key, node)?;
        let found = words.iter().find(|(word, _)| *word == text);
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let known = format!("one of `{}`", known.join("`, `"));
        let found = found.map(|(_, value)| *value);
        self.context.some(found, node, key, &known)
    }
    /// A required field that holds one of several words.
    pub(crate) fn need_word<T: Copy + Default>(&mut self, key: &'static str, words: &[(&str, T)]) -> T {
        self.need_node(key);
        self.word(key, words).unwrap_or_default()
    }
    /// The entries of a field that is a map with any keys, each read by a function.
    pub(crate) fn each<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Context, &Key, &Node) -> T,
    ) -> Vec<T> {
        let Some(node) = self.node(key) else {
            return Vec::new();
        };
        if !matches!(node.kind, Kind::Map(_)) {
            self.context.expected(node, key, "a map");
        }
        let entries = node.kind.entries().iter();
        entries.map(|(key, node)| read(self.context, key, node)).collect()
    }
    fn finish(self) {
        if self.any_value {
            return;
        }
        if !self.is_map() {
            let message = format!("{} must be a map, not {}", self.what, self.node.kind.name());
            self.context.fault(self.node.at, message);
        }
        if self.any_key {
            return;
        }
        for (key, _) in self.node.kind.entries() {
            if !self.asked.contains(&key.text.as_str()) {
                let hint = did_you_mean(&key.text, self.asked.iter().copied());
                let hint = hint.unwrap_or_else(|| format!("; expected one of `{}`", self.asked.join("`, `")));
                let message = format!("unknown key `{}` of {}{hint}", key.text, self.what);
                self.context.fault(key.at, message);
            }
        }
    }
}

/// `; did you mean ...?`, where one of the known words is near enough to be meant.
pub(crate) fn did_you_mean<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<String> {
    let distance = |known: &str| strsim::damerau_levenshtein(word, known);
    let nearest = known.map(|known| (distance(known), known)).min()?;
    let (steps, known) = nearest;
    (steps <= (word.chars().count() / 3).max(1)).then(|| format!("; did you mean `{known}`?"))
}
