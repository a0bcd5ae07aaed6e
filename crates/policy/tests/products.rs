//! The shipped products against the questions of their acceptance scenarios that come before
//! the first change.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may break")]

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use bailiwick_policy::{
    AccountPolicy, Attributes, Audience, DecisionInput, Level, Member, MemberState, Numbers, Outcome,
    PermissionSet, PermissionSetBuilder, Place, PlaceId, PlaceState, Places, Request, Resource, Target,
    Values, compile, decide,
    manifest::{self, MemberKind},
    scopes_held,
};
use bailiwick_types::{AccountId, Subject, Timestamp};
use serde_json::{Map, Value as Json};

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The world of a scenario, as its `given` describes it.
struct World {
    policies: BTreeMap<String, AccountPolicy>,
    places: BTreeMap<String, Places>,
    /// Scope by its text in the scenario: the account that it is in, and its id.
    scopes: BTreeMap<String, (String, PlaceId)>,
    subjects: BTreeMap<String, Subject>,
    sets: BTreeMap<(String, String), PermissionSet>,
    resources: BTreeMap<String, (String, Resource)>,
    now: Timestamp,
}

fn map(json: &Json, key: &str) -> Map<String, Json> {
    json.get(key)
        .and_then(Json::as_object)
        .cloned()
        .unwrap_or_default()
}

fn text(json: &Json, key: &str) -> String {
    json.get(key)
        .and_then(Json::as_str)
        .unwrap_or_else(|| panic!("`{key}` in {json}"))
        .to_owned()
}

/// `user:ID` stands for the id that identity gave; here that is the name itself.
fn resolve(json: &Json) -> Json {
    match json {
        Json::String(text) => text.strip_prefix("user:").unwrap_or(text).into(),
        Json::Array(items) => items.iter().map(resolve).collect(),
        other => other.clone(),
    }
}

fn resolve_map(values: &Map<String, Json>) -> Map<String, Json> {
    values
        .iter()
        .map(|(name, value)| (name.clone(), resolve(value)))
        .collect()
}

