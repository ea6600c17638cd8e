//! Short messages through an HTTP gateway. There is no standard, so the request is a template of the operator's:
//! address, content type and body with `{to}`, `{text}` and `{secret}` in them.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};

use super::ChannelFault;
use super::webhook::{client, taken};

/// A gateway's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsGatewayConfig {
    /// Where it goes; `{to}` and `{text}` are replaced, encoded for a URL.
    pub url: String,
    /// The body, posted; encoded as its content type says. None: a GET without one.
    pub body: Option<String>,
    /// The body's type: `application/json` (values are JSON strings' insides) or
    /// `application/x-www-form-urlencoded`.
    pub content_type: String,
    /// What stands in the `Authorization` header, e.g. `Bearer {secret}`.
    pub authorization: Option<String>,
    /// The gateway's key, from a file of its own; replaces `{secret}`.
    pub secret: Option<String>,
    /// PEM certificates of an own CA.
    pub authority_pem: Option<String>,
}

/// A gateway that can be used.
pub struct SmsGateway {
    config: SmsGatewayConfig,
    http: reqwest::Client,
}

/// How a value is written where it is put in.
#[derive(Clone, Copy)]
enum Spelling {
    Url,
    Json,
    Plain,
}

impl SmsGateway {
    /// Prepares it. Errors: certificates that cannot be read.
    pub fn new(config: SmsGatewayConfig) -> Result<Self, ChannelFault> {
        let http = client("sms", config.authority_pem.as_deref())?;
        Ok(Self { config, http })
    }

    /// Sends one message. Errors: no answer, or one other than 2xx.
    pub(super) async fn send(&self, to: &str, text: &str) -> Result<(), String> {
        let url = self.filled(&self.config.url, to, text, Spelling::Url);
        let mut request = match &self.config.body {
            Some(body) => {
                let json = self.config.content_type.starts_with("application/json");
                let body = self.filled(body, to, text, if json { Spelling::Json } else { Spelling::Url });
                self.http.post(url).header(CONTENT_TYPE, &self.config.content_type).body(body)
            }
            None => self.http.get(url),
        };
        if let Some(authorization) = &self.config.authorization {
            let value = self.filled(authorization, to, text, Spelling::Plain);
            let mut value = HeaderValue::from_str(&value).map_err(|_| "the authorization is no header".to_owned())?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        taken(request.send().await)
    }

    /// Fills a template in one pass, so that a value which looks like a place is left alone.
    fn filled(&self, template: &str, to: &str, text: &str, how: Spelling) -> String {
        let mut out = String::with_capacity(template.len() + text.len());
        let mut rest = template;
        while let Some(start) = rest.find('{') {
            out.push_str(rest.get(..start).unwrap_or_default());
            rest = rest.get(start..).unwrap_or_default();
            let places = [("{to}", to), ("{text}", text), ("{secret}", self.config.secret.as_deref().unwrap_or(""))];
            match places.iter().find(|(place, _)| rest.starts_with(place)) {
                Some((place, value)) => {
                    out.push_str(&written(value, how));
                    rest = rest.get(place.len()..).unwrap_or_default();
                }
                None => {
                    out.push('{');
                    rest = rest.get(1..).unwrap_or_default();
                }
            }
        }
        out.push_str(rest);
        out
    }
}

fn written(value: &str, how: Spelling) -> String {
    match how {
        Spelling::Plain => value.to_owned(),
        Spelling::Json => {
            let quoted = serde_json::Value::from(value).to_string();
            quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned()
        }
        Spelling::Url => value
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
                other => format!("%{other:02X}"),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway() -> SmsGateway {
        SmsGateway::new(SmsGatewayConfig {
            url: "https://sms.example/send?to={to}".to_owned(),
            body: Some("{\"to\":\"{to}\",\"message\":\"{text}\",\"odd\":{}}".to_owned()),
            content_type: "application/json".to_owned(),
            authorization: Some("Bearer {secret}".to_owned()),
            secret: Some("k\"1".to_owned()),
            authority_pem: None,
        })
        .unwrap()
    }

    #[test]
    fn a_template_is_filled_as_its_place_wants() {
        let gateway = gateway();
        let filled = |template: &str, how| gateway.filled(template, "+40721", "say \"{to}\" & go\n", how);
        assert_eq!(filled("?to={to}&t={text}", Spelling::Url), "?to=%2B40721&t=say%20%22%7Bto%7D%22%20%26%20go%0A");
        let body = filled(gateway.config.body.as_deref().unwrap(), Spelling::Json);
        let read: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(read["message"], "say \"{to}\" & go\n");
        assert_eq!(filled("Bearer {secret}", Spelling::Plain), "Bearer k\"1");
    }
}
