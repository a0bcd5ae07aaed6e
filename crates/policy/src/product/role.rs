//! Compiled roles.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_types::Level;

use super::{ApprovalRule, Pattern, Product};
use crate::{
    PermissionBits, PermissionNo, RoleNo,
    condition::Condition,
    manifest::{
        self, AssignDecl, EntryApproval, EntryDecl, Fault, Holders, OPERATOR_VERBS, ParameterDecl, RoleDecl,
    },
    value::ValueType,
};

/// A compiled role: of the suite, of a product or of an account.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its number.
    pub no: RoleNo,
    /// Its name.
    pub name: Box<str>,
    /// What people call it; its name where it has no title.
    pub title: Box<str>,
    /// How many must have it in each scope.
    pub holders: Option<Holders>,
    pub(crate) levels: [Option<Box<RoleLevel>>; 5],
}

impl Role {
    /// What the role gives where it is bound at this level; `None` where it cannot be.
    #[inline]
    #[must_use]
    pub fn level(&self, level: Level) -> Option<&RoleLevel> {
        self.levels.get(level as usize)?.as_deref()
    }

    /// The levels at which the role may be bound, with what it gives there.
    pub fn levels(&self) -> impl Iterator<Item = (Level, &RoleLevel)> {
        const LEVELS: [Level; 5] = [
            Level::Deployment,
            Level::Product,
            Level::Account,
            Level::Instance,
            Level::Workspace,
        ];
        LEVELS
            .into_iter()
            .filter_map(|level| Some((level, self.level(level)?)))
    }

    /// Tells whether it gives exactly what another gives, at every level.
    #[must_use]
    pub fn gives_the_same(&self, other: &Self) -> bool {
        self.levels.iter().zip(&other.levels).all(|pair| match pair {
            (Some(own), Some(others)) => own.gives_the_same(others),
            (None, None) => true,
            _ => false,
        })
    }

    /// Bytes on the heap, conditions left out.
    #[must_use]
    pub fn weight(&self) -> usize {
        let level = |level: &RoleLevel| {
            let words = level.plain.len().div_ceil(8) + level.waived.len().div_ceil(8);
            size_of::<RoleLevel>() + words + level.entries.len() * (size_of::<Entry>() + 64)
        };
        self.name.len() + self.title.len() + self.levels.iter().flatten().map(|at| level(at)).sum::<usize>()
    }
}

/// What a role gives where it is bound at one level.
#[derive(Debug, Clone)]
pub struct RoleLevel {
    /// Given without condition; a type's approval rule applies.
    pub(crate) plain: PermissionBits,
    /// Given without condition and whatever a type's approval rule says.
    pub(crate) waived: PermissionBits,
    /// Indexes of the entries with a condition or an approval rule of their own.
    pub(crate) special: Box<[u16]>,
    pub(crate) entries: Box<[Entry]>,
    pub(crate) assigns: Assigns,
    parameters: BTreeMap<Box<str>, ParameterDecl>,
}

impl RoleLevel {
    /// The entries, those of included roles among them.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The roles that may be assigned.
    #[must_use]
    pub fn assigns(&self) -> &Assigns {
        &self.assigns
    }

    /// Everything that some entry gives, with or without condition.
    #[must_use]
    pub fn permissions(&self) -> PermissionBits {
        let mut all = self.plain.clone();
        self.entries.iter().for_each(|entry| all.union(&entry.bits));
        all
    }

    /// Everything given without condition (a type's approval rule may apply).
    #[must_use]
    pub fn unconditional(&self) -> PermissionBits {
        let mut all = self.plain.clone();
        all.union(&self.waived);
        all
    }

    /// What a binding of the role may or must bring: the declared parameters, and those that conditions
    /// look at and nothing declares.
    #[must_use]
    pub fn parameters(&self) -> &BTreeMap<Box<str>, ParameterDecl> {
        &self.parameters
    }

