//! Sockets and files for data: what listens for logs, and the link between nodes. Everything read from outside is
//! framed, limited and handed to `app`; what is decided about it is decided there.
//! What is *not* here: pages (`web`), SQL (`store`), formats of log lines (`detect`), roles (`lazaret`).

pub mod link;
pub mod listen;
mod places;
pub mod reach;
pub mod serve;
