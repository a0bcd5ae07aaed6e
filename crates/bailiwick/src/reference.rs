//! The pages of `docs/reference/` that are made from what only this binary knows: its commands and the
//! suite's own permissions.

use std::{collections::BTreeMap, fmt::Write, path::Path};

use bailiwick_policy::manifest::SUITE_TYPES;
use bailiwick_proto::METHODS;
use bailiwick_testkit::golden;
use clap::{Arg, Command, CommandFactory};

use crate::cli::Cli;

const MADE: &str =
    "<!-- Made by `UPDATE_GOLDEN=1 cargo test --package bailiwick reference`. Do not edit. -->";
/// The arguments of every command that calls the suite are told once.
const CONNECTION: &str = "Connection";

fn page(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    golden(folder.join(name), text);
}

/// A command with those below it.
fn describe(command: &Command, path: &str, text: &mut String) {
    let about = command.get_long_about().or(command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let below: Vec<&Command> = command
        .get_subcommands()
        .filter(|below| below.get_name() != "help")
        .collect();
    // Writing to a string cannot fail.
    let _ = write!(text, "\n## {path}\n\n{about}\n");
    let arguments = command.get_arguments().filter(|argument| {
        !argument.is_global_set() && !argument.is_hide_set() && argument.get_id() != "help"
    });
    let mut rows: Vec<String> = Vec::new();
    let mut connects = false;
    for argument in arguments {
        if argument.get_help_heading() == Some(CONNECTION) {
            connects = true;
        } else {
            rows.push(row(argument));
        }
    }
    if !rows.is_empty() {
        let _ = write!(text, "\n| Argument | Meaning |\n| --- | --- |\n{}", rows.concat());
    }
    if connects {
        text.push_str("\nCalls the suite: [connection](#connection).\n");
    }
    for below in below {
        describe(below, &format!("{path} {}", below.get_name()), text);
    }
}

fn row(argument: &Arg) -> String {
    let values = argument
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string);
    let takes = argument.get_action().takes_values();
    let values = if takes {
        values.collect::<Vec<_>>().join(" ")
    } else {
        String::new()
    };
    let name = match (argument.get_long(), argument.is_required_set()) {
        (Some(long), _) => format!("--{long} {values}"),
        (None, true) => values,
        (None, false) => format!("[{values}]"),
    };
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let variable = argument
        .get_env()
        .map(|name| format!(" (`{}`)", name.to_string_lossy()));
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    format!(
        "| `{}` | {}{} |\n",
        cell(name.trim()),
        cell(&help),
        variable.unwrap_or_default()
    )
}

#[test]
fn the_page_of_commands_is_that_of_the_command_line() {
    let mut cli = Cli::command();
    cli.build();
    let mut text = format!(
        "# Commands\n\n{MADE}\n\nEvery command of `bailiwick`. All take `--output table|json|yaml` \
         (`BAILIWICK_OUTPUT`) for results and errors. The exit code is 0 for yes and done, 1 for no, 2 for an error.\n"
    );
    let connecting = cli.find_subcommand("whoami").unwrap();
    let connection = connecting
        .get_arguments()
        .filter(|of| of.get_help_heading() == Some(CONNECTION));
    let rows: String = connection.map(row).collect();
    let _ = write!(
        text,
        "\n## Connection\n\n| Argument | Meaning |\n| --- | --- |\n{rows}"
    );
    for command in cli
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
    {
        describe(command, command.get_name(), &mut text);
    }
    page("commands.md", &text);
}

#[test]
fn the_page_of_permissions_is_what_the_suite_declares_and_its_methods_ask_for() {
    let mut asked: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for method in METHODS {
        asked
            .entry(method.permission)
            .or_default()
            .push(method.path.trim_start_matches("/bailiwick."));
    }
    let mut text = format!(
        "# Permissions of the suite\n\n{MADE}\n\nA manifest gives these to its roles, beside the permissions of its own \
         types. Who has a permission has those that it implies. `TYPE.create`, `TYPE.edit` and `TYPE.delete` of the \
         product's own types are asked for by the methods of resources.\n\n\
         | Permission | Implies | Asked for by |\n| --- | --- | --- |\n"
    );
    for of in SUITE_TYPES {
        for verb in of.verbs {
            let name = format!("{}.{verb}", of.name);
            let implied = of.implies.iter().filter(|(by, _)| by == verb);
            let implied: Vec<String> = implied.map(|(_, to)| format!("`{}.{to}`", of.name)).collect();
            let methods = asked.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
            let methods: Vec<String> = methods.iter().map(|path| format!("`{path}`")).collect();
            let _ = writeln!(
                text,
                "| `{name}` | {} | {} |",
                implied.join(", "),
                methods.join(", ")
            );
        }
    }
    page("permissions.md", &text);
}
