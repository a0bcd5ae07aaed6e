// Made by `cargo xtask codegen` from the protos.

/// Every method of the suite with what it asks of its caller, by path.
pub static METHODS: [Declaration; 156] = [
    Declaration {
        path: "/bailiwick.authorization.v1.AccessService/CheckCaller",
        access: Access::Internal,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[crate::Service::Identity, crate::Service::Tenancy],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.AccessService/CheckServiceRole",
        access: Access::Internal,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[crate::Service::Identity],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.AccessService/CloseScope",
        access: Access::Internal,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[crate::Service::Tenancy],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.AccessService/CloseServiceAccount",
        access: Access::Internal,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[crate::Service::Identity],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.AccessService/CloseUser",
        access: Access::Internal,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[crate::Service::Identity],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.AccessService/MoveScope",
        access: Access::Internal,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[crate::Service::Tenancy],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ApprovalService/ApproveRequest",
        access: Access::Delegation,
        permission: "role.define",
        on: "approval",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ApprovalService/ConsumeApproval",
        access: Access::CallerOrPermission,
        permission: "decision.check",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ApprovalService/GetApproval",
        access: Access::CallerOrPermission,
        permission: "approval.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ApprovalService/ListApprovals",
        access: Access::CallerOrPermission,
        permission: "approval.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ApprovalService/RejectRequest",
        access: Access::Delegation,
        permission: "role.define",
        on: "approval",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ApprovalService/RequestApproval",
        access: Access::Caller,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ApprovalService/WithdrawRequest",
        access: Access::Caller,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.BindingService/AssignRole",
        access: Access::Delegation,
        permission: "role.define",
        on: "scope",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.BindingService/CopyPermissions",
        access: Access::Delegation,
        permission: "role.define",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.BindingService/ListBindings",
        access: Access::Permission,
        permission: "user.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.BindingService/RecoverOwnership",
        access: Access::Operator,
        permission: "account.transfer",
        on: "scope",
        step_up: true,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.BindingService/RevokeRole",
        access: Access::Delegation,
        permission: "role.define",
        on: "scope",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.BindingService/TransferOwnership",
        access: Access::Delegation,
        permission: "role.define",
        on: "scope",
        step_up: true,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.DecisionService/BatchCheck",
        access: Access::Permission,
        permission: "decision.check",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.DecisionService/Check",
        access: Access::Permission,
        permission: "decision.check",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.DecisionService/Explain",
        access: Access::Permission,
        permission: "decision.check",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ExportService/ExportPermissions",
        access: Access::Permission,
        permission: "export.create",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: true,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.GrantService/CreateGrant",
        access: Access::Delegation,
        permission: "grant.edit",
        on: "target",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.GrantService/DeleteGrant",
        access: Access::Delegation,
        permission: "grant.edit",
        on: "target",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.GrantService/ListGrants",
        access: Access::Permission,
        permission: "grant.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.GroupService/AddGroupMember",
        access: Access::Delegation,
        permission: "group.edit",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.GroupService/CreateGroup",
        access: Access::Permission,
        permission: "group.edit",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.GroupService/DeleteGroup",
        access: Access::Delegation,
        permission: "group.edit",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.GroupService/GetGroup",
        access: Access::Permission,
        permission: "group.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.GroupService/ListGroupMembers",
        access: Access::Permission,
        permission: "group.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.GroupService/ListGroups",
        access: Access::Permission,
        permission: "group.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.GroupService/RemoveGroupMember",
        access: Access::Delegation,
        permission: "group.edit",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.InvitationService/AcceptInvitation",
        access: Access::Caller,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.InvitationService/BatchCreateInvitations",
        access: Access::Delegation,
        permission: "user.invite",
        on: "scope",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.InvitationService/CreateInvitation",
        access: Access::Delegation,
        permission: "user.invite",
        on: "scope",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.InvitationService/GetInvitation",
        access: Access::Permission,
        permission: "user.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.InvitationService/ListInvitations",
        access: Access::Permission,
        permission: "user.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.InvitationService/ResendInvitation",
        access: Access::Delegation,
        permission: "user.invite",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.InvitationService/RevokeInvitation",
        access: Access::Delegation,
        permission: "user.invite",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.MemberService/BatchRemoveMembers",
        access: Access::Delegation,
        permission: "user.remove",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.MemberService/CreateMember",
        access: Access::Operator,
        permission: "user.edit",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.MemberService/DeleteMember",
        access: Access::Delegation,
        permission: "user.remove",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.MemberService/GetMember",
        access: Access::Permission,
        permission: "user.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.MemberService/GetSeats",
        access: Access::Permission,
        permission: "seat.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.MemberService/ListMembers",
        access: Access::Permission,
        permission: "user.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.MemberService/LookUpMember",
        access: Access::Internal,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[crate::Service::Identity],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.MemberService/ReactivateMember",
        access: Access::Delegation,
        permission: "user.suspend",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.MemberService/RemoveMember",
        access: Access::Delegation,
        permission: "user.remove",
        on: "scope",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.MemberService/SuspendMember",
        access: Access::Delegation,
        permission: "user.suspend",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.MemberService/UpdateMember",
        access: Access::Permission,
        permission: "user.edit",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ProductService/ApplyProduct",
        access: Access::Operator,
        permission: "role.define",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ProductService/GetProduct",
        access: Access::Operator,
        permission: "role.view",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ProductService/ListProducts",
        access: Access::Operator,
        permission: "role.view",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ProductService/PreviewProduct",
        access: Access::Operator,
        permission: "role.define",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.QueryService/ListPermissions",
        access: Access::Permission,
        permission: "decision.check",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.QueryService/ListResources",
        access: Access::Permission,
        permission: "decision.check",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.QueryService/ListScopes",
        access: Access::CallerOrPermission,
        permission: "decision.check",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.QueryService/ListSubjectPermissions",
        access: Access::Permission,
        permission: "user.view",
        on: "target",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.QueryService/ListSubjects",
        access: Access::Permission,
        permission: "user.view",
        on: "scope",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.QueryService/PlanResources",
        access: Access::Permission,
        permission: "decision.check",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.QuotaService/GetQuota",
        access: Access::Permission,
        permission: "quota.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.QuotaService/ListQuotas",
        access: Access::Permission,
        permission: "quota.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.QuotaService/SetQuota",
        access: Access::Permission,
        permission: "quota.edit",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ResourceService/GetResource",
        access: Access::Permission,
        permission: "TYPE.view",
        on: "resource",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ResourceService/ListResourcesInScope",
        access: Access::Filtered,
        permission: "TYPE.view",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ResourceService/MoveResource",
        access: Access::Permission,
        permission: "TYPE.edit",
        on: "resource",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ResourceService/RegisterResource",
        access: Access::Permission,
        permission: "TYPE.create",
        on: "scope",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ResourceService/TransferResource",
        access: Access::Delegation,
        permission: "resource.transfer",
        on: "resource",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ResourceService/UnregisterResource",
        access: Access::Permission,
        permission: "TYPE.delete",
        on: "resource",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.ResourceService/UpdateResource",
        access: Access::Permission,
        permission: "TYPE.edit",
        on: "resource",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.RoleService/ChangeRole",
        access: Access::Delegation,
        permission: "role.define",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.RoleService/CreateRole",
        access: Access::Delegation,
        permission: "role.define",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.RoleService/DeleteRole",
        access: Access::Delegation,
        permission: "role.define",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.RoleService/DescribeRole",
        access: Access::Permission,
        permission: "role.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.RoleService/GetRole",
        access: Access::Permission,
        permission: "role.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.RoleService/ListRoles",
        access: Access::Permission,
        permission: "role.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.RoleService/PreviewRoleChange",
        access: Access::Delegation,
        permission: "role.define",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.authorization.v1.WatchService/Watch",
        access: Access::Permission,
        permission: "change.watch",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: true,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.events.v1.ChangeFeedService/Follow",
        access: Access::Internal,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: true,
        callers: &[crate::Service::Tenancy, crate::Service::Authorization],
    },
    Declaration {
        path: "/bailiwick.events.v1.ChangeFeedService/GetSnapshot",
        access: Access::Internal,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: true,
        callers: &[crate::Service::Tenancy, crate::Service::Authorization],
    },
    Declaration {
        path: "/bailiwick.identity.v1.ApiKeyService/CreateApiKey",
        access: Access::Caller,
        permission: "",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.ApiKeyService/GetApiKey",
        access: Access::CallerOrPermission,
        permission: "api_key.manage",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.ApiKeyService/ListApiKeys",
        access: Access::CallerOrPermission,
        permission: "api_key.manage",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.ApiKeyService/RevokeApiKey",
        access: Access::CallerOrPermission,
        permission: "api_key.manage",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.ApiKeyService/VerifyApiKey",
        access: Access::Internal,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[crate::Service::Tenancy, crate::Service::Authorization],
    },
    Declaration {
        path: "/bailiwick.identity.v1.AuthenticationService/Activate",
        access: Access::Public,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.AuthenticationService/ChangePassword",
        access: Access::Caller,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.AuthenticationService/ConfirmSecondFactor",
        access: Access::Caller,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.AuthenticationService/EnrollSecondFactor",
        access: Access::Caller,
        permission: "",
        on: "",
        step_up: true,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.AuthenticationService/Reauthenticate",
        access: Access::Caller,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.AuthenticationService/Refresh",
        access: Access::Public,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.AuthenticationService/RegenerateRecoveryCodes",
        access: Access::Caller,
        permission: "",
        on: "",
        step_up: true,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.AuthenticationService/RegisterCustomer",
        access: Access::Public,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.AuthenticationService/RemoveSecondFactor",
        access: Access::Caller,
        permission: "",
        on: "",
        step_up: true,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.AuthenticationService/RequestPasswordReset",
        access: Access::Public,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.AuthenticationService/ResetPassword",
        access: Access::Public,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.AuthenticationService/SendActivation",
        access: Access::Permission,
        permission: "user.invite",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.AuthenticationService/SendVerification",
        access: Access::Caller,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.AuthenticationService/SignIn",
        access: Access::Public,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.AuthenticationService/SignOut",
        access: Access::Caller,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.AuthenticationService/VerifyEmail",
        access: Access::Public,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.AuthenticationService/VerifySecondFactor",
        access: Access::Public,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.OperatorService/GrantOperator",
        access: Access::Operator,
        permission: "role.define",
        on: "",
        step_up: true,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.OperatorService/RevokeOperator",
        access: Access::Operator,
        permission: "role.define",
        on: "",
        step_up: true,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.ServiceAccountService/CreateServiceAccount",
        access: Access::Delegation,
        permission: "service_account.manage",
        on: "scope",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.ServiceAccountService/DeleteServiceAccount",
        access: Access::Operator,
        permission: "service_account.manage",
        on: "",
        step_up: true,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.ServiceAccountService/DisableServiceAccount",
        access: Access::Operator,
        permission: "service_account.manage",
        on: "",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.ServiceAccountService/GetServiceAccount",
        access: Access::Operator,
        permission: "service_account.manage",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.ServiceAccountService/ListServiceAccounts",
        access: Access::Operator,
        permission: "service_account.manage",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.ServiceAccountService/RotateServiceAccountSecret",
        access: Access::Operator,
        permission: "service_account.manage",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.SessionService/ConsumeStepUp",
        access: Access::Internal,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[crate::Service::Tenancy, crate::Service::Authorization],
    },
    Declaration {
        path: "/bailiwick.identity.v1.SessionService/ListSessions",
        access: Access::CallerOrPermission,
        permission: "session.view",
        on: "user",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.SessionService/RevokeAllSessions",
        access: Access::CallerOrPermission,
        permission: "session.revoke",
        on: "user",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.SessionService/RevokeSession",
        access: Access::CallerOrPermission,
        permission: "session.revoke",
        on: "user",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.SignInPolicyService/GetSignInPolicy",
        access: Access::Permission,
        permission: "sign_in_policy.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.SignInPolicyService/UpdateSignInPolicy",
        access: Access::Permission,
        permission: "sign_in_policy.edit",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.TokenService/GetJwks",
        access: Access::Public,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[crate::Service::Tenancy, crate::Service::Authorization],
    },
    Declaration {
        path: "/bailiwick.identity.v1.TokenService/Introspect",
        access: Access::Caller,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.TokenService/IssueToken",
        access: Access::Public,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.TokenService/RevokeToken",
        access: Access::Public,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.UserService/BatchGetUsers",
        access: Access::Operator,
        permission: "user.view",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.UserService/CreateUser",
        access: Access::Operator,
        permission: "user.edit",
        on: "",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.UserService/DeleteUser",
        access: Access::CallerOrPermission,
        permission: "user.remove",
        on: "user",
        step_up: true,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.UserService/DisableUser",
        access: Access::Operator,
        permission: "user.suspend",
        on: "user",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.UserService/EnableUser",
        access: Access::Operator,
        permission: "user.suspend",
        on: "user",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.UserService/GetUser",
        access: Access::CallerOrPermission,
        permission: "user.view",
        on: "user",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.UserService/ListUsers",
        access: Access::Operator,
        permission: "user.view",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.identity.v1.UserService/UpdateUser",
        access: Access::CallerOrPermission,
        permission: "user.edit",
        on: "user",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.AccountService/CreateAccount",
        access: Access::Operator,
        permission: "account.edit",
        on: "",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.AccountService/DeleteAccount",
        access: Access::Permission,
        permission: "account.delete",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.AccountService/ExportAccount",
        access: Access::Permission,
        permission: "export.create",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: true,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.AccountService/GetAccount",
        access: Access::Permission,
        permission: "account.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.AccountService/ListAccounts",
        access: Access::Filtered,
        permission: "account.view",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.AccountService/ReactivateAccount",
        access: Access::Operator,
        permission: "account.edit",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.AccountService/RestrictAccount",
        access: Access::Operator,
        permission: "account.edit",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.AccountService/SuspendAccount",
        access: Access::Operator,
        permission: "account.edit",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.AccountService/UpdateAccount",
        access: Access::Permission,
        permission: "account.edit",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.AuditLogService/ExportAuditEntries",
        access: Access::Permission,
        permission: "audit_log.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: true,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.AuditLogService/ListAuditEntries",
        access: Access::Permission,
        permission: "audit_log.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.InstanceService/CreateInstance",
        access: Access::Permission,
        permission: "instance.create",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.InstanceService/DeleteInstance",
        access: Access::Permission,
        permission: "instance.delete",
        on: "instance",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.InstanceService/GetInstance",
        access: Access::Permission,
        permission: "instance.view",
        on: "instance",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.InstanceService/ListInstances",
        access: Access::Filtered,
        permission: "instance.view",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.InstanceService/UpdateInstance",
        access: Access::Permission,
        permission: "instance.edit",
        on: "instance",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.SettingsService/GetSettings",
        access: Access::Permission,
        permission: "settings.view",
        on: "account",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.SettingsService/UpdateSettings",
        access: Access::Permission,
        permission: "settings.edit",
        on: "account",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.SignUpService/SignUp",
        access: Access::Public,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.WorkspaceService/CreateWorkspace",
        access: Access::Permission,
        permission: "workspace.create",
        on: "parent",
        step_up: false,
        idempotency: Idempotency::Idempotent,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.WorkspaceService/DeleteWorkspace",
        access: Access::Permission,
        permission: "workspace.delete",
        on: "workspace",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.WorkspaceService/GetWorkspace",
        access: Access::Permission,
        permission: "workspace.view",
        on: "workspace",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.WorkspaceService/ListWorkspaces",
        access: Access::Filtered,
        permission: "workspace.view",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.WorkspaceService/MoveWorkspace",
        access: Access::Permission,
        permission: "workspace.move",
        on: "workspace",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.tenancy.v1.WorkspaceService/UpdateWorkspace",
        access: Access::Permission,
        permission: "workspace.edit",
        on: "workspace",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.testing.v1.ClockService/AdvanceClock",
        access: Access::Public,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    },
    Declaration {
        path: "/bailiwick.testing.v1.NoopService/Noop",
        access: Access::Caller,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::NoSideEffects,
        streaming: false,
        callers: &[],
    },
];

