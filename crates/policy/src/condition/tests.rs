//! Conditions: what they say, and that the fast path says the same as the slow one.

use bailiwick_types::{Subject, Timestamp};

use super::*;
use crate::{
    Attributes, Numbers, PlaceId, Product, Resource, Values, compile,
    manifest::{MemberKind, parse},
};

const MANIFEST: &str = "
product: notes
context: {office: {type: bool}, level: {type: int}}
types:
  note:
    verbs: [view, edit]
    attributes:
      who: {type: subject}
      open: {type: bool}
      size: {type: int}
      tag: {type: string, from: request}
      due: {type: timestamp}
      crew: {type: subject_list}
  email: {verbs: [send], attributes: {domain: {type: string, from: request}, secret: {type: bool}}}
";

struct World {
    product: Product,
    subject: Subject,
    resource: Resource,
    request: Values,
    context: Values,
    parameters: Values,
    on_scope: bool,
}

impl World {
    fn store(&mut self, attributes: serde_json::Value) {
        let attributes = Attributes::stored(attributes.as_object().unwrap());
        let resource = Resource {
            attributes,
            ..self.resource.clone()
        };
        self.resource = resource.retype(&self.product);
    }
}

fn world() -> World {
    let (product, _) = compile(&parse(MANIFEST).unwrap(), Numbers::default()).unwrap();
    let type_no = product.type_no("note").unwrap();
    let json = serde_json::json!({
        "who": "ann", "open": true, "size": 7, "due": "2026-03-01T00:00:00Z", "crew": ["bob", "service:x"],
    });
    let attributes = Attributes::stored(json.as_object().unwrap());
    World {
        subject: "user:ann".parse().unwrap(),
        resource: Resource {
            type_no,
            id: "n1".into(),
            place: PlaceId(7),
            owner: Some("user:ann".parse().unwrap()),
            parent: None,
            attributes,
            registered: 1,
        }
        .retype(&product),
        request: [("tag", Value::Text("red".into()))].into_iter().collect(),
        context: [("office", Value::Bool(true))].into_iter().collect(),
        parameters: [
            (
                "tags",
                Value::List([Value::Text("red".into()), Value::Text("blue".into())].into()),
            ),
            ("who", Value::Subject("user:ann".parse().unwrap())),
        ]
        .into_iter()
        .collect(),
        on_scope: false,
        product,
    }
}

fn decide_both(world: &World, permission: &str, source: &str) -> (Option<bool>, Option<bool>) {
    let no = world.product.permission_no(permission).unwrap();
    let info = world.product.permission(no).unwrap();
    let own_type = world.product.type_info(info.type_no).unwrap();
    let condition = Condition::compile(source, &world.product.condition_types([info.type_no])).unwrap();
    let given = Circumstances {
        subject: &world.subject,
        kind: Some(MemberKind::Customer),
        permission: info,
        own_type,
        resource: (!world.on_scope).then(|| {
            (
                &world.resource,
                world.product.type_info(world.resource.type_no).unwrap(),
            )
        }),
        place: world.resource.place,
        request: Request {
            attributes: &world.request,
            context: &world.context,
            digest: None,
        },
        parameters: Some(&world.parameters),
        now: Timestamp::parse("2026-02-01T00:00:00Z").unwrap(),
    };
    (condition.decide(&given), condition.expr.decide(&given))
}

fn decide(world: &World, source: &str) -> Option<bool> {
    let (fast, slow) = decide_both(world, "note.view", source);
    assert_eq!(fast, slow, "{source}");
    fast
}

#[test]
fn every_operator_says_what_it_means() {
    let world = world();
    let cases = [
        ("resource.owner == subject.id", Some(true)),
        ("subject.id == resource.owner", Some(true)),
        ("resource.owner != subject.id", Some(false)),
        ("resource.attr.who == subject.id", Some(true)),
        ("resource.attr.who == \"ann\"", Some(true)),
        ("resource.attr.who == 'service:ann'", Some(false)),
        ("resource.attr.open", Some(true)),
        ("!resource.attr.open", Some(false)),
        ("resource.attr.size < 8 && resource.attr.size >= 7", Some(true)),
        ("resource.attr.size > 7 || resource.attr.size <= -1", Some(false)),
        ("resource.attr.size in [1, 7]", Some(true)),
        ("resource.attr.tag in grant.tags", Some(true)),
        ("resource.attr.tag in [\"green\"]", Some(false)),
        ("subject.id in resource.attr.crew", Some(false)),
        ("\"service:x\" in resource.attr.crew", Some(true)),
        ("grant.who == subject.id", Some(true)),
        ("now < resource.attr.due", Some(true)),
        ("now < \"2026-01-01T00:00:00Z\"", Some(false)),
        ("action == \"note.view\"", Some(true)),
        ("action.verb in [\"edit\"]", Some(false)),
        (
            "subject.kind == \"customer\" && subject.type == \"user\"",
            Some(true),
        ),
        ("resource.id == \"n1\" && resource.type == \"note\"", Some(true)),
        ("context.office", Some(true)),
        ("true && !false", Some(true)),
        ("!(resource.attr.open && (context.office || false))", Some(false)),
    ];
    for (source, expected) in cases {
        assert_eq!(decide(&world, source), expected, "{source}");
    }
}