impl World {
    fn build(scenario: &Json) -> Self {
        let product = text(scenario, "product");
        let yaml = std::fs::read_to_string(repository(&format!("products/{product}.yaml"))).unwrap();
        let manifest = manifest::parse(&yaml).unwrap_or_else(|errors| panic!("{product}: {errors:#?}"));
        let product = Arc::new(compile(&manifest, Numbers::default()).unwrap().0);
        let clock = scenario
            .get("clock")
            .and_then(Json::as_str)
            .unwrap_or("2026-01-05T09:00:00Z");
        let mut world = Self {
            policies: BTreeMap::new(),
            places: BTreeMap::new(),
            scopes: BTreeMap::new(),
            subjects: BTreeMap::new(),
            sets: BTreeMap::new(),
            resources: BTreeMap::new(),
            now: Timestamp::parse(clock).unwrap(),
        };
        let given = scenario.get("given").unwrap();
        let mut next = 1_000_u128;
        let mut id = || {
            next += 1;
            PlaceId(next)
        };
        let mut bindings: Vec<(String, String, String, Map<String, Json>)> = Vec::new();
        let mut members: BTreeMap<(String, String), Member> = BTreeMap::new();
        for (name, user) in map(given, "users") {
            let kind = user.get("kind").and_then(Json::as_str).unwrap_or("agent");
            let subject_kind = if matches!(kind, "anonymous" | "service") {
                kind
            } else {
                "user"
            };
            world
                .subjects
                .insert(name.clone(), Subject::new(subject_kind, &name).unwrap());
            let member = Member {
                kind: if kind == "customer" {
                    MemberKind::Customer
                } else {
                    MemberKind::Agent
                },
                state: MemberState::Active,
                expires_at: user
                    .get("expires")
                    .and_then(Json::as_str)
                    .map(|at| Timestamp::parse(at).unwrap()),
            };
            for account in user
                .get("member_of")
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
            {
                members.insert((account.as_str().unwrap().to_owned(), name.clone()), member);
            }
        }
        for (account, decl) in map(given, "accounts") {
            let account_id = id();
            let mut places = Places::new(AccountId::from_uuid(uuid::Uuid::from_u128(account_id.0)));
            let mut add = |kind: &str, name: &str, level, parent, id: PlaceId| {
                if level != Level::Account {
                    places
                        .insert(Place {
                            id,
                            parent,
                            level,
                            state: PlaceState::Active,
                        })
                        .unwrap();
                }
                world
                    .scopes
                    .insert(format!("{kind}:{name}"), (account.clone(), id));
                id
            };
            add("account", &account, Level::Account, account_id, account_id);
            let mut owned = vec![format!("account:{account}")];
            for (name, instance) in map(&decl, "instances") {
                let instance_id = add("instance", &name, Level::Instance, account_id, id());
                for name in map(&instance, "workspaces").keys() {
                    add("workspace", name, Level::Workspace, instance_id, id());
                    owned.push(format!("workspace:{name}"));
                }
            }
            for name in map(&decl, "workspaces").keys() {
                add("workspace", name, Level::Workspace, account_id, id());
                owned.push(format!("workspace:{name}"));
            }
            if let Some(owner) = decl.get("owner").and_then(Json::as_str) {
                for scope in owned {
                    bindings.push((owner.to_owned(), "owner".to_owned(), scope, Map::new()));
                }
                let member = Member {
                    kind: MemberKind::Agent,
                    state: MemberState::Active,
                    expires_at: None,
                };
                members
                    .entry((account.clone(), owner.to_owned()))
                    .or_insert(member);
            }
            let settings = map(&decl, "settings").into_iter().collect();
            let policy = AccountPolicy::compile(Arc::clone(&product), vec![], vec![], settings);
            assert_eq!(policy.faults(), []);
            world.policies.insert(account.clone(), policy);
            world.places.insert(account.clone(), places);
        }
        for role in given.get("roles").and_then(Json::as_array).into_iter().flatten() {
            bindings.push((
                text(role, "user"),
                text(role, "role"),
                text(role, "on"),
                map(role, "with"),
            ));
        }
        let mut builders: BTreeMap<(String, String), PermissionSetBuilder> = BTreeMap::new();
        for (key, member) in members {
            let subject = world.subjects[&key.1].clone();
            builders
                .entry(key)
                .or_insert_with(|| PermissionSetBuilder::new(subject))
                .member(member);
        }
        for (user, role, scope, with) in bindings {
            let (account, place) = world.scopes[&scope].clone();
            let level = world.places[&account].get(place).unwrap().level;
            let no = product.role_no(&role).unwrap_or_else(|| panic!("role {role}"));
            let at = product
                .role(no)
                .unwrap()
                .level(level)
                .unwrap_or_else(|| panic!("{role} at {level}"));
            let parameters = resolve_map(&with);
            at.read_parameters(&parameters).unwrap();
            let subject = world.subjects[&user].clone();
            let set = builders
                .entry((account, user))
                .or_insert_with(|| PermissionSetBuilder::new(subject));
            set.bind(no, place, None, Some((level, &parameters)));
        }
        world.sets = builders
            .into_iter()
            .map(|(key, set)| {
                let policy = &world.policies[&key.0];
                let set = set.build().retype(policy);
                (key, set)
            })
            .collect();
        for (name, decl) in map(given, "resources") {
            let (of, id) = name.split_once(':').unwrap();
            let type_no = product.type_no(of).unwrap_or_else(|| panic!("type {of}"));
            let (account, place) = world.scopes[&text(&decl, "in")].clone();
            let attributes = resolve_map(&map(&decl, "attributes"));
            product.attributes(type_no, &attributes).unwrap();
            let resource = Resource {
                type_no,
                id: id.into(),
                place,
                owner: decl
                    .get("owner")
                    .and_then(Json::as_str)
                    .map(|owner| Subject::new("user", owner).unwrap()),
                parent: decl.get("parent").and_then(Json::as_str).and_then(|parent| {
                    let (of, id) = parent.split_once(':')?;
                    Some((product.type_no(of)?, id.into()))
                }),
                attributes: Attributes::stored(&attributes),
                registered: 1,
            }
            .retype(&product);
            world.resources.insert(name, (account, resource));
        }
        world
    }