    /// Tells whether it gives exactly what another gives, under the same conditions and with
    /// the same approvals.
    #[must_use]
    pub fn gives_the_same(&self, other: &Self) -> bool {
        let same = |a: &PermissionBits, b: &PermissionBits| a.is_subset(b) && b.is_subset(a);
        let source = |entry: &Entry| {
            entry
                .condition
                .as_ref()
                .map(|condition| condition.source().to_owned())
        };
        let mut pairs = self.specials().zip(other.specials());
        same(&self.plain, &other.plain)
            && same(&self.waived, &other.waived)
            && self.special.len() == other.special.len()
            && pairs
                .all(|((_, a), (_, b))| same(&a.bits, &b.bits) && source(a) == source(b) && a.rule == b.rule)
    }

    pub(crate) fn specials(&self) -> impl Iterator<Item = (u16, &Entry)> {
        self.special
            .iter()
            .filter_map(|&i| Some((i, self.entries.get(usize::from(i))?)))
    }
}

/// The roles that a role assigns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assigns {
    /// All roles of the product.
    pub all: bool,
    /// Those named, in order of their numbers.
    pub named: Box<[RoleNo]>,
    /// Those among them that the holder may give to itself.
    pub to_self: Option<Box<Assigns>>,
}

impl Assigns {
    /// Tells whether the role is among them.
    #[must_use]
    pub fn contains(&self, role: RoleNo) -> bool {
        (self.all && !role.is_custom()) || self.named.binary_search(&role).is_ok()
    }

    /// Tells whether the holder may give the role to itself, whatever the role gives.
    #[must_use]
    pub fn contains_to_self(&self, role: RoleNo) -> bool {
        self.to_self.as_ref().is_some_and(|own| own.contains(role))
    }

    /// Tells whether all of another are among them.
    #[must_use]
    pub(crate) fn covers(&self, other: &Self) -> bool {
        (self.all || !other.all) && other.named.iter().all(|role| self.contains(*role))
    }

    fn of<'d>(
        decls: impl Iterator<Item = &'d AssignDecl> + Clone,
        role_no: &dyn Fn(&str) -> Option<RoleNo>,
    ) -> Self {
        let those = |decls: &mut dyn Iterator<Item = &'d AssignDecl>| {
            let (mut all, mut named) = (false, BTreeSet::new());
            for AssignDecl { role, .. } in decls {
                all |= role == "*";
                named.extend(role_no(role));
            }
            Self {
                all,
                named: named.into_iter().collect(),
                to_self: None,
            }
        };
        let own = those(&mut decls.clone().filter(|assign| assign.to_self));
        Self {
            to_self: (own != Self::default()).then(|| Box::new(own)),
            ..those(&mut decls.clone())
        }
    }
}

/// A compiled permission entry.
#[derive(Debug, Clone)]
pub struct Entry {
    /// All permissions that it gives, implied ones included and exceptions left out.
    pub bits: PermissionBits,
    /// What it names.
    pub pattern: Pattern,
    /// What of the pattern it does not give.
    pub except: Box<[Pattern]>,
    /// Its condition.
    pub condition: Option<Condition>,
    pub(crate) rule: EntryRule,
}

/// What an entry says about approvals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EntryRule {
    /// The type's rule applies.
    OfType,
    Waived,
    Own(ApprovalRule),
}

impl Entry {
    /// Tells whether the entry waives the types' approval rules.
    #[must_use]
    pub fn waives(&self) -> bool {
        self.rule == EntryRule::Waived
    }

    /// The approval rule that the entry carries in place of the type's.
    #[must_use]
    pub fn own_rule(&self) -> Option<&ApprovalRule> {
        match &self.rule {
            EntryRule::Own(rule) => Some(rule),
            EntryRule::OfType | EntryRule::Waived => None,
        }
    }
}

impl Product {
    /// Reads `*`, `TYPE.*` or `TYPE.VERB`; `None` where the manifest has no such thing.
    #[must_use]
    pub fn pattern(&self, text: &str) -> Option<Pattern> {
        match manifest::parse_pattern(text)? {
            manifest::Pattern::All => Some(Pattern::All),
            manifest::Pattern::Type(of) => self.type_no(of).map(Pattern::Type),
            manifest::Pattern::One(..) => self.permission_no(text).map(Pattern::One),
        }
    }

