//! A client made from the command line.

use anyhow::{Context, Result, bail};
use bailiwick_client::{Client, Credentials, Endpoints, Tls};

use crate::{cli::Connection, secret};

/// One endpoint for all services, or `SERVICE=URL` three times.
pub(crate) fn endpoints(given: &[String]) -> Result<Endpoints> {
    if let [one] = given
        && !one.contains('=')
    {
        return Ok(Endpoints::one(one));
    }
    let of = |service: &str| {
        let prefix = format!("{service}=");
        let found = given.iter().find_map(|e| e.strip_prefix(&prefix));
        found
            .map(str::to_owned)
            .with_context(|| format!("no endpoint for `{service}`: give one URL, or `{service}=URL`"))
    };
    let (identity, tenancy, authorization) = (of("identity")?, of("tenancy")?, of("authorization")?);
    if given.len() != 3 {
        bail!("give one URL, or `identity=URL`, `tenancy=URL` and `authorization=URL` once each");
    }
    Ok(Endpoints::each(identity, tenancy, authorization))
}

/// Connects with the credentials that the command line names.
pub(crate) fn client(connection: &Connection) -> Result<Client> {
    let mut endpoints = endpoints(&connection.endpoint)?;
    if let Some(file) = &connection.ca_file {
        endpoints = endpoints.tls(Tls::Ca(file.clone()));
    }
    let credentials = match (&connection.email, &connection.client_id) {
        (Some(email), _) => {
            let file = connection
                .password_file
                .as_deref()
                .context("`--password-file` is missing")?;
            Credentials::password(email, secret::first_line(file)?, None)
        }
        (None, Some(id)) => {
            let file = connection
                .client_secret_file
                .as_deref()
                .context("`--client-secret-file` is missing")?;
            Credentials::client(id, secret::first_line(file)?)
        }
        (None, None) => bail!("give `--email` or `--client-id`"),
    };
    Ok(Client::lazy(&endpoints)?.with_credentials(credentials))
}

#[cfg(test)]
mod tests {
    use super::endpoints;

    fn given(all: &[&str]) -> Vec<String> {
        all.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn endpoints_are_one_or_one_a_service() {
        assert!(endpoints(&given(&["http://a:1"])).is_ok());
        assert!(
            endpoints(&given(&[
                "identity=http://a:1",
                "tenancy=http://b:1",
                "authorization=http://c:1"
            ]))
            .is_ok()
        );
        let error = endpoints(&given(&["identity=http://a:1", "tenancy=http://b:1"])).unwrap_err();
        assert!(
            error.to_string().contains("no endpoint for `authorization`"),
            "{error}"
        );
    }
}
