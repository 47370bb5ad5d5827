//! SIGTERM and Ctrl-C.

use tokio::signal::unix::{SignalKind, signal};

use crate::stop::Stop;

/// The first one stops softly, the second ends at once.
pub(crate) fn listen(stop: &Stop) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if stop.is_stopping() {
                stop.hard();
            } else {
                tracing::info!("stopping: taking nothing new, finishing what was taken; a second signal ends at once");
                stop.soft();
            }
        }
    });
    Ok(())
}
