//! Applies a manifest: idempotent, versioned, atomic.

use bailiwick_types::{Authorized, ScopeRoot, StoreError, Token, method::authorization::ApplyProduct};

pub use super::plan::{Error, InvalidManifest};
use super::{
    Product, Replacement,
    plan::{Plan, Proposal},
    replace_roles,
};
use crate::{Audit, Change, Ports};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Apply {
    /// The manifest, YAML.
    pub source: String,
    /// What becomes of the bindings of roles that it removes. A role without an answer here is not removed
    /// while it is bound.
    pub replacements: Vec<Replacement>,
}

/// What applying has done, or would do.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The product as it is now.
    pub product: Product,
    /// Whether anything changed.
    pub changed: bool,
    /// The differences, a line each.
    pub differences: Vec<String>,
    /// What the manifest says that is probably not meant, a line each.
    pub warnings: Vec<String>,
    /// The token of the write; empty for a dry run.
    pub token: Token,
}

/// Applies a manifest. A dry run reads one snapshot and takes no locks.
///
/// # Errors
/// See [`Error`].
pub async fn apply(ports: &Ports, by: &Authorized<ApplyProduct>, apply: Apply) -> Result<Applied, Error> {
    let all = by.all_accounts().ok_or(StoreError::internal(
        "a manifest is applied by a call that names no account",
    ))?;
    let proposal = Proposal::read(apply.source, apply.replacements).await?;
    if by.is_dry_run() {
        let read = ports.store.read_all(all).await?;
        let plan = proposal.plan(&*read, None, ports.clock.now()).await?;
        return Ok(applied(plan, Token::default()));
    }
    let root = ScopeRoot::Product(proposal.name.clone());
    let accounts = replace_roles::accounts(ports, all, &proposal).await?;
    let mut roots = vec![root.clone()];
    roots.extend(accounts.iter().copied().map(ScopeRoot::Account));
    let mut unit = ports.store.write_all(all, &roots).await?;
    let now = ports.clock.now();
    let mut plan = proposal.plan(&*unit, Some(&accounts), now).await?;
    if plan.changed {
        let product = &plan.product;
        unit.put_product(product).await?;
        let moves = std::mem::take(&mut plan.moves);
        moves.apply(by, all, &mut *unit, &*ports.ids, now).await?;
        let canonical = serde_json::to_string(&product.manifest).unwrap_or_default();
        unit.emit(
            root.clone(),
            Change::Product {
                name: product.name.clone(),
                version: product.version,
                canonical,
            },
        );
        unit.emit(root.clone(), Change::Policy(None));
        let entry = Audit::of(by, &root).with("version", product.version);
        unit.emit(root, entry.into());
    }
    let token = unit.commit().await?;
    Ok(applied(plan, token))
}

