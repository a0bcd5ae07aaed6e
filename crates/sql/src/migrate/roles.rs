//! What the roles of PostgreSQL need besides the schema: settings, and rights of the one that serves.

use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::{append_only::TRIGGER, run::begin_migration};
use crate::Error;

/// Turns compilation off for a role. Who may not change another role changes its own database. What neither
/// may change is said at the start of a server.
const SETTINGS: &str = "DO $$ BEGIN \
     EXECUTE format('ALTER ROLE %I IN DATABASE %I SET jit = off', {role}, current_database()); \
     EXCEPTION WHEN insufficient_privilege THEN BEGIN \
     EXECUTE format('ALTER DATABASE %I SET jit = off', current_database()); \
     EXCEPTION WHEN insufficient_privilege THEN NULL; END; END $$";

/// The role that serves works on rows: it makes no tables, owns none, and cannot say what was migrated.
const RIGHTS: [&str; 4] = [
    "GRANT USAGE ON SCHEMA %I TO %I",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO %I",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO %I",
    "REVOKE INSERT, UPDATE, DELETE ON %I.schema_migration FROM %I",
];

/// Rows that are only added stay as they are: see [`super::append_only`].
const APPEND_ONLY: &str = "DO $$ DECLARE name text; BEGIN FOR name IN \
     SELECT c.relname FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid \
     JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE g.tgname = '{trigger}' AND n.nspname = current_schema() LOOP \
     EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I.%I FROM %I', current_schema(), name, {role}); \
     END LOOP; END $$";

/// Prepares the role that migrates, and the one that serves where that is another.
pub(super) async fn prepare(pool: &DatabaseConnection, run_time_role: Option<&str>) -> Result<(), Error> {
    let tx = begin_migration(pool).await?;
    tx.execute_unprepared(&SETTINGS.replace("{role}", "current_user"))
        .await?;
    if let Some(role) = run_time_role {
        let role = literal(role);
        tx.execute_unprepared(&SETTINGS.replace("{role}", &role)).await?;
        for right in RIGHTS {
            let grant = format!("DO $$ BEGIN EXECUTE format('{right}', current_schema(), {role}); END $$");
            tx.execute_unprepared(&grant).await?;
        }
        let revoke = APPEND_ONLY.replace("{trigger}", TRIGGER).replace("{role}", &role);
        tx.execute_unprepared(&revoke).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// A text as a constant, also inside of `$$`.
fn literal(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('\'', "\\'")
        .replace('$', "\\044");
    format!("E'{escaped}'")
}
