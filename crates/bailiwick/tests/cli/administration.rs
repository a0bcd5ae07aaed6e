//! Accounts, people and roles, from the command line.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Output,
};

use super::{
    bailiwick, desk,
    support::{Embedded, OPERATOR, root, text},
    typed,
};

/// The shell blocks of a page, but for the first, which says how to run them.
fn script(page: &str) -> String {
    let blocks = page.split("```sh\n").skip(2);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    format!("set -euo pipefail\n{}", blocks.collect::<String>())
}

#[test]
fn the_life_of_a_customer_goes_as_its_page_says() {
    let page = std::fs::read_to_string(root().join("docs/life-of-a-customer.md")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("life.sh"), script(&page)).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_bailiwick")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let came = bailiwick()
        .args(["run", "--", "bash", "life.sh"])
        .env("PATH", format!("{}:{path}", program.display()))
        .current_dir(directory.path())
        .output()
        .unwrap();
    let said = text(&came);
    assert!(came.status.success(), "{said}");
    for told in [
        "ada@example.com (user:user_",
        "state            restricted",
        "needs-approval: eve@example.com article.publish",
        "gains",
        "permissions.csv: ",
        "signed out",
    ] {
        assert!(said.contains(told), "no `{told}` in:\n{said}");
    }
    let table = std::fs::read_to_string(directory.path().join("permissions.csv")).unwrap();
    assert!(table.lines().count() > 10, "{table}");
}

/// A user with its own password, who signs in as a profile.
struct Person<'a> {
    suite: &'a Embedded,
    password: PathBuf,
}

