//! Plans, and what their SQL finds in a table of the caller's own.

use bailiwick_proto::{
    authorization::v1::{self as pb, query_service_server::QueryService},
    events::v1::PlaceState,
};
use bailiwick_sql::statement;
use bailiwick_types::{Scope, Subject};
use sea_orm::ConnectionTrait;
use tonic::{Code, Status};

use crate::{
    desk::*,
    resources::notes,
    support::{World, account, group, user, user_id, workspace},
};

bailiwick_testkit::on_both_engines! {
    the_sql_of_a_plan_finds_what_the_list_does
    a_plan_is_for_those_who_may_ask_and_never_wider_than_it_can_say
}

impl Desk {
    async fn plan(
        &self,
        by: &Subject,
        message: pb::PlanResourcesRequest,
    ) -> Result<pb::PlanResourcesResponse, Status> {
        let request = of(by, None, "QueryService/PlanResources", message);
        Ok(self.queries.plan_resources(request).await?.into_inner())
    }

    /// What the SQL of a plan finds in a table of the caller's own.
    async fn found_by(&self, of: &str, planned: &pb::PlanResourcesResponse) -> Vec<String> {
        let conn = self.world.db.load();
        let sql = format!(
            "SELECT id FROM own_rows WHERE type = '{of}' AND ({}) ORDER BY id",
            planned.sql
        );
        let values = planned
            .sql_parameters
            .iter()
            .map(|text| text.clone().into())
            .collect();
        let rows = conn.query_all_raw(statement(conn, sql, values)).await.unwrap();
        rows.iter()
            .map(|row| format!("{of}:{}", row.try_get::<String>("", "id").unwrap()))
            .collect()
    }
}

/// Type and id, where it lies, its parent, its attributes.
type Own<'a> = (&'a str, &'a str, &'a Scope, Option<(&'a str, &'a str)>, &'a str);

