//! The schema as text, for golden files.

use std::fmt::Write;

use sea_orm::Value;

use crate::{Db, Error, conn::rows};

/// Writes the schema down: tables with their columns, constraints, indexes and policies, in an order that
/// does not depend on how it came about.
///
/// # Errors
/// The database is unavailable.
pub async fn schema_dump(db: &Db) -> Result<String, Error> {
    if db.is_postgres() {
        postgres(db).await
    } else {
        sqlite(db).await
    }
}

async fn sqlite(db: &Db) -> Result<String, Error> {
    let sql = "SELECT sql AS line FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' \
               ORDER BY tbl_name, type DESC, name";
    let mut out = String::new();
    for line in lines(db, sql, vec![]).await? {
        out.push_str(&normal(&line));
        out.push('\n');
    }
    Ok(out)
}

/// One blank between words, one column a line.
fn normal(sql: &str) -> String {
    let words: Vec<&str> = sql.split_whitespace().collect();
    let flat = words.join(" ");
    if !flat.starts_with("CREATE TABLE") {
        return flat;
    }
    let mut out = String::new();
    let mut depth = 0_u32;
    for c in flat.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        out.push(c);
        if depth == 1 && (c == ',' || (c == '(' && !out.ends_with("))"))) {
            out.push_str("\n ");
        }
    }
    out.replace("\n  ", "\n ")
}

async fn postgres(db: &Db) -> Result<String, Error> {
    let mut out = String::new();
    let tables = "SELECT c.relname::text || CASE WHEN c.relforcerowsecurity THEN ' (row security forced)' ELSE '' END AS line \
                  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                  WHERE n.nspname = current_schema() AND c.relkind = 'r' ORDER BY c.relname::text COLLATE \"C\"";
    for table in lines(db, tables, vec![]).await? {
        let name = table.split(' ').next().unwrap_or_default();
        // Writing to a string does not fail.
        let _ = writeln!(out, "table {table}");
        for sql in PARTS {
            for line in lines(db, sql, vec![name.into()]).await? {
                let _ = writeln!(out, "  {line}");
            }
        }
    }
    Ok(out)
}

const PARTS: [&str; 5] = [
    "SELECT a.attname::text || ' ' || format_type(a.atttypid, a.atttypmod) \
     || CASE WHEN a.attcollation <> 0 AND co.collname <> 'default' THEN ' collate ' || co.collname::text ELSE '' END \
     || CASE WHEN a.attidentity <> '' THEN ' identity' ELSE '' END \
     || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END \
     || COALESCE(' default ' || pg_get_expr(d.adbin, d.adrelid), '') AS line \
     FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
     LEFT JOIN pg_collation co ON co.oid = a.attcollation \
     WHERE a.attrelid = to_regclass(quote_ident($1)) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
    "SELECT 'constraint ' || conname::text || ' ' || pg_get_constraintdef(oid) AS line FROM pg_constraint \
     WHERE conrelid = to_regclass(quote_ident($1)) ORDER BY conname::text COLLATE \"C\"",
    "SELECT indexdef AS line FROM pg_indexes WHERE schemaname = current_schema() AND tablename = $1 \
     ORDER BY indexname::text COLLATE \"C\"",
    "SELECT 'policy ' || policyname::text || ' ' || cmd || ' using ' || COALESCE(qual, '-') || ' check ' \
     || COALESCE(with_check, '-') AS line FROM pg_policies WHERE schemaname = current_schema() AND tablename = $1 \
     ORDER BY policyname::text COLLATE \"C\"",
    "SELECT regexp_replace(pg_get_triggerdef(t.oid), current_schema() || '[.]', '', 'g') || ' as ' || trim(p.prosrc) AS line \
     FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid \
     WHERE t.tgrelid = to_regclass(quote_ident($1)) AND NOT t.tgisinternal ORDER BY t.tgname::text COLLATE \"C\"",
];

async fn lines(db: &Db, sql: &str, values: Vec<Value>) -> Result<Vec<String>, Error> {
    let rows = rows(db.load(), sql, values).await?;
    rows.iter().map(|row| Ok(row.try_get("", "line")?)).collect()
}
