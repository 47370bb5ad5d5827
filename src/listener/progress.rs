//! How far a connection is with its request: what it may still take, and whether it may be cut off.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::guests::Seat;
use super::limits::Times;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A request's head is on its way.
    Head,
    /// Its handling has begun, its body is on its way.
    Body,
    /// It has arrived whole and is being handled.
    Serving,
    /// It is answered.
    Idle,
    /// It is answered, and its body has not arrived whole.
    Cut,
}

/// One connection's progress, shared by those who read it, serve it and watch it.
pub(super) struct Progress {
    phase: watch::Sender<(Phase, Instant)>,
    /// Bytes of the head under way, or of the last one.
    head: AtomicUsize,
    seat: Seat,
    times: Times,
}

impl Progress {
    /// The first byte of the first head has arrived.
    pub fn new(seat: Seat, times: Times) -> Self {
        let phase = watch::Sender::new((Phase::Head, Instant::now()));
        Progress { phase, head: AtomicUsize::new(0), seat, times }
    }

    /// Bytes have arrived; how many the head under way has by now.
    pub fn read(&self, bytes: usize) -> usize {
        match self.phase() {
            Phase::Idle | Phase::Cut => {
                self.enter(Phase::Head);
                self.head.store(bytes, Ordering::Relaxed);
                bytes
            }
            Phase::Head => self.head.fetch_add(bytes, Ordering::Relaxed) + bytes,
            Phase::Body | Phase::Serving => 0,
        }
    }

    /// Bytes were taken by the peer.
    pub fn wrote(&self) {
        if self.phase() == Phase::Idle {
            self.enter(Phase::Idle);
        }
    }

    /// A head has arrived.
    pub fn begun(&self) {
        self.enter(Phase::Body);
    }

    /// The body as well.
    pub fn whole(&self) {
        if self.phase() == Phase::Body {
            self.enter(Phase::Serving);
            self.seat.serving();
        }
    }

    /// The answer is there; `well` if it shows that the peer is welcome.
    pub fn answered(&self, well: bool) {
        self.seat.answered(well);
        self.enter(if self.phase() == Phase::Body { Phase::Cut } else { Phase::Idle });
    }

    /// When it is too late for the bytes the connection waits for; none while it waits for no head.
    pub fn deadline(&self) -> Option<Instant> {
        let (phase, since) = *self.phase.borrow();
        match phase {
            Phase::Head => Some(since + self.times.head),
            Phase::Idle | Phase::Cut => Some(since + self.times.idle),
            Phase::Body | Phase::Serving => None,
        }
    }

    /// How long a write may get nowhere.
    pub fn write_time(&self) -> Duration {
        self.times.write
    }

    /// Whether the peer may still be sending what nobody will read.
    pub fn is_unread(&self) -> bool {
        self.phase() != Phase::Idle
    }

    /// Resolves once no request was in service for so long: whoever sent half a head does not hold up the stop.
    pub async fn quiet(&self, time: Duration) {
        let mut phase = self.phase.subscribe();
        let in_service = |(phase, _): &(Phase, Instant)| matches!(phase, Phase::Body | Phase::Serving);
        while matches!(tokio::time::timeout(time, phase.wait_for(in_service)).await, Ok(Ok(_))) {
            let _ = phase.wait_for(|now| !in_service(now)).await;
        }
    }

    fn phase(&self) -> Phase {
        self.phase.borrow().0
    }

    fn enter(&self, phase: Phase) {
        let now = Instant::now();
        self.seat.active(now);
        self.phase.send_replace((phase, now));
    }
}
