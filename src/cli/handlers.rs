//! `handlers`: where each handler is in the log, what failed, and steering them.

use anyhow::bail;
use clap::{Args, Subcommand};

use super::output::{lines, print, shortened, table, visible};
use super::reader::{record_read, whoami};
use super::time::time;
use super::{existing_store, store_to_operate};
use crate::config::Loaded;
use crate::protocol::time::rfc3339;
use crate::store::subscription::{DeadLetter, HandlerRow, Operator, Order, Ordered, Start};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Show what a handler could not handle
    DeadLetters {
        /// The handler
        name: String,
        /// At most so many, oldest first, 1 to 1000
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Try dead letters again: out of the log's order, each from its first attempt on
    Retry {
        /// The handler
        name: String,
        /// Which entries of the log
        #[arg(required_unless_present = "all")]
        seq: Vec<i64>,
        /// All of its dead letters
        #[arg(long, conflicts_with = "seq")]
        all: bool,
    },
    /// Handle the log again from an earlier place on
    ///
    /// Everything from there on is delivered once more. What failed and waits is forgotten where it lies after that place, as
    /// it will come again; dead letters stay.
    Rewind {
        /// The handler
        name: String,
        /// "beginning", an entry of the log such as 1234, or a time: RFC 3339, or a date (UTC)
        #[arg(long, value_parser = place)]
        to: Start,
    },
    /// Hold a handler: nothing new is tried
    Pause {
        /// The handler
        name: String,
    },
    /// Let a paused handler go on
    Resume {
        /// The handler
        name: String,
    },
}

fn place(text: &str) -> Result<Start, String> {
    if text == "beginning" {
        return Ok(Start::Beginning);
    }
    if let Ok(seq) = text.parse::<i64>() {
        return if seq > 0 { Ok(Start::Entry(seq)) } else { Err("entries are numbered from 1".to_owned()) };
    }
    time(text).map(Start::Time).map_err(|why| format!("neither \"beginning\" nor an entry, and {why}"))
}

pub(super) async fn run(loaded: Loaded, arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        None => list(&loaded, arguments.json).await,
        Some(Command::DeadLetters { name, limit, json }) => {
            dead_letters(&loaded, &name, limit, json || arguments.json).await
        }
        Some(Command::Retry { name, seq, .. }) => order(&loaded, &name, Order::Retry(seq)).await,
        Some(Command::Rewind { name, to }) => order(&loaded, &name, Order::Rewind(to)).await,
        Some(Command::Pause { name }) => order(&loaded, &name, Order::Pause).await,
        Some(Command::Resume { name }) => order(&loaded, &name, Order::Resume).await,
    }
}

async fn list(loaded: &Loaded, json: bool) -> anyhow::Result<()> {
    let handlers = existing_store(loaded).await?.handlers().await?;
    if json {
        return print(&lines(&handlers)?);
    }
    if handlers.is_empty() {
        eprintln!("no handler has begun yet");
        return Ok(());
    }
    let mut table = table(["handler", "state", "position", "behind", "for", "waiting", "of accounts", "dead", "owner"]);
    for handler in &handlers {
        let HandlerRow { position, waiting, accounts, dead, .. } = handler;
        table.add_row([
            visible(&handler.handler),
            handler.state().to_owned(),
            position.to_string(),
            handler.lag().to_string(),
            duration(handler.lag_ms),
            waiting.to_string(),
            accounts.to_string(),
            dead.to_string(),
            handler.owner.as_deref().map(visible).unwrap_or_default(),
        ]);
    }
    print(&format!("{table}\n"))
}

async fn dead_letters(loaded: &Loaded, name: &str, limit: u32, json: bool) -> anyhow::Result<()> {
    let store = store_to_operate(loaded).await?;
    if !store.handlers().await?.iter().any(|handler| handler.handler == name) {
        bail!("there is no handler {name:?}; `portraitd handlers` names those there are");
    }
    record_read(&store, "handlers.read", Some(name), &[("limit", Some(limit.to_string()))]).await?;
    let letters = store.dead_letters(name, 0, limit).await?;
    if json {
        return print(&lines(&letters)?);
    }
    if letters.is_empty() {
        eprintln!("{name} has no dead letters");
        return Ok(());
    }
    let mut table = table(["seq", "received (UTC)", "app", "account", "attempts", "since (UTC)", "why"]);
    for letter in &letters {
        let DeadLetter { seq, app, account, attempts, error, since, received_at } = letter;
        table.add_row([
            seq.to_string(),
            received_at.map(|at| rfc3339(at.0)).unwrap_or_default(),
            app.map(|app| app.to_string()).unwrap_or_default(),
            account.as_deref().map(visible).unwrap_or_default(),
            attempts.to_string(),
            rfc3339(since.0),
            error.as_deref().map(|why| shortened(why, 200)).unwrap_or_default(),
        ]);
    }
    print(&format!("{table}\n"))
}

async fn order(loaded: &Loaded, name: &str, order: Order) -> anyhow::Result<()> {
    let who = whoami();
    let done = match store_to_operate(loaded).await?.order(name, &order, Operator(&who)).await? {
        Ordered::Done(affected) => affected,
        Ordered::NoHandler => bail!("there is no handler {name:?}; `portraitd handlers` names those there are"),
        Ordered::Ahead => bail!("{name} has not been there yet: a rewind only goes back"),
    };
    match order {
        Order::Pause => eprintln!("{name} is paused within a second; `portraitd handlers resume {name}` lets it go on"),
        Order::Resume => eprintln!("{name} goes on within a second"),
        Order::Rewind(_) => eprintln!("{name} handles the log again from entry {} on", done + 1),
        Order::Retry(seqs) if done == 0 => {
            bail!("{name} has no such dead letter{}", if seqs.len() > 1 { "s" } else { "" })
        }
        Order::Retry(_) if done == 1 => {
            eprintln!("1 dead letter of {name} is tried again within a second, out of order")
        }
        Order::Retry(_) => eprintln!("{done} dead letters of {name} are tried again within a second, out of order"),
    }
    Ok(())
}

fn duration(ms: i64) -> String {
    match ms / 1000 {
        secs @ ..60 => format!("{secs} s"),
        secs @ ..3600 => format!("{} min", secs / 60),
        secs @ ..172_800 => format!("{} h", secs / 3600),
        secs => format!("{} d", secs / 86_400),
    }
}