fn applied(plan: Plan, token: Token) -> Applied {
    let mut warnings = plan.product.manifest.warnings();
    warnings.extend(plan.compiled.warnings());
    Applied {
        product: plan.product,
        changed: plan.changed,
        differences: plan.differences,
        warnings,
        token,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        memory::{World, account, subject},
        product::{
            Reader,
            stage::{MANIFEST, changed, ends, without_clerk},
        },
    };

    async fn run(world: &World, source: &str, replacements: &[Replacement]) -> Result<Applied, Error> {
        let command = Apply {
            source: source.to_owned(),
            replacements: replacements.to_vec(),
        };
        apply(&world.ports, &world.by_deployment(), command).await
    }

    async fn version(world: &World) -> Option<u64> {
        let found = world.read().product(&"studio".parse().unwrap()).await.unwrap();
        found.map(|product| product.version)
    }

    #[tokio::test]
    async fn a_type_whose_resources_cannot_be_registered_is_a_warning() {
        let world = World::new().await;
        let made = run(&world, MANIFEST, &[]).await.unwrap();
        let closed = MANIFEST.replace(
            "types:\n",
            "types:\n  closed: {verbs: [view]}\n  told: {verbs: [view], registered: false}\n",
        );
        assert_ne!(closed, MANIFEST);
        let more = run(&world, &closed, &[]).await.unwrap().warnings;
        let new: Vec<&String> = more.iter().filter(|one| !made.warnings.contains(one)).collect();
        assert!(
            matches!(&new[..], [one] if one.starts_with("types.closed: there is no verb `create`")),
            "{new:?}"
        );
    }

    #[tokio::test]
    async fn the_faults_of_a_manifest_name_its_file() {
        use bailiwick_types::Fault as _;
        let world = World::new().await;
        let refused = run(&world, "product: studio\nroles: {x: 1}", &[])
            .await
            .unwrap_err();
        let rule = |error: &Error| error.violations()[0].rule.clone();
        let plain = rule(&refused);
        let refused = refused.in_file("studio.yaml");
        assert_eq!(rule(&refused), format!("studio.yaml: {plain}"));
    }

    #[tokio::test]
    async fn what_accounts_name_and_the_manifest_no_longer_has_is_told() {
        let world = World::new().await;
        run(&world, MANIFEST, &[]).await.unwrap();
        let about = crate::grant::About::Scope(account());
        world.grant(&subject(1), &["folder.view"], about).await;
        let without = MANIFEST.replace("  folder: {verbs: [view]}\n", "");
        let applied = run(&world, &without, &[]).await.unwrap();
        let told = applied.differences.last().unwrap();
        assert!(
            told.starts_with("! folder.view: 1 grants of accounts name it"),
            "{told}"
        );
    }

    #[tokio::test]
    async fn a_manifest_is_applied_once_and_told() {
        let world = World::new().await;
        let made = run(&world, MANIFEST, &[]).await.unwrap();
        assert!(made.changed);
        assert_eq!((made.product.version, version(&world).await), (1, Some(1)));
        let told = world.told();
        let product = |change: &Change| matches!(change, Change::Product { version: 1, .. });
        assert!(
            told.iter().any(product) && told.contains(&Change::Policy(None)),
            "{told:?}"
        );
        let Some(Change::Audited(entry)) = told.last() else {
            panic!("{told:?}")
        };
        assert_eq!(
            (&*entry.target, &*entry.details["version"]),
            ("product:studio", "1")
        );
        assert_eq!(
            entry.action,
            "bailiwick.authorization.v1.ProductService/ApplyProduct"
        );
        let again = run(&world, MANIFEST, &[]).await.unwrap();
        assert!(!again.changed);
        assert_eq!(world.told(), told);
        assert_eq!(run(&world, &changed(), &[]).await.unwrap().product.version, 2);
    }

    #[tokio::test]
    async fn a_dry_run_tells_the_differences_from_a_snapshot_and_writes_nothing() {
        let world = World::new().await;
        let lagging = world.lagging();
        run(&world, MANIFEST, &[]).await.unwrap();
        let told = world.told();
        let dry = |source: &str| {
            let command = Apply {
                source: source.to_owned(),
                replacements: Vec::new(),
            };
            let (ports, by) = (&lagging, world.trying_by_deployment());
            async move { apply(ports, &by, command).await }
        };
        let found = dry(&changed()).await.unwrap();
        assert_eq!(
            found.differences,
            ["+ product studio"],
            "the snapshot has no product yet"
        );
        assert_eq!((found.changed, found.token), (true, Token::default()));
        assert!(matches!(dry("product: [").await, Err(Error::Manifest(_))));
        assert_eq!((version(&world).await, world.told()), (Some(1), told));
    }

    #[tokio::test]
    async fn what_is_refused_changes_nothing() {
        let world = World::new().await;
        run(&world, MANIFEST, &[]).await.unwrap();
        world.bind(&subject(1), "clerk", &account()).await;
        let refused = run(&world, &without_clerk(), &[]).await;
        assert!(matches!(refused, Err(Error::RoleInUse(_))));
        let refused = run(&world, &without_clerk(), &[ends("clerk"), ends("clerk")]).await;
        assert!(matches!(refused, Err(Error::Replacement(_))));
        assert_eq!(version(&world).await, Some(1));
        assert_eq!(world.roles(1, &account()).await, ["clerk"]);
    }

    #[tokio::test]
    async fn a_removed_role_that_was_bound_meanwhile_is_tried_again() {
        let world = World::new().await;
        run(&world, MANIFEST, &[]).await.unwrap();
        let lagging = world.lagging();
        world.bind(&subject(1), "clerk", &account()).await;
        let command = || Apply {
            source: without_clerk(),
            replacements: vec![ends("clerk")],
        };
        let refused = apply(&lagging, &world.by_deployment(), command()).await;
        assert!(matches!(refused, Err(Error::Meanwhile)));
        apply(&world.ports, &world.by_deployment(), command())
            .await
            .unwrap();
        assert!(world.roles(1, &account()).await.is_empty());
    }
}
