//! Words and rules of Lazaret. Pure: no async, no I/O, no clock, no SQL, no HTTP.
//! What is *not* here: how bytes become events (`detect`), how values are kept (`store`), how they travel (`connect`).

pub mod cluster;
pub mod duty;
pub mod marking;
pub mod party;
pub mod reach;
pub mod record;
pub mod release;
pub mod telemetry;
