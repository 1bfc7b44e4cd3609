//! `hinomi inventory`.

use std::io;

use hinomi_assure::inventory::Formats;
use hinomi_server::ServerError;
use hinomi_server::directory::Directory;
use hinomi_server::listen::trusted_roots;

use super::trust::server_failure;
use crate::args::{InventoryVerb, Ldap};
use crate::clock;
use crate::exit::{Exit, Failure};
use crate::render;

/// Bytes of a password.
const LONGEST_PASSWORD: usize = 4096;

pub(super) fn run(verb: InventoryVerb) -> Result<Exit, Failure> {
    match verb {
        InventoryVerb::Ldap(args) => ldap(&args),
    }
}

fn ldap(args: &Ldap) -> Result<Exit, Failure> {
    let formats = Formats::bundled().map_err(|e| Failure::new(Exit::Internal, e))?;
    let roots = trusted_roots(&args.ca).map_err(failure)?;
    let password = password(args)?;
    let mut directory = Directory::bind(&args.url, roots, &args.bind, &password).map_err(failure)?;
    let (now, attributes) = (clock::now(), formats.directory_attributes());
    let mut result = Ok(hinomi_server::directory::Exported::default());
    let written = render::to_file(&args.output, |out| {
        writeln!(out, "version: 1\n# exported: {now}\n")?;
        result = directory.export(args.base.as_deref(), &attributes, out);
        // A part of a directory must not pass for the whole: without success no file appears.
        result.as_ref().map(|_| ()).map_err(|e| io::Error::other(e.to_string()))
    });
    let exported = result.map_err(failure)?;
    written.map_err(|e| Failure::new(Exit::Usage, format!("{}: {e}", args.output.display())))?;
    let referred = match exported.referrals {
        0 => String::new(),
        n => format!("; {n} parts that other servers hold were not asked"),
    };
    let text = format!("{}: {} entries{referred}\n", args.output.display(), exported.entries);
    super::print(super::in_language(text, None).as_bytes())
}

fn password(args: &Ldap) -> Result<zeroize::Zeroizing<Vec<u8>>, Failure> {
    let unusable = |what: String| {
        Failure::new(Exit::Usage, format!("--password-file {}: {what}", args.password_file.display()))
    };
    let read = std::fs::read(&args.password_file).map_err(|e| unusable(e.to_string()))?;
    let mut password = zeroize::Zeroizing::new(read);
    while password.last().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
        password.pop();
    }
    match password.len() {
        0 => Err(unusable("it is empty".to_owned())),
        n if n > LONGEST_PASSWORD => Err(unusable("longer than a password is".to_owned())),
        _ => Ok(password),
    }
}

fn failure(error: ServerError) -> Failure {
    let is_tls = matches!(error, ServerError::Tls { .. });
    let failure = server_failure(error);
    if is_tls {
        return failure.hint(
            "--ca takes the certificate of the authority that issued the directory's; the URL must name the host as it does",
        );
    }
    failure
}
