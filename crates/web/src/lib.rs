//! The console: server-rendered pages over the use cases of `app`, and nothing else.
//! What is *not* here: rules of any kind (`domain`), storage (`store`), which pages a node has (lazaret decides and
//! passes `Site`), TLS and ports (lazaret).
//!
//! `screen/` is what pages show, pure; `serve/` asks `app` and fills screens; `theatre` needs neither.

mod frame;
mod letters;
mod moments;
mod parts;
mod screen;
mod serve;
mod site;
mod words;

pub mod theatre;

pub use frame::Place;
pub use letters::Letters;
pub use serve::router;
pub use site::{Listener, ListenerKind, SecureCookies, Site, Theatre};
pub use words::CatalogueFault;

#[cfg(test)]
mod gallery;
