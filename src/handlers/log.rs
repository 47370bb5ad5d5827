//! `log`: one structured line per change in the program's own log. Values only if asked: they are people's data.

use crate::config::Handler;
use crate::dispatch::{Context, Outcome, ProfileChange, ProfileHandler, Wants};
use crate::protocol::time::rfc3339;

pub(super) struct LogLine {
    wants: Wants,
    with_values: bool,
}

impl LogLine {
    pub fn new(config: &Handler) -> Self {
        LogLine { wants: super::wants(config), with_values: config.values == Some(true) }
    }
}

#[async_trait::async_trait]
impl ProfileHandler for LogLine {
    fn wants(&self) -> Wants {
        self.wants.clone()
    }

    async fn handle(&self, change: &ProfileChange, cx: &Context) -> Outcome {
        for (ordinal, item) in change.items.iter().enumerate() {
            tracing::info!(
                target: "portraitd::change",
                handler = cx.handler(),
                seq = change.seq,
                ordinal,
                app = change.app,
                account = ?change.account,
                operator = ?change.operator,
                tag = ?item.tag,
                old = self.with_values.then(|| item.raw_previous()).flatten(),
                new = self.with_values.then(|| item.raw()),
                effective_time = rfc3339(change.effective_time),
                receipt_id = change.receipt(),
                "profile change"
            );
        }
        Outcome::Done
    }
}
