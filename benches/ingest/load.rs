//! The load: connections that each send a callback, wait for the answer, and send the next. All callbacks differ.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The app all of it is for.
pub const APP: u64 = 1_400_000_000;
/// Accounts the callbacks are spread over.
pub const ACCOUNTS: u64 = 1_000_000;

const OK: &[u8] = br#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

/// Numbers the callbacks of this process, so that no two are alike.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// How to send.
#[derive(Clone, Copy)]
pub struct Load {
    pub address: SocketAddr,
    pub connections: usize,
}

/// What was measured.
#[derive(Clone, Copy)]
pub struct Outcome {
    pub per_second: f64,
    pub p50: Duration,
    pub p99: Duration,
    pub worst: Duration,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        write!(
            f,
            "{:.0} callbacks/s, p50 {:.1} ms, p99 {:.1} ms, worst {:.1} ms",
            self.per_second,
            ms(self.p50),
            ms(self.p99),
            ms(self.worst)
        )
    }
}

impl Load {
    /// Sends for `time`; fails at the first answer that is not OK/0.
    pub fn run(self, time: Duration) -> anyhow::Result<Outcome> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async move {
            let begun = Instant::now();
            let mut connections = JoinSet::new();
            for _ in 0..self.connections {
                connections.spawn(self.connection(begun + time));
            }
            let mut times = Vec::new();
            while let Some(done) = connections.join_next().await {
                times.extend(done??);
            }
            let elapsed = begun.elapsed();
            times.sort_unstable();
            let at = |share: f64| {
                times.get(((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1))).copied()
            };
            Ok(Outcome {
                per_second: times.len() as f64 / elapsed.as_secs_f64(),
                p50: at(0.5).context("nothing was answered")?,
                p99: at(0.99).context("nothing was answered")?,
                worst: at(1.0).context("nothing was answered")?,
            })
        })
    }

    async fn connection(self, until: Instant) -> anyhow::Result<Vec<Duration>> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (mut request, mut answer, mut times) = (Vec::new(), vec![0; 1024], Vec::new());
        while Instant::now() < until {
            write_request(&mut request);
            let begun = Instant::now();
            stream.write_all(&request).await?;
            let mut filled = 0;
            // The answer ends with its body, which is the same each time.
            while !answer[..filled].ends_with(OK) {
                let read = stream.read(&mut answer[filled..]).await?;
                filled += read;
                if read == 0 || filled == answer.len() || (filled > 12 && answer[9..12] != *b"200") {
                    bail!("not answered OK: {}", String::from_utf8_lossy(&answer[..filled]));
                }
            }
            times.push(begun.elapsed());
        }
        Ok(times)
    }
}

fn write_request(request: &mut Vec<u8>) {
    use std::io::Write;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    request.clear();
    // Writing to a Vec does not fail.
    let _ = write!(
        request,
        "POST /?CallbackCommand=Profile.CallbackPortraitSet&ClientIP=203.0.113.7&OptPlatform=Android&SdkAppid={APP}&contenttype=json HTTP/1.1\r\n\
         Host: callbacks.example.com\r\nContent-Type: application/json\r\nContent-Length: {:4}\r\n\r\n",
        body_len(),
    );
    let _ = write_body(request, number, now);
}

/// Scatters numbers over the accounts.
pub fn account(number: u64) -> u64 {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % ACCOUNTS
}

/// The source page's sample with an account, a time and a nickname of its own; always of the same length.
pub fn write_body(out: &mut impl std::io::Write, number: u64, event_time: u128) -> std::io::Result<()> {
    let account = account(number);
    write!(
        out,
        "{{\"CallbackCommand\":\"Profile.CallbackPortraitSet\",\"Operator_Account\":\"user{account:07}\",\"From_Account\":\"user{account:07}\",\
         \"EventTime\":{event_time:013},\"ProfileItem\":[{{\"Tag\":\"Tag_Profile_IM_Nick\",\"Value\":\"nick {number:012}\"}},\
         {{\"Tag\":\"Tag_Profile_IM_Gender\",\"Value\":\"Gender_Type_Male\"}},{{\"Tag\":\"Tag_Profile_IM_AllowType\",\
         \"Value\":\"AllowType_Type_NeedConfirm\"}},{{\"Tag\":\"Tag_Profile_Custom_Data\",\"Value\":\"your custom data\"}}]}}"
    )
}

fn body_len() -> usize {
    static LEN: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *LEN.get_or_init(|| {
        let mut body = Vec::new();
        let _ = write_body(&mut body, 0, 0);
        body.len()
    })
}
