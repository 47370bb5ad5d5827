//! One attempt: the request as the vendor wants it, and an answer of a bounded size in a bounded time.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::answer;
use super::call::Command;
use super::{Client, Error};
use crate::outgoing::why;

/// The vendor gives up after 3 seconds, and says so; that answer must be there before we give up.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(4);
/// More than 100 accounts with all their fields take.
const MAX_ANSWER: usize = 16 << 20;

impl Client {
    pub(super) async fn exchange<T: DeserializeOwned>(
        &self,
        command: Command,
        usersig: &SecretString,
        body: Vec<u8>,
    ) -> Result<T, Error> {
        let transport = |why: String| Error::Transport { command: command.name, why };
        let request =
            self.inner.http.post(self.url(command, usersig)).header(CONTENT_TYPE, "application/json").body(body);
        let attempt = async {
            let response = request.send().await.map_err(|error| transport(why(error)))?;
            match response.status() {
                StatusCode::OK => bytes(command.name, response).await,
                status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                    Err(transport(format!("it answered {status}")))
                }
                status => Err(Error::Answer { command: command.name, why: format!("it answered {status}") }),
            }
        };
        let answered = timeout(ATTEMPT, attempt).await;
        let bytes = answered.unwrap_or_else(|_| Err(transport(format!("no answer within {} s", ATTEMPT.as_secs()))))?;
        answer::read(command.name, &bytes)
    }

    fn url(&self, command: Command, usersig: &SecretString) -> Url {
        let mut url = self.inner.base_url.clone();
        let path = format!("{}/v4/{}/{}", url.path().trim_end_matches('/'), command.service, command.name);
        url.set_path(&path);
        url.query_pairs_mut()
            .append_pair("sdkappid", &self.inner.sdk_app_id.to_string())
            .append_pair("identifier", self.inner.key.identifier())
            .append_pair("usersig", usersig.expose_secret())
            .append_pair("random", &rand::random::<u32>().to_string())
            .append_pair("contenttype", "json");
        if let Some(nettype) = command.nettype {
            url.query_pairs_mut().append_pair("nettype", &nettype.to_string());
        }
        url
    }
}

async fn bytes(command: &'static str, mut response: Response) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Error::Transport { command, why: why(error) })? {
        if bytes.len() + chunk.len() > MAX_ANSWER {
            return Err(Error::Answer { command, why: format!("longer than {MAX_ANSWER} bytes") });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
