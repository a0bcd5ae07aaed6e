//! Lists the requests for approvals that the caller could decide now.

use std::collections::HashMap;

use bailiwick_types::{Authorized, method::authorization::ListApprovals};

use super::{After, Approval, Filter, State, decide::may_decide};
use crate::prelude::*;
use crate::{Aim, Ports, Situation, person::behind};

/// Requests that are read at once.
const BATCH: u64 = 200;

/// The most requests that one call looks at: a page may be shorter than asked, and the next one goes on.
const LOOKED_AT: usize = 5_000;

/// A page of them, newest first, and where the next one begins; none on the last.
///
/// # Errors
/// The store fails.
pub async fn list_waiting(
    ports: &Ports,
    by: &Authorized<ListApprovals>,
    mut after: Option<After>,
    size: usize,
) -> Result<(Vec<Approval>, Option<After>), StoreError> {
    let (Some(subject), Some(account)) = (by.subject(), by.account()) else {
        return Ok((Vec::new(), None));
    };
    let now = ports.clock.now();
    let read = ports.store.read(account).await?;
    let Some(situation) = Situation::load(&*read, []).await? else {
        return Ok((Vec::new(), None));
    };
    let standing = situation.whole_standing(&*read, subject).await?;
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
            if !over && may_decide(&here, (subject, &standing), aim, (&found, sides), now) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        approval::{
            Writer as _,
            request::Request,
            stage::{ASKS, DECIDES, LOOKS, approved, request, stage},
        },
        memory::World,
    };

    async fn page(
        world: &World,
        n: u128,
        after: Option<After>,
        size: usize,
    ) -> (Vec<Approval>, Option<After>) {
        list_waiting(&world.ports, &world.by(n), after, size)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_request_waits_for_those_who_could_decide_it() {
        let world = stage().await;
        let asked = world.run(ASKS, request()).await.unwrap();
        assert_eq!(page(&world, DECIDES, None, 9).await, (vec![asked], None));
        for n in [ASKS, LOOKS] {
            assert_eq!(page(&world, n, None, 9).await, (vec![], None), "{n}");
        }
    }

    #[tokio::test]
    async fn what_is_decided_or_over_waits_for_nobody() {
        let world = stage().await;
        approved(&world).await;
        let mut over = world
            .run(
                ASKS,
                Request {
                    digest: String::new(),
                    ..request()
                },
            )
            .await
            .unwrap();
        over.expires_at = Some(world.now());
        world.put(async |write| write.put_approval(&over).await).await;
        assert_eq!(page(&world, DECIDES, None, 9).await, (vec![], None));
    }

    #[tokio::test]
    async fn pages_go_on_where_the_last_one_ended() {
        let world = stage().await;
        let mut asked = Vec::new();
        for digest in ["a", "b", "c"] {
            let request = Request {
                digest: digest.to_owned(),
                ..request()
            };
            asked.insert(0, world.run(ASKS, request).await.unwrap());
        }
        let (first, next) = page(&world, DECIDES, None, 2).await;
        assert_eq!(first, asked[..2]);
        let (second, end) = page(&world, DECIDES, next, 2).await;
        assert_eq!((&second[..], end), (&asked[2..], None));
    }
}
