//! A real browser, driven by WebDriver: Debian's Chromium and its driver, on loopback, with a profile of their own. Both end
//! with the test. What asks for another host than loopback meets a proxy that remembers it and answers nothing.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::db::eventually;
use crate::harness::service::program::end_with_us;

/// The key under which WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
pub const TAB: &str = "\u{e004}";
pub const ENTER: &str = "\u{e007}";
pub const SPACE: &str = " ";

pub struct Browser {
    chromium: Child,
    driver: Child,
    session: String,
    http: reqwest::Client,
    asked: Arc<Mutex<Vec<String>>>,
    _profile: TempDir,
}

impl Browser {
    /// A wide window.
    pub async fn start(http: &reqwest::Client) -> Self {
        let profile = tempfile::tempdir().expect("a temporary folder");
        let asked = Arc::default();
        let elsewhere = remember(Arc::clone(&asked));
        let mut chromium = Command::new(binary("chromium"));
        chromium
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"])
            .args(["--no-first-run", "--disable-default-apps", "--disable-sync", "--disable-extensions"])
            .args(["--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0"])
            .arg("--window-size=1600,1000")
            .arg(format!("--proxy-server=http://{elsewhere}"))
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .env("HOME", profile.path())
            .env("TZ", "Asia/Tokyo");
        let (chromium, devtools) = started(&mut chromium, "DevTools listening on ws://").expect("Chromium starts");
        let devtools = devtools.split('/').next().expect("an address").to_owned();
        let mut driver = Command::new(binary("chromedriver"));
        driver.arg("--port=0");
        // It ends where the free port it takes on IPv4 is not free on IPv6.
        let (driver, port) = std::iter::repeat_with(|| started(&mut driver, "started successfully on port "))
            .take(5)
            .flatten()
            .next()
            .expect("the driver starts");
        let base = format!("http://127.0.0.1:{}/session", port.trim_end_matches('.'));
        let options = json!({ "debuggerAddress": devtools });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let session = call(http, &base, wanted).await["sessionId"].as_str().expect("a session").to_owned();
        Browser { chromium, driver, session: format!("{base}/{session}"), http: http.clone(), asked, _profile: profile }
    }

    /// Makes the window so wide.
    pub async fn resize(&self, width: u32) {
        let metrics = json!({ "width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": false });
        let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics });
        self.send("goog/cdp/execute", command).await;
    }

    pub async fn open(&self, url: &str) {
        self.send("url", json!({ "url": url })).await;
    }

    /// What a function's body returns in the page.
    pub async fn run(&self, script: &str) -> Value {
        self.send("execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// The text of the first element that a selector finds; none where there is none.
    pub async fn text(&self, selector: &str) -> Option<String> {
        let found = self.run(&format!("return document.querySelector({selector:?})?.innerText")).await;
        found.as_str().map(str::to_owned)
    }

    /// How many elements a selector finds.
    pub async fn count(&self, selector: &str) -> u64 {
        let found = self.run(&format!("return document.querySelectorAll({selector:?}).length")).await;
        found.as_u64().expect("a number")
    }

    /// Waits until a script returns something that is true.
    pub async fn until(&self, script: &str) {
        eventually(script, async || self.run(&format!("return Boolean({script})")).await == true).await;
    }

    /// Clicks what a selector finds first, as a mouse does.
    pub async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.send(&format!("element/{element}/click"), json!({})).await;
    }

    /// Types into what a selector finds first.
    pub async fn enter(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        self.send(&format!("element/{element}/value"), json!({ "text": text })).await;
    }

    /// Types wherever the focus is.
    pub async fn keys(&self, text: &str) {
        let key = |key: char| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key }));
        let keys: Vec<Value> = text.chars().flat_map(key).collect();
        self.send("actions", json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": keys }] })).await;
    }

    /// Presses Tab until the focus is on what a selector finds, as somebody without a mouse does.
    pub async fn tab_to(&self, selector: &str) {
        for _ in 0..60 {
            self.keys(TAB).await;
            if self.run(&format!("return document.activeElement.matches({selector:?})")).await == true {
                return;
            }
        }
        panic!("Tab does not lead to {selector}");
    }

    /// Hosts that something was asked of, besides loopback.
    pub fn asked_elsewhere(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }

    async fn element(&self, selector: &str) -> String {
        let found = self.send("element", json!({ "using": "css selector", "value": selector })).await;
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("no {selector}: {found}")).to_owned()
    }

    async fn send(&self, command: &str, body: Value) -> Value {
        call(&self.http, &format!("{}/{command}", self.session), body).await
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        for child in [&mut self.driver, &mut self.chromium] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

async fn call(http: &reqwest::Client, url: &str, body: Value) -> Value {
    let sent = http.post(url).header("content-type", "application/json").body(body.to_string()).send().await;
    let text = sent.expect("the driver answers").text().await.expect("the whole answer");
    let mut answer: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{url}: {e}: {text}"));
    let value = answer["value"].take();
    assert!(value.get("error").is_none(), "{url} with {body}: {value}");
    value
}

/// Starts a program; what stands behind `text` on the line where it says that. None when it ends without.
fn started(command: &mut Command, text: &str) -> Option<(Child, String)> {
    end_with_us(command);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    command.stdin(Stdio::null()).stdout(writer.try_clone().expect("a pipe")).stderr(writer);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // Its own ends of the pipe go with it.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
    let found = lines.find_map(|line| line.split_once(text).map(|(_, found)| found.to_owned()));
    let Some(found) = found else {
        let _ = child.wait();
        return None;
    };
    std::thread::spawn(move || lines.for_each(drop));
    Some((child, found))
}

fn binary(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("the page's tests need {name}: install Debian's chromium and chromium-driver"))
}

/// A proxy that writes down what it is asked for.
fn remember(asked: Arc<Mutex<Vec<String>>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut line = String::new();
            let _ = BufReader::new(stream).read_line(&mut line);
            asked.lock().expect("no panic").push(line.trim().to_owned());
        }
    });
    address
}
