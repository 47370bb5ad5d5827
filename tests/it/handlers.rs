//! Handlers that come with the program, against real programs, servers and backends.

mod exec;
mod jetstream;
