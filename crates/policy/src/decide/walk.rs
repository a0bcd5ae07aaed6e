//! Going through everything that could give a permission.

use bailiwick_types::Level;

use super::{
    Audience, Decision, DecisionInput, Outcome, Reason, Source, Target,
    standing::{Standing, standing_for},
};
use crate::{
    PermissionNo, PermissionSet, PlaceId, Resource,
    condition::{Circumstances, Condition},
    places::Path,
    product::{ApprovalRule, Entry, EntryRule, Pattern, PermissionInfo, Product, RoleLevel, TypeInfo},
    set::{Grant, Held, Shapes, is_over},
    value::Values,
};

/// What something that could give a permission comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    /// It gives it once somebody approves.
    Approval,
    /// Its condition cannot be decided.
    Undecided,
    /// Its condition is not true.
    False,
    /// It is over.
    Expired,
}

impl Effect {
    /// How far it is from allowing.
    pub(crate) fn distance(self) -> u8 {
        self as u8
    }
}

/// Something that gives the permission, or would.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    pub(crate) source: Source,
    pub(crate) effect: Effect,
    /// Whether there is a condition on it.
    pub(crate) condition: Option<&'a Condition>,
    /// Whether it gives it whatever the type's approval rule says.
    pub(crate) waived: bool,
    pub(crate) parameters: Option<&'a Values>,
}

impl Candidate<'_> {
    pub(super) fn allow(&self, permission: PermissionNo) -> Decision {
        let reason = match self.source {
            Source::Binding { .. } => Reason::Role,
            Source::DefaultRole { .. } => Reason::DefaultRole,
            Source::ScopeGrant { .. } | Source::TypeGrant { .. } | Source::ResourceGrant { .. } => {
                Reason::Grant
            }
        };
        Decision {
            permission,
            outcome: Outcome::Allow,
            reason,
            source: Some(self.source),
            approval: None,
        }
    }
}

/// Takes candidates; `false` ends the walk.
type Visit<'v, 'a> = &'v mut dyn FnMut(Candidate<'a>) -> bool;

/// What a decision stands on: everything that was named was found.
#[derive(Debug)]
pub(crate) struct Ground<'a> {
    pub(crate) input: &'a DecisionInput<'a>,
    pub(crate) info: &'a PermissionInfo,
    own_type: &'a TypeInfo,
    pub(crate) path: Path<'a>,
    resource: Option<(&'a Resource, &'a TypeInfo)>,
    chain: &'a [&'a Resource],
    type_rule: Option<&'a ApprovalRule>,
}

impl<'a> Ground<'a> {
    pub(crate) fn find(input: &'a DecisionInput<'a>, permission: PermissionNo) -> Result<Self, Reason> {
        let product = input.policy.product();
        if input.disabled {
            return Err(Reason::SubjectDisabled);
        }
        let info = product.permission(permission).ok_or(Reason::PermissionUnknown)?;
        let own_type = product.type_info(info.type_no).ok_or(Reason::PermissionUnknown)?;
        let (chain, place, unknown) = match input.target {
            Target::Scope(place) => (&[][..], place, Reason::ResourceUnknown),
            Target::Resource(chain) => {
                let target = chain.first().ok_or(Reason::ResourceUnknown)?;
                (chain, target.place, Reason::ScopeUnknown)
            }
            Target::Absent => return Err(Reason::ResourceUnknown),
        };
        let path = input.places.path(place).ok_or(unknown)?;
        let resource = match chain.first() {
            None => None,
            Some(target) => {
                let of = product.type_info(target.type_no).ok_or(Reason::ResourceUnknown)?;
                if of.no != own_type.no && !own_type.on.contains(&of.no) {
                    return Err(Reason::NotApplicable);
                }
                Some((*target, of))
            }
        };
        let type_rule = input.policy.type_rule(permission);
        Ok(Self {
            input,
            info,
            own_type,
            path,
            resource,
            chain,
            type_rule,
        })
    }

    /// Shows everything that could give the permission. What the suite itself gives comes first and holds
    /// whatever the state of account and member is; a reason is returned where nothing else may count.
    pub(crate) fn walk(&self, visit: Visit<'_, 'a>) -> Option<Reason> {
        if !self.suite(visit) {
            return None;
        }
        let standing = match self.standing() {
            Ok(standing) => standing,
            Err(reason) => return Some(reason),
        };
        let _ =
            self.sets(standing, visit) && self.defaults(standing, visit) && self.resources(standing, visit);
        None
    }

    /// Whether the subject may have anything here at all.
    pub(crate) fn standing(&self) -> Result<Standing, Reason> {
        standing_for(self.input, &self.path, self.info.no)
    }

    /// Whether it is about asking for decisions.
    fn is_asking(&self) -> bool {
        &*self.info.name == "decision.check"
    }

