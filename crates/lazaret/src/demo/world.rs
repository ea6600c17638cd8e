//! The small Europe of the demo: one union hub, two national hubs, six hospitals, each made exactly as `lazaret init`,
//! `invite`, `enrol` and `serve` make one, in a temporary directory. A file of its own because it is only set-up: what
//! happens in it is `play`'s.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use app::invite_code::InviteCode;
use app::{Answer, InviteOrder};
use connect::link::{Enrolment, enrol};
use domain::party::Role as AccountRole;
use tempfile::TempDir;

use super::story_clock::StoryClock;
use crate::config::{Answers, Config, ListenAnswers, template};
use crate::content::cast::{Cast, SEATS_FIRST_COUNTRY};
use crate::content::suppliers::Supplier;
use crate::data_dir::{DataDir, write_new};
use crate::node::{Extras, Node};
use crate::roles::{Has, Role};
use crate::visit::command_line;

/// Nine running nodes.
pub struct World {
    /// The union's hub.
    pub union: Node,
    /// The national hubs, in the order of the cast's countries.
    pub hubs: Vec<Node>,
    /// The hospitals, by seat.
    pub hospitals: Vec<Node>,
    /// Everybody's clock.
    pub clock: StoryClock,
    dir: TempDir,
}

/// What a world is made from.
pub struct Making<'a> {
    /// Who plays.
    pub cast: &'a Cast,
    /// Everybody's clock.
    pub clock: StoryClock,
    /// What the union's console shows as the theatre.
    pub theatre: Option<web::Theatre>,
}

/// One node to be made.
struct Place {
    dir: PathBuf,
    role: Role,
    name: String,
    country: String,
}

impl World {
    /// Makes and starts all nine.
    pub async fn start(making: Making<'_>) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("lazaret-demo-").tempdir().context("cannot make a directory")?;
        let cast = making.cast;
        let union = Place::new(&dir, "union", Role::Union, "Union hub", "BE");
        union.init()?;
        let extras = Extras { theatre: making.theatre.clone(), ..Extras::default() };
        let union = union.serve(&making.clock, extras).await?;
        let mut hubs = Vec::new();
        for (index, country) in cast.countries.iter().enumerate() {
            let hub =
                Place::new(&dir, &format!("hub-{}", index + 1), Role::National, &format!("{country} hub"), country);
            hub.init()?;
            hub.join(&union).await?;
            let extras = Extras { suppliers: cast.suppliers.clone(), ..Extras::default() };
            hubs.push(hub.serve(&making.clock, extras).await?);
        }
        let mut hospitals = Vec::new();
        for (seat, at) in cast.seats.iter().enumerate() {
            let name = at.names.title.clone();
            let hospital = Place::new(&dir, &format!("hospital-{}", seat + 1), Role::Hospital, &name, at.country);
            hospital.init()?;
            let hub = &hubs[usize::from(seat >= SEATS_FIRST_COUNTRY)];
            hospital.join(hub).await?;
            let extras = Extras { suppliers: cast.suppliers.clone(), ..Extras::default() };
            let node = hospital.serve(&making.clock, extras).await?;
            answer_suppliers(&node, &at.suppliers, &at.products, &cast.suppliers).await?;
            hospitals.push(node);
        }
        Ok(Self { union, hubs, hospitals, clock: making.clock, dir })
    }

    /// Every node, the union's hub first.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        std::iter::once(&self.union).chain(&self.hubs).chain(&self.hospitals)
    }

    /// The file that the hospital at a seat follows.
    pub fn followed_file(&self, seat: usize) -> PathBuf {
        followed(&self.dir.path().join(format!("hospital-{}", seat + 1)))
    }

    /// Puts a rule into every hospital's rules directory, or takes it away, and has the rules read again.
    pub async fn push_rule(&self, text: Option<&str>) -> anyhow::Result<()> {
        for (seat, node) in self.hospitals.iter().enumerate() {
            let path = self.dir.path().join(format!("hospital-{}/rules/pushed.yml", seat + 1));
            match text {
                Some(text) => write_new(&path, text.as_bytes(), 0o600)?,
                None => std::fs::remove_file(&path)?,
            }
            node.reload_rules().await?;
        }
        Ok(())
    }

    /// Adds one account a role at every node, all with one password.
    pub async fn add_accounts(&self, password: &str) -> anyhow::Result<()> {
        for node in self.nodes() {
            for role in [AccountRole::Viewer, AccountRole::Operator, AccountRole::Approver, AccountRole::Admin] {
                let added = node.app().add_account(&command_line(), role.as_str(), role, password).await?;
                added.map_err(crate::cli::password_refused)?;
            }
        }
        Ok(())
    }

    /// Stops all of them.
    pub async fn stop(self) {
        for node in self.hospitals.into_iter().chain(self.hubs).chain([self.union]) {
            node.stop().await;
        }
        drop(self.dir);
    }
}

