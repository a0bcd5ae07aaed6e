//! The faults of unusable files, with their positions.

use bailiwick_scenario::Scenario;

const GIVEN: &str = r#"product: stores
given:
  accounts: {acme: {title: Acme, workspaces: {athens: {title: Athens}}}, other: {title: Other}}
  users: {amy: {member_of: [acme]}, anon: {kind: anonymous}}
  roles: [{user: amy, role: admin, on: "account:acme"}]
  resources: {"chart:c1": {in: "workspace:athens"}}
steps:
"#;

fn faults(text: &str) -> Vec<String> {
    match Scenario::parse("f.yaml", text) {
        Ok(_) => Vec::new(),
        Err(unusable) => unusable.to_string().lines().map(str::to_owned).collect(),
    }
}

/// The faults of a file that is correct except for one step, in line 8 from column 5.
fn of_step(step: &str) -> Vec<String> {
    let found = faults(&format!("{GIVEN}  - {step}\n"));
    found
        .iter()
        .map(|fault| fault.trim_start_matches("f.yaml:").to_owned())
        .collect()
}

#[test]
fn a_correct_file_has_no_faults() {
    let step = r#"{as: amy, check: {user: amy, permission: chart.view, on: "chart:c1"}, expect: allow, because: so}"#;
    assert_eq!(of_step(step), [""; 0]);
}

/// A step and its fault. The mark `^` is at the column of the fault and not part of the step.
const STEPS: &[(&str, &str)] = &[
    (
        r"{^chek: {user: amy}, expect: allow}",
        "unknown verb `chek`; did you mean `check`?",
    ),
    (r"^{expect: allow}", "a step needs a verb"),
    (r"^advance", "a step must be a map, not text"),
    (
        r#"^{check: {user: amy, permission: a.view, on: "chart:c1"}}"#,
        "a step needs `expect`",
    ),
    (
        r#"{check: ^{user: amy, on: "chart:c1"}, expect: allow}"#,
        "`check` needs `permission`",
    ),
    (r"{check: ^amy, expect: deny}", "`check` must be a map, not text"),
    (
        r#"{check: {user: amy, permission: a.view, on: "chart:c1"}, expect: ^yes}"#,
        "`expect` must be `allow`, `deny`, `needs-approval` or a code, not `yes`",
    ),
    (
        r#"{check: {user: ^bob, permission: a.view, on: "chart:c1"}, expect: allow}"#,
        "user `bob` is not declared in this file",
    ),
    (
        r#"{check: {user: amy, permission: a.view, on: ^"workspace:rome"}, expect: deny}"#,
        "scope `workspace:rome` is not declared in this file",
    ),
    (
        r"{check: {user: amy, permission: a.view, on: ^c1}, expect: deny}",
        "`on` must be `TYPE:ID`, not `c1`",
    ),
    (
        r#"{check: {user: ^[amy], permission: a.view, on: "chart:c1"}, expect: deny}"#,
        "`user` must be text, not a list",
    ),
    (
        r#"{as: ^bob, unregister: {resource: "chart:c1"}, expect: ok}"#,
        "user `bob` is not declared in this file",
    ),
    (
        r#"{unregister: {resource: "chart:c1"}, ^delete: {scope: "account:acme"}, expect: ok}"#,
        "a step has one verb: `delete` is a second",
    ),
    (
        r#"{unregister: {resource: "chart:c1"}, expect: ok, ^becuase: so}"#,
        "unknown key `becuase`; did you mean `because`?",
    ),
    (
        r#"{unregister: {resource: "chart:c1"}, expect: ^PERMISION_DENIED}"#,
        "`expect` must be `ok` or a code, not `PERMISION_DENIED`; did you mean `PERMISSION_DENIED`?",
    ),
    (
        r#"{create_instance: {id: i, in: ^"workspace:athens", title: I}, expect: ok}"#,
        "an instance is created in an account, not in `workspace:athens`",
    ),
    (
        r#"{list_workspaces: {in: "account:acme", page_size: ^two}, expect: [athens]}"#,
        "`page_size` must be a whole number from 0 up, not `two`",
    ),
    (
        r#"{list_workspaces: {in: "account:acme"}, expect: [^rome]}"#,
        "scope `workspace:rome` is not declared in this file",
    ),
    (
        r"{seats: {account: ^acne}, expect: {limit: 1, used: 1, ending: 0}}",
        "scope `account:acne` is not declared in this file; did you mean `acme`?",
    ),
    (
        r#"{list_users: {on: "account:acme"}, expect: [^bob]}"#,
        "user `bob` is not declared in this file",
    ),
    (
        r#"{list_scopes: {user: amy}, expect: [^"instance:hr"]}"#,
        "scope `instance:hr` is not declared in this file",
    ),
    (
        r"{list_scopes: {user: amy}, expect: ^3}",
        "`expect` must be a list, not a number",
    ),
    (
        r#"{assign: {user: amy, role: admin, on: "account:acme", expires: ^tomorrow}, expect: ok}"#,
        "`expires` must be an RFC 3339 instant, not `tomorrow`",
    ),
    (
        r#"{assign: {user: ^"group:g", role: admin, on: "account:acme"}, expect: ok}"#,
        "group `g` is not declared in this file",
    ),
    (
        r#"{assign: {user: amy, role: admin, on: "account:acme", with: {who: [^"user:bob"]}}, expect: ok}"#,
        "user `bob` is not declared in this file",
    ),
    (
        r#"{transfer_ownership: {scope: "account:acme", to: amy, password: ^maybe}, expect: ok}"#,
        "`password` must be one of `right`, `wrong`, `none`, not `maybe`",
    ),
    (
        r"{remove_user: ^{user: amy}, expect: ok}",
        "`remove_user` needs either `account` or `on`",
    ),
    (
        r#"^{as: anon, accept: {user: amy, email: a@example.com, on: "account:acme"}, expect: ok}"#,
        "`accept` acts as `amy`, not as `anon`",
    ),
    (
        r"{approve: {request: ^r1}, expect: ok}",
        "request `r1` is not declared in this file",
    ),
    (
        r#"{grant: ^{user: amy, permissions: [a.view], type: a, in: "account:acme"}, expect: ok}"#,
        "`grant` needs `applies_to`",
    ),
    (
        r"{seats: {account: acme}, expect: ^{limit: 1, used: 1}}",
        "`expect` needs `ending`",
    ),
    (
        r"{define_role: {account: acme, role: {name: a, title: A, holders: ^{at_least: 1, exactly: 1}, levels: {}}}, expect: ok}",
        "`holders` needs either `exactly` or `at_least`",
    ),
    (
        r"{define_role: {account: acme, role: {name: a, title: A, ^owner: x, levels: {}}}, expect: ok}",
        "unknown key `owner` of `role`; expected one of `includes`, `name`, `title`, `holders`, `levels`",
    ),
    (
        r"{advance: ^soon}",
        "`advance` must be a duration such as `90s`, `1m`, `4h` or `30d`, not `soon`",
    ),
    (
        r"{advance: 1m, expect: ^ok}",
        "this verb answers nothing: remove `expect`",
    ),
    (
        r#"{check: {user: amy, permission: a.view, on: "chart:c1", ^attribute: {}}, expect: allow}"#,
        "unknown key `attribute` of `check`; did you mean `attributes`?",
    ),
];

