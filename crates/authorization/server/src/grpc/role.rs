//! Roles.

use bailiwick_authorization_core::{
    Situation,
    use_case::{change_role, create_role, delete_role},
};
use bailiwick_policy::{
    AccountPolicy, Role, RoleNo,
    manifest::{
        ApprovalDecl, EntryApproval, EntryDecl, Holders, RoleDecl, RoleLevelDecl, Serves, Span, WaivedWord,
    },
};
use bailiwick_proto::authorization::v1::{self as pb, role_service_server::RoleService};
use bailiwick_rpc::{Context, Fields, Target, page as pages};
use bailiwick_types::{AccountId, Refused};
use tonic::{Request, Response, Status};

use super::{Api, convert, describe, encoded, grant::level, status};

fn entry(fields: &mut Fields, field: &str, given: pb::RoleEntry) -> EntryDecl {
    let approval = match (given.approval.as_str(), given.approval_rule) {
        ("", None) => None,
        ("", Some(of)) => rule(fields, &format!("{field}.approval_rule"), of).map(EntryApproval::Rule),
        ("none", None) => Some(EntryApproval::Waived(WaivedWord::None)),
        ("none", Some(_)) => {
            fields.violate(
                &format!("{field}.approval"),
                "must be empty where there is a rule",
            );
            None
        }
        _ => {
            fields.violate(&format!("{field}.approval"), "must be `none` or empty");
            None
        }
    };
    EntryDecl {
        permission: given.permission,
        except: given.except,
        when: Some(given.when).filter(|when| !when.is_empty()),
        approval,
    }
}

fn rule(fields: &mut Fields, field: &str, given: pb::ApprovalRule) -> Option<ApprovalDecl> {
    let expires = match given.lifetime {
        None => None,
        Some(lifetime) => {
            let whole = (lifetime.nanos == 0).then(|| format!("{}s", lifetime.seconds).parse::<Span>());
            let Some(Ok(span)) = whole else {
                fields.violate(
                    &format!("{field}.lifetime"),
                    "must be a whole number of seconds from 1",
                );
                return None;
            };
            Some(span)
        }
    };
    Some(ApprovalDecl {
        by: given.by,
        serves: if given.stays { Serves::Stays } else { Serves::Once },
        expires,
        when_setting: Some(given.when_setting).filter(|name| !name.is_empty()),
    })
}

fn rule_words(of: &ApprovalDecl) -> pb::ApprovalRule {
    pb::ApprovalRule {
        by: of.by.clone(),
        stays: of.serves == Serves::Stays,
        lifetime: of.expires.map(|span| prost_types::Duration {
            seconds: i64::try_from(span.seconds()).unwrap_or(i64::MAX),
            nanos: 0,
        }),
        when_setting: of.when_setting.clone().unwrap_or_default(),
    }
}

fn entry_words(of: &EntryDecl) -> pb::RoleEntry {
    pb::RoleEntry {
        permission: of.permission.clone(),
        except: of.except.clone(),
        when: of.when.clone().unwrap_or_default(),
        approval: match &of.approval {
            Some(EntryApproval::Waived(_)) => "none".to_owned(),
            _ => String::new(),
        },
        approval_rule: match &of.approval {
            Some(EntryApproval::Rule(of)) => Some(rule_words(of)),
            _ => None,
        },
    }
}

pub(super) fn definition(
    fields: &mut Fields,
    given: Option<pb::RoleDefinition>,
) -> Option<(String, RoleDecl)> {
    let Some(given) = given else {
        fields.violate("role", "must be given");
        return None;
    };
    let name = fields.text("role.name", &given.name, 63);
    if !given
        .name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    {
        fields.violate("role.name", "must be 1 to 63 lower-case letters, digits and `_`");
    }
    let title = fields.text("role.title", &given.title, 200);
    let mut decl = RoleDecl {
        title,
        holders: holders(fields, &given.holders),
        ..RoleDecl::default()
    };
    for (word, at) in given.levels {
        let Some(level) = level(fields, &format!("role.levels.{word}"), &word) else {
            continue;
        };
        let path = |n: usize| format!("role.levels.{word}.permissions[{n}]");
        let permissions = at
            .permissions
            .into_iter()
            .enumerate()
            .map(|(n, given)| entry(fields, &path(n), given));
        let permissions = permissions.collect();
        for other in at.includes {
            if !decl.includes.contains(&other) {
                decl.includes.push(other);
            }
        }
        decl.levels.insert(
            level,
            RoleLevelDecl {
                permissions,
                assigns: at.assigns,
            },
        );
    }
    name.map(|name| (name, decl))
}

