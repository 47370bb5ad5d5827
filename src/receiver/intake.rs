//! Reading bodies: how large one may be, how long it may take, and how much of all of them may be in memory at a time.
//!
//! What counts is what has arrived, not what was announced: a body that trickles holds little. Senders that have not shown
//! who they are share a small part, so that they cannot use up what callbacks need.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use bytes::Bytes;
use http_body_util::BodyExt;
use prometheus_client::metrics::gauge::Gauge;

use super::answer::Answer;

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(5);
/// Strangers' part of everything; at least one body.
const STRANGERS_PART: usize = 8;

/// What bodies may take.
pub(super) struct Intake {
    max_body: usize,
    all: Allowance,
    strangers: Allowance,
    gauge: Gauge,
}

/// A body's bytes in memory. Dropped, they make room for others.
pub(super) struct Held<'i> {
    intake: &'i Intake,
    stranger: bool,
    bytes: usize,
}

/// Bytes that are free.
struct Allowance(AtomicUsize);

impl Intake {
    /// `gauge` shows how many bytes there are.
    pub fn new(max_body: usize, max_inflight: usize, gauge: Gauge) -> Self {
        let strangers = (max_inflight / STRANGERS_PART).max(max_body);
        Intake { max_body, all: Allowance::of(max_inflight), strangers: Allowance::of(strangers), gauge }
    }

    /// The whole body, to be held until the request is answered.
    pub async fn read(&self, body: Body, stranger: bool) -> Result<(Bytes, Held<'_>), Answer> {
        // A declared length is believed when it is too large, so that nobody has to send it first.
        if http_body::Body::size_hint(&body).lower() > u64::try_from(self.max_body).unwrap_or(u64::MAX) {
            return Err(self.too_large());
        }
        let mut held = Held { intake: self, stranger, bytes: 0 };
        match tokio::time::timeout(BODY_TIME, self.collect(body, &mut held)).await {
            Ok(collected) => Ok((collected?, held)),
            Err(_) => Err(Answer::fail(StatusCode::REQUEST_TIMEOUT, "broken", "the body took too long to arrive")),
        }
    }

    /// Into one piece of memory: pieces as they arrive would each keep a whole read buffer.
    async fn collect(&self, mut body: Body, held: &mut Held<'_>) -> Result<Bytes, Answer> {
        let mut whole = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame =
                frame.map_err(|_| Answer::fail(StatusCode::BAD_REQUEST, "broken", "the body did not arrive whole"))?;
            let Ok(data) = frame.into_data() else { continue };
            if whole.len() + data.len() > self.max_body {
                return Err(self.too_large());
            }
            if !held.grow(data.len()) {
                let info = "too much is being received at the moment";
                return Err(Answer::fail(StatusCode::SERVICE_UNAVAILABLE, "overloaded", info).closing());
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.into_boxed_slice().into())
    }

    fn too_large(&self) -> Answer {
        let info = format!("the body has more than {} bytes", self.max_body);
        Answer::fail(StatusCode::PAYLOAD_TOO_LARGE, "too_large", info)
    }
}

impl Held<'_> {
    fn grow(&mut self, bytes: usize) -> bool {
        if self.stranger && !self.intake.strangers.take(bytes) {
            return false;
        }
        if !self.intake.all.take(bytes) {
            if self.stranger {
                self.intake.strangers.give_back(bytes);
            }
            return false;
        }
        self.bytes += bytes;
        self.intake.gauge.inc_by(signed(bytes));
        true
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.stranger {
            self.intake.strangers.give_back(self.bytes);
        }
        self.intake.all.give_back(self.bytes);
        self.intake.gauge.dec_by(signed(self.bytes));
    }
}

impl Allowance {
    fn of(bytes: usize) -> Self {
        Allowance(AtomicUsize::new(bytes))
    }

    fn take(&self, bytes: usize) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes)).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
