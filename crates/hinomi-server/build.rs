//! Lists the files of the pages, if they were built, so that they become part of the program.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Most files, and bytes of one: more is a mistake.
const MOST: usize = 500;
const LARGEST: u64 = 8 << 20;

fn main() -> io::Result<()> {
    let base = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let dist = base.join("../../ui/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = Vec::new();
    if dist.is_dir() {
        below(&dist, &mut files)?;
    }
    files.sort();
    let mut table = "&[\n".to_owned();
    for file in &files {
        let inside = file.strip_prefix(&dist).map_err(io::Error::other)?;
        let name = format!("/{}", inside.to_string_lossy().replace('\\', "/"));
        let path = file.canonicalize()?;
        table.push_str(&format!("    ({name:?}, include_bytes!({:?})),\n", path.to_string_lossy()));
    }
    table.push_str("]\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("pages.rs");
    let mut target = fs::OpenOptions::new().write(true).create(true).truncate(true).open(out)?;
    io::Write::write_all(&mut target, table.as_bytes())
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let found = entry.file_type()?;
        if found.is_dir() {
            below(&entry.path(), files)?;
        } else if found.is_file() {
            if files.len() >= MOST || entry.metadata()?.len() > LARGEST {
                return Err(io::Error::other("ui/dist has more than pages are"));
            }
            files.push(entry.path());
        }
    }
    Ok(())
}