/// Calls a macro with the type of each method: for tests that must hold for all of them.
#[macro_export]
macro_rules! every_method {
    ($call:ident) => {
        $call!($crate::method::authorization::CheckCaller);
        $call!($crate::method::authorization::CheckServiceRole);
        $call!($crate::method::authorization::CloseScope);
        $call!($crate::method::authorization::CloseServiceAccount);
        $call!($crate::method::authorization::CloseUser);
        $call!($crate::method::authorization::MoveScope);
        $call!($crate::method::authorization::ApproveRequest);
        $call!($crate::method::authorization::ConsumeApproval);
        $call!($crate::method::authorization::GetApproval);
        $call!($crate::method::authorization::ListApprovals);
        $call!($crate::method::authorization::RejectRequest);
        $call!($crate::method::authorization::RequestApproval);
        $call!($crate::method::authorization::WithdrawRequest);
        $call!($crate::method::authorization::AssignRole);
        $call!($crate::method::authorization::CopyPermissions);
        $call!($crate::method::authorization::ListBindings);
        $call!($crate::method::authorization::RecoverOwnership);
        $call!($crate::method::authorization::RevokeRole);
        $call!($crate::method::authorization::TransferOwnership);
        $call!($crate::method::authorization::BatchCheck);
        $call!($crate::method::authorization::Check);
        $call!($crate::method::authorization::Explain);
        $call!($crate::method::authorization::ExportPermissions);
        $call!($crate::method::authorization::CreateGrant);
        $call!($crate::method::authorization::DeleteGrant);
        $call!($crate::method::authorization::ListGrants);
        $call!($crate::method::authorization::AddGroupMember);
        $call!($crate::method::authorization::CreateGroup);
        $call!($crate::method::authorization::DeleteGroup);
        $call!($crate::method::authorization::GetGroup);
        $call!($crate::method::authorization::ListGroupMembers);
        $call!($crate::method::authorization::ListGroups);
        $call!($crate::method::authorization::RemoveGroupMember);
        $call!($crate::method::authorization::AcceptInvitation);
        $call!($crate::method::authorization::BatchCreateInvitations);
        $call!($crate::method::authorization::CreateInvitation);
        $call!($crate::method::authorization::GetInvitation);
        $call!($crate::method::authorization::ListInvitations);
        $call!($crate::method::authorization::ResendInvitation);
        $call!($crate::method::authorization::RevokeInvitation);
        $call!($crate::method::authorization::BatchRemoveMembers);
        $call!($crate::method::authorization::CreateMember);
        $call!($crate::method::authorization::DeleteMember);
        $call!($crate::method::authorization::GetMember);
        $call!($crate::method::authorization::GetSeats);
        $call!($crate::method::authorization::ListMembers);
        $call!($crate::method::authorization::LookUpMember);
        $call!($crate::method::authorization::ReactivateMember);
        $call!($crate::method::authorization::RemoveMember);
        $call!($crate::method::authorization::SuspendMember);
        $call!($crate::method::authorization::UpdateMember);
        $call!($crate::method::authorization::ApplyProduct);
        $call!($crate::method::authorization::GetProduct);
        $call!($crate::method::authorization::ListProducts);
        $call!($crate::method::authorization::PreviewProduct);
        $call!($crate::method::authorization::ListPermissions);
        $call!($crate::method::authorization::ListResources);
        $call!($crate::method::authorization::ListScopes);
        $call!($crate::method::authorization::ListSubjectPermissions);
        $call!($crate::method::authorization::ListSubjects);
        $call!($crate::method::authorization::PlanResources);
        $call!($crate::method::authorization::GetQuota);
        $call!($crate::method::authorization::ListQuotas);
        $call!($crate::method::authorization::SetQuota);
        $call!($crate::method::authorization::GetResource);
        $call!($crate::method::authorization::ListResourcesInScope);
        $call!($crate::method::authorization::MoveResource);
        $call!($crate::method::authorization::RegisterResource);
        $call!($crate::method::authorization::TransferResource);
        $call!($crate::method::authorization::UnregisterResource);
        $call!($crate::method::authorization::UpdateResource);
        $call!($crate::method::authorization::ChangeRole);
        $call!($crate::method::authorization::CreateRole);
        $call!($crate::method::authorization::DeleteRole);
        $call!($crate::method::authorization::DescribeRole);
        $call!($crate::method::authorization::GetRole);
        $call!($crate::method::authorization::ListRoles);
        $call!($crate::method::authorization::PreviewRoleChange);
        $call!($crate::method::authorization::Watch);
        $call!($crate::method::events::Follow);
        $call!($crate::method::events::GetSnapshot);
        $call!($crate::method::identity::CreateApiKey);
        $call!($crate::method::identity::GetApiKey);
        $call!($crate::method::identity::ListApiKeys);
        $call!($crate::method::identity::RevokeApiKey);
        $call!($crate::method::identity::VerifyApiKey);
        $call!($crate::method::identity::Activate);
        $call!($crate::method::identity::ChangePassword);
        $call!($crate::method::identity::ConfirmSecondFactor);
        $call!($crate::method::identity::EnrollSecondFactor);
        $call!($crate::method::identity::Reauthenticate);
        $call!($crate::method::identity::Refresh);
        $call!($crate::method::identity::RegenerateRecoveryCodes);
        $call!($crate::method::identity::RegisterCustomer);
        $call!($crate::method::identity::RemoveSecondFactor);
        $call!($crate::method::identity::RequestPasswordReset);
        $call!($crate::method::identity::ResetPassword);
        $call!($crate::method::identity::SendActivation);
        $call!($crate::method::identity::SendVerification);
        $call!($crate::method::identity::SignIn);
        $call!($crate::method::identity::SignOut);
        $call!($crate::method::identity::VerifyEmail);
        $call!($crate::method::identity::VerifySecondFactor);
        $call!($crate::method::identity::GrantOperator);
        $call!($crate::method::identity::RevokeOperator);
        $call!($crate::method::identity::CreateServiceAccount);
        $call!($crate::method::identity::DeleteServiceAccount);
        $call!($crate::method::identity::DisableServiceAccount);
        $call!($crate::method::identity::GetServiceAccount);
        $call!($crate::method::identity::ListServiceAccounts);
        $call!($crate::method::identity::RotateServiceAccountSecret);
        $call!($crate::method::identity::ConsumeStepUp);
        $call!($crate::method::identity::ListSessions);
        $call!($crate::method::identity::RevokeAllSessions);
        $call!($crate::method::identity::RevokeSession);
        $call!($crate::method::identity::GetSignInPolicy);
        $call!($crate::method::identity::UpdateSignInPolicy);
        $call!($crate::method::identity::GetJwks);
        $call!($crate::method::identity::Introspect);
        $call!($crate::method::identity::IssueToken);
        $call!($crate::method::identity::RevokeToken);
        $call!($crate::method::identity::BatchGetUsers);
        $call!($crate::method::identity::CreateUser);
        $call!($crate::method::identity::DeleteUser);
        $call!($crate::method::identity::DisableUser);
        $call!($crate::method::identity::EnableUser);
        $call!($crate::method::identity::GetUser);
        $call!($crate::method::identity::ListUsers);
        $call!($crate::method::identity::UpdateUser);
        $call!($crate::method::tenancy::CreateAccount);
        $call!($crate::method::tenancy::DeleteAccount);
        $call!($crate::method::tenancy::ExportAccount);
        $call!($crate::method::tenancy::GetAccount);
        $call!($crate::method::tenancy::ListAccounts);
        $call!($crate::method::tenancy::ReactivateAccount);
        $call!($crate::method::tenancy::RestrictAccount);
        $call!($crate::method::tenancy::SuspendAccount);
        $call!($crate::method::tenancy::UpdateAccount);
        $call!($crate::method::tenancy::ExportAuditEntries);
        $call!($crate::method::tenancy::ListAuditEntries);
        $call!($crate::method::tenancy::CreateInstance);
        $call!($crate::method::tenancy::DeleteInstance);
        $call!($crate::method::tenancy::GetInstance);
        $call!($crate::method::tenancy::ListInstances);
        $call!($crate::method::tenancy::UpdateInstance);
        $call!($crate::method::tenancy::GetSettings);
        $call!($crate::method::tenancy::UpdateSettings);
        $call!($crate::method::tenancy::SignUp);
        $call!($crate::method::tenancy::CreateWorkspace);
        $call!($crate::method::tenancy::DeleteWorkspace);
        $call!($crate::method::tenancy::GetWorkspace);
        $call!($crate::method::tenancy::ListWorkspaces);
        $call!($crate::method::tenancy::MoveWorkspace);
        $call!($crate::method::tenancy::UpdateWorkspace);
        $call!($crate::method::testing::AdvanceClock);
        $call!($crate::method::testing::Noop);
    };
}