#[test]
fn what_is_missing_is_undecided_under_every_operator_that_needs_it() {
    let mut world = world();
    world.resource.owner = None;
    world.resource.attributes = Attributes::default();
    world.request = Values::default();
    world.parameters = Values::default();
    for source in [
        "resource.owner == subject.id",
        "resource.owner != subject.id",
        "!(resource.owner == subject.id)",
        "resource.attr.who == subject.id",
        "resource.attr.open",
        "!resource.attr.open",
        "resource.attr.size < 3",
        "!(resource.attr.size < 3)",
        "resource.attr.tag in grant.tags",
        "!(resource.attr.tag in grant.tags)",
        "resource.attr.tag in [\"red\"]",
        "context.level == 3",
        "resource.attr.open && true",
        "resource.attr.open || false",
        "resource.attr.open || context.level == 3",
    ] {
        assert_eq!(decide(&world, source), None, "{source}");
    }
    assert_eq!(
        decide(&world, "resource.attr.open || context.office"),
        Some(true),
        "the missing part is not needed"
    );
    assert_eq!(
        decide(&world, "resource.attr.open && !context.office"),
        Some(false),
        "the missing part is not needed"
    );
}

#[test]
fn the_fast_path_says_what_the_slow_one_says() {
    let fast = [
        "resource.owner == subject.id",
        "resource.attr.who == subject.id",
        "resource.attr.tag in grant.tags",
        "resource.attr.open",
    ];
    let subjects = ["user:ann", "user:bob", "service:ann"];
    let texts = |items: &[&str]| Value::List(items.iter().map(|t| Value::Text((*t).into())).collect());
    let lists = [
        None,
        Some(texts(&[])),
        Some(texts(&["red"])),
        Some(texts(&["blue"])),
        Some(Value::List([Value::Int(1)].into())),
        Some(Value::List([Value::Text("red".into()), Value::Int(1)].into())),
        Some(Value::Bool(true)),
    ];
    let mut asked = 0;
    for subject in subjects {
        for owner in [None, Some("user:ann"), Some("service:ann")] {
            for attributes in [
                serde_json::json!({}),
                serde_json::json!({"who": "ann", "open": false}),
                serde_json::json!({"who": "service:ann", "open": true, "tag": "blue"}),
            ] {
                for list in &lists {
                    let mut world = world();
                    world.subject = subject.parse().unwrap();
                    world.resource.owner = owner.map(|owner| owner.parse().unwrap());
                    world.store(attributes.clone());
                    world.parameters = list.iter().map(|list| ("tags", list.clone())).collect();
                    for source in fast {
                        let (by_fast, by_slow) = decide_both(&world, "note.view", source);
                        assert_eq!(by_fast, by_slow, "{source} {attributes} {list:?}");
                        asked += 1;
                    }
                }
            }
        }
    }
    assert_eq!(asked, 3 * 3 * 3 * 7 * 4);
}

#[test]
fn all_forms_of_the_fast_path_are_recognised() {
    let world = world();
    let types = world.product.condition_types(world.product.type_no("note"));
    for source in [
        "resource.owner == subject.id",
        "subject.id == resource.attr.who",
        "resource.attr.tag in grant.tags",
        "resource.attr.open",
    ] {
        assert!(
            Condition::compile(source, &types).unwrap().fast.is_some(),
            "{source}"
        );
    }
    assert!(
        Condition::compile("resource.owner != subject.id", &types)
            .unwrap()
            .fast
            .is_none()
    );
}

#[test]
fn a_stored_value_wins_over_the_request() {
    let mut world = world();
    let json = serde_json::json!({"tag": "green"});
    world.store(json);
    assert_eq!(decide(&world, "resource.attr.tag == \"green\""), Some(true));
}

#[test]
fn a_request_brings_only_what_the_manifest_marks() {
    let mut world = world();
    world.resource.attributes = Attributes::default();
    world.request = [("open", Value::Bool(true)), ("tag", Value::Text("red".into()))]
        .into_iter()
        .collect();
    assert_eq!(decide(&world, "resource.attr.open"), None);
    assert_eq!(decide(&world, "resource.attr.tag == \"red\""), Some(true));
}

