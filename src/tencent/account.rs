//! Accounts and addresses: `account_import` and `GetIPList`.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::json;

use super::call::Command;
use super::{Client, Error, Limit, answer, tag};

const IMPORT: Command = Command::new("im_open_login_svc", "account_import");
const IP_LIST: Command = Command::new("ConfigSvc", "GetIPList");

#[derive(Deserialize)]
struct IpList {
    #[serde(rename = "IPList")]
    list: Vec<String>,
}

impl Client {
    /// Makes an account known to Chat. Once more does no harm.
    pub async fn account_import(&self, user_id: &str, nick: Option<&str>, face_url: Option<&str>) -> Result<(), Error> {
        if self.inner.checks_limits {
            tag::check_account(user_id)?;
            let texts = [("Tag_Profile_IM_Nick", nick), ("Tag_Profile_IM_Image", face_url)];
            for (tag, text) in texts.into_iter().filter_map(|(tag, text)| Some((tag, text?))) {
                tag::check(tag, &text.into())?;
            }
        }
        let mut body = json!({ "UserID": user_id });
        for (name, text) in [("Nick", nick), ("FaceUrl", face_url)] {
            if let Some(text) = text {
                body[name] = text.into();
            }
        }
        self.call(IMPORT, &body, self.deadline()).await.map(|answer::Done {}| ())
    }

    /// The vendor's addresses of one kind: 5 is where callbacks come from in China and Hong Kong, 6 elsewhere.
    pub async fn ip_list(&self, nettype: u8) -> Result<Vec<IpNet>, Error> {
        if self.inner.checks_limits && nettype > 6 {
            return Err(Limit::new("nettype", "must be 0 to 6").into());
        }
        let command = Command { nettype: Some(nettype), ..IP_LIST };
        let answer: IpList = self.call(command, &json!({}), self.deadline()).await?;
        let network = |text: &String| {
            let network = text.parse::<IpAddr>().map(IpNet::from).or_else(|_| text.parse::<IpNet>());
            network.map(|network| network.trunc()).map_err(|_| Error::Answer {
                command: IP_LIST.name,
                why: format!("{text:?} in IPList is neither an address nor a CIDR"),
            })
        };
        answer.list.iter().map(network).collect()
    }
}
