//! Whole federations: real nodes, real TLS links on loopback, a clock in the hand. Few tests, each named for a promise.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod away;
mod bad_line;
mod certificates;
mod delivery;
mod demo;
mod fixture;
mod full_disk;
mod garbage;
mod kill;
mod life;
mod people;
mod real_orthanc;
mod restored;
mod sharing;
mod warning;