/// The methods of authorization.
pub mod authorization {
    /// `bailiwick.authorization.v1.AccessService/CheckCaller`.
    #[derive(Debug)]
    pub enum CheckCaller {}
    impl crate::Method for CheckCaller {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[0];
    }
    /// `bailiwick.authorization.v1.AccessService/CheckServiceRole`.
    #[derive(Debug)]
    pub enum CheckServiceRole {}
    impl crate::Method for CheckServiceRole {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[1];
    }
    /// `bailiwick.authorization.v1.AccessService/CloseScope`.
    #[derive(Debug)]
    pub enum CloseScope {}
    impl crate::Method for CloseScope {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[2];
    }
    /// `bailiwick.authorization.v1.AccessService/CloseServiceAccount`.
    #[derive(Debug)]
    pub enum CloseServiceAccount {}
    impl crate::Method for CloseServiceAccount {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[3];
    }
    /// `bailiwick.authorization.v1.AccessService/CloseUser`.
    #[derive(Debug)]
    pub enum CloseUser {}
    impl crate::Method for CloseUser {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[4];
    }
    /// `bailiwick.authorization.v1.AccessService/MoveScope`.
    #[derive(Debug)]
    pub enum MoveScope {}
    impl crate::Method for MoveScope {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[5];
    }
    /// `bailiwick.authorization.v1.ApprovalService/ApproveRequest`.
    #[derive(Debug)]
    pub enum ApproveRequest {}
    impl crate::Method for ApproveRequest {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[6];
    }
    /// `bailiwick.authorization.v1.ApprovalService/ConsumeApproval`.
    #[derive(Debug)]
    pub enum ConsumeApproval {}
    impl crate::Method for ConsumeApproval {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[7];
    }
    /// `bailiwick.authorization.v1.ApprovalService/GetApproval`.
    #[derive(Debug)]
    pub enum GetApproval {}
    impl crate::Method for GetApproval {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[8];
    }
    /// `bailiwick.authorization.v1.ApprovalService/ListApprovals`.
    #[derive(Debug)]
    pub enum ListApprovals {}
    impl crate::Method for ListApprovals {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[9];
    }
    /// `bailiwick.authorization.v1.ApprovalService/RejectRequest`.
    #[derive(Debug)]
    pub enum RejectRequest {}
    impl crate::Method for RejectRequest {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[10];
    }
    /// `bailiwick.authorization.v1.ApprovalService/RequestApproval`.
    #[derive(Debug)]
    pub enum RequestApproval {}
    impl crate::Method for RequestApproval {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[11];
    }
    /// `bailiwick.authorization.v1.ApprovalService/WithdrawRequest`.
    #[derive(Debug)]
    pub enum WithdrawRequest {}
    impl crate::Method for WithdrawRequest {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[12];
    }
    /// `bailiwick.authorization.v1.BindingService/AssignRole`.
    #[derive(Debug)]
    pub enum AssignRole {}
    impl crate::Method for AssignRole {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[13];
    }
    /// `bailiwick.authorization.v1.BindingService/CopyPermissions`.
    #[derive(Debug)]
    pub enum CopyPermissions {}
    impl crate::Method for CopyPermissions {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[14];
    }
    /// `bailiwick.authorization.v1.BindingService/ListBindings`.
    #[derive(Debug)]
    pub enum ListBindings {}
    impl crate::Method for ListBindings {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[15];
    }
    /// `bailiwick.authorization.v1.BindingService/RecoverOwnership`.
    #[derive(Debug)]
    pub enum RecoverOwnership {}
    impl crate::Method for RecoverOwnership {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[16];
    }
    /// `bailiwick.authorization.v1.BindingService/RevokeRole`.
    #[derive(Debug)]
    pub enum RevokeRole {}
    impl crate::Method for RevokeRole {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[17];
    }
    /// `bailiwick.authorization.v1.BindingService/TransferOwnership`.
    #[derive(Debug)]
    pub enum TransferOwnership {}
    impl crate::Method for TransferOwnership {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[18];
    }
    /// `bailiwick.authorization.v1.DecisionService/BatchCheck`.
    #[derive(Debug)]
    pub enum BatchCheck {}
    impl crate::Method for BatchCheck {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[19];
    }
    /// `bailiwick.authorization.v1.DecisionService/Check`.
    #[derive(Debug)]
    pub enum Check {}
    impl crate::Method for Check {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[20];
    }
    /// `bailiwick.authorization.v1.DecisionService/Explain`.
    #[derive(Debug)]
    pub enum Explain {}
    impl crate::Method for Explain {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[21];
    }
    /// `bailiwick.authorization.v1.ExportService/ExportPermissions`.
    #[derive(Debug)]
    pub enum ExportPermissions {}
    impl crate::Method for ExportPermissions {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[22];
    }
    /// `bailiwick.authorization.v1.GrantService/CreateGrant`.
    #[derive(Debug)]
    pub enum CreateGrant {}
    impl crate::Method for CreateGrant {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[23];
    }
    /// `bailiwick.authorization.v1.GrantService/DeleteGrant`.
    #[derive(Debug)]
    pub enum DeleteGrant {}
    impl crate::Method for DeleteGrant {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[24];
    }
    /// `bailiwick.authorization.v1.GrantService/ListGrants`.
    #[derive(Debug)]
    pub enum ListGrants {}
    impl crate::Method for ListGrants {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[25];
    }
    /// `bailiwick.authorization.v1.GroupService/AddGroupMember`.
    #[derive(Debug)]
    pub enum AddGroupMember {}
    impl crate::Method for AddGroupMember {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[26];
    }
    /// `bailiwick.authorization.v1.GroupService/CreateGroup`.
    #[derive(Debug)]
    pub enum CreateGroup {}
    impl crate::Method for CreateGroup {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[27];
    }
    /// `bailiwick.authorization.v1.GroupService/DeleteGroup`.
    #[derive(Debug)]
    pub enum DeleteGroup {}
    impl crate::Method for DeleteGroup {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[28];
    }
    /// `bailiwick.authorization.v1.GroupService/GetGroup`.
    #[derive(Debug)]
    pub enum GetGroup {}
    impl crate::Method for GetGroup {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[29];
    }
    /// `bailiwick.authorization.v1.GroupService/ListGroupMembers`.
    #[derive(Debug)]
    pub enum ListGroupMembers {}
    impl crate::Method for ListGroupMembers {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[30];
    }
    /// `bailiwick.authorization.v1.GroupService/ListGroups`.
    #[derive(Debug)]
    pub enum ListGroups {}
    impl crate::Method for ListGroups {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[31];
    }
    /// `bailiwick.authorization.v1.GroupService/RemoveGroupMember`.
    #[derive(Debug)]
    pub enum RemoveGroupMember {}
    impl crate::Method for RemoveGroupMember {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[32];
    }
    /// `bailiwick.authorization.v1.InvitationService/AcceptInvitation`.
    #[derive(Debug)]
    pub enum AcceptInvitation {}
    impl crate::Method for AcceptInvitation {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[33];
    }
    /// `bailiwick.authorization.v1.InvitationService/BatchCreateInvitations`.
    #[derive(Debug)]
    pub enum BatchCreateInvitations {}
    impl crate::Method for BatchCreateInvitations {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[34];
    }
    /// `bailiwick.authorization.v1.InvitationService/CreateInvitation`.
    #[derive(Debug)]
    pub enum CreateInvitation {}
    impl crate::Method for CreateInvitation {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[35];
    }
    /// `bailiwick.authorization.v1.InvitationService/GetInvitation`.
    #[derive(Debug)]
    pub enum GetInvitation {}
    impl crate::Method for GetInvitation {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[36];
    }
    /// `bailiwick.authorization.v1.InvitationService/ListInvitations`.
    #[derive(Debug)]
    pub enum ListInvitations {}
    impl crate::Method for ListInvitations {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[37];
    }
    /// `bailiwick.authorization.v1.InvitationService/ResendInvitation`.
    #[derive(Debug)]
    pub enum ResendInvitation {}
    impl crate::Method for ResendInvitation {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[38];
    }
    /// `bailiwick.authorization.v1.InvitationService/RevokeInvitation`.
    #[derive(Debug)]
    pub enum RevokeInvitation {}
    impl crate::Method for RevokeInvitation {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[39];
    }
    /// `bailiwick.authorization.v1.MemberService/BatchRemoveMembers`.
    #[derive(Debug)]
    pub enum BatchRemoveMembers {}
    impl crate::Method for BatchRemoveMembers {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[40];
    }
    /// `bailiwick.authorization.v1.MemberService/CreateMember`.
    #[derive(Debug)]
    pub enum CreateMember {}
    impl crate::Method for CreateMember {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[41];
    }
    /// `bailiwick.authorization.v1.MemberService/DeleteMember`.
    #[derive(Debug)]
    pub enum DeleteMember {}
    impl crate::Method for DeleteMember {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[42];
    }
    /// `bailiwick.authorization.v1.MemberService/GetMember`.
    #[derive(Debug)]
    pub enum GetMember {}
    impl crate::Method for GetMember {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[43];
    }
    /// `bailiwick.authorization.v1.MemberService/GetSeats`.
    #[derive(Debug)]
    pub enum GetSeats {}
    impl crate::Method for GetSeats {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[44];
    }
    /// `bailiwick.authorization.v1.MemberService/ListMembers`.
    #[derive(Debug)]
    pub enum ListMembers {}
    impl crate::Method for ListMembers {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[45];
    }
    /// `bailiwick.authorization.v1.MemberService/LookUpMember`.
    #[derive(Debug)]
    pub enum LookUpMember {}
    impl crate::Method for LookUpMember {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[46];
    }
    /// `bailiwick.authorization.v1.MemberService/ReactivateMember`.
    #[derive(Debug)]
    pub enum ReactivateMember {}
    impl crate::Method for ReactivateMember {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[47];
    }
    /// `bailiwick.authorization.v1.MemberService/RemoveMember`.
    #[derive(Debug)]
    pub enum RemoveMember {}
    impl crate::Method for RemoveMember {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[48];
    }
    /// `bailiwick.authorization.v1.MemberService/SuspendMember`.
    #[derive(Debug)]
    pub enum SuspendMember {}
    impl crate::Method for SuspendMember {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[49];
    }
    /// `bailiwick.authorization.v1.MemberService/UpdateMember`.
    #[derive(Debug)]
    pub enum UpdateMember {}
    impl crate::Method for UpdateMember {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[50];
    }
    /// `bailiwick.authorization.v1.ProductService/ApplyProduct`.
    #[derive(Debug)]
    pub enum ApplyProduct {}
    impl crate::Method for ApplyProduct {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[51];
    }
    /// `bailiwick.authorization.v1.ProductService/GetProduct`.
    #[derive(Debug)]
    pub enum GetProduct {}
    impl crate::Method for GetProduct {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[52];
    }
    /// `bailiwick.authorization.v1.ProductService/ListProducts`.
    #[derive(Debug)]
    pub enum ListProducts {}
    impl crate::Method for ListProducts {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[53];
    }
    /// `bailiwick.authorization.v1.ProductService/PreviewProduct`.
    #[derive(Debug)]
    pub enum PreviewProduct {}
    impl crate::Method for PreviewProduct {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[54];
    }
    /// `bailiwick.authorization.v1.QueryService/ListPermissions`.
    #[derive(Debug)]
    pub enum ListPermissions {}
    impl crate::Method for ListPermissions {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[55];
    }
    /// `bailiwick.authorization.v1.QueryService/ListResources`.
    #[derive(Debug)]
    pub enum ListResources {}
    impl crate::Method for ListResources {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[56];
    }
    /// `bailiwick.authorization.v1.QueryService/ListScopes`.
    #[derive(Debug)]
    pub enum ListScopes {}
    impl crate::Method for ListScopes {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[57];
    }
    /// `bailiwick.authorization.v1.QueryService/ListSubjectPermissions`.
    #[derive(Debug)]
    pub enum ListSubjectPermissions {}
    impl crate::Method for ListSubjectPermissions {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[58];
    }
    /// `bailiwick.authorization.v1.QueryService/ListSubjects`.
    #[derive(Debug)]
    pub enum ListSubjects {}
    impl crate::Method for ListSubjects {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[59];
    }
    /// `bailiwick.authorization.v1.QueryService/PlanResources`.
    #[derive(Debug)]
    pub enum PlanResources {}
    impl crate::Method for PlanResources {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[60];
    }
    /// `bailiwick.authorization.v1.QuotaService/GetQuota`.
    #[derive(Debug)]
    pub enum GetQuota {}
    impl crate::Method for GetQuota {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[61];
    }
    /// `bailiwick.authorization.v1.QuotaService/ListQuotas`.
    #[derive(Debug)]
    pub enum ListQuotas {}
    impl crate::Method for ListQuotas {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[62];
    }
    /// `bailiwick.authorization.v1.QuotaService/SetQuota`.
    #[derive(Debug)]
    pub enum SetQuota {}
    impl crate::Method for SetQuota {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[63];
    }
    /// `bailiwick.authorization.v1.ResourceService/GetResource`.
    #[derive(Debug)]
    pub enum GetResource {}
    impl crate::Method for GetResource {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[64];
    }
    /// `bailiwick.authorization.v1.ResourceService/ListResourcesInScope`.
    #[derive(Debug)]
    pub enum ListResourcesInScope {}
    impl crate::Method for ListResourcesInScope {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[65];
    }
    /// `bailiwick.authorization.v1.ResourceService/MoveResource`.
    #[derive(Debug)]
    pub enum MoveResource {}
    impl crate::Method for MoveResource {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[66];
    }
    /// `bailiwick.authorization.v1.ResourceService/RegisterResource`.
    #[derive(Debug)]
    pub enum RegisterResource {}
    impl crate::Method for RegisterResource {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[67];
    }
    /// `bailiwick.authorization.v1.ResourceService/TransferResource`.
    #[derive(Debug)]
    pub enum TransferResource {}
    impl crate::Method for TransferResource {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[68];
    }
    /// `bailiwick.authorization.v1.ResourceService/UnregisterResource`.
    #[derive(Debug)]
    pub enum UnregisterResource {}
    impl crate::Method for UnregisterResource {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[69];
    }
    /// `bailiwick.authorization.v1.ResourceService/UpdateResource`.
    #[derive(Debug)]
    pub enum UpdateResource {}
    impl crate::Method for UpdateResource {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[70];
    }
    /// `bailiwick.authorization.v1.RoleService/ChangeRole`.
    #[derive(Debug)]
    pub enum ChangeRole {}
    impl crate::Method for ChangeRole {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[71];
    }
    /// `bailiwick.authorization.v1.RoleService/CreateRole`.
    #[derive(Debug)]
    pub enum CreateRole {}
    impl crate::Method for CreateRole {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[72];
    }
    /// `bailiwick.authorization.v1.RoleService/DeleteRole`.
    #[derive(Debug)]
    pub enum DeleteRole {}
    impl crate::Method for DeleteRole {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[73];
    }
    /// `bailiwick.authorization.v1.RoleService/DescribeRole`.
    #[derive(Debug)]
    pub enum DescribeRole {}
    impl crate::Method for DescribeRole {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[74];
    }
    /// `bailiwick.authorization.v1.RoleService/GetRole`.
    #[derive(Debug)]
    pub enum GetRole {}
    impl crate::Method for GetRole {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[75];
    }
    /// `bailiwick.authorization.v1.RoleService/ListRoles`.
    #[derive(Debug)]
    pub enum ListRoles {}
    impl crate::Method for ListRoles {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[76];
    }
    /// `bailiwick.authorization.v1.RoleService/PreviewRoleChange`.
    #[derive(Debug)]
    pub enum PreviewRoleChange {}
    impl crate::Method for PreviewRoleChange {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[77];
    }
    /// `bailiwick.authorization.v1.WatchService/Watch`.
    #[derive(Debug)]
    pub enum Watch {}
    impl crate::Method for Watch {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[78];
    }
}

