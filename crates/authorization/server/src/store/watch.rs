//! The present state of a product or an account, as those who follow it are sent it: ids, names and states,
//! in pages of short transactions.

use bailiwick_authorization_core::{
    Change,
    account::{Account, Place},
    approval::{self, Approval},
    binding::Binding,
    grant::Grant,
    invitation::{self, Invitation},
    member::Member,
};
use bailiwick_policy::PlaceState;
use bailiwick_proto::authorization::v1::{self as pb, change_event::Change as Event};
use bailiwick_proto::events::v1::change::Change as Written;
use bailiwick_sql::{Db, Error, ReadTx};
use bailiwick_types::{AccountId, GroupId, ProductName, ScopeRoot, Subject};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, sea_query::ExprTrait,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    change,
    convert::{At, column},
    entity::{
        account, account_role, approval as approvals, binding, entitlement, group_member,
        invitation as invitations, member, place, product, resource, role_overlay, subject_group,
    },
    rows::{FromRow, OfAccount, pair},
    written,
};
use crate::watch::{Kind, Kinds, Whole, event, own_event};

/// Rows of a page.
const ROWS: usize = 500;
/// Accounts that one page looks at: many may have nothing of the kinds that are asked for.
const ACCOUNTS: usize = 50;

/// Where a page begins: an account, a section of its state, and the key of the last row before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub(crate) struct Begin {
    account: Option<Uuid>,
    section: usize,
    after: Option<(String, String)>,
}

/// A page of the state.
#[derive(Debug, Default)]
pub(crate) struct PresentPage {
    pub(crate) events: Vec<pb::ChangeEvent>,
    /// Where the next one begins; none on the last.
    pub(crate) next: Option<Begin>,
}

/// Reads the present state.
#[derive(Debug, Clone)]
pub(crate) struct Present(pub(crate) Db);

/// A row: its key, and what is told of it.
type Row = ((String, String), Event);

/// A part of the state of an account.
#[derive(Clone, Copy)]
enum Section {
    Account,
    Places,
    Roles,
    Overlays,
    Groups,
    GroupMembers,
    Members,
    Bindings,
    Grants,
    Resources,
    Invitations,
    Approvals,
}

/// The sections in the order in which they are sent, each with the kind of its events. Cursors name them by
/// their number here: append only.
const SECTIONS: [(Section, Kind); 12] = [
    (Section::Account, Kind::Place),
    (Section::Places, Kind::Place),
    (Section::Roles, Kind::Role),
    (Section::Overlays, Kind::Role),
    (Section::Groups, Kind::Group),
    (Section::GroupMembers, Kind::Group),
    (Section::Members, Kind::Member),
    (Section::Bindings, Kind::Binding),
    (Section::Grants, Kind::Grant),
    (Section::Resources, Kind::Resource),
    (Section::Invitations, Kind::Invitation),
    (Section::Approvals, Kind::Approval),
];
/// The number of the section of settings, which is one event of the account's row.
const SETTINGS: usize = SECTIONS.len();

