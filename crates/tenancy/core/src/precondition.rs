//! Preconditions that several use cases share.

use bailiwick_types::{Scope, faults};

use crate::State;

faults! {
    /// A precondition that does not hold.
    Precondition;
    /// The account, instance or workspace, or one above it, is not in use.
    NotActive { scope: Scope, state: &'static str } "`{scope}` is {state}"
        => FailedPrecondition NotActive [scope];
    /// The resource was changed after the caller read it.
    EtagMismatch "the resource was changed after it was read; read it again" => Aborted EtagMismatch;
    /// Authorization's feed has not brought the account's product.
    ProductNotVisible "the account's product is not replicated to this service yet; retry"
        => Unavailable NotYetVisible, retry 200;
    /// The caller used the request id for another request.
    RequestIdReused "the request id was used for another request" => AlreadyExists RequestIdReused;
}

/// The refusal while a suspension, restriction, deletion or move is under way.
pub(crate) fn unsettled(scope: Scope) -> Precondition {
    let state = "being suspended, restricted, moved or deleted";
    Precondition::NotActive { scope, state }
}

/// Refuses while a suspension, restriction, deletion or move is under way.
pub(crate) fn ensure_settled(scope: Scope, closing: bool) -> Result<(), Precondition> {
    if closing { Err(unsettled(scope)) } else { Ok(()) }
}

/// Refuses what is not in use.
pub(crate) fn ensure_active(scope: Scope, closing: bool, state: State) -> Result<(), Precondition> {
    ensure_settled(scope.clone(), closing)?;
    if state.is_open() {
        return Ok(());
    }
    let state = state.as_str();
    Err(Precondition::NotActive { scope, state })
}
