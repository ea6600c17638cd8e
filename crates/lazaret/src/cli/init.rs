//! `lazaret init`: a new node, ready to serve. Writes a commented configuration and keys (mode 0600), for a hub its
//! CA, opens the database once, and prints the one-time link with which the first admin is made. Where the package is
//! installed the configuration goes to `/etc/lazaret` and everything belongs to the service's user.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use super::{PACKAGED_CONFIG, PACKAGED_DATA, tell};
use crate::config::{Answers, Config, ListenAnswers, template};
use crate::data_dir::{DataDir, write_new};
use crate::output::Output;
use crate::roles::{Has, Role};
use crate::visit::{Visit, command_line};

/// `init`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  sudo lazaret init --role hospital --name \"County Hospital\" --country RO    \
                        (installed from the package)\n  lazaret init --role hospital --dir node --name \"County Hospital\" \
                        --country RO --zone Europe/Bucharest\n  lazaret init --role national --dir hub --name \"CSIRT\" \
                        --country RO --link-url https://link.csirt.example:8444\n\nNothing is ever overwritten.")]
pub struct Args {
    /// hospital, national or union.
    #[arg(long, value_parser = role)]
    role: Role,
    /// The directory that will hold everything of this node. Left out where the package is installed: the service's
    /// directories, /etc/lazaret and /var/lib/lazaret.
    #[arg(long)]
    dir: Option<PathBuf>,
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
    /// Where syslog over UDP listens (hospitals): 0.0.0.0:5514, for the package's service 0.0.0.0:514.
    #[arg(long)]
    syslog_udp: Option<String>,
    /// Where syslog over TCP listens (hospitals): as syslog over UDP.
    #[arg(long)]
    syslog_tcp: Option<String>,
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
    let home = Home::decide(args.dir.as_deref())?;
    let config_path = home.config();
    let text = template(&answers(&args, &home)?);
    let base = config_path.parent().unwrap_or(Path::new("."));
    let config = Config::read(&text, base)
        .map_err(|problems| crate::config::ConfigError { path: config_path.clone(), problems })?;
    let suppliers = supplier_answers(&args, config.role.parts().intake)?;
    let made = make(&home, &config, &text, &suppliers).await;
    // also what a failure left half made must not be root's
    crate::owner::hand_over(&config.data_dir)?;
    let (node, token) = made?;
    let link = crate::node::console_base(&config, None).map(|base| format!("{base}/first-run?token={token}"));
    let next = next_steps(&config, &home, link.as_deref());
    let value = json!({
        "config": config_path, "node": node, "role": config.role.as_str(), "first_run": link,
    });
    output.answer(&next, &value)?;
    Ok(ExitCode::SUCCESS)
}

/// Makes the files and the database. The node's identity, and the secret of the first run.
async fn make(
    home: &Home,
    config: &Config,
    text: &str,
    suppliers: &app::Answers,
) -> anyhow::Result<(domain::party::NodeId, String)> {
    let config_path = home.config();
    anyhow::ensure!(!config_path.exists(), "{} is there already; nothing was overwritten", config_path.display());
    let dir = DataDir::at(&config.data_dir);
    dir.create()?;
    let keys = dir.create_keys()?;
    if config.role.parts().members == Has::Yes {
        dir.create_authority(&config.app.name)?;
    }
    write_new(&config_path, text.as_bytes(), 0o600)?;
    if home.is_packaged() {
        crate::owner::let_read(&config_path, &config.data_dir)?;
    }
    let visit = Visit::begin(config).await?;
    let prepared = async {
        if *suppliers != app::Answers::default() {
            visit.keep_supplier_answers(command_line(), suppliers).await?;
        }
        anyhow::Ok(visit.create_first_run().await?)
    };
    let token = prepared.await;
    visit.end().await;
    let token = token?;
    dir.keep_first_run(&token)?;
    Ok((keys.node_id(), token))
}

/// Where a new node's files go.
enum Home {
    /// All in one directory.
    Own(PathBuf),
    /// Where the package's service looks.
    Packaged,
}

impl Home {
    /// The package's directories where they are there and no other directory is named.
    fn decide(dir: Option<&Path>) -> anyhow::Result<Self> {
        let packaged = [PACKAGED_CONFIG, PACKAGED_DATA].map(Path::new);
        let installed = packaged[0].parent().is_some_and(Path::is_dir) && packaged[1].is_dir();
        match dir {
            Some(dir) if installed && dir == packaged[1] => Ok(Self::Packaged),
            Some(dir) => Ok(Self::Own(dir.to_owned())),
            None if installed => Ok(Self::Packaged),
            None => anyhow::bail!(
                "--dir is missing: name the directory that will hold everything of this node, e.g. --dir ./node"
            ),
        }
    }

    fn is_packaged(&self) -> bool {
        matches!(self, Self::Packaged)
    }

    fn config(&self) -> PathBuf {
        match self {
            Self::Own(dir) => dir.join("lazaret.toml"),
            Self::Packaged => PathBuf::from(PACKAGED_CONFIG),
        }
    }

    fn data_dir(&self) -> &'static str {
        if self.is_packaged() { PACKAGED_DATA } else { "." }
    }

    /// Port 514 is what devices send to without being told; only the service may have it.
    fn syslog(&self) -> &'static str {
        if self.is_packaged() { "0.0.0.0:514" } else { "0.0.0.0:5514" }
    }
}

fn answers(args: &Args, home: &Home) -> anyhow::Result<Answers> {
    let syslog = |given: &Option<String>| given.clone().unwrap_or_else(|| home.syslog().to_owned());
    Ok(Answers {
        role: args.role,
        name: asked(args.name.as_deref(), "Name of this node: ", "--name")?,
        country: asked(args.country.as_deref(), "Country (two capital letters): ", "--country")?,
        zone: args.zone.clone(),
        data_dir: home.data_dir().to_owned(),
        console: args.console.clone(),
        admin: args.admin.clone(),
        link: args.link.clone(),
        link_urls: link_urls(args),
        listeners: ListenAnswers {
            syslog_udp: syslog(&args.syslog_udp),
            syslog_tcp: syslog(&args.syslog_tcp),
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

fn next_steps(config: &Config, home: &Home, link: Option<&str>) -> String {
    let (start, path) = match home {
        Home::Own(_) => {
            let path = format!(" --config {}", home.config().display());
            (format!("lazaret serve{path}"), path)
        }
        Home::Packaged => ("systemctl start lazaret".to_owned(), String::new()),
    };
    let mut text = format!("A new {} node: {}\n\nNext:\n  {start}\n", config.role.as_str(), config.app.name);
    match link {
        Some(link) => text.push_str(&format!("  then make the first account (once, within 72 hours):\n  {link}\n")),
        None => text.push_str("  then open the one-time link that `serve` prints and make the first account\n"),
    }
    if config.role.parts().members == Has::Yes {
        text.push_str(&format!("  invite a member: lazaret invite NAME --country XX{path}\n"));
    }
    if config.role.parts().uplink == Has::Yes {
        text.push_str(&format!("  join a hub: lazaret enrol CODE{path}\n"));
    }
    text
}

impl DataDir {
    /// Keeps the one-time secret until it is used, so that `serve` can print the link again.
    fn keep_first_run(&self, token: &str) -> anyhow::Result<()> {
        write_new(&self.first_run(), token.as_bytes(), 0o600).context("the one-time secret could not be kept")
    }
}