/// The rule about holders in words. It is read like everything else: that only manifests have one is the policy's to say.
fn holders(fields: &mut Fields, given: &str) -> Option<Holders> {
    let count = |words: &str| given.strip_prefix(words).and_then(|count| count.parse().ok());
    let rule = count("exactly ")
        .map(Holders::Exactly)
        .or_else(|| count("at least ").map(Holders::AtLeast));
    if rule.is_none() && !given.is_empty() {
        fields.violate("role.holders", "must be `exactly 1`, `at least 1` or empty");
    }
    rule
}

fn definition_words(name: &str, decl: &RoleDecl) -> pb::RoleDefinition {
    let level = |at: &RoleLevelDecl| pb::RoleLevel {
        permissions: at.permissions.iter().map(entry_words).collect(),
        assigns: at.assigns.clone(),
        includes: decl.includes.clone(),
    };
    pb::RoleDefinition {
        name: name.to_owned(),
        title: decl.title.clone().unwrap_or_default(),
        levels: decl
            .levels
            .iter()
            .map(|(word, at)| (word.to_string(), level(at)))
            .collect(),
        holders: convert::holders(decl.holders),
    }
}

/// A role as it is declared in this account, changes of the account included.
fn declared(policy: &AccountPolicy, role: &Role) -> Option<RoleDecl> {
    if let Some(own) = policy.custom_role(role.no) {
        return Some(own.decl.clone());
    }
    let roles = &policy.product().manifest().roles;
    let decl = roles.get(&*role.name)?;
    let Some(overlay) = policy.overlay(role.no) else {
        return Some(decl.clone());
    };
    let mut flat = decl.flatten(&|name| roles.get(name));
    for (level, change) in &overlay.levels {
        flat.change(*level, &change.add, &change.remove);
    }
    Some(flat)
}

fn role_of<'p>(policy: &'p AccountPolicy, name: &str) -> Option<&'p Role> {
    policy
        .role_no(name)
        .filter(|no| *no > RoleNo::SERVICE)
        .and_then(|no| policy.role(no))
}

pub(super) fn change_command(
    request: pb::ChangeRoleRequest,
    prefix: &str,
) -> Result<change_role::Command, Status> {
    let mut fields = Fields::new();
    let account: Option<AccountId> = fields.take(&format!("{prefix}account"), request.account.parse());
    let role = fields.text(&format!("{prefix}role"), &request.role, 100);
    let at = match request.level.as_str() {
        "" => Some(None),
        word => level(&mut fields, &format!("{prefix}level"), word).map(Some),
    };
    let add = request.add.into_iter().enumerate();
    let add = add
        .map(|(n, given)| entry(&mut fields, &format!("{prefix}add[{n}]"), given))
        .collect();
    let command = (|| {
        Some(change_role::Command {
            account: account?,
            role: role?,
            level: at?,
            add,
            remove: request.remove,
        })
    })();
    fields.finish(command)
}

impl Api {
    async fn policy_for(&self, context: &Context, account: AccountId) -> Result<Situation, Status> {
        let by = self
            .enter(context, account, &[], Target::account(account))
            .await?;
        let read = self.read(&by, account).await?;
        let situation = Situation::load(&*read, []).await.map_err(status)?;
        situation.ok_or_else(|| status(Refused::NotFound("account")))
    }
}

fn named(account: &str, role: &str) -> Result<(AccountId, String), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let role = fields.text("role", role, 100);
    fields.finish(account.zip(role))
}

