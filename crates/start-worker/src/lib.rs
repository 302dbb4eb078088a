//! See below.

pub mod executor;
pub mod manifest;
