//! `config`: what is in force, from where, without secrets.

use clap::Args;

use super::output::print;
use crate::config::{Loaded, show};

#[derive(Args)]
pub(super) struct Arguments {
    /// Print the commented defaults instead, as a file to start from
    #[arg(long)]
    pub defaults: bool,
}

pub(super) fn run(loaded: &Loaded) -> anyhow::Result<()> {
    for warning in loaded.warnings.iter().chain(&loaded.unfit_to_serve) {
        eprintln!("warning: {warning}");
    }
    print(&show(loaded))
}
