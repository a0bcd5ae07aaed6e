//! What decides in one account: its product, its own roles, its overlays and its settings.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bailiwick_types::Level;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{
    PermissionBits, PermissionNo, RoleNo,
    manifest::{self, EntryApproval, EntryDecl, Fault, RoleDecl, parse_pattern},
    product::{ApprovalRule, Product, Role, compile_role},
    schema::{self, Schema},
};

/// A role that an account defined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomRole {
    /// Its number, from [`RoleNo::FIRST_CUSTOM`] on and unique in the account.
    pub no: RoleNo,
    /// Its name, unique among the roles of product and account.
    pub name: String,
    /// What it gives.
    pub decl: RoleDecl,
    /// The generation of the names in it: see [`Product::generation`].
    #[serde(default)]
    pub generation: u32,
}

/// What an account changed about a role of its product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlay {
    /// The role's number.
    pub role: RoleNo,
    /// The changes by level.
    pub levels: BTreeMap<Level, LevelOverlay>,
}

/// What an account changed about a role at one level.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LevelOverlay {
    /// Entries that the account added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<EntryDecl>,
    /// Permissions and patterns that it took out of all entries, included ones too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// The generation of the names in it: see [`Product::generation`].
    #[serde(default)]
    pub generation: u32,
}

impl Overlay {
    fn names(&self, text: &str) -> bool {
        let mut added = self.levels.values().flat_map(|change| &change.add);
        added.any(|entry| entry.permission == text)
    }
}

impl LevelOverlay {
    /// Leaves out entries whose names were away since it was stored, before it is stored anew.
    pub fn renew(&mut self, product: &Product) {
        self.add = standing(product, &self.add, self.generation);
        self.generation = product.generation();
    }

    /// Joins a further change: what is added is no longer removed, what is removed no longer added.
    pub fn change(&mut self, add: &[EntryDecl], remove: &[String]) {
        for text in remove {
            self.add.retain(|entry| entry.permission != *text);
            if !self.remove.contains(text) {
                self.remove.push(text.clone());
            }
        }
        for entry in add {
            self.remove.retain(|text| *text != entry.permission);
            if !self.add.contains(entry) {
                self.add.push(entry.clone());
            }
        }
    }
}

impl CustomRole {
    /// What of it counts: what names a permission, or includes or assigns a role, that was away since gives
    /// nothing.
    #[must_use]
    pub fn standing(&self, product: &Product) -> RoleDecl {
        let mut decl = self.decl.clone();
        let generation = self.generation;
        decl.includes.retain(|name| product.role_stands(name, generation));
        for at in decl.levels.values_mut() {
            at.permissions = standing(product, &at.permissions, generation);
            at.assigns
                .retain(|assign| product.role_stands(&assign.role, generation));
        }
        decl
    }

    /// Leaves out what does not count any more, before it is stored anew.
    pub fn renew(&mut self, product: &Product) {
        self.decl = self.standing(product);
        self.generation = product.generation();
    }
}

/// The entries whose names were not away since. What they leave out stays left out.
fn standing(product: &Product, entries: &[EntryDecl], generation: u32) -> Vec<EntryDecl> {
    let stands = |entry: &&EntryDecl| {
        let approver = match &entry.approval {
            Some(EntryApproval::Rule(rule)) => product.stands(&rule.by, generation),
            _ => true,
        };
        approver && product.stands(&entry.permission, generation)
    };
    entries.iter().filter(stands).cloned().collect()
}

impl RoleDecl {
    /// Tells whether the role itself names a permission or pattern at one of its levels.
    #[must_use]
    pub fn names(&self, text: &str) -> bool {
        let mut entries = self.levels.values().flat_map(|at| &at.permissions);
        entries.any(|entry| entry.permission == text)
    }

    /// Changes the role's own entries at a level: takes permissions and patterns out, then adds entries.
    ///
    /// What included roles bring is not touched; [`RoleDecl::flatten`] first where it has to be.
    pub fn change(&mut self, level: Level, add: &[EntryDecl], remove: &[String]) {
        let Some(at) = self.levels.get_mut(&level) else {
            return;
        };
        at.permissions.retain_mut(|entry| {
            for text in remove {
                if covers(text, &entry.permission) {
                    return false;
                }
                if !entry.except.contains(text) && may_give(entry, text) {
                    entry.except.push(text.clone());
                }
            }
            true
        });
        for entry in add {
            for other in &mut at.permissions {
                if other.when == entry.when && other.approval == entry.approval {
                    other.except.retain(|text| *text != entry.permission);
                }
            }
            if !at.permissions.contains(entry) {
                at.permissions.push(entry.clone());
            }
        }
    }

