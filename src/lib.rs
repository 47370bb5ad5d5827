//! portraitd receives Tencent Chat's `Profile.CallbackPortraitSet` callbacks, loses none of them, and keeps them as an
//! append-only audit log that can prove it was not altered.
//!
//! # The modules, in the order data flows
//!
//! | module | what it does |
//! |---|---|
//! | [`listener`] | accepts connections, speaks TLS where configured, serves HTTP/1.1 until told to stop |
//! | [`receiver`] | the public listener's checks, in a fixed order; the first that fails answers |
//! | [`protocol`] | the vendor's wire, pure: query, Sign, body, answer |
//! | [`journal`] | group commit: whatever waits is made durable together, in the store or, while that is away, in the spool |
//! | [`store`] | the log, on Postgres or SQLite: append, read, verify |
//! | [`dispatch`] | every callback in the log to every handler, in log order per account, at least once |
//! | [`handlers`] | handlers that come with the program: forward, jetstream, exec, log, push-attributes |
//! | [`export`] | changes as NDJSON or CSV, a bounded part at a time |
//! | [`proof`] | what somebody outside needs to check the log: heads noted elsewhere, entries with all that is hashed |
//! | [`tencent`] | a client of the vendor's API: profiles, push attributes, UserSig, rates, retries |
//! | [`reconcile`] | what the vendor says of profiles against what the log says: changes whose callbacks never came |
//! | [`emulator`] | the vendor on a laptop: keeps profiles, checks UserSig, fires signed callbacks, injects faults |
//! | [`audit`] | the private listener: the log as an API, health, readiness, metrics, handlers |
//!
//! [`upkeep`] looks after the log beside the appends. [`app`] is where the parts meet, [`cli`] the command line, [`config`] the configuration, [`telemetry`] the program's own
//! log and metrics; [`failures`] limits failed authentications on both listeners; `outgoing` is the HTTP client that [`tencent`], the handler `forward` and [`proof`] share; [`clock`] and [`stop`] are arguments to everything that needs the time or has to end.
//!
//! Data flows down this list and never back up; the test `imports_point_one_way` reads the tree and says so.
//!
//! # The life of a callback
//!
//! 1. [`listener::Listener`] accepts a connection and hands each request to [`receiver::Receiver`].
//! 2. The receiver checks path, method and size, finds the app by SdkAppid and verifies the Sign
//!    ([`protocol::sign::check`]). Every request gets a receipt: a time and 16 bytes that name it from then on.
//! 3. [`protocol::body::parse`] reads the body. What is authentic but cannot be read is kept verbatim and answered 400.
//! 4. The entry, with its salted digest ([`store::chain::digest`]), goes to the [`journal::Journal`] and waits.
//! 5. The [`journal::Writer`] takes everything that waits and calls [`store::Store::append`] once: under the log's one lock
//!    entries are numbered, chained ([`store::chain::link`]) and inserted with their item rows and dedupe keys. If the store
//!    does not take them in time, they go to the [`journal::Spool`], and later from there into the store.
//! 6. The commit returns, or the spool's fsync; everyone who waited gets the outcome, and the receiver answers
//!    [`protocol::reply::OK`]. OK means durable: it is never sent before.
//! 7. From then on [`store::Store::changes`] shows the change with its old value, and [`store::verify::run`] can tell whether
//!    the entry is still what was received.
//! 8. [`dispatch::run`] hears of the new head, or asks for it, reads the log once for all handlers, and each handler's
//!    [`dispatch::lane::Lane`] decides what is tried when. [`ProfileHandler::handle`] is called; what it answers moves the
//!    handler's cursor, makes the callback wait, or makes it a dead letter ([`store::Store::checkpoint`]).
//! 9. [`proof`] notes the log's head where somebody outside keeps it. Forgetting a person ([`store::erasure::run`]) and retention
//!    ([`store::prune::run`]) are the only ways in which the log loses anything, and leave it verifiable.
//! 10. [`reconcile`] asks the vendor, through [`tencent`], what profiles say, and appends what no callback told.
#![deny(unsafe_code, rustdoc::broken_intra_doc_links)]
#![warn(missing_docs, clippy::dbg_macro, clippy::print_stdout, clippy::todo)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

pub mod app;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dispatch;
pub mod emulator;
pub mod export;
pub mod failures;
pub mod handlers;
pub mod journal;
pub mod listener;
mod outgoing;
pub mod proof;
pub mod protocol;
pub mod receiver;
pub mod reconcile;
pub mod stop;
pub mod store;
pub mod telemetry;
pub mod tencent;
pub mod upkeep;

pub use app::App;
pub use async_trait::async_trait;
pub use dispatch::{Context, ItemChange, Outcome, ProfileChange, ProfileHandler, Value, Wants};
