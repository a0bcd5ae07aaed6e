//! Lists the requests for approvals that somebody could decide now.

use std::collections::HashMap;

use bailiwick_types::{AccountId, Authorized, Scope, Subject};

use crate::approval::decide::may_decide;
use crate::{
    Actor, Aim, Ports, Situation, StoreError,
    approval::{After, Approval, Filter, State},
    person::behind,
};

/// Requests that are read at once.
const BATCH: u64 = 200;

/// The most requests that one call looks at: a page may be shorter than asked, and the next one goes on.
const LOOKED_AT: usize = 5_000;

/// A page of them, newest first, and where the next one begins; none on the last.
///
/// # Errors
/// The store fails.
pub async fn execute(
    ports: &Ports,
    by: &Authorized,
    account: AccountId,
    mut after: Option<After>,
    size: usize,
) -> Result<(Vec<Approval>, Option<After>), StoreError> {
    let Some(subject) = by.caller().subject() else {
        return Ok((Vec::new(), None));
    };
    let Some(access) = by.reads(account) else {
        return Ok((Vec::new(), None));
    };
    let now = ports.clock.now();
    let read = ports.store.read(access).await?;
    let Some(situation) = Situation::load(&*read, []).await? else {
        return Ok((Vec::new(), None));
    };
    let standing = situation.whole_standing(&*read, subject).await?;
    let actor = Actor {
        subject: subject.clone(),
        standing: Some(standing),
    };
    let decider = behind(&*read, subject).await?;
    let mut requesters: HashMap<Subject, Option<Subject>> = HashMap::new();
    let filter = Filter {
        requester: None,
        state: Some(State::Pending),
        on: None,
    };
    let mut waiting = Vec::new();
    let mut looked_at = 0;
    loop {
        let batch = read.approvals(&filter, after, BATCH).await?;
        let last = (batch.len() as u64) < BATCH;
        let mut aims = Vec::with_capacity(batch.len());
        for found in &batch {
            aims.push(Aim::load(&*read, &situation.policy, found.on.clone()).await?);
            if !requesters.contains_key(&found.requester) {
                let requester = behind(&*read, &found.requester).await?;
                requesters.insert(found.requester.clone(), requester);
            }
        }
        let scopes: Vec<Scope> = aims.iter().filter_map(|aim| aim.scope.clone()).collect();
        let Some(here) = Situation::load(&*read, &scopes).await? else {
            return Ok((Vec::new(), None));
        };
        for (found, aim) in batch.into_iter().zip(&aims) {
            if waiting.len() == size {
                return Ok((waiting, after));
            }
            after = Some((found.created_at, found.id.uuid()));
            let over = found.expires_at.is_some_and(|at| at <= now);
            let requester = requesters.get(&found.requester).and_then(Option::as_ref);
            let sides = (requester, decider.as_ref());
            if !over && may_decide(&here, &actor, aim, (&found, sides), now) {
                waiting.push(found);
            }
            looked_at += 1;
        }
        if last {
            return Ok((waiting, None));
        }
        if waiting.len() == size || looked_at >= LOOKED_AT {
            return Ok((waiting, after));
        }
    }
}
