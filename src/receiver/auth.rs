//! Who sent it. The only way to a [`Verified`] is through [`Apps::verify`].

use axum::http::StatusCode;
use secrecy::SecretString;

use super::answer::Answer;
use crate::config;
use crate::protocol::body;
use crate::protocol::query::{Param, Query};
use crate::protocol::sign::{self, SignError};
use crate::protocol::time::Millis;
use crate::store::model::Auth;

/// An older Sign says nothing about our clock: somebody found it. Seconds.
const KEPT: i64 = 86_400;

/// Proof that a request comes from one of our apps, as far as that app's configuration asks for proof.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verified {
    app: Option<i64>,
    auth: Auth,
}

impl Verified {
    /// The app; none for a console's check that names none.
    pub fn app(self) -> Option<i64> {
        self.app
    }

    /// How it was proven.
    pub fn auth(self) -> Auth {
        self.auth
    }
}

/// What became of a request's credentials.
pub(super) enum Verdict {
    Verified(Verified),
    /// The Sign is right, its time is not. To be kept where it may be our clock that is wrong.
    Stale {
        app: Option<i64>,
        keep: bool,
    },
    Refused(Answer),
}

struct App {
    id: i64,
    text: String,
    tokens: Vec<SecretString>,
}

/// The apps whose callbacks are taken.
pub(super) struct Apps {
    apps: Vec<App>,
    window_secs: i64,
}

impl Apps {
    pub fn new(apps: &[config::App], window_secs: u32) -> Self {
        let apps = apps
            .iter()
            .map(|app| App {
                // The configuration refuses numbers beyond i64.
                id: i64::try_from(app.sdk_app_id).unwrap_or_default(),
                text: app.sdk_app_id.to_string(),
                tokens: app.tokens.clone(),
            })
            .collect();
        Apps { apps, window_secs: i64::from(window_secs) }
    }

    pub fn verify(&self, query: &Query<'_>, body: &[u8], now: Millis) -> Verdict {
        let (app, tokens): (_, Vec<&SecretString>) = match &query.sdk_app_id {
            Param::Once(text) => match self.apps.iter().find(|app| app.text == *text) {
                Some(app) => (Some(app.id), app.tokens.iter().collect()),
                None => return refuse_app("SdkAppid is not one of this server's apps"),
            },
            Param::Repeated => return refuse_app("SdkAppid is given more than once"),
            Param::Missing if body::is_check(body) => (None, self.apps.iter().flat_map(|app| &app.tokens).collect()),
            Param::Missing => return refuse_app("SdkAppid is missing"),
        };
        if tokens.is_empty() {
            return Verdict::Verified(Verified { app, auth: Auth::None });
        }
        match sign::check(tokens, &query.sign, &query.request_time, now.div_euclid(1000), self.window_secs) {
            Ok(()) => Verdict::Verified(Verified { app, auth: Auth::Sign }),
            Err(SignError::Stale { age_secs }) => Verdict::Stale { app, keep: age_secs <= KEPT },
            Err(SignError::Malformed) => {
                refuse_sign("Sign and RequestTime must each be given once, RequestTime in seconds")
            }
            Err(SignError::Wrong) => refuse_sign("Sign is wrong"),
        }
    }
}

fn refuse_app(info: &'static str) -> Verdict {
    Verdict::Refused(Answer::fail(StatusCode::FORBIDDEN, "bad_app", info))
}

fn refuse_sign(info: &'static str) -> Verdict {
    Verdict::Refused(Answer::fail(StatusCode::UNAUTHORIZED, "bad_sign", info))
}
