//! The public listener: callbacks in, the vendor's answer out, and `/healthz`. Nothing else.
//!
//! The checks run in a fixed order and the first that fails answers: path, method, source, size, SdkAppid, Sign, the
//! console's check, CallbackCommand, body. What passes them all is handed to the journal, and OK is answered once it is durable.

mod allowlist;
mod answer;
mod auth;
mod backend;
mod gate;
mod intake;
mod others;
mod receipt;
mod source;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use tower_http::catch_panic::CatchPanicLayer;

use crate::clock::Clock;
use crate::config::{self, ConfigError};
use crate::journal::{Outcome, Recorder};
use crate::protocol::query::Query;
use crate::protocol::{body, command};
use crate::store::model::Auth;
use crate::telemetry::seldom::Seldom;
use crate::telemetry::{CallbackLabels, Metrics};
pub use allowlist::count_allowed;
use answer::Answer;
use auth::{Apps, Verdict, Verified};
use backend::Forwarded;
pub use gate::Gate;
use intake::Intake;
use others::Others;
use receipt::Receipt;

/// Everything an answer depends on.
pub struct Receiver {
    apps: Apps,
    gate: Gate,
    path: String,
    intake: Intake,
    others: Others,
    budget: Duration,
    recorder: Arc<dyn Recorder>,
    clock: Clock,
    metrics: Arc<Metrics>,
    stale: Seldom,
    unkept: Seldom,
}

impl Receiver {
    /// A receiver for the configured apps that hands what `gate` lets in and it accepts to `recorder`.
    pub fn new(
        apps: &[config::App],
        config: &config::Receiver,
        gate: Gate,
        recorder: Arc<dyn Recorder>,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ConfigError> {
        Ok(Receiver {
            apps: Apps::new(apps, config.sign_window_secs),
            gate,
            path: config.path.clone(),
            intake: Intake::new(config.max_body_bytes, config.max_inflight_bytes, metrics.body_bytes.clone()),
            others: Others::new(&config.other_commands, metrics.clone())?,
            budget: Duration::from_millis(config.answer_budget_ms),
            recorder,
            clock,
            metrics,
            stale: Seldom::default(),
            unkept: Seldom::default(),
        })
    }

    /// The public listener's routes.
    pub fn router(self) -> Router {
        let metrics = self.metrics.clone();
        let contain = CatchPanicLayer::custom(move |_: Box<dyn std::any::Any + Send>| {
            metrics.panics.inc();
            tracing::error!("a request's handling panicked; it was answered 500");
            let answer = Answer::fail(StatusCode::INTERNAL_SERVER_ERROR, "panic", "internal error");
            count(&metrics, &answer);
            answer.into_response()
        });
        Router::new()
            .route("/healthz", get(|| async { "ok\n" }).fallback(receive))
            .fallback(receive)
            .with_state(Arc::new(self))
            .layer(contain)
    }
}

async fn receive(State(receiver): State<Arc<Receiver>>, request: Request) -> Response {
    let begun = Instant::now();
    let answer = receiver.answer(request, begun).await;
    count(&receiver.metrics, &answer);
    receiver.metrics.answer_seconds.observe(begun.elapsed().as_secs_f64());
    answer.into_response()
}

fn count(metrics: &Metrics, answer: &Answer) {
    let labels = CallbackLabels { outcome: answer.outcome, command: answer.command };
    metrics.callbacks.get_or_create(&labels).inc();
}

/// A request that came to the right place, whole.
struct Arrived<'a> {
    request: &'a Parts,
    source: IpAddr,
    query: Query<'a>,
    body: Bytes,
    receipt: Receipt,
    deadline: Instant,
}

impl Receiver {
    async fn answer(&self, request: Request, begun: Instant) -> Answer {
        let (parts, body) = request.into_parts();
        if parts.uri.path() != self.path {
            return Answer::fail(StatusCode::NOT_FOUND, "not_found", "callbacks do not arrive at this path");
        }
        if parts.method != Method::POST {
            return Answer::fail(StatusCode::METHOD_NOT_ALLOWED, "bad_method", "callbacks arrive by POST")
                .allowing("POST");
        }
        let now = self.clock.now();
        let source = match self.gate.admit(&parts, now) {
            Ok(source) => source,
            Err(answer) => return answer,
        };
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        // Looked at early, answered in its turn: it says whose allowance the body takes, and a source that fails too often
        // does not get as far as its body.
        let early = self.apps.verify(&query, &[], now);
        if let Verdict::Refused(_) | Verdict::Stale { .. } = early
            && let Err(answer) = self.gate.failed(source, begun, now)
        {
            return answer;
        }
        let stranger = !matches!(early, Verdict::Verified(_));
        let (body, _held) = match self.intake.read(body, stranger).await {
            Ok(read) => read,
            Err(answer) => return answer,
        };
        let (receipt, deadline) = (Receipt::new(self.clock.now()), begun + self.budget);
        let arrived = Arrived { request: &parts, source, query, body, receipt, deadline };
        match self.apps.verify(&arrived.query, &arrived.body, arrived.receipt.at) {
            Verdict::Verified(sender) => self.verified(arrived, sender).await,
            Verdict::Stale { app, keep } => self.stale(arrived, app, keep).await,
            // Only now is it known that the body is no check.
            Verdict::Refused(answer) if !stranger => self.gate.failed(source, begun, now).err().unwrap_or(answer),
            Verdict::Refused(answer) => answer,
        }
    }

