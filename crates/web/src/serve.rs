//! The server side of the console: routes, and for each place one file that asks `app` and fills a screen.
//! A file of its own because here one sees every address there is.

use std::sync::Arc;

use app::App;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use crate::frame::Place;
use crate::site::Site;
use crate::words::{Catalogue, CatalogueFault};

mod above;
mod account;
mod alerts;
mod assets;
mod audit;
mod came_from;
mod cases;
mod connect;
mod data_protection;
mod desk;
mod desk_form;
mod entry;
mod false_alarm;
mod fault;
mod form;
mod guard;
mod health;
mod live;
mod map;
mod members;
mod names;
mod now;
mod once;
mod people;
mod reach;
mod received;
mod rules;
mod security;
mod sharing;
mod sources;
mod visitor;

/// The longest a form may be; a warning with thousands of values fits.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// What every handler can reach.
pub(crate) struct Console {
    pub app: Arc<App>,
    pub site: Site,
    pub catalogue: Arc<Catalogue>,
    pub once: once::Once,
}

/// The console of one node.
///
/// # Errors
/// The embedded message files cannot be read; the tests of this crate find that first.
pub fn router(app: Arc<App>, site: Site) -> Result<Router, CatalogueFault> {
    let catalogue = Arc::new(Catalogue::embedded()?);
    let mut routes = always();
    for place in &site.places {
        routes = routes.merge(of(*place));
    }
    if site.theatre.is_some() {
        routes = routes.route("/theatre", get(entry::theatre));
    }
    let console = Arc::new(Console { app, site, catalogue, once: once::Once::default() });
    Ok(routes
        .fallback(fault::not_found)
        .layer(from_fn_with_state(Arc::clone(&console), fault::dress))
        .layer(from_fn(guard::headers))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(console))
}

type Routes = Router<Arc<Console>>;

fn always() -> Routes {
    Router::new()
        .route("/static/{file}", get(assets::file))
        .route("/favicon.ico", get(assets::icon_plain))
        .route("/login", get(entry::login).post(entry::log_in))
        .route("/logout", post(entry::log_out))
        .route("/first-run", get(entry::first_run).post(entry::make_first))
        .route("/help", get(entry::help))
        .route("/live", get(live::changes))
        .route("/account/preferences", get(account::preferences).post(account::save_preferences))
        .route("/health", get(health::page))
        .merge(accounts())
        .merge(rules_and_reach())
}

/// Rules and exceptions, and who is called at night.
fn rules_and_reach() -> Routes {
    Router::new()
        .route("/account/rules", get(rules::page))
        .route("/account/rules/all", get(rules::list))
        .route("/account/rules/one", get(rules::one))
        .route("/account/rules/off", post(rules::off))
        .route("/account/rules/on", post(rules::on))
        .route("/account/exceptions/{id}", get(rules::exception))
        .route("/account/exceptions/{id}/renew", post(rules::renew))
        .route("/account/exceptions/{id}/end", post(rules::end))
        .route("/account/rota", get(reach::rota))
        .route("/account/rota/routes", post(reach::add_route))
        .route("/account/rota/routes/{id}/first", post(reach::first_route))
        .route("/account/rota/routes/{id}/remove", post(reach::remove_route))
        .route("/account/rota/routes/{id}/test", post(reach::test_route))
        .route("/account/rota/quiet", post(reach::set_quiet))
        .route("/account/rota/shifts", post(reach::add_shift))
        .route("/account/rota/shifts/{id}/remove", post(reach::remove_shift))
        .route("/notices/{id}", get(reach::notice))
        .route("/notices/{id}/acknowledge", post(reach::acknowledge))
        .route("/acknowledge/{token}", get(reach::ask).post(reach::answer))
}

/// One's own way in, other people's, and who did what.
fn accounts() -> Routes {
    Router::new()
        .route("/login/code", post(entry::log_in_code))
        .route("/login/break-glass", get(entry::break_glass).post(entry::use_break_glass))
        .route("/welcome", get(entry::welcome_page).post(entry::use_link))
        .route("/account/security", get(security::page))
        .route("/account/sessions/end", post(security::end_sessions))
        .route("/account/sessions/{session}/end", post(security::end_session))
        .route("/account/authenticator", post(security::begin_authenticator))
        .route("/account/authenticator/confirm", post(security::finish_authenticator))
        .route("/account/authenticator/remove", post(security::remove_authenticator))
        .route("/account/people", get(people::people).post(people::add))
        .route("/account/people/{id}", get(people::person))
        .route("/account/people/{id}/disable", post(people::disable))
        .route("/account/people/{id}/enable", post(people::enable))
        .route("/account/people/{id}/reset", get(people::ask_reset).post(people::reset))
        .route("/account/people/{id}/sessions/end", post(people::end_sessions))
        .route("/account/people/{id}/sessions/{session}/end", post(people::end_session))
        .route("/account/break-glass", get(people::break_glass).post(people::make_break_glass))
        .route("/account/once/{key}", get(once::show))
        .route("/account/audit", get(audit::page))
        .route("/account/audit.csv", get(audit::csv))
}

