//! What applying a manifest would do, and whether it can be applied.

use std::{collections::BTreeSet, sync::Arc};

use bailiwick_policy::{
    RoleLevel, compile,
    manifest::{self, ChangeKind, Manifest},
};
use bailiwick_types::{
    AccountId, Code, Fault, FieldViolation, Level, ProductName, Reason, StoreError, Timestamp, Violations,
    faults,
};

use super::{Product, Replacement, Usage, replace_roles::Moves};
use crate::{Read, compiling::compiling};

/// Every fault of a manifest, with line and column.
#[derive(Debug, thiserror::Error)]
#[error("the manifest is not valid: {0}")]
pub struct InvalidManifest(Violations);

impl InvalidManifest {
    fn at_top(path: &str, error: &dyn std::fmt::Display) -> Self {
        let rule = format!("line 1, column 1: {path}: {error}");
        Self(Violations::of("manifest", rule))
    }
}

impl Error {
    /// Names the file in the faults of a manifest, where the request named one.
    #[must_use]
    pub fn in_file(self, name: &str) -> Self {
        match self {
            Self::Manifest(InvalidManifest(faults)) if !name.is_empty() => {
                let mut named = Violations::new();
                for fault in faults.as_slice() {
                    named.add(fault.field.clone(), format!("{name}: {}", fault.rule));
                }
                Self::Manifest(InvalidManifest(named))
            }
            other => other,
        }
    }
}

impl Fault for InvalidManifest {
    fn code(&self) -> Code {
        Code::InvalidArgument
    }
    fn reason(&self) -> Reason {
        Reason::InvalidManifest
    }
    fn violations(&self) -> &[FieldViolation] {
        self.0.as_slice()
    }
}

faults! {
    /// Why a manifest is not applied.
    Error: Manifest(InvalidManifest), Replacement(Violations), Store(StoreError);
    /// It removes roles that are bound, and perhaps more that is in use.
    RoleInUse(String) "the manifest removes what is in use: {0}" => FailedPrecondition RoleInUse;
    /// It removes types or levels that are in use.
    InUse(String) "the manifest removes what is in use: {0}" => FailedPrecondition NotEmpty;
    /// More bindings would change than one transaction should.
    TooMany(u64) "more than {0} bindings would have to change: reassign them account by account first"
        => FailedPrecondition NotEmpty;
    /// A role that is removed was bound in another account while this was prepared.
    Meanwhile "a role that the manifest removes was just bound in another account: try again"
        => Aborted Conflict, retry 0;
}

/// A manifest that was read, and what becomes of the bindings of roles that it removes.
pub(super) struct Proposal {
    pub(super) name: ProductName,
    manifest: Manifest,
    source: String,
    pub(super) replacements: Vec<Replacement>,
}

/// What applying a manifest would do.
pub(super) struct Plan {
    /// The product as it is; none where it is new.
    pub(super) before: Option<Product>,
    /// The product as it would be; as it is where nothing changes.
    pub(super) product: Product,
    /// The same, compiled.
    pub(super) compiled: Arc<bailiwick_policy::Product>,
    /// Whether anything changes.
    pub(super) changed: bool,
    /// The differences, a line each.
    pub(super) differences: Vec<String>,
    /// The bindings that change.
    pub(super) moves: Moves,
}

impl Proposal {
    pub(super) async fn read(source: String, replacements: Vec<Replacement>) -> Result<Self, Error> {
        let read = compiling(move || (manifest::parse(&source), source)).await;
        let (manifest, source) = read.map_err(StoreError::from)?;
        let manifest = manifest.map_err(|faults| {
            let mut all = Violations::new();
            for fault in faults {
                all.add("manifest", fault.to_string());
            }
            InvalidManifest(all)
        })?;
        let name = manifest.product.parse::<ProductName>();
        Ok(Self {
            name: name.map_err(|error| InvalidManifest::at_top("product", &error))?,
            manifest,
            source,
            replacements,
        })
    }

