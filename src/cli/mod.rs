//! The command line: one file a subcommand. Data goes to stdout, everything else to stderr.

mod changes;
mod config;
mod doctor;
mod erase;
mod export;
mod filter;
mod handlers;
mod healthcheck;
mod migrate;
mod output;
mod prune;
mod reader;
mod serve;
mod spool;
mod tail;
mod time;
mod unreadable;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use secrecy::ExposeSecret;

use crate::config::{ConfigError, Flags, Loaded, environment, load};
use crate::store::{Open, Store, StoreError};

/// Receives Tencent Chat's Profile.CallbackPortraitSet callbacks and keeps them as an append-only audit log.
///
/// Configuration, weakest to strongest: built-in defaults, the file named by --config or PORTRAITD_CONFIG, environment
/// variables PORTRAITD__SECTION__KEY, the shorthands DATABASE_URL, PORTRAITD_SDK_APP_ID, PORTRAITD_CALLBACK_TOKEN,
/// PORTRAITD_SECRET_KEY and PORTRAITD_ADMIN_TOKEN (each also as …_FILE), and flags. `portraitd config` shows what is in force.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
#[derive(Parser)]
#[command(name = "portraitd", version, max_term_width = 120)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Common {
    /// Configuration file (TOML); `portraitd config --defaults` prints one to start from
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the log is: postgres://user@host/database or sqlite://path
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Receive, record and answer callbacks
    Serve(serve::Arguments),
    /// Bring the log's tables up to date, then exit
    Migrate,
    /// Show the configuration in force and where each value came from
    Config(config::Arguments),
    Doctor(doctor::Arguments),
    /// Ask a running service whether it is healthy
    Healthcheck(healthcheck::Arguments),
    /// Show recorded changes, newest first: who changed what, from what, to what, when
    Changes(changes::Arguments),
    /// Show changes as they are recorded, until Ctrl-C
    Tail(tail::Arguments),
    /// Write all changes that match, oldest first, into a file or to stdout
    Export(export::Arguments),
    /// Show authentic bodies that could not be read
    Unreadable(unreadable::Arguments),
    /// Show handlers and steer them: where each is in the log, what failed, pause, rewind, retry
    Handlers(handlers::Arguments),
    /// Show or drain what waits on disk for the store
    Spool(spool::Arguments),
    Verify(verify::Arguments),
    Erase(erase::Arguments),
    Prune(prune::Arguments),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("portraitd: {}", chain(&error));
            ExitCode::from(if is_configuration(&error) { 2 } else { 1 })
        }
    }
}

/// Whether the operator has to change the configuration, rather than whatever it leads to.
fn is_configuration(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.is::<ConfigError>() || matches!(cause.downcast_ref::<StoreError>(), Some(StoreError::Unsuitable(_)))
    })
}

/// An error and its causes on one line, each said once.
fn chain(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |line, cause| {
        if line.is_empty() {
            cause
        } else if line.contains(&cause) {
            line
        } else {
            format!("{line}: {cause}")
        }
    })
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let mut flags = Flags { config: cli.common.config, database_url: cli.common.database_url, ..Flags::default() };
    if let Command::Serve(arguments) = &cli.command {
        arguments.add_to(&mut flags);
    }
    if let Command::Config(arguments) = &cli.command
        && arguments.defaults
    {
        return output::print(crate::config::DEFAULTS);
    }
    let loaded = load(&flags, &environment(std::env::vars_os())?)?;
    // Only one provider is compiled in; installing it twice is not an error worth stopping for.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new()?;
    let done = runtime.block_on(async {
        match cli.command {
            Command::Serve(_) => serve::run(loaded).await,
            Command::Migrate => migrate::run(loaded).await,
            Command::Doctor(arguments) => doctor::run(loaded, arguments).await,
            Command::Config(_) => config::run(&loaded),
            Command::Healthcheck(arguments) => healthcheck::run(loaded, arguments).await,
            Command::Changes(arguments) => changes::run(loaded, arguments).await,
            Command::Tail(arguments) => tail::run(loaded, arguments).await,
            Command::Export(arguments) => export::run(loaded, arguments).await,
            Command::Unreadable(arguments) => unreadable::run(loaded, arguments).await,
            Command::Handlers(arguments) => handlers::run(loaded, arguments).await,
            Command::Spool(arguments) => spool::run(loaded, arguments).await,
            Command::Verify(arguments) => verify::run(loaded, arguments).await,
            Command::Erase(arguments) => erase::run(loaded, arguments).await,
            Command::Prune(arguments) => prune::run(loaded, arguments).await,
        }
    });
    // A disk that does not answer must not keep the process from ending.
    runtime.shutdown_background();
    done
}

/// The store of a reading command, which never makes one.
async fn existing_store(loaded: &Loaded) -> anyhow::Result<Store> {
    opened(loaded, Open::Existing).await
}

/// The store of a command that writes, which never makes one either.
async fn store_to_operate(loaded: &Loaded) -> anyhow::Result<Store> {
    opened(loaded, Open::Operate).await
}

async fn opened(loaded: &Loaded, open: Open) -> anyhow::Result<Store> {
    let url = loaded.config.store.url.expose_secret();
    Store::open(url, open)
        .await
        .map_err(|error| anyhow::Error::new(error).context(format!("cannot open {}", crate::config::redact_url(url))))
}
