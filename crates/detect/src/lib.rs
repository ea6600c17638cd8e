//! Bytes → [`event::Event`] → Sigma rules, indicators, correlation → [`engine::Detection`].
//! Pure and synchronous: no I/O, no clock (time is an argument), no threads.
//! What is *not* here: grouping of detections into alerts, allow-lists and sightings (`app`), the event log (`eventstore`).

pub mod correlate;
pub mod decode;
pub mod engine;
pub mod event;
pub mod indicator;
pub mod mapping;
pub mod sigma;
