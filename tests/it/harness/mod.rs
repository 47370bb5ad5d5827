//! What tests stand on: databases, the running program, HTTP.

pub mod db;
pub mod entries;
pub mod parts;
pub mod proof;
pub mod proxy;
pub mod service;
