//! `flexcore test PATH...`: the tests written in pipeline files.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use flexcore_engine::{pipeline::definition::TestCase, port::step::StepTypes};
use flexcore_ui::widget::safe_text::safe;
use serde_json::json;

use super::{
    DONE, FAILED,
    check::{self, counted},
    complain,
};
use crate::{
    definition::{
        FileReport, Loaded, load_paths, trial,
        variables::{self, Environment},
    },
    step,
};

/// The tests written in pipeline files.
#[derive(Debug, clap::Args)]
pub struct TestArgs {
    /// Pipeline files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Only tests with this in their name.
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    /// Prints one JSON object a test.
    #[arg(long)]
    pub json: bool,
}

/// Runs the tests and prints. Exit code: 0 all pass, 1 a test fails or a file has mistakes, 2 a path is wrong.
pub fn run(args: &TestArgs, out: &mut dyn Write) -> io::Result<i32> {
    test(args, &*step::table(), &variables::of_process, out)
}

/// The same with the step types and the environment given.
pub fn test(args: &TestArgs, types: &dyn StepTypes, env: Environment<'_>, out: &mut dyn Write) -> io::Result<i32> {
    let reports = match load_paths(&args.paths, types, env) {
        Ok(reports) => reports,
        Err(error) => return Ok(complain(&safe(&error.to_string()))),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut suite = Suite { args, types, tests: 0, failed: 0, bad_files: 0, out };
    for report in &reports {
        runtime.block_on(suite.file(report))?;
    }
    suite.end()
}

struct Suite<'a> {
    args: &'a TestArgs,
    types: &'a dyn StepTypes,
    tests: usize,
    failed: usize,
    bad_files: usize,
    out: &'a mut dyn Write,
}

impl Suite<'_> {
    async fn file(&mut self, report: &FileReport) -> io::Result<()> {
        match &report.result {
            Err(_) => {
                self.bad_files += 1;
                if self.args.json { check::as_json(report, self.out) } else { check::as_text(report, self.out) }
            }
            Ok(loaded) => {
                let only = self.args.only.as_deref().unwrap_or_default();
                for case in loaded.definition.tests.iter().filter(|case| case.name.contains(only)) {
                    self.case(report, loaded, case).await?;
                }
                Ok(())
            }
        }
    }

    async fn case(&mut self, report: &FileReport, loaded: &Loaded, case: &TestCase) -> io::Result<()> {
        let differences = trial::run(loaded, case, self.types).await;
        self.tests += 1;
        self.failed += usize::from(!differences.is_empty());
        let pipeline = &loaded.definition.name;
        if self.args.json {
            let passed = differences.is_empty();
            let path = report.path.to_string_lossy();
            let line =
                json!({"path": path, "pipeline": pipeline, "test": case.name, "passed": passed, "differences": differences});
            return writeln!(self.out, "{line}");
        }
        let verdict = if differences.is_empty() { "ok  " } else { "FAIL" };
        writeln!(self.out, "{verdict} {pipeline}: {}", safe(&case.name))?;
        differences.iter().try_for_each(|line| writeln!(self.out, "       {}", safe(line)))
    }

    fn end(self) -> io::Result<i32> {
        if !self.args.json {
            writeln!(self.out, "{}", self.summary())?;
        }
        Ok(if self.failed + self.bad_files == 0 { DONE } else { FAILED })
    }

    fn summary(&self) -> String {
        let tests = counted(self.tests, "test");
        let failed = match (self.tests, self.failed) {
            (0, _) => String::new(),
            (_, 0) => ", all passed".to_owned(),
            (_, failed) => format!(", {failed} failed"),
        };
        let bad_files = match self.bad_files {
            0 => String::new(),
            files => format!("; {} with mistakes, not tested", counted(files, "file")),
        };
        format!("{tests}{failed}{bad_files}")
    }
}