    fn ask<T>(
        &self,
        user: &str,
        account: &str,
        target: Target<'_>,
        request: Request<'_>,
        answer: impl FnOnce(&DecisionInput<'_>) -> T,
    ) -> T {
        let subject = &self.subjects[user];
        let empty = PermissionSet::empty(subject.clone());
        let set = self
            .sets
            .get(&(account.to_owned(), user.to_owned()))
            .unwrap_or(&empty);
        answer(&DecisionInput {
            policy: &self.policies[account],
            places: &self.places[account],
            subject,
            disabled: false,
            sets: &[set],
            buckets: &[],
            target,
            request,
            audience: Audience::Product,
            now: self.now,
        })
    }

    fn check(&self, step: &Json) -> Outcome {
        let (user, permission, on) = (text(step, "user"), text(step, "permission"), text(step, "on"));
        let none = Values::default();
        let of = self.resources.get(&on).map(|(_, resource)| resource.type_no);
        let account = self
            .scopes
            .get(&on)
            .map_or_else(|| &self.resources[&on].0, |(account, _)| account);
        let product = self.policies[account].product();
        let target_name = of
            .and_then(|of| product.type_info(of))
            .map(|of| of.name.to_string());
        let (no, _) = product.question(&permission, target_name.as_deref()).unwrap();
        let given = resolve_map(&map(step, "attributes"));
        let attributes = product.request_values(no, of, &given).unwrap().attributes;
        let request = Request {
            attributes: &attributes,
            context: &none,
            digest: None,
        };
        let mut chain = Vec::new();
        let mut next = self.resources.get(&on).map(|(_, resource)| resource);
        while let Some(resource) = next {
            chain.push(resource);
            let parent = resource.parent.as_ref();
            next = parent.and_then(|(of, id)| {
                self.resources
                    .values()
                    .map(|(_, other)| other)
                    .find(|r| r.type_no == *of && r.id == *id)
            });
        }
        let target = match self.scopes.get(&on) {
            Some((_, place)) => Target::Scope(*place),
            None => Target::Resource(&chain),
        };
        self.ask(&user, account, target, request, |input| decide(input, no).outcome)
    }

    fn list_scopes(&self, step: &Json) -> Vec<String> {
        let user = text(step, "user");
        let none = Values::default();
        let mut all = Vec::new();
        for (account, places) in &self.places {
            let request = Request {
                attributes: &none,
                context: &none,
                digest: None,
            };
            let permission = step.get("permission").and_then(Json::as_str);
            let no = permission.map(|name| self.policies[account].product().permission_no(name).unwrap());
            let target = Target::Scope(places.account().id);
            let found = self.ask(&user, account, target, request, |input| scopes_held(input, no));
            let name = |id: &PlaceId| {
                self.scopes
                    .iter()
                    .find(|(_, (_, other))| other == id)
                    .unwrap()
                    .0
                    .clone()
            };
            all.extend(found.iter().map(name));
        }
        all.sort();
        all
    }
}

fn run(name: &str) {
    let yaml = std::fs::read_to_string(repository(&format!("tests/scenarios/{name}.yaml"))).unwrap();
    let scenario: Json = serde_saphyr::from_str(&yaml).unwrap();
    let world = World::build(&scenario);
    let mut asked = 0;
    for step in scenario.get("steps").and_then(Json::as_array).unwrap() {
        let expect = step.get("expect").unwrap();
        if let Some(check) = step.get("check") {
            let outcome = match world.check(check) {
                Outcome::Allow => "allow",
                Outcome::Deny => "deny",
                Outcome::NeedsApproval => "needs-approval",
            };
            assert_eq!(outcome, expect.as_str().unwrap(), "{name}: {step}");
        } else if let Some(list) = step.get("list_scopes") {
            let mut expected: Vec<String> = serde_json::from_value(expect.clone()).unwrap();
            expected.sort();
            assert_eq!(world.list_scopes(list), expected, "{name}: {step}");
        } else {
            break;
        }
        asked += 1;
    }
    assert!(asked > 0, "{name}: nothing was asked");
}

#[test]
fn one_question_answers_as_its_scenario_expects() {
    run("one-question");
}

#[test]
fn e_satisfaction_answers_as_its_scenario_expects() {
    run("e-satisfaction");
}

#[test]
fn iservice_answers_as_its_scenario_expects() {
    run("iservice");
}

#[test]
fn sogolytics_answers_as_its_scenario_expects() {
    run("sogolytics");
}
