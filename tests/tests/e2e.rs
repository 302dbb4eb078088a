//! The promises, on the real peers. One file a promise; each test has a corner of its own.

#[path = "e2e/api_calls.rs"]
mod api_calls;
#[path = "e2e/bad_input.rs"]
mod bad_input;
#[path = "e2e/build_token.rs"]
mod build_token;
#[path = "e2e/catalogue.rs"]
mod catalogue;
#[path = "e2e/clear.rs"]
mod clear;
#[path = "e2e/corner.rs"]
mod corner;
#[path = "e2e/documented.rs"]
mod documented;
#[path = "e2e/environment.rs"]
mod environment;
#[path = "e2e/finished.rs"]
mod finished;
#[path = "e2e/gone.rs"]
mod gone;
#[path = "e2e/health.rs"]
mod health;
#[path = "e2e/logs.rs"]
mod logs;
#[path = "e2e/metrics.rs"]
mod metrics;
#[path = "e2e/p1_one_pod.rs"]
mod p1_one_pod;
#[path = "e2e/p2_no_build_lost.rs"]
mod p2_no_build_lost;
#[path = "e2e/p3_no_healthy_build_failed.rs"]
mod p3_no_healthy_build_failed;
#[path = "e2e/p4_timers.rs"]
mod p4_timers;
#[path = "e2e/p5_trace.rs"]
mod p5_trace;
#[path = "e2e/p6_secrets.rs"]
mod p6_secrets;
#[path = "e2e/p7_clean_stop.rs"]
mod p7_clean_stop;
#[path = "e2e/p8_drop_in.rs"]
mod p8_drop_in;
#[path = "e2e/p9_stop.rs"]
mod p9_stop;
#[path = "e2e/p9_trouble.rs"]
mod p9_trouble;
#[path = "e2e/recreate.rs"]
mod recreate;
#[path = "e2e/seed_table.rs"]
mod seed_table;
#[path = "e2e/watch.rs"]
mod watch;
#[path = "e2e/wishes.rs"]
mod wishes;