    fn suite(&self, visit: Visit<'_, 'a>) -> bool {
        const NOBODY: Standing = Standing {
            kind: None,
            anonymous: false,
        };
        let places = match self.input.audience {
            Audience::Product => &[(PlaceId::PRODUCT, Level::Product)][..],
            Audience::Suite => &[
                (PlaceId::DEPLOYMENT, Level::Deployment),
                (PlaceId::PRODUCT, Level::Product),
            ][..],
        };
        for (number, set) in (0..).zip(self.input.sets).filter(|(_, set)| set.is_suite()) {
            for (place, level) in places {
                let Some(held) = set.at(*place) else { continue };
                // Roles of a product's services give nothing where nobody else's do. That decisions are
                // asked there has to go on: the answer says why.
                if *level == Level::Product && !self.is_asking() && self.standing().is_err() {
                    continue;
                }
                if !self.bindings(NOBODY, number, set, &held, *level, visit) {
                    return false;
                }
            }
        }
        true
    }

    fn sets(&self, standing: Standing, visit: Visit<'_, 'a>) -> bool {
        for (number, set) in (0..).zip(self.input.sets.iter().copied()) {
            for place in self.path.iter() {
                let Some(held) = set.at(place.id) else { continue };
                if !self.bindings(standing, number, set, &held, place.level, visit)
                    || !self.place_grants(standing, number, set, &held, visit)
                {
                    return false;
                }
            }
        }
        true
    }

    fn bindings(
        &self,
        standing: Standing,
        set_number: u16,
        set: &'a PermissionSet,
        held: &Held<'a>,
        level: Level,
        visit: Visit<'_, 'a>,
    ) -> bool {
        for binding in held.bindings {
            let Some(at) = self
                .input
                .policy
                .role(binding.role)
                .and_then(|role| role.level(level))
            else {
                continue;
            };
            let given = Given {
                source: Source::Binding {
                    set: set_number,
                    role: binding.role,
                    place: held.place,
                    level,
                    entry: None,
                },
                parameters: set.parameters_of(binding.parameters),
                over: is_over(binding.expires, self.input.now),
            };
            if !self.entries(standing, at, given, visit) {
                return false;
            }
        }
        true
    }

    fn defaults(&self, standing: Standing, visit: Visit<'_, 'a>) -> bool {
        for role in standing.default_roles(self.input.policy.product()) {
            let Some(at) = self
                .input
                .policy
                .role(role)
                .and_then(|role| role.level(Level::Account))
            else {
                continue;
            };
            let given = Given {
                source: Source::DefaultRole { role, entry: None },
                parameters: None,
                over: false,
            };
            if !self.entries(standing, at, given, visit) {
                return false;
            }
        }
        true
    }

    #[inline]
    fn entries(&self, standing: Standing, at: &'a RoleLevel, given: Given<'a>, visit: Visit<'_, 'a>) -> bool {
        let permission = self.info.no;
        let candidate = |effect, waived| Candidate {
            source: given.source,
            effect: if given.over { Effect::Expired } else { effect },
            condition: None,
            waived,
            parameters: given.parameters,
        };
        if at.waived.contains(permission) && !visit(candidate(Effect::Allow, true)) {
            return false;
        }
        if at.plain.contains(permission) && !visit(candidate(self.with_type_rule(), false)) {
            return false;
        }
        for (number, entry) in at.specials() {
            if entry.bits.contains(permission) && !visit(self.special(standing, number, entry, &given)) {
                return false;
            }
        }
        true
    }

