//! Where a database is: a file, or a URL whose every part must be understood.
//!
//! Nothing is pasted into a URL: a path is given as a path, a password as a password.

use std::{collections::BTreeSet, env, fmt, path::PathBuf, str::FromStr};

use bailiwick_types::did_you_mean;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    postgres::{PgConnectOptions, PgSslMode},
    sqlite::SqliteConnectOptions,
};
use url::Url;

use crate::Error;

/// The parameters of a `postgres:` URL; they mean what they mean to PostgreSQL's own programs
/// (<https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-PARAMKEYWORDS>).
const PARAMETERS: [&str; 10] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
];
/// Another name of `user`, which a URL has before the `@`.
const USER: &str = "user";
/// The values of `sslmode`. `allow` is not among them: it would mean plain text.
const SSL_MODES: [&str; 5] = ["disable", "prefer", "require", "verify-ca", "verify-full"];

/// Where a database is.
#[derive(Debug, Clone)]
pub enum Address {
    /// An SQLite file.
    File(PathBuf),
    /// `sqlite:///path/file.db` or `postgres://user@host/database?sslmode=verify-full`.
    Url {
        /// The URL, as it was given.
        url: SecretString,
        /// The password, where the URL does not have it.
        password: Option<SecretString>,
    },
}

/// What an address means to the drivers.
#[derive(Debug)]
pub(crate) enum Target {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

impl Address {
    /// A URL without a separate password.
    #[must_use]
    pub fn url(url: impl Into<String>) -> Self {
        Self::Url {
            url: SecretString::from(url.into()),
            password: None,
        }
    }
    /// Checks every part of it, without connecting.
    ///
    /// # Errors
    /// It is no URL of a database, or has a parameter that is unknown, repeated or has an unknown value.
    pub fn check(&self) -> Result<(), Error> {
        self.target().map(drop)
    }
    /// The role that it names; none for a file.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn role(&self) -> Result<Option<String>, Error> {
        Ok(match self.target()? {
            Target::Sqlite(_) => None,
            Target::Postgres(options) => Some(options.get_username().to_owned()),
        })
    }
    /// Whether its URL contains a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        let Self::Url { url, .. } = self else { return false };
        Url::parse(url.expose_secret())
            .is_ok_and(|url| url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password"))
    }
    pub(crate) fn target(&self) -> Result<Target, Error> {
        let (url, password) = match self {
            Self::File(path) => {
                let options = SqliteConnectOptions::new().filename(path);
                return Ok(Target::Sqlite(Box::new(options)));
            }
            Self::Url { url, password } => (url.expose_secret(), password.as_ref()),
        };
        let given = |prefix: &str| url.strip_prefix(prefix);
        if let Some(rest) = given("sqlite://").or_else(|| given("sqlite:")) {
            return sqlite(rest, password.is_some());
        }
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = postgres(url, password)?;
            return Ok(Target::Postgres(Box::new(options)));
        }
        Err(refused("the URL must start with `sqlite:` or `postgres:`"))
    }
}

fn refused(why: impl Into<String>) -> Error {
    Error::Refused(why.into().into())
}

fn sqlite(rest: &str, password: bool) -> Result<Target, Error> {
    if password {
        return Err(refused("a SQLite file has no password"));
    }
    let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    if path == ":memory:" || parameters.contains("mode=memory") {
        return Err(refused(
            "an in-memory database cannot be shared by several connections",
        ));
    }
    for (key, value) in url::form_urlencoded::parse(parameters.as_bytes()) {
        match (&*key, &*value) {
            ("mode", "rw" | "rwc") => {}
            ("mode", _) => return Err(refused("parameter `mode` of the URL must be `rw` or `rwc`")),
            _ => return Err(unknown(&key, ["mode"])),
        }
    }
    let path = percent_decode_str(path)
        .decode_utf8()
        .map_err(|_| refused("the path in the URL is not UTF-8"))?;
    if path.is_empty() {
        return Err(refused("the URL names no file: `sqlite:///PATH`"));
    }
    let options = SqliteConnectOptions::new().filename(&*path);
    Ok(Target::Sqlite(Box::new(options)))
}

