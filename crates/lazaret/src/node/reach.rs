//! The channels of a node from its configuration, with the secrets that it names, and the messages in the console's
//! words. A file of its own because here, and only here, those secrets are read.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use app::{App, Call, Letter, Told};
use connect::reach::{
    Channels, Mail, MailConfig, Messenger, Modem, ModemConfig, SmsGateway, SmsGatewayConfig, Webhook, Words,
};

use crate::config::{Config, MailServer, ModemLine, SmsTemplate};

/// The console's words for messages.
struct ConsoleWords {
    letters: web::Letters,
    app: Arc<App>,
}

impl Words for ConsoleWords {
    fn letter(&self, call: &Call, link: &str) -> Letter {
        self.letters.letter(call, link)
    }

    fn answer(&self, told: &Told) -> String {
        self.letters.answer(told, self.app.now())
    }
}

/// What makes a node's calls; none where it has no channel. `console` is what its links begin with.
pub fn messenger(config: &Config, app: &Arc<App>, console: &str) -> anyhow::Result<Option<Messenger>> {
    let channels = channels(config)?;
    if channels.kinds().is_empty() {
        return Ok(None);
    }
    let letters = web::Letters::new(&config.console.language, config.app.zone.clone())
        .map_err(|fault| anyhow::anyhow!("the message catalogue is faulty: {fault:?}"))?;
    let words = Arc::new(ConsoleWords { letters, app: Arc::clone(app) });
    Ok(Some(Messenger { app: Arc::clone(app), channels, words, console: console.to_owned() }))
}

fn channels(config: &Config) -> anyhow::Result<Channels> {
    let reach = &config.reach;
    Ok(Channels {
        mail: reach.mail.as_ref().map(mail).transpose()?.map(Arc::new),
        webhook: match &reach.webhook {
            Some(webhooks) => Some(Arc::new(Webhook::new(text(webhooks.authority.as_deref())?.as_deref())?)),
            None => None,
        },
        sms: reach.sms.as_ref().map(gateway).transpose()?.map(Arc::new),
        modem: reach.modem.as_ref().map(modem).transpose()?.map(Arc::new),
    })
}

fn mail(server: &MailServer) -> anyhow::Result<Mail> {
    let login = match &server.login {
        Some((user, file)) => Some((user.clone(), secret(file)?)),
        None => None,
    };
    let config = MailConfig {
        host: server.host.clone(),
        port: server.port,
        security: server.security,
        authority_pem: text(server.authority.as_deref())?,
        login,
        from: server.from.clone(),
    };
    Ok(Mail::new(&config)?)
}

fn gateway(template: &SmsTemplate) -> anyhow::Result<SmsGateway> {
    let secret = template.secret.as_deref().map(secret).transpose()?;
    Ok(SmsGateway::new(SmsGatewayConfig {
        url: template.url.clone(),
        body: template.body.clone(),
        content_type: template.content_type.clone(),
        authorization: template.authorization.clone(),
        secret,
        authority_pem: text(template.authority.as_deref())?,
    })?)
}

fn modem(line: &ModemLine) -> anyhow::Result<Modem> {
    let pin = line.pin.as_deref().map(secret).transpose()?;
    Ok(Modem::new(ModemConfig { device: line.device.clone(), baud: line.baud, pin }))
}

fn text(path: Option<&Path>) -> anyhow::Result<Option<String>> {
    let read = |path: &Path| std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
    path.map(read).transpose()
}

/// The first line of a file, without the blanks around it.
fn secret(path: &Path) -> anyhow::Result<String> {
    let text = text(Some(path))?.unwrap_or_default();
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    anyhow::ensure!(!line.is_empty(), "{} is empty: write the secret into its first line", path.display());
    Ok(line)
}