impl Place {
    fn new(dir: &TempDir, folder: &str, role: Role, name: &str, country: &str) -> Self {
        Self { dir: dir.path().join(folder), role, name: name.to_owned(), country: country.to_owned() }
    }

    /// What `lazaret init` does.
    fn init(&self) -> anyhow::Result<()> {
        let any = || "127.0.0.1:0".to_owned();
        let text = template(&Answers {
            role: self.role,
            name: self.name.clone(),
            country: self.country.clone(),
            zone: "UTC".to_owned(),
            data_dir: ".".to_owned(),
            console: any(),
            admin: any(),
            link: any(),
            link_urls: vec![],
            listeners: ListenAnswers { syslog_udp: any(), syslog_tcp: any(), http: any() },
        });
        let parts = self.role.parts();
        let dir = DataDir::at(&self.dir);
        dir.create()?;
        dir.create_keys()?;
        let mut text = text;
        if parts.members == Has::Yes {
            dir.create_authority(&self.name)?;
            text = text.replace("# approve = \"shared-indicator\"", "approve = \"shared-indicator-or-supplier\"");
        }
        if parts.intake == Has::Yes {
            std::fs::create_dir(self.dir.join("rules"))?;
            write_new(&followed(&self.dir), b"", 0o600)?;
            text = text.replace("# dir = \"rules\"", "dir = \"rules\"");
            text.push_str("\n[[follow]]\npath = \"orthanc.log\"\n");
            // nine nodes share one disk with whatever else is on it
            text = text.replace("# free_bytes = \"512 MiB\"", "free_bytes = \"64 MiB\"");
        }
        write_new(&self.dir.join("lazaret.toml"), text.as_bytes(), 0o600)
    }

    /// What `lazaret invite` and `lazaret enrol` do.
    async fn join(&self, hub: &Node) -> anyhow::Result<()> {
        let order = InviteOrder { name: self.name.clone(), country: self.country.clone(), role: self.role.as_member() };
        let code = InviteCode::read(&hub.app().invite(&command_line(), order).await?)?;
        let dir = DataDir::at(&self.dir);
        let keys = dir.keys()?;
        let uplink = enrol(&Enrolment { code: &code, name: &self.name, keys: &keys, proxy: None }).await?;
        Ok(dir.uplink().write(&uplink)?)
    }

    /// What `lazaret serve` does.
    async fn serve(&self, clock: &StoryClock, extras: Extras) -> anyhow::Result<Node> {
        let config = Config::load(&self.dir.join("lazaret.toml"))?;
        Node::start_with(config, Arc::new(clock.clone()), extras).await.with_context(|| self.name.clone())
    }
}

fn followed(dir: &Path) -> PathBuf {
    dir.join("orthanc.log")
}

/// A hospital of the cast knows its suppliers and says so: these are used, the other invented ones are not.
async fn answer_suppliers(
    node: &Node,
    suppliers: &[String],
    products: &[String],
    invented: &[Supplier],
) -> anyhow::Result<()> {
    let mut answers = node.app().supplier_answers().await?;
    let mut say = |id: &String, used: bool| {
        answers.0.insert(id.clone(), if used { Answer::Used } else { Answer::NotUsed });
    };
    for supplier in invented {
        say(&supplier.id, suppliers.contains(&supplier.id));
        for product in &supplier.products {
            say(&product.id, products.contains(&product.id));
        }
    }
    Ok(node.app().keep_supplier_answers(command_line(), &answers).await?)
}
