//! The public listener, row by row of its table, on both databases: who is answered what, and what is recorded of it.

mod apps;
mod commands;
mod console;
mod doors;
mod forwarding;
mod recording;
mod wire;
