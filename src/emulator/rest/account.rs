//! account_import and GetIPList.

use serde::Deserialize;
use serde_json::json;

use super::Call;
use super::answer::{Answer, Style};
use crate::emulator::code::Refusal;
use crate::emulator::model::is_user_id;
use crate::emulator::vendor::Vendor;

/// Where callbacks come from: this machine.
const ADDRESSES: [&str; 3] = ["127.0.0.1", "127.0.0.0/8", "::1"];
const MAX_BYTES: usize = 500;

#[derive(Deserialize)]
struct Import {
    #[serde(rename = "UserID")]
    user_id: String,
    #[serde(rename = "Nick")]
    nick: Option<String>,
    #[serde(rename = "FaceUrl")]
    face_url: Option<String>,
}

pub(super) fn import(vendor: &Vendor, _: &Call, body: &[u8]) -> Result<Answer, Refusal> {
    let Import { user_id, nick, face_url } =
        serde_json::from_slice(body).map_err(|error| Refusal::because(70402, error.to_string()))?;
    if !is_user_id(&user_id) {
        return Err(Refusal::because(70402, "UserID must be 1 to 32 bytes of printable ASCII"));
    }
    if [&nick, &face_url].into_iter().flatten().any(|text| text.len() > MAX_BYTES) {
        return Err(Refusal::new(40601));
    }
    let mut model = vendor.model();
    let profile = &mut model.import(&user_id).profile;
    for (tag, text) in [("Tag_Profile_IM_Nick", nick), ("Tag_Profile_IM_Image", face_url)] {
        if let Some(text) = text {
            profile.insert(tag.to_owned(), json!(text));
        }
    }
    Ok(Answer::ok(Style::Plain))
}

pub(super) fn ip_list(_: &Vendor, call: &Call, _: &[u8]) -> Result<Answer, Refusal> {
    let nettype = call.nettype.as_deref().unwrap_or("0");
    if !nettype.parse::<u8>().is_ok_and(|nettype| nettype <= 6) {
        return Err(Refusal::because(60025, "nettype must be from 0 to 6"));
    }
    Ok(Answer::ok(Style::Plain).with("IPList", ADDRESSES))
}
