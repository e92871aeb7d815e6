//! The commands that write and look back, on a real server.

use std::time::Duration;

use mainsheet_api::{kind::Kind, xds::client::Wanted};
use mainsheet_sink::{Client, Rejection, hook};
use tempfile::TempDir;

use super::rig::{Ended, Served, Started, folder, normalized, route, run_with, write};

const REVIEWS: &str = "virtualservice.networking.istio.io/reviews";
const RATINGS: &str = "virtualservice.networking.istio.io/ratings";

/// A server whose folder has `shop/reviews`, and the files that are applied beside it.
struct Shop {
    folder: TempDir,
    served: Served,
}

impl Shop {
    fn open() -> Self {
        let folder = folder(&[
            ("mesh/reviews.yaml", &route("shop", "reviews", "v1")),
            ("reviews.yaml", &route("shop", "reviews", "v2")),
            ("ratings.yaml", &route("shop", "ratings", "v1")),
        ]);
        let served = Served::start(&folder, &[]);
        Self { folder, served }
    }

    fn run(&self, args: &[&str]) -> Ended {
        self.run_with(args, "")
    }

    fn run_with(&self, args: &[&str], input: &str) -> Ended {
        run_with(&self.folder, args, &[("MAINSHEET_SERVER", &self.served.grpc), ("USER", "ana")], input)
    }

    /// What a command prints that is to succeed.
    fn out(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, 0, "{args:?}: {ended:?}");
        ended.out
    }

    fn put(&self, path: &str, text: &str) {
        write(&self.folder, path, text);
    }

    /// What is served of a VirtualService: where it leads.
    fn host(&self, name: &str) -> String {
        let yaml = self.out(&["get", "vs", name, "-n", "shop", "-o", "yaml"]);
        let host = yaml.lines().find_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("host: "));
        host.expect("a host").to_owned()
    }
}

#[test]
fn resources_are_created_configured_and_left_alone() {
    let shop = Shop::open();
    let created = shop.run(&["apply", "-f", "reviews.yaml", "-f", "ratings.yaml"]);
    let out = format!("{REVIEWS} created\n{RATINGS} created\n");
    let err = format!("note: {REVIEWS} hides that of files:mesh\n");
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!((created.code, sorted(&created.out), created.err), (0, sorted(&out), err));
    assert_eq!(shop.host("reviews"), "v2.example");
    assert_eq!(shop.out(&["apply", "-f", "ratings.yaml"]), format!("{RATINGS} unchanged\n"));
    shop.put("ratings.yaml", &route("shop", "ratings", "v3"));
    let dry = shop.out(&["apply", "-f", "ratings.yaml", "--dry-run"]);
    assert_eq!(dry, format!("{RATINGS} configured (server dry run)\n"));
    assert_eq!(shop.host("ratings"), "v1.example", "nothing was done");
    assert_eq!(shop.out(&["apply", "-f", "ratings.yaml"]), format!("{RATINGS} configured\n"));
    assert_eq!(shop.host("ratings"), "v3.example");
}

#[test]
fn what_an_apply_makes_different_is_shown_first() {
    let shop = Shop::open();
    let shown = shop.out(&["apply", "-f", "reviews.yaml", "--server-diff", "--dry-run=server"]);
    assert_eq!(
        shown,
        format!(
            "changed VirtualService shop/reviews (files:mesh -> api over files:mesh)\n  \
             ~ spec.http[0].route[0].destination.host: \"v1.example\" -> \"v2.example\"\n\
             {REVIEWS} created (server dry run)\n"
        )
    );
}

#[test]
fn one_that_is_rejected_keeps_all_out_and_is_shown_with_its_line() {
    let shop = Shop::open();
    let misspelt = route("shop", "ratings", "v1").replace("  http:", "  htpp:");
    shop.put("all.yaml", &format!("{}---\n{misspelt}", route("shop", "reviews", "v2")));
    let refused = shop.run(&["apply", "-f", "all.yaml"]);
    assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{}", refused.err);
    assert!(
        refused.err.contains(
            " --> all.yaml:22:3\n   |\n22 |   htpp:\n   |   ^^^^ spec.htpp of VirtualService shop/ratings"
        ),
        "{}",
        refused.err
    );
    assert!(
        refused.err.ends_with("error: nothing was applied: of 2 resources 1 rejected\n"),
        "{}",
        refused.err
    );
    assert_eq!(shop.host("reviews"), "v1.example");
    let partly = shop.run(&["apply", "-f", "all.yaml", "--best-effort"]);
    assert_eq!((partly.code, partly.out), (1, format!("{REVIEWS} created\n")), "{}", partly.err);
    assert_eq!(shop.host("reviews"), "v2.example");
}

