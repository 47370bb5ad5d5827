//! `emulator`: the vendor on this machine, until Ctrl-C; or a load on a receiver, which ends by itself.

mod faults;
mod load;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use crate::app::stop_on_signals;
use crate::config::{ConfigError, Log, LogFormat};
use crate::emulator::model::CustomField;
use crate::emulator::{Emulator, Options, SDK_APP_ID, SECRET_KEY};
use crate::stop::Stop;
use crate::telemetry;

/// Where it listens, and where the receiver does, unless told otherwise.
pub(super) const PORT: u16 = 8090;
const CALLBACK_URL: &str = "http://127.0.0.1:8080/";

/// Play Tencent Chat on this machine: its REST API, and the callbacks it would send
///
/// The whole loop, without an account. In one terminal:
///
///   portraitd emulator --token let-me-in --any-account
///
/// in another:
///
///   PORTRAITD_SDK_APP_ID=1400000000 PORTRAITD_CALLBACK_TOKEN=let-me-in portraitd serve
///
/// and then somebody changes a nickname on a phone:
///
///   curl http://127.0.0.1:8090/emulator/accounts/alice/profile -H 'content-type: application/json' \
///     -d '{"platform":"iOS","items":[{"Tag":"Tag_Profile_IM_Nick","Value":"Alice"}]}'
///
///   portraitd changes
///
/// It takes flags only, no configuration file and no environment. docs/emulator.md has every
/// route of its control API, /emulator, and says what it does where the vendor's pages are silent.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// Where the REST API and the control API are
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)))]
    listen: SocketAddr,
    /// The app
    #[arg(long, value_name = "SDKAPPID", default_value_t = SDK_APP_ID)]
    sdk_app_id: u64,
    /// UserSigs are checked with it; everybody knows the default
    #[arg(long, value_name = "KEY", default_value = SECRET_KEY)]
    secret_key: SecretString,
    /// An app admin; repeat for several
    #[arg(long, value_name = "IDENTIFIER", default_value = "administrator")]
    admin: Vec<String>,
    /// Where callbacks go
    #[arg(long, value_name = "URL", default_value = CALLBACK_URL)]
    callback_url: String,
    /// Sign callbacks with this token, as the console's authentication does
    #[arg(long, value_name = "TOKEN")]
    token: Option<SecretString>,
    /// Keep accounts, profiles and attributes in this file (JSON), read at the start and replaced after every change
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Declare Tag_Profile_Custom_<KEYWORD>; repeat for several, at most 20
    #[arg(long, value_name = "KEYWORD")]
    custom_field: Vec<String>,
    /// Make an account when its profile is first set, instead of answering 40003
    #[arg(long)]
    any_account: bool,
    /// How many bytes Tag_Profile_IM_Location holds: 16 on the international pages, 500 on the Chinese one
    #[arg(long, value_name = "BYTES", default_value_t = 500)]
    location_limit: usize,
    /// Do not answer 60007 above the documented rates, 200 or 100 calls a second
    #[arg(long)]
    no_rates: bool,
    /// Further attempts after a time-out, as with the console's retry switch
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    retries: u32,
    /// Connections callbacks go over; those of one account go over one
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: u16,
    /// Listen on, and fire at, addresses that are not this machine's. Fire at receivers of your own only
    #[arg(long)]
    allow_remote: bool,
    /// Send the console's check once at the start, and say what came back
    #[arg(long)]
    console_check: bool,
    #[command(flatten)]
    faults: faults::Arguments,
    #[command(flatten)]
    load: load::Arguments,
}

impl Arguments {
    fn options(&self) -> Options {
        Options {
            listen: self.listen,
            sdk_app_id: self.sdk_app_id,
            secret_key: self.secret_key.clone(),
            admins: self.admin.clone(),
            callback_url: Some(self.callback_url.clone()),
            token: self.token.clone(),
            file: self.file.clone(),
            custom_fields: self.custom_field.iter().map(|keyword| CustomField::new(keyword)).collect(),
            any_account: self.any_account,
            location_limit: self.location_limit,
            rates: !self.no_rates,
            faults: self.faults.faults(),
            seed: self.faults.seed,
            retries: self.retries,
            connections: self.connections.into(),
            allow_remote: self.allow_remote,
            ..Options::default()
        }
    }

    fn banner(&self, base: &str) -> String {
        let key = if self.secret_key.expose_secret() == SECRET_KEY { SECRET_KEY } else { "as given" };
        let signed = if self.token.is_some() { "signed" } else { "unsigned: there is no --token" };
        format!(
            "portraitd emulator is ready\n  REST API    {base}/v4/ (set tencent.base_url to {base})\n  control     {base}/emulator\n  \
             app         {}, admin {}\n  secret key  {key}\n  callbacks   {}, {signed}\n",
            self.sdk_app_id,
            self.admin.join(", "),
            self.callback_url,
        )
    }
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    telemetry::init(&Log { filter: "info".to_owned(), format: LogFormat::Text })?;
    let options = arguments.options();
    options.check().map_err(|error| ConfigError(error.to_string()))?;
    if arguments.load.is_asked_for() {
        return arguments.load.run(&options).await;
    }
    let stop = Stop::new();
    stop_on_signals(&stop)?;
    let mut emulator = Emulator::start(options).await?;
    eprint!("{}", arguments.banner(&emulator.base_url()));
    if arguments.console_check {
        let answer = emulator.console_check(false).await?;
        eprintln!("  check       {:?}: {}", answer.verdict, super::output::shortened(&answer.text, 200));
    }
    tokio::select! {
        () = emulator.served() => anyhow::bail!("the emulator's listener died"),
        () = stop.stopping() => Ok(()),
    }
}
