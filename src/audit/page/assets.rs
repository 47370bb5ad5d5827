//! What pages are dressed in: a stylesheet, a script, an icon. They are part of the program, and their names change with them.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::IntoResponse;
use axum::routing::get;

pub(super) struct Asset {
    pub path: String,
    media_type: &'static str,
    text: &'static str,
}

pub(super) static CSS: LazyLock<Asset> = LazyLock::new(|| Asset::new("css", "text/css", include_str!("app.css")));
pub(super) static JS: LazyLock<Asset> = LazyLock::new(|| Asset::new("js", "text/javascript", include_str!("app.js")));
pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("svg", "image/svg+xml", include_str!("icon.svg")));

impl Asset {
    fn new(extension: &str, media_type: &'static str, text: &'static str) -> Self {
        let hash = hex::encode(&digest::digest(&digest::SHA256, text.as_bytes()).as_ref()[..8]);
        Asset { path: format!("/assets/app-{hash}.{extension}"), media_type, text }
    }
}

/// They hold nothing of anybody, and the page that asks for a token needs them too.
pub(in crate::audit) fn routes() -> Router {
    [&*CSS, &*JS, &*ICON].into_iter().fold(Router::new(), |router, asset| {
        let headers = [
            (CONTENT_TYPE, asset.media_type),
            (CACHE_CONTROL, "public, max-age=31536000, immutable"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        router.route(&asset.path, get(move || async move { (headers, asset.text).into_response() }))
    })
}