    /// Writes what the included roles bring into the role itself.
    #[must_use]
    pub fn flatten<'r>(&'r self, role: &dyn Fn(&str) -> Option<&'r Self>) -> Self {
        let level = |level: Level| {
            let parts = manifest::parts_of(self, level, role);
            let permissions = parts.iter().flat_map(|part| &part.permissions).cloned().collect();
            let assigns = parts.iter().flat_map(|part| &part.assigns).cloned().collect();
            (level, manifest::RoleLevelDecl { permissions, assigns })
        };
        let levels = manifest::levels_of(self, role).into_iter().map(level).collect();
        Self {
            title: self.title.clone(),
            holders: self.holders,
            includes: Vec::new(),
            parameters: manifest::parameters_of(self, role),
            levels,
        }
    }
}

fn type_of(text: &str) -> &str {
    text.split_once('.').map_or(text, |(of, _)| of)
}

/// Whether everything that `part` names is named by `whole`.
fn covers(whole: &str, part: &str) -> bool {
    whole == "*" || whole == part || (whole.ends_with(".*") && type_of(whole) == type_of(part))
}

/// Whether the entry may give something that `text` names, by its pattern or by implication.
fn may_give(entry: &EntryDecl, text: &str) -> bool {
    entry.permission == "*" || type_of(&entry.permission) == type_of(text)
}

/// What decides in one account, compiled. Shared by its readers.
#[derive(Debug, Clone)]
pub struct AccountPolicy {
    product: Arc<Product>,
    /// Roles of the product that this account changed, by number.
    overlaid: Box<[Arc<Role>]>,
    /// The account's own roles, by number.
    custom: Box<[Arc<Role>]>,
    custom_names: HashMap<Box<str>, RoleNo>,
    custom_decls: BTreeMap<RoleNo, CustomRole>,
    overlays: BTreeMap<RoleNo, Overlay>,
    settings: BTreeMap<String, Json>,
    /// Permissions whose type's approval rule is switched on here.
    ruled: PermissionBits,
    faults: Vec<(RoleNo, Fault)>,
    schema: Schema,
}

impl AccountPolicy {
    /// Compiles an account's policy. It never fails on content: what no longer fits the product is left out,
    /// so that roles give less and never more, and is listed by [`AccountPolicy::faults`].
    #[must_use]
    pub fn compile(
        product: Arc<Product>,
        custom: Vec<CustomRole>,
        overlays: Vec<Overlay>,
        settings: BTreeMap<String, Json>,
    ) -> Self {
        let overlays: BTreeMap<RoleNo, Overlay> = overlays.into_iter().map(|o| (o.role, o)).collect();
        let custom_decls: BTreeMap<RoleNo, CustomRole> = custom
            .into_iter()
            .filter(|role| role.no.is_custom())
            .map(|role| (role.no, role))
            .collect();
        let mut policy = Self {
            overlaid: [].into(),
            custom: [].into(),
            custom_names: custom_decls
                .values()
                .map(|role| (role.name.as_str().into(), role.no))
                .collect(),
            custom_decls,
            overlays,
            settings,
            ruled: PermissionBits::default(),
            faults: Vec::new(),
            schema: product.schema(),
            product,
        };
        let product = Arc::clone(&policy.product);
        policy.ruled = product
            .permissions()
            .filter(|info| info.rule.as_ref().is_some_and(|rule| policy.is_active(rule)))
            .map(|info| info.no)
            .collect();
        policy.compile_roles();
        policy.schema = schema::of_account(&product, policy.changed_roles());
        policy
    }

    /// The roles that were compiled for this account alone: those of the product that it changed, and its
    /// own.
    pub(crate) fn changed_roles(&self) -> impl Iterator<Item = &Role> {
        self.overlaid.iter().chain(&self.custom).map(|role| &**role)
    }

    /// Whether the account defined roles, or changed some of its product: then compiling its policy takes
    /// long.
    #[must_use]
    pub fn has_own_roles(&self) -> bool {
        !self.custom_decls.is_empty() || !self.overlays.is_empty()
    }

    /// The same roles, overlays and settings under another manifest.
    #[must_use]
    pub fn under(&self, product: Arc<Product>) -> Self {
        Self::compile(
            product,
            self.custom_decls.values().cloned().collect(),
            self.overlays.values().cloned().collect(),
            self.settings.clone(),
        )
    }