impl<'a> Person<'a> {
    /// The first user of the account that [`desk`] makes.
    fn new(suite: &'a Embedded) -> Self {
        let password = suite.directory.path().join("password");
        std::fs::write(&password, "a password of somebody else\n").unwrap();
        let new = password.to_str().unwrap();
        let made = typed(
            suite,
            &[
                "user",
                "create",
                "p9@example.com",
                "--new-password-file",
                new,
                "--verified",
            ],
        );
        assert!(made.status.success(), "{}", text(&made));
        Self { suite, password }
    }
    /// Runs a command with the profile alone.
    fn run(&self, arguments: &[&str]) -> Output {
        bailiwick()
            .args(arguments)
            .env(
                "BAILIWICK_ENDPOINT",
                format!("http://127.0.0.1:{}", self.suite.port),
            )
            .env("BAILIWICK_CONFIG_DIR", self.suite.directory.path().join("config"))
            .output()
            .unwrap()
    }
    fn login(&self) -> Output {
        let password = self.password.to_str().unwrap();
        self.run(&["login", "--email", "p9@example.com", "--password-file", password])
    }
    fn file(&self) -> PathBuf {
        self.suite.directory.path().join("config/credentials.json")
    }
    /// The file of profiles as JSON.
    fn kept(&self) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.file()).unwrap()).unwrap()
    }
    fn expire(&self) {
        let mut kept = self.kept();
        kept["profiles"]["default"]["tokens"]["access_expires"] = 0.into();
        std::fs::write(self.file(), kept.to_string()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_its_owners_alone_is_renewed_and_ends() {
    let suite = Embedded::start().await;
    let person = Person::new(&suite);
    let came = person.run(&["whoami"]);
    assert_eq!(came.status.code(), Some(2));
    assert!(
        text(&came).contains("sign in with `bailiwick login`"),
        "{}",
        text(&came)
    );

    let came = person.login();
    assert!(came.status.success(), "{}", text(&came));
    assert_eq!(
        person.file().metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    let came = person.run(&["whoami"]);
    assert!(
        text(&came).starts_with("p9@example.com (user:"),
        "{}",
        text(&came)
    );

    let before = person.kept()["profiles"]["default"]["tokens"]["refresh"].clone();
    person.expire();
    // Two commands at the same time renew one session once, and both go on with it.
    let both = std::thread::scope(|scope| {
        let one = scope.spawn(|| person.run(&["whoami"]));
        let other = person.run(&["whoami"]);
        [one.join().unwrap(), other]
    });
    for came in both {
        assert!(came.status.success(), "{}", text(&came));
    }
    let after = person.kept()["profiles"]["default"]["tokens"]["refresh"].clone();
    assert_ne!(before, after);

    std::fs::set_permissions(person.file(), PermissionsExt::from_mode(0o644)).unwrap();
    let came = person.run(&["whoami"]);
    assert_eq!(came.status.code(), Some(2));
    assert!(text(&came).contains("can be read by others"), "{}", text(&came));
    std::fs::set_permissions(person.file(), PermissionsExt::from_mode(0o600)).unwrap();

    let ended = typed(&suite, &["session", "revoke-all", "--user", "p9@example.com"]);
    assert!(ended.status.success(), "{}", text(&ended));
    person.expire();
    let came = person.run(&["whoami"]);
    assert_eq!(came.status.code(), Some(2));
    assert!(
        text(&came).contains("the session of profile `default` has ended"),
        "{}",
        text(&came)
    );
    assert!(person.login().status.success());
    assert!(person.run(&["logout"]).status.success());
    assert!(person.kept()["profiles"]["default"]["tokens"].is_null());
    let came = person.run(&["whoami", "--profile", "other"]);
    assert!(text(&came).contains("no profile `other`"), "{}", text(&came));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_misspelt_is_told_with_what_was_meant() {
    let suite = Embedded::start().await;
    let (account, _) = desk(&suite, &["chief"]).await;
    let within = ["--account", account.as_str()];
    let told = |arguments: &[&str], with: &str| {
        let came = typed(&suite, arguments);
        assert_eq!(came.status.code(), Some(2), "{}", text(&came));
        assert!(text(&came).contains(with), "{}", text(&came));
    };
    told(
        &[&["assign", "p0@example.com", "cheif"][..], &within].concat(),
        "did you mean `chief`?",
    );
    told(&["acount", "list"], "'account'");
    let missing = "no member of";
    told(
        &[&["member", "get", "nobody@example.com"][..], &within].concat(),
        missing,
    );
    told(
        &["account", "get", "--account", "Grnad Hotel"],
        "there is no account `Grnad Hotel`",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_the_format_of_the_answers() {
    let suite = Embedded::start().await;
    let get = [
        "instance",
        "get",
        "inst_nonsense",
        "--account",
        "acct_nonsense",
        "--output",
    ];
    let came = typed(&suite, &[&get[..], &["json"]].concat());
    assert_eq!(came.status.code(), Some(2));
    let told: serde_json::Value = serde_json::from_slice(&came.stderr).unwrap();
    assert_eq!(told["error"]["code"], "INVALID_ARGUMENT", "{told}");
    let fields: Vec<&str> = told["error"]["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["account", "instance"]);
    let came = typed(&suite, &[&get[..], &["yaml"]].concat());
    assert!(text(&came).contains("code: INVALID_ARGUMENT"), "{}", text(&came));
    let came = typed(&suite, &["user", "list", "--output", "yaml"]);
    assert!(
        text(&came).contains(&format!("email: {OPERATOR}")),
        "{}",
        text(&came)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_undone_is_confirmed_and_what_needs_a_proof_gets_one() {
    let suite = Embedded::start().await;
    let (account, _) = desk(&suite, &["chief", "clerk"]).await;
    let within = ["--account", account.as_str()];
    let came = typed(&suite, &[&["account", "delete"][..], &within].concat());
    assert_eq!(came.status.code(), Some(2));
    assert!(
        text(&came).contains("cannot be undone: `--yes` is required"),
        "{}",
        text(&came)
    );
    let came = typed(&suite, &[&["account", "get"][..], &within].concat());
    assert!(text(&came).contains("active"), "{}", text(&came));

    // Granting the operator's role requires a proof, for which the password file serves.
    let granted = typed(&suite, &["user", "grant-operator", "p0@example.com"]);
    assert!(granted.status.success(), "{}", text(&granted));
    let came = typed(&suite, &["user", "get", "p0@example.com", "--output", "json"]);
    let told: serde_json::Value = serde_json::from_slice(&came.stdout).unwrap();
    assert_eq!(told["user"]["operator"], true, "{told}");
}

#[test]
fn a_command_beside_a_suite_says_how_it_ended() {
    let run = |command: &[&str]| {
        let product = root().join("products/one-question.yaml");
        let product = product.to_str().unwrap();
        let came = bailiwick()
            .args([&["run", "--product", product, "--"], command].concat())
            .output()
            .unwrap();
        (came.status.code(), text(&came))
    };
    let (code, said) = run(&[
        "sh",
        "-c",
        "test -n \"$BAILIWICK_TOKEN\" && echo at $BAILIWICK_ENDPOINT",
    ]);
    assert!(code == Some(0) && said.contains("at http://127.0.0.1:"), "{said}");
    assert_eq!(run(&["false"]).0, Some(1));
    let (code, said) = run(&["/no/such/program"]);
    assert!(
        code == Some(2) && said.contains("cannot start `/no/such/program`"),
        "{said}"
    );
}
