//! Requests for approvals.

pub mod approve;
pub mod consume;
mod decide;
pub mod list_waiting;
mod question;
pub mod reject;
pub mod request;
pub mod withdraw;

use async_trait::async_trait;
use bailiwick_policy::StoredApproval;
use bailiwick_types::{AccountId, ApprovalId, Subject, Timestamp};

use crate::{Change, On, StoreError, Work};

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits for somebody.
    Pending,
    /// It was approved, and not used or serves again.
    Approved,
    /// It was rejected.
    Rejected,
    /// Who asked took it back.
    Withdrawn,
    /// It was approved and used.
    Consumed,
}

bailiwick_types::codes!(State { Pending = 1, Approved = 2, Rejected = 3, Withdrawn = 4, Consumed = 5 });

impl State {
    /// How far a request has got: it never goes back, so this is its version.
    #[must_use]
    pub fn version(self) -> u64 {
        match self {
            Self::Pending => 1,
            Self::Approved | Self::Rejected | Self::Withdrawn => 2,
            Self::Consumed => 3,
        }
    }
}

/// A request for an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// The account.
    pub account: AccountId,
    /// Who asked.
    pub requester: Subject,
    /// The permission.
    pub permission: String,
    /// What it is about.
    pub on: On,
    /// The digest of the content; empty where none.
    pub digest: String,
    /// The stored values that it is bound to, as [`bound_values`](bailiwick_policy::bound_values) has them;
    /// empty where none.
    pub bound: String,
    /// The permission of those who approve.
    pub by: String,
    /// Whether it serves once.
    pub once: bool,
    /// How long it is good for once approved, in seconds.
    pub lasts: Option<u64>,
    /// What became of it.
    pub state: State,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was asked.
    pub created_at: Timestamp,
    /// Who decided.
    pub decider: Option<Subject>,
    /// When.
    pub decided_at: Option<Timestamp>,
}

impl Approval {
    /// The row as decisions read it.
    #[must_use]
    pub fn stored(&self) -> StoredApproval {
        StoredApproval {
            id: self.id,
            permission: self.permission.clone(),
            target: self.on.stored(),
            digest: self.digest.clone(),
            bound: self.bound.clone(),
            approved: self.state == State::Approved,
            expires_at: self.expires_at,
        }
    }
}

/// Which requests a list has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only those of this subject.
    pub requester: Option<Subject>,
    /// Only those in this state.
    pub state: Option<State>,
    /// Only those for this target.
    pub on: Option<On>,
}

impl Filter {
    /// Whether the list has a request.
    #[must_use]
    pub fn has(&self, approval: &Approval) -> bool {
        self.requester
            .as_ref()
            .is_none_or(|requester| approval.requester == *requester)
            && self.state.is_none_or(|state| approval.state == state)
            && self.on.as_ref().is_none_or(|on| approval.on == *on)
    }
}

/// The key of the last row of a page: newest first.
pub type After = (Timestamp, uuid::Uuid);

/// Reads requests.
#[async_trait]
pub trait Reader: Send + Sync {
    /// A request.
    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, StoreError>;
    /// The pending request of a subject for this very thing, of this content and with these values.
    async fn pending_approval(
        &self,
        requester: &Subject,
        permission: &str,
        on: &On,
        content: (&str, &str),
    ) -> Result<Option<Approval>, StoreError>;
    /// Requests, newest first.
    async fn approvals(
        &self,
        filter: &Filter,
        after: Option<After>,
        limit: u64,
    ) -> Result<Vec<Approval>, StoreError>;
}

/// Writes requests.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Makes or replaces a request.
    async fn put_approval(&mut self, approval: &Approval) -> Result<(), StoreError>;
}

/// Uses an approval up, where it serves once; none where it stays, or is none any more.
async fn use_up(work: &mut Work, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
    let found = work.unit.approval(id).await?;
    let Some(found) = found.filter(|found| found.once && found.state == State::Approved) else {
        return Ok(None);
    };
    let used = Approval {
        state: State::Consumed,
        ..found
    };
    keep(work, &used).await?;
    Ok(Some(used))
}

/// Writes a request and tells of it.
async fn keep(work: &mut Work, approval: &Approval) -> Result<(), StoreError> {
    work.unit.put_approval(approval).await?;
    work.subject_changed(&approval.requester);
    work.emit(Change::Approval(approval.clone()));
    let entry = work.entry(&approval.on).with("approval", approval.id);
    work.emit(
        entry
            .with("requester", &approval.requester)
            .with("permission", &approval.permission),
    );
    Ok(())
}

/// What the tests of the rules begin with.
#[cfg(test)]
mod stage {
    use serde_json::Map;

    use super::{Approval, approve::Approve, request::Request};
    use crate::memory::{STUDIO, World, workspace};

    /// May distribute with an approval.
    pub(super) const ASKS: u128 = 1;
    /// Decides about that.
    pub(super) const DECIDES: u128 = 2;
    /// May look alone.
    pub(super) const LOOKS: u128 = 3;

    pub(super) async fn stage() -> World {
        let world = World::new().await;
        world.member(ASKS, "editor").await;
        world.member(DECIDES, "owner").await;
        world.member(LOOKS, "viewer").await;
        world.resource("project:p", &workspace(), None).await;
        world
    }

    /// The same where an approval holds for a week.
    pub(super) async fn staying() -> World {
        let world = stage().await;
        world.use_manifest(&STUDIO.replace("serves: once", "serves: stays, expires: 7d"));
        world
    }

    pub(super) fn request() -> Request {
        Request {
            permission: "project.distribute".to_owned(),
            on: "project:p".parse().unwrap(),
            digest: "content".to_owned(),
            attributes: Map::new(),
        }
    }

    pub(super) async fn approved(world: &World) -> Approval {
        let approval = world.run(ASKS, request()).await.unwrap().id;
        world.run(DECIDES, Approve { approval }).await.unwrap()
    }
}
