//! Plans, and what their SQL finds in a table of the caller's own.

use bailiwick_authorization_engine::{AccountRead, Consistency, ResourceQuestion, VisiblePage};
use bailiwick_policy::{MAX_PARENTS, PlaceId};
use bailiwick_proto::{
    authorization::v1::{
        self as pb, decision_service_server::DecisionService, query_service_server::QueryService,
    },
    events::v1::PlaceState,
};
use bailiwick_sql::statement;
use bailiwick_types::{AccountId, Scope, Subject};
use sea_orm::{ConnectionTrait, QueryResult};
use tonic::{Code, Status};

use crate::{
    desk::*,
    resources::notes,
    support::{World, account, group, user, user_id, workspace},
};

bailiwick_testkit::on_both_engines! {
    the_sql_of_a_plan_finds_what_the_list_does
    a_plan_is_for_those_who_may_ask_and_never_wider_than_it_can_say
    check_list_explanation_and_plan_agree_on_the_deepest_resource
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
    async fn found_by(&self, a: AccountId, of: &str, planned: &pb::PlanResourcesResponse) -> Vec<String> {
        let conn = self.world.db.load();
        let sql = format!(
            "SELECT account, id FROM own_rows WHERE {} AND type = '{of}' ORDER BY id",
            planned.sql
        );
        let values = planned
            .sql_parameters
            .iter()
            .map(|text| text.clone().into())
            .collect();
        let rows = conn.query_all_raw(statement(conn, sql, values)).await.unwrap();
        let text = |row: &QueryResult, column| row.try_get::<String>("", column).unwrap();
        assert!(
            rows.iter().all(|row| text(row, "account") == a.to_string()),
            "{planned:#?}"
        );
        rows.iter()
            .map(|row| format!("{of}:{}", text(row, "id")))
            .collect()
    }
}

impl Desk {
    /// What somebody may see, in pages of two.
    async fn visible(
        &self,
        a: AccountId,
        subject: &Subject,
        permission: &str,
        of: &str,
        scope: Option<&Scope>,
    ) -> Vec<String> {
        let read = AccountRead {
            account: a,
            consistency: Consistency::Fully,
            deadline: None,
        };
        let question = ResourceQuestion {
            subject,
            permission,
            type_name: of,
            attributes: None,
        };
        let (mut all, mut after): (Vec<String>, Option<Box<str>>) = (Vec::new(), None);
        loop {
            let page = VisiblePage {
                scope: scope.map(PlaceId::from),
                after: after.as_deref(),
                size: 2,
                all: false,
            };
            let page = self
                .replica
                .visible(&read, &question, page)
                .await
                .unwrap()
                .unwrap();
            assert!(page.ids.len() <= 2 && page.revision > 0);
            all.extend(page.ids.iter().map(|id| format!("{of}:{id}")));
            match page.next {
                None => break,
                next => after = next,
            }
        }
        all.sort();
        all
    }
}

/// Type and id, where it lies, its parent, its attributes.
type Own<'a> = (&'a str, &'a str, &'a Scope, Option<(&'a str, &'a str)>, &'a str);

/// The table of a service with everything that is registered, in all accounts.
async fn own_table(desk: &Desk) {
    let json = json_type(desk);
    let sql = format!(
        "CREATE TABLE own_rows (account text, type text, scope text, id text, parent text, owner text, attributes {json})"
    );
    let write = desk.world.write(account(1)).await;
    write.run(&sql, vec![]).await;
    write.commit().await;
}

fn json_type(desk: &Desk) -> &'static str {
    if desk.world.bed.database.on_server().is_some() {
        "jsonb"
    } else {
        "text"
    }
}