impl Present {
    /// The product of an account that is not deleted.
    pub(crate) async fn product_of(&self, id: AccountId) -> Result<Option<ProductName>, Error> {
        let row = account::Entity::find_by_id(id.uuid()).one(self.0.load()).await?;
        let row = row.map(|row| At::new("account", &row.id).parse("product", &row.product));
        row.transpose()
    }
    /// The version of a product's manifest.
    pub(crate) async fn version_of(&self, name: &ProductName) -> Result<Option<u64>, Error> {
        let row = product::Entity::find_by_id(name.to_string())
            .one(self.0.load())
            .await?;
        let version = row.map(|row| At::new("product", &row.name).number("version", row.version));
        version.transpose()
    }
    /// The page that begins at `from`, of these kinds.
    pub(crate) async fn page(
        &self,
        of: &Whole,
        kinds: Kinds,
        from: Option<&Begin>,
    ) -> Result<PresentPage, Error> {
        let mut page = PresentPage::default();
        if let Whole::Product(name) = of
            && from.is_none()
            && kinds.has(Kind::Product)
        {
            page.events.extend(self.product(name).await?);
        }
        let mut from = from.cloned().unwrap_or_default();
        for _ in 0..ACCOUNTS {
            let Some(account) = self.account(of, &from).await? else {
                return Ok(page);
            };
            if from.account != Some(account.uuid()) {
                from = Begin {
                    account: Some(account.uuid()),
                    ..Begin::default()
                };
            }
            if !self
                .of_account(account, kinds, &mut from, &mut page.events)
                .await?
            {
                page.next = Some(from);
                return Ok(page);
            }
            from = Begin {
                section: usize::MAX,
                ..from
            };
        }
        page.next = Some(from);
        Ok(page)
    }
    async fn product(&self, name: &ProductName) -> Result<Option<pb::ChangeEvent>, Error> {
        let root = ScopeRoot::Product(name.clone());
        let tx = self.0.begin_read_across().await?;
        let row = product::Entity::find_by_id(name.to_string())
            .one(tx.conn())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let revision = revision(&tx, &root).await?;
        let version = At::new("product", &row.name).number("version", row.version)?;
        let change = Event::Product(pb::ProductEvent {
            version,
            subject: String::new(),
        });
        Ok(Some(event(&root, revision, None, change)))
    }
    /// The account to go on with. Whatever a cursor says, it is one that is asked for.
    async fn account(&self, of: &Whole, from: &Begin) -> Result<Option<AccountId>, Error> {
        use account::Column as C;
        let is_done = from.section == usize::MAX;
        match of {
            Whole::Account(id) => Ok((!is_done).then_some(*id)),
            Whole::Product(name) => {
                let next = account::Entity::find()
                    .select_only()
                    .column(C::Id)
                    .filter(C::Product.eq(name.to_string()))
                    .filter(C::State.ne(column(PlaceState::Deleted.code())))
                    .apply_if(from.account, |rows, id| {
                        rows.filter(if is_done { C::Id.gt(id) } else { C::Id.gte(id) })
                    })
                    .order_by_asc(C::Id)
                    .limit(1);
                let id: Option<Uuid> = next.into_tuple().one(self.0.load()).await?;
                Ok(id.map(AccountId::from_uuid))
            }
        }
    }
    /// Reads on in an account until the page is full; tells whether that was all of it.
    async fn of_account(
        &self,
        account: AccountId,
        kinds: Kinds,
        from: &mut Begin,
        events: &mut Vec<pb::ChangeEvent>,
    ) -> Result<bool, Error> {
        let root = ScopeRoot::Account(account);
        let tx = self.0.begin_read(&root).await?;
        let revision = revision(&tx, &root).await?;
        while from.section < SECTIONS.len() {
            let Some((section, kind)) = SECTIONS.get(from.section) else {
                break;
            };
            let room = ROWS.saturating_sub(events.len());
            if room == 0 {
                return Ok(false);
            }
            let rows = if kinds.has(*kind) {
                read(&tx, account, *section, from.after.as_ref(), room).await?
            } else {
                Vec::new()
            };
            let is_last = rows.len() < room;
            from.after = rows.last().map(|(key, _)| key.clone());
            let told = rows
                .into_iter()
                .map(|(_, change)| event(&root, revision, None, change));
            events.extend(told);
            if is_last {
                from.section += 1;
                from.after = None;
            }
        }
        if from.section == SETTINGS && kinds.has(Kind::Settings) {
            let found = one::<Account>(&tx, account).await?;
            let settings = found.and_then(|of| written::settings(&[].into(), &of.settings));
            if let Some(row) = settings {
                events.push(event(&root, revision, None, told(&row)?));
            }
        }
        Ok(true)
    }
}

async fn revision(tx: &ReadTx, root: &ScopeRoot) -> Result<u64, Error> {
    let standing = tx.standing(std::slice::from_ref(root)).await?;
    Ok(standing.at(0).number)
}

/// The event that tells of a row.
fn told(row: &Written) -> Result<Event, Error> {
    let told = own_event(row).map(|(_, event)| event);
    told.ok_or_else(|| Error::corrupt("feed_state", "row", "-", "a row is told by no event"))
}

fn of_change(change: &Change) -> Result<Event, Error> {
    told(&change::told(change))
}

async fn one<R: FromRow>(tx: &ReadTx, account: AccountId) -> Result<Option<R>, Error> {
    let row = R::Entity::find().filter(R::Entity::ACCOUNT.eq(account.uuid()));
    row.one(tx.conn()).await?.map(R::from_row).transpose()
}

/// Reads rows of the account, each with its key.
async fn list<E: OfAccount>(
    tx: &ReadTx,
    rows: Select<E>,
    of: fn(E::Model) -> Result<Row, Error>,
) -> Result<Vec<Row>, Error> {
    rows.all(tx.conn()).await?.into_iter().map(of).collect()
}

fn by_id(id: Uuid, event: Event) -> Row {
    ((id.to_string(), String::new()), event)
}