    async fn verified(&self, arrived: Arrived<'_>, sender: Verified) -> Answer {
        if body::is_check(&arrived.body) {
            return Answer::ok("check", "");
        }
        // Without an app only the console's check gets this far, so there is one now.
        let Some(app) = sender.app() else {
            return Answer::fail(StatusCode::FORBIDDEN, "bad_app", "SdkAppid is missing");
        };
        let Some(name) = arrived.query.command.once().filter(|name| !name.is_empty()).map(str::to_owned) else {
            let reason = "CallbackCommand must be given exactly once in the query".to_owned();
            return self.unreadable(arrived, Some(app), sender.auth(), "bad_command", reason).await;
        };
        if name != command::PORTRAIT_SET {
            return self.other(arrived, app, sender.auth(), &name).await;
        }
        match body::parse(&arrived.body) {
            Ok(portrait) if differs(portrait.command.as_deref(), &name) => {
                self.unreadable(arrived, Some(app), sender.auth(), "bad_command", differing()).await
            }
            Ok(portrait) => self.record(arrived, app, sender.auth(), portrait).await,
            Err(error) => {
                let (outcome, reason) = match body::command(&arrived.body) {
                    Some(inner) if inner != name => ("bad_command", differing()),
                    _ => ("unreadable", error.0),
                };
                self.unreadable(arrived, Some(app), sender.auth(), outcome, reason).await
            }
        }
    }

    async fn record(&self, arrived: Arrived<'_>, app: i64, auth: Auth, portrait: body::Portrait) -> Answer {
        let Arrived { query, body, receipt, deadline, .. } = arrived;
        let entry = receipt.arrival(app, auth, query, body).entry(portrait);
        match self.recorder.record(entry, deadline).await {
            Outcome::Recorded => Answer::ok("recorded", command::PORTRAIT_SET),
            Outcome::Spooled => Answer::ok("spooled", command::PORTRAIT_SET),
            Outcome::Duplicate => Answer::ok("duplicate", command::PORTRAIT_SET),
            Outcome::Refused => {
                Answer::fail(StatusCode::BAD_REQUEST, "unreadable", "the store refuses this callback's data")
                    .about(command::PORTRAIT_SET)
            }
            Outcome::Unavailable => Answer::fail(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "the callback could not be recorded in time",
            )
            .about(command::PORTRAIT_SET),
        }
    }

    async fn other(&self, arrived: Arrived<'_>, app: i64, auth: Auth, name: &str) -> Answer {
        if differs(body::command(&arrived.body).as_deref(), name) {
            return self.unreadable(arrived, Some(app), auth, "bad_command", differing()).await;
        }
        let Arrived { request, body, source, deadline, receipt, .. } = arrived;
        self.others.answer(Forwarded { request, body, source, deadline }, name, receipt.at).await
    }

    async fn stale(&self, arrived: Arrived<'_>, app: Option<i64>, keep: bool) -> Answer {
        if self.stale.now(arrived.receipt.at) {
            tracing::warn!("a right Sign came with a stale RequestTime; is this machine's clock right?");
        }
        let info = "RequestTime is too far from this server's clock";
        if keep {
            self.keep(arrived, app, Auth::Stale, info.to_owned()).await;
        }
        Answer::fail(StatusCode::UNAUTHORIZED, "stale", info)
    }

    async fn unreadable(
        &self,
        arrived: Arrived<'_>,
        app: Option<i64>,
        auth: Auth,
        outcome: &'static str,
        reason: String,
    ) -> Answer {
        let label = arrived.query.command.once().map(command::label).unwrap_or_default();
        self.keep(arrived, app, auth, reason.clone()).await;
        Answer::fail(StatusCode::BAD_REQUEST, outcome, reason).about(label)
    }

    async fn keep(&self, arrived: Arrived<'_>, app: Option<i64>, auth: Auth, reason: String) {
        let Arrived { query, body, receipt, deadline, .. } = arrived;
        let kept = self.recorder.keep(receipt.unreadable(app, auth, reason, &query, body), deadline).await;
        if !kept && self.unkept.now(receipt.at) {
            tracing::warn!(
                receipt.id = receipt.hex(),
                "unreadable body {} was answered before it was kept",
                receipt.hex()
            );
        }
    }
}

/// A body may leave its command out, but not contradict the query.
fn differs(in_body: Option<&str>, in_query: &str) -> bool {
    in_body.is_some_and(|inner| inner != in_query)
}

fn differing() -> String {
    "CallbackCommand in the body differs from the one in the query".to_owned()
}