/// The methods of events.
pub mod events {
    /// `bailiwick.events.v1.ChangeFeedService/Follow`.
    #[derive(Debug)]
    pub enum Follow {}
    impl crate::Method for Follow {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[79];
    }
    /// `bailiwick.events.v1.ChangeFeedService/GetSnapshot`.
    #[derive(Debug)]
    pub enum GetSnapshot {}
    impl crate::Method for GetSnapshot {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[80];
    }
}

/// The methods of identity.
pub mod identity {
    /// `bailiwick.identity.v1.ApiKeyService/CreateApiKey`.
    #[derive(Debug)]
    pub enum CreateApiKey {}
    impl crate::Method for CreateApiKey {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[81];
    }
    /// `bailiwick.identity.v1.ApiKeyService/GetApiKey`.
    #[derive(Debug)]
    pub enum GetApiKey {}
    impl crate::Method for GetApiKey {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[82];
    }
    /// `bailiwick.identity.v1.ApiKeyService/ListApiKeys`.
    #[derive(Debug)]
    pub enum ListApiKeys {}
    impl crate::Method for ListApiKeys {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[83];
    }
    /// `bailiwick.identity.v1.ApiKeyService/RevokeApiKey`.
    #[derive(Debug)]
    pub enum RevokeApiKey {}
    impl crate::Method for RevokeApiKey {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[84];
    }
    /// `bailiwick.identity.v1.ApiKeyService/VerifyApiKey`.
    #[derive(Debug)]
    pub enum VerifyApiKey {}
    impl crate::Method for VerifyApiKey {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[85];
    }
    /// `bailiwick.identity.v1.AuthenticationService/Activate`.
    #[derive(Debug)]
    pub enum Activate {}
    impl crate::Method for Activate {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[86];
    }
    /// `bailiwick.identity.v1.AuthenticationService/ChangePassword`.
    #[derive(Debug)]
    pub enum ChangePassword {}
    impl crate::Method for ChangePassword {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[87];
    }
    /// `bailiwick.identity.v1.AuthenticationService/ConfirmSecondFactor`.
    #[derive(Debug)]
    pub enum ConfirmSecondFactor {}
    impl crate::Method for ConfirmSecondFactor {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[88];
    }
    /// `bailiwick.identity.v1.AuthenticationService/EnrollSecondFactor`.
    #[derive(Debug)]
    pub enum EnrollSecondFactor {}
    impl crate::Method for EnrollSecondFactor {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[89];
    }
    /// `bailiwick.identity.v1.AuthenticationService/Reauthenticate`.
    #[derive(Debug)]
    pub enum Reauthenticate {}
    impl crate::Method for Reauthenticate {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[90];
    }
    /// `bailiwick.identity.v1.AuthenticationService/Refresh`.
    #[derive(Debug)]
    pub enum Refresh {}
    impl crate::Method for Refresh {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[91];
    }
    /// `bailiwick.identity.v1.AuthenticationService/RegenerateRecoveryCodes`.
    #[derive(Debug)]
    pub enum RegenerateRecoveryCodes {}
    impl crate::Method for RegenerateRecoveryCodes {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[92];
    }
    /// `bailiwick.identity.v1.AuthenticationService/RegisterCustomer`.
    #[derive(Debug)]
    pub enum RegisterCustomer {}
    impl crate::Method for RegisterCustomer {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[93];
    }
    /// `bailiwick.identity.v1.AuthenticationService/RemoveSecondFactor`.
    #[derive(Debug)]
    pub enum RemoveSecondFactor {}
    impl crate::Method for RemoveSecondFactor {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[94];
    }
    /// `bailiwick.identity.v1.AuthenticationService/RequestPasswordReset`.
    #[derive(Debug)]
    pub enum RequestPasswordReset {}
    impl crate::Method for RequestPasswordReset {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[95];
    }
    /// `bailiwick.identity.v1.AuthenticationService/ResetPassword`.
    #[derive(Debug)]
    pub enum ResetPassword {}
    impl crate::Method for ResetPassword {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[96];
    }
    /// `bailiwick.identity.v1.AuthenticationService/SendActivation`.
    #[derive(Debug)]
    pub enum SendActivation {}
    impl crate::Method for SendActivation {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[97];
    }
    /// `bailiwick.identity.v1.AuthenticationService/SendVerification`.
    #[derive(Debug)]
    pub enum SendVerification {}
    impl crate::Method for SendVerification {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[98];
    }
    /// `bailiwick.identity.v1.AuthenticationService/SignIn`.
    #[derive(Debug)]
    pub enum SignIn {}
    impl crate::Method for SignIn {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[99];
    }
    /// `bailiwick.identity.v1.AuthenticationService/SignOut`.
    #[derive(Debug)]
    pub enum SignOut {}
    impl crate::Method for SignOut {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[100];
    }
    /// `bailiwick.identity.v1.AuthenticationService/VerifyEmail`.
    #[derive(Debug)]
    pub enum VerifyEmail {}
    impl crate::Method for VerifyEmail {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[101];
    }
    /// `bailiwick.identity.v1.AuthenticationService/VerifySecondFactor`.
    #[derive(Debug)]
    pub enum VerifySecondFactor {}
    impl crate::Method for VerifySecondFactor {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[102];
    }
    /// `bailiwick.identity.v1.OperatorService/GrantOperator`.
    #[derive(Debug)]
    pub enum GrantOperator {}
    impl crate::Method for GrantOperator {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[103];
    }
    /// `bailiwick.identity.v1.OperatorService/RevokeOperator`.
    #[derive(Debug)]
    pub enum RevokeOperator {}
    impl crate::Method for RevokeOperator {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[104];
    }
    /// `bailiwick.identity.v1.ServiceAccountService/CreateServiceAccount`.
    #[derive(Debug)]
    pub enum CreateServiceAccount {}
    impl crate::Method for CreateServiceAccount {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[105];
    }
    /// `bailiwick.identity.v1.ServiceAccountService/DeleteServiceAccount`.
    #[derive(Debug)]
    pub enum DeleteServiceAccount {}
    impl crate::Method for DeleteServiceAccount {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[106];
    }
    /// `bailiwick.identity.v1.ServiceAccountService/DisableServiceAccount`.
    #[derive(Debug)]
    pub enum DisableServiceAccount {}
    impl crate::Method for DisableServiceAccount {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[107];
    }
    /// `bailiwick.identity.v1.ServiceAccountService/GetServiceAccount`.
    #[derive(Debug)]
    pub enum GetServiceAccount {}
    impl crate::Method for GetServiceAccount {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[108];
    }
    /// `bailiwick.identity.v1.ServiceAccountService/ListServiceAccounts`.
    #[derive(Debug)]
    pub enum ListServiceAccounts {}
    impl crate::Method for ListServiceAccounts {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[109];
    }
    /// `bailiwick.identity.v1.ServiceAccountService/RotateServiceAccountSecret`.
    #[derive(Debug)]
    pub enum RotateServiceAccountSecret {}
    impl crate::Method for RotateServiceAccountSecret {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[110];
    }
    /// `bailiwick.identity.v1.SessionService/ConsumeStepUp`.
    #[derive(Debug)]
    pub enum ConsumeStepUp {}
    impl crate::Method for ConsumeStepUp {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[111];
    }
    /// `bailiwick.identity.v1.SessionService/ListSessions`.
    #[derive(Debug)]
    pub enum ListSessions {}
    impl crate::Method for ListSessions {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[112];
    }
    /// `bailiwick.identity.v1.SessionService/RevokeAllSessions`.
    #[derive(Debug)]
    pub enum RevokeAllSessions {}
    impl crate::Method for RevokeAllSessions {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[113];
    }
    /// `bailiwick.identity.v1.SessionService/RevokeSession`.
    #[derive(Debug)]
    pub enum RevokeSession {}
    impl crate::Method for RevokeSession {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[114];
    }
    /// `bailiwick.identity.v1.SignInPolicyService/GetSignInPolicy`.
    #[derive(Debug)]
    pub enum GetSignInPolicy {}
    impl crate::Method for GetSignInPolicy {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[115];
    }
    /// `bailiwick.identity.v1.SignInPolicyService/UpdateSignInPolicy`.
    #[derive(Debug)]
    pub enum UpdateSignInPolicy {}
    impl crate::Method for UpdateSignInPolicy {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[116];
    }
    /// `bailiwick.identity.v1.TokenService/GetJwks`.
    #[derive(Debug)]
    pub enum GetJwks {}
    impl crate::Method for GetJwks {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[117];
    }
    /// `bailiwick.identity.v1.TokenService/Introspect`.
    #[derive(Debug)]
    pub enum Introspect {}
    impl crate::Method for Introspect {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[118];
    }
    /// `bailiwick.identity.v1.TokenService/IssueToken`.
    #[derive(Debug)]
    pub enum IssueToken {}
    impl crate::Method for IssueToken {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[119];
    }
    /// `bailiwick.identity.v1.TokenService/RevokeToken`.
    #[derive(Debug)]
    pub enum RevokeToken {}
    impl crate::Method for RevokeToken {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[120];
    }
    /// `bailiwick.identity.v1.UserService/BatchGetUsers`.
    #[derive(Debug)]
    pub enum BatchGetUsers {}
    impl crate::Method for BatchGetUsers {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[121];
    }
    /// `bailiwick.identity.v1.UserService/CreateUser`.
    #[derive(Debug)]
    pub enum CreateUser {}
    impl crate::Method for CreateUser {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[122];
    }
    /// `bailiwick.identity.v1.UserService/DeleteUser`.
    #[derive(Debug)]
    pub enum DeleteUser {}
    impl crate::Method for DeleteUser {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[123];
    }
    /// `bailiwick.identity.v1.UserService/DisableUser`.
    #[derive(Debug)]
    pub enum DisableUser {}
    impl crate::Method for DisableUser {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[124];
    }
    /// `bailiwick.identity.v1.UserService/EnableUser`.
    #[derive(Debug)]
    pub enum EnableUser {}
    impl crate::Method for EnableUser {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[125];
    }
    /// `bailiwick.identity.v1.UserService/GetUser`.
    #[derive(Debug)]
    pub enum GetUser {}
    impl crate::Method for GetUser {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[126];
    }
    /// `bailiwick.identity.v1.UserService/ListUsers`.
    #[derive(Debug)]
    pub enum ListUsers {}
    impl crate::Method for ListUsers {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[127];
    }
    /// `bailiwick.identity.v1.UserService/UpdateUser`.
    #[derive(Debug)]
    pub enum UpdateUser {}
    impl crate::Method for UpdateUser {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[128];
    }
}

