//! Rows of the tables, as sea-orm reads and writes them.

bailiwick_sql::tables! {
    "product" product (name: String) {
        version: i64,
        manifest: String,
        canonical: String,
        numbers: String,
        updated_at: i64,
    }
    "product_version" product_version (name: String, version: i64) {
        manifest: String,
        numbers: String,
        applied_at: i64,
    }
    "root_binding" root_binding (root: String, subject: String, role: String) {
        generation: i32,
        created_at: i64,
    }
    "account" account (id: Uuid) {
        product: String,
        title: String,
        state: i16,
        epoch: String,
        version: i64,
        closed_epoch: Option<String>,
        closed_version: Option<i64>,
        seats: i32,
        billing_anchor: i64,
        settings: String,
        settings_epoch: String,
        settings_version: i64,
        created_at: i64,
    }
    "place" place (account_id: Uuid, id: Uuid) {
        level: i16,
        parent_id: Uuid,
        title: String,
        edition: Option<String>,
        state: i16,
        epoch: String,
        version: i64,
        closed_epoch: Option<String>,
        closed_version: Option<i64>,
        created_at: i64,
    }
    "early_closure" early_closure (account_id: Uuid, scope_id: Uuid) {
        epoch: String,
        version: i64,
        state: i16,
    }
    "account_role" account_role (account_id: Uuid, name: String) {
        number: i32,
        generation: i32,
        title: String,
        definition: String,
    }
    "role_overlay" role_overlay (account_id: Uuid, role: String, level: i16) {
        generation: i32,
        added: String,
        removed: String,
    }
    "user_state" user_state (user_id: Uuid) {
        state: i16,
        epoch: String,
        version: i64,
        closed_epoch: Option<String>,
        closed_version: Option<i64>,
        email: String,
        email_key: String,
        email_verified: bool,
        operator: bool,
        revision: i64,
    }
    "service_state" service_state (service_id: Uuid) {
        epoch: String,
        version: i64,
        closed_epoch: Option<String>,
        closed_version: Option<i64>,
        enabled: bool,
        scope: String,
        role: String,
        revision: i64,
        creator: Option<String>,
    }
    "member" member (account_id: Uuid, user_id: Uuid) {
        kind: i16,
        state: i16,
        expires_at: Option<i64>,
        created_at: i64,
    }
    "invitation" invitation (account_id: Uuid, id: Uuid) {
        email: String,
        email_key: String,
        scope_level: i16,
        scope_id: Uuid,
        member_kind: i16,
        roles: String,
        generation: i32,
        state: i16,
        creator: String,
        expires_at: i64,
        created_at: i64,
        version: i64,
    }
    "subject_group" subject_group (account_id: Uuid, id: Uuid) {
        /// `group:ID`, as members and bindings name it.
        subject: String,
        title: String,
        created_at: i64,
    }
    "group_member" group_member (account_id: Uuid, group_id: Uuid, subject: String) {
    }
    "binding" binding (account_id: Uuid, id: Uuid) {
        subject: String,
        role: String,
        scope_level: i16,
        scope_id: Uuid,
        key: String,
        parameters: Option<String>,
        expires_at: Option<i64>,
        created_at: i64,
        creator: Option<String>,
    }
    "entitlement" entitlement (account_id: Uuid, id: Uuid) {
        subject: String,
        kind: i16,
        scope_level: Option<i16>,
        scope_id: Option<Uuid>,
        resource_type: Option<String>,
        resource_id: Option<String>,
        applies_to: Option<i16>,
        revision: i64,
        permissions: String,
        generation: i32,
        parameters: Option<String>,
        expires_at: Option<i64>,
        created_at: i64,
        creator: Option<String>,
    }
    "resource" resource (account_id: Uuid, kind "type": String, id: String) {
        scope_level: i16,
        scope_id: Uuid,
        owner: Option<String>,
        parent_type: Option<String>,
        parent_id: Option<String>,
        title: String,
        attributes: String,
        revision: i64,
        created_at: i64,
        updated_at: i64,
    }
    "approval" approval (account_id: Uuid, id: Uuid) {
        subject: String,
        permission: String,
        target: String,
        digest: String,
        bound: String,
        approver_permission: String,
        state: i16,
        serves_once: bool,
        lasts_seconds: Option<i64>,
        expires_at: Option<i64>,
        created_at: i64,
        decided_at: Option<i64>,
        decided_by: Option<String>,
    }
    "quota" quota (account_id: Uuid, subject: String, kind "type": String) {
        maximum: i64,
    }
    "idempotency" idempotency (root: String, request_id: String) {
        method: String,
        digest: String,
        response: String,
        created_at: i64,
    }
}
