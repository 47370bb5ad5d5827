//! A client of Tencent Chat's REST API, usable on its own: profiles, push attributes, accounts, addresses.
//!
//! A [`Client`] signs for itself ([`usersig`]), keeps the documented rates, tries again within one deadline, and says per
//! account what failed. What the vendor's pages leave open is told in `docs/tencent.md`.

mod account;
mod answer;
mod call;
mod client;
pub mod code;
mod error;
mod exchange;
mod key;
mod per_account;
mod profile;
mod push;
mod rate;
mod region;
pub mod tag;
pub mod usersig;

pub use client::{Builder, Client};
pub use error::{Error, Limit};
pub(crate) use exchange::ATTEMPT;
pub use per_account::PerAccount;
pub use profile::Item;
pub use push::{AttrName, AttrType};
pub use region::Region;
