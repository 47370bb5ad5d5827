//! `usersig`: makes a UserSig.

use clap::Args;

use super::output::print;
use super::tencent::App;
use crate::app::app_and_key;
use crate::clock::Clock;
use crate::config::Loaded;
use crate::tencent::{Error, tag, usersig};

/// Make a UserSig: what proves to Tencent, for a while, that a caller speaks for an account
///
/// It is made here, with the app's secret key; nobody is asked. Whoever has it can log in as the account until it expires, and
/// nothing takes it back before. An administrator's opens the whole app: treat it as the secret key itself.
///
/// Examples:
///   portraitd usersig alice
///   portraitd usersig administrator --expire 600
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// The account it is for
    identifier: String,
    /// For how long it is good, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u32).range(1..))]
    expire: u32,
    #[command(flatten)]
    app: App,
}

pub(super) fn run(loaded: &Loaded, arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { identifier, expire, app } = arguments;
    let (app, key) = app_and_key(&loaded.config, app.app)?;
    tag::check_account(&identifier).map_err(Error::from)?;
    let now = Clock::system().now() / 1000;
    print(&format!("{}\n", usersig::make(key, app, &identifier, now, expire.into())))?;
    if identifier == loaded.config.tencent.identifier {
        eprintln!("{identifier} is the app's administrator: whoever has this UserSig can do anything with the app");
    }
    Ok(())
}