    fn special(&self, standing: Standing, number: u16, entry: &'a Entry, given: &Given<'a>) -> Candidate<'a> {
        let true_effect = match &entry.rule {
            EntryRule::OfType => self.with_type_rule(),
            EntryRule::Waived => Effect::Allow,
            EntryRule::Own(rule) if self.input.policy.is_active(rule) => Effect::Approval,
            EntryRule::Own(_) => Effect::Allow,
        };
        let effect = match &entry.condition {
            _ if given.over => Effect::Expired,
            None => true_effect,
            Some(condition) => match condition.decide(&self.circumstances(standing, given.parameters)) {
                Some(true) => true_effect,
                Some(false) => Effect::False,
                None => Effect::Undecided,
            },
        };
        let source = match given.source {
            Source::Binding {
                set,
                role,
                place,
                level,
                ..
            } => Source::Binding {
                set,
                role,
                place,
                level,
                entry: Some(number),
            },
            Source::DefaultRole { role, .. } => Source::DefaultRole {
                role,
                entry: Some(number),
            },
            other => other,
        };
        Candidate {
            source,
            effect,
            condition: entry.condition.as_ref(),
            waived: entry.rule == EntryRule::Waived,
            parameters: given.parameters,
        }
    }

    #[inline]
    fn with_type_rule(&self) -> Effect {
        if self.type_rule.is_some() {
            Effect::Approval
        } else {
            Effect::Allow
        }
    }

    fn place_grants(
        &self,
        standing: Standing,
        set_number: u16,
        set: &'a PermissionSet,
        held: &Held<'a>,
        visit: Visit<'_, 'a>,
    ) -> bool {
        let (shapes, place) = (set.shapes(), held.place);
        for grant in held.scope_grants {
            if shapes.gives(grant.shape, self.info) {
                let parameters = set.parameters_of(grant.parameters);
                let source = Source::ScopeGrant {
                    set: set_number,
                    place,
                };
                if !visit(self.grant(standing, source, *grant, shapes, parameters)) {
                    return false;
                }
            }
        }
        let Some((resource, _)) = self.resource else {
            return true;
        };
        for of_type in held.type_grants {
            let covers = of_type.of == resource.type_no && of_type.reach.covers(resource.registered);
            if covers && shapes.gives(of_type.grant.shape, self.info) {
                let parameters = set.parameters_of(of_type.grant.parameters);
                let source = Source::TypeGrant {
                    set: set_number,
                    place,
                    of: of_type.of,
                };
                if !visit(self.grant(standing, source, of_type.grant, shapes, parameters)) {
                    return false;
                }
            }
        }
        true
    }

    fn resources(&self, standing: Standing, visit: Visit<'_, 'a>) -> bool {
        let sets = self.input.sets.iter().map(|set| set.resource_grants());
        let buckets = self.input.buckets.iter().map(|bucket| bucket.grants());
        for (set, grants) in (0..).zip(sets.chain(buckets)) {
            for (above, resource) in (0..).zip(self.chain) {
                for grant in grants.on(resource.type_no, &resource.id) {
                    if !grants.shapes().gives(grant.shape, self.info) {
                        continue;
                    }
                    let parameters = grants.parameters_of(grant.parameters);
                    let source = Source::ResourceGrant { set, above };
                    if !visit(self.grant(standing, source, grant, grants.shapes(), parameters)) {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// A grant follows the conditions that types declare for grants: that of the granted permission and
    /// that of the one that is asked, which it implies. Where neither has one, the grant gives without
    /// condition, but not with parameters that nothing it gives looks at.
    fn grant(
        &self,
        standing: Standing,
        source: Source,
        grant: Grant,
        shapes: &'a Shapes,
        parameters: Option<&'a Values>,
    ) -> Candidate<'a> {
        let mut condition = None;
        let effect = if is_over(grant.expires, self.input.now) {
            Effect::Expired
        } else if parameters.is_none() && !self.info.given_when {
            self.with_type_rule()
        } else {
            let mut best = Effect::Undecided;
            for (pattern, giver) in self.givers(shapes.get(grant.shape)) {
                let means_something = || self.input.policy.product().is_conditional(pattern);
                let mut conditions = giver.conditions_for(self.info).peekable();
                if conditions.peek().is_none() && (parameters.is_none() || means_something()) {
                    (best, condition) = (self.with_type_rule(), None);
                    break;
                }
                let mut decided = conditions.peek().map(|_| true);
                for of_giver in conditions {
                    if decided != Some(true) {
                        break;
                    }
                    condition = Some(of_giver);
                    decided = of_giver.decide(&self.circumstances(standing, parameters));
                }
                best = match decided {
                    Some(true) => {
                        best = self.with_type_rule();
                        break;
                    }
                    Some(false) => Effect::False,
                    None => best,
                };
            }
            best
        };
        Candidate {
            source,
            effect,
            condition,
            waived: false,
            parameters,
        }
    }

    /// The permissions named by a grant that give the one asked, each with the pattern that names it.
    fn givers(&self, patterns: &'a [Pattern]) -> impl Iterator<Item = (Pattern, &'a PermissionInfo)> {
        let product = self.input.policy.product();
        patterns
            .iter()
            .filter_map(|pattern| Some((*pattern, giver(product, *pattern, self.info)?)))
    }

    pub(crate) fn circumstances(
        &self,
        standing: Standing,
        parameters: Option<&'a Values>,
    ) -> Circumstances<'a> {
        Circumstances {
            subject: self.input.subject,
            kind: standing.kind,
            permission: self.info,
            own_type: self.own_type,
            resource: self.resource,
            place: self.path.first().map_or(PlaceId::DEPLOYMENT, |place| place.id),
            request: self.input.request,
            parameters,
            now: self.input.now,
        }
    }
}

/// The permission by which a pattern of a grant gives the one asked.
pub(super) fn giver<'a>(
    product: &'a Product,
    pattern: Pattern,
    asked: &'a PermissionInfo,
) -> Option<&'a PermissionInfo> {
    match pattern {
        Pattern::One(no) if asked.implied_by.contains(no) => product.permission(no),
        Pattern::One(_) => None,
        Pattern::Type(of) if of != asked.type_no => None,
        Pattern::Type(_) | Pattern::All => Some(asked),
    }
}

/// What stands behind the entries of a role.
#[derive(Debug, Clone, Copy)]
struct Given<'a> {
    source: Source,
    parameters: Option<&'a Values>,
    over: bool,
}
