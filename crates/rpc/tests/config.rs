//! Configuration: file, environment, flags; unknown keys; secrets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

use std::{collections::BTreeMap, io::Write, net::SocketAddr, time::Duration};

use bailiwick_rpc::{AccessLog, HumanDuration, Loader, Secret, ServerConfig, TelemetryConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    server: ServerConfig,
    telemetry: TelemetryConfig,
    store: Store,
    peers: BTreeMap<String, Peer>,
    products: Vec<String>,
    relays: Vec<Peer>,
    optional: Option<Peer>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
struct Store {
    url: String,
    password: Secret,
    pool: u32,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
struct Peer {
    address: String,
    tls: bool,
    ratio: f64,
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn fails(loader: Loader) -> String {
    loader.load::<Settings>().unwrap_err().to_string()
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let file = file("[server]\nlisten = '127.0.0.1:1'\nmax_in_flight = 1\nslow_call = '2s'\n");
    let settings: Settings = Loader::new()
        .file(Some(file.path()))
        .environment(variables(&[
            ("BAILIWICK__SERVER__LISTEN", "127.0.0.1:2"),
            ("BAILIWICK__SERVER__MAX_IN_FLIGHT", "2"),
            ("PATH", "/bin"),
        ]))
        .set("server.listen", "127.0.0.1:3")
        .load()
        .unwrap();
    assert_eq!(
        settings.server.listen,
        "127.0.0.1:3".parse::<SocketAddr>().unwrap()
    );
    assert_eq!(settings.server.max_in_flight, 2);
    assert_eq!(
        settings.server.slow_call,
        HumanDuration::from(Duration::from_secs(2))
    );
    assert_eq!(settings.server.drain_wait, ServerConfig::default().drain_wait);
}

#[test]
fn texts_of_the_environment_become_what_the_key_wants() {
    let settings: Settings = Loader::new()
        .environment(variables(&[
            ("BAILIWICK__PRODUCTS", "iservice, sogolytics"),
            ("BAILIWICK__PEERS__IDENTITY__TLS", "true"),
            ("BAILIWICK__PEERS__IDENTITY__RATIO", "0.5"),
            ("BAILIWICK__OPTIONAL__ADDRESS", "0123"),
            ("BAILIWICK__SERVER__ACCESS_LOG", "all"),
            ("BAILIWICK__SERVER__HTTP_LISTEN", "127.0.0.1:9"),
            ("BAILIWICK__STORE__PASSWORD", "0123"),
        ]))
        .load()
        .unwrap();
    assert_eq!(settings.products, ["iservice", "sogolytics"]);
    assert!(settings.peers["identity"].tls);
    assert!((settings.peers["identity"].ratio - 0.5).abs() < f64::EPSILON);
    assert_eq!(settings.optional.unwrap().address, "0123");
    assert_eq!(settings.server.access_log, AccessLog::All);
    assert_eq!(settings.server.http_listen.unwrap().port(), 9);
    assert_eq!(settings.store.password.expose(), "0123");
}

#[test]
fn an_unknown_key_is_refused_and_named_with_where_it_stands() {
    let in_file = file("[server]\nlistn = '127.0.0.1:1'\n");
    let text = fails(Loader::new().file(Some(in_file.path())));
    let name = in_file.path().display();
    assert_eq!(
        text,
        format!("unknown key `server.listn` in file `{name}`; did you mean `listen`?")
    );
    let text = fails(Loader::new().environment(variables(&[("BAILIWICK__SERVER__LISTN", "x")])));
    assert_eq!(
        text,
        "unknown key `server.listn` in variable `BAILIWICK__SERVER__LISTN`; did you mean `listen`?"
    );
    let text = fails(Loader::new().set("store.urls.x", "y"));
    assert_eq!(
        text,
        "unknown key `store.urls` in flag for `store.urls.x`; did you mean `url`?"
    );
    for (file_text, key) in [
        ("[peers.identity]\nadress = 'x'\n", "peers.identity.adress"),
        ("[optional]\nnothing = 1\n", "optional.nothing"),
        (
            "[[relays]]\naddress = 'x'\n[[relays]]\ncolour = 'red'\n",
            "relays[1].colour",
        ),
        ("[store.password]\nfiel = 'x'\n", "store.password.fiel"),
        ("colour = 'red'\n", "colour"),
    ] {
        let file = file(file_text);
        let text = fails(Loader::new().file(Some(file.path())));
        assert!(
            text.starts_with(&format!("unknown key `{key}` in file ")),
            "{text}"
        );
    }
    for name in [
        "BAILIWICK__",
        "BAILIWICK__SERVER__LISTEN__DEEPER",
        "BAILIWICK__SERVER__",
    ] {
        let text = fails(Loader::new().environment(variables(&[(name, "x")])));
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn a_value_that_does_not_fit_is_named_with_where_it_stands() {
    let text = fails(Loader::new().environment(variables(&[("BAILIWICK__SERVER__MAX_IN_FLIGHT", "many")])));
    assert!(
        text.contains("server.max_in_flight") && text.contains("BAILIWICK__SERVER__MAX_IN_FLIGHT"),
        "{text}"
    );
    let file = file("[server]\nslow_call = 'soon'\n");
    let text = fails(Loader::new().file(Some(file.path())));
    assert!(text.contains("slow_call") && text.contains("duration"), "{text}");
    let text = fails(Loader::new().file(Some(std::path::Path::new("nothing.toml"))));
    assert!(text.contains("nothing.toml"), "{text}");
}

#[test]
fn a_secret_may_stand_in_a_file_of_its_own() {
    let secret = file("s3cret of the file\n");
    let path = secret.path().display().to_string();
    let settings: Settings = Loader::new()
        .environment(variables(&[("BAILIWICK__STORE__PASSWORD__FILE", &path)]))
        .load()
        .unwrap();
    assert_eq!(settings.store.password.expose(), "s3cret of the file");
    let inline = file(&format!("[store]\npassword = {{ file = '{path}' }}\n"));
    let settings: Settings = Loader::new().file(Some(inline.path())).load().unwrap();
    assert_eq!(settings.store.password.expose(), "s3cret of the file");
    let text =
        fails(Loader::new().environment(variables(&[("BAILIWICK__STORE__PASSWORD__FILE", "/nothing")])));
    assert!(text.contains("/nothing"), "{text}");
}

#[test]
fn a_secret_shows_itself_neither_in_debug_nor_in_what_is_written_nor_in_an_error() {
    let settings: Settings = Loader::new()
        .environment(variables(&[("BAILIWICK__STORE__PASSWORD", "hunter2")]))
        .load()
        .unwrap();
    assert!(!format!("{settings:?} {settings:#?}").contains("hunter2"));
    let written = serde_json::to_string(&settings).unwrap();
    assert!(
        written.contains("[redacted]") && !written.contains("hunter2"),
        "{written}"
    );
    for text in [
        "password = 271828",
        "password = ['271828']",
        "password = { text = '271828' }",
        "password = 27.1828",
    ] {
        let file = file(&format!("[store]\n{text}\n"));
        let error = Loader::new()
            .file(Some(file.path()))
            .load::<Settings>()
            .unwrap_err();
        for shown in [format!("{error}"), format!("{error:?}")] {
            assert!(!shown.contains("271828") && !shown.contains("27.1828"), "{shown}");
        }
    }
}