    fn compile_roles(&mut self) {
        let product = Arc::clone(&self.product);
        let changed = self.changed_decls();
        let own: BTreeMap<RoleNo, RoleDecl> = self
            .custom_decls
            .values()
            .map(|role| (role.no, role.standing(&product)))
            .collect();
        let decl = |name: &str| -> Option<&RoleDecl> {
            changed
                .get(name)
                .or_else(|| product.manifest().roles.get(name))
                .or_else(|| {
                    let no = self.custom_names.get(name)?;
                    own.get(no)
                })
        };
        // What a role of the product names is of the product, whatever the account calls its own.
        let role_no = |name: &str| {
            let of_product = product.role_no(name).filter(|no| !product.is_of_services(*no));
            of_product.or_else(|| self.custom_no(name))
        };
        let touched = |decl: &RoleDecl| {
            let flat_names = manifest::includes_of(decl, &|name| product.manifest().roles.get(name));
            flat_names.iter().any(|name| changed.contains_key(*name))
        };
        let mut faults = Vec::new();
        let mut overlaid = Vec::new();
        for (name, of_product) in &product.manifest().roles {
            if !changed.contains_key(name) && !touched(of_product) {
                continue;
            }
            let (Some(no), Some(of_account)) = (product.role_no(name), decl(name)) else {
                continue;
            };
            let (role, more) = compile_role(&product, no, name, of_account, &decl, &role_no);
            faults.extend(more.into_iter().map(|fault| (no, fault)));
            overlaid.push(Arc::new(role));
        }
        overlaid.sort_by_key(|role| role.no);
        let mut custom = Vec::new();
        for role in self.custom_decls.values() {
            let Some(counts) = own.get(&role.no) else { continue };
            let (role, more) = compile_role(&product, role.no, &role.name, counts, &decl, &role_no);
            faults.extend(more.into_iter().map(|fault| (role.no, fault)));
            custom.push(Arc::new(role));
        }
        (self.overlaid, self.custom, self.faults) = (overlaid.into(), custom.into(), faults);
    }

    /// The product's roles with the account's overlays, flat. An included role is what it is in this account.
    fn changed_decls(&self) -> BTreeMap<String, RoleDecl> {
        let mut changed = BTreeMap::new();
        for no in self.overlays.keys() {
            if let Some(role) = self.product.role(*no) {
                self.change_decl(&role.name, &mut changed);
            }
        }
        changed
    }

    fn change_decl(&self, name: &str, changed: &mut BTreeMap<String, RoleDecl>) {
        let roles = &self.product.manifest().roles;
        let overlay = self.product.role_no(name).and_then(|no| self.overlays.get(&no));
        // Roles with a rule about their holders are not overlaid, whatever is stored.
        let decl = roles
            .get(name)
            .filter(|decl| decl.holders.is_none() && !changed.contains_key(name));
        let (Some(overlay), Some(decl)) = (overlay, decl) else {
            return;
        };
        // The manifest was checked: roles do not include themselves.
        for other in manifest::includes_of(decl, &|name| roles.get(name)) {
            self.change_decl(other, changed);
        }
        let mut flat = decl.flatten(&|name| changed.get(name).or_else(|| roles.get(name)));
        for (level, change) in &overlay.levels {
            let add = standing(&self.product, &change.add, change.generation);
            flat.change(*level, &add, &change.remove);
        }
        changed.insert(name.to_owned(), flat);
    }

    /// The product.
    #[must_use]
    pub fn product(&self) -> &Arc<Product> {
        &self.product
    }

    /// A role of the product, as the account changed it, or one of its own.
    #[inline]
    #[must_use]
    pub fn role(&self, no: RoleNo) -> Option<&Role> {
        let find = |roles: &'_ [Arc<Role>]| roles.binary_search_by_key(&no, |role| role.no).ok();
        if no.is_custom() {
            return self.custom.get(find(&self.custom)?).map(|role| &**role);
        }
        if !self.overlaid.is_empty()
            && let Some(i) = find(&self.overlaid)
        {
            return self.overlaid.get(i).map(|role| &**role);
        }
        self.product.role(no).map(|role| &**role)
    }

    /// The declared types of attributes and parameters, those of the account's roles among them.
    #[inline]
    #[must_use]
    pub fn schema(&self) -> Schema {
        self.schema
    }

    /// The number of a role of account or product. Where the product has come to use the name of a role that
    /// the account had defined, it is still the account's: that is the one which
    /// [`StoredSubject::set`](crate::StoredSubject::set) finds for its bindings. Roles of the product's
    /// services are not known here.
    #[must_use]
    pub fn role_no(&self, name: &str) -> Option<RoleNo> {
        let of_product = || self.product.role_no(name);
        self.custom_no(name)
            .or_else(|| of_product().filter(|no| !self.product.is_of_services(*no)))
    }