#[test]
fn on_a_scope_only_marked_attributes_of_the_permissions_type_count() {
    let mut world = world();
    world.on_scope = true;
    world.request = [
        ("domain", Value::Text("a.example".into())),
        ("secret", Value::Bool(true)),
    ]
    .into_iter()
    .collect();
    assert_eq!(
        decide_both(&world, "email.send", "resource.attr.domain == \"a.example\"").0,
        Some(true)
    );
    assert_eq!(decide_both(&world, "email.send", "resource.attr.secret").0, None);
    assert_eq!(
        decide_both(&world, "email.send", "resource.owner == subject.id").0,
        None
    );
}

#[test]
fn parameters_have_the_types_that_their_use_gives_them() {
    let world = world();
    let types = world.product.condition_types(world.product.type_no("note"));
    let parameters = |source| Condition::compile(source, &types).map(|c| c.parameters().clone());
    let found =
        parameters("resource.attr.tag in grant.tags && grant.least <= resource.attr.size && grant.on")
            .unwrap();
    let found: Vec<_> = found.iter().map(|(name, kind)| (&**name, *kind)).collect();
    assert_eq!(
        found,
        [
            ("least", ValueType::Int),
            ("on", ValueType::Bool),
            ("tags", ValueType::StringList)
        ]
    );
    let clash = parameters("resource.attr.tag in grant.x && grant.x == resource.attr.size").unwrap_err();
    assert!(clash.message.contains("this is of type `string_list`"), "{clash}");
    let open = parameters("grant.a == grant.b").unwrap_err();
    assert!(open.message.contains("neither side"), "{open}");
}

#[test]
fn an_expression_is_bounded() {
    let world = world();
    let types = world.product.condition_types(world.product.type_no("note"));
    let message = |source: &str| Condition::compile(source, &types).unwrap_err().message;
    assert!(message(&format!("true{}", " ".repeat(MAX_LENGTH))).contains("longer than"));
    assert!(message(&vec!["true"; MAX_NODES + 1].join("&&")).contains("more than"));
    let deep = format!("{}true{}", "(".repeat(MAX_DEPTH + 2), ")".repeat(MAX_DEPTH + 2));
    assert!(message(&deep).contains("nested deeper"));
    assert!(message(&format!("{}true", "!".repeat(MAX_DEPTH + 2))).contains("nested deeper"));
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    let world = world();
    let types = world.product.condition_types(world.product.type_no("note"));
    for (source, at, message) in [
        ("", 0, "expected a value"),
        ("resource.attr.open ||", 21, "expected a value"),
        (
            "resource.attr.open resource.attr.open",
            19,
            "expected an operator",
        ),
        ("(true", 5, "expected `)`"),
        ("resource.attr.size in [1, \"a\"]", 22, "values of one type"),
        ("resource.attr.size in []", 22, "the list is empty"),
        ("resource.attr.size = 3", 19, "`=` has no meaning here"),
        ("action == \"x", 10, "the text is not closed"),
        ("resource.attr.size == 99999999999999999999", 22, "too large"),
        ("action < \"x\"", 0, "compare numbers and instants"),
        ("resource.attr.crew == resource.attr.crew", 0, "use `in`"),
        (
            "resource.attr.open in [1]",
            22,
            "there are no lists of values of type `bool`",
        ),
        ("(resource.attr.open) == true", 1, ""),
        ("3", 0, "this is a value"),
        ("grant", 0, "`grant` is not known"),
        ("subject.name == \"x\"", 0, "`subject.name` is not known"),
        ("in [1]", 0, "expected a value before `in`"),
    ] {
        match Condition::compile(source, &types) {
            Err(error) => {
                assert!(
                    error.message.contains(message) && !message.is_empty(),
                    "{source}: {error}"
                );
                assert_eq!(error.at, at, "{source}: {error}");
            }
            // Parentheses around a value are no fault.
            Ok(_) => assert_eq!(message, "", "{source}"),
        }
    }
}

#[test]
fn an_explanation_shows_the_values_that_were_there() {
    let world = world();
    let no = world.product.permission_no("note.view").unwrap();
    let info = world.product.permission(no).unwrap();
    let own_type = world.product.type_info(info.type_no).unwrap();
    let condition = Condition::compile(
        "resource.owner == subject.id && context.level == 3",
        &world.product.condition_types([own_type.no]),
    )
    .unwrap();
    let given = Circumstances {
        subject: &world.subject,
        kind: None,
        permission: info,
        own_type,
        resource: Some((&world.resource, own_type)),
        place: PlaceId(7),
        request: Request {
            attributes: &world.request,
            context: &world.context,
            digest: None,
        },
        parameters: None,
        now: Timestamp(0),
    };
    let seen = condition.seen(&given);
    let seen: Vec<_> = seen
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [
            ("resource.owner", Some("user:ann")),
            ("subject.id", Some("user:ann")),
            ("context.level", None)
        ]
    );
}
