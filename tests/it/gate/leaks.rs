//! Tokens and Signs are in no log, no answer, no metric, however much is logged and whatever is wrong with a request.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::through;
use crate::harness::db::{Database, on_both_stores};
use crate::harness::service::callback::OK;
use crate::harness::service::{APP, Callback, Launch, Service, sign_now};

const TOKENS: [&str; 4] = ["t0ken-of-the-app", "t0ken-of-another", "t0ken-that-is-wrong", "t0ken-of-the-admin"];

/// A backend that answers OK to whatever comes.
async fn backend() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = vec![0; 65_536];
                let _ = stream.read(&mut request).await;
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
                let answer = format!("{head}Content-Length: {}\r\n\r\n{OK}", OK.len());
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    format!("http://{address}/callbacks")
}

/// Requests of all kinds, and the Signs in them.
fn requests(service: &Service) -> (Vec<Callback<'_>>, Vec<String>) {
    let [app, another, wrong, _] = TOKENS;
    let mut signs = Vec::new();
    let mut signed = |token: &str, offset: i64| {
        let time = crate::harness::service::callback::seconds(offset);
        let sign = portraitd::protocol::sign::sign(token, &time);
        signs.push(sign.clone());
        service.callback().with("Sign", sign).with("RequestTime", time)
    };
    let (sign, time) = sign_now(app);
    let upper = sign.to_uppercase();
    let other = |command: &str| service.callback().signed(app).with("CallbackCommand", command).body("{\"x\":1}");
    let requests = vec![
        signed(app, 0),
        signed(app, 0).body("not JSON"),
        signed(app, 0).body(vec![b' '; 2000]),
        signed(app, 0).body(""),
        signed(app, 0).without("CallbackCommand"),
        signed(app, 0).at("/elsewhere"),
        signed(app, 0).at("/healthz"),
        signed(app, 0).and("Sign", "x"),
        signed(app, 0).with("RequestTime", "now"),
        signed(app, 0).without("RequestTime"),
        signed(app, 0).with("SdkAppid", 7),
        signed(app, 0).without("SdkAppid"),
        signed(app, -1000),
        signed(another, 0),
        signed(wrong, 0),
        signed(wrong, -1000),
        service.callback().with("Sign", &upper).with("RequestTime", &time),
        service.callback().with("Sign", format!("{sign}%zz\n")).with("RequestTime", &time),
        service.callback().with("Sign", app).with("RequestTime", &time),
        service.callback().body(format!(r#"{{"Sign":"{sign}","RequestTime":{time}}}"#)),
        other("State.StateChange").with("Sign", &sign).with("RequestTime", &time),
        other("C2C.CallbackBeforeSendMsg").with("Sign", &sign).with("RequestTime", &time),
    ];
    signs.extend([sign, upper]);
    (requests, signs)
}

on_both_stores! {
    async fn no_token_and_no_sign_is_said_anywhere(db: Database) {
        let receiver = format!(
            "[receiver]\nmax_body_bytes = 1000\ntrusted_proxies = \"127.0.0.1\"\nauth_failures_per_minute = 3\nother_commands = {:?}\n",
            backend().await
        );
        let launch = Launch::on(&db).app(APP, &[TOKENS[0]]).app(2, &[TOKENS[1]]).toml(&format!("{receiver}[log]\nfilter = \"trace\""));
        let mut service = launch.env("PORTRAITD_ADMIN_TOKEN", TOKENS[3]).start().await;

        let (requests, mut secrets) = requests(&service);
        secrets.extend(TOKENS.map(str::to_owned));
        let mut said = String::new();
        for callback in requests {
            // Through a proxy too, so that the limit is reached.
            said.push_str(&through("198.51.100.7", &service, callback).await.text);
        }
        assert!(said.contains("too many failed authentications"), "{said}");
        let mut wire = service.connect().await;
        wire.send(format!("POST /?Sign={} HTTP/1.1\r\nbroken\r\n\r\n", secrets[0])).await;
        wire.answer().await;
        let mut wire = service.connect().await;
        wire.send(format!("POST /?Sign={}&{} HTTP/1.1\r\n\r\n", secrets[0], "x".repeat(70_000))).await;
        wire.answer().await;
        for token in [TOKENS[3], TOKENS[2]] {
            let metrics = service.http.get(format!("{}/metrics", service.private_url)).bearer_auth(token);
            let basic = service.http.get(format!("{}/metrics", service.private_url)).basic_auth("x", Some(token));
            for request in [metrics, basic] {
                said.push_str(&request.send().await.expect("an answer").text().await.expect("text"));
            }
        }
        assert!(said.contains("outcome=\"limited\""), "{said}");

        service.terminate();
        service.ended().await;
        let logged = service.stderr();
        assert!(logged.contains("TRACE") || logged.contains("DEBUG"), "everything is logged: {logged}");
        for (place, text) in [("answers and metrics", said), ("the log", logged)] {
            let text = text.to_lowercase();
            for secret in &secrets {
                let line = text.lines().find(|line| line.contains(&secret.to_lowercase()));
                assert!(line.is_none(), "{secret} in {place}: {line:?}");
            }
        }
    }
}
