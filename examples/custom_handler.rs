//! A service with a handler of one's own: it keeps each account's nickname in the app's own database. Copy it, with
//! `anyhow`, `portraitd`, `sqlx` and `tokio` in Cargo.toml.
//!
//!     cargo run --example custom_handler
//!
//! `PORTRAITD_SDK_APP_ID`, `DATABASE_URL` and the others work as they do for the program; `portraitd handlers` shows how far
//! it is. Nothing is lost when the process dies in the middle, or when `app.db` cannot be written to for a day.

use portraitd::{App, Context, Outcome, ProfileChange, ProfileHandler, Wants, async_trait};
use sqlx::SqlitePool;

const NICK: &str = "Tag_Profile_IM_Nick";

struct Nicknames {
    users: SqlitePool,
}

#[async_trait]
impl ProfileHandler for Nicknames {
    fn wants(&self) -> Wants {
        Wants::everything().tags([NICK])
    }

    // The same callback may come twice: writing the same nickname twice does no harm. Callbacks of one account come in order.
    async fn handle(&self, change: &ProfileChange, cx: &Context) -> Outcome {
        let Some(nick) = change.item(NICK).map(|item| item.value()) else { return Outcome::Done };
        let Some(nick) = nick.text() else { return cx.reject("the nickname is no text") };
        let upsert =
            "INSERT INTO users (account, nick) VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET nick = excluded.nick";
        match sqlx::query(upsert).bind(&change.account).bind(nick).execute(&self.users).await {
            Ok(_) => Outcome::Done,
            Err(error) => cx.retry(error),
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let users = SqlitePool::connect("sqlite://app.db?mode=rwc").await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS users (account TEXT PRIMARY KEY, nick TEXT)").execute(&users).await?;
    App::from_env()?.handler("nicknames", Nicknames { users }).run().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_nickname_is_written() {
        let users = SqlitePool::connect("sqlite::memory:").await.unwrap();
        sqlx::query("CREATE TABLE users (account TEXT PRIMARY KEY, nick TEXT)").execute(&users).await.unwrap();
        let body = r#"{"From_Account":"id1","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"Ann"}]}"#;
        let change = ProfileChange::from_body(1400000000, body).unwrap();
        let handler = Nicknames { users: users.clone() };
        assert_eq!(handler.handle(&change, &Context::detached()).await, Outcome::Done);
        let nick: String =
            sqlx::query_scalar("SELECT nick FROM users WHERE account = 'id1'").fetch_one(&users).await.unwrap();
        assert_eq!(nick, "Ann");
    }
}
