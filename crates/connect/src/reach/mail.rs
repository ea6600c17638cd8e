//! Mail out: SMTP with STARTTLS, or TLS from the first byte. A server that offers no TLS gets nothing: passwords and
//! alerts do not cross a network in clear.

use std::time::Duration;

use app::{Call, Letter};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::{ChannelFault, causes};

/// How long one step of the conversation may take.
const STEP_TIME_MAX: Duration = Duration::from_secs(20);

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// Plain at first, then STARTTLS; refused where the server does not offer it. Usually port 587 or 25.
    StartTls,
    /// TLS from the first byte. Usually port 465.
    Tls,
}

/// A mail server and how this node is known there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailConfig {
    /// Its name or address; its certificate must be for it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// PEM certificates of the hospital's own CA.
    pub authority_pem: Option<String>,
    /// User and password; none where the server takes mail from this address without.
    pub login: Option<(String, String)>,
    /// Who writes, as a mail address.
    pub from: String,
}

/// A mail server that can be used.
pub struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mail {
    /// Prepares it; nothing is connected yet. Errors: an address or a certificate that cannot be read.
    pub fn new(config: &MailConfig) -> Result<Self, ChannelFault> {
        let fault = |what: String| ChannelFault { channel: "mail", what };
        let from = config.from.parse().map_err(|why| fault(format!("{:?} is no mail address: {why}", config.from)))?;
        let mut tls = TlsParameters::builder(config.host.clone());
        if let Some(pem) = &config.authority_pem {
            let authority = Certificate::from_pem(pem.as_bytes()).map_err(|why| fault(causes(&why)))?;
            tls = tls.add_root_certificate(authority);
        }
        let tls = tls.build().map_err(|why| fault(causes(&why)))?;
        let tls = match config.security {
            MailSecurity::StartTls => Tls::Required(tls),
            MailSecurity::Tls => Tls::Wrapper(tls),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(config.host.clone())
            .port(config.port)
            .tls(tls)
            .timeout(Some(STEP_TIME_MAX));
        if let Some((user, password)) = &config.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(Self { transport: builder.build(), from })
    }

    /// Sends one message. Errors: what the server or the way there said.
    pub(super) async fn send(&self, call: &Call, letter: &Letter) -> Result<(), String> {
        let message = self.message(call, letter)?;
        self.transport.send(message).await.map(drop).map_err(|why| causes(&why))
    }

    /// A call that is made again after a kill has the same Message-ID, so that a server can tell. *Auto-Submitted* keeps
    /// out-of-office answers away (RFC 3834 §5).
    fn message(&self, call: &Call, letter: &Letter) -> Result<Message, String> {
        let to: Mailbox =
            call.address.parse().map_err(|why| format!("{:?} is no mail address: {why}", call.address))?;
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(letter.subject.clone())
            .message_id(Some(format!("<{}@{}>", call.attempt, self.from.email.domain())))
            .raw_header(HeaderValue::new(name, "auto-generated".to_owned()))
            .body(letter.text.clone())
            .map_err(|why| causes(&why))
    }
}
