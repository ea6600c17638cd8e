//! People and rota as people set them: channels, quiet hours, shifts, and a test of one channel.
//! A file of its own because these are settings; what is called when something happens is in `notices`.

use domain::party::Role;
use domain::reach::{About, Channel, DEPUTIES_MAX, Gap, Quiet, ROUTES_MAX, Reachable, Rota, Route, Shift};
use domain::telemetry::Level;
use jiff::Timestamp;
use uuid::Uuid;

use crate::notices::Raise;
use crate::{App, Error, Result, Session};

/// The longest an address may be, in characters.
const ADDRESS_CHARS_MAX: usize = 500;

/// The rota as a page shows it.
#[derive(Debug, Clone)]
pub struct RotaView {
    /// Everybody with their channels.
    pub people: Vec<Reachable>,
    /// Shifts that run or come.
    pub shifts: Vec<Shift>,
    /// The channels that this node has.
    pub channels: Vec<Channel>,
    /// Why nobody would be reached, if so.
    pub gap: Option<Gap>,
}

/// A shift to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShiftOrder {
    /// Who.
    pub person: Uuid,
    /// Who is called when they do not answer, in this order.
    pub deputies: Vec<Uuid>,
    /// From when; none: now.
    pub from: Option<Timestamp>,
    /// Until when; none: until somebody ends it.
    pub until: Option<Timestamp>,
}

impl App {
    /// Everybody who can be called and when who is on duty; for any role, because everybody may be asked at night.
    pub async fn rota_view(&self) -> Result<RotaView> {
        let rota = self.rota().await?;
        let channels = self.calling.channels();
        Ok(RotaView { gap: rota.gap(&channels, self.now()), people: rota.people, shifts: rota.shifts, channels })
    }

    pub(crate) async fn rota(&self) -> Result<Rota> {
        let people = self.store.reachable().await?;
        let shifts = self.store.shifts(self.now()).await?;
        Ok(Rota { people, shifts, zone: self.config.zone.clone() })
    }

    /// Adds a channel to a person: their own, or anybody's by an admin. Errors: `input-mail-address`, `input-number`,
    /// `input-url`, `refusal-routes-full`.
    pub async fn add_route(&self, session: &Session, person: Uuid, channel: Channel, address: &str) -> Result<Uuid> {
        session.may_set(person)?;
        let address = checked_address(channel, address)?;
        let known = self.store.reachable().await?.into_iter().find(|one| one.account == person);
        if known.ok_or(Error::NotFound)?.routes.len() >= ROUTES_MAX {
            return Err(Error::Input { code: "refusal-routes-full" });
        }
        let route = Route { id: self.new_id()?, channel, address };
        let id = route.id;
        let audit = self.audit_line(session.actor(), "route-added", &person.to_string(), channel.as_str());
        self.store.add_route(person, route, audit).await?;
        self.changed();
        Ok(id)
    }

    /// Puts a channel before the person's others.
    pub async fn put_route_first(&self, session: &Session, route: Uuid) -> Result<()> {
        let person = self.owner_of(session, route).await?;
        let audit = self.audit_line(session.actor(), "route-first", &person.to_string(), "");
        self.store.put_route_first(route, audit).await?;
        self.changed();
        Ok(())
    }

    /// Takes a channel away.
    pub async fn remove_route(&self, session: &Session, route: Uuid) -> Result<()> {
        let person = self.owner_of(session, route).await?;
        let audit = self.audit_line(session.actor(), "route-removed", &person.to_string(), "");
        self.store.remove_route(route, audit).await?;
        self.changed();
        Ok(())
    }

    /// Sends a test through one channel; whoever gets it acknowledges it. Returns the notice.
    pub async fn test_route(&self, session: &Session, route: Uuid) -> Result<Uuid> {
        self.owner_of(session, route).await?;
        let about = About::Test { route, at: self.now() };
        self.raise(Raise { about: about.clone(), level: Level::Low, title: String::new(), drill: false }).await?;
        let notice = self.store.notice_about(&about).await?;
        Ok(notice.ok_or(Error::NotFound)?.id)
    }

    /// Raises a test of each channel of the account with this name that this node has, from the command line. Returns
    /// the notices. Errors: [`Error::NotFound`] where there is no such account.
    pub async fn test_person(&self, name: &str) -> Result<Vec<Uuid>> {
        let account = self.store.account_by_name(name.trim()).await?.ok_or(Error::NotFound)?.id;
        let (people, channels) = (self.store.reachable().await?, self.calling.channels());
        let person = people.into_iter().find(|person| person.account == account).ok_or(Error::NotFound)?;
        let mut notices = Vec::new();
        for route in person.routes.iter().filter(|route| channels.contains(&route.channel)) {
            let about = About::Test { route: route.id, at: self.now() };
            self.raise(Raise { about: about.clone(), level: Level::Low, title: String::new(), drill: false }).await?;
            notices.extend(self.store.notice_about(&about).await?.map(|notice| notice.id));
        }
        Ok(notices)
    }