/// Everything that is registered, as a service would have it in a table of its own.
async fn own_rows(desk: &Desk, rows: &[Own<'_>]) {
    let mut write = desk.world.write(account(1)).await;
    let json = if desk.world.bed.database.on_server().is_some() {
        "jsonb"
    } else {
        "text"
    };
    write
        .run(
            &format!(
                "CREATE TABLE own_rows (type text, scope text, id text, parent text, owner text, attributes {json})"
            ),
            vec![],
        )
        .await;
    for (of, id, scope, parent, attributes) in rows {
        write.resource(of, id, scope, *parent, attributes).await;
        let parent = parent.map(|(of, id)| format!("{of}:{id}"));
        write
            .run(
                &format!("INSERT INTO own_rows VALUES ($1, $2, $3, $4, NULL, CAST($5 AS {json}))"),
                vec![
                    (*of).into(),
                    scope.to_string().into(),
                    (*id).into(),
                    parent.into(),
                    (*attributes).into(),
                ],
            )
            .await;
    }
    write.commit().await;
}

async fn the_sql_of_a_plan_finds_what_the_list_does(world: World) {
    let desk = desk(world).await;
    let a = account(1);
    let (whole, open, shut) = (
        Scope::Account(a),
        Scope::Workspace(workspace(1)),
        Scope::Workspace(workspace(7)),
    );
    let mut write = desk.world.write(a).await;
    write.workspace(workspace(7), PlaceState::Suspended).await;
    for n in 2..=9 {
        write.member(user_id(n)).await;
    }
    // By a condition; in a workspace; on a folder; through a group; on what is there and what comes; nothing.
    write.bind(&user(2), "handler", &whole).await;
    write.bind(&user(3), "editor", &open).await;
    write.bind(&user(3), "editor", &shut).await;
    write
        .grant_on(&user(4), r#"["note.view"]"#, "folder", "top")
        .await;
    write.group(group(1)).await;
    write.join(group(1), &user(5)).await;
    write
        .grant_on(&Subject::group(group(1)), r#"["note.edit"]"#, "note", "n3")
        .await;
    write
        .grant_type(&user(6), r#"["note.view"]"#, "note", &whole, 1)
        .await;
    write
        .grant_type(&user(7), r#"["note.view"]"#, "note", &open, 2)
        .await;
    write
        .grant_type(&user(8), r#"["note.view"]"#, "note", &open, 3)
        .await;
    write.commit().await;
    let (mine, bare) = (
        format!(r#"{{"assignee": "{}"}}"#, user(2)),
        format!(r#"{{"assignee": "{}", "spam": false}}"#, user_id(2)),
    );
    let spam = r#"{"spam": true, "assignee": null}"#;
    let rows: Vec<Own<'_>> = vec![
        ("folder", "top", &whole, None, "{}"),
        ("folder", "inner", &whole, Some(("folder", "top")), "{}"),
        ("folder", "other", &whole, None, "{}"),
        ("note", "n1", &whole, Some(("folder", "inner")), &mine),
        ("note", "n2", &open, Some(("folder", "top")), &bare),
        ("note", "n3", &open, Some(("note", "n1")), spam),
        ("note", "n4", &shut, Some(("folder", "top")), &mine),
        ("note", "n5", &shut, None, spam),
        ("note", "n6", &whole, Some(("folder", "other")), "{}"),
        ("note", "it's", &whole, Some(("note", "n3")), "{}"),
    ];
    own_rows(&desk, &rows).await;
    desk.replica.poll().await.unwrap();
    let truth = |value: bool| prost_types::Struct {
        fields: [(
            "spam".to_owned(),
            prost_types::Value {
                kind: Some(prost_types::value::Kind::BoolValue(value)),
            },
        )]
        .into(),
    };
    let mut found = std::collections::BTreeMap::new();
    for n in 1..=10 {
        for (permission, of, attributes) in [
            ("note.view", "note", None),
            ("note.edit", "note", None),
            ("note.delete", "note", None),
            ("note.delete", "note", Some(truth(true))),
            ("note.delete", "note", Some(truth(false))),
            ("folder.view", "folder", None),
        ] {
            let said = attributes.clone();
            let planned = pb::PlanResourcesRequest {
                account: a.to_string(),
                subject: user(n).to_string(),
                permission: permission.into(),
                r#type: of.into(),
                attributes,
                consistency: None,
            };
            let planned = desk.plan(&asker(), planned).await.unwrap();
            let mut listed = desk
                .all_resources(
                    3,
                    pb::ListResourcesRequest {
                        subject: user(n).to_string(),
                        permission: permission.into(),
                        r#type: of.into(),
                        attributes: said.clone(),
                        ..notes(0, "")
                    },
                )
                .await;
            listed.sort();
            let by_sql = desk.found_by(of, &planned).await;
            assert_eq!(by_sql, listed, "{n} {permission} {said:?}\n{planned:#?}");
            *found.entry(permission).or_insert(0) += listed.len();
        }
    }
    // The question would be no question if nothing were found.
    assert!(found["note.view"] > 15 && found["note.delete"] > 3, "{found:?}");
}

async fn a_plan_is_for_those_who_may_ask_and_never_wider_than_it_can_say(world: World) {
    let desk = desk(world).await;
    let asked = |subject: &Subject, permission: &str| pb::PlanResourcesRequest {
        account: account(1).to_string(),
        subject: subject.to_string(),
        permission: permission.into(),
        r#type: "note".into(),
        ..Default::default()
    };
    let stranger: Subject = "service:other".parse().unwrap();
    let denied = desk
        .plan(&stranger, asked(&user(1), "note.view"))
        .await
        .unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    let unknown = desk
        .plan(&asker(), asked(&user(1), "note.fly"))
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::InvalidArgument);
    let all = desk.plan(&asker(), asked(&user(1), "note.view")).await.unwrap();
    assert!(all.all && all.alternatives.is_empty() && all.sql == "TRUE" && all.revision > 0);
    let nothing = desk.plan(&asker(), asked(&user(2), "note.view")).await.unwrap();
    assert!(!nothing.all && nothing.alternatives.is_empty() && nothing.sql == "FALSE");
    // A condition is put in the words of the manifest.
    let mut write = desk.world.write(account(1)).await;
    write.member(user_id(2)).await;
    write.bind(&user(2), "handler", &Scope::Account(account(1))).await;
    write.commit().await;
    desk.replica.poll().await.unwrap();
    let planned = desk.plan(&asker(), asked(&user(2), "note.view")).await.unwrap();
    let [one] = &*planned.alternatives else {
        panic!("{planned:?}")
    };
    assert_eq!(
        one.condition,
        format!("resource.attr.assignee == \"{}\"", user(2))
    );
    assert_eq!(planned.sql, "(attributes ->> 'assignee') IN ($1, $2)");
    assert_eq!(
        planned.sql_parameters,
        [user(2).to_string(), user_id(2).to_string()]
    );
    // What lies below thousands of resources is not left out: the plan is refused.
    let mut write = desk.world.write(account(1)).await;
    write.member(user_id(3)).await;
    write
        .grant_type(
            &user(3),
            r#"["note.view"]"#,
            "note",
            &Scope::Account(account(1)),
            1,
        )
        .await;
    let numbers = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10001)";
    write
        .run(
            &format!(
                "INSERT INTO resource (account_id, type, id, scope_level, scope_id, title, attributes, revision, created_at, \
                 updated_at) {numbers} SELECT $1, 'note', 'x' || CAST(n AS text), 2, $1, '', '{{}}', 1, 0, 0 FROM n"
            ),
            vec![account(1).uuid().into()],
        )
        .await;
    write.touch_resource("note", "x1").await;
    write.commit().await;
    desk.replica.poll().await.unwrap();
    let refused = desk
        .plan(&asker(), asked(&user(3), "note.view"))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
}
