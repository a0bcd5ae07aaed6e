//! Reads URLs of Redis: every part of them is understood, or refused by name.

use bailiwick_types::did_you_mean;
use redis::{ConnectionInfo, IntoConnectionInfo, RedisError, parse_redis_url};
use secrecy::{ExposeSecret, SecretString};

/// What a URL may start with.
const SCHEMES: [&str; 6] = ["redis", "rediss", "redis+unix", "unix", "valkey", "valkeys"];
/// The parameters of a URL over TCP, and those of one over a socket besides.
const OVER_TCP: [&str; 1] = ["protocol"];
const OVER_SOCKET: [&str; 4] = ["protocol", "db", "user", "pass"];

/// Error for settings that name no reachable Redis.
#[derive(Debug, thiserror::Error)]
pub enum RedisSetupError {
    /// There is no URL.
    #[error("the Redis settings have no URL")]
    NoUrl,
    /// A URL that is not one of Redis. It may hold a password, so that it is not repeated.
    #[error("`authorization.redis.url` must be a URL such as `rediss://USER:PASSWORD@HOST:6379/0`")]
    NotRedis,
    /// A parameter that is not known.
    #[error("unknown parameter `{name}` in `authorization.redis.url`{hint}")]
    Parameter {
        /// Its name.
        name: String,
        /// What may have been meant.
        hint: String,
    },
    /// The file of authorities cannot be read.
    #[error("`authorization.redis.ca_file`: cannot read `{}`: {source}", file.display())]
    CaFile {
        /// Its path.
        file: std::path::PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A part of a URL that has no meaning.
    #[error("`authorization.redis.url`: {0}")]
    Url(String),
}

impl From<RedisError> for RedisSetupError {
    fn from(error: RedisError) -> Self {
        Self::Url(error.to_string())
    }
}

/// The nodes in a text: one URL, or of a cluster some with commas between. A comma separates only where
/// another URL begins: a password may contain one.
pub(crate) fn nodes(text: &str, cluster: bool) -> Vec<SecretString> {
    let mut nodes: Vec<String> = Vec::new();
    for part in text.split(',') {
        let begins = SCHEMES.iter().any(|scheme| {
            let rest = part.trim_start().strip_prefix(scheme);
            rest.is_some_and(|rest| rest.starts_with("://"))
        });
        match nodes.last_mut() {
            Some(last) if !(cluster && begins) => {
                last.push(',');
                last.push_str(part);
            }
            _ => nodes.push(part.to_owned()),
        }
    }
    let nodes = nodes
        .iter()
        .map(|node| node.trim())
        .filter(|node| !node.is_empty());
    nodes.map(SecretString::from).collect()
}

/// How to connect to a node.
pub(crate) fn connection(url: &SecretString) -> Result<ConnectionInfo, RedisSetupError> {
    let url = parse_redis_url(url.expose_secret()).ok_or(RedisSetupError::NotRedis)?;
    let known: &[&str] = if url.scheme().contains("unix") {
        &OVER_SOCKET
    } else {
        &OVER_TCP
    };
    for (name, _) in url.query_pairs() {
        if !known.contains(&&*name) {
            return Err(RedisSetupError::Parameter {
                hint: did_you_mean(&name, known.iter().copied()),
                name: name.into_owned(),
            });
        }
    }
    // Over plain text nothing is verified: the driver would drop a fragment without a word.
    let over_tls = matches!(url.scheme(), "rediss" | "valkeys");
    if url
        .fragment()
        .is_some_and(|text| !(over_tls && text == "insecure"))
    {
        return Err(RedisSetupError::NotRedis);
    }
    Ok(url.into_connection_info()?)
}

#[cfg(test)]
mod tests {
    use redis::ConnectionAddr;

    use super::*;

    fn urls(text: &str, cluster: bool) -> Vec<String> {
        let nodes = nodes(text, cluster);
        nodes.iter().map(|node| node.expose_secret().to_owned()).collect()
    }

    #[test]
    fn a_comma_belongs_to_the_url_unless_another_url_of_a_cluster_follows() {
        let one = "redis://user:pa,ss@host:6379/0";
        assert_eq!(urls(one, false), [one]);
        assert_eq!(urls(one, true), [one]);
        let two = "redis://u:a,b@one:1, rediss://u:a,b@two:2";
        assert_eq!(urls(two, true), ["redis://u:a,b@one:1", "rediss://u:a,b@two:2"]);
        assert_eq!(urls(two, false), [two]);
        assert!(urls(" ", true).is_empty());
        let password = connection(&one.into()).unwrap();
        assert_eq!(password.redis_settings().password(), Some("pa,ss"));
    }

    #[test]
    fn a_part_of_a_url_that_has_no_meaning_is_refused_without_repeating_the_password() {
        for (url, named) in [
            ("redis://u:hunter2@h:1?protcol=resp3", "`protcol`"),
            ("redis://u:hunter2@h:1?tls=true", "`tls`"),
            ("redis://u:hunter2@h:1/first", "database number"),
            ("redis://u:hunter2@h:1/#insecure", "must be a URL"),
            ("http://u:hunter2@h:1", "must be a URL"),
            ("redis://u:hunter2@a:1,redis://u:hunter2@b:1", "must be a URL"),
        ] {
            let text = connection(&url.into()).unwrap_err().to_string();
            assert!(text.contains(named) && !text.contains("hunter2"), "{url}: {text}");
        }
        let known = connection(&"rediss://h:1/3?protocol=resp3".into()).unwrap();
        assert!(matches!(known.addr(), ConnectionAddr::TcpTls { .. }));
        assert_eq!(known.redis_settings().db(), 3);
    }
}
