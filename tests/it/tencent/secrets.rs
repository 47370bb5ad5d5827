//! The secret key and what is made with it are in no error, no Debug and no log, however much is logged.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use super::{Backend, Manner, SECRET_KEY, answers, builder, item, refuses, says};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Written {
    type Writer = Written;

    fn make_writer(&'w self) -> Written {
        self.clone()
    }
}

#[tokio::test]
async fn neither_the_key_nor_a_usersig_shows_anywhere() {
    let written = Written::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(written.clone());
    let _logging = tracing::subscriber::set_default(subscriber.finish());

    let mut said = String::new();
    let mut usersigs = Vec::new();
    for manner in [
        says("500 Internal Server Error", ""),
        says("302 Found", "Location: /\r\n"),
        Manner::Stops(String::new()),
        Manner::Breaks(String::new()),
        refuses(70001),
        refuses(70009),
        answers("<html>"),
    ] {
        let mut backend = Backend::that([manner]).await;
        let client = builder(&backend).deadline(Duration::from_millis(300)).build().expect("a client");
        let error = client.portrait_set("id", &[item("Tag_Profile_IM_Nick", "x")]).await.expect_err("it fails");
        said.push_str(&format!("{error} {error:?} {client:?}\n"));
        let line = backend.request().await.line;
        let usersig = line.split("usersig=").nth(1).and_then(|rest| rest.split('&').next()).expect("a UserSig");
        usersigs.push(usersig.to_owned());
    }
    // Nobody listens any more.
    let nowhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let backend = Backend::that([answers("")]).await;
    let client = builder(&backend).base_url(&format!("http://{nowhere}")).deadline(Duration::from_millis(300));
    let error = client.build().expect("a client").ip_list(5).await.expect_err("it fails");
    said.push_str(&format!("{error} {error:?}"));

    said.push_str(&String::from_utf8_lossy(&written.0.lock().expect("nobody panicked")));
    assert!(said.contains("again in") && said.contains("refused"), "the log is there: {said}");
    for secret in usersigs.iter().map(String::as_str).chain([SECRET_KEY, "usersig="]) {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
}
