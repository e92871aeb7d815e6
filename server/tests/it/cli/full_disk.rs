//! The real program where its files may not grow, which is to it what a full disk is: it serves on, says what is wrong in
//! every place where somebody looks, and goes on by itself.

use std::time::Duration;

use tempfile::TempDir;

use super::rig::{Ended, Served, Started, folder, route, run, write};

const PATIENCE: Duration = Duration::from_secs(60);

const ADVICE: &str = "`data/mainsheet.redb`; raise the limit of file sizes (`ulimit -f`, LimitFSIZE=)";

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("{what}: not in time"));
}

/// A server that is looked at from outside.
struct Site {
    folder: TempDir,
    served: Served,
}

impl Site {
    fn ask(&self, command: &[&str]) -> Ended {
        run(&self.folder, &[command, &["--server", &self.served.grpc]].concat())
    }

    fn apply(&self) -> Ended {
        self.ask(&["apply", "-f", "ratings.yaml"])
    }

    fn leads_to(&self, host: &str) -> bool {
        self.ask(&["get", "vs", "reviews", "-n", "shop", "-o", "yaml"])
            .out
            .contains(&format!("{host}.example"))
    }

    async fn metric(&self, name: &str) -> String {
        let text = self.page("/metrics").await;
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no {name}")).to_owned()
    }

    async fn page(&self, path: &str) -> String {
        let address = self.served.http().strip_prefix("http://").unwrap().parse().unwrap();
        crate::http::get(address, path).await.1
    }
}

#[tokio::test]
async fn server_whose_disk_is_full_says_so_serves_on_and_recovers_by_itself() {
    let files = [
        ("mesh/reviews.yaml", route("shop", "reviews", "one")),
        ("ratings.yaml", route("shop", "ratings", "one")),
    ];
    let folder = folder(&files.each_ref().map(|(path, text)| (*path, text.as_str())));
    let served = Served::start(&folder, &["--data-dir", "data", "--log-format", "json"]);
    let site = Site { folder, served };
    site.served.process.limit_file_size(Some(0));

    // One that was on its way to the disk, and then others, of which nothing is asked.
    let first = site.apply();
    assert_eq!((first.code, first.out.as_str()), (1, ""), "{}", first.err);
    assert!(first.err.contains(ADVICE), "{}", first.err);
    let refused = site.apply();
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("nothing was written"), "{}", refused.err);
    assert!(refused.err.contains("tried again by itself"), "{}", refused.err);
    assert!(refused.err.contains(ADVICE), "{}", refused.err);
    write(&site.folder, "mesh/reviews.yaml", &route("shop", "reviews", "two"));

    let status = site.ask(&["status"]);
    assert_eq!(status.code, 0, "it serves: {}", status.err);
    let problem = "problem: the store can't be written since ";
    assert!(status.out.contains(problem) && status.out.contains(ADVICE), "{}", status.out);
    let health = site.page("/healthz/ready").await;
    assert!(health.starts_with(r#"{"ready":true,"#) && health.contains("File too large"), "{health}");
    assert_eq!(site.metric("mainsheet_store_failing").await, "1");
    let (_, logged) = site.served.process.logged_after(|text| text.starts_with("the store can't be written"));
    assert!(logged["error"].as_str().unwrap().contains(ADVICE), "{logged}");
    // The file's change is told to the store again and again.
    until("attempts", async || {
        site.metric("mainsheet_store_failures_total").await.parse::<u32>().unwrap() > 2
    })
    .await;
    assert!(site.leads_to("one"), "what is served stays");

    site.served.process.limit_file_size(None);
    until("the file's change to be served", async || site.leads_to("two")).await;
    until("the server to be well", async || site.metric("mainsheet_store_failing").await == "0").await;
    site.served.process.logged("the store can be written again");
    assert!(!site.ask(&["status"]).out.contains("problem"));
    assert_eq!(site.page("/healthz/ready").await, r#"{"ready":true,"awaiting":[]}"#);
    let applied = site.apply();
    assert_eq!(applied.code, 0, "{}", applied.err);
    let Site { folder, served } = site;
    let (code, _) = served.process.end("-TERM");
    assert_eq!(code, 0);

    let again = Served::start(&folder, &["--data-dir", "data"]);
    let site = Site { folder, served: again };
    assert!(site.leads_to("two"));
    assert_eq!(site.ask(&["get", "vs", "ratings", "-n", "shop", "-o", "name"]).code, 0);
}

#[tokio::test]
async fn server_that_only_its_own_attempts_tell_of_a_disk_that_works_again_notices() {
    let folder = folder(&[
        ("mesh/reviews.yaml", &route("shop", "reviews", "one")),
        ("ratings.yaml", &route("shop", "ratings", "one")),
    ]);
    let served = Served::start(&folder, &["--data-dir", "data"]);
    let site = Site { folder, served };
    site.served.process.limit_file_size(Some(0));
    assert_eq!(site.apply().code, 1);
    site.served.process.limit_file_size(None);
    until("the server to be well", async || site.metric("mainsheet_store_failing").await == "0").await;
    assert_eq!(site.apply().code, 0);
}

#[tokio::test]
async fn start_that_can_not_write_its_store_names_the_file_and_what_to_do() {
    let folder = folder(&[("mesh/reviews.yaml", &route("shop", "reviews", "one"))]);
    let args =
        ["serve", "mesh", "--data-dir", "data", "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"];
    let full = Started::limited(&folder, "-f 0", &args);
    let told = [full.error(), full.error(), full.error()];
    let advice = format!("  caused by: {ADVICE}");
    assert_eq!(told, ["error: open store", &advice, "  caused by: File too large (os error 27)"]);
    assert_eq!(full.wait(), 1);
    // What was begun is in nobody's way.
    let served = Served::start(&folder, &["--data-dir", "data"]);
    assert_eq!(served.process.end("-TERM").0, 0);
}

#[tokio::test]
async fn store_of_another_program_and_one_that_is_damaged_are_named_with_what_to_do() {
    let folder = folder(&[
        ("mesh/reviews.yaml", &route("shop", "reviews", "one")),
        ("data/mainsheet.redb", "SQLite format 3\0 and so on"),
    ]);
    let args =
        ["serve", "mesh", "--data-dir", "data", "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"];
    let refused = run(&folder, &args);
    assert_eq!(refused.code, 1);
    let told = "open store `data/mainsheet.redb`: the file is damaged; move it away and start again: sources fill a new one, \
                history is lost";
    assert!(refused.err.contains(told), "{}", refused.err);
    assert_eq!(
        std::fs::read(folder.path().join("data/mainsheet.redb")).unwrap(),
        b"SQLite format 3\0 and so on"
    );
}