#[test]
fn what_of_a_set_is_in_no_file_is_pruned() {
    let shop = Shop::open();
    shop.out(&["apply", "-f", "reviews.yaml", "-f", "ratings.yaml", "--set", "shop"]);
    let pruned = shop.out(&["apply", "-f", "reviews.yaml", "--set", "shop", "--prune"]);
    assert_eq!(pruned, format!("{REVIEWS} unchanged\n{RATINGS} pruned\n"));
}

#[test]
fn conflict_names_who_was_there_first() {
    let shop = Shop::open();
    shop.out(&["apply", "-f", "ratings.yaml", "--set", "shop", "--author", "bo@desk"]);
    shop.put("ratings.yaml", &route("shop", "ratings", "v9"));
    let other = shop.run(&["apply", "-f", "ratings.yaml", "--set", "other"]);
    assert_eq!((other.code, other.out.as_str()), (1, ""));
    assert!(other.err.starts_with(&format!("error: {RATINGS} conflicts: ")), "{}", other.err);
    assert!(other.err.contains("bo@desk") && other.err.contains("shop"), "{}", other.err);
    let late = shop.run(&["apply", "-f", "ratings.yaml", "--expect-revision", "0"]);
    assert_eq!(late.code, 1);
    assert!(late.err.contains("bo@desk"), "{}", late.err);
    assert_eq!(
        shop.out(&["apply", "-f", "ratings.yaml", "--set", "other", "--force"]),
        format!("{RATINGS} configured\n")
    );
}

#[test]
fn deleting_says_what_is_served_instead() {
    let shop = Shop::open();
    shop.out(&["apply", "-f", "reviews.yaml", "-f", "ratings.yaml"]);
    let deleted = shop.out(&["delete", "vs", "ratings", "reviews", "-n", "shop"]);
    let line = |name: &str| format!("virtualservice.networking.istio.io \"{name}\" deleted");
    assert_eq!(
        deleted,
        format!("{}\n{}; that of files:mesh is served again\n", line("ratings"), line("reviews"))
    );
    assert_eq!(shop.host("reviews"), "v1.example");
    let missing = shop.run(&["delete", "vs/reviews", "-n", "shop"]);
    let err = "error: virtualservice.networking.istio.io \"reviews\" not found in the API's layer; it is of files:mesh: remove it there\n";
    assert_eq!(missing, Ended { code: 1, out: String::new(), err: err.into() });
    assert_eq!(shop.out(&["delete", "-f", "ratings.yaml", "--ignore-not-found"]), "");
}

#[test]
fn differences_end_with_1_and_none_with_0() {
    let shop = Shop::open();
    let differs = shop.run(&["diff", "-f", "reviews.yaml"]);
    let out = "changed VirtualService shop/reviews (files:mesh -> api over files:mesh)\n  \
               ~ spec.http[0].route[0].destination.host: \"v1.example\" -> \"v2.example\"\n";
    assert_eq!(differs, Ended { code: 1, out: out.into(), err: String::new() });
    shop.out(&["apply", "-f", "reviews.yaml"]);
    let same = shop.run(&["diff", "-f", "reviews.yaml"]);
    assert_eq!(same, Ended { code: 0, out: String::new(), err: String::new() });
    let ahead = shop.run(&["diff", "99"]);
    assert_eq!((ahead.code, ahead.out.as_str()), (2, ""), "{}", ahead.err);
}

#[test]
fn revisions_differ_by_what_was_applied_between_them() {
    let shop = Shop::open();
    shop.out(&["apply", "-f", "reviews.yaml"]);
    let yaml = shop.run(&["diff", "1", "-o", "yaml"]);
    let expected = "--- VirtualService shop/reviews (files:mesh)\n\
                    +++ VirtualService shop/reviews (api over files:mesh)\n";
    assert_eq!(yaml.code, 1, "{}", yaml.err);
    assert!(yaml.out.starts_with(expected), "{}", yaml.out);
    assert!(yaml.out.contains("\n-        host: v1.example\n+        host: v2.example\n"), "{}", yaml.out);
    let json: serde_json::Value =
        serde_json::from_str(&shop.run(&["diff", "1", "2", "-o", "json"]).out).unwrap();
    assert_eq!((json["from"].as_u64(), json["to"].as_u64()), (Some(1), Some(2)));
    assert_eq!(json["changes"][0]["edits"][0]["path"], "spec.http[0].route[0].destination.host");
    assert_eq!(shop.run(&["diff", "1", "dr"]).code, 0, "no DestinationRule changed");
}