#[tonic::async_trait]
impl RoleService for Api {
    async fn list_roles(
        &self,
        request: Request<pb::ListRolesRequest>,
    ) -> Result<Response<pb::ListRolesResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let mut fields = Fields::new();
        let account = fields.account(&request.get_ref().account);
        let account = fields.finish(account)?;
        let situation = self.policy_for(&context, account).await?;
        let mut roles: Vec<pb::Role> = situation.policy.roles().map(convert::role).collect();
        roles.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Response::new(pb::ListRolesResponse { roles }))
    }

    async fn get_role(
        &self,
        request: Request<pb::GetRoleRequest>,
    ) -> Result<Response<pb::GetRoleResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let (account, name) = named(&request.get_ref().account, &request.get_ref().role)?;
        let situation = self.policy_for(&context, account).await?;
        let role = role_of(&situation.policy, &name).ok_or_else(|| status(Refused::NotFound("role")))?;
        let decl = declared(&situation.policy, role).unwrap_or_default();
        Ok(Response::new(pb::GetRoleResponse {
            role: Some(convert::role(role)),
            definition: Some(definition_words(&name, &decl)),
        }))
    }

    async fn create_role(
        &self,
        request: Request<pb::CreateRoleRequest>,
    ) -> Result<Response<pb::CreateRoleResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let role = definition(&mut fields, request.role);
        let (account, (name, decl)) = fields.finish(account.zip(role))?;
        let by = self
            .enter(&context, account, &[], Target::account(account))
            .await?;
        let command = create_role::Command {
            account,
            name: name.clone(),
            decl,
        };
        let (policy, token) = create_role::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        let role = role_of(&policy, &name).map(convert::role);
        Ok(Response::new(pb::CreateRoleResponse {
            role,
            token: encoded(&token),
        }))
    }

    async fn change_role(
        &self,
        request: Request<pb::ChangeRoleRequest>,
    ) -> Result<Response<pb::ChangeRoleResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = change_command(request.into_inner(), "")?;
        let by = self
            .enter(&context, command.account, &[], Target::account(command.account))
            .await?;
        let name = command.role.clone();
        let (policy, token) = change_role::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        let role = role_of(&policy, &name).map(convert::role);
        Ok(Response::new(pb::ChangeRoleResponse {
            role,
            token: encoded(&token),
        }))
    }

    async fn preview_role_change(
        &self,
        request: Request<pb::PreviewRoleChangeRequest>,
    ) -> Result<Response<pb::PreviewRoleChangeResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let size = fields.page_size(request.page_size);
        let Some(change) = request.change else {
            fields.violate("change", "must be given");
            return fields.finish(None);
        };
        let size = fields.finish(size)?.get();
        let asked = format!("{change:?}");
        let command = change_command(change, "change.")?;
        let list = ["PreviewRoleChange", asked.as_str()];
        let after: usize = pages::decode(&list, &request.page_token)
            .map_err(status)?
            .unwrap_or_default();
        let by = self
            .enter(&context, command.account, &[], Target::account(command.account))
            .await?;
        let effects = change_role::preview(&self.ports, &by, command)
            .await
            .map_err(status)?;
        let end = after.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
        let next = (effects.len() > end).then(|| pages::encode(&list, &end));
        let page = effects.into_iter().skip(after).take(end - after);
        Ok(Response::new(pb::PreviewRoleChangeResponse {
            changes: self.told(&by, page).await?,
            next_page_token: next.unwrap_or_default(),
        }))
    }

    async fn delete_role(
        &self,
        request: Request<pb::DeleteRoleRequest>,
    ) -> Result<Response<pb::DeleteRoleResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let (account, role) = named(&request.get_ref().account, &request.get_ref().role)?;
        let by = self
            .enter(&context, account, &[], Target::account(account))
            .await?;
        let command = delete_role::Command {
            account,
            role,
            validate_only: request.get_ref().validate_only,
        };
        let token = delete_role::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::DeleteRoleResponse {
            token: encoded(&token),
        }))
    }

    async fn describe_role(
        &self,
        request: Request<pb::DescribeRoleRequest>,
    ) -> Result<Response<pb::DescribeRoleResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let (account, name) = named(&request.get_ref().account, &request.get_ref().role)?;
        let situation = self.policy_for(&context, account).await?;
        let policy = &situation.policy;
        let role = role_of(policy, &name).ok_or_else(|| status(Refused::NotFound("role")))?;
        Ok(Response::new(pb::DescribeRoleResponse {
            role: Some(convert::role(role)),
            levels: describe::levels(policy, role),
        }))
    }
}
