//! What a configuration asks of the machine, for whoever checks it from outside.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::configuration::Configuration;
use crate::listen::{Validity, validity};

/// A port that is listened to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// Name of its listener.
    pub name: String,
    /// Where.
    pub at: SocketAddr,
    /// UDP instead of TCP.
    pub datagrams: bool,
}

/// A certificate that the configuration names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    /// Its file.
    pub path: PathBuf,
    /// Whether it is one of an authority that clients' certificates come from.
    pub authority: bool,
    /// From when until when it holds, if that can be read.
    pub valid: Option<(hinomi_model::Timestamp, hinomi_model::Timestamp)>,
    /// DNS names and addresses in it.
    pub names: Vec<String>,
}

/// What a configuration asks of the machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inspection {
    /// Where health and figures are.
    pub admin: SocketAddr,
    /// All ports.
    pub endpoints: Vec<Endpoint>,
    /// Certificates that can be read: each first one of a chain, and all authorities.
    pub certificates: Vec<Certificate>,
}

impl Configuration {
    /// What it asks of the machine. Files that cannot be read are left out; [`Configuration::check_files`] names them.
    pub fn inspect(&self) -> Inspection {
        let mut endpoints = Vec::new();
        let mut certificates = Vec::new();
        for listen in self.listen.iter().map(toml::Spanned::as_ref) {
            for protocol in &listen.receive {
                let datagrams = protocol.is_datagram();
                endpoints.push(Endpoint { name: listen.name.clone(), at: listen.at, datagrams });
            }
            let Some(tls) = &listen.tls else { continue };
            let files = [(Some(&tls.certificate), false), (tls.clients.as_ref(), true)];
            for (path, authority) in files.into_iter().filter_map(|(path, is)| Some((path?, is))) {
                let all = validity(path).unwrap_or_default().into_iter();
                let all = all.take(if authority { usize::MAX } else { 1 });
                certificates.extend(all.map(|Validity { valid, names }| {
                    let path = path.clone();
                    Certificate { path, authority, valid, names }
                }));
            }
        }
        if let Some(pages) = self.pages() {
            endpoints.push(Endpoint { name: "pages".to_owned(), at: pages.at.at, datagrams: false });
            let path = pages.tls.map(|(certificate, _)| certificate);
            let first = path.and_then(|path| Some((validity(&path).ok()?.into_iter().next()?, path)));
            certificates.extend(first.map(|(Validity { valid, names }, path)| Certificate {
                path,
                authority: false,
                valid,
                names,
            }));
        }
        Inspection { admin: self.admin.as_ref().at, endpoints, certificates }
    }
}