    /// Checks it against what is there. `locked` are the accounts whose rows are held; none where nothing
    /// will be written.
    pub(super) async fn plan(
        self,
        read: &(impl Read + ?Sized),
        locked: Option<&BTreeSet<AccountId>>,
        now: Timestamp,
    ) -> Result<Plan, Error> {
        let before = read.product(&self.name).await?;
        let (manifest, old) = (self.manifest.clone(), before.clone());
        let (compiled, changes) = compiling(move || {
            let numbers = old.as_ref().map(|old| old.numbers.clone()).unwrap_or_default();
            let changes = old.map(|old| differences(&old.manifest, &manifest));
            (compile(&manifest, numbers), changes)
        })
        .await
        .map_err(StoreError::from)?;
        let (compiled, numbers) = compiled.map_err(|error| InvalidManifest::at_top("manifest", &error))?;
        let compiled = Arc::new(compiled);
        let version = before.as_ref().map_or(0, |old| old.version);
        let mut differences = changes.unwrap_or_else(|| vec![format!("+ product {}", self.name)]);
        if let Some(product) = before.as_ref().filter(|old| old.manifest == self.manifest) {
            return Ok(Plan {
                product: product.clone(),
                before,
                compiled,
                changed: false,
                differences: Vec::new(),
                moves: Moves::default(),
            });
        }
        let mut usage = read.usage(&self.name).await?;
        let replaced = |role: &str| self.replacements.iter().any(|one| one.role == role);
        usage.roles.retain(|(role, _)| !replaced(role));
        let services = services_held(before.as_ref(), &usage);
        check_usage(&compiled, &usage, &services)?;
        let moves = Moves::find(read, &self, &compiled, locked).await?;
        differences.extend(moves.lines());
        if let Some(old) = &before {
            differences.extend(service_changes(old, &compiled, &services));
            differences.extend(orphans(read, old, &compiled, now).await?);
        }
        Ok(Plan {
            before,
            product: Product {
                name: self.name,
                version: version + 1,
                source: self.source,
                manifest: self.manifest,
                numbers,
                updated_at: now,
            },
            compiled,
            changed: true,
            differences,
            moves,
        })
    }
}

fn differences(before: &Manifest, after: &Manifest) -> Vec<String> {
    let line = |change: manifest::Change| {
        let (old, new) = (
            change.before.unwrap_or_default(),
            change.after.unwrap_or_default(),
        );
        match change.kind {
            ChangeKind::Added => format!("+ {}: {new}", change.path),
            ChangeKind::Removed => format!("- {}: {old}", change.path),
            ChangeKind::Changed => format!("~ {}: {old} -> {new}", change.path),
        }
    };
    before.diff(after).into_iter().map(line).collect()
}

/// What accounts name that the product no longer has, a line each: it gives nothing any more, also if the
/// name comes back.
async fn orphans(
    read: &(impl Read + ?Sized),
    before: &Product,
    after: &bailiwick_policy::Product,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let (manifest, numbers) = (before.manifest.clone(), before.numbers.clone());
    let Ok((old, _)) = compiling(move || compile(&manifest, numbers)).await? else {
        return Ok(Vec::new());
    };
    let has = |product: &bailiwick_policy::Product, name: &str| match name.strip_prefix("role ") {
        Some(role) => product.role_no(role).is_some(),
        None => product.pattern(name).is_some(),
    };
    let is_gone = |name: &String| has(&old, name) && !has(after, name);
    let named = read.named(&before.name, now).await?;
    let kinds = [
        (named.grants, "grants"),
        (named.roles, "own roles and changes of roles"),
        (named.invitations, "pending invitations"),
    ];
    let mut lines = Vec::new();
    for (counts, what) in kinds {
        for (name, count) in counts.into_iter().filter(|(name, _)| is_gone(name)) {
            lines.push(format!(
                "! {name}: {count} {what} of accounts name it, and it gives nothing there any more"
            ));
        }
    }
    Ok(lines)
}