    /// Writes a pattern as it was read; `None` for what the manifest no longer has.
    #[must_use]
    pub fn pattern_text(&self, pattern: Pattern) -> Option<String> {
        match pattern {
            Pattern::All => Some("*".to_owned()),
            Pattern::Type(no) => self.type_info(no).map(|of| format!("{}.*", of.name)),
            Pattern::One(no) => self.permission(no).map(|of| of.name.to_string()),
        }
    }

    /// The permissions that a pattern names at a level and below: `*` leaves out the types of
    /// the levels above.
    #[must_use]
    pub fn matched(&self, pattern: Pattern, level: Level) -> PermissionBits {
        let mut bits = PermissionBits::with_room(self.permissions.len());
        match pattern {
            Pattern::One(no) => bits.insert(no),
            Pattern::Type(no) => {
                if let Some(of) = self.type_info(no) {
                    bits.union(&of.permissions);
                }
            }
            Pattern::All => {
                for of in self.types().filter(|of| of.level.is_none_or(|of| of >= level)) {
                    bits.union(&of.permissions);
                }
            }
        }
        bits
    }

    /// The declaration of a parameter that a condition of an entry or grant looks at.
    pub(super) fn declared_by_type(&self, pattern: Pattern, name: &str, kind: ValueType) -> ParameterDecl {
        let of = match pattern {
            Pattern::All => None,
            Pattern::Type(of) => Some(of),
            Pattern::One(no) => self.permission(no).map(|info| info.type_no),
        };
        let declared = of.and_then(|of| self.type_info(of)?.parameters.get(name).copied());
        declared.unwrap_or_else(|| ParameterDecl::undeclared(kind))
    }

    pub(super) fn with_implied(&self, bits: &PermissionBits) -> PermissionBits {
        let mut all = bits.clone();
        for info in bits.iter().filter_map(|no| self.permission(no)) {
            all.union(&info.implies);
        }
        all
    }

    /// What the operator may do: the suite's permissions, and registering, editing and deleting of every
    /// type, with what these bring.
    fn operator_bits(&self) -> PermissionBits {
        let registers = |name: &str| {
            name.split_once('.')
                .is_some_and(|(_, verb)| OPERATOR_VERBS.contains(&verb))
        };
        let suite = |no| self.type_info(no).is_some_and(|of| of.suite);
        let mine = |info: &&super::PermissionInfo| suite(info.type_no) || registers(&info.name);
        let bits = self.permissions().filter(mine).map(|info| info.no).collect();
        self.with_implied(&bits)
    }
}

/// Compiles an entry; the fault names what the manifest does not have.
pub(crate) fn entry_of(
    product: &Product,
    level: Level,
    decl: &EntryDecl,
    parameters: &BTreeMap<String, ParameterDecl>,
) -> Result<Entry, String> {
    let unknown = |text: &str| format!("unknown permission `{text}`{}", product.suggest_permission(text));
    let pattern = product
        .pattern(&decl.permission)
        .ok_or_else(|| unknown(&decl.permission))?;
    // An exception that names nothing any more takes nothing away.
    let except: Box<[Pattern]> = decl
        .except
        .iter()
        .filter_map(|text| product.pattern(text))
        .collect();
    let mut bits = product.with_implied(&product.matched(pattern, level));
    for part in &except {
        bits.subtract(&product.matched(*part, level));
    }
    let types: BTreeSet<_> = match pattern {
        Pattern::One(no) => product
            .permission(no)
            .map(|info| info.type_no)
            .into_iter()
            .collect(),
        Pattern::Type(no) => [no].into(),
        Pattern::All => product.types().map(|of| of.no).collect(),
    };
    let condition = match &decl.when {
        None => None,
        Some(source) => {
            let mut types = product.condition_types(types);
            let declared = parameters.iter().map(|(name, decl)| (name.as_str(), decl.kind));
            types.parameters.extend(declared);
            Some(Condition::compile(source, &types).map_err(|error| error.to_string())?)
        }
    };
    let rule = match &decl.approval {
        None => EntryRule::OfType,
        Some(EntryApproval::Waived(_)) => EntryRule::Waived,
        Some(EntryApproval::Rule(rule)) => {
            EntryRule::Own(product.rule(rule).ok_or_else(|| unknown(&rule.by))?)
        }
    };
    Ok(Entry {
        bits,
        pattern,
        except,
        condition,
        rule,
    })
}

