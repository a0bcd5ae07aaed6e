//! What transactions of PostgreSQL set for themselves.
//!
//! Nothing depends on what an earlier statement has left in a session: behind a pooler it is another session.
//! Direct connections have the limits from their start, so that a transaction costs no statement for them; a
//! pooler that does not know such options refuses the connection.

use bailiwick_types::ScopeRoot;

use crate::DbConfig;

/// Compiles nothing: the planner expects many rows of a recursive statement that finds few, and compiling it
/// takes some hundred times as long as running it.
pub(crate) const NOT_COMPILED: &str = "set_config('jit', 'off', true)";
/// The settings of a writing transaction, as part of the statement that locks its rows; `$1` is its scope.
pub(crate) const SCOPED: &str = "set_config('jit', 'off', true), set_config('bailiwick.across', '', true), \
                                 set_config('bailiwick.account', $1, true)";

/// Whose rows row-level security lets a transaction see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    account: String,
    across: &'static str,
}

impl Scope {
    /// Those of the accounts among the roots. None is a scope as well: it shows no rows of accounts.
    pub(crate) fn of(roots: &[ScopeRoot]) -> Self {
        let accounts: Vec<String> = roots
            .iter()
            .filter_map(|root| match root {
                ScopeRoot::Account(id) => Some(id.uuid().to_string()),
                _ => None,
            })
            .collect();
        Self {
            account: format!("{{{}}}", accounts.join(",")),
            across: "",
        }
    }
    /// Those of all accounts.
    pub(crate) fn across() -> Self {
        Self {
            across: "on",
            ..Self::of(&[])
        }
    }
    /// The accounts, as an array of PostgreSQL.
    pub(crate) fn account(self) -> String {
        self.account
    }
    /// Ids are all that is in it: nothing has to be escaped.
    fn settings(&self) -> String {
        format!(
            "{NOT_COMPILED}, set_config('bailiwick.account', '{}', true), set_config('bailiwick.across', '{}', true)",
            self.account, self.across
        )
    }
}

/// What a transaction is for.
#[derive(Debug)]
pub(crate) enum Unit {
    /// A snapshot of what its scope shows.
    Read(Scope),
    /// A write; it sets its scope when it locks its rows.
    Write,
    /// Giving positions.
    Sequence,
}

/// The settings of a database's connections.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) pooler: bool,
    limits: [(&'static str, String); 3],
}

impl Settings {
    pub(crate) fn of(config: &DbConfig) -> Self {
        let millis = |duration: std::time::Duration| duration.as_millis().to_string();
        Self {
            pooler: config.pooler,
            limits: [
                ("statement_timeout", millis(config.statement_timeout)),
                ("lock_timeout", millis(config.lock_timeout)),
                (
                    "idle_in_transaction_session_timeout",
                    millis(config.idle_in_transaction_timeout),
                ),
            ],
        }
    }
    /// What a direct connection starts with.
    pub(crate) fn at_start(&self, loads: bool) -> Vec<(&'static str, String)> {
        let mut settings = self.limits.to_vec();
        settings.push(("default_transaction_isolation", "read committed".to_owned()));
        if loads {
            settings.push(("default_transaction_read_only", "on".to_owned()));
            settings.push(("bailiwick.across", "on".to_owned()));
        }
        settings
    }
    /// Begins a transaction, with all settings that its session does not have.
    pub(crate) fn begin(&self, unit: &Unit) -> String {
        match unit {
            Unit::Read(scope) => self.text("REPEATABLE READ READ ONLY", &scope.settings()),
            Unit::Write | Unit::Sequence if self.pooler => {
                self.text("READ COMMITTED READ WRITE", &Scope::of(&[]).settings())
            }
            // Their first statement sets the rest.
            Unit::Write | Unit::Sequence => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE".to_owned(),
        }
    }
    /// Begins the transaction of a single statement through a pooler.
    pub(crate) fn begin_single(&self, loads: bool) -> String {
        if loads {
            self.text("READ COMMITTED READ ONLY", &Scope::across().settings())
        } else {
            self.begin(&Unit::Write)
        }
    }
    /// The settings of a transaction that migrates: it may take long, and sees all rows. What it may not do
    /// is wait long for a table that is in use.
    pub(crate) fn migration() -> String {
        format!(
            "SELECT {}, set_config('statement_timeout', '0', true), \
             set_config('idle_in_transaction_session_timeout', '0', true)",
            Scope::across().settings()
        )
    }
    fn text(&self, mode: &str, settings: &str) -> String {
        let mut sql = format!("BEGIN ISOLATION LEVEL {mode}; SELECT {settings}");
        if self.pooler {
            for (name, value) in &self.limits {
                sql.push_str(&format!(", set_config('{name}', '{value}', true)"));
            }
        }
        sql
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pooler: bool) -> Settings {
        let mut config = DbConfig::new("postgres://u@h/d");
        config.pooler = pooler;
        Settings::of(&config)
    }

    #[test]
    fn behind_a_pooler_every_transaction_sets_everything_for_itself_alone() {
        let pooled = settings(true);
        let texts = [
            pooled.begin(&Unit::Read(Scope::across())),
            pooled.begin(&Unit::Write),
            pooled.begin(&Unit::Sequence),
            pooled.begin_single(true),
            pooled.begin_single(false),
        ];
        for text in texts {
            for name in [
                "jit",
                "bailiwick.account",
                "bailiwick.across",
                "statement_timeout",
                "lock_timeout",
                "idle_in_transaction_session_timeout",
            ] {
                assert!(text.contains(&format!("set_config('{name}', ")), "{name}: {text}");
            }
            assert!(text.starts_with("BEGIN ISOLATION LEVEL "), "{text}");
            assert!(!text.contains("false)") && !text.contains("SET "), "{text}");
        }
    }

    #[test]
    fn on_a_direct_connection_a_write_begins_without_a_statement_of_its_own() {
        let begin = settings(false).begin(&Unit::Write);
        assert_eq!(begin, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
        let start = settings(false).at_start(true);
        assert!(start.iter().all(|(name, _)| *name != "jit"), "{start:?}");
    }
}
