//! Random worlds from a tape of bytes, both as plain facts and as the engine takes them.

mod facts;
mod yaml;

use std::{collections::BTreeMap, sync::Arc};

use bailiwick_policy::{
    AccountPolicy, ApprovalTarget, Attributes, Audience, CustomRole, DecisionInput, GrantBucket, Level,
    LevelOverlay, Member, MemberState, Numbers, OpenApproval, Overlay, Pattern, PermissionSet,
    PermissionSetBuilder, Place, PlaceId, PlaceState, Places, Request, Resource, RoleNo, Target,
    TypeGrantReach, Value, Values, bucket_of, compile,
    manifest::{EntryDecl, MemberKind, parse},
};
use bailiwick_types::{AccountId, ApprovalId, GroupId, Subject, Timestamp};
use serde_json::{Map, Value as Json};

pub(crate) use facts::{NOW, Tape, level};
use facts::{SUITE, VERBS, facts};
use yaml::yaml;

use crate::reference::{Asked, Facts, On, Question, Reach, State, Val};

/// A random world.
pub(crate) struct World {
    pub(crate) facts: Facts,
    pub(crate) policy: AccountPolicy,
    pub(crate) places: Places,
    pub(crate) subject: Subject,
    pub(crate) sets: Vec<PermissionSet>,
    pub(crate) buckets: Vec<GrantBucket>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) yaml: String,
}

pub(crate) fn place_id(place: usize) -> PlaceId {
    PlaceId((0x0190_u128 << 112) | (place as u128 + 10))
}

fn values(of: &BTreeMap<String, Val>) -> Values {
    of.iter()
        .map(|(name, value)| {
            let text = |text: &String| Value::Text(text.as_str().into());
            let value = match value {
                Val::Bool(truth) => Value::Bool(*truth),
                Val::Int(number) => Value::Int(*number),
                Val::Subject(subject) => Value::Subject(subject.parse().unwrap()),
                Val::Text(one) => text(one),
                Val::Texts(many) => Value::List(many.iter().map(text).collect()),
            };
            (name.as_str(), value)
        })
        .collect()
}

fn stored(of: &BTreeMap<String, Val>) -> Map<String, Json> {
    of.iter()
        .map(|(name, value)| {
            let value = match value {
                Val::Bool(truth) => Json::from(*truth),
                Val::Int(number) => Json::from(*number),
                Val::Subject(text) | Val::Text(text) => Json::from(text.as_str()),
                Val::Texts(many) => Json::from(many.clone()),
            };
            (name.clone(), value)
        })
        .collect()
}

fn at(micros: Option<i64>) -> Option<Timestamp> {
    micros.map(Timestamp)
}

const GROUPS: [&str; 4] = ["group:g0", "group:g1", "group:g2", "group:other"];

fn group_id(name: &str) -> GroupId {
    let no = GROUPS.iter().position(|group| *group == name).unwrap();
    GroupId::from_uuid(uuid::Uuid::from_u128(no as u128 + 1))
}

fn set_of(facts: &Facts, policy: &AccountPolicy, subject: &str) -> PermissionSetBuilder {
    let product = policy.product();
    let mut set = PermissionSetBuilder::new(subject.parse().unwrap());
    if subject == facts.subject {
        if let Some(member) = &facts.member {
            set.member(Member {
                kind: if member.kind == "agent" {
                    MemberKind::Agent
                } else {
                    MemberKind::Customer
                },
                state: if member.suspended {
                    MemberState::Suspended
                } else {
                    MemberState::Active
                },
                expires_at: at(member.expires),
            });
        }
        for (i, approval) in (1_u128..).zip(&facts.approvals) {
            set.approval(OpenApproval {
                id: ApprovalId::from_uuid(uuid::Uuid::from_u128(i)),
                permission: product.permission_no(&approval.permission).unwrap(),
                target: match approval.on {
                    Asked::Place(place) => ApprovalTarget::Place(place_id(place)),
                    Asked::Resource(i) => ApprovalTarget::Resource(
                        product.type_no(facts.resources[i].of).unwrap(),
                        format!("r{i}").into(),
                    ),
                    Asked::Unknown => unreachable!("approvals are for known targets"),
                },
                digest: approval.digest.as_deref().map(Into::into),
                bound: None,
                approved: approval.approved,
                expires_at: at(approval.expires),
            });
        }
    }
    for (_, group) in facts.inside.iter().filter(|(inner, _)| inner == subject) {
        set.group(group_id(group));
    }
    for binding in facts.bindings.iter().filter(|binding| binding.subject == subject) {
        let role = policy.role_no(&format!("r{}", binding.role)).unwrap();
        set.bind(
            role,
            place_id(binding.place),
            at(binding.expires),
            Some((level(facts.places[binding.place].level), &stored(&binding.params))),
        );
    }
    for grant in facts.grants.iter().filter(|grant| grant.subject == subject) {
        let patterns: Vec<Pattern> = grant
            .patterns
            .iter()
            .map(|text| product.pattern(text).unwrap())
            .collect();
        let params = stored(&grant.params);
        let (expires, params) = (at(grant.expires), Some(&params));
        match &grant.on {
            On::Place(place) => set.grant_scope(place_id(*place), patterns, expires, params),
            On::Type(place, of, reach) => {
                let reach = match reach {
                    Reach::All => TypeGrantReach::All,
                    Reach::Existing(at) => TypeGrantReach::Existing(*at),
                    Reach::Future(at) => TypeGrantReach::Future(*at),
                };
                set.grant_type(
                    product.type_no(of).unwrap(),
                    place_id(*place),
                    reach,
                    patterns,
                    expires,
                    params,
                )
            }
            On::Resource(i) => {
                let of = product.type_no(facts.resources[*i].of).unwrap();
                set.grant_resource(of, format!("r{i}"), patterns, expires, params)
            }
        };
    }
    set
}

