//! `receiver.other_commands`: two words, or the URL of a backend.

use serde::Deserialize;

/// What happens to commands other than Profile.CallbackPortraitSet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum OtherCommands {
    /// OK/0, not recorded.
    Acknowledge,
    /// 404, FAIL/1.
    Reject,
    /// The verified request goes to this backend, its answer comes back.
    Forward(reqwest::Url),
}

impl TryFrom<String> for OtherCommands {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "acknowledge" => return Ok(OtherCommands::Acknowledge),
            "reject" => return Ok(OtherCommands::Reject),
            _ => {}
        }
        match reqwest::Url::parse(&text) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                Err("must be \"acknowledge\", \"reject\" or an http(s) URL")
            }
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                Err("the backend's URL must have no query and no fragment: the callback's own query is appended")
            }
            Ok(url) => Ok(OtherCommands::Forward(url)),
            Err(_) => Err("must be \"acknowledge\", \"reject\" or an http(s) URL"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<OtherCommands, &'static str> {
        OtherCommands::try_from(text.to_owned())
    }

    #[test]
    fn it_is_one_of_two_words_or_a_url() {
        assert_eq!(read("acknowledge"), Ok(OtherCommands::Acknowledge));
        assert_eq!(read("reject"), Ok(OtherCommands::Reject));
        assert!(matches!(read("https://backend.internal:8443/im"), Ok(OtherCommands::Forward(_))));
        for wrong in
            ["", "ignore", "Reject", "ftp://backend/", "https://backend/?a=1", "https://backend/#a", "https://"]
        {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
