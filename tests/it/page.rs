//! The pages people read the log on: what the server renders, and what a real browser makes of it.

mod browser;
mod reading;
mod rendered;
mod steering;

use serde_json::json;

use crate::harness::service::Service;

/// What people put into nicknames to see what happens.
const MARKUP: &str = "<img src=x onerror=alert(1)>";
const REVERSED: &str = "\u{202e}nimda\u{202c} \u{200f}\u{200f}";

/// Records a nickname of an account.
async fn nick(service: &Service, account: &str, nick: &str) {
    service.callback().account(account).sets("Tag_Profile_IM_Nick", json!(nick)).post().await.assert_ok(nick);
}
