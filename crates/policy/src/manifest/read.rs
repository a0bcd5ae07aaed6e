//! From the tree to the manifest: the shape. Unknown and duplicated keys, and values of the wrong form, are
//! faults.

use std::collections::BTreeMap;

use bailiwick_types::{Level, SettingType};
use serde::de::DeserializeOwned;

use super::{
    ApprovalDecl, AssignDecl, AttributeDecl, AttributeSource, DefaultRole, EntryApproval, EntryDecl, Holders,
    LevelDecl, Manifest, MemberKind, ParameterDecl, Quota, RoleDecl, RoleLevelDecl, Serves, ServiceDecl,
    SettingDecl, Span, SubjectsDecl, TypeDecl, UserMode, WaivedWord, Within,
    check::value_types,
    parse::ManifestError,
    yaml::{Key, Kind, Node, Position},
};
use crate::value::ValueType;

/// Reads, collecting faults and the places of everything that has a path.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) errors: Vec<ManifestError>,
    pub(super) positions: BTreeMap<String, Position>,
}

/// The fields of a map, each once.
type Fields<'n> = BTreeMap<&'n str, &'n Node>;

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

impl Read {
    fn fault(&mut self, at: Position, path: &str, message: impl Into<String>) {
        let Position { line, column } = at;
        self.errors.push(ManifestError {
            line,
            column,
            path: path.to_owned(),
            message: message.into(),
        });
    }

    fn expected(&mut self, node: &Node, path: &str, what: &str) {
        let found = match &node.kind {
            Kind::Text(_) => "a text",
            kind => kind.name(),
        };
        let message = format!("expected {what}, found {found}");
        self.fault(node.at, path, message);
    }

