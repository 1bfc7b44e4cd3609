//! `hinomi scenario`.

use std::path::Path;

use hinomi_scenario::{Truth, render};

use super::{in_language, print};
use crate::args::{RenderArgs, Scenario};
use crate::exit::{Exit, Failure};
use crate::render::to_file;
use crate::staging::{BUNDLED_SCENARIOS, FolderSink, Recordings, load_scenario};

pub(super) fn run(verb: Scenario) -> Result<Exit, Failure> {
    match verb {
        Scenario::List => list(),
        Scenario::Render(args) => render_to(&args),
    }
}

fn list() -> Result<Exit, Failure> {
    let mut text = String::new();
    for (name, _) in BUNDLED_SCENARIOS {
        // Organisations and formats live in folders.
        let Some(case) = name.strip_suffix(".yaml").filter(|n| !n.contains('/')) else { continue };
        let library = load_scenario(case)?;
        let (en, ja) = library.title();
        text.push_str(&format!("{case}\t{en}\t{ja}\n"));
    }
    print(text.as_bytes())
}

fn render_to(args: &RenderArgs) -> Result<Exit, Failure> {
    let library = load_scenario(&args.scenario)?;
    let mut sink = FolderSink::new(&args.out)?;
    let mut recordings = Recordings::new(args.recordings.clone())?;
    let truth = render(&library, &args.shape.request(), &mut recordings, &mut sink)
        .map_err(|e| Failure::new(Exit::Unreadable, e))?;
    let path = args.out.join("truth.json");
    write_truth(&path, &truth)?;
    let seen = truth.steps.iter().filter(|s| s.visible).count();
    let text = format!(
        "{}: {} lines, {} bytes, {} files, {} hosts, {} days; {} of {} steps and twins leave a trace; truth in {}\n",
        truth.scenario,
        truth.events,
        truth.bytes,
        truth.files.len(),
        truth.hosts.len(),
        truth.days,
        seen,
        truth.steps.len(),
        path.display()
    );
    print(in_language(text, None).as_bytes())
}

fn write_truth(path: &Path, truth: &Truth) -> Result<(), Failure> {
    let written = to_file(path, |out| {
        serde_json::to_writer_pretty(&mut *out, truth)?;
        out.write_all(b"\n")
    });
    written.map_err(|e| Failure::new(Exit::Usage, format!("{}: {e}", path.display())))
}
