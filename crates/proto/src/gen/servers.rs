// Made by `cargo xtask codegen` from the protos.

use tonic::codec::CompressionEncoding::Gzip;

impl<T> crate::Server for crate::authorization::v1::access_service_server::AccessServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::authorization::v1::approval_service_server::ApprovalServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::authorization::v1::binding_service_server::BindingServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::authorization::v1::decision_service_server::DecisionServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::authorization::v1::export_service_server::ExportServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::authorization::v1::grant_service_server::GrantServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::authorization::v1::group_service_server::GroupServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::authorization::v1::invitation_service_server::InvitationServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::authorization::v1::member_service_server::MemberServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::authorization::v1::product_service_server::ProductServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::authorization::v1::query_service_server::QueryServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::authorization::v1::quota_service_server::QuotaServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::authorization::v1::resource_service_server::ResourceServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::authorization::v1::role_service_server::RoleServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::authorization::v1::watch_service_server::WatchServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::events::v1::change_feed_service_server::ChangeFeedServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::identity::v1::api_key_service_server::ApiKeyServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::identity::v1::authentication_service_server::AuthenticationServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::identity::v1::operator_service_server::OperatorServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::identity::v1::service_account_service_server::ServiceAccountServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::identity::v1::session_service_server::SessionServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::identity::v1::sign_in_policy_service_server::SignInPolicyServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::identity::v1::token_service_server::TokenServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::identity::v1::user_service_server::UserServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::tenancy::v1::account_service_server::AccountServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::tenancy::v1::audit_log_service_server::AuditLogServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::tenancy::v1::instance_service_server::InstanceServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::tenancy::v1::settings_service_server::SettingsServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::tenancy::v1::sign_up_service_server::SignUpServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::tenancy::v1::workspace_service_server::WorkspaceServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::testing::v1::clock_service_server::ClockServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}

impl<T> crate::Server for crate::testing::v1::noop_service_server::NoopServiceServer<T> {
    fn limited(self, bytes: usize) -> Self {
        self.max_decoding_message_size(bytes).accept_compressed(Gzip)
    }
}