/// The driver drops parameters that it does not know, and an `sslmode` that it cannot read in the
/// environment: both would mean plain text.
fn postgres(text: &str, password: Option<&SecretString>) -> Result<PgConnectOptions, Error> {
    // In a password it would end the URL.
    if text.contains('#') {
        return Err(refused(
            "the URL has a `#`: write `%23`, or give the password separately",
        ));
    }
    // A password with one of these would be read as host, database and parameters, and be repeated in errors.
    let rest = text.split_once("//").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if !authority.contains('@') && rest.contains('@') {
        return Err(refused(
            "the URL has a `@` after a `/` or `?`: write `%40`, `%2F` and `%3F`, or give the password separately",
        ));
    }
    // The error of a failed parse could repeat the secret.
    let url = Url::parse(text).map_err(|_| refused("it is not a URL"))?;
    let mut seen = BTreeSet::new();
    let mut mark = |part: &'static str, given: bool| {
        if given {
            seen.insert(part);
        }
    };
    mark("host", url.host_str().is_some_and(|host| !host.is_empty()));
    mark("port", url.port().is_some());
    mark(USER, !url.username().is_empty());
    mark("password", url.password().is_some());
    mark("dbname", url.path().len() > 1);
    let mut ssl_mode = None;
    for (key, value) in url.query_pairs() {
        let known = PARAMETERS.iter().copied().chain([USER]);
        let Some(name) = known.clone().find(|known| *known == key) else {
            return Err(unknown(&key, known));
        };
        if !seen.insert(name) {
            return Err(refused(format!("`{name}` is given twice in the URL")));
        }
        if name == "sslmode" {
            ssl_mode = Some(ssl_mode_of("parameter `sslmode` of the URL", &value)?);
        }
    }
    // The driver would connect to one of them and verify the certificate for it.
    if seen.contains("host") && seen.contains("hostaddr") {
        return Err(refused("the URL has both `host` and `hostaddr`"));
    }
    if ssl_mode.is_none()
        && let Some(value) = env::var_os("PGSSLMODE")
    {
        ssl_mode = Some(ssl_mode_of("variable `PGSSLMODE`", &value.to_string_lossy())?);
    }
    let mut options = PgConnectOptions::from_str(text).map_err(|error| refused(error.to_string()))?;
    let verified = matches!(ssl_mode, Some(PgSslMode::VerifyCa | PgSslMode::VerifyFull));
    if seen.contains("sslrootcert") && !verified {
        // The driver would not look at it.
        if !matches!(ssl_mode, Some(PgSslMode::Require)) {
            return Err(refused(
                "`sslrootcert` of the URL needs `sslmode=verify-full`, `verify-ca` or `require`",
            ));
        }
        ssl_mode = Some(PgSslMode::VerifyCa);
    }
    if let Some(mode) = ssl_mode {
        options = options.ssl_mode(mode);
    }
    if let Some(password) = password {
        if seen.contains("password") {
            return Err(refused(
                "the URL contains a password although one is given separately",
            ));
        }
        options = options.password(password.expose_secret());
    }
    Ok(options)
}

fn ssl_mode_of(origin: &str, value: &str) -> Result<PgSslMode, Error> {
    if SSL_MODES.contains(&value) {
        return PgSslMode::from_str(value).map_err(|error| refused(error.to_string()));
    }
    Err(refused(format!(
        "{origin} must be one of {}{}",
        SSL_MODES.map(|mode| format!("`{mode}`")).join(", "),
        did_you_mean(value, SSL_MODES),
    )))
}

fn unknown<'a>(key: &str, known: impl IntoIterator<Item = &'a str>) -> Error {
    refused(format!(
        "unknown parameter `{key}` in the URL{}",
        did_you_mean(key, known)
    ))
}

/// A database and its server, for messages: never its credentials.
#[derive(Debug, Clone)]
pub(crate) struct Place(String);

