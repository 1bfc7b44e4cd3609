//! `hinomi man` and `hinomi completions`.

use std::fs;
use std::io;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use super::print;
use crate::args::{Cli, Lang};
use crate::exit::{Exit, Failure};
use crate::japanese;
use crate::render;

/// All commands, whose names hold those above them, in a language.
fn all(lang: Lang) -> Command {
    let mut all = Cli::command().disable_help_subcommand(true);
    all.build();
    if lang == Lang::Ja { japanese::in_japanese(all) } else { all }
}

/// The manual page of a command, or those of all.
pub(super) fn man(of: &[String], out: Option<&Path>, lang: Option<Lang>) -> Result<Exit, Failure> {
    let lang = lang.unwrap_or_else(Lang::of_environment);
    let all = all(lang);
    if let Some(folder) = out {
        let failed = |e: io::Error| Failure::new(Exit::Usage, format!("--out {}: {e}", folder.display()));
        fs::create_dir_all(folder).and_then(|()| pages(&all, folder, lang)).map_err(failed)?;
        return Ok(Exit::Clean);
    }
    let mut command = &all;
    for name in of {
        command = command.find_subcommand(name).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("{name}: no such command"))
                .hint("hinomi --help lists the commands")
        })?;
    }
    print(&page(&Man::new(command.clone()), lang).map_err(|e| Failure::new(Exit::Internal, e))?)
}

fn pages(command: &Command, folder: &Path, lang: Lang) -> io::Result<()> {
    for one in command.get_subcommands().filter(|one| !one.is_hide_set()) {
        pages(one, folder, lang)?;
    }
    let man = Man::new(command.clone());
    let page = page(&man, lang)?;
    render::to_file(&folder.join(man.get_filename()), |out| out.write_all(&page))
}

fn page(man: &Man, lang: Lang) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    man.render(&mut page)?;
    Ok(match lang {
        Lang::En => page,
        Lang::Ja => japanese::manual(&String::from_utf8_lossy(&page)).into_bytes(),
    })
}

/// Completions of a shell, which show what options are for.
pub(super) fn completions(shell: Shell, lang: Option<Lang>) -> Result<Exit, Failure> {
    let lang = lang.unwrap_or_else(Lang::of_environment);
    let mut script = Vec::new();
    let mut all = Cli::command();
    all.build();
    let mut all = if lang == Lang::Ja { japanese::in_japanese(all) } else { all };
    clap_complete::generate(shell, &mut all, "hinomi", &mut script);
    print(&script)
}
