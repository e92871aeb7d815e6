//! What the HTTP port shows.

use std::time::Duration;

use super::bundle::{Bundle, FILE_BYTES_MAX};
use crate::{
    cli::http_get::{self, Page},
    debug::ENDPOINTS,
};

/// The only debug page with configuration itself.
const CONFIGURATION: &str = "/debug/configz";

/// Pages that are no debug pages, and their files.
const PAGES: [(&str, &str); 3] = [
    ("/healthz/live", "healthz/live.txt"),
    ("/healthz/ready", "healthz/ready.txt"),
    ("/metrics", "metrics.txt"),
];

/// Adds every page. Once one is not answered in time, or at all, no other is asked for.
pub(super) async fn collect(url: &str, with_configuration: bool, timeout: Duration, bundle: &mut Bundle) {
    let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let mut silence: Option<String> = None;
    for (path, file) in pages(with_configuration) {
        if let Some(reason) = &silence {
            bundle.miss(&file, reason);
            continue;
        }
        let page = format!("{}{path}", url.trim_end_matches('/'));
        match tokio::time::timeout(timeout, http_get::get(&page, path, FILE_BYTES_MAX)).await {
            Ok(Ok(page)) => take(&file, &page, bundle),
            Ok(Err(error)) => silence = Some(format!("no answer from `{url}`: {error:#}")),
            Err(_) => {
                let waited = humantime::format_duration(timeout);
                silence = Some(format!("no answer from `{url}` within {waited}"));
            }
        }
        if let Some(reason) = &silence {
            bundle.miss(&file, reason);
        }
    }
}

fn pages(with_configuration: bool) -> impl Iterator<Item = (&'static str, String)> {
    let is_wanted = move |path: &&str| with_configuration || *path != CONFIGURATION;
    let debug = ENDPOINTS.iter().map(|endpoint| endpoint.path).filter(is_wanted);
    let debug = debug.map(|path| (path, format!("{}.json", path.trim_start_matches('/'))));
    PAGES.into_iter().map(|(path, file)| (path, file.to_owned())).chain(debug)
}

/// A page that says that all is not well is worth as much as another.
fn take(file: &str, page: &Page, bundle: &mut Bundle) {
    let text = String::from_utf8_lossy(&page.body);
    if page.status.is_success() {
        bundle.add(file, &text);
    } else if file.starts_with("healthz/") {
        bundle.add(file, &format!("{}\n{text}", page.status));
    } else {
        return bundle.miss(file, &format!("the server answered {}: {text}", page.status));
    }
    if page.is_cut {
        bundle.miss(file, &format!("all but the first {FILE_BYTES_MAX} bytes"));
    }
}