#[test]
fn each_fault_of_a_step_is_reported_with_its_line_and_column() {
    for (marked, fault) in STEPS {
        let column = marked.find('^').expect("a mark") + 5;
        let step = marked.replacen('^', "", 1);
        assert_eq!(of_step(&step), [format!("8:{column}: {fault}")], "{step}");
    }
}

#[test]
fn all_faults_of_a_file_are_reported_at_once_in_its_order() {
    let text = "format: 2
product: [stores]
clok: now
clock: now
given:
  users: {amy: {kind: boss}}
  accounts:
    acme: {titel: Acme, owner: bob, seats: many}
  roles: {}
steps: none
";
    let expected = [
        "1:9: `format` must be 1, not `2`",
        "2:10: `product` must be text, not a list",
        "3:1: unknown key `clok` of a scenario; did you mean `clock`?",
        "4:8: `clock` must be an RFC 3339 instant, not `now`",
        "6:23: `kind` must be one of `agent`, `customer`, `anonymous`, `service`, not `boss`",
        "8:11: account `acme` needs `title`",
        "8:12: unknown key `titel` of account `acme`; did you mean `title`?",
        "8:32: user `bob` is not declared in this file",
        "8:44: `seats` must be a whole number from 0 up, not `many`",
        "9:10: `roles` must be a list, not a map",
        "10:8: `steps` must be a list, not text",
    ];
    assert_eq!(faults(text), expected.map(|fault| format!("f.yaml:{fault}")));
}

#[test]
fn a_name_of_two_scopes_is_a_fault() {
    let text = "product: stores
given:
  accounts:
    acme: {title: Acme, workspaces: {athens: {title: Athens}}}
    athens: {title: Athens}
steps: []
";
    assert_eq!(
        faults(text),
        ["f.yaml:5:5: `athens` is already declared in line 4"]
    );
}

#[test]
fn a_key_that_is_set_twice_is_a_fault() {
    let found = faults("product: stores\nproduct: other\nsteps: []\n");
    assert_eq!(found, ["f.yaml:2:1: key `product` is already set in line 1"]);
}

#[test]
fn a_missing_file_is_unusable() {
    let unusable = Scenario::read(std::path::Path::new("nowhere.yaml")).expect_err("not there");
    assert!(
        unusable
            .to_string()
            .starts_with("nowhere.yaml:1:1: cannot read the file: "),
        "{unusable}"
    );
}