impl World {
    pub(crate) fn make(tape: &mut Tape<'_>) -> Self {
        let (facts, has_rule, switched) = facts(tape);
        let yaml = yaml(&facts, has_rule, switched);
        let mut manifest = parse(&yaml).unwrap_or_else(|errors| panic!("{yaml}\n{errors:#?}"));
        let own: Vec<CustomRole> = (facts.own_role.iter())
            .map(|role| CustomRole {
                no: RoleNo::FIRST_CUSTOM,
                name: format!("r{role}"),
                decl: manifest.roles.remove(&format!("r{role}")).unwrap(),
                generation: 0,
            })
            .collect();
        let (product, _) = compile(&manifest, Numbers::default()).unwrap();
        let product = Arc::new(product);
        let mut overlays: BTreeMap<usize, BTreeMap<Level, LevelOverlay>> = BTreeMap::new();
        for (role, lvl, pattern) in &facts.removed {
            overlays
                .entry(*role)
                .or_default()
                .entry(level(*lvl))
                .or_default()
                .remove
                .push(pattern.clone());
        }
        for (role, lvl, pattern) in &facts.added {
            let add = EntryDecl::plain(pattern.as_str());
            overlays
                .entry(*role)
                .or_default()
                .entry(level(*lvl))
                .or_default()
                .add
                .push(add);
        }
        let overlays = overlays.into_iter().map(|(role, levels)| Overlay {
            role: product.role_no(&format!("r{role}")).unwrap(),
            levels,
        });
        let policy = AccountPolicy::compile(Arc::clone(&product), own, overlays.collect(), BTreeMap::new());
        assert_eq!(policy.faults(), [], "{yaml}");
        let state = |state| match state {
            State::Active => PlaceState::Active,
            State::Suspended => PlaceState::Suspended,
            State::Moving => PlaceState::Moving,
            State::Deleted => PlaceState::Deleted,
            State::Restricted => PlaceState::Restricted,
        };
        let rows = facts.places.iter().enumerate().skip(1).map(|(i, place)| Place {
            id: place_id(i),
            parent: place_id(place.parent.unwrap()),
            level: level(place.level),
            state: state(place.state),
        });
        let rows: Vec<Place> = rows.collect();
        let account = AccountId::from_uuid(uuid::Uuid::from_u128(place_id(0).0));
        let (mut places, refused) = Places::build(account, state(facts.places[0].state), rows.clone());
        assert_eq!(refused, []);
        // Then some workspaces move: to the account or to another instance.
        for (i, row) in (1..).zip(rows) {
            if let Some(to) = facts.places[i].moved_to {
                let parent = place_id(to);
                places.insert(Place { parent, ..row }).unwrap();
            }
        }
        // A set names the groups that it is in, and their sets are gathered by following the names: what is
        // nested is not told to the engine in another way.
        let (mut sets, mut buckets): (Vec<PermissionSet>, Vec<GrantBucket>) = (Vec::new(), Vec::new());
        let mut names = vec![facts.subject.clone()];
        while let Some(subject) = names.get(sets.len()).cloned() {
            let built = set_of(&facts, &policy, &subject);
            if tape.one_in(4) {
                let (set, of_set) = built.build_split(3);
                sets.push(set);
                buckets.extend(of_set);
            } else {
                sets.push(built.build());
            }
            for name in GROUPS {
                let named = sets.last().unwrap().groups().contains(&group_id(name));
                if named && !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
            }
        }
        // What is cached outside the process has to answer as what was built.
        if tape.one_in(2) {
            sets = sets
                .iter()
                .map(|set| PermissionSet::decode(&set.encode()).unwrap())
                .collect();
            buckets = buckets
                .iter()
                .map(|bucket| GrantBucket::decode(&bucket.encode()).unwrap())
                .collect();
        }
        let product = policy.product();
        let sets = sets.iter().map(|set| set.retype(&policy)).collect();
        let buckets = buckets.iter().map(|bucket| bucket.retype(&policy)).collect();
        let resources = facts.resources.iter().enumerate().map(|(i, resource)| Resource {
            type_no: product.type_no(resource.of).unwrap(),
            id: format!("r{i}").into(),
            place: place_id(resource.place),
            owner: resource.owner.as_deref().map(|owner| owner.parse().unwrap()),
            parent: resource.parent.map(|p| {
                (
                    product.type_no(facts.resources[p].of).unwrap(),
                    format!("r{p}").into(),
                )
            }),
            attributes: Attributes::stored(&stored(&resource.attrs)),
            registered: resource.registered,
        });
        let resources: Vec<Resource> = resources.map(|resource| resource.retype(product)).collect();
        let subject = facts.subject.parse().unwrap();
        Self {
            facts,
            policy,
            places,
            subject,
            sets,
            buckets,
            resources,
            yaml,
        }
    }

