//! A node joins its hub: the invite code is spent, the certificate and the hub's names are kept.
//! A file of its own because it runs once, from the command line, before anything else of the link exists.

use app::Keys;
use app::invite_code::InviteCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::authority::certificate_request;
use super::connection::{self, Proxy};
use super::uplink::Uplink;
use super::wire::{EnrolAnswer, EnrolRequest, FORMAT};
use super::{Error, tls};

/// What a node needs to join.
pub struct Enrolment<'a> {
    /// The code it was given.
    pub code: &'a InviteCode,
    /// Its own name.
    pub name: &'a str,
    /// Its keys.
    pub keys: &'a Keys,
    /// The way out, where there is a proxy.
    pub proxy: Option<&'a Proxy>,
}

/// Spends the code at the first of its addresses that answers. Errors: the last address's, or the hub's no.
pub async fn enrol(enrolment: &Enrolment<'_>) -> Result<Uplink, Error> {
    let tls = tls::newcomer(&enrolment.code.ca_fingerprint)?;
    let http = connection::http_client(tls, enrolment.proxy)?;
    let request = EnrolRequest {
        format: FORMAT,
        secret: enrolment.code.secret.clone(),
        name: enrolment.name.to_owned(),
        request: STANDARD.encode(certificate_request(enrolment.keys.pkcs8())?),
    };
    let mut last = Error::Unreachable("the invite code names no address".to_owned());
    for url in &enrolment.code.urls {
        let issued_s = tls::now().as_secs();
        let answer: Result<EnrolAnswer, Error> =
            connection::post_json(&http, &format!("{url}/link/v1/enrol"), &request).await;
        match answer {
            Ok(answer) => return accept(enrolment.code, answer, issued_s),
            // the secret is good once: a hub that answered has the last word
            Err(Error::Answer { status, text }) => return Err(Error::Answer { status, text }),
            Err(problem) => last = problem,
        }
    }
    Err(last)
}

fn accept(code: &InviteCode, answer: EnrolAnswer, issued_s: u64) -> Result<Uplink, Error> {
    if answer.format != FORMAT {
        return Err(Error::Unusable(format!("format {}; this version reads {FORMAT}", answer.format)));
    }
    let authority = tls::certificates(&answer.authority)?;
    if !authority.iter().any(|one| super::fingerprint(one) == code.ca_fingerprint) {
        return Err(Error::Unusable("its CA is not the one that the invite code names".to_owned()));
    }
    Ok(Uplink {
        format: FORMAT,
        urls: code.urls.clone(),
        hub_name: answer.hub_name,
        hub_node: answer.hub_node,
        hub_public_key: answer.hub_public_key,
        issued_s,
        until_s: answer.until_s,
        authority: answer.authority,
        chain: answer.chain,
    })
}
