//! A row of an export: one permission that somebody has, and why.

use std::collections::HashMap;

use bailiwick_policy::{DecisionInput, GrantTarget, Holding, HoldingSource, PlaceId, TypeGrantReach};
use bailiwick_types::GroupId;
use uuid::Uuid;

use super::ExportError;
use crate::store::engine::snapshot::AccountSnapshot;

/// The columns.
pub(crate) const HEADER: [&str; 11] = [
    "Subject",
    "E-mail",
    "Permission",
    "On",
    "Title",
    "Reach",
    "Reason",
    "Through group",
    "Condition",
    "Approval",
    "Expires",
];

/// As many titles as are remembered.
const TITLES: usize = 10_000;

/// One permission that somebody has, and why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Row {
    pub(crate) subject: String,
    pub(crate) email: String,
    pub(crate) permission: String,
    pub(crate) on: String,
    title: String,
    reach: String,
    pub(crate) reason: String,
    group: String,
    condition: String,
    approval: &'static str,
    expires: String,
    /// What `on` is, for its title.
    named: Named,
    through: Option<GroupId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
enum Named {
    #[default]
    Nothing,
    Place(Uuid),
    Group(Uuid),
    Resource(String, String),
}

impl Row {
    /// What it is in words; who has it is filled in later.
    pub(crate) fn of(input: &DecisionInput<'_>, holding: &Holding<'_>) -> Self {
        let product = input.policy.product();
        let place = |id: PlaceId| {
            if id == PlaceId::PRODUCT {
                return ("product".to_owned(), Named::Nothing);
            }
            let level = input.places.get(id).map(|place| place.level);
            let scope = level.and_then(|level| id.to_scope(level));
            (
                scope.map(|scope| scope.to_string()).unwrap_or_default(),
                Named::Place(Uuid::from_u128(id.0)),
            )
        };
        let type_name = |of| {
            product
                .type_info(of)
                .map(|of| of.name.to_string())
                .unwrap_or_default()
        };
        let ((on, named), reach) = match holding.on {
            GrantTarget::Scope(id) => (place(id), "it and everything in it".to_owned()),
            GrantTarget::Type(id, of, reach) => {
                let of = type_name(of);
                let reach = match reach {
                    TypeGrantReach::All => format!("every {of} in it"),
                    TypeGrantReach::Existing(_) => format!("every {of} that was in it when it was granted"),
                    TypeGrantReach::Future(_) => format!("every {of} that came into it since it was granted"),
                };
                (place(id), reach)
            }
            GrantTarget::Resource(of, id) => {
                let of = type_name(of);
                let on = format!("{of}:{id}");
                (
                    (on, Named::Resource(of, id.to_owned())),
                    "it and what lies below".to_owned(),
                )
            }
        };
        let role = |no| {
            let role = input.policy.role(no);
            role.map_or_else(String::new, |role| {
                if role.title == role.name {
                    role.name.to_string()
                } else {
                    format!("{} ({})", role.title, role.name)
                }
            })
        };
        let reason = match holding.source {
            HoldingSource::Role(no) => format!("role {}", role(no)),
            HoldingSource::DefaultRole(no) => format!("default role {}", role(no)),
            HoldingSource::Grant => "grant".to_owned(),
        };
        let group = holding.of.filter(|of| *of != input.subject);
        let mut condition = holding
            .condition
            .map(|condition| condition.source().to_owned())
            .unwrap_or_default();
        if let Some(other) = holding.and_condition {
            condition = format!("({condition}) && ({})", other.source());
        }
        if let Some(parameters) = holding.parameters.filter(|values| !values.is_empty()) {
            let values: Vec<String> = parameters
                .iter()
                .map(|(name, value)| format!("grant.{name} = {value}"))
                .collect();
            condition.push_str(&format!(" with {}", values.join(", ")));
        }
        Self {
            permission: product
                .permission(holding.permission)
                .map(|info| info.name.to_string())
                .unwrap_or_default(),
            on,
            reach,
            reason,
            group: group.map(ToString::to_string).unwrap_or_default(),
            condition,
            approval: if holding.needs_approval { "needed" } else { "" },
            expires: holding.expires_at.map(|at| at.to_string()).unwrap_or_default(),
            named,
            through: group.and_then(|group| group.id().parse().ok()),
            ..Self::default()
        }
    }

    /// The cells, in the order of [`HEADER`].
    pub(crate) fn cells(&self) -> [&str; 11] {
        [
            &self.subject,
            &self.email,
            &self.permission,
            &self.on,
            &self.title,
            &self.reach,
            &self.reason,
            &self.group,
            &self.condition,
            self.approval,
            &self.expires,
        ]
    }
}

/// Titles that were looked up already.
#[derive(Debug, Default)]
pub(super) struct Titles(HashMap<Named, String>);

impl Titles {
    /// Puts in how people call what the row is on, and the group that it comes through.
    pub(super) async fn name(
        &mut self,
        snapshot: &AccountSnapshot,
        row: &mut Row,
    ) -> Result<(), ExportError> {
        row.title = self.title(snapshot, &row.named).await?;
        if let Some(group) = row.through {
            let title = self.title(snapshot, &Named::Group(group.uuid())).await?;
            if !title.is_empty() {
                row.group = format!("{title} ({})", row.group);
            }
        }
        Ok(())
    }

    async fn title(&mut self, snapshot: &AccountSnapshot, of: &Named) -> Result<String, ExportError> {
        if let Some(title) = self.0.get(of) {
            return Ok(title.clone());
        }
        let title = match of {
            Named::Nothing => String::new(),
            Named::Place(id) => snapshot.place_title(*id).await?,
            Named::Group(id) => snapshot.group_title(*id).await?,
            Named::Resource(of, id) => snapshot.resource_title(of, id).await?,
        };
        if self.0.len() >= TITLES {
            self.0.clear();
        }
        self.0.insert(of.clone(), title.clone());
        Ok(title)
    }
}
