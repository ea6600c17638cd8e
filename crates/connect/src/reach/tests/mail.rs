//! Mail to a real SMTP server (aiosmtpd) that insists on STARTTLS and keeps what it takes in a Maildir.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use domain::reach::{AttemptState, Channel, How, NoticeState};
use jiff::SignedDuration;
use tempfile::TempDir;
use testkit::until::until;

use super::{Desk, free_port, program, sent};
use crate::reach::{Channels, Mail, MailConfig, MailSecurity};

/// A server; ended with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where a server stands, whether it runs or not.
struct Post {
    dir: TempDir,
    port: u16,
    authority_pem: String,
}

impl Post {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(dir.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(dir.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        Self { dir, port: free_port(), authority_pem: made.cert.pem() }
    }

    /// Starts the server and waits until it greets.
    async fn open(&self, aiosmtpd: &Path, starttls: bool) -> Server {
        let listen = format!("127.0.0.1:{}", self.port);
        let mut command = Command::new(aiosmtpd);
        command.args(["-n", "-l", &listen]);
        if starttls {
            command.arg("--tlscert").arg(self.dir.path().join("cert.pem"));
            command.arg("--tlskey").arg(self.dir.path().join("key.pem"));
        }
        command.args(["-c", "aiosmtpd.handlers.Mailbox"]).arg(self.dir.path().join("mail"));
        let server = Server(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        until("the SMTP server greets", async || {
            let mut stream = tokio::net::TcpStream::connect(&listen).await.ok()?;
            let mut greeting = [0; 3];
            tokio::io::AsyncReadExt::read_exact(&mut stream, &mut greeting).await.ok()?;
            (&greeting == b"220").then_some(())
        })
        .await;
        server
    }

    fn channels(&self) -> Channels {
        let mail = Mail::new(&MailConfig {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            security: MailSecurity::StartTls,
            authority_pem: Some(self.authority_pem.clone()),
            login: None,
            from: "lazaret@spital.example".to_owned(),
        });
        Channels { mail: Some(Arc::new(mail.unwrap())), ..Channels::default() }
    }

    /// The messages that the server took, as it wrote them.
    fn messages(&self) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(self.dir.path().join("mail/new")) else { return Vec::new() };
        let messages = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        // the monthly test comes when the clock passes ten in the morning
        messages.filter(|message| message.contains("Subject: trouble")).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_leaves_over_starttls_and_its_link_acknowledges() {
    let Some(aiosmtpd) = program("aiosmtpd") else { return };
    let post = Post::new();
    let _server = post.open(&aiosmtpd, true).await;
    let mut desk = Desk::open(&[(Channel::Mail, "ana@spital.example")]).await;
    desk.call_with(post.channels());
    let notice = desk.raise("backup-failed").await;
    let calls = desk.until_calls(notice, "the mail is sent", |calls| sent(calls) == 1).await;
    assert!(calls[0].latency_ms.is_some() && calls[0].reason.is_empty());
    let messages = post.messages();
    assert_eq!(messages.len(), 1);
    for line in ["To: ana@spital.example", "Auto-Submitted: auto-generated", &format!("Message-ID: <{}@", calls[0].id)]
    {
        assert!(messages[0].contains(line), "{line} in {}", messages[0]);
    }
    let link = messages[0].split("/acknowledge/").nth(1).unwrap_or_else(|| panic!("{}", messages[0]));
    let token: String = link.chars().take_while(|letter| !letter.is_whitespace()).collect();
    assert_eq!(desk.app.acknowledge_by_token(&token).await.unwrap(), app::Told::First);
    let NoticeState::Acknowledged(by) = desk.state_of(notice).await else { panic!("it is acknowledged") };
    assert_eq!((by.by, by.how), (desk.session.account, How::Link));
    desk.turn(SignedDuration::from_hours(24));
    assert!(desk.app.due_attempts().await.unwrap().is_empty());
    desk.stop().await;
    assert_eq!(post.messages().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_is_down_for_a_day_gets_one_mail_when_it_is_back() {
    let Some(aiosmtpd) = program("aiosmtpd") else { return };
    let post = Post::new();
    let mut desk = Desk::open(&[(Channel::Mail, "ana@spital.example")]).await;
    desk.call_with(post.channels());
    let notice = desk.raise("backup-failed").await;
    let mut tries = 0;
    for _ in 0..24 {
        let calls = desk
            .until_calls(notice, "another try failed", |calls| {
                calls.len() > tries && calls.iter().all(|call| call.state == AttemptState::Failed)
            })
            .await;
        tries = calls.len();
        assert!(calls.iter().all(|call| call.reason.contains("refused")), "{calls:?}");
        desk.turn(SignedDuration::from_mins(61));
    }
    let _server = post.open(&aiosmtpd, true).await;
    desk.turn(SignedDuration::from_mins(61));
    desk.until_calls(notice, "the mail is sent", |calls| sent(calls) == 1).await;
    desk.stop().await;
    assert_eq!(post.messages().len(), 1, "once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_without_tls_gets_nothing() {
    let Some(aiosmtpd) = program("aiosmtpd") else { return };
    let post = Post::new();
    let _server = post.open(&aiosmtpd, false).await;
    let mut desk = Desk::open(&[(Channel::Mail, "ana@spital.example")]).await;
    desk.call_with(post.channels());
    let notice = desk.raise("backup-failed").await;
    let failed = |calls: &[domain::reach::Attempt]| calls.iter().any(|call| call.state == AttemptState::Failed);
    let calls = desk.until_calls(notice, "the call failed", failed).await;
    assert!(calls[0].reason.to_lowercase().contains("starttls"), "{}", calls[0].reason);
    desk.stop().await;
    assert!(post.messages().is_empty());
}

/// A certificate of somebody else: the server is not who we think.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_with_a_strange_certificate_gets_nothing() {
    let Some(aiosmtpd) = program("aiosmtpd") else { return };
    let (post, other) = (Post::new(), Post::new());
    let _server = post.open(&aiosmtpd, true).await;
    let mut desk = Desk::open(&[(Channel::Mail, "ana@spital.example")]).await;
    let strange = Post { port: post.port, ..other };
    desk.call_with(strange.channels());
    let notice = desk.raise("backup-failed").await;
    let failed = |calls: &[domain::reach::Attempt]| calls.iter().any(|call| call.state == AttemptState::Failed);
    let calls = desk.until_calls(notice, "the call failed", failed).await;
    assert!(calls[0].reason.contains("certificate"), "{}", calls[0].reason);
    desk.stop().await;
    assert!(post.messages().is_empty());
}
