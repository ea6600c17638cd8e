//! `lazaret user`: local accounts from the command line, for the day when nobody can log in any more.
//! A password is made here and shown once, or read from standard input; it never stands on the command line.

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::Context as _;
use app::PasswordRefused;
use domain::party::Role;
use serde_json::json;

use super::ConfigArg;
use crate::output::Output;
use crate::visit::{Visit, command_line};

/// What can be done with accounts.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Add an account and print its password once.
    #[command(after_help = "Example:\n  lazaret user add maria --role operator")]
    Add(AddArgs),
    /// Give an account a new password and end its sessions.
    #[command(after_help = "Example:\n  lazaret user reset maria")]
    Reset(ResetArgs),
}

/// `user add`.
#[derive(Debug, clap::Args)]
pub struct AddArgs {
    /// The account's name.
    name: String,
    /// What it may do: viewer, operator, approver or admin.
    #[arg(long, default_value = "viewer", value_parser = role)]
    role: Role,
    #[command(flatten)]
    password: PasswordArg,
    #[command(flatten)]
    config: ConfigArg,
}

/// `user reset`.
#[derive(Debug, clap::Args)]
pub struct ResetArgs {
    /// The account's name.
    name: String,
    #[command(flatten)]
    password: PasswordArg,
    #[command(flatten)]
    config: ConfigArg,
}

/// Where the password comes from.
#[derive(Debug, clap::Args)]
struct PasswordArg {
    /// Read the password from standard input instead of making one.
    #[arg(long)]
    password_stdin: bool,
}

fn role(word: &str) -> Result<Role, String> {
    Role::from_word(word).ok_or_else(|| "write viewer, operator, approver or admin".to_owned())
}

impl PasswordArg {
    fn decide(&self) -> anyhow::Result<String> {
        if !self.password_stdin {
            return made_password();
        }
        let mut text = String::new();
        std::io::stdin().take(4096).read_to_string(&mut text).context("cannot read the password")?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// A password of 120 random bits in groups that can be read aloud.
pub(crate) fn made_password() -> anyhow::Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random = app::random::<24>()?;
    let letters: Vec<String> = random
        .chunks(6)
        .map(|group| group.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect())
        .collect();
    Ok(letters.join("-"))
}

/// Why a password is not taken, in words.
pub(crate) fn refused(refused: PasswordRefused) -> anyhow::Error {
    match refused {
        PasswordRefused::TooShort => anyhow::anyhow!("the password is too short: at least 15 characters"),
        PasswordRefused::TooLong => anyhow::anyhow!("the password is longer than a kilobyte"),
        PasswordRefused::TooCommon => anyhow::anyhow!("the password is one character repeated, or holds the name"),
    }
}

/// Runs it.
pub async fn run(command: Command, output: Output) -> anyhow::Result<ExitCode> {
    let (config, name, password) = match &command {
        Command::Add(args) => (&args.config, &args.name, &args.password),
        Command::Reset(args) => (&args.config, &args.name, &args.password),
    };
    let config = config.load()?;
    let (password, given) = (password.decide()?, password.password_stdin);
    let visit = Visit::begin(&config).await?;
    let done = match &command {
        Command::Add(args) => add(&visit, args, &password).await,
        Command::Reset(args) => reset(&visit, args, &password).await,
    };
    visit.end().await;
    done?;
    let shown = (!given).then_some(&password);
    let text = match shown {
        Some(password) => format!("{name}: {password}\nShown this once."),
        None => format!("{name}: done"),
    };
    output.answer(&text, &json!({ "name": name, "password": shown }))?;
    Ok(ExitCode::SUCCESS)
}

async fn add(visit: &Visit, args: &AddArgs, password: &str) -> anyhow::Result<()> {
    visit.add_account(&command_line(), &args.name, args.role, password).await?.map_err(refused)?;
    Ok(())
}

async fn reset(visit: &Visit, args: &ResetArgs, password: &str) -> anyhow::Result<()> {
    let names = visit.account_names().await?;
    let account = names.into_iter().find(|(_, name)| *name == args.name);
    let (account, _) = account.with_context(|| format!("there is no account {:?}", args.name))?;
    visit.set_password(&command_line(), account, password).await?.map_err(refused)
}