#[test]
fn log_says_who_did_what_and_why() {
    let shop = Shop::open();
    shop.out(&["apply", "-f", "reviews.yaml", "--author", "ana@desk", "-m", "to v2"]);
    let log = shop.out(&["log", "--changes"]);
    let lines: Vec<Vec<&str>> = log.lines().map(|line| line.split_whitespace().collect()).collect();
    fn without_time<'a>(line: &[&'a str]) -> Vec<&'a str> {
        [&line[..1], &line[2..]].concat()
    }
    assert_eq!(lines[0], ["REVISION", "TIME", "AUTHOR", "SOURCES", "CAUSE", "CHANGES", "MESSAGE"]);
    assert_eq!(without_time(&lines[1]), ["2", "ana@desk", "api", "apply", "+1", "~0", "-0", "to", "v2"]);
    assert_eq!(lines[2], ["+", "VirtualService", "shop/reviews", "(api)"]);
    assert_eq!(without_time(&lines[3])[..3], ["1", "-", "files:mesh"]);
    assert_eq!(shop.out(&["log", "-N", "1", "-o", "json"]).lines().count(), 1);
    assert_eq!(shop.out(&["log", "--author", "ana@desk"]).lines().count(), 2);
}

#[test]
fn what_is_rolled_back_is_held_until_it_is_released() {
    let shop = Shop::open();
    shop.out(&["apply", "-f", "reviews.yaml"]);
    let back = shop.run(&["rollback", "vs/shop/reviews", "--to", "1", "-y"]);
    assert_eq!(back.code, 0, "{}", back.err);
    assert!(
        back.out.starts_with(
            "changed VirtualService shop/reviews (api over files:mesh -> hold over api, files:mesh)\n"
        ),
        "{}",
        back.out
    );
    assert_eq!(
        back.err,
        "revision 3: 1 resource is served as at revision 1\n\
         each is held until its source says something new of it, or until `mainsheet release`\n"
    );
    assert_eq!(shop.host("reviews"), "v1.example");
    shop.put("reviews.yaml", &route("shop", "reviews", "v2"));
    let again = shop.run(&["rollback", "vs/shop/reviews", "--to", "1", "-y"]);
    assert_eq!(again.err, "what is served is what was served at revision 1: nothing is rolled back\n");
    let released = shop.run(&["release", "vs/shop/reviews"]);
    assert_eq!((released.code, released.err.as_str()), (0, "revision 4: 1 resource is its source's again\n"));
    assert_eq!(shop.host("reviews"), "v2.example");
}

#[test]
fn apply_waits_until_the_sinks_have_taken_it() {
    let shop = Shop::open();
    let alone = shop.run(&["apply", "-f", "ratings.yaml", "--wait"]);
    assert_eq!((alone.code, alone.err.as_str()), (0, "no sink that is connected subscribes these kinds\n"));
    let watch = Started::new(&shop.folder, &["watch", "vs", "--server", &shop.served.grpc]);
    assert!(watch.line().starts_with("added   VirtualService shop/"), "it is subscribed");
    let taken = shop.run(&["apply", "-f", "reviews.yaml", "--wait=1m"]);
    let err = format!("note: {REVIEWS} hides that of files:mesh\nrevision 3: taken by 1 sink\n");
    assert_eq!((taken.code, taken.err), (0, err));
    let unseen = shop.run(&["apply", "-f", "reviews.yaml", "--wait=1m"]);
    assert_eq!((unseen.code, unseen.err.as_str()), (0, "revision 3: taken by 1 sink\n"));
}