async fn read(
    tx: &ReadTx,
    account: AccountId,
    section: Section,
    after: Option<&(String, String)>,
    limit: usize,
) -> Result<Vec<Row>, Error> {
    let limit = limit as u64;
    let id: Option<Uuid> = after.and_then(|(first, _)| first.parse().ok());
    let text = after.map(|(first, second)| (first.clone(), second.clone()));
    macro_rules! rows {
        ($table:ident) => {
            $table::Entity::find()
                .filter($table::Column::AccountId.eq(account.uuid()))
                .limit(limit)
        };
    }
    macro_rules! by_id {
        ($table:ident) => {
            rows!($table)
                .apply_if(id, |rows, id| rows.filter($table::Column::Id.gt(id)))
                .order_by_asc($table::Column::Id)
        };
    }
    match section {
        Section::Account => {
            let found = one::<Account>(tx, account).await?.filter(|_| after.is_none());
            let found = found.filter(|of| of.state != PlaceState::Deleted);
            let row = |of: Account| Ok(by_id(of.id.uuid(), of_change(&Change::from(&of))?));
            found.map(row).into_iter().collect()
        }
        Section::Places => {
            let gone = column(PlaceState::Deleted.code());
            let rows = by_id!(place).filter(place::Column::State.ne(gone));
            list(tx, rows, |row| {
                let id = row.id;
                Ok(by_id(id, of_change(&Change::from(&Place::from_row(row)?))?))
            })
            .await
        }
        Section::Roles => {
            use account_role::Column as C;
            let rows = rows!(account_role)
                .apply_if(text, |rows, (name, _)| rows.filter(C::Name.gt(name)))
                .order_by_asc(C::Name);
            list(tx, rows, |row| {
                Ok((
                    (row.name.clone(), String::new()),
                    told(&written::role(&row.name, false))?,
                ))
            })
            .await
        }
        Section::Overlays => {
            use role_overlay::Column as C;
            let key = pair(C::Role.into_expr(), C::Level.into_expr());
            let rows = rows!(role_overlay)
                .apply_if(text, |rows, (role, level)| {
                    rows.filter(key.gt(pair(role, level.parse::<i16>().unwrap_or(i16::MAX))))
                })
                .order_by_asc(C::Role)
                .order_by_asc(C::Level);
            list(tx, rows, |row| {
                let key = (row.role.clone(), row.level.to_string());
                Ok((key, told(&written::role(&row.role, false))?))
            })
            .await
        }
        Section::Groups => {
            list(tx, by_id!(subject_group), |row| {
                Ok(by_id(
                    row.id,
                    told(&written::group(GroupId::from_uuid(row.id), false))?,
                ))
            })
            .await
        }
        Section::GroupMembers => {
            use group_member::Column as C;
            let key = pair(C::GroupId.into_expr(), C::Subject.into_expr());
            let rows = rows!(group_member)
                .apply_if(id.zip(text), |rows, (group, (_, subject))| {
                    rows.filter(key.gt(pair(group, subject)))
                })
                .order_by_asc(C::GroupId)
                .order_by_asc(C::Subject);
            list(tx, rows, |row| {
                let subject: Subject =
                    At::new("group_member", &row.group_id).parse("subject", &row.subject)?;
                let event = written::group_member(GroupId::from_uuid(row.group_id), &subject, false);
                Ok(((row.group_id.to_string(), row.subject), told(&event)?))
            })
            .await
        }
        Section::Members => {
            use member::Column as C;
            let rows = rows!(member)
                .apply_if(id, |rows, id| rows.filter(C::UserId.gt(id)))
                .order_by_asc(C::UserId);
            list(tx, rows, |row| {
                let id = row.user_id;
                let of = Member::from_row(row)?;
                Ok(by_id(id, told(&written::member(of.user, Some(of.state)))?))
            })
            .await
        }
        Section::Bindings => {
            list(tx, by_id!(binding), |row| {
                let id = row.id;
                Ok(by_id(
                    id,
                    told(&written::binding(&Binding::from_row(row)?, false))?,
                ))
            })
            .await
        }
        Section::Grants => {
            list(tx, by_id!(entitlement), |row| {
                let id = row.id;
                Ok(by_id(id, told(&written::grant(&Grant::from_row(row)?, false))?))
            })
            .await
        }
        Section::Resources => {
            use resource::Column as C;
            let key = pair(C::Kind.into_expr(), C::Id.into_expr());
            let rows = rows!(resource)
                .apply_if(text, |rows, (kind, id)| rows.filter(key.gt(pair(kind, id))))
                .order_by_asc(C::Kind)
                .order_by_asc(C::Id);
            list(tx, rows, |row| {
                let event = Event::Resource(pb::ResourceEvent {
                    resource: format!("{}:{}", row.kind, row.id),
                });
                Ok(((row.kind, row.id), event))
            })
            .await
        }
        Section::Invitations => {
            let pending = column(invitation::State::Pending.code());
            let rows = by_id!(invitations).filter(invitations::Column::State.eq(pending));
            list(tx, rows, |row| {
                let id = row.id;
                Ok(by_id(
                    id,
                    of_change(&Change::Invitation(Invitation::from_row(row)?))?,
                ))
            })
            .await
        }
        Section::Approvals => {
            let open = [approval::State::Pending, approval::State::Approved].map(|of| column(of.code()));
            let rows = by_id!(approvals).filter(approvals::Column::State.is_in(open));
            list(tx, rows, |row| {
                let id = row.id;
                Ok(by_id(id, of_change(&Change::Approval(Approval::from_row(row)?))?))
            })
            .await
        }
    }
}