/// Registers resources of an account, and has them in the table.
async fn own_rows(desk: &Desk, a: AccountId, rows: &[Own<'_>]) {
    let json = json_type(desk);
    let mut write = desk.world.write(a).await;
    for (of, id, scope, parent, attributes) in rows {
        write.resource(of, id, scope, *parent, attributes).await;
        let parent = parent.map(|(of, id)| format!("{of}:{id}"));
        write
            .run(
                &format!("INSERT INTO own_rows VALUES ($1, $2, $3, $4, $5, NULL, CAST($6 AS {json}))"),
                vec![
                    a.to_string().into(),
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
    write.bind(&user(4), "handler", &whole).await;
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
    own_table(&desk).await;
    own_rows(&desk, a, &rows).await;
    // Another account has resources of the same ids, and nothing in it is closed.
    let b = account(2);
    let theirs = Scope::Account(b);
    let mut copies = rows.clone();
    copies.iter_mut().for_each(|row| row.2 = &theirs);
    own_rows(&desk, b, &copies).await;
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
    let mut written = Vec::new();
    for (a, n) in (1..=10).map(|n| (a, n)).chain([(b, 1), (b, 2)]) {
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
                ..Default::default()
            };
            let planned = desk.plan(&asker(), planned).await.unwrap();
            let mut listed = desk
                .all_resources(
                    3,
                    pb::ListResourcesRequest {
                        account: a.to_string(),
                        subject: user(n).to_string(),
                        permission: permission.into(),
                        r#type: of.into(),
                        attributes: said.clone(),
                        ..notes(0, "")
                    },
                )
                .await;
            listed.sort();
            let by_sql = desk.found_by(a, of, &planned).await;
            assert_eq!(by_sql, listed, "{n} {permission} {said:?}\n{planned:#?}");
            if said.is_none() {
                let visible = desk.visible(a, &user(n), permission, of, None).await;
                assert_eq!(visible, listed, "{n} {permission}");
                for scope in [&whole, &open, &shut] {
                    let here = desk.visible(a, &user(n), permission, of, Some(scope)).await;
                    let lies = |name: &&String| {
                        let row = rows.iter().find(|row| format!("{}:{}", row.0, row.1) == **name);
                        a == account(1) && row.unwrap().2 == scope
                    };
                    let expected: Vec<&String> = listed.iter().filter(lies).collect();
                    if a == account(1) {
                        assert_eq!(
                            here.iter().collect::<Vec<_>>(),
                            expected,
                            "{n} {permission} {scope}"
                        );
                    }
                }
            }
            *found.entry(permission).or_insert(0) += listed.len();
            written.push(planned.sql);
        }
    }
    // Each kind of predicate is among them, also those for everything and for nothing.
    for kind in ["scope IN", "scope NOT IN", "parent IN", "id IN", "->>", ") OR ("] {
        assert!(
            written.iter().any(|sql| sql.contains(kind)),
            "{kind} {written:#?}"
        );
    }
    for whole in ["account = $1", "FALSE"] {
        assert!(written.iter().any(|sql| sql == whole), "{whole} {written:#?}");
    }
    // The question would be no question if nothing were found.
    assert!(found["note.view"] > 15 && found["note.delete"] > 3, "{found:?}");
}

async fn check_list_explanation_and_plan_agree_on_the_deepest_resource(world: World) {
    let desk = desk(world).await;
    let a = account(1);
    let mut write = desk.world.write(a).await;
    write.member(user_id(2)).await;
    write
        .grant_on(&user(2), r#"["folder.view"]"#, "folder", "f000")
        .await;
    write.commit().await;
    let names: Vec<String> = (0..=MAX_PARENTS + 1).map(|n| format!("f{n:03}")).collect();
    let whole = Scope::Account(a);
    let parent = |n: usize| Some(("folder", &*names[n.checked_sub(1)?]));
    let all: Vec<Own<'_>> = names
        .iter()
        .enumerate()
        .map(|(n, id)| ("folder", &**id, &whole, parent(n), "{}"))
        .collect();
    let (admitted, beyond) = all.split_at(MAX_PARENTS + 1);
    own_table(&desk).await;
    own_rows(&desk, a, admitted).await;
    desk.replica.poll().await.unwrap();
    let expected: Vec<String> = admitted.iter().map(|one| format!("folder:{}", one.1)).collect();
    for name in &expected {
        let asked = check(a, &user(2), "folder.view", name);
        let answer = desk.check(&asker(), asked.clone()).await.unwrap();
        assert_eq!(answer.decision(), pb::Decision::Allow, "{name}");
        let explain = pb::ExplainRequest { check: Some(asked) };
        let explain = of(&asker(), None, "DecisionService/Explain", explain);
        let explained = desk.decisions.explain(explain).await.unwrap().into_inner();
        assert_eq!(explained.decision(), pb::Decision::Allow, "{name}");
    }
    let listed = pb::ListResourcesRequest {
        subject: user(2).to_string(),
        permission: "folder.view".into(),
        r#type: "folder".into(),
        ..notes(0, "")
    };
    assert_eq!(desk.all_resources(10, listed.clone()).await, expected);
    let plan = pb::PlanResourcesRequest {
        account: a.to_string(),
        subject: user(2).to_string(),
        permission: "folder.view".into(),
        r#type: "folder".into(),
        ..Default::default()
    };
    let planned = desk.plan(&asker(), plan).await.unwrap();
    assert_eq!(desk.found_by(a, "folder", &planned).await, expected);
    // Writes admit no more; where the database has more all the same, there is an error and no decision.
    own_rows(&desk, a, beyond).await;
    desk.replica.poll().await.unwrap();
    let beyond = format!("folder:{}", beyond[0].1);
    let asked = check(a, &user(2), "folder.view", &beyond);
    desk.check(&asker(), asked).await.unwrap_err();
    desk.resources(&asker(), listed).await.unwrap_err();
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
    assert!(all.all && all.alternatives.is_empty() && all.revision > 0);
    assert_eq!(
        (&*all.sql, &*all.sql_parameters),
        ("account = $1", &[account(1).to_string()][..])
    );
    let named = |column: &str| pb::PlanResourcesRequest {
        account_column: column.into(),
        ..asked(&user(1), "note.view")
    };
    let other = desk.plan(&asker(), named("p.tenant_id")).await.unwrap();
    assert_eq!(other.sql, "p.tenant_id = $1");
    for column in ["1 = 1 OR account", "a.b.c", "a-b", "9a", "a.", "a\""] {
        let refused = desk.plan(&asker(), named(column)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{column}");
    }
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
    assert_eq!(
        planned.sql,
        "account = $1 AND (attributes ->> 'assignee') IN ($2, $3)"
    );
    assert_eq!(
        planned.sql_parameters,
        [
            account(1).to_string(),
            user(2).to_string(),
            user_id(2).to_string()
        ]
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
    // A list looks at a bounded number of rows a page, whatever is found: nothing here, of more than 10,000.
    let (read, nobody) = (
        AccountRead {
            account: account(1),
            consistency: Consistency::Fully,
            deadline: None,
        },
        user(2),
    );
    let question = ResourceQuestion {
        subject: &nobody,
        permission: "note.view",
        type_name: "note",
        attributes: None,
    };
    let (mut pages, mut after): (usize, Option<Box<str>>) = (0, None);
    loop {
        let page = VisiblePage {
            scope: None,
            after: after.as_deref(),
            size: 10,
            all: false,
        };
        let page = desk
            .replica
            .visible(&read, &question, page)
            .await
            .unwrap()
            .unwrap();
        assert!(page.ids.is_empty());
        pages += 1;
        match page.next {
            None => break,
            next => after = next,
        }
    }
    assert_eq!(pages, 3);
}