/// Compiles a role with what it includes. What does not fit (an account's role after its product changed) is
/// left out and named: a role then gives less, never more.
pub(crate) fn compile_role<'r>(
    product: &Product,
    no: RoleNo,
    name: &str,
    decl: &'r RoleDecl,
    role: &dyn Fn(&str) -> Option<&'r RoleDecl>,
    role_no: &dyn Fn(&str) -> Option<RoleNo>,
) -> (Role, Vec<Fault>) {
    let mut faults = Vec::new();
    let levels = manifest::levels_of(decl, role);
    let declared = manifest::parameters_of(decl, role);
    let mut compiled = Role {
        no,
        name: name.into(),
        title: decl.title.as_deref().unwrap_or(name).into(),
        holders: decl.holders,
        levels: [const { None }; 5],
    };
    for level in levels {
        let parts = manifest::parts_of(decl, level, role);
        let mut entries = Vec::new();
        for entry in parts.iter().flat_map(|at| &at.permissions) {
            match entry_of(product, level, entry, &declared) {
                Ok(entry) => entries.push(entry),
                Err(message) => {
                    faults.push(Fault {
                        path: format!("levels.{level}.permissions.{}", entry.permission),
                        message,
                    });
                }
            }
        }
        if no == RoleNo::OPERATOR {
            let bits = product.operator_bits();
            entries = vec![Entry {
                bits,
                pattern: Pattern::All,
                except: [].into(),
                condition: None,
                rule: EntryRule::Waived,
            }];
        }
        let assigns = Assigns::of(parts.iter().flat_map(|at| &at.assigns), role_no);
        if let Some(slot) = compiled.levels.get_mut(level as usize) {
            *slot = Some(Box::new(level_of(product, entries, assigns, &declared)));
        }
    }
    (compiled, faults)
}

fn level_of(
    product: &Product,
    entries: Vec<Entry>,
    assigns: Assigns,
    declared: &BTreeMap<String, ParameterDecl>,
) -> RoleLevel {
    let mut plain = PermissionBits::with_room(product.permissions.len());
    let mut waived = plain.clone();
    let mut special = Vec::new();
    for (i, entry) in entries.iter().enumerate() {
        match (&entry.condition, &entry.rule) {
            (None, EntryRule::OfType) => plain.union(&entry.bits),
            (None, EntryRule::Waived) => waived.union(&entry.bits),
            _ => special.extend(u16::try_from(i)),
        }
    }
    let mut parameters: BTreeMap<Box<str>, ParameterDecl> = declared
        .iter()
        .map(|(name, decl)| (name.as_str().into(), *decl))
        .collect();
    for entry in &entries {
        for (name, kind) in entry.condition.iter().flat_map(Condition::parameters) {
            if declared.contains_key(&**name) {
                continue;
            }
            let read = product.declared_by_type(entry.pattern, name, *kind);
            parameters
                .entry(name.clone())
                .and_modify(|other| *other = other.and(read))
                .or_insert(read);
        }
    }
    RoleLevel {
        parameters,
        plain,
        waived,
        special: special.into(),
        entries: entries.into(),
        assigns,
    }
}

impl Pattern {
    /// The permission, where the pattern names a single one.
    #[must_use]
    pub fn single(self) -> Option<PermissionNo> {
        match self {
            Self::One(no) => Some(no),
            Self::All | Self::Type(_) => None,
        }
    }
}