/// The roles of the product's services that service accounts have, with their number. A name that the product
/// does not have gives nothing and holds nothing up.
fn services_held<'u>(before: Option<&Product>, usage: &'u Usage) -> Vec<(&'u str, u64)> {
    let known = before.map(|product| &product.manifest.services);
    let held = usage.services.iter().map(|(role, count)| (role.as_str(), *count));
    held.filter(|(role, _)| known.is_some_and(|known| known.contains_key(*role)))
        .collect()
}

/// What service accounts gain and lose in every account of the product, a line each.
fn service_changes(before: &Product, after: &bailiwick_policy::Product, held: &[(&str, u64)]) -> Vec<String> {
    let Ok((old, _)) = compile(&before.manifest, before.numbers.clone()) else {
        return Vec::new();
    };
    let given = |product: &bailiwick_policy::Product, name: &str| -> BTreeSet<String> {
        let role = product.service_role(name);
        let at = role.and_then(|role| role.level(Level::Product));
        let permissions = at.map(RoleLevel::permissions).unwrap_or_default();
        let names = permissions.iter().filter_map(|no| product.permission(no));
        names.map(|info| info.name.to_string()).collect()
    };
    let line = |&(name, count): &(&str, u64)| {
        let (was, is) = (given(&old, name), given(after, name));
        let gained = is.difference(&was).map(|name| format!("+{name}"));
        let lost = was.difference(&is).map(|name| format!("-{name}"));
        let all: Vec<String> = gained.chain(lost).collect();
        (!all.is_empty()).then(|| {
            let all = all.join(" ");
            format!("~ service accounts with `{name}`: {count}, in every account: {all}")
        })
    };
    held.iter().filter_map(line).collect()
}

/// Whether a product has a role that can be bound at a level.
pub(super) fn has_role(product: &bailiwick_policy::Product, name: &str, level: Level) -> bool {
    let role = product.role_no(name).and_then(|no| product.role(no));
    role.is_some_and(|role| role.level(level).is_some())
}

