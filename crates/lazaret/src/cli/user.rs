//! `lazaret user`: local accounts from the command line, for the day when nobody can log in any more.
//! An account gets a one-time link with which its owner chooses a password; a password never stands on the command
//! line, and may come over standard input.

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::Context as _;
use app::{MayLogIn, PasswordRefused};
use domain::party::Role;
use serde_json::json;
use uuid::Uuid;

use super::ConfigArg;
use crate::config::Config;
use crate::node::console_base;
use crate::output::Output;
use crate::visit::{Visit, command_line};

/// What can be done with accounts.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Add an account and print the one-time link with which its owner chooses a password.
    #[command(after_help = "Example:\n  lazaret user add maria --role operator")]
    Add(AddArgs),
    /// Take an account's password, authenticator app, passkeys and sessions away, and print a one-time link.
    #[command(after_help = "Example:\n  lazaret user reset maria")]
    Reset(ResetArgs),
    /// List the accounts.
    #[command(after_help = "Example:\n  lazaret user list --output json")]
    List(ConfigArg),
    /// Let an account log in no more; its sessions end.
    #[command(after_help = "Example:\n  lazaret user disable maria")]
    Disable(NameArgs),
    /// Let an account log in again.
    #[command(after_help = "Example:\n  lazaret user enable maria")]
    Enable(NameArgs),
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

/// `user disable` and `user enable`.
#[derive(Debug, clap::Args)]
pub struct NameArgs {
    /// The account's name.
    name: String,
    #[command(flatten)]
    config: ConfigArg,
}

/// Where the password comes from.
#[derive(Debug, clap::Args)]
struct PasswordArg {
    /// Read the password from standard input instead of making a link.
    #[arg(long)]
    password_stdin: bool,
}

fn role(word: &str) -> Result<Role, String> {
    Role::from_word(word).ok_or_else(|| "write viewer, operator, approver or admin".to_owned())
}

impl PasswordArg {
    /// The password that was given; none where a link is to be made.
    fn given(&self) -> anyhow::Result<Option<String>> {
        if !self.password_stdin {
            return Ok(None);
        }
        let mut text = String::new();
        std::io::stdin().take(4096).read_to_string(&mut text).context("cannot read the password")?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

/// Why a password is not taken, in words.
pub(crate) fn refused(refused: PasswordRefused) -> anyhow::Error {
    match refused {
        PasswordRefused::TooShort => anyhow::anyhow!("the password is too short: at least 15 characters"),
        PasswordRefused::TooLong => anyhow::anyhow!("the password is longer than a kilobyte"),
        PasswordRefused::TooCommon => anyhow::anyhow!("the password is one character repeated, or holds the name"),
    }
}

/// What a command did: what people read, and what programs read.
struct Done(String, serde_json::Value);

/// Runs it.
pub async fn run(command: Command, output: Output) -> anyhow::Result<ExitCode> {
    let config = match &command {
        Command::Add(args) => &args.config,
        Command::Reset(args) => &args.config,
        Command::List(config) => config,
        Command::Disable(args) | Command::Enable(args) => &args.config,
    };
    let config = config.load()?;
    let visit = Visit::begin(&config).await?;
    let done = match &command {
        Command::Add(args) => add(&visit, &config, args).await,
        Command::Reset(args) => reset(&visit, &config, args).await,
        Command::List(_) => list(&visit).await,
        Command::Disable(args) => switch(&visit, &args.name, MayLogIn::No).await,
        Command::Enable(args) => switch(&visit, &args.name, MayLogIn::Yes).await,
    };
    visit.end().await;
    let Done(text, value) = done?;
    output.answer(&text, &value)?;
    Ok(ExitCode::SUCCESS)
}

async fn add(visit: &Visit, config: &Config, args: &AddArgs) -> anyhow::Result<Done> {
    let Some(password) = args.password.given()? else {
        let added = visit.add_account_by_link(&command_line(), &args.name, args.role).await;
        return Ok(link(config, &args.name, &added.map_err(|problem| told(problem, &args.name))?));
    };
    visit.add_account(&command_line(), &args.name, args.role, &password).await?.map_err(refused)?;
    Ok(Done(format!("{}: done", args.name), json!({ "name": args.name })))
}

async fn reset(visit: &Visit, config: &Config, args: &ResetArgs) -> anyhow::Result<Done> {
    let account = named(visit, &args.name).await?;
    let password = args.password.given()?;
    let token = visit.reset_account(&command_line(), account).await.map_err(|problem| told(problem, &args.name))?;
    let Some(password) = password else { return Ok(link(config, &args.name, &token)) };
    visit.set_password(&command_line(), account, &password).await?.map_err(refused)?;
    Ok(Done(format!("{}: done", args.name), json!({ "name": args.name })))
}

/// The link of a new or reset account. Port 0 is no port yet: then only the end of the address is known.
fn link(config: &Config, name: &str, token: &str) -> Done {
    let base = console_base(config, None).unwrap_or_default();
    let link = format!("{base}/welcome?token={token}");
    Done(
        format!("{name}: {link}\nShown this once; it works once, for three days."),
        json!({ "name": name, "link": link }),
    )
}

/// What a person can do about it.
fn told(problem: app::Error, name: &str) -> anyhow::Error {
    match problem.code() {
        "people-name-taken" => {
            anyhow::anyhow!("there is an account {name:?} already; `lazaret user reset` gives it a new link")
        }
        "input-name-reserved" => {
            anyhow::anyhow!("{name:?} belongs to the printed code; make a new code on the page People")
        }
        "input-name" => anyhow::anyhow!("the name is empty or longer than 80 characters"),
        _ => problem.into(),
    }
}

async fn named(visit: &Visit, name: &str) -> anyhow::Result<Uuid> {
    let accounts = visit.list_accounts().await?;
    let account = accounts.into_iter().find(|account| account.name == name);
    Ok(account.with_context(|| format!("there is no account {name:?}; `lazaret user list` shows those there are"))?.id)
}

async fn list(visit: &Visit) -> anyhow::Result<Done> {
    let accounts = visit.list_accounts().await?;
    let now = visit.now();
    let state = |account: &app::Account| match account.disabled {
        true => "disabled",
        false if account.locked(now) => "locked",
        false => "active",
    };
    let mut text = format!("{:<24} {:<10} {:<10} last log-in\n", "name", "role", "state");
    for account in &accounts {
        let last = account.last_login_at.map_or_else(|| "never".to_owned(), |at| format!("{at:.0}"));
        text.push_str(&format!("{:<24} {:<10} {:<10} {last}\n", account.name, account.role.as_str(), state(account)));
    }
    let rows: Vec<_> = accounts
        .iter()
        .map(|account| {
            json!({ "name": account.name, "role": account.role.as_str(), "state": state(account),
                    "last_login_at": account.last_login_at })
        })
        .collect();
    Ok(Done(text, json!({ "accounts": rows })))
}

async fn switch(visit: &Visit, name: &str, may: MayLogIn) -> anyhow::Result<Done> {
    let account = named(visit, name).await?;
    visit.switch_account(&command_line(), account, may).await?;
    let state = if may == MayLogIn::Yes { "enabled" } else { "disabled" };
    Ok(Done(format!("{name}: {state}"), json!({ "name": name, "state": state })))
}