    fn custom_no(&self, name: &str) -> Option<RoleNo> {
        self.custom_names.get(name).copied()
    }

    /// All roles that can be bound in the account: the product's (those of the suite and of services left
    /// out) and its own.
    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        let of_product = self
            .product
            .roles()
            .map(|role| role.no)
            .filter(|no| *no > RoleNo::SERVICE && !self.product.is_of_services(*no));
        of_product
            .filter_map(|no| self.role(no))
            .chain(self.custom.iter().map(|role| &**role))
    }

    /// The account's own role as it was defined.
    #[must_use]
    pub fn custom_role(&self, no: RoleNo) -> Option<&CustomRole> {
        self.custom_decls.get(&no)
    }

    /// What the account changed about a role of its product.
    #[must_use]
    pub fn overlay(&self, no: RoleNo) -> Option<&Overlay> {
        self.overlays.get(&no)
    }

    /// What no longer fits the product, by role.
    #[must_use]
    pub fn faults(&self) -> &[(RoleNo, Fault)] {
        &self.faults
    }

    /// A setting: the account's value, else the manifest's default.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&Json> {
        let decl = self.product.manifest().settings.get(name)?;
        let own = self
            .settings
            .get(name)
            .filter(|value| decl.kind.check(decl.max, value).is_ok());
        own.or(decl.default.as_ref())
    }

    /// Tells whether an approval rule is switched on in this account.
    #[must_use]
    pub fn is_active(&self, rule: &ApprovalRule) -> bool {
        let on = |name: &str| self.setting(name).and_then(Json::as_bool).unwrap_or(false);
        rule.when_setting.as_deref().is_none_or(on)
    }

    /// The type's approval rule for a permission, where it has one that is switched on.
    #[inline]
    #[must_use]
    pub fn type_rule(&self, permission: PermissionNo) -> Option<&ApprovalRule> {
        if !self.ruled.contains(permission) {
            return None;
        }
        self.product.permission(permission)?.rule.as_ref()
    }

    /// Checks a role that the account wants to define, under a new name or an own one.
    #[must_use]
    pub fn check_role(&self, name: &str, decl: &RoleDecl) -> Vec<Fault> {
        let own = |other: &str| {
            let no = self.custom_names.get(other)?;
            self.custom_decls.get(no).map(|role| &role.decl)
        };
        manifest::check_custom_role(self.product.manifest(), name, decl, &own)
    }

    /// Checks a change to a role: at a level, or at all of its levels.
    #[must_use]
    pub fn check_change(
        &self,
        role: RoleNo,
        level: Option<Level>,
        add: &[EntryDecl],
        remove: &[String],
    ) -> Vec<Fault> {
        let fault = |path: &str, message: &str| {
            vec![Fault {
                path: path.to_owned(),
                message: message.to_owned(),
            }]
        };
        let Some(role) = self.role(role).filter(|role| role.no > RoleNo::SERVICE) else {
            return fault("role", "unknown role");
        };
        if role.holders.is_some() {
            return fault("role", "must not be a role with a rule about its holders");
        }
        if level.is_some_and(|level| role.level(level).is_none()) {
            return fault("level", "the role cannot be bound at this level");
        }
        let mut faults = Vec::new();
        for (i, text) in remove.iter().enumerate() {
            // What the manifest no longer has can be taken out of a role that names it.
            let is_named = self.custom_role(role.no).is_some_and(|own| own.decl.names(text))
                || self.overlay(role.no).is_some_and(|overlay| overlay.names(text));
            if parse_pattern(text).is_none() || (self.product.pattern(text).is_none() && !is_named) {
                faults.push(Fault {
                    path: format!("remove[{i}]"),
                    message: format!("unknown permission `{text}`"),
                });
            }
        }
        let at = manifest::RoleLevelDecl {
            permissions: add.to_vec(),
            assigns: Vec::new(),
        };
        let probe = RoleDecl {
            levels: [(Level::Account, at)].into(),
            ..RoleDecl::default()
        };
        let found = manifest::check_custom_role(self.product.manifest(), "probe", &probe, &|_| None);
        faults.extend(found.into_iter().filter_map(|fault| {
            let path = fault.path.strip_prefix("levels.account.permissions")?;
            Some(Fault {
                path: format!("add{path}"),
                message: fault.message,
            })
        }));
        faults
    }

    /// Bytes on the heap, roughly; the product, which accounts share, is not counted.
    #[must_use]
    pub fn weight(&self) -> usize {
        let roles = self
            .overlaid
            .iter()
            .chain(&self.custom)
            .map(|role| role.weight())
            .sum::<usize>();
        size_of::<Self>() + roles * 2 + self.settings.len() * 64
    }
}
