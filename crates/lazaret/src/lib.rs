//! lazaret