impl Place {
    pub(crate) fn of(options: &PgConnectOptions) -> Self {
        let database = options.get_database().unwrap_or(options.get_username());
        let port = options.get_port();
        let host = options.get_host();
        let server = match options.get_socket() {
            Some(folder) => format!("{}/.s.PGSQL.{port}", folder.display()),
            None if host.starts_with('/') => format!("{host}/.s.PGSQL.{port}"),
            None if host.contains(':') => format!("[{host}]:{port}"),
            None => format!("{host}:{port}"),
        };
        Self(format!("database `{database}` at `{server}`"))
    }
    pub(crate) fn of_file(options: &SqliteConnectOptions) -> Self {
        Self(format!("file `{}`", options.get_filename().display()))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: &str, password: Option<&str>) -> Result<PgConnectOptions, String> {
        let address = Address::Url {
            url: url.to_owned().into(),
            password: password.map(|p| p.to_owned().into()),
        };
        match address.target() {
            Ok(Target::Postgres(options)) => Ok(*options),
            Ok(Target::Sqlite(_)) => Err("SQLite".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
    fn file(address: &Address) -> PathBuf {
        match address.target() {
            Ok(Target::Sqlite(options)) => options.get_filename().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_parameter_that_is_not_known_is_refused_by_name() {
        for (query, named) in [
            (
                "sslmod=require",
                "unknown parameter `sslmod` in the URL; did you mean `sslmode`?",
            ),
            (
                "ssl_mode=verify-full",
                "`ssl_mode` in the URL; did you mean `sslmode`?",
            ),
            ("SSLMODE=require", "unknown parameter `SSLMODE`"),
            ("statement-cache-capacity=0", "`statement-cache-capacity`"),
            ("sslmode=requier", "`sslmode` of the URL must be one of `disable`"),
            ("sslmode=Require", "must be one of"),
            ("sslmode=allow", "must be one of"),
            ("sslmode=require&sslmode=disable", "`sslmode` is given twice"),
            ("host=other", "`host` is given twice"),
            ("user=other", "`user` is given twice"),
            (
                "sslrootcert=/ca.pem",
                "`sslrootcert` of the URL needs `sslmode=verify-full`",
            ),
        ] {
            let refused = options(&format!("postgres://bw:plain@127.0.0.1/identity?{query}"), None);
            let text = refused.unwrap_err();
            assert!(text.contains(named) && !text.contains("plain"), "{query}: {text}");
        }
        for url in [
            "postgres://bw:12/secret@h/d",
            "postgres://bw:12?secret@h/d",
            "postgres://h/d?password=a@secret",
        ] {
            let refused = options(url, None).unwrap_err();
            assert!(
                refused.contains("`%40`") && !refused.contains("secret"),
                "{refused}"
            );
        }
        let refused = options("postgres:///d?host=h&hostaddr=127.0.0.1", None).unwrap_err();
        assert!(refused.contains("`hostaddr`"), "{refused}");
        let refused = options("postgres://bw:p#w@h/d", None).unwrap_err();
        assert!(refused.contains("`#`"), "{refused}");
    }

    #[test]
    fn known_parameters_mean_what_they_say() {
        let mode = |query: &str| {
            let options = options(&format!("postgres://u@h/d?{query}"), None).unwrap();
            format!("{:?}", options.get_ssl_mode())
        };
        assert_eq!(mode("sslmode=require"), "Require");
        assert_eq!(mode("sslmode=verify-full&sslrootcert=/ca.pem"), "VerifyFull");
        // As PostgreSQL's own programs do: an authority that is given is asked.
        assert_eq!(mode("sslmode=require&sslrootcert=/ca.pem"), "VerifyCa");
        let socket = options(
            "postgres:///identity?host=/run/pg&port=5433&user=bw",
            Some("plain"),
        )
        .unwrap();
        assert_eq!(socket.get_username(), "bw");
        assert_eq!(
            Place::of(&socket).to_string(),
            "database `identity` at `/run/pg/.s.PGSQL.5433`"
        );
    }

    #[test]
    fn a_password_beside_the_url_is_taken_as_it_is() {
        for password in ["plain", "p@ss/w:rd#?", "100%", "a%41b", "%2F%20"] {
            let options = options("postgres://bw@127.0.0.1:5432/identity", Some(password)).unwrap();
            // Its debug form is the only way to the password.
            assert!(
                format!("{options:?}").contains(&format!("{password:?}")),
                "{password}"
            );
        }
        let twice = options("postgres://u:x@db/i", Some("y")).unwrap_err();
        assert!(twice.contains("contains a password"), "{twice}");
    }

    #[test]
    fn a_path_is_taken_as_it_is_and_a_url_is_decoded() {
        for path in [
            "/var/x%41/identity.db",
            "/var/x?y/identity.db",
            "/var/x#y z/identity.db",
        ] {
            assert_eq!(file(&Address::File(path.into())), PathBuf::from(path));
        }
        assert_eq!(
            file(&Address::url("sqlite:///a%20b/c.db?mode=rwc")),
            PathBuf::from("/a b/c.db")
        );
        for bad in [
            "sqlite::memory:",
            "sqlite:///x?mode=memory",
            "sqlite:///x?mod=rw",
            "sqlite://",
            "mysql://h/d",
        ] {
            assert!(Address::url(bad).check().is_err(), "{bad}");
        }
    }
}
