//! What clients of `_bulk` ask before they send: who is there, its licence, templates, policies, health.
//!
//! Nothing that they set up is kept: templates and policies say how to index, and records are kept as they come.

use crate::http::{Request, Response};

/// A header that newer clients insist on.
const PRODUCT: (&str, &str) = ("x-elastic-product", "Elasticsearch");

pub(super) fn json(status: u16, body: impl Into<Vec<u8>>) -> Response {
    Response::json(status, body).with(PRODUCT.0, PRODUCT.1)
}

pub(super) fn error(status: u16, why: &str) -> Response {
    let kind = match status {
        400 => "parse_exception",
        401 => "security_exception",
        404 => "index_not_found_exception",
        429 => "es_rejected_execution_exception",
        _ => "unavailable_shards_exception",
    };
    let cause = format!("{{\"type\":\"{kind}\",\"reason\":\"{why}\"}}");
    let body = format!(
        "{{\"error\":{{\"root_cause\":[{cause}],\"type\":\"{kind}\",\"reason\":\"{why}\"}},\"status\":{status}}}"
    );
    json(status, body)
}

/// Names below which clients set something up, or look whether it is there.
const KEPT_BY_NOBODY: [&str; 8] = [
    "_ilm",
    "_index_template",
    "_component_template",
    "_template",
    "_data_stream",
    "_ingest",
    "_alias",
    "_security",
];

pub(super) fn answer(request: &Request, version: &str) -> Response {
    let path = request.path.trim_matches('/');
    let first = path.split('/').next().unwrap_or_default();
    match (request.method.as_str(), path) {
        ("GET" | "HEAD", "") => json(200, introduction(version)),
        ("GET" | "HEAD", "_license") => json(200, LICENCE),
        ("GET" | "HEAD", "_xpack") => json(200, FEATURES),
        ("GET" | "HEAD", "_cluster/health") => json(200, HEALTH),
        ("GET" | "HEAD", path) if path.starts_with("_cat/") => {
            Response::text(200, "green\n").with(PRODUCT.0, PRODUCT.1)
        }
        ("GET" | "HEAD", path) if path.starts_with("_nodes") => json(
            200,
            "{\"_nodes\":{\"total\":1,\"successful\":1,\"failed\":0},\"cluster_name\":\"hinomi\",\"nodes\":{}}",
        ),
        ("PUT" | "POST" | "DELETE", _) if KEPT_BY_NOBODY.contains(&first) => {
            json(200, "{\"acknowledged\":true}")
        }
        ("GET" | "HEAD", _) if KEPT_BY_NOBODY.contains(&first) => json(200, "{}"),
        _ => error(404, "records can be sent to _bulk, and cannot be asked for here"),
    }
}

fn introduction(version: &str) -> String {
    format!(
        "{{\"name\":\"hinomi\",\"cluster_name\":\"hinomi\",\"cluster_uuid\":\"hinomi\",\"version\":{{\"number\":\"{version}\",\
         \"build_flavor\":\"default\",\"build_type\":\"tar\",\"build_hash\":\"0\",\"build_snapshot\":false,\
         \"lucene_version\":\"9.0.0\",\"minimum_wire_compatibility_version\":\"7.17.0\",\
         \"minimum_index_compatibility_version\":\"7.0.0\"}},\"tagline\":\"You Know, for Search\"}}"
    )
}

const LICENCE: &str = "{\"license\":{\"status\":\"active\",\"uid\":\"hinomi\",\"type\":\"basic\",\"issued_to\":\"hinomi\",\"issuer\":\"hinomi\"}}";
const FEATURES: &str = "{\"build\":{},\"license\":{\"uid\":\"hinomi\",\"type\":\"basic\",\"mode\":\"basic\",\"status\":\"active\"},\
    \"features\":{\"ilm\":{\"available\":true,\"enabled\":true},\"security\":{\"available\":true,\"enabled\":true}}}";
const HEALTH: &str = "{\"cluster_name\":\"hinomi\",\"status\":\"green\",\"timed_out\":false,\"number_of_nodes\":1,\
    \"number_of_data_nodes\":1,\"active_primary_shards\":1,\"active_shards\":1,\"unassigned_shards\":0}";