    /// Sets when a person is left alone; none: never. What is critical is never kept quiet.
    pub async fn set_quiet(&self, session: &Session, person: Uuid, quiet: Option<Quiet>) -> Result<()> {
        session.may_set(person)?;
        let minutes = 24 * 60;
        if quiet.is_some_and(|quiet| quiet.from_minute >= minutes || quiet.to_minute >= minutes) {
            return Err(Error::Input { code: "input-time-of-day" });
        }
        let audit = self.audit_line(session.actor(), "quiet-set", &person.to_string(), "");
        self.store.set_quiet(person, quiet, audit).await?;
        self.changed();
        Ok(())
    }

    /// Adds a shift. Errors: `input-shift-ends` where it ends before it begins.
    pub async fn add_shift(&self, session: &Session, order: ShiftOrder) -> Result<()> {
        session.needs(Role::Admin)?;
        let from = order.from.unwrap_or_else(|| self.now());
        if order.until.is_some_and(|until| until <= from) {
            return Err(Error::Input { code: "input-shift-ends" });
        }
        let mut deputies = order.deputies;
        deputies.retain(|deputy| *deputy != order.person);
        deputies.truncate(DEPUTIES_MAX);
        let shift = Shift { id: self.new_id()?, person: order.person, deputies, from, until: order.until };
        let audit = self.audit_line(session.actor(), "shift-added", &order.person.to_string(), "");
        self.store.add_shift(shift, audit).await?;
        self.changed();
        Ok(())
    }

    /// Takes a shift away.
    pub async fn remove_shift(&self, session: &Session, shift: Uuid) -> Result<()> {
        session.needs(Role::Admin)?;
        let audit = self.audit_line(session.actor(), "shift-removed", &shift.to_string(), "");
        self.store.remove_shift(shift, audit).await?;
        self.changed();
        Ok(())
    }

    /// Whose route it is, where this person may change it.
    async fn owner_of(&self, session: &Session, route: Uuid) -> Result<Uuid> {
        let people = self.store.reachable().await?;
        let owner = people.iter().find(|person| person.routes.iter().any(|own| own.id == route));
        let owner = owner.ok_or(Error::NotFound)?.account;
        session.may_set(owner)?;
        Ok(owner)
    }
}

impl Session {
    /// Refuses what is somebody else's, except to an admin.
    fn may_set(&self, person: Uuid) -> Result<()> {
        if person == self.account { Ok(()) } else { self.needs(Role::Admin) }
    }
}

/// An address in the shape of its channel.
fn checked_address(channel: Channel, address: &str) -> Result<String> {
    let address = address.trim();
    let code = match channel {
        Channel::Mail => "input-mail-address",
        Channel::Webhook => "input-url",
        Channel::Sms | Channel::Modem => "input-number",
    };
    let plain = address.chars().count() <= ADDRESS_CHARS_MAX && !address.chars().any(|one| one.is_control());
    let shaped = match channel {
        Channel::Mail => {
            let parts = address.split_once('@');
            !address.contains(char::is_whitespace)
                && parts.is_some_and(|(name, host)| !name.is_empty() && host.len() > 1)
        }
        Channel::Webhook => address.starts_with("https://") || address.starts_with("http://"),
        Channel::Sms | Channel::Modem => {
            let digits = address.chars().filter(char::is_ascii_digit).count();
            address.starts_with('+')
                && (8..=15).contains(&digits)
                && address.chars().skip(1).all(|one| one.is_ascii_digit() || matches!(one, ' ' | '-'))
        }
    };
    if !plain || !shaped {
        return Err(Error::Input { code });
    }
    Ok(match channel {
        Channel::Sms | Channel::Modem => address.chars().filter(|one| !matches!(one, ' ' | '-')).collect(),
        Channel::Mail | Channel::Webhook => address.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_the_shape_of_their_channel() {
        let check = |channel, address: &str, kept: Option<&str>| {
            assert_eq!(checked_address(channel, address).ok().as_deref(), kept, "{address:?}");
        };
        check(Channel::Mail, " ana@hospital.example ", Some("ana@hospital.example"));
        check(Channel::Mail, "ana", None);
        check(Channel::Mail, "a@b\r\nBcc: c@d", None);
        check(Channel::Sms, "+40 721-000 111", Some("+40721000111"));
        check(Channel::Sms, "0721000111", None);
        check(Channel::Modem, "+40721000111;rm", None);
        check(Channel::Webhook, "https://chat.example/hook?x=1", Some("https://chat.example/hook?x=1"));
        check(Channel::Webhook, "file:///etc/passwd", None);
    }
}
