//! The command line, as somebody at a shell uses it: exit codes, what goes to stdout and what to stderr.

mod configuration;
mod doctor;
mod erase;
mod log;
mod tencent;
mod usage;
