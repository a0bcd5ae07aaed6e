//! Questions to the person at the terminal.

use std::io::{IsTerminal, Write};

use anyhow::{Context, Result, bail};
use secrecy::SecretString;

/// Whether something that cannot be undone may be done.
#[derive(clap::Args, Debug)]
pub(crate) struct Confirmation {
    /// Do not ask whether it is really meant.
    #[arg(long, short)]
    yes: bool,
}

impl Confirmation {
    /// Asks at a terminal; elsewhere `--yes` is required.
    pub(crate) fn ask(&self, act: &str) -> Result<()> {
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            bail!("{act} cannot be undone: `--yes` is required where no terminal can be asked");
        }
        match line(&format!("{act} cannot be undone. Go on? [y/N] "))?.as_str() {
            "y" | "Y" | "yes" => Ok(()),
            _ => bail!("nothing was done"),
        }
    }
}

/// Asks for a line of text.
pub(crate) fn line(question: &str) -> Result<String> {
    at_terminal(question)?;
    let mut err = std::io::stderr().lock();
    write!(err, "{question}")
        .and_then(|()| err.flush())
        .context("cannot ask at the terminal")?;
    let mut text = String::new();
    std::io::stdin()
        .read_line(&mut text)
        .context("cannot read from the terminal")?;
    Ok(text.trim().to_owned())
}

/// Asks for a text that is not shown.
pub(crate) fn secret(question: &str) -> Result<SecretString> {
    at_terminal(question)?;
    let text = rpassword::prompt_password(question).context("cannot read from the terminal")?;
    Ok(text.into())
}

fn at_terminal(question: &str) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!(
            "cannot ask `{}`: standard input is no terminal",
            question.trim().trim_end_matches(':')
        );
    }
    Ok(())
}
