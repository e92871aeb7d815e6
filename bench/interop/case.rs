//! A scenario with the tools that it is run with: one of `istiod` runs once with each line.

use mainsheet_bench::process::now;

use crate::{
    scenario::{ALL, Scenario},
    tools::{LINES, Tools},
};

/// What is run.
pub(crate) struct Case {
    /// The claim.
    pub(crate) scenario: &'static Scenario,
    name: String,
    tools: Tools,
}

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The claim is true.
    Passed,
    /// It is not.
    Failed,
    /// A tool is not installed.
    Skipped,
}

/// The cases whose names contain `filter`.
pub(crate) fn cases(tools: &Tools, filter: &str) -> Vec<Case> {
    let mut cases: Vec<_> = ALL.iter().flat_map(|scenario| of_scenario(scenario, tools)).collect();
    cases.retain(|case| case.name.contains(filter));
    cases
}

fn of_scenario(scenario: &'static Scenario, tools: &Tools) -> Vec<Case> {
    if !scenario.needs.contains(&LINES[0]) {
        return vec![Case { scenario, name: scenario.name.to_owned(), tools: tools.clone() }];
    }
    let of_line = |line| Case { scenario, name: format!("{}/{line}", scenario.name), tools: tools.of(line) };
    LINES.into_iter().map(of_line).collect()
}

impl Case {
    /// Runs it, and says how it ended.
    pub(crate) async fn run(&self) -> End {
        let name = &self.name;
        if let Some(missing) = self.scenario.needs.iter().find(|tool| !self.tools.has(tool)) {
            println!("skipped {name}: {missing} is not installed");
            return End::Skipped;
        }
        let start = now();
        match (self.scenario.run)(&self.tools).await {
            Ok(notes) => {
                println!("passed  {name} ({:.1} s)", start.elapsed().as_secs_f32());
                notes.iter().for_each(|note| println!("          {note}"));
                End::Passed
            }
            Err(error) => {
                println!("FAILED  {name}: {error:#}");
                End::Failed
            }
        }
    }
}