/// The methods of tenancy.
pub mod tenancy {
    /// `bailiwick.tenancy.v1.AccountService/CreateAccount`.
    #[derive(Debug)]
    pub enum CreateAccount {}
    impl crate::Method for CreateAccount {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[129];
    }
    /// `bailiwick.tenancy.v1.AccountService/DeleteAccount`.
    #[derive(Debug)]
    pub enum DeleteAccount {}
    impl crate::Method for DeleteAccount {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[130];
    }
    /// `bailiwick.tenancy.v1.AccountService/ExportAccount`.
    #[derive(Debug)]
    pub enum ExportAccount {}
    impl crate::Method for ExportAccount {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[131];
    }
    /// `bailiwick.tenancy.v1.AccountService/GetAccount`.
    #[derive(Debug)]
    pub enum GetAccount {}
    impl crate::Method for GetAccount {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[132];
    }
    /// `bailiwick.tenancy.v1.AccountService/ListAccounts`.
    #[derive(Debug)]
    pub enum ListAccounts {}
    impl crate::Method for ListAccounts {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[133];
    }
    /// `bailiwick.tenancy.v1.AccountService/ReactivateAccount`.
    #[derive(Debug)]
    pub enum ReactivateAccount {}
    impl crate::Method for ReactivateAccount {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[134];
    }
    /// `bailiwick.tenancy.v1.AccountService/RestrictAccount`.
    #[derive(Debug)]
    pub enum RestrictAccount {}
    impl crate::Method for RestrictAccount {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[135];
    }
    /// `bailiwick.tenancy.v1.AccountService/SuspendAccount`.
    #[derive(Debug)]
    pub enum SuspendAccount {}
    impl crate::Method for SuspendAccount {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[136];
    }
    /// `bailiwick.tenancy.v1.AccountService/UpdateAccount`.
    #[derive(Debug)]
    pub enum UpdateAccount {}
    impl crate::Method for UpdateAccount {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[137];
    }
    /// `bailiwick.tenancy.v1.AuditLogService/ExportAuditEntries`.
    #[derive(Debug)]
    pub enum ExportAuditEntries {}
    impl crate::Method for ExportAuditEntries {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[138];
    }
    /// `bailiwick.tenancy.v1.AuditLogService/ListAuditEntries`.
    #[derive(Debug)]
    pub enum ListAuditEntries {}
    impl crate::Method for ListAuditEntries {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[139];
    }
    /// `bailiwick.tenancy.v1.InstanceService/CreateInstance`.
    #[derive(Debug)]
    pub enum CreateInstance {}
    impl crate::Method for CreateInstance {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[140];
    }
    /// `bailiwick.tenancy.v1.InstanceService/DeleteInstance`.
    #[derive(Debug)]
    pub enum DeleteInstance {}
    impl crate::Method for DeleteInstance {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[141];
    }
    /// `bailiwick.tenancy.v1.InstanceService/GetInstance`.
    #[derive(Debug)]
    pub enum GetInstance {}
    impl crate::Method for GetInstance {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[142];
    }
    /// `bailiwick.tenancy.v1.InstanceService/ListInstances`.
    #[derive(Debug)]
    pub enum ListInstances {}
    impl crate::Method for ListInstances {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[143];
    }
    /// `bailiwick.tenancy.v1.InstanceService/UpdateInstance`.
    #[derive(Debug)]
    pub enum UpdateInstance {}
    impl crate::Method for UpdateInstance {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[144];
    }
    /// `bailiwick.tenancy.v1.SettingsService/GetSettings`.
    #[derive(Debug)]
    pub enum GetSettings {}
    impl crate::Method for GetSettings {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[145];
    }
    /// `bailiwick.tenancy.v1.SettingsService/UpdateSettings`.
    #[derive(Debug)]
    pub enum UpdateSettings {}
    impl crate::Method for UpdateSettings {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[146];
    }
    /// `bailiwick.tenancy.v1.SignUpService/SignUp`.
    #[derive(Debug)]
    pub enum SignUp {}
    impl crate::Method for SignUp {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[147];
    }
    /// `bailiwick.tenancy.v1.WorkspaceService/CreateWorkspace`.
    #[derive(Debug)]
    pub enum CreateWorkspace {}
    impl crate::Method for CreateWorkspace {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[148];
    }
    /// `bailiwick.tenancy.v1.WorkspaceService/DeleteWorkspace`.
    #[derive(Debug)]
    pub enum DeleteWorkspace {}
    impl crate::Method for DeleteWorkspace {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[149];
    }
    /// `bailiwick.tenancy.v1.WorkspaceService/GetWorkspace`.
    #[derive(Debug)]
    pub enum GetWorkspace {}
    impl crate::Method for GetWorkspace {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[150];
    }
    /// `bailiwick.tenancy.v1.WorkspaceService/ListWorkspaces`.
    #[derive(Debug)]
    pub enum ListWorkspaces {}
    impl crate::Method for ListWorkspaces {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[151];
    }
    /// `bailiwick.tenancy.v1.WorkspaceService/MoveWorkspace`.
    #[derive(Debug)]
    pub enum MoveWorkspace {}
    impl crate::Method for MoveWorkspace {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[152];
    }
    /// `bailiwick.tenancy.v1.WorkspaceService/UpdateWorkspace`.
    #[derive(Debug)]
    pub enum UpdateWorkspace {}
    impl crate::Method for UpdateWorkspace {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[153];
    }
}

/// The methods of testing.
pub mod testing {
    /// `bailiwick.testing.v1.ClockService/AdvanceClock`.
    #[derive(Debug)]
    pub enum AdvanceClock {}
    impl crate::Method for AdvanceClock {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[154];
    }
    /// `bailiwick.testing.v1.NoopService/Noop`.
    #[derive(Debug)]
    pub enum Noop {}
    impl crate::Method for Noop {
        const DECLARATION: &'static crate::Declaration = &super::METHODS[155];
    }
}
