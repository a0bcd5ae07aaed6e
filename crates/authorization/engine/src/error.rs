//! Why a question was not answered. An error is never a decision.

use bailiwick_types::faults;

use crate::SourceError;

faults! {
    /// Why a replica does not answer.
    #[derive(Clone)]
    ReplicaError: Source(SourceError);
    /// The account does not exist.
    UnknownAccount "the account is not known" => PermissionDenied PermissionDenied;
    /// The last successful poll of the primary is longer ago than the staleness bound.
    TooStale "authorization data exceeds the staleness bound" => Unavailable TooStale, retry 500;
    /// What the token asks for was not reached in time.
    NotYetVisible "the state that the token asks for is not visible yet" => Unavailable NotYetVisible, retry 100;
    /// The deadline ran out.
    DeadlineExceeded "the deadline was exceeded" => DeadlineExceeded DeadlineExceeded;
    /// Too many reads of the database are under way.
    Overloaded "too many concurrent reads of the database" => ResourceExhausted Overloaded, retry 100;
    /// The data changed in every round in which it was read.
    Inconsistent "no consistent view could be read; retry" => Unavailable Conflict, retry 20;
}