    /// The fields of a map with any keys; the place of a field is that of its key.
    fn free<'n>(&mut self, node: &'n Node, path: &str) -> Fields<'n> {
        self.positions.entry(path.to_owned()).or_insert(node.at);
        let Kind::Map(entries) = &node.kind else {
            if !matches!(node.kind, Kind::Null) {
                self.expected(node, path, "a map");
            }
            return Fields::new();
        };
        let mut fields = Fields::new();
        for (Key { at, text: key }, value) in entries {
            let inner = join(path, key);
            if fields.insert(key, value).is_some() {
                self.fault(*at, &inner, format!("key `{key}` is there already"));
            }
            self.positions.entry(inner).or_insert(*at);
        }
        fields
    }

    /// The fields of a map with known keys; the place of a field is that of its value.
    fn fields<'n>(&mut self, node: &'n Node, path: &str, keys: &[&str]) -> Fields<'n> {
        let mut fields = self.free(node, path);
        for (Key { at, text: key }, value) in node.kind.entries() {
            let inner = join(path, key);
            if keys.contains(&key.as_str()) {
                self.positions.insert(inner, value.at);
            } else {
                self.fault(
                    *at,
                    &inner,
                    format!("unknown key `{key}`; known are `{}`", keys.join("`, `")),
                );
            }
        }
        fields.retain(|key, _| keys.contains(key));
        fields
    }

    fn text(&mut self, node: &Node, path: &str) -> Option<String> {
        self.positions.insert(path.to_owned(), node.at);
        match &node.kind {
            Kind::Text(text) => Some(text.clone()),
            _ => {
                self.expected(node, path, "a text");
                None
            }
        }
    }

    fn truth(&mut self, node: &Node, path: &str) -> Option<bool> {
        match &node.kind {
            Kind::Bool(truth) => Some(*truth),
            _ => {
                self.expected(node, path, "`true` or `false`");
                None
            }
        }
    }

    fn number(&mut self, node: &Node, path: &str) -> Option<i64> {
        match &node.kind {
            Kind::Int(number) => Some(*number),
            _ => {
                self.expected(node, path, "a whole number");
                None
            }
        }
    }

    fn texts(&mut self, node: &Node, path: &str) -> Vec<String> {
        let items = self.list(node, path);
        items
            .into_iter()
            .filter_map(|(path, item)| self.text(item, &path))
            .collect()
    }

    fn list<'n>(&mut self, node: &'n Node, path: &str) -> Vec<(String, &'n Node)> {
        self.positions.insert(path.to_owned(), node.at);
        let Kind::List(items) = &node.kind else {
            self.expected(node, path, "a list");
            return Vec::new();
        };
        let items: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(i, item)| (format!("{path}[{i}]"), item))
            .collect();
        for (path, item) in &items {
            self.positions.insert(path.clone(), item.at);
        }
        items
    }

    /// One of a closed set of words.
    fn word<T: DeserializeOwned>(&mut self, node: &Node, path: &str, words: &[&str]) -> Option<T> {
        let text = self.text(node, path)?;
        let word = serde_json::from_value(serde_json::Value::String(text.clone())).ok();
        if word.is_none() || !words.contains(&text.as_str()) {
            self.fault(
                node.at,
                path,
                format!("`{text}` is none of `{}`", words.join("`, `")),
            );
            return None;
        }
        word
    }

    fn key<T: DeserializeOwned>(&mut self, key: &str, path: &str, words: &[&str]) -> Option<T> {
        let word = serde_json::from_value(serde_json::Value::String(key.to_owned())).ok();
        if word.is_none() || !words.contains(&key) {
            let at = self.positions.get(path).copied().unwrap_or(Position::START);
            self.fault(
                at,
                path,
                format!("unknown key `{key}`; known are `{}`", words.join("`, `")),
            );
            return None;
        }
        word
    }

    fn needed<'n>(&mut self, fields: &Fields<'n>, node: &Node, path: &str, key: &str) -> Option<&'n Node> {
        let found = fields.get(key).copied();
        if found.is_none() && matches!(node.kind, Kind::Map(_) | Kind::Null) {
            self.fault(node.at, &join(path, key), format!("`{key}` is missing"));
        }
        found
    }

    fn optional_text(&mut self, fields: &Fields<'_>, path: &str, key: &str) -> Option<String> {
        fields.get(key).and_then(|node| self.text(node, &join(path, key)))
    }

    fn optional_texts(&mut self, fields: &Fields<'_>, path: &str, key: &str) -> Vec<String> {
        fields
            .get(key)
            .map(|node| self.texts(node, &join(path, key)))
            .unwrap_or_default()
    }

    /// A map with any keys, its values read one by one.
    fn map_of<T>(
        &mut self,
        fields: &Fields<'_>,
        path: &str,
        key: &str,
        mut value: impl FnMut(&mut Self, &Node, &str) -> Option<T>,
    ) -> BTreeMap<String, T> {
        let Some(node) = fields.get(key) else {
            return BTreeMap::new();
        };
        let path = join(path, key);
        let mut map = BTreeMap::new();
        for (name, node) in self.free(node, &path) {
            if let Some(value) = value(self, node, &join(&path, name)) {
                map.insert(name.to_owned(), value);
            }
        }
        map
    }

    pub(super) fn manifest(&mut self, root: &Node) -> Manifest {
        const KEYS: [&str; 10] = [
            "product",
            "title",
            "levels",
            "subjects",
            "types",
            "context",
            "settings",
            "roles",
            "services",
            "restricted",
        ];
        let fields = self.fields(root, "", &KEYS);
        let product = self.needed(&fields, root, "", "product");
        Manifest {
            product: product
                .and_then(|node| self.text(node, "product"))
                .unwrap_or_default(),
            title: self.optional_text(&fields, "", "title"),
            levels: self.levels(&fields),
            subjects: fields
                .get("subjects")
                .map(|node| self.subjects(node))
                .unwrap_or_default(),
            types: self.map_of(&fields, "", "types", |read, node, path| {
                Some(read.type_decl(node, path))
            }),
            context: self.map_of(&fields, "", "context", |read, node, path| {
                let fields = read.fields(node, path, &["type"]);
                let kind = read.needed(&fields, node, path, "type")?;
                read.word(kind, &join(path, "type"), &value_types())
            }),
            settings: self.map_of(&fields, "", "settings", Self::setting),
            roles: self.map_of(&fields, "", "roles", |read, node, path| {
                Some(read.role(node, path))
            }),
            services: self.map_of(&fields, "", "services", |read, node, path| {
                Some(read.service(node, path))
            }),
            restricted: self.optional_texts(&fields, "", "restricted"),
        }
    }

    fn service(&mut self, node: &Node, path: &str) -> ServiceDecl {
        let fields = self.fields(node, path, &["title", "permissions", "assigns"]);
        self.needed(&fields, node, path, "permissions");
        ServiceDecl {
            title: self.optional_text(&fields, path, "title"),
            permissions: self.entries(&fields, path),
            assigns: self.optional_texts(&fields, path, "assigns"),
        }
    }

    fn entries(&mut self, fields: &Fields<'_>, path: &str) -> Vec<EntryDecl> {
        let mut entries = Vec::new();
        if let Some(node) = fields.get("permissions") {
            for (path, item) in self.list(node, &join(path, "permissions")) {
                entries.extend(self.entry(item, &path));
            }
        }
        entries
    }

    fn levels(&mut self, fields: &Fields<'_>) -> BTreeMap<Level, LevelDecl> {
        const LEVELS: [&str; 3] = ["account", "instance", "workspace"];
        let mut levels = BTreeMap::new();
        for (name, node) in fields
            .get("levels")
            .map(|node| self.free(node, "levels"))
            .unwrap_or_default()
        {
            let path = join("levels", name);
            let Some(level) = self.key::<Level>(name, &path, &LEVELS) else {
                continue;
            };
            let fields = self.fields(node, &path, &["title", "editions"]);
            let title = self.optional_text(&fields, &path, "title");
            let editions = self.optional_texts(&fields, &path, "editions");
            levels.insert(level, LevelDecl { title, editions });
        }
        levels.entry(Level::Account).or_default();
        levels
    }

    fn subjects(&mut self, node: &Node) -> SubjectsDecl {
        let path = "subjects";
        let fields = self.fields(node, path, &["user", "kinds", "anonymous"]);
        let user: Option<UserMode> = fields
            .get("user")
            .and_then(|node| self.word(node, "subjects.user", &["members", "external"]));
        let mut kinds = BTreeMap::new();
        if let Some(node) = fields.get("kinds") {
            for (name, node) in self.free(node, "subjects.kinds") {
                let path = join("subjects.kinds", name);
                if let Some(kind) = self.key::<MemberKind>(name, &path, &["agent", "customer"]) {
                    kinds.insert(kind, self.default_role(node, &path));
                }
            }
        }
        let anonymous = fields
            .get("anonymous")
            .map(|node| self.default_role(node, "subjects.anonymous"));
        SubjectsDecl {
            user: user.unwrap_or_default(),
            kinds,
            anonymous,
        }
    }

    fn default_role(&mut self, node: &Node, path: &str) -> DefaultRole {
        let fields = self.fields(node, path, &["role"]);
        DefaultRole {
            role: self.optional_text(&fields, path, "role"),
        }
    }

    fn type_decl(&mut self, node: &Node, path: &str) -> TypeDecl {
        const KEYS: [&str; 10] = [
            "title",
            "verbs",
            "implies",
            "quota",
            "registered",
            "on",
            "attributes",
            "approvals",
            "grants",
            "parameters",
        ];
        let fields = self.fields(node, path, &KEYS);
        let verbs = self.needed(&fields, node, path, "verbs");
        TypeDecl {
            title: self.optional_text(&fields, path, "title"),
            verbs: verbs
                .map(|node| self.texts(node, &join(path, "verbs")))
                .unwrap_or_default(),
            implies: self.map_of(&fields, path, "implies", |read, node, path| {
                Some(read.texts(node, path))
            }),
            quota: fields
                .get("quota")
                .and_then(|node| self.word::<Quota>(node, &join(path, "quota"), &["per_member"])),
            registered: fields
                .get("registered")
                .and_then(|node| self.truth(node, &join(path, "registered")))
                .unwrap_or(true),
            on: self.optional_texts(&fields, path, "on"),
            attributes: self.map_of(&fields, path, "attributes", Self::attribute),
            approvals: self.map_of(&fields, path, "approvals", Self::approval),
            grants: self.map_of(&fields, path, "grants", Read::text),
            parameters: self.map_of(&fields, path, "parameters", Self::parameter),
        }
    }

    fn parameter(&mut self, node: &Node, path: &str) -> Option<ParameterDecl> {
        let fields = self.fields(node, path, &["type", "max", "required", "within"]);
        let kind = self.needed(&fields, node, path, "type")?;
        let kind: Option<ValueType> = self.word(kind, &join(path, "type"), &value_types());
        let max = fields
            .get("max")
            .and_then(|node| self.number(node, &join(path, "max")));
        let required = fields
            .get("required")
            .and_then(|node| self.truth(node, &join(path, "required")));
        let within = fields
            .get("within")
            .and_then(|node| self.word::<Within>(node, &join(path, "within"), &["own"]));
        Some(ParameterDecl {
            kind: kind?,
            max,
            required: required.unwrap_or_default(),
            within,
        })
    }

    fn attribute(&mut self, node: &Node, path: &str) -> Option<AttributeDecl> {
        let fields = self.fields(node, path, &["type", "from", "edit"]);
        let kind = self.needed(&fields, node, path, "type")?;
        let kind: Option<ValueType> = self.word(kind, &join(path, "type"), &value_types());
        let from = fields
            .get("from")
            .and_then(|node| self.word::<AttributeSource>(node, &join(path, "from"), &["request"]));
        Some(AttributeDecl {
            kind: kind?,
            from,
            edit: self.optional_text(&fields, path, "edit"),
        })
    }

    fn approval(&mut self, node: &Node, path: &str) -> Option<ApprovalDecl> {
        let fields = self.fields(node, path, &["by", "serves", "expires", "when_setting", "binds"]);
        let by = self
            .needed(&fields, node, path, "by")
            .and_then(|node| self.text(node, &join(path, "by")));
        let serves = fields
            .get("serves")
            .and_then(|node| self.word::<Serves>(node, &join(path, "serves"), &["once", "stays"]));
        let expires = fields
            .get("expires")
            .and_then(|node| self.span(node, &join(path, "expires")));
        let when_setting = self.optional_text(&fields, path, "when_setting");
        Some(ApprovalDecl {
            by: by?,
            serves: serves.unwrap_or_default(),
            expires,
            when_setting,
            binds: self.optional_texts(&fields, path, "binds"),
        })
    }

    fn span(&mut self, node: &Node, path: &str) -> Option<Span> {
        let text = self.text(node, path)?;
        text.parse()
            .map_err(|error| self.fault(node.at, path, format!("`{text}` is no duration: {error}")))
            .ok()
    }

    fn setting(&mut self, node: &Node, path: &str) -> Option<SettingDecl> {
        let fields = self.fields(node, path, &["type", "default", "max"]);
        let kind = self.needed(&fields, node, path, "type")?;
        let words = SettingType::ALL.map(SettingType::as_str);
        let kind: Option<SettingType> = self.word(kind, &join(path, "type"), &words);
        let default = fields.get("default").map(|node| node.kind.to_json());
        let max = fields
            .get("max")
            .and_then(|node| self.number(node, &join(path, "max")));
        Some(SettingDecl {
            kind: kind?,
            default,
            max,
        })
    }

    fn role(&mut self, node: &Node, path: &str) -> RoleDecl {
        let fields = self.fields(
            node,
            path,
            &["title", "holders", "includes", "parameters", "levels"],
        );
        let mut levels = BTreeMap::new();
        if let Some(node) = fields.get("levels") {
            let path = join(path, "levels");
            for (name, node) in self.free(node, &path) {
                let path = join(&path, name);
                if let Some(level) = self.key(name, &path, &["account", "instance", "workspace"]) {
                    levels.insert(level, self.role_level(node, &path));
                }
            }
        }
        RoleDecl {
            title: self.optional_text(&fields, path, "title"),
            holders: fields
                .get("holders")
                .and_then(|node| self.holders(node, &join(path, "holders"))),
            includes: self.optional_texts(&fields, path, "includes"),
            parameters: self.map_of(&fields, path, "parameters", Self::parameter),
            levels,
        }
    }

    fn holders(&mut self, node: &Node, path: &str) -> Option<Holders> {
        let fields = self.fields(node, path, &["exactly", "at_least"]);
        let (key, value) = match (fields.get("exactly"), fields.get("at_least")) {
            (Some(value), None) => ("exactly", value),
            (None, Some(value)) => ("at_least", value),
            _ => {
                self.fault(node.at, path, "must be `exactly: 1` or `at_least: 1`");
                return None;
            }
        };
        let count = self.number(value, &join(path, key))?;
        let Ok(count) = u32::try_from(count) else {
            self.fault(value.at, path, "must be `exactly: 1` or `at_least: 1`");
            return None;
        };
        Some(if key == "exactly" {
            Holders::Exactly(count)
        } else {
            Holders::AtLeast(count)
        })
    }

    fn role_level(&mut self, node: &Node, path: &str) -> RoleLevelDecl {
        let fields = self.fields(node, path, &["permissions", "assigns"]);
        let permissions = self.entries(&fields, path);
        let mut assigns = Vec::new();
        if let Some(node) = fields.get("assigns") {
            for (path, item) in self.list(node, &join(path, "assigns")) {
                assigns.extend(self.assign(item, &path));
            }
        }
        RoleLevelDecl { permissions, assigns }
    }

    fn assign(&mut self, node: &Node, path: &str) -> Option<AssignDecl> {
        if !matches!(node.kind, Kind::Map(_)) {
            return self.text(node, path).map(AssignDecl::plain);
        }
        let fields = self.fields(node, path, &["role", "self"]);
        let role = self.needed(&fields, node, path, "role");
        let role = role.and_then(|node| self.text(node, &join(path, "role")));
        let to_self = fields
            .get("self")
            .and_then(|node| self.truth(node, &join(path, "self")));
        Some(AssignDecl {
            role: role?,
            to_self: to_self.unwrap_or_default(),
        })
    }

    fn entry(&mut self, node: &Node, path: &str) -> Option<EntryDecl> {
        if let Kind::Text(text) = &node.kind {
            return Some(EntryDecl::plain(text.as_str()));
        }
        if !matches!(node.kind, Kind::Map(_)) {
            self.expected(node, path, "a permission or an entry");
            return None;
        }
        let fields = self.fields(node, path, &["permission", "except", "when", "approval"]);
        let permission = self.needed(&fields, node, path, "permission");
        let permission = permission.and_then(|node| self.text(node, &join(path, "permission")));
        let except = self.optional_texts(&fields, path, "except");
        let when = self.optional_text(&fields, path, "when");
        let approval = fields
            .get("approval")
            .and_then(|node| self.entry_approval(node, &join(path, "approval")));
        Some(EntryDecl {
            permission: permission?,
            except,
            when,
            approval,
        })
    }

    fn entry_approval(&mut self, node: &Node, path: &str) -> Option<EntryApproval> {
        match &node.kind {
            Kind::Text(text) if text == "none" => Some(EntryApproval::Waived(WaivedWord::None)),
            Kind::Map(_) => self.approval(node, path).map(EntryApproval::Rule),
            _ => {
                self.fault(node.at, path, "expected `none` or an approval rule");
                None
            }
        }
    }
}
