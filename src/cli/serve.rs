//! `serve`: the service itself.

use clap::Args;

use crate::app::App;
use crate::config::{Flags, Loaded};

#[derive(Args)]
pub(super) struct Arguments {
    /// The app whose callbacks are taken, as the console shows it; several apps go into [[apps]]
    #[arg(long, value_name = "SDKAPPID")]
    sdk_app_id: Option<u64>,
    /// Public listener [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Private listener [default: 127.0.0.1:8081]
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin_listen: Option<String>,
}

impl Arguments {
    pub fn add_to(&self, flags: &mut Flags) {
        flags.sdk_app_id = self.sdk_app_id;
        flags.listen.clone_from(&self.listen);
        flags.admin_listen.clone_from(&self.admin_listen);
    }
}

pub(super) async fn run(loaded: Loaded) -> anyhow::Result<()> {
    App::loaded(loaded)?.run().await
}
