//! From a manifest to a product.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use bailiwick_types::Level;

use super::{ApprovalRule, Attribute, PermissionInfo, Product, Role, TypeInfo, compile_role};
use crate::{
    PermissionBits, PermissionNo, TypeNo,
    condition::{Condition, Types},
    manifest::{
        ApprovalDecl, AttributeSource, Fault, Manifest, MemberKind, RoleDecl, SUITE_TYPES, TypeDecl,
        deployment, implied_verbs,
    },
    numbers::{Numbers, NumbersError},
    schema::{self, Schema},
};

/// Why a manifest cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// It does not make sense.
    #[error("the manifest has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// It has more names than there are numbers.
    #[error(transparent)]
    Numbers(#[from] NumbersError),
}

/// Compiles a manifest with the numbers of the version before it (none for the first).
///
/// # Errors
/// The manifest has faults ([`Manifest::check`]) or there are no numbers left.
pub fn compile(manifest: &Manifest, numbers: Numbers) -> Result<(Product, Numbers), CompileError> {
    // The suite's own manifest is no product's and would not pass: it names the levels that only the
    // suite may name.
    if *manifest != deployment() {
        let faults = manifest.check();
        if !faults.is_empty() {
            return Err(CompileError::Faults(faults));
        }
    }
    let mut numbers = numbers;
    numbers.extend(manifest)?;
    let mut product = Product {
        manifest: manifest.clone(),
        permissions: vec![None; numbers.count_permissions()].into(),
        permission_names: HashMap::new(),
        types: vec![None; numbers.count_types()].into(),
        type_names: HashMap::new(),
        roles: vec![None; numbers.count_roles()].into(),
        role_names: HashMap::new(),
        agent_role: None,
        customer_role: None,
        anonymous_role: None,
        restricted: PermissionBits::default(),
        schema: Schema::default(),
        returned: numbers.returned().clone(),
        generation: numbers.generation(),
    };
    add_types(&mut product, &numbers);
    add_rules(&mut product);
    add_roles(&mut product, &numbers);
    product.restricted = restricted(&product);
    product.schema = schema::of_product(&product);
    Ok((product, numbers))
}

fn add_types(product: &mut Product, numbers: &Numbers) {
    let manifest = product.manifest.clone();
    for of in SUITE_TYPES {
        let decl = TypeDecl {
            verbs: of.verbs.iter().map(|&verb| verb.to_owned()).collect(),
            implies: of
                .implies
                .iter()
                .map(|&(a, b)| (a.to_owned(), vec![b.to_owned()]))
                .collect(),
            registered: false,
            ..TypeDecl::default()
        };
        add_type(product, numbers, of.name, &decl);
        let no = numbers.type_no(of.name).map(|no| usize::from(no.0));
        if let Some(Some(info)) = no.and_then(|no| product.types.get_mut(no)) {
            info.suite = true;
            info.level = of.level;
        }
    }
    for (name, decl) in &manifest.types {
        add_type(product, numbers, name, decl);
    }
}

fn add_type(product: &mut Product, numbers: &Numbers, name: &str, decl: &TypeDecl) {
    let Some(type_no) = numbers.type_no(name) else {
        return;
    };
    let no = |verb: &str| numbers.permission(&format!("{name}.{verb}"));
    let mut all = PermissionBits::with_room(numbers.count_permissions());
    for verb in &decl.verbs {
        let Some(permission) = no(verb) else { continue };
        all.insert(permission);
        let implies = implied_verbs(decl, verb).into_iter().filter_map(no).collect();
        let brings = |other: &&String| implied_verbs(decl, other).contains(verb.as_str());
        let implied_by = decl
            .verbs
            .iter()
            .filter(brings)
            .filter_map(|other| no(other))
            .collect();
        let full_name: Box<str> = format!("{name}.{verb}").into();
        product.permission_names.insert(full_name.clone(), permission);
        let info = PermissionInfo {
            no: permission,
            name: full_name,
            type_no,
            implies,
            implied_by,
            rule: None,
            grant_condition: None,
            given_when: false,
            gives_when: false,
        };
        put(&mut product.permissions, usize::from(permission.0), info);
    }
    let attributes = decl.attributes.iter().map(|(name, attribute)| Attribute {
        name: name.as_str().into(),
        kind: attribute.kind,
        from_request: attribute.from == Some(AttributeSource::Request),
        edit: attribute.edit.as_deref().and_then(no),
    });
    let info = TypeInfo {
        no: type_no,
        name: name.into(),
        suite: false,
        level: None,
        registered: decl.registered,
        quota: decl.quota,
        on: decl
            .on
            .iter()
            .filter_map(|other| numbers.type_no(other))
            .collect(),
        attributes: attributes.collect(),
        parameters: decl
            .parameters
            .iter()
            .map(|(name, parameter)| (name.as_str().into(), *parameter))
            .collect(),
        permissions: all,
    };
    put(&mut product.types, usize::from(type_no.0), info);
    product.type_names.insert(name.into(), type_no);
}

fn put<T>(slots: &mut [Option<T>], index: usize, value: T) {
    if let Some(slot) = slots.get_mut(index) {
        *slot = Some(value);
    }
}

