//! What is to go wrong with callbacks.

use clap::Args;

use crate::emulator::Faults;

#[derive(Args)]
#[group(skip)]
#[command(next_help_heading = "Faults (rates from 0 to 1)")]
pub(super) struct Arguments {
    /// Callbacks that are never sent
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = rate)]
    drop: f64,
    /// Callbacks that are sent twice
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = rate)]
    duplicate: f64,
    /// Callbacks that are sent after up to 16 later ones of their connection
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = rate)]
    reorder: f64,
    /// Callbacks that are sent --delay-ms late
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = rate)]
    delay: f64,
    /// How late
    #[arg(long, value_name = "MS", default_value_t = 500)]
    delay_ms: u64,
    /// Callbacks with a Sign made of another token
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = rate)]
    wrong_sign: f64,
    /// Callbacks with another SdkAppid
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = rate)]
    wrong_app: f64,
    /// Callbacks with half of their body
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = rate)]
    junk_body: f64,
    /// Callbacks whose body takes --slow-ms to arrive
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = rate)]
    slow: f64,
    /// How long; the vendor gives up after 2000
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    slow_ms: u64,
    /// How far RequestTime is from the time, either way
    #[arg(long, value_name = "SECONDS", default_value_t = 0, allow_negative_numbers = true)]
    skew_secs: i64,
    /// The same seed and the same changes give the same faults
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.0..=1.0).contains(rate));
    rate.ok_or_else(|| "must be a number from 0 to 1, such as 0.02".to_owned())
}

impl Arguments {
    pub fn faults(&self) -> Faults {
        Faults {
            drop: self.drop,
            duplicate: self.duplicate,
            reorder: self.reorder,
            delay: self.delay,
            delay_ms: self.delay_ms,
            wrong_sign: self.wrong_sign,
            wrong_app: self.wrong_app,
            junk_body: self.junk_body,
            slow: self.slow,
            slow_ms: self.slow_ms,
            skew_secs: self.skew_secs,
        }
    }
}
