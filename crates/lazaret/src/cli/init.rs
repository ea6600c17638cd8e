//! `lazaret init`: a new node, ready to serve. Writes a commented configuration and keys (mode 0600), for a hub its
//! CA, opens the database once, and prints the one-time link with which the first admin is made.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use super::tell;
use crate::config::{Answers, Config, ListenAnswers, template};
use crate::data_dir::{DataDir, write_new};
use crate::output::Output;
use crate::roles::{Has, Role};
use crate::visit::{Visit, command_line};

/// `init`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lazaret init --role hospital --dir /var/lib/lazaret --name \"County Hospital\" \
                        --country RO --zone Europe/Bucharest\n  lazaret init --role national --dir hub --name \"CSIRT\" \
                        --country RO --link-url https://link.csirt.example:8444\n\nNothing is ever overwritten.")]
pub struct Args {
    /// hospital, national or union.
    #[arg(long, value_parser = role)]
    role: Role,
    /// The directory that will hold everything of this node.
    #[arg(long)]
    dir: PathBuf,
    /// The name that people and other nodes see.
    #[arg(long)]
    name: Option<String>,
    /// Two capital letters (ISO 3166-1).
    #[arg(long)]
    country: Option<String>,
    /// The IANA time zone in which times are shown.
    #[arg(long, default_value = "UTC")]
    zone: String,
    /// Where the console listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8443")]
    console: String,
    /// Where metrics and health listen.
    #[arg(long, default_value = "127.0.0.1:9443")]
    admin: String,
    /// Where the link listens (hubs).
    #[arg(long, default_value = "0.0.0.0:8444")]
    link: String,
    /// Where members find the link (hubs), e.g. https://link.hub.example:8444; goes into invite codes.
    #[arg(long = "link-url")]
    link_urls: Vec<String>,
    /// Where syslog over UDP listens (hospitals).
    #[arg(long, default_value = "0.0.0.0:5514")]
    syslog_udp: String,
    /// Where syslog over TCP listens (hospitals).
    #[arg(long, default_value = "0.0.0.0:5514")]
    syslog_tcp: String,
    /// Where HTTP intake listens (hospitals).
    #[arg(long, default_value = "127.0.0.1:8088")]
    http: String,
    /// A supplier or product (its id in the list) that is used here. May be repeated.
    #[arg(long = "uses", value_name = "ID")]
    used: Vec<String>,
    /// A supplier or product that is not used here. May be repeated; what is not named stays unknown.
    #[arg(long = "without", value_name = "ID")]
    unused: Vec<String>,
}

fn role(word: &str) -> Result<Role, String> {
    Role::from_word(word).ok_or_else(|| "write hospital, national or union".to_owned())
}

/// Runs it.
pub async fn run(args: Args, output: Output) -> anyhow::Result<ExitCode> {
    let config_path = args.dir.join("lazaret.toml");
    let text = template(&answers(&args)?);
    let config = Config::read(&text, &args.dir)
        .map_err(|problems| crate::config::ConfigError { path: config_path.clone(), problems })?;
    let suppliers = supplier_answers(&args, config.role.parts().intake)?;
    let dir = DataDir::at(&config.data_dir);
    dir.create()?;
    let keys = dir.create_keys()?;
    if config.role.parts().members == Has::Yes {
        dir.create_authority(&config.app.name)?;
    }
    write_new(&config_path, text.as_bytes(), 0o600)?;
    let visit = Visit::begin(&config).await?;
    let prepared = async {
        if suppliers != app::Answers::default() {
            visit.keep_supplier_answers(command_line(), &suppliers).await?;
        }
        anyhow::Ok(visit.create_first_run().await?)
    };
    let token = prepared.await;
    visit.end().await;
    let token = token?;
    dir.keep_first_run(&token)?;
    let link = crate::node::console_base(&config, None).map(|base| format!("{base}/first-run?token={token}"));
    let next = next_steps(&config, &config_path.display().to_string(), link.as_deref());
    let value = json!({
        "config": config_path, "node": keys.node_id(), "role": config.role.as_str(), "first_run": link,
    });
    output.answer(&next, &value)?;
    Ok(ExitCode::SUCCESS)
}

