//! See below.

pub mod manifest;
