//! `demo`: receiver, emulator and people who change their profiles, in one process and a temporary folder. It needs nothing, and
//! leaves nothing behind.

mod folder;
mod people;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::{App, Service, stop_on_signals};
use crate::config::{self, Flags};
use crate::emulator::model::CustomField;
use crate::emulator::{Emulator, Options, SDK_APP_ID, SECRET_KEY};
use crate::stop::Stop;
use crate::telemetry;
use folder::Folder;

/// Show everything at work: a receiver, an emulator of Tencent Chat, and people who keep changing their profiles
///
/// It needs no account and no configuration, takes free ports where the usual ones are taken, and keeps everything in a
/// temporary folder. Ctrl-C ends it and leaves nothing behind.
#[derive(Args)]
pub(super) struct Arguments {}

pub(super) async fn run(_: Arguments) -> anyhow::Result<()> {
    let stop = Stop::new();
    stop_on_signals(&stop)?;
    stop_with_the_terminal(&stop)?;
    let folder = Folder::new()?;
    let service = tokio::select! {
        service = service(&folder) => service?,
        () = stop.stopping() => return Ok(()),
    };
    let emulator = emulator(&service, &folder).await?;
    eprint!("{}", welcome(&service, &emulator, &folder));
    tokio::select! {
        done = service.run(stop.clone()) => done,
        never = people::live(&emulator) => never,
    }
}

/// Somebody who closes the terminal wants nothing left behind either.
fn stop_with_the_terminal(stop: &Stop) -> std::io::Result<()> {
    let (mut hangup, stop) = (signal(SignalKind::hangup())?, stop.clone());
    tokio::spawn(async move {
        hangup.recv().await;
        stop.soft();
    });
    Ok(())
}

/// The service as `serve` runs it, on a store, a spool and ports of its own.
async fn service(folder: &Folder) -> anyhow::Result<Service> {
    let flags = Flags {
        database_url: Some(format!("sqlite://{}", folder.path().join("portraitd.db").display())),
        sdk_app_id: Some(SDK_APP_ID),
        listen: Some(usual_or_free(8080).to_string()),
        admin_listen: Some(usual_or_free(8081).to_string()),
        ..Flags::default()
    };
    let spool = folder.path().join("spool").display().to_string();
    let environment = [
        ("PORTRAITD_CALLBACK_TOKEN", folder.token()),
        ("PORTRAITD__SPOOL__DIR", spool.as_str()),
        ("PORTRAITD__LOG__FILTER", "warn"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let loaded = config::load(&flags, &HashMap::from(environment))?;
    telemetry::init(&loaded.config.log)?;
    App::loaded(loaded)?.build().await
}

async fn emulator(service: &Service, folder: &Folder) -> anyhow::Result<Emulator> {
    let options = Options {
        listen: usual_or_free(super::emulator::PORT),
        callback_url: Some(format!("http://{}/", service.public_address())),
        token: Some(folder.token().into()),
        custom_fields: people::CUSTOM_FIELDS.map(CustomField::new).into(),
        any_account: true,
        ..Options::default()
    };
    Emulator::start(options).await
}

/// The program as it was called, so that what is printed can be copied wherever it is: `target/debug/portraitd`, `portraitd`.
fn program() -> String {
    let called = std::env::args_os().next().and_then(|name| name.into_string().ok()).filter(|name| !name.is_empty());
    let called = called.unwrap_or_else(|| "portraitd".to_owned());
    let is_plain = called.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if is_plain { called } else { format!("'{}'", called.replace('\'', r"'\''")) }
}

/// The usual port where nobody else has it.
fn usual_or_free(port: u16) -> SocketAddr {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let is_free = TcpListener::bind(usual).is_ok();
    if is_free { usual } else { SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) }
}

fn welcome(service: &Service, emulator: &Emulator, folder: &Folder) -> String {
    let program = program();
    let (page, base) = (format!("http://{}/", service.private_address()), emulator.base_url());
    format!(
        "portraitd demo: a receiver, an emulator of Tencent Chat, and people who keep changing their profiles

  the page   {page}
  callbacks  http://{}/
  emulator   {base}

Open the page. In another terminal, look at the same through the API:

  curl '{page}api/v1/changes?limit=3'

and change a profile yourself:

  PORTRAITD_SDK_APP_ID={SDK_APP_ID} PORTRAITD_SECRET_KEY={SECRET_KEY} \\
  PORTRAITD__TENCENT__BASE_URL={base} \\
    {program} profile set alice nick=Alice

Everything is in {}, which Ctrl-C removes.
",
        service.public_address(),
        folder.path().display(),
    )
}