fn answers(args: &Args) -> anyhow::Result<Answers> {
    Ok(Answers {
        role: args.role,
        name: asked(args.name.as_deref(), "Name of this node: ", "--name")?,
        country: asked(args.country.as_deref(), "Country (two capital letters): ", "--country")?,
        zone: args.zone.clone(),
        console: args.console.clone(),
        admin: args.admin.clone(),
        link: args.link.clone(),
        link_urls: link_urls(args),
        listeners: ListenAnswers {
            syslog_udp: args.syslog_udp.clone(),
            syslog_tcp: args.syslog_tcp.clone(),
            http: args.http.clone(),
        },
    })
}

/// A hub that listens on every interface must say where it is found; on one machine its address is enough.
fn link_urls(args: &Args) -> Vec<String> {
    let address: Option<std::net::SocketAddr> = args.link.parse().ok();
    match address {
        Some(address) if args.link_urls.is_empty() && address.port() != 0 && !address.ip().is_unspecified() => {
            vec![format!("https://{address}")]
        }
        Some(address) if args.link_urls.is_empty() && address.port() != 0 => {
            vec![format!("https://localhost:{}", address.port())]
        }
        _ => args.link_urls.clone(),
    }
}

/// What was given, or what a person at a terminal answers. Without a terminal a missing value is an error.
fn asked(given: Option<&str>, question: &str, flag: &str) -> anyhow::Result<String> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    anyhow::ensure!(std::io::stdin().is_terminal(), "{flag} is missing");
    use std::io::Write as _;
    let _ = write!(std::io::stderr(), "{question}");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// Which suppliers are used: by flags, or asked at a terminal. Unknown is a good answer and the default.
fn supplier_answers(args: &Args, intake: Has) -> anyhow::Result<app::Answers> {
    let mut answers = app::Answers::default();
    if intake == Has::No {
        return Ok(answers);
    }
    let list = crate::load::suppliers()?;
    let mut used = args.used.clone();
    if used.is_empty() && args.unused.is_empty() && std::io::stdin().is_terminal() {
        tell("Which of these does the hospital use? (ids, separated by spaces; Enter leaves all unknown)");
        for supplier in &list.suppliers {
            tell(&format!("  {:<24} {}", supplier.id, supplier.name));
        }
        used = asked(None, "> ", "--uses")?.split_whitespace().map(str::to_owned).collect();
    }
    let known =
        |id: &str| list.suppliers.iter().any(|one| one.id == id || one.products.iter().any(|product| product.id == id));
    for (ids, answer) in [(&used, app::Answer::Used), (&args.unused, app::Answer::NotUsed)] {
        for id in ids {
            anyhow::ensure!(known(id), "{id:?} is not in the list of suppliers and products");
            answers.0.insert(id.clone(), answer);
        }
    }
    Ok(answers)
}

fn next_steps(config: &Config, path: &str, link: Option<&str>) -> String {
    let mut text =
        format!("A new {} node: {}\n\nNext:\n  lazaret serve --config {path}\n", config.role.as_str(), config.app.name);
    match link {
        Some(link) => text.push_str(&format!("  then make the first account (once, within 72 hours):\n  {link}\n")),
        None => text.push_str("  then open the one-time link that `serve` prints and make the first account\n"),
    }
    if config.role.parts().members == Has::Yes {
        text.push_str(&format!("  invite a member: lazaret invite NAME --country XX --config {path}\n"));
    }
    if config.role.parts().uplink == Has::Yes {
        text.push_str(&format!("  join a hub: lazaret enrol CODE --config {path}\n"));
    }
    text
}

impl DataDir {
    /// Keeps the one-time secret until it is used, so that `serve` can print the link again.
    fn keep_first_run(&self, token: &str) -> anyhow::Result<()> {
        write_new(&self.first_run(), token.as_bytes(), 0o600).context("the one-time secret could not be kept")
    }
}
