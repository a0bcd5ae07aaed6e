//! What accounts have of users and service accounts that identity does not have.

use anyhow::{Context, Result};
use bailiwick_authorization_server::{AfterStray, Stray, Strays};
use bailiwick_types::Service;

use super::{
    finding::{Finding, Findings, Problem},
    link::Link,
};

/// What mends it.
const NOTE: &str = "`--apply --remove-unknown` removes it";

/// Finds it; `identity` is the link of authorization to identity.
pub(super) async fn look(strays: &Strays, identity: &Link, found: &mut Findings) -> Result<()> {
    let mut after = Some(AfterStray::default());
    while let Some(from) = after {
        let page = unknown(strays, identity, &from).await?;
        page.0.iter().for_each(|stray| found.push(finding(stray)));
        after = page.1;
    }
    Ok(())
}

/// Removes it.
pub(super) async fn remove(strays: &Strays, identity: &Link) -> Result<()> {
    let mut after = Some(AfterStray::default());
    while let Some(from) = after {
        let (page, next) = unknown(strays, identity, &from).await?;
        for stray in page {
            let removed = strays.remove(&stray).await;
            removed.with_context(|| format!("cannot remove `{}` from {}", stray.subject, stray.account))?;
        }
        after = next;
    }
    Ok(())
}

/// A part of it, and where the next one begins.
async fn unknown(
    strays: &Strays,
    identity: &Link,
    after: &AfterStray,
) -> Result<(Vec<Stray>, Option<AfterStray>)> {
    let (mut page, next) = strays.page(after).await?;
    let owners: Vec<_> = page.iter().filter_map(Stray::owner).collect();
    let known = identity.known(&owners).await?;
    page.retain(|stray| stray.owner().is_some_and(|owner| !known.contains(&owner)));
    Ok((page, next))
}

fn finding(stray: &Stray) -> Finding {
    let id = match stray.invitation {
        Some(invitation) => format!("{invitation} by {}", stray.subject),
        None => stray.subject.to_string(),
    };
    Finding {
        kind: stray.kind,
        id,
        account: Some(stray.account.to_string()),
        owner: Service::Identity.as_str(),
        follower: Service::Authorization.as_str(),
        problem: Problem::Unknown,
        fields: Vec::new(),
        note: Some(NOTE.to_owned()),
    }
}