/// A sink that takes everything but one resource.
#[tokio::test(flavor = "multi_thread")]
async fn apply_that_waits_says_who_refused_it_and_why() {
    let shop = Shop::open();
    let mut refusing = hook(|update| {
        let is_bad = update.changed.iter().any(|resource| &*resource.name == "shop/ratings");
        if is_bad { Err(Rejection::of("shop/ratings", "no such cluster")) } else { Ok(()) }
    });
    let builder = Client::builder(&shop.served.grpc, "picky");
    let mut client = builder.subscribe_kind(Kind::VIRTUAL_SERVICE, Wanted::Everything).build().unwrap();
    let metrics = client.metrics();
    let commands = async {
        while metrics.read().applied == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let commands = mainsheet_cache::blocking::spawn(move || {
            ["created", "unchanged"].map(|_| shop.run(&["apply", "-f", "ratings.yaml", "--wait=1m"]))
        });
        commands.await.unwrap()
    };
    let mut ended = None;
    client.run(&mut refusing, async { ended = Some(commands.await) }).await.unwrap();
    let refused = |done: &str| {
        Ended {
        code: 1,
        out: format!("{RATINGS} {done}\n"),
        err: "error: `picky` refused it: resource shop/ratings: no such cluster\nrevision 2: taken by 0 sinks\n".into(),
    }
    };
    assert_eq!(ended.unwrap(), ["created", "unchanged"].map(refused));
}

#[test]
fn confirming_one_source_leaves_what_is_held_of_another() {
    let names = |folder: &str| (0..20).map(|n| format!("{folder}/r{n}.yaml")).collect::<Vec<_>>();
    let files = ["mesh", "other"].map(|folder| (folder, names(folder)));
    let folder = folder(&[]);
    for (of, paths) in &files {
        for (n, path) in paths.iter().enumerate() {
            write(&folder, path, &route(of, &format!("r{n}"), "v1"));
        }
    }
    let settings = ["other", "--data-dir", "data", "--guard-mode", "stay"];
    assert_eq!(Served::start(&folder, &settings).process.end("-TERM").0, 0);
    for path in files.iter().flat_map(|(_, paths)| &paths[..15]) {
        std::fs::remove_file(folder.path().join(path)).unwrap();
    }
    let served = Served::start(&folder, &settings);
    let shop = Shop { folder, served };
    let count = |namespace: &str| shop.out(&["get", "vs", "-n", namespace, "-o", "name"]).lines().count();
    let confirm = |args: &[&str]| {
        let asked = std::iter::repeat_with(|| shop.out(&[&["confirm"], args].concat()));
        normalized(&asked.take(1000).find(|out| !out.is_empty()).expect("they are held"))
    };
    let shown = |source: &str| {
        format!(
            "SOURCE KIND HAVE GONE HELD REMAINING\n{source} VirtualService 20 15 AGE until confirmed\n\
             confirmed: 15 of 20 VirtualService of {source} are removed\n"
        )
    };
    let words = |text: &str| {
        text.lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n")
            .collect::<String>()
    };
    assert_eq!(words(&confirm(&["files:other"])), shown("files:other"));
    assert_eq!((count("mesh"), count("other")), (20, 5));
    assert_eq!(words(&confirm(&[])), shown("files:mesh"));
    assert_eq!((count("mesh"), count("other")), (5, 5));
}

#[test]
fn removals_that_are_held_are_shown_and_confirmed() {
    let files: Vec<_> =
        (0..20).map(|n| (format!("mesh/r{n}.yaml"), route("shop", &format!("r{n}"), "v1"))).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let folder = folder(&files);
    let settings = ["--data-dir", "data", "--guard-hold", "1h"];
    assert_eq!(Served::start(&folder, &settings).process.end("-TERM").0, 0);
    for (path, _) in &files[..15] {
        std::fs::remove_file(folder.path().join(path)).unwrap();
    }
    let served = Served::start(&folder, &settings);
    let shop = Shop { folder, served };
    let unknown = shop.run(&["confirm", "files:elsewhere"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (1, ""));
    assert!(unknown.err.starts_with("error: no source is called `files:elsewhere`"), "{}", unknown.err);
    // Ready is what served the last state; what is new on disk is looked at beside that.
    let confirmed = std::iter::repeat_with(|| shop.out(&["confirm"])).find(|out| !out.is_empty());
    let confirmed = normalized(&confirmed.expect("they are held"));
    let lines: Vec<String> =
        confirmed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        lines,
        [
            "SOURCE KIND HAVE GONE HELD REMAINING",
            "files:mesh VirtualService 20 15 AGE AGE",
            "confirmed: 15 of 20 VirtualService of files:mesh are removed",
        ]
    );
    let again = shop.run(&["confirm", "files:mesh"]);
    assert_eq!(again, Ended { code: 0, out: String::new(), err: "nothing is held\n".into() });
}
