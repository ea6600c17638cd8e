//! Access logs of web servers and reverse proxies in the common and combined formats.
//! A file of its own because Sigma's webserver rules need the request split, and because a proxy in front is the only
//! witness of wrong passwords that Orthanc itself never logs.

use super::cursor::Cursor;
use super::pairs::Pairs;

/// Reads `client ident user [time] "METHOD uri HTTP/x" status bytes ["referer" "agent"]`; `None` for any other line.
/// Shape: the W3C names that Sigma uses: `c-ip`, `cs-username`, `cs-method`, `cs-uri`, `cs-uri-stem`, `cs-uri-query`,
/// `sc-status`, `sc-bytes`, `cs-referer`, `cs-user-agent`; `request_time` as written.
pub fn read<'a>(text: &'a str, pairs: &mut Pairs<'a>) -> Option<()> {
    let mut cursor = Cursor::new(text);
    let client = cursor.word()?;
    let _ident = cursor.word()?;
    let user = cursor.take_until(" [")?;
    let time = cursor.take_until("] \"")?;
    let request = quoted(&mut cursor)?;
    cursor.skip_spaces();
    let status = cursor.word().filter(|s| s.len() == 3 && s.bytes().all(|b| b.is_ascii_digit()))?;
    let bytes = cursor.word();
    pairs.push("c-ip", client);
    pairs.push_some("cs-username", Some(user).filter(|u| *u != "-"));
    pairs.push("request_time", time);
    pairs.push("sc-status", status);
    pairs.push_some("sc-bytes", bytes.filter(|b| *b != "-"));
    request_line(request, pairs);
    for name in ["cs-referer", "cs-user-agent"] {
        cursor.skip_spaces();
        if cursor.eat("\"") {
            pairs.push_some(name, quoted(&mut cursor).filter(|value| *value != "-"));
        }
    }
    Some(())
}

fn request_line<'a>(request: &'a str, pairs: &mut Pairs<'a>) {
    let Some((method, behind)) = request.split_once(' ') else { return };
    let uri = behind.rsplit_once(" HTTP/").map_or(behind, |(uri, _)| uri);
    pairs.push("cs-method", method);
    pairs.push("cs-uri", uri);
    pairs.push("cs-uri-stem", uri.split_once('?').map_or(uri, |(stem, _)| stem));
    // W3C logs have only the query here, many Sigma rules expect the path too: a repeated name means either
    if let Some((_, query)) = uri.split_once('?') {
        pairs.push("cs-uri-query", query);
    }
    pairs.push("cs-uri-query", uri);
}

/// Up to the closing quote; a backslash protects one.
fn quoted<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let text = cursor.rest();
    let mut escaped = false;
    let end = text.find(|c: char| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    })?;
    *cursor = Cursor::new(text.get(end + 1..)?);
    text.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combined_and_common() {
        let mut pairs = Pairs::new();
        read(r#"203.0.113.9 - eve [24/Nov/2026:08:16:53 +0100] "GET /dicom-web/studies?limit=5000 HTTP/1.1" 401 188 "-" "curl/8.1 \"x\"""#, &mut pairs).unwrap();
        let check = |name: &str, value: &str| assert_eq!(pairs.get(name), Some(value), "{name}");
        check("c-ip", "203.0.113.9");
        check("cs-username", "eve");
        check("cs-uri-stem", "/dicom-web/studies");
        check("cs-uri-query", "limit=5000");
        assert_eq!(pairs.all("cs-uri-query").last(), Some("/dicom-web/studies?limit=5000"));
        check("sc-status", "401");
        check("cs-user-agent", r#"curl/8.1 \"x\""#);
        assert_eq!(pairs.get("cs-referer"), None);
        assert_eq!(read(r#"::1 - - [24/Nov/2026:08:16:53 +0100] "GET / HTTP/1.0" 200 -"#, &mut Pairs::new()), Some(()));
    }

    #[test]
    fn other_lines() {
        for line in ["", "a b c", "a - - [x] \"GET\" 20", "Oct 9 10:00:00 srv sshd[1]: x"] {
            assert_eq!(read(line, &mut Pairs::new()), None, "{line}");
        }
    }
}
