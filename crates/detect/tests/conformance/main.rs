//! Conformance against the public rules, their regression data and a mixed corpus, all in the folder that `LAZARET_SHARED` names.
//! One binary because all of it needs the same rules, which are read once. Without the folder the tests pass and say so.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod corpus;
mod correlation;
mod differential;
mod filters;
mod regression;
mod rules;
mod support;
mod truth;
