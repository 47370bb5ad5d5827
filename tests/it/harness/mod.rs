//! What tests stand on: databases, the running program, HTTP.

pub mod db;
pub mod service;
