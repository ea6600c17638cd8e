//! Other people's wire formats ↔ the domain's words. Pure: no I/O, no clock.
//! What is *not* here: our own link between nodes (`connect`), and log formats (`detect`).

pub mod stix;
