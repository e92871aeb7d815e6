//! Every target takes ten thousand inputs, and is known wherever it has to be.

use std::{collections::BTreeSet, fs, path::Path};

use mainsheet_bench::fuzz::{TARGETS, Target};

fn takes_generated_inputs(name: &str) {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    Target::named(name).unwrap().run_generated(10_000, dir).unwrap();
}

/// A test each, so that they run beside each other, and a failure names its target.
macro_rules! targets {
    ($($name:ident)+) => {
        $(#[test]
        fn $name() {
            takes_generated_inputs(stringify!($name));
        })+

        const TRIED: &[&str] = &[$(stringify!($name)),+];
    };
}

targets! { documents requests responses records configuration annotations rules }

#[test]
fn every_target_is_tried_and_has_a_binary() {
    let targets: BTreeSet<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(TRIED.iter().map(ToString::to_string).collect::<BTreeSet<_>>(), targets);
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/fuzz");
    let manifest = fs::read_to_string(package.join("Cargo.toml")).unwrap();
    let mut binaries = BTreeSet::new();
    for section in manifest.split("[[bin]]\n").skip(1) {
        let name = section.split('"').nth(1).unwrap();
        assert!(section.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{section}");
        let source = fs::read_to_string(package.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(source.contains(&format!("fuzz::run(\"{name}\", input)")), "{source}");
        binaries.insert(name.to_owned());
    }
    assert_eq!(binaries, targets);
}

#[test]
fn seeds_are_inputs_that_are_right() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(seeds.len() >= 5, "{} has {} seeds", target.name, seeds.len());
        seeds.iter().for_each(|seed| (target.run)(seed));
    }
}
