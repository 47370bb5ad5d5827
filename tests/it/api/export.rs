//! Exports over HTTP and on the command line: the same rows, whole or not at all.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::db::{Database, on_both_stores};
use crate::harness::service::Service;

const FORMULA: &str = "=HYPERLINK(\\\"http://evil\\\")";

async fn filled(db: &Database) -> Service {
    let service = Service::start(db).await;
    for n in 0..5 {
        let body = format!(
            r#"{{"From_Account":"-a{n}","ProfileItem":[{{"Tag":"Tag_Profile_IM_Nick","Value":"{FORMULA}"}},{{"Tag":"Tag_Profile_IM_Level","Value":-{n}}}]}}"#
        );
        service.callback().body(body).post().await.assert_ok("recorded");
    }
    service
}

/// Everything a connection says to one request that takes trailers.
async fn raw(service: &Service, path: &str) -> String {
    let address = service.private_url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let request =
        format!("GET /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("read");
    answer
}

on_both_stores! {
    async fn every_change_is_exported_oldest_first_and_a_trailer_says_that_it_is_whole(db: Database) {
        let service = filled(&db).await;
        let url = format!("{}/api/v1/changes/export", service.private_url);
        let text = service.http.get(&url).send().await.expect("an answer").text().await.expect("the whole answer");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let mut newest_first = service.changes();
        newest_first.reverse();
        assert_eq!(lines, newest_first);
        let answer = raw(&service, "changes/export?account=-a3").await;
        assert!(answer.contains("content-type: application/x-ndjson\r\n"), "{answer}");
        let (_, trailers) = answer.split_once("\r\n0\r\n").expect("the last chunk");
        assert!(trailers.contains("portraitd-export-rows: 2\r\n") && trailers.contains("portraitd-export-head: 5\r\n"), "{trailers}");
    }

    async fn csv_has_a_header_and_no_formula(db: Database) {
        let service = filled(&db).await;
        let url = format!("{}/api/v1/changes/export?format=csv&account=-a3", service.private_url);
        let text = service.http.get(&url).send().await.expect("an answer").text().await.expect("the whole answer");
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!(lines[0], "seq,ordinal,app,account,operator,tag,old,new,event_time,effective_time,received_at,platform,client_ip,auth,kind");
        assert!(lines[1].starts_with("4,0,1400000000,'-a3,,Tag_Profile_IM_Nick,,\"\"\"=HYPERLINK("), "{}", lines[1]);
        assert!(lines[2].starts_with("4,1,1400000000,'-a3,,Tag_Profile_IM_Level,,-3,"), "{}", lines[2]);
        assert_eq!(lines.len(), 3);
    }

    async fn the_command_line_exports_the_same_and_a_file_only_whole(db: Database) {
        let service = filled(&db).await;
        let url = format!("{}/api/v1/changes/export", service.private_url);
        for format in ["ndjson", "csv"] {
            let http = service.http.get(format!("{url}?format={format}")).send().await.expect("an answer").bytes().await.expect("whole");
            let said = service.cli(&["export", "--format", format]);
            assert_eq!((said.status.code(), &said.stdout), (Some(0), &http.to_vec()), "{format}");
            let file = service.path(&format!("out.{format}"));
            let said = service.cli(&["export", "--format", format, "--output", file.to_str().expect("text")]);
            assert_eq!(String::from_utf8_lossy(&said.stderr).lines().last(), Some(format!("10 changes, whole up to entry 5 in {}", file.display()).as_str()));
            assert_eq!(std::fs::read(&file).expect("it is there"), http, "{format}");
        }
        let nowhere = service.cli(&["export", "--output", "/nowhere/at/all"]);
        assert_eq!((nowhere.status.code(), nowhere.stdout.len()), (Some(1), 0));
        let one = service.cli(&["export", "--limit", "1"]);
        assert_eq!(one.stdout.iter().filter(|byte| **byte == b'\n').count(), 1);
    }
}
