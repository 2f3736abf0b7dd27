//! The page's own files, which are a part of the program.

use std::io::Write;
use std::sync::OnceLock;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// All files. The first is the page itself.
pub(super) static ALL: [Asset; 33] = [
    Asset::new("", HTML, include_bytes!("../../web/index.html")),
    Asset::new("actions.js", JS, include_bytes!("../../web/actions.js")),
    Asset::new("api.js", JS, include_bytes!("../../web/api.js")),
    Asset::new("app.js", JS, include_bytes!("../../web/app.js")),
    Asset::new("bar.js", JS, include_bytes!("../../web/bar.js")),
    Asset::new("chart.js", JS, include_bytes!("../../web/chart.js")),
    Asset::new("check.js", JS, include_bytes!("../../web/check.js")),
    Asset::new("chosen.js", JS, include_bytes!("../../web/chosen.js")),
    Asset::new("damage.js", JS, include_bytes!("../../web/damage.js")),
    Asset::new("detail.js", JS, include_bytes!("../../web/detail.js")),
    Asset::new("dialogs.js", JS, include_bytes!("../../web/dialogs.js")),
    Asset::new("dom.js", JS, include_bytes!("../../web/dom.js")),
    Asset::new("expression.js", JS, include_bytes!("../../web/expression.js")),
    Asset::new("fields.js", JS, include_bytes!("../../web/fields.js")),
    Asset::new("grouping.js", JS, include_bytes!("../../web/grouping.js")),
    Asset::new("health.js", JS, include_bytes!("../../web/health.js")),
    Asset::new("histogram.js", JS, include_bytes!("../../web/histogram.js")),
    Asset::new("list.js", JS, include_bytes!("../../web/list.js")),
    Asset::new("marks.js", JS, include_bytes!("../../web/marks.js")),
    Asset::new("names.js", JS, include_bytes!("../../web/names.js")),
    Asset::new("noise.js", JS, include_bytes!("../../web/noise.js")),
    Asset::new("now.js", JS, include_bytes!("../../web/now.js")),
    Asset::new("overview.js", JS, include_bytes!("../../web/overview.js")),
    Asset::new("packet.js", JS, include_bytes!("../../web/packet.js")),
    Asset::new("packing.js", JS, include_bytes!("../../web/packing.js")),
    Asset::new("saved.js", JS, include_bytes!("../../web/saved.js")),
    Asset::new("state.js", JS, include_bytes!("../../web/state.js")),
    Asset::new("time_range.js", JS, include_bytes!("../../web/time_range.js")),
    Asset::new("times.js", JS, include_bytes!("../../web/times.js")),
    Asset::new("triage.js", JS, include_bytes!("../../web/triage.js")),
    Asset::new("values.js", JS, include_bytes!("../../web/values.js")),
    Asset::new("style.css", CSS, include_bytes!("../../web/style.css")),
    Asset::new("icon.svg", SVG, include_bytes!("../../web/icon.svg")),
];

/// All scripts, as the value of `Link`.
fn modules() -> String {
    let scripts = ALL.iter().filter(|asset| asset.kind == JS);
    let links = scripts.map(|asset| format!("<{}>; rel=modulepreload", asset.path));
    links.collect::<Vec<_>>().join(", ")
}

/// A file of the page.
pub(super) struct Asset {
    /// Its path, below the page's.
    pub(super) path: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
    prepared: OnceLock<Prepared>,
}

struct Prepared {
    tag: String,
    compressed: Vec<u8>,
}

impl Asset {
    const fn new(path: &'static str, kind: &'static str, bytes: &'static [u8]) -> Self {
        Self { path, kind, bytes, prepared: OnceLock::new() }
    }

    fn prepared(&self) -> &Prepared {
        self.prepared.get_or_init(|| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            // Writing to a `Vec` can't fail.
            let _ = encoder.write_all(self.bytes);
            let compressed = encoder.finish().unwrap_or_default();
            let digest: [u8; 32] = Sha256::digest(self.bytes).into();
            let tag = digest.first_chunk::<12>().map(|digest| URL_SAFE_NO_PAD.encode(digest));
            Prepared { tag: format!("\"{}\"", tag.unwrap_or_default()), compressed }
        })
    }

    /// The file, unless the client has it.
    pub(super) fn serve(&'static self, headers: &HeaderMap) -> Response {
        let Prepared { tag, compressed } = self.prepared();
        let text =
            |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_known =
            text(IF_NONE_MATCH).split(',').any(|it| it.trim().trim_start_matches("W/") == tag);
        let zips = text(ACCEPT_ENCODING)
            .split(',')
            .any(|it| it.trim() == "gzip" || it.trim().starts_with("gzip;"));
        let mut response = match (is_known, zips) {
            (true, _) => Response::new(Body::empty()),
            (false, true) => Response::new(Body::from(compressed.as_slice())),
            (false, false) => Response::new(Body::from(self.bytes)),
        };
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        if zips && !is_known {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        // What the page needs, all at once: otherwise a script is asked for once the one that imports it is there.
        if self.path.is_empty()
            && let Ok(modules) = HeaderValue::from_str(&modules())
        {
            headers.insert(LINK, modules);
        }
        // A digest in base64 is a valid header.
        if let Ok(tag) = HeaderValue::from_str(tag) {
            headers.insert(ETAG, tag);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use pigear_alert::wire::Dialect;

    #[test]
    fn the_page_says_of_each_dialect_what_it_is() {
        let values = include_str!("../../web/values.js");
        for dialect in Dialect::ALL {
            assert!(values.contains(&format!("\n  \"{dialect}\": \"")), "{dialect}");
        }
    }
}