    pub(crate) fn question(&self, tape: &mut Tape<'_>) -> Question {
        let on = match tape.below(16) {
            15 => Asked::Unknown,
            n if n < 6 => Asked::Place(tape.below(self.facts.places.len())),
            _ => Asked::Resource(tape.below(self.resources.len())),
        };
        let of = match on {
            Asked::Resource(i) if !tape.one_in(6) => self.facts.resources[i].of,
            _ => tape.pick(&["doc", "part", "folder"]),
        };
        let permission = match tape.below(8) {
            7 => tape.pick(&SUITE).to_owned(),
            _ => format!("{of}.{}", tape.pick(&VERBS)),
        };
        let mut attrs = BTreeMap::new();
        for name in ["open", "asked"] {
            if tape.one_in(2) {
                attrs.insert(name.to_owned(), Val::Bool(tape.one_in(2)));
            }
        }
        for name in ["tag", "label"] {
            if tape.one_in(2) {
                attrs.insert(name.to_owned(), Val::Text(tape.pick(&["x", "y", "z"]).to_owned()));
            }
        }
        if tape.one_in(2) {
            attrs.insert("who".to_owned(), Val::Subject(self.facts.subject.clone()));
        }
        let digest = tape.one_in(2).then(|| tape.pick(&["d1", "d2"]).to_owned());
        Question {
            permission,
            on,
            attrs,
            digest,
            now: NOW,
        }
    }

    /// Asks about all resources at once.
    pub(crate) fn ask_of_all<T>(
        &self,
        attrs: &BTreeMap<String, Val>,
        answer: impl FnOnce(&DecisionInput<'_>) -> T,
    ) -> T {
        let sets: Vec<&PermissionSet> = self.sets.iter().collect();
        let buckets: Vec<&GrantBucket> = self.buckets.iter().collect();
        let (attributes, context) = (values(attrs), Values::default());
        answer(&DecisionInput {
            policy: &self.policy,
            places: &self.places,
            subject: &self.subject,
            disabled: self.facts.disabled,
            sets: &sets,
            buckets: &buckets,
            target: Target::Absent,
            request: Request {
                attributes: &attributes,
                context: &context,
                digest: None,
            },
            audience: Audience::Product,
            now: Timestamp(NOW),
        })
    }

    pub(crate) fn ask<T>(&self, question: &Question, answer: impl FnOnce(&DecisionInput<'_>) -> T) -> T {
        let sets: Vec<&PermissionSet> = self.sets.iter().collect();
        let mut chain = Vec::new();
        let mut next = match question.on {
            Asked::Resource(i) => Some(i),
            _ => None,
        };
        while let Some(i) = next {
            chain.push(&self.resources[i]);
            next = self.facts.resources[i].parent;
        }
        let wanted = |bucket: &&GrantBucket| {
            chain
                .iter()
                .any(|r| bucket_of(r.type_no, &r.id, bucket.number().1) == bucket.number().0)
        };
        let buckets: Vec<&GrantBucket> = self.buckets.iter().filter(wanted).collect();
        let (attributes, context) = (values(&question.attrs), Values::default());
        answer(&DecisionInput {
            policy: &self.policy,
            places: &self.places,
            subject: &self.subject,
            disabled: self.facts.disabled,
            sets: &sets,
            buckets: &buckets,
            target: match question.on {
                Asked::Place(place) => Target::Scope(place_id(place)),
                Asked::Resource(_) => Target::Resource(&chain),
                Asked::Unknown => Target::Absent,
            },
            request: Request {
                attributes: &attributes,
                context: &context,
                digest: question.digest.as_deref(),
            },
            audience: Audience::Product,
            now: Timestamp(question.now),
        })
    }
}
