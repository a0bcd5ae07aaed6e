//! The generated client of every service, called through the credentials and tokens of a [`Client`].

use crate::{Client, transport::Transport};

macro_rules! services {
    ($(#[$doc:meta])* $group:ident, $channel:ident {
        $($(#[$about:meta])* $name:ident => $from:ident::$module:ident::$service:ident,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $group<'a>(pub(crate) &'a Client);

        impl $group<'_> {
            $(
                $(#[$about])*
                #[must_use]
                pub fn $name(&self) -> bailiwick_proto::$from::v1::$module::$service<Transport> {
                    let transport = self.0.transport(&self.0.channels.$channel);
                    bailiwick_proto::$from::v1::$module::$service::new(transport)
                }
            )*
        }
    };
}

services! {
    /// The services of identity.
    Identity, identity {
        /// The people that sign in.
        user => identity::user_service_client::UserServiceClient,
        /// Signing in and out.
        authentication => identity::authentication_service_client::AuthenticationServiceClient,
        /// Sessions.
        session => identity::session_service_client::SessionServiceClient,
        /// Service accounts.
        service_account => identity::service_account_service_client::ServiceAccountServiceClient,
        /// Operators of the deployment.
        operator => identity::operator_service_client::OperatorServiceClient,
        /// API keys.
        api_key => identity::api_key_service_client::ApiKeyServiceClient,
        /// Sign-in policies.
        sign_in_policy => identity::sign_in_policy_service_client::SignInPolicyServiceClient,
        /// Tokens for programs.
        token => identity::token_service_client::TokenServiceClient,
        /// Identity's change feed.
        change_feed => events::change_feed_service_client::ChangeFeedServiceClient,
    }
}

services! {
    /// The services of tenancy.
    Tenancy, tenancy {
        /// A first account for somebody who has none.
        sign_up => tenancy::sign_up_service_client::SignUpServiceClient,
        /// Accounts.
        account => tenancy::account_service_client::AccountServiceClient,
        /// Instances.
        instance => tenancy::instance_service_client::InstanceServiceClient,
        /// Workspaces.
        workspace => tenancy::workspace_service_client::WorkspaceServiceClient,
        /// Settings of accounts.
        settings => tenancy::settings_service_client::SettingsServiceClient,
        /// What was done, by whom.
        audit_log => tenancy::audit_log_service_client::AuditLogServiceClient,
        /// Tenancy's change feed.
        change_feed => events::change_feed_service_client::ChangeFeedServiceClient,
    }
}

services! {
    /// The services of authorization.
    Authorization, authorization {
        /// Decisions.
        decision => authorization::decision_service_client::DecisionServiceClient,
        /// Questions with more than one answer.
        query => authorization::query_service_client::QueryServiceClient,
        /// Products and their manifests.
        product => authorization::product_service_client::ProductServiceClient,
        /// Members of accounts.
        member => authorization::member_service_client::MemberServiceClient,
        /// Invitations.
        invitation => authorization::invitation_service_client::InvitationServiceClient,
        /// Roles.
        role => authorization::role_service_client::RoleServiceClient,
        /// Who has which role where.
        binding => authorization::binding_service_client::BindingServiceClient,
        /// Grants.
        grant => authorization::grant_service_client::GrantServiceClient,
        /// Groups.
        group => authorization::group_service_client::GroupServiceClient,
        /// Registered resources.
        resource => authorization::resource_service_client::ResourceServiceClient,
        /// Quotas.
        quota => authorization::quota_service_client::QuotaServiceClient,
        /// Approvals.
        approval => authorization::approval_service_client::ApprovalServiceClient,
        /// Exports.
        export => authorization::export_service_client::ExportServiceClient,
        /// The changes of a product or an account.
        watch => authorization::watch_service_client::WatchServiceClient,
        /// Authorization's change feed.
        change_feed => events::change_feed_service_client::ChangeFeedServiceClient,
    }
}
