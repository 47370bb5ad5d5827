//! What a program says on stderr: kept whole, and waited for.

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::time::Duration;

use tokio::sync::watch;

/// Nothing a test waits for takes longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The lines so far.
#[derive(Debug, Clone, Default)]
pub struct Said {
    lines: Vec<String>,
    /// The program has closed its stderr: it has ended.
    pub ended: bool,
}

impl Said {
    /// How many lines have `text` in them.
    pub fn times(&self, text: &str) -> usize {
        self.lines.iter().filter(|line| line.contains(text)).count()
    }

    /// The first line that begins so.
    pub fn begins(&self, text: &str) -> Option<&str> {
        self.lines.iter().map(String::as_str).find(|line| line.starts_with(text))
    }

    /// The first line that has `text` in it.
    pub fn line(&self, text: &str) -> String {
        self.lines
            .iter()
            .find(|line| line.contains(text))
            .unwrap_or_else(|| panic!("no {text:?} in:\n{}", self.text()))
            .clone()
    }

    /// Everything.
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }
}

/// A program's stderr.
pub struct Stderr(watch::Receiver<Said>);

impl Stderr {
    /// Reads it from now on.
    pub fn of(child: &mut Child) -> Self {
        let (said, receiver) = watch::channel(Said::default());
        let mut pipe = BufReader::new(child.stderr.take().expect("a pipe"));
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
                said.send_modify(|said| said.lines.push(text));
                line.clear();
            }
            said.send_modify(|said| said.ended = true);
        });
        Stderr(receiver)
    }

    /// As it is.
    pub fn now(&self) -> Said {
        self.0.borrow().clone()
    }

    /// Waits for a condition.
    pub async fn wait_until(&self, condition: impl Fn(&Said) -> bool) -> Said {
        let mut receiver = self.0.clone();
        let waited = tokio::time::timeout(PATIENCE, receiver.wait_for(|said| condition(said))).await;
        match waited {
            Ok(said) => said.expect("the reader ends last").clone(),
            Err(_) => panic!("not within {} s; it said:\n{}", PATIENCE.as_secs(), self.now().text()),
        }
    }
}
