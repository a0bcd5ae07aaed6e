//! The rules of a decision once more, as they are told: over plain lists and names, without
//! numbers or indexes.

use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lvl {
    Account,
    Instance,
    Workspace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Active,
    Suspended,
    Moving,
    Deleted,
    /// Of the account.
    Restricted,
}

#[derive(Debug, Clone)]
pub(crate) struct RefPlace {
    /// Where it was made.
    pub(crate) parent: Option<usize>,
    /// Where it was moved to since.
    pub(crate) moved_to: Option<usize>,
    pub(crate) level: Lvl,
    pub(crate) state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Val {
    Bool(bool),
    Int(i64),
    Subject(String),
    Texts(Vec<String>),
    Text(String),
}

/// Conditions as a tree of its own.
#[derive(Debug, Clone)]
pub(crate) enum Cond {
    OwnerIsSubject,
    AttrIsSubject(&'static str),
    AttrTrue(&'static str),
    AttrBelow(&'static str, i64),
    AttrInParam(&'static str, &'static str),
    KindIs(&'static str),
    Before(i64),
    Not(Box<Cond>),
    And(Box<Cond>, Box<Cond>),
    Or(Box<Cond>, Box<Cond>),
}

impl Cond {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::OwnerIsSubject => "resource.owner == subject.id".to_owned(),
            Self::AttrIsSubject(name) => format!("subject.id == resource.attr.{name}"),
            Self::AttrTrue(name) => format!("resource.attr.{name}"),
            Self::AttrBelow(name, n) => format!("resource.attr.{name} < {n}"),
            Self::AttrInParam(name, list) => format!("resource.attr.{name} in grant.{list}"),
            Self::KindIs(kind) => format!("subject.kind == \"{kind}\""),
            Self::Before(at) => format!("now < \"1970-01-01T00:00:{at:02}Z\""),
            Self::Not(inner) => format!("!({})", inner.text()),
            Self::And(a, b) => format!("({}) && ({})", a.text(), b.text()),
            Self::Or(a, b) => format!("({}) || ({})", a.text(), b.text()),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum RefRule {
    OfType,
    None,
    Own,
}

#[derive(Debug, Clone)]
pub(crate) struct RefEntry {
    pub(crate) pattern: String,
    pub(crate) except: Vec<String>,
    pub(crate) when: Option<Cond>,
    pub(crate) rule: RefRule,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct RefRole {
    pub(crate) levels: BTreeMap<Lvl, Vec<RefEntry>>,
    pub(crate) includes: Vec<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct RefBinding {
    pub(crate) subject: String,
    pub(crate) role: usize,
    pub(crate) place: usize,
    pub(crate) expires: Option<i64>,
    pub(crate) params: BTreeMap<String, Val>,
}

#[derive(Debug, Clone)]
pub(crate) enum On {
    Place(usize),
    Type(usize, &'static str, Reach),
    Resource(usize),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Reach {
    Existing(u64),
    Future(u64),
    All,
}

#[derive(Debug, Clone)]
pub(crate) struct RefGrant {
    pub(crate) subject: String,
    pub(crate) patterns: Vec<String>,
    pub(crate) on: On,
    pub(crate) expires: Option<i64>,
    pub(crate) params: BTreeMap<String, Val>,
}

#[derive(Debug, Clone)]
pub(crate) struct RefResource {
    pub(crate) of: &'static str,
    pub(crate) place: usize,
    pub(crate) owner: Option<String>,
    pub(crate) parent: Option<usize>,
    pub(crate) attrs: BTreeMap<String, Val>,
    pub(crate) registered: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct RefMember {
    pub(crate) kind: &'static str,
    pub(crate) suspended: bool,
    pub(crate) expires: Option<i64>,
}

#[derive(Debug, Clone)]
pub(crate) struct RefApproval {
    pub(crate) permission: String,
    pub(crate) on: Asked,
    pub(crate) digest: Option<String>,
    pub(crate) approved: bool,
    pub(crate) expires: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Place(usize),
    Resource(usize),
    Unknown,
}

/// Everything, as lists.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// Types: verbs, implications, other types it is asked on, attributes that requests may bring.
    pub(crate) verbs: Vec<(&'static str, Vec<&'static str>)>,
    pub(crate) implies: Vec<(String, String)>,
    pub(crate) on: Vec<(&'static str, &'static str)>,
    pub(crate) declared: Vec<(&'static str, &'static str, bool)>,
    /// Permissions with an approval rule of their type that is switched on.
    pub(crate) ruled: Vec<String>,
    /// Conditions for grants with parameters.
    pub(crate) granted_when: Vec<(String, Cond)>,
    pub(crate) roles: Vec<RefRole>,
    /// By role and level: what the account took out.
    pub(crate) removed: Vec<(usize, Lvl, String)>,
    /// By role and level: what the account added.
    pub(crate) added: Vec<(usize, Lvl, String)>,
    pub(crate) agent: Option<usize>,
    pub(crate) customer: Option<usize>,
    pub(crate) anonymous: Option<usize>,
    /// The role that the account made itself: it gives what one of the product would.
    pub(crate) own_role: Option<usize>,
    pub(crate) members_only: bool,
    pub(crate) places: Vec<RefPlace>,
    /// Patterns of what a restricted account keeps.
    pub(crate) restricted: Vec<&'static str>,
    pub(crate) subject: String,
    pub(crate) disabled: bool,
    pub(crate) member: Option<RefMember>,
    /// Who is in which group: the subject and groups.
    pub(crate) inside: Vec<(String, String)>,
    pub(crate) bindings: Vec<RefBinding>,
    pub(crate) grants: Vec<RefGrant>,
    pub(crate) resources: Vec<RefResource>,
    pub(crate) approvals: Vec<RefApproval>,
}

#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) permission: String,
    pub(crate) on: Asked,
    pub(crate) attrs: BTreeMap<String, Val>,
    pub(crate) digest: Option<String>,
    pub(crate) now: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Deny,
    Allow,
    NeedsApproval,
}

fn type_of(permission: &str) -> &str {
    permission.split('.').next().unwrap()
}

fn over(expires: Option<i64>, now: i64) -> bool {
    expires.is_some_and(|at| at <= now)
}

impl Facts {
    /// What a place lies in now.
    pub(crate) fn above(&self, place: usize) -> Option<usize> {
        self.places[place].moved_to.or(self.places[place].parent)
    }

    /// The subject's groups: those that it is in, those that these are in, and so on.
    fn groups(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        loop {
            let next = self.inside.iter().find(|(inner, outer)| {
                (*inner == self.subject || found.contains(inner)) && !found.contains(outer)
            });
            match next {
                Some((_, outer)) => found.push(outer.clone()),
                None => return found,
            }
        }
    }

    fn path(&self, place: usize) -> Vec<usize> {
        let mut path = vec![place];
        while let Some(parent) = self.above(*path.last().unwrap()) {
            path.push(parent);
        }
        path
    }

    /// `giver` is the permission, or implies it in some number of steps.
    fn implies(&self, giver: &str, permission: &str) -> bool {
        giver == permission
            || self
                .implies
                .iter()
                .any(|(a, b)| a == giver && self.implies(b, permission))
    }

    /// Whether the text names the permission, for an entry at a level.
    fn names(&self, pattern: &str, permission: &str, level: Option<Lvl>) -> bool {
        let of = type_of(permission);
        if pattern == "*" {
            let above = match level {
                None | Some(Lvl::Account) => false,
                Some(Lvl::Instance) => of == "account",
                Some(Lvl::Workspace) => of == "account" || of == "instance",
            };
            return !above;
        }
        match pattern.strip_suffix(".*") {
            Some(named) => named == of,
            None => pattern == permission,
        }
    }

    /// Whether some permission that the text names is the permission or implies it.
    fn gives(&self, pattern: &str, permission: &str, level: Option<Lvl>) -> bool {
        let of = type_of(permission);
        let verbs = self
            .verbs
            .iter()
            .find(|(name, _)| *name == of)
            .map(|(_, verbs)| verbs.clone());
        verbs.unwrap_or_default().iter().any(|verb| {
            let giver = format!("{of}.{verb}");
            self.names(pattern, &giver, level) && self.implies(&giver, permission)
        })
    }

    /// An included role brings what it gives at the level, as it is in this account.
    fn entries(&self, role: usize, level: Lvl) -> Vec<RefEntry> {
        let Some(own) = self.roles[role].levels.get(&level) else {
            return Vec::new();
        };
        let mut all = own.clone();
        for included in &self.roles[role].includes {
            all.extend(self.entries(*included, level));
        }
        // What is taken out takes its own entries with it, and what they bring; wider entries go
        // on without it.
        let removed = self.changes(&self.removed, role, level);
        let gone = |entry: &RefEntry| {
            let whole = |text: &String| {
                text.strip_suffix(".*")
                    .is_some_and(|of| of == type_of(&entry.pattern))
            };
            removed.iter().any(|text| *text == entry.pattern || whole(text))
        };
        all.retain(|entry| !gone(entry));
        all.iter_mut()
            .for_each(|entry| entry.except.extend(removed.clone()));
        for pattern in self.changes(&self.added, role, level) {
            all.push(RefEntry {
                pattern,
                except: Vec::new(),
                when: None,
                rule: RefRule::OfType,
            });
        }
        all
    }

    fn changes(&self, list: &[(usize, Lvl, String)], role: usize, level: Lvl) -> Vec<String> {
        list.iter()
            .filter(|(r, l, _)| *r == role && *l == level)
            .map(|(_, _, p)| p.clone())
            .collect()
    }

    fn attr(&self, question: &Question, name: &str) -> Option<Val> {
        let own = type_of(&question.permission);
        let declared = |of: &str| self.declared.iter().find(|(t, n, _)| *t == of && *n == name);
        let from_request = |allowed: bool| {
            if allowed {
                question.attrs.get(name).cloned()
            } else {
                None
            }
        };
        if let Asked::Resource(i) = question.on
            && let Some((_, _, requested)) = declared(self.resources[i].of)
        {
            let stored = self.resources[i].attrs.get(name).cloned();
            return stored.or_else(|| from_request(*requested));
        }
        from_request(declared(own).is_some_and(|(_, _, requested)| *requested))
    }

    fn holds_true(&self, cond: &Cond, question: &Question, params: &BTreeMap<String, Val>) -> Option<bool> {
        let resource = match question.on {
            Asked::Resource(i) => Some(&self.resources[i]),
            _ => None,
        };
        match cond {
            Cond::OwnerIsSubject => resource?.owner.as_ref().map(|owner| *owner == self.subject),
            Cond::AttrIsSubject(name) => match self.attr(question, name)? {
                Val::Subject(subject) => Some(subject == self.subject),
                _ => None,
            },
            Cond::AttrTrue(name) => match self.attr(question, name)? {
                Val::Bool(truth) => Some(truth),
                _ => None,
            },
            Cond::AttrBelow(name, n) => match self.attr(question, name)? {
                Val::Int(found) => Some(found < *n),
                _ => None,
            },
            Cond::AttrInParam(name, list) => match (self.attr(question, name)?, params.get(*list)?) {
                (Val::Text(text), Val::Texts(texts)) => Some(texts.contains(&text)),
                _ => None,
            },
            Cond::KindIs(kind) => {
                let member = self
                    .member
                    .as_ref()
                    .filter(|_| self.members_only && self.subject.starts_with("user:"));
                member.map(|member| member.kind == *kind)
            }
            Cond::Before(at) => Some(question.now < *at * 1_000_000),
            Cond::Not(inner) => self.holds_true(inner, question, params).map(|truth| !truth),
            Cond::And(a, b) => {
                match (
                    self.holds_true(a, question, params),
                    self.holds_true(b, question, params),
                ) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                }
            }
            Cond::Or(a, b) => {
                match (
                    self.holds_true(a, question, params),
                    self.holds_true(b, question, params),
                ) {
                    (Some(true), _) | (_, Some(true)) => Some(true),
                    (Some(false), Some(false)) => Some(false),
                    _ => None,
                }
            }
        }
    }

    /// What the entries of a role at a level come to; `held` asks for what is had without condition.
    fn by_role(
        &self,
        role: usize,
        level: Lvl,
        question: &Question,
        params: &BTreeMap<String, Val>,
        held: bool,
    ) -> Answer {
        let mut best = Answer::Deny;
        for entry in self.entries(role, level) {
            let excepted = entry
                .except
                .iter()
                .any(|part| self.names(part, &question.permission, Some(level)));
            if excepted || !self.gives(&entry.pattern, &question.permission, Some(level)) {
                continue;
            }
            if let Some(cond) = &entry.when
                && (held || self.holds_true(cond, question, params) != Some(true))
            {
                continue;
            }
            let needs = match entry.rule {
                RefRule::OfType => self.ruled.contains(&question.permission),
                RefRule::None => false,
                RefRule::Own => true,
            };
            if !needs {
                return Answer::Allow;
            }
            best = Answer::NeedsApproval;
        }
        best
    }

    fn by_grant(&self, grant: &RefGrant, question: &Question, held: bool) -> Answer {
        let mut gives = false;
        for pattern in &grant.patterns {
            if !self.gives(pattern, &question.permission, None) {
                continue;
            }
            // The conditions are those declared for what was granted and for what is asked.
            let granted = if pattern.ends_with('*') {
                &question.permission
            } else {
                pattern
            };
            let when = |permission: &String| {
                let found = self.granted_when.iter().find(|(other, _)| other == permission);
                found.map(|(_, cond)| cond)
            };
            let conds: Vec<&Cond> = [when(granted), when(&question.permission)]
                .into_iter()
                .flatten()
                .collect();
            if conds.is_empty() {
                // Parameters that nothing the pattern gives looks at give nothing.
                let looked_at = self
                    .granted_when
                    .iter()
                    .any(|(permission, _)| self.gives(pattern, permission, None));
                gives |= grant.params.is_empty() || looked_at;
                continue;
            }
            gives |= !held
                && conds
                    .iter()
                    .all(|cond| self.holds_true(cond, question, &grant.params) == Some(true));
        }
        match (gives, self.ruled.contains(&question.permission)) {
            (false, _) => Answer::Deny,
            (true, true) => Answer::NeedsApproval,
            (true, false) => Answer::Allow,
        }
    }

    fn sources(&self, question: &Question, held: bool) -> Vec<Answer> {
        let (place, chain) = match question.on {
            Asked::Place(place) => (place, Vec::new()),
            Asked::Resource(i) => {
                let mut chain = vec![i];
                while let Some(parent) = self.resources[*chain.last().unwrap()].parent {
                    chain.push(parent);
                }
                (self.resources[i].place, chain)
            }
            Asked::Unknown => return Vec::new(),
        };
        if let Some(target) = chain.first() {
            let (of, own) = (self.resources[*target].of, type_of(&question.permission));
            if of != own && !self.on.contains(&(own, of)) {
                return Vec::new();
            }
        }
        let path = self.path(place);
        let keeps = |pattern: &&str| self.names(pattern, &question.permission, None);
        let is_open = |place: &usize| match self.places[*place].state {
            State::Active => true,
            State::Restricted => self.restricted.iter().any(keeps),
            State::Suspended | State::Moving | State::Deleted => false,
        };
        if self.disabled || !path.iter().all(is_open) {
            return Vec::new();
        }
        let is_user = self.subject.starts_with("user:");
        let mut defaults = Vec::new();
        if is_user && self.members_only {
            match &self.member {
                Some(member) if !member.suspended && !over(member.expires, question.now) => {
                    defaults.extend(if member.kind == "customer" {
                        self.customer
                    } else {
                        self.agent
                    });
                    defaults.extend(self.anonymous);
                }
                _ => return Vec::new(),
            }
        } else if is_user || self.subject.starts_with("anonymous:") {
            defaults.extend(self.anonymous);
        }
        let groups = self.groups();
        let mine = |subject: &String| *subject == self.subject || groups.contains(subject);
        let mut answers = Vec::new();
        for binding in self
            .bindings
            .iter()
            .filter(|b| mine(&b.subject) && !over(b.expires, question.now))
        {
            if path.contains(&binding.place) {
                let level = self.places[binding.place].level;
                answers.push(self.by_role(binding.role, level, question, &binding.params, held));
            }
        }
        for role in defaults {
            answers.push(self.by_role(role, Lvl::Account, question, &BTreeMap::new(), held));
        }
        for grant in self
            .grants
            .iter()
            .filter(|g| mine(&g.subject) && !over(g.expires, question.now))
        {
            let covers = match &grant.on {
                On::Place(place) => path.contains(place),
                On::Resource(resource) => chain.contains(resource),
                On::Type(place, of, reach) => chain.first().is_some_and(|target| {
                    let target = &self.resources[*target];
                    let in_time = match reach {
                        Reach::Existing(at) => target.registered <= *at,
                        Reach::Future(at) => target.registered > *at,
                        Reach::All => true,
                    };
                    path.contains(place) && target.of == *of && in_time
                }),
            };
            if covers {
                answers.push(self.by_grant(grant, question, held));
            }
        }
        answers
    }

    /// The answer.
    pub(crate) fn answer(&self, question: &Question) -> Answer {
        let answers = self.sources(question, false);
        if answers.contains(&Answer::Allow) {
            return Answer::Allow;
        }
        if !answers.contains(&Answer::NeedsApproval) {
            return Answer::Deny;
        }
        let approved = self.approvals.iter().any(|approval| {
            approval.approved
                && approval.permission == question.permission
                && approval.on == question.on
                && (approval.digest.is_none() || approval.digest == question.digest)
                && !over(approval.expires, question.now)
        });
        if approved {
            Answer::Allow
        } else {
            Answer::NeedsApproval
        }
    }

    /// Whether the permission and all that it brings with it are had without condition or approval.
    pub(crate) fn may_be_given(&self, question: &Question) -> bool {
        let of = type_of(&question.permission);
        let verbs = self
            .verbs
            .iter()
            .filter(|(name, _)| *name == of)
            .flat_map(|(_, verbs)| verbs);
        let mut all = verbs.map(|verb| format!("{of}.{verb}"));
        all.all(|permission| {
            !self.implies(&question.permission, &permission)
                || self.held(&Question {
                    permission,
                    ..question.clone()
                })
        })
    }

    /// Whether the permission is had without condition or approval.
    pub(crate) fn held(&self, question: &Question) -> bool {
        self.sources(question, true).contains(&Answer::Allow)
    }
}
