//! The rows of the tables.

bailiwick_sql::tables! {
    "account" account (id: Uuid) {
        product: String,
        title: String,
        title_key: String,
        state: String,
        owner: Option<Uuid>,
        seats: i64,
        billing_anchor: i64,
        created_at: i64,
        updated_at: i64,
        version: i64,
        closing: bool,
    }
    "place" place (account_id: Uuid, id: Uuid) {
        level: i16,
        parent_id: Option<Uuid>,
        title: String,
        title_key: String,
        edition: Option<String>,
        state: String,
        created_at: i64,
        updated_at: i64,
        version: i64,
        closing: bool,
        moved_from: Option<Uuid>,
    }
    "moving" moving (account_id: Uuid, workspace_id: Uuid) {
        source_id: Uuid,
        target_id: Uuid,
        parent_id: Option<Uuid>,
        version: i64,
        mover: String,
        operator: bool,
        target_operator: bool,
        request_caller: Option<String>,
        request_id: Option<Uuid>,
        request_digest: Option<String>,
        begun_at: i64,
    }
    "closing" closing (account_id: Uuid, scope_id: Uuid) {
        scope_level: i16,
        version: i64,
        deleted: bool,
        restricted: bool,
        begun_at: i64,
        actor: Option<String>,
    }
    "audit_entry" audit_entry (chain: String, sequence: i64) {
        id: Uuid,
        account_id: Option<Uuid>,
        occurred_at: i64,
        service: String,
        actor: String,
        on_behalf_of: String,
        action: String,
        target: String,
        outcome: String,
        attempts: i64,
        request_id: String,
        trace_id: String,
        details: String,
        origin_owner: String,
        origin: Vec<u8>,
        content_owner: String,
        content: Vec<u8>,
        previous: Vec<u8>,
        hash: Vec<u8>,
    }
    "product" product (name: String) {
        epoch: String,
        version: i64,
        content: String,
    }
    "request" request (caller: String, id: Uuid) {
        account_id: Uuid,
        digest: String,
        answer: String,
        revision: i64,
        created_at: i64,
    }
    "settings" settings (account_id: Uuid) {
        version: i64,
        content: String,
    }
}
