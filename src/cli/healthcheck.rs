//! `healthcheck`: for container engines; asks the private listener of the same configuration.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use crate::config::{Config, Loaded};

#[derive(Args)]
pub(super) struct Arguments {
    /// Ask whether callbacks can be made durable (/readyz) instead of whether the process answers (/healthz)
    #[arg(long)]
    ready: bool,
    /// Ask this private listener instead of the configured one, such as http://127.0.0.1:8081
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

pub(super) async fn run(loaded: Loaded, arguments: Arguments) -> anyhow::Result<()> {
    let base = arguments.url.unwrap_or_else(|| own_listener(&loaded.config));
    let path = if arguments.ready { "readyz" } else { "healthz" };
    let url = format!("{}/{path}", base.trim_end_matches('/'));
    // Our own listener on this machine: its certificate is made for another name.
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(3))
        .tls_danger_accept_invalid_certs(true)
        .no_proxy()
        .build()?;
    let response = client.get(&url).send().await.with_context(|| format!("{url} does not answer"))?;
    let status = response.status();
    let said = response.text().await.unwrap_or_default();
    eprintln!("{}", super::output::shortened(said.trim(), 200));
    if !status.is_success() {
        bail!("{url} answered {status}");
    }
    Ok(())
}

fn own_listener(config: &Config) -> String {
    let listen = config.admin.listen;
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let scheme = if config.admin.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{}", SocketAddr::new(ip, listen.port()))
}
