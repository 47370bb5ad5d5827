//! The tests that drive the real thing: real Postgres and SQLite, real HTTP and TLS, the real program.
//!
//! One binary, so that one Postgres cluster serves all of it. Each test has a database of its own.

#![allow(clippy::disallowed_methods, reason = "real clocks are what is tested here")]

mod harness;

mod access;
mod api;
mod bounds;
mod callbacks;
mod cli;
mod dispatch;
mod emulator;
mod forgeries;
mod full_disk;
mod gate;
mod handlers;
mod histories;
mod hostile;
mod journal;
mod migrations;
mod operations;
mod page;
mod private;
mod proof;
mod reconcile;
mod retention;
mod roles;
mod shutdown;
mod silence;
mod spool;
mod store;
mod tencent;
mod tls;
mod tree;

#[path = "../support/postgres.rs"]
mod postgres;
