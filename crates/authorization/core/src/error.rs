//! Refusals that several operations share, each with its one message.

use bailiwick_types::{Exhausted, Refused, Scope, StoreError, Subject, UserId, Violations, faults};

use crate::{batch::Items, preview::MOST};

faults! {
    /// Why an operation is refused.
    Error: Invalid(Violations), Items(Items), Unknown(Unknown), Refused(Refused), Precondition(Precondition),
        Exhausted(Exhausted), Store(StoreError);
}

faults! {
    /// A name that the policy of the account does not have.
    Unknown;
    /// No such role can be bound there.
    RoleAt(String) "there is no role `{0}` that can be bound at this level" => InvalidArgument UnknownRole;
    /// There is no such role.
    Role(String) "there is no role `{0}`" => InvalidArgument UnknownRole;
    /// The account has not defined such a role.
    OwnRole(String) "the account has not defined a role `{0}`" => InvalidArgument UnknownRole;
    /// There is no single-holder role to hand over.
    SingleHolderRole "no role of this level has a single holder" => InvalidArgument UnknownRole;
    /// There is no such permission, or it is not asked on such a target.
    PermissionOn(String) "there is no permission `{0}` on this target" => InvalidArgument UnknownPermission;
    /// There is no such permission.
    Permission(String) "there is no permission `{0}`" => InvalidArgument UnknownPermission;
    /// There is no such permission, or it is not granted on such a target.
    Grantable(String) "there is no permission `{0}` that can be granted on this"
        => InvalidArgument UnknownPermission;
}