fn of(place: Place) -> Routes {
    let routes = Router::new();
    match place {
        Place::Now => routes.route("/", get(now::page)),
        Place::Alerts => routes
            .route("/alerts", get(alerts::today))
            .route("/alerts/all", get(alerts::list))
            .route("/alerts/{id}", get(alerts::one))
            .route("/alerts/{id}/dismiss", post(alerts::dismiss))
            .route("/alerts/{id}/reopen", post(alerts::reopen))
            .route("/alerts/{id}/false-alarm", get(false_alarm::form).post(false_alarm::check))
            .route("/alerts/{id}/false-alarm/add", post(false_alarm::add))
            .route("/alerts/{id}/case", get(cases::new_from_alert).post(cases::open_from_alert)),
        Place::Warnings => routes
            .route("/warnings", get(received::list))
            .route("/warnings/{id}", get(received::one))
            .route("/warnings/{id}/accept", post(received::accept))
            .route("/warnings/{id}/ignore", post(received::ignore))
            .route("/warnings/{id}/look-back", post(received::look_back)),
        Place::Cases => routes
            .route("/cases", get(cases::list).post(cases::open))
            .route("/cases/new", get(cases::new))
            .route("/cases/{id}", get(cases::one))
            .route("/cases/{id}/take", post(cases::take))
            .route("/cases/{id}/contain", post(cases::contain))
            .route("/cases/{id}/notes", post(cases::note))
            .route("/cases/{id}/close", get(cases::ask_close).post(cases::close))
            .route("/cases/{id}/reopen", post(cases::reopen)),
        Place::Sources => routes
            .route("/sources", get(sources::list))
            .route("/account/data-protection", get(data_protection::page).post(data_protection::save))
            .route("/account/data-protection/on", post(data_protection::switch_on))
            .route("/account/data-protection/off", post(data_protection::switch_off))
            .route("/account/data-protection/{document}", get(data_protection::document))
            .route("/sources/connect", get(connect::list))
            .route("/sources/connect/{id}", get(connect::one))
            .route("/sources/sight", get(connect::sight))
            .route("/sources/tokens", post(sources::make_token))
            .route("/sources/tokens/{key}", get(once::show))
            .route("/sources/{number}", get(sources::one).post(sources::save)),
        Place::Sharing => routes
            .route("/sharing", get(sharing::page))
            .route("/sharing/policy", post(sharing::set_policy))
            .route("/sharing/held/{position}/release", post(sharing::release))
            .route("/sharing/held/{position}/drop", post(sharing::drop_item))
            .route("/sharing/suppliers", get(sharing::suppliers).post(sharing::save_suppliers)),
        Place::Map => routes.route("/map", get(map::page)).route("/map/csv", get(map::csv)),
        Place::Desk => routes
            .route("/desk", get(desk::list))
            .route("/desk/new", get(desk_form::new).post(desk_form::check_new))
            .route("/desk/propose", post(desk_form::propose))
            .route("/desk/suspected", post(desk::clear_suspected))
            .route("/desk/received/{id}", get(above::one))
            .route("/desk/{id}", get(desk::one))
            .route("/desk/{id}/approve", post(desk::approve))
            .route("/desk/{id}/decline", post(desk::decline))
            .route("/desk/{id}/update", get(desk_form::update).post(desk_form::check_update))
            .route("/desk/{id}/update/propose", post(desk_form::propose_update))
            .route("/desk/{id}/withdraw", get(desk::ask_withdraw).post(desk::withdraw)),
        Place::Members => routes
            .route("/members", get(members::list))
            .route("/members/invite", get(members::invite).post(members::make_invite))
            .route("/members/invited/{key}", get(once::show))
            .route("/members/{node}/revoke", get(members::ask_revoke).post(members::revoke)),
    }
}
