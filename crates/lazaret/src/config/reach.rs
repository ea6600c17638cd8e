//! `[reach]`: how this node reaches people. Secrets and certificates are named by path and read when the node starts,
//! so that the configuration itself holds none. A file of its own because nothing else of the configuration has secrets.

use std::path::{Path, PathBuf};

use connect::reach::MailSecurity;
use serde::Deserialize;

use super::Problem;

/// The channels that a node has; none is no error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Mail out.
    pub mail: Option<MailServer>,
    /// Whether people may be called by webhooks, and which own CA their servers show.
    pub webhook: Option<Webhooks>,
    /// Short messages through an HTTP gateway.
    pub sms: Option<SmsTemplate>,
    /// A modem at this machine.
    pub modem: Option<ModemLine>,
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// Who writes.
    pub from: String,
    /// The user and the file that holds the password.
    pub login: Option<(String, PathBuf)>,
    /// PEM certificates of an own CA.
    pub authority: Option<PathBuf>,
}

/// Webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhooks {
    /// PEM certificates of an own CA.
    pub authority: Option<PathBuf>,
}

/// A gateway's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsTemplate {
    /// Where it goes.
    pub url: String,
    /// The body; none: a GET.
    pub body: Option<String>,
    /// Its type.
    pub content_type: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The file that holds the gateway's key.
    pub secret: Option<PathBuf>,
    /// PEM certificates of an own CA.
    pub authority: Option<PathBuf>,
}

/// A modem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModemLine {
    /// Its device.
    pub device: PathBuf,
    /// Its speed. Units: bits a second.
    pub baud: u32,
    /// The file that holds the SIM's PIN.
    pub pin: Option<PathBuf>,
}

/// `[reach]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawReach {
    /// Mail.
    pub mail: RawMail,
    /// Webhooks.
    pub webhook: RawWebhook,
    /// A gateway.
    pub sms: RawSms,
    /// A modem.
    pub modem: RawModem,
}

/// `[reach.mail]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawMail {
    /// Name and port.
    pub server: Option<String>,
    /// `starttls` or `tls`.
    pub security: Option<String>,
    /// A mail address.
    pub from: Option<String>,
    /// A user's name.
    pub user: Option<String>,
    /// A file.
    pub password_file: Option<String>,
    /// A PEM file.
    pub authority: Option<String>,
}

/// `[reach.webhook]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawWebhook {
    /// Whether there are any.
    pub allowed: bool,
    /// A PEM file.
    pub authority: Option<String>,
}

/// `[reach.sms]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawSms {
    /// With `{to}` and `{text}` in it.
    pub url: Option<String>,
    /// With `{to}` and `{text}` in it.
    pub body: Option<String>,
    /// The body's type.
    pub content_type: Option<String>,
    /// With `{secret}` in it.
    pub authorization: Option<String>,
    /// A file.
    pub secret_file: Option<String>,
    /// A PEM file.
    pub authority: Option<String>,
}

/// `[reach.modem]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawModem {
    /// A device.
    pub device: Option<String>,
    /// Bits a second.
    pub baud: Option<u32>,
    /// A file.
    pub pin_file: Option<String>,
}

/// What `lazaret init` writes of it.
pub(super) const TEMPLATE: &str = r#"
# How people are called when something cannot wait. Who is called, and when, is set on the page People and rota.
# Passwords and keys stand in files of their own, readable by this node only.
[reach.mail]
# server = "mail.hospital.example:587"
# "starttls", or "tls" for port 465. A server without TLS gets nothing.
# security = "starttls"
# from = "lazaret@hospital.example"
# user = "lazaret"
# password_file = "secrets/mail-password"
# The hospital's own CA, where the server shows a certificate of it.
# authority = "hospital-ca.pem"

[reach.webhook]
# One JSON object by POST to a URL that a person sets.
# allowed = false

[reach.sms]
# A gateway's request; {to}, {text} and {secret} are filled in. Without a body it is a GET.
# url = "https://sms.example/send"
# body = '{"to": "{to}", "text": "{text}"}'
# content_type = "application/json"
# authorization = "Bearer {secret}"
# secret_file = "secrets/sms-key"

[reach.modem]
# A modem at this machine that takes AT commands: needs no mail server, no directory and no Internet. Replies are read.
# device = "/dev/ttyUSB0"
# baud = 115200
# pin_file = "secrets/sim-pin"
"#;

/// Decides it; problems are added to the list.
pub(super) fn decide(raw: &RawReach, base: &Path, problems: &mut Vec<Problem>) -> Reach {
    let mut problem = |key: &str, what: &str, instead: &str| {
        problems.push(Problem { key: key.to_owned(), what: what.to_owned(), instead: instead.to_owned() });
    };
    let path = |text: &Option<String>| text.as_deref().map(|text| base.join(text));
    Reach {
        mail: mail(&raw.mail, path, &mut problem),
        webhook: raw.webhook.allowed.then(|| Webhooks { authority: path(&raw.webhook.authority) }),
        sms: sms(&raw.sms, path, &mut problem),
        modem: raw.modem.device.as_deref().map(|device| ModemLine {
            device: PathBuf::from(device),
            baud: raw.modem.baud.unwrap_or(115_200),
            pin: path(&raw.modem.pin_file),
        }),
    }
}

fn mail(
    raw: &RawMail,
    path: impl Fn(&Option<String>) -> Option<PathBuf>,
    problem: &mut impl FnMut(&str, &str, &str),
) -> Option<MailServer> {
    let server = raw.server.as_deref()?;
    let security = match raw.security.as_deref() {
        None | Some("starttls") => MailSecurity::StartTls,
        Some("tls") => MailSecurity::Tls,
        Some(_) => {
            problem("reach.mail.security", "it is none of the words known here", "write starttls or tls");
            MailSecurity::StartTls
        }
    };
    let place = server.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    if place.is_none() {
        problem("reach.mail.server", "it is no name and port", "write e.g. \"mail.hospital.example:587\"");
    }
    if raw.from.as_deref().is_none_or(|from| !from.contains('@')) {
        problem("reach.mail.from", "it is missing or no mail address", "write e.g. \"lazaret@hospital.example\"");
    }
    if raw.user.is_some() != raw.password_file.is_some() {
        problem("reach.mail.user", "user and password_file belong together", "name both, or neither");
    }
    let (host, port) = place?;
    Some(MailServer {
        host: host.trim_matches(['[', ']']).to_owned(),
        port,
        security,
        from: raw.from.clone()?,
        login: raw.user.clone().zip(path(&raw.password_file)),
        authority: path(&raw.authority),
    })
}

fn sms(
    raw: &RawSms,
    path: impl Fn(&Option<String>) -> Option<PathBuf>,
    problem: &mut impl FnMut(&str, &str, &str),
) -> Option<SmsTemplate> {
    let url = raw.url.clone()?;
    if !url.starts_with("https://") && !url.starts_with("http://") {
        problem("reach.sms.url", "it is no http address", "write e.g. \"https://sms.example/send\"");
    }
    let everything = format!("{url}{}", raw.body.as_deref().unwrap_or_default());
    if !everything.contains("{to}") || !everything.contains("{text}") {
        problem(
            "reach.sms.body",
            "neither url nor body says where number and text go",
            "write {to} and {text} in them",
        );
    }
    Some(SmsTemplate {
        url,
        body: raw.body.clone(),
        content_type: raw.content_type.clone().unwrap_or_else(|| "application/json".to_owned()),
        authorization: raw.authorization.clone(),
        secret: path(&raw.secret_file),
        authority: path(&raw.authority),
    })
}
