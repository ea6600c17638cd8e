//! Lazaret as a library: a node is a value ([`node::Node::start`]), so a test or the demo runs a whole federation in
//! one process. What is *not* here: no use case (`app`), no page (`web`), no socket of the link (`connect`).

pub mod backup;
pub mod cli;
pub mod clock;
pub mod config;
pub mod content;
pub mod control;
pub mod data_dir;
pub mod demo;
pub mod doctor;
pub mod node;
pub mod output;
pub mod roles;
pub mod rules;
pub mod scan;

mod admin;
mod erasure;
mod load;
mod logging;
mod owner;
mod systemd;
mod visit;
