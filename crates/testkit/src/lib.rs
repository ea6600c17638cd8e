//! For tests only: a clock in the hand, a line that can be bad, waiting for something to become true.
//! What is *not* here: fixtures of one crate (they stand beside its tests) and anything a product crate could link.

pub mod clock;
pub mod http;
pub mod proxy;
pub mod until;
