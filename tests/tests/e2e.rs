//! The promises, on the real peers. One file a promise; each test has a corner of its own.

#[path = "e2e/corner.rs"]
mod corner;
#[path = "e2e/p1_one_pod.rs"]
mod p1_one_pod;
#[path = "e2e/seed_table.rs"]
mod seed_table;
