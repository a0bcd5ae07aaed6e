//! The port to the authorization service, which closes a scope before tenancy commits the change.

use async_trait::async_trait;
use bailiwick_types::{Code, Fault, FieldViolation, Reason, Token, faults};

use crate::{closing::Closing, moving::Moving};

faults! {
    /// Why authorization did not close a scope.
    PeerError;
    /// It does not answer, or has not seen the scope yet: the worker retries.
    Unavailable(String) "authorization is not available: {0}" => Unavailable DependencyUnavailable, retry 200;
    /// It refused a call that it must accept.
    Refused(String) "authorization refused the call: {0}" => Internal Internal;
}

/// What a rule of authorization refuses to the caller of a move, in its own words. Under its version the move
/// never happens afterwards.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Declined {
    /// The code.
    pub code: Code,
    /// Why.
    pub reason: Reason,
    /// For people.
    pub message: String,
    /// Facts that a program may want.
    pub metadata: Vec<(&'static str, String)>,
    /// The fields that break rules.
    pub violations: Vec<FieldViolation>,
}

impl Fault for Declined {
    fn code(&self) -> Code {
        self.code
    }
    fn reason(&self) -> Reason {
        self.reason
    }
    fn metadata(&self) -> Vec<(&'static str, String)> {
        self.metadata.clone()
    }
    fn violations(&self) -> &[FieldViolation] {
        &self.violations
    }
}

faults! {
    /// Why authorization did not move a workspace.
    MoveError: Declined(Declined), Peer(PeerError);
}

/// How strongly somebody has a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// Not at all.
    None,
    /// Under a condition.
    Conditional,
    /// Once somebody approves.
    NeedsApproval,
    /// Without condition or approval.
    Full,
}

/// What one person would gain or lose by a move in one place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Foreseen {
    /// Who.
    pub subject: String,
    /// Where.
    pub scope: String,
    /// What a check there would no longer deny.
    pub gains: Vec<String>,
    /// What a check there would deny from then on.
    pub loses: Vec<String>,
    /// Permissions that would be had in another way: how they are had, and how they would be.
    pub changes: Vec<(String, Strength, Strength)>,
    /// For a grant on a type: the type.
    pub type_name: String,
    /// The account.
    pub account: String,
    /// The e-mail address, where it is known.
    pub email: String,
}

/// Tells authorization which access ends, before the change is committed here.
#[async_trait]
pub trait Authorization: Send + Sync + 'static {
    /// Closes a scope, once authorization has seen the revisions of `seen`.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    async fn close_scope(&self, closing: &Closing, seen: &Token) -> Result<(), PeerError>;
    /// Moves what it knows of a workspace and closes that until the change arrives, once it has seen the
    /// revisions of `seen`. What it refuses it never does under that version afterwards.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    async fn move_scope(&self, moving: &Moving, seen: &Token) -> Result<(), MoveError>;
    /// Tells whether a move would be refused now.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    async fn check_move(&self, moving: &Moving, seen: &Token) -> Result<(), MoveError>;
    /// Tells who would gain or lose what by a move, or why it would be refused.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    async fn preview_move(&self, moving: &Moving, seen: &Token) -> Result<Vec<Foreseen>, MoveError>;
}