faults! {
    /// A precondition that does not hold.
    Precondition;
    /// The scope, or one above it, is not in use.
    NotActive { scope: Scope } "`{scope}` is suspended or moving" => FailedPrecondition NotActive [scope];
    /// The user is not a member, or its membership is suspended or over.
    NotAMember { user: UserId } "user `{user}` is not an active member of the account"
        => FailedPrecondition NotAMember [user];
    /// The role would be left without a holder.
    HolderRule { role: String } "role `{role}` must keep a holder: assign it to somebody else first"
        => FailedPrecondition HolderRule [role];
    /// The role is for users.
    HolderIsNoUser { role: String } "only users can hold role `{role}`"
        => FailedPrecondition HolderRule [role];
    /// The membership of the holder would end by itself.
    HolderEnds "a member whose membership ends by itself cannot hold this role"
        => FailedPrecondition HolderRule;
    /// The role has a single holder.
    OwnershipIsTransferred { role: String } "role `{role}` cannot be assigned or revoked: transfer it"
        => FailedPrecondition OwnershipIsTransferred [role];
    /// The subject has the role there in another way.
    BindingExists { role: String }
        "role `{role}` is bound there with another end or other parameters: name a `key`, or set `replace`"
        => AlreadyExists AlreadyExists [role];
    /// The e-mail address is not allowed.
    DomainNotAllowed "the e-mail address is in none of the account's allowed domains"
        => FailedPrecondition DomainNotAllowed;
    /// The invitation can no longer be accepted.
    InvitationNotPending "the invitation is used, revoked or expired"
        => FailedPrecondition InvitationNotPending;
    /// The account has no seat left.
    NoFreeSeat(u64) "all {0} seats are taken" => ResourceExhausted NoFreeSeat;
    /// The caller used the request id for another request.
    RequestIdReused "the request id was used for another request" => AlreadyExists RequestIdReused;
    /// The owner has as many resources of the type as it may own.
    QuotaExhausted(u64) "the quota of {0} is used up" => ResourceExhausted QuotaExhausted;
    /// The preview would be too long.
    PreviewTooLarge "the change reaches more than {MOST} pairs of a subject and a place"
        => ResourceExhausted TooMany;
    /// The subject has the type of users, but its id is not one of a user.
    NotAUser { subject: Subject } "`{subject}` does not name a user"
        => FailedPrecondition NotAMember [subject];
    /// There is no approval to use.
    NoApproval "there is no approval to use"
        => FailedPrecondition NoApproval;
    /// The request is for values that are others now.
    ValuesChanged "the values that the request is bound to have changed since it was made: request it again"
        => FailedPrecondition NoApproval;
    /// The request is not pending any more.
    AlreadyDecided "the request is decided already"
        => FailedPrecondition AlreadyDecided;
    /// It needs no approval.
    AlreadyAllowed "the caller may do this without an approval"
        => FailedPrecondition AlreadyAllowed;
    /// The same request is pending.
    AlreadyRequested "the same request is pending already"
        => AlreadyExists AlreadyExists;
    /// The group is in the group to put in.
    GroupCycle "adding this group would create a cycle"
        => FailedPrecondition Cycle;
    /// The inviter has lost rights since.
    InviterMayNot "the inviter may no longer give the roles of the invitation"
        => FailedPrecondition InvitationNotPending;
    /// The scope no longer exists.
    ScopeDeleted "the scope of the invitation is deleted"
        => FailedPrecondition NotActive;
    /// There is an invitation already.
    AlreadyInvited "an invitation to this e-mail address is pending there"
        => AlreadyExists AlreadyExists;
    /// The user is disabled.
    UserDisabled "the user is disabled"
        => FailedPrecondition NotActive;
    /// The user is a member already, of another kind or with another end.
    MemberExists "the user is already a member, of another kind or with another end"
        => AlreadyExists AlreadyExists;
    /// The name is taken.
    ResourceExists "a resource of this type and id is registered already"
        => AlreadyExists AlreadyExists;
    /// There is too much below it for one move.
    MoveTooLarge(usize) "more than {0} resources would move together"
        => FailedPrecondition NotEmpty;
    /// There is too much in it for one move.
    WorkspaceTooLarge(usize) "more than {0} resources, bindings and grants would move with the workspace"
        => FailedPrecondition TooMany;
    /// The target account has resources of these names.
    ResourcesTaken { resources: String }
        "the target account has resources of the same type and id: {resources}"
        => AlreadyExists AlreadyExists [resources];
    /// A resource in the workspace and one outside of it lie below each other.
    ResourcesLinked { resources: String }
        "resources in the workspace and outside of it lie below each other: give these other parents first: \
         {resources}"
        => FailedPrecondition NotEmpty [resources];
    /// A grant on a type covers resources that move, and could not be kept on just these.
    GrantInPart { of: String }
        "a grant on `{of}` resources covers a part of those that move, and would reach more if it were \
         written out on them: replace it by grants on resources"
        => FailedPrecondition NotEmpty;
    /// The version of the move is one of another change, or of a move that was refused.
    MoveSuperseded "the workspace was changed after the move began" => FailedPrecondition NotActive;
    /// The feed has not brought the workspace as it was when the move began.
    MoveNotVisible "the workspace is not replicated to authorization yet; retry"
        => Unavailable NotYetVisible, retry 200;
    /// There are resources below it.
    ResourceNotEmpty "there are resources below it"
        => FailedPrecondition NotEmpty;
    /// It would lie too deep in the tree of resources.
    ResourceTooDeep(usize) "the resource, or one below it, would have more than {0} resources above it"
        => FailedPrecondition TooMany;
    /// There is too much below it to look at all of it.
    TreeTooLarge(usize) "there are more than {0} resources below the resource"
        => FailedPrecondition TooMany;
    /// The new parent is below the resource.
    ResourceCycle "the new parent is below the resource"
        => FailedPrecondition Cycle;
    /// The name is taken.
    RoleExists "a role with this name exists already"
        => AlreadyExists AlreadyExists;
    /// It is in use.
    RoleInvited "a pending invitation names the role: revoke it first"
        => FailedPrecondition NotEmpty;
    /// It is in use.
    RoleInUse "the role is bound, or another role includes or assigns it"
        => FailedPrecondition NotEmpty;
}