/// Approval rules and grant conditions name permissions and attributes of other types: they come
/// after all types.
fn add_rules(product: &mut Product) {
    let manifest = product.manifest.clone();
    for (name, decl) in &manifest.types {
        let no = |verb: &str| {
            product
                .permission_names
                .get(format!("{name}.{verb}").as_str())
                .copied()
        };
        let rules: Vec<(PermissionNo, ApprovalRule)> = decl
            .approvals
            .iter()
            .filter_map(|(verb, rule)| Some((no(verb)?, product.rule(rule)?)))
            .collect();
        let types = product.condition_types(product.type_names.get(name.as_str()).copied());
        let conditions: Vec<(PermissionNo, Condition)> = decl
            .grants
            .iter()
            .filter_map(|(verb, source)| Some((no(verb)?, Condition::compile(source, &types).ok()?)))
            .collect();
        for (permission, rule) in rules {
            if let Some(Some(info)) = product.permissions.get_mut(usize::from(permission.0)) {
                info.rule = Some(rule);
            }
        }
        for (permission, condition) in conditions {
            if let Some(Some(info)) = product.permissions.get_mut(usize::from(permission.0)) {
                info.grant_condition = Some(condition);
            }
        }
    }
    let conditional: PermissionBits = product
        .permissions()
        .filter(|info| info.grant_condition.is_some())
        .map(|info| info.no)
        .collect();
    for info in product.permissions.iter_mut().flatten() {
        let own = conditional.contains(info.no);
        info.given_when = own || info.implied_by.intersects(&conditional);
        info.gives_when = own || info.implies.intersects(&conditional);
    }
}

/// The manifest was checked: each name is a permission or a type's pattern.
fn restricted(product: &Product) -> PermissionBits {
    let mut kept = PermissionBits::default();
    for text in &product.manifest.restricted {
        if let Some(pattern) = product.pattern(text) {
            kept.union(&product.matched(pattern, Level::Account));
        }
    }
    kept
}

fn add_roles(product: &mut Product, numbers: &Numbers) {
    let suite = deployment().roles;
    let own = product.manifest.roles.clone();
    let of_services: BTreeMap<String, RoleDecl> = product
        .manifest
        .services
        .iter()
        .map(|(name, decl)| (name.clone(), decl.role()))
        .collect();
    let roles: HashMap<&str, &RoleDecl> = suite
        .iter()
        .chain(&own)
        .chain(&of_services)
        .map(|(name, decl)| (name.as_str(), decl))
        .collect();
    for name in roles.keys() {
        if let Some(no) = numbers.role(name) {
            product.role_names.insert((*name).into(), no);
        }
    }
    let compiled: Vec<Role> = roles
        .iter()
        .filter_map(|(name, decl)| {
            let no = numbers.role(name)?;
            let role_no = |other: &str| numbers.role(other).filter(|_| roles.contains_key(other));
            // The manifest was checked: what would not compile is not in it.
            let (role, _) = compile_role(
                product,
                no,
                name,
                decl,
                &|other| roles.get(other).copied(),
                &role_no,
            );
            Some(role)
        })
        .collect();
    for role in compiled {
        put(&mut product.roles, role.no.0 as usize, Arc::new(role));
    }
    let subjects = &product.manifest.subjects;
    let default = |kind| {
        subjects
            .kinds
            .get(&kind)
            .and_then(|default| default.role.as_deref())
    };
    let number = |name: Option<&str>| name.and_then(|name| product.role_names.get(name).copied());
    let (agent, customer) = (
        number(default(MemberKind::Agent)),
        number(default(MemberKind::Customer)),
    );
    let anonymous = number(
        subjects
            .anonymous
            .as_ref()
            .and_then(|default| default.role.as_deref()),
    );
    (product.agent_role, product.customer_role, product.anonymous_role) = (agent, customer, anonymous);
}

impl Product {
    /// Resolves the permission of an approval rule.
    pub(crate) fn rule(&self, decl: &ApprovalDecl) -> Option<ApprovalRule> {
        Some(ApprovalRule {
            by: self.permission_no(&decl.by)?,
            serves: decl.serves,
            expires: decl.expires,
            when_setting: decl.when_setting.as_deref().map(Into::into),
            binds: decl
                .binds
                .iter()
                .map(String::as_str)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .map(Into::into)
                .collect(),
        })
    }

    /// What conditions on permissions of these types may look at.
    pub(crate) fn condition_types(&self, of: impl IntoIterator<Item = TypeNo>) -> Types<'_> {
        let context = self
            .manifest
            .context
            .iter()
            .map(|(name, kind)| (name.as_str(), *kind))
            .collect();
        let mut types = Types {
            context,
            ..Types::default()
        };
        let all: Vec<&TypeInfo> = of.into_iter().filter_map(|no| self.type_info(no)).collect();
        // Of entries that name many types, the role declares the parameters.
        if let [own] = &*all {
            let declared = own.parameters.iter().map(|(name, decl)| (&**name, decl.kind));
            types.parameters = declared.collect();
        }
        for own in all {
            let others = own.on.iter().filter_map(|no| self.type_info(*no));
            for info in std::iter::once(own).chain(others) {
                for attribute in &info.attributes {
                    types.attribute(&attribute.name, attribute.kind);
                }
            }
        }
        types
    }
}