/// Refuses a product that no longer has what is in use.
fn check_usage(
    product: &bailiwick_policy::Product,
    usage: &Usage,
    services: &[(&str, u64)],
) -> Result<(), Error> {
    let roles = usage
        .roles
        .iter()
        .filter(|(role, level)| !has_role(product, role, *level));
    let roles = roles.map(|(role, level)| format!("role `{role}` is bound at level `{level}`"));
    let of_services = services
        .iter()
        .filter(|(role, _)| product.service_role(role).is_none())
        .map(|(role, count)| format!("{count} service accounts have role `{role}`"));
    let roles: Vec<String> = roles.chain(of_services).collect();
    let registered = |name: &str| {
        let of = product.type_no(name).and_then(|no| product.type_info(no));
        of.is_some_and(|of| of.registered && !of.suite)
    };
    let types = usage.types.iter().filter(|name| !registered(name));
    let types = types.map(|name| format!("resources of type `{name}` are registered"));
    let levels = usage.levels.iter().filter(|level| !product.has_level(**level));
    let levels = levels.map(|level| format!("there are places of level `{level}`"));
    let others: Vec<String> = types.chain(levels).collect();
    if !roles.is_empty() {
        return Err(Error::RoleInUse([roles, others].concat().join(", ")));
    }
    if !others.is_empty() {
        return Err(Error::InUse(others.join(", ")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        memory::{World, account, subject, workspace},
        product::stage::{MANIFEST, changed},
    };

    async fn planned(world: &World, source: &str) -> Result<Plan, Error> {
        let proposal = Proposal::read(source.to_owned(), Vec::new()).await?;
        proposal.plan(&*world.read(), None, world.now()).await
    }

    #[tokio::test]
    async fn a_manifest_is_refused_with_line_and_column() {
        let world = World::new().await;
        for wrong in [
            "product: [",
            "product: 'Not A Name'\n",
            "product: studio\nboats: {}\n",
            &MANIFEST.replace("project.view", "project.fly"),
        ] {
            let refused = planned(&world, wrong).await.map(|plan| plan.differences);
            let Err(Error::Manifest(fault)) = &refused else {
                panic!("{wrong}: {refused:?}")
            };
            assert_eq!(fault.reason(), Reason::InvalidManifest);
            let first = &fault.violations()[0];
            assert_eq!(first.field, "manifest");
            assert!(first.rule.contains("line "), "{first:?}");
        }
    }

    #[tokio::test]
    async fn the_differences_are_told_line_by_line() {
        let world = World::new().await;
        let new = planned(&world, MANIFEST).await.unwrap();
        assert_eq!((new.product.version, new.before), (1, None));
        assert_eq!(new.differences, ["+ product studio"]);
        world.product(MANIFEST).await;
        let same = planned(&world, MANIFEST).await.unwrap();
        assert!(!same.changed && same.differences.is_empty());
        let next = planned(&world, &changed()).await.unwrap();
        assert_eq!(next.product.version, 2);
        let path = "roles.guest.levels.account.permissions";
        let change = r#"["project.view"] -> ["project.view","project.edit"]"#;
        assert_eq!(next.differences, [format!("~ {path}: {change}")]);
    }

    #[tokio::test]
    async fn what_is_in_use_is_not_removed() {
        let world = World::new().await;
        world.product(MANIFEST).await;
        let without = |text: &str, instead: &str| {
            assert!(MANIFEST.contains(text), "{text}");
            MANIFEST.replace(text, instead)
        };
        let without_level =
            without(", workspace: {}}\n", "}\n").replace(", workspace: {permissions: [project.edit]}", "");
        let Err(Error::InUse(text)) = planned(&world, &without_level).await else {
            panic!("a level with a place was removed")
        };
        assert_eq!(text, "there are places of level `workspace`");
        world.resource("folder:f", &workspace(), None).await;
        let without_type = without("  folder: {verbs: [view]}\n", "");
        let Err(Error::InUse(text)) = planned(&world, &without_type).await else {
            panic!("a type with a resource was removed")
        };
        assert_eq!(text, "resources of type `folder` are registered");
        world.bind(&subject(1), "clerk", &account()).await;
        let without_all = without_type.replace("  clerk: ", "  other: ");
        let Err(Error::RoleInUse(text)) = planned(&world, &without_all).await else {
            panic!("a role that is bound was removed")
        };
        let all = "role `clerk` is bound at level `account`, resources of type `folder` are registered";
        assert_eq!(text, all);
    }

    #[tokio::test]
    async fn a_role_that_service_accounts_have_stays_and_what_they_gain_and_lose_is_told() {
        let world = World::new().await;
        let with = |permissions: &str| {
            format!("{MANIFEST}services: {{backend: {{permissions: [{permissions}]}}}}\n")
        };
        world.product(&with("project.view, account.view")).await;
        let root = bailiwick_types::ScopeRoot::Product("studio".parse().unwrap());
        let bind = async |n: u128, role: &str| {
            let subject: bailiwick_types::Subject = format!("service:svc_{n}").parse().unwrap();
            world
                .put(async |write| {
                    crate::person::Writer::set_root_binding(write, &root, &subject, role, true)
                        .await
                        .map(drop)
                })
                .await;
        };
        // A name that the product never had holds nothing up.
        bind(1, "nonsense").await;
        assert!(planned(&world, MANIFEST).await.is_ok());
        bind(2, "backend").await;
        bind(3, "backend").await;
        let next = planned(&world, &with("project.edit, account.view"))
            .await
            .unwrap();
        let line = "~ service accounts with `backend`: 2, in every account: +project.edit -project.view";
        assert!(
            next.differences.contains(&line.to_owned()),
            "{:?}",
            next.differences
        );
        let Err(Error::RoleInUse(text)) = planned(&world, MANIFEST).await else {
            panic!("a role of service accounts was removed")
        };
        assert_eq!(text, "2 service accounts have role `backend`");
    }
}
