//! A QR code as inline SVG: dark on light in both schemes, because cameras want it so, with the four light modules
//! around it that the standard asks for (ISO/IEC 18004).

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

use crate::parts::{Html, escaped};

/// Light modules around the code.
const QUIET: i32 = 4;
/// Pixels of one module.
const MODULE: i32 = 4;

/// The picture of a text; empty where the text is too long for any code.
pub(crate) fn svg(text: &str, label: &str) -> Html {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else { return Html(String::new()) };
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        let mut x = 0;
        while x < size {
            let run = (x..size).take_while(|at| code.get_module(*at, y)).count();
            let run = i32::try_from(run).unwrap_or(0);
            if run > 0 {
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET);
            }
            x += run.max(1);
        }
    }
    let all = size + 2 * QUIET;
    let pixels = all * MODULE;
    Html(format!(
        "<svg role=\"img\" aria-label=\"{}\" width=\"{pixels}\" height=\"{pixels}\" viewBox=\"0 0 {all} {all}\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{all}v{all}H0z\"/><path fill=\"#000\" d=\"{path}\"/></svg>",
        escaped(label)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dark_module_is_drawn_once() {
        let text = "otpauth://totp/Lazaret:ana?secret=MZXW6YTBOI";
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
        let dark = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        let dark = dark.filter(|(x, y)| code.get_module(*x, *y)).count();
        let Html(picture) = svg(text, "a \"label\"");
        let drawn: usize =
            picture.split('h').skip(1).filter_map(|part| part.split('v').next()?.parse::<usize>().ok()).sum();
        // the white square below is drawn with the same letters
        let all = usize::try_from(code.size() + 8).unwrap();
        assert_eq!(drawn - all, dark);
        assert!(
            picture.contains("aria-label=\"a &quot;label&quot;\"") || picture.contains("a &#34;label&#34;"),
            "{picture}"
        );
        assert!(picture.len() < 12_000);
    }
}
