//! The result as a table or as JSON.

use std::io::Write;

use anyhow::Result;
use comfy_table::{Table, presets};

use crate::{
    Output,
    measure::{Cost, Ratio, Report},
    slow,
};

/// Prints the result.
pub(crate) fn print(report: &Report, how: Output) -> Result<()> {
    let text = match how {
        Output::Json => serde_json::to_string_pretty(report)?,
        Output::Human => human(report),
    };
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

/// Prints the result of checks beside slow clients.
pub(crate) fn print_slow(report: &slow::Report, how: Output) -> Result<()> {
    let text = match how {
        Output::Json => serde_json::to_string_pretty(report)?,
        Output::Human => format!(
            "p99 of a check: {:.0} us alone, {:.0} us beside slow clients, ratio {:.2} (medians); {:.0} checks/s; \
             {} silent connections made, {} of them open, {} exports unread",
            report.alone_p99_us,
            report.beside_p99_us,
            report.ratio,
            report.rate,
            report.connected,
            report.silent,
            report.unread
        ),
    };
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

fn human(report: &Report) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "call",
        "calls/s",
        "calls per CPU second",
        "CPU ms per 1,000",
        "p50 us",
        "p99 us",
        "p99.9 us",
    ]);
    let row = |name: &str, c: &Cost| {
        vec![
            name.to_owned(),
            format!("{:.0}", c.throughput),
            format!("{:.0}", c.throughput_per_cpu_second),
            format!("{:.2}", c.server_cpu_ms_per_1000),
            format!("{:.0}", c.p50_us),
            format!("{:.0}", c.p99_us),
            format!("{:.0}", c.p999_us),
        ]
    };
    table.add_row(row("empty, default server", &report.plain));
    table.add_row(row("empty, all layers", &report.noop));
    if let Some(check) = &report.check {
        table.add_row(row("check", check));
    }
    let mut ratios = |name: &str, ratio: &Ratio| {
        table.add_row([
            name.to_owned(),
            format!("{:.2}", ratio.throughput),
            format!("{:.2}", ratio.throughput_per_cpu_second),
            String::new(),
            String::new(),
            format!("{:.2}", ratio.p99),
            String::new(),
        ]);
    };
    match &report.ratio_to_noop {
        Some(ratio) => {
            ratios("check / empty, all layers", ratio);
            ratios("check / empty, default server", &report.ratio_to_plain);
        }
        None => ratios("all layers / default server", &report.ratio_to_plain),
    }
    let (question, answer) = report.message_bytes;
    format!(
        "{table}\nmedians of {} rounds; requests of {question} and answers of {answer} bytes; latencies at 70 % of saturation; \
         worst steal {:.1} %",
        report.rounds, report.worst_steal_percent
    )
}
