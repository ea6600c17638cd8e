//! Serves *Sharing*: what leaves, the policy, and the questions about suppliers.

use app::{Answer as Said, NotTaken, OutboxItemView};
use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Redirect};

use super::fault::{Answer, Fault};
use super::form::Signed;
use super::names::{choices, item_name};
use super::visitor::Visitor;
use crate::frame::Place;
use crate::screen::sharing::{Depth, OutgoingRow, SharingPage, SupplierRow, SuppliersPage};
use crate::words::Words;

/// Whether items are held.
#[derive(Clone, Copy, PartialEq)]
enum Waits {
    ForPerson,
    No,
}

fn row(words: &Words, view: OutboxItemView, waits: Waits) -> OutgoingRow {
    OutgoingRow {
        position: view.item.position,
        name: item_name(words, &view.item.kind),
        at: view.item.sent_at.unwrap_or(view.item.created_at),
        text: view.text,
        held: waits == Waits::ForPerson,
        not_taken: match view.item.not_taken {
            None => String::new(),
            Some(NotTaken::Refused { why }) => words.with("sharing-refused", "why", &why),
            Some(NotTaken::Conflict) => words.t("sharing-conflict"),
        },
    }
}

/// The page.
pub(super) async fn page(visitor: Visitor) -> Answer {
    let app = &visitor.console.app;
    let words = visitor.words();
    let sharing = app.sharing().await?;
    let policy = match sharing.policy {
        app::Outgoing::Send => "send",
        app::Outgoing::Hold => "hold",
    };
    let held = sharing.held.into_iter().map(|view| row(&words, view, Waits::ForPerson));
    let next: Vec<OutgoingRow> =
        held.chain(sharing.next.into_iter().map(|view| row(&words, view, Waits::No))).collect();
    let sent: Vec<OutgoingRow> = sharing.sent.into_iter().map(|view| row(&words, view, Waits::No)).collect();
    let not_taken: Vec<OutgoingRow> = sharing.not_taken.into_iter().map(|view| row(&words, view, Waits::No)).collect();
    let depths = sharing.depth.into_iter().map(|depth| Depth {
        name: words.word("lane", depth.lane.as_str()),
        count: depth.waiting,
        oldest: depth.oldest,
    });
    let page = SharingPage {
        f: visitor.frame("sharing-title", Some(Place::Sharing)).await?,
        policy: choices(&words, "sharing-sightings", &["send", "hold"], policy),
        depths: depths.collect(),
        gaps: sharing.gaps.iter().map(|gap| words.n("sharing-gap", &gap.dropped)).collect(),
        next_count: next.len() as u64,
        next,
        sent_count: sent.len() as u64,
        sent,
        not_taken_count: not_taken.len() as u64,
        not_taken,
        suppliers_open: open_questions(&visitor).await?,
    };
    Ok(Html(page.render()?).into_response())
}

/// How many questions are open: suppliers nobody has said anything about, and products of those in use.
async fn open_questions(visitor: &Visitor) -> Result<u64, Fault> {
    let app = &visitor.console.app;
    let answers = app.supplier_answers().await?;
    let asked = app.supplier_list().suppliers.iter().flat_map(|entry| {
        let products = if answers.of(&entry.id) == Said::Used { entry.products.as_slice() } else { &[] };
        std::iter::once(&entry.id).chain(products.iter().map(|product| &product.id))
    });
    Ok(asked.filter(|id| answers.of(id) == Said::Unknown).count() as u64)
}

/// Sets what happens to new sightings.
pub(super) async fn set_policy(form: Signed) -> Result<Redirect, Fault> {
    let policy = match form.fields.get("sightings") {
        "send" => app::Outgoing::Send,
        "hold" => app::Outgoing::Hold,
        _ => return Err(Fault::Unreadable),
    };
    form.visitor.console.app.set_sharing_policy(&form.visitor.session, policy).await?;
    Ok(Redirect::to("/sharing?done=policy-saved"))
}

/// Lets a held item leave.
pub(super) async fn release(Path(position): Path<i64>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.release_held(&form.visitor.session, position).await?;
    Ok(Redirect::to("/sharing?done=released"))
}

/// Drops a held item.
pub(super) async fn drop_item(Path(position): Path<i64>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.drop_held(&form.visitor.session, position).await?;
    Ok(Redirect::to("/sharing?done=dropped"))
}

/// The questions: suppliers first, products only of those in use.
pub(super) async fn suppliers(visitor: Visitor) -> Answer {
    let app = &visitor.console.app;
    let words = visitor.words();
    let answers = app.supplier_answers().await?;
    let mut rows = Vec::new();
    for entry in &app.supplier_list().suppliers {
        let mut kinds: Vec<String> = entry.products.iter().map(|product| kind(&words, &product.kind)).collect();
        kinds.sort();
        kinds.dedup();
        let said = answers.of(&entry.id);
        rows.push(question(&words, &entry.id, &entry.name, kinds.join(", "), said));
        if said == Said::Used {
            rows.extend(entry.products.iter().map(|product| SupplierRow {
                product: true,
                ..question(&words, &product.id, &product.name, kind(&words, &product.kind), answers.of(&product.id))
            }));
        }
    }
    let page = SuppliersPage {
        f: visitor.frame("suppliers-title", Some(Place::Sharing)).await?,
        open: open_questions(&visitor).await?,
        rows,
    };
    Ok(Html(page.render()?).into_response())
}

fn question(words: &Words, id: &str, name: &str, kind: String, said: Said) -> SupplierRow {
    let picked = match said {
        Said::Used => "used",
        Said::NotUsed => "not-used",
        Said::Unknown => "unknown",
    };
    SupplierRow {
        id: id.to_owned(),
        name: name.to_owned(),
        kind,
        product: false,
        answers: choices(words, "answer", &["used", "not-used", "unknown"], picked),
    }
}

fn kind(words: &Words, kind: &str) -> String {
    let key = format!("supplier-kind-{kind}");
    if words.has(&key) { words.t(&key) } else { kind.to_owned() }
}

/// Keeps the answers. Who does not use a supplier uses none of its products: that is not asked again.
pub(super) async fn save_suppliers(form: Signed) -> Result<Redirect, Fault> {
    let app = &form.visitor.console.app;
    let mut answers = app.supplier_answers().await?;
    let said = |id: &str| match form.fields.get(id) {
        "used" => Some(Said::Used),
        "not-used" => Some(Said::NotUsed),
        "unknown" => Some(Said::Unknown),
        _ => None,
    };
    for entry in &app.supplier_list().suppliers {
        let whole = said(&entry.id);
        for product in &entry.products {
            let answer = if whole == Some(Said::NotUsed) { whole } else { said(&product.id) };
            answers.0.extend(answer.map(|answer| (product.id.clone(), answer)));
        }
        answers.0.extend(whole.map(|answer| (entry.id.clone(), answer)));
    }
    app.set_supplier_answers(&form.visitor.session, &answers).await?;
    Ok(Redirect::to("/sharing/suppliers?done=suppliers-saved"))
}
