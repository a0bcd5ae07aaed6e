//! `internal-calls.md`: which service may call which method of the others.

use super::{code, head, table};
use crate::codegen::access::{Caller, Kind, Row};

const INTRODUCTION: &str = "\
What the internal listener (`server.internal_listen`) has, and who may call it: the `callers` of each method's declaration. \
The frame and the guard refuse everybody else. A method that is also *public* is on the public listener too, for those that \
[its declaration](methods.md) names; the others are on no other listener.\n\n";

pub(super) fn page(rows: &[Row]) -> String {
    let rows = rows.iter().filter(|row| !row.callers.is_empty()).map(|row| {
        let may = |caller: Caller| {
            let called = row.callers.contains(&caller);
            if called { "yes" } else { "" }.to_owned()
        };
        [
            code(row.path.trim_start_matches('/')),
            may(Caller::Identity),
            may(Caller::Tenancy),
            may(Caller::Authorization),
            if row.kind == Kind::Internal { "" } else { "yes" }.to_owned(),
        ]
    });
    let columns = ["Method", "Identity", "Tenancy", "Authorization", "Also public"];
    head("Calls between the services", "the protos") + INTRODUCTION + &table(columns, rows)
}
