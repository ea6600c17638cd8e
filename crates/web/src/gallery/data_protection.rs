//! The pages of data protection for the gallery. A file of its own because the gallery is long enough.

use askama::Template;

use super::{HOSPITAL, Studio};
use crate::frame::Frame;
use crate::screen::data_protection::{DataProtectionPage, DocumentPage, DocumentRow, Section, StatementField};

pub(super) fn pages(s: &Studio, pages: &mut Vec<(&'static str, String)>) {
    let w = s.w();
    let frame = |name: String| Frame { name, ..s.frame("dp-title", None, &HOSPITAL, 0) };
    let field = |name: &'static str, value: &str| StatementField {
        name,
        label: w.word("dp", name),
        hint: String::new(),
        value: value.into(),
    };
    let page = DataProtectionPage {
        f: frame(w.t("dp-title")),
        on: false,
        missing: w.with("dp-missing", "what", &w.t("dp-name-agreed-on")),
        rules: vec![("One person opened very many patient records".into(), "More than sixty in ten minutes.".into())],
        fields: vec![field("controller", "Klinik Agios Lukas"), field("agreed-on", "")],
        documents: vec![DocumentRow { id: "record", name: w.t("dp-doc-record"), hint: w.t("dp-doc-record-hint") }],
    };
    pages.push(("data-protection", page.render().unwrap()));
    let page = DocumentPage {
        f: frame(w.t("dp-doc-record")),
        draft: w.with_all("dp-draft", &[("node", "Klinik Agios Lukas"), ("moment", "today 14:02")]),
        sections: vec![
            Section { title: w.t("dp-h-purpose"), paragraphs: vec![w.t("dp-purpose")], rows: Vec::new() },
            Section {
                title: w.t("dp-h-sources"),
                paragraphs: Vec::new(),
                rows: vec![("PACS".into(), "syslog, orthanc/log, 8,120 events kept so far".into())],
            },
        ],
    };
    pages.push(("document", page.render().unwrap()));
}
